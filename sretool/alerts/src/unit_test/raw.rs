//! The YAML of test files.

use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub rule_files: Option<Vec<String>>,
    pub evaluation_interval: Option<Spanned<String>>,
    #[serde(default)]
    pub group_eval_order: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub fuzzy_compare: bool,
    #[serde(default)]
    pub tests: Option<Vec<Spanned<RawTest>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTest {
    pub name: Option<String>,
    pub interval: Option<Spanned<String>>,
    pub start_timestamp: Option<Spanned<String>>,
    pub external_labels: Option<BTreeMap<String, String>>,
    pub external_url: Option<String>,
    pub input_series: Option<Vec<RawSeries>>,
    pub alert_rule_test: Option<Vec<Spanned<RawAlert>>>,
    pub promql_expr_test: Option<Vec<Spanned<RawExpr>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSeries {
    pub series: Spanned<String>,
    pub values: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlert {
    pub eval_time: Option<Spanned<String>>,
    #[serde(default)]
    pub alertname: String,
    #[serde(default)]
    pub exp_alerts: Option<Vec<RawExpectedAlert>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExpectedAlert {
    pub exp_labels: Option<BTreeMap<String, String>>,
    pub exp_annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpr {
    pub expr: String,
    pub eval_time: Option<Spanned<String>>,
    #[serde(default)]
    pub exp_samples: Option<Vec<RawSample>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSample {
    #[serde(default)]
    pub labels: String,
    #[serde(default)]
    pub value: Option<String>,
    #[serde(default)]
    pub histogram: Option<String>,
}
