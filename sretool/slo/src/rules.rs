//! Recording and alerting rules of objectives.
//!
//! Groups, names and labels are sloth's, so that dashboards made for sloth work. The expressions differ where sloth's
//! mislead: the period's ratio weights events instead of averaging ratios, an idle window yields nothing instead of
//! NaN, a missing error series counts as no errors, and one stray error of a quiet service cannot page.

mod alerts;
mod expressions;
mod recordings;
mod yaml;

use crate::catalog::Slo;
use crate::windows::BurnWindows;
use std::collections::BTreeMap;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Recording rules.
    pub recordings: bool,
    /// Alerting rules.
    pub alerts: bool,
    /// Burn-rate conditions.
    pub burn: BurnWindows,
    /// Version of the program, for the label `sloth_version`.
    pub version: String,
}

/// A rule file.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFile {
    /// The groups.
    pub groups: Vec<RuleGroup>,
}

/// A group of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// Name, unique in a file.
    pub name: String,
    /// The rules, in order of evaluation.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it makes.
    pub action: Action,
    /// The expression.
    pub expr: String,
    /// Labels that it sets.
    pub labels: BTreeMap<String, String>,
}

/// What a rule makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A series of this name.
    Record(String),
    /// An alert.
    Alert {
        /// Its name.
        name: String,
        /// How long its expression must hold, as a Prometheus duration.
        hold: String,
        /// Texts for people.
        annotations: BTreeMap<String, String>,
    },
}

/// Generates the rules of objectives, three groups each, in order.
pub fn generate(slos: &[Slo], options: &Options) -> RuleFile {
    let mut groups = Vec::new();
    for slo in slos {
        if options.recordings {
            groups.push(recordings::sli(slo, options));
            groups.push(recordings::meta(slo, options));
        }
        if options.alerts {
            groups.push(alerts::group(slo, options));
        }
    }
    RuleFile { groups }
}

/// The labels that identify an SLO.
fn identity(slo: &Slo) -> [(&'static str, &str); 3] {
    [("sloth_id", &slo.id), ("sloth_service", &slo.service), ("sloth_slo", &slo.name)]
}

/// The labels of a recorded series: the SLO's own, which cannot replace its identity.
fn labels(slo: &Slo) -> BTreeMap<String, String> {
    let own = slo.labels.iter().map(|(key, values)| (label_name(key), values.join(",")));
    let identity = identity(slo).map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.chain(identity).collect()
}

/// OpenSLO allows dots and hyphens in label names, Prometheus 2 does not.
fn label_name(key: &str) -> String {
    let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests;
