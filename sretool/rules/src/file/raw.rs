//! The YAML of rule files, with the place of every value that a message may point at.

use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::HashMap;

/// Names with their texts; repeated names are an error of the YAML reader.
pub(super) type RawTexts = HashMap<Spanned<String>, Spanned<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub groups: Option<Vec<RawGroup>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    pub name: Spanned<String>,
    pub interval: Option<Spanned<String>>,
    pub limit: Option<i64>,
    pub query_offset: Option<Spanned<String>>,
    #[serde(default)]
    pub labels: Option<RawTexts>,
    pub rules: Option<Vec<Spanned<RawRule>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub record: Option<Spanned<String>>,
    pub alert: Option<Spanned<String>>,
    pub expr: Option<Spanned<String>>,
    #[serde(rename = "for")]
    pub hold: Option<Spanned<String>>,
    pub keep_firing_for: Option<Spanned<String>>,
    #[serde(default)]
    pub labels: Option<RawTexts>,
    #[serde(default)]
    pub annotations: Option<RawTexts>,
}
