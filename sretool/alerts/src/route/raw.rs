//! The YAML of an Alertmanager's configuration; what routing does not need is only skipped over.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

type Texts = BTreeMap<String, Spanned<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(rename = "global", default)]
    pub _global: Option<IgnoredAny>,
    #[serde(rename = "templates", default)]
    pub _templates: Option<IgnoredAny>,
    pub route: Option<Spanned<RawRoute>>,
    #[serde(default)]
    pub receivers: Option<Vec<RawReceiver>>,
    #[serde(default)]
    pub inhibit_rules: Option<Vec<Spanned<RawInhibit>>>,
    #[serde(default)]
    pub time_intervals: Option<Vec<RawIntervals>>,
    #[serde(default)]
    pub mute_time_intervals: Option<Vec<RawIntervals>>,
}

/// What a receiver does is `amtool check-config`'s to check.
#[derive(Debug, Deserialize)]
pub(super) struct RawReceiver {
    pub name: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRoute {
    pub receiver: Option<Spanned<String>>,
    pub group_by: Option<Vec<Spanned<String>>>,
    #[serde(rename = "match")]
    pub equal: Option<Texts>,
    pub match_re: Option<Texts>,
    pub matchers: Option<Vec<Spanned<String>>>,
    #[serde(rename = "continue")]
    pub proceed: bool,
    pub group_wait: Option<Spanned<String>>,
    pub group_interval: Option<Spanned<String>>,
    pub repeat_interval: Option<Spanned<String>>,
    pub mute_time_intervals: Option<Vec<Spanned<String>>>,
    pub active_time_intervals: Option<Vec<Spanned<String>>>,
    pub routes: Option<Vec<Spanned<RawRoute>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawInhibit {
    #[serde(rename = "name")]
    pub _name: Option<String>,
    pub source_match: Option<Texts>,
    pub source_match_re: Option<Texts>,
    pub source_matchers: Option<Vec<Spanned<String>>>,
    pub target_match: Option<Texts>,
    pub target_match_re: Option<Texts>,
    pub target_matchers: Option<Vec<Spanned<String>>>,
    pub equal: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIntervals {
    pub name: Spanned<String>,
    #[serde(default)]
    pub time_intervals: Option<Vec<RawInterval>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawInterval {
    pub times: Option<Vec<RawTimes>>,
    pub weekdays: Option<Vec<Spanned<String>>>,
    pub days_of_month: Option<Vec<Spanned<String>>>,
    pub months: Option<Vec<Spanned<String>>>,
    pub years: Option<Vec<Spanned<String>>>,
    pub location: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTimes {
    pub start_time: Spanned<String>,
    pub end_time: Spanned<String>,
}
