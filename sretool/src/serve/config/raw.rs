//! The YAML of the configuration, with the place of every value that a message may point at. Keys that are not here
//! are refused: a setting that has no effect is worse than none.

use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

type Text = Option<Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub global: Option<RawGlobal>,
    pub rule_files: Option<Vec<String>>,
    pub scrape_configs: Option<Vec<RawScrape>>,
    pub alerting: Option<RawAlerting>,
    pub storage: Option<RawStorage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGlobal {
    pub scrape_interval: Text,
    pub scrape_timeout: Text,
    pub evaluation_interval: Text,
    pub external_labels: Option<BTreeMap<String, String>>,
    pub body_size_limit: Text,
    pub sample_limit: Option<usize>,
    pub label_limit: Option<usize>,
    pub label_name_length_limit: Option<usize>,
    pub label_value_length_limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScrape {
    pub job_name: Spanned<String>,
    pub scrape_interval: Text,
    pub scrape_timeout: Text,
    pub metrics_path: Option<String>,
    pub scheme: Text,
    pub params: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    pub honor_labels: bool,
    pub honor_timestamps: Option<bool>,
    #[serde(default)]
    pub track_timestamps_staleness: bool,
    pub body_size_limit: Text,
    pub sample_limit: Option<usize>,
    pub target_limit: Option<usize>,
    pub label_limit: Option<usize>,
    pub label_name_length_limit: Option<usize>,
    pub label_value_length_limit: Option<usize>,
    pub basic_auth: Option<RawBasicAuth>,
    pub authorization: Option<RawAuthorization>,
    pub static_configs: Option<Vec<RawStatic>>,
    pub relabel_configs: Option<Vec<RawRelabel>>,
    pub metric_relabel_configs: Option<Vec<RawRelabel>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStatic {
    pub targets: Option<Vec<Spanned<String>>>,
    pub labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelabel {
    pub source_labels: Option<Vec<String>>,
    pub separator: Option<String>,
    pub regex: Text,
    pub target_label: Option<String>,
    pub replacement: Option<String>,
    pub action: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBasicAuth {
    pub username: String,
    pub password: Option<String>,
    pub password_file: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthorization {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub credentials: Option<String>,
    pub credentials_file: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlerting {
    pub alertmanagers: Option<Vec<RawAlertmanager>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlertmanager {
    pub scheme: Option<String>,
    pub path_prefix: Option<String>,
    pub static_configs: Option<Vec<RawStatic>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorage {
    pub tsdb: Option<RawTsdb>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTsdb {
    pub out_of_order_time_window: Text,
}
