//! Recording and alerting rules of objectives.
//!
//! Groups, names and labels are sloth's, so that dashboards made for sloth work. The expressions differ where sloth's
//! mislead: the period's ratio weights events instead of averaging ratios, an idle window yields nothing instead of
//! NaN, a missing error series counts as no errors, and one stray error of a quiet service cannot page.

pub(crate) mod alerts;
mod drop_in;
pub(crate) mod expressions;
pub(crate) mod recordings;
mod rollouts;
pub(crate) mod yaml;

use crate::catalog::Slo;
use crate::duration::Window;
use crate::model::Origin;
use crate::windows::{AlertWindows, BurnWindows};
use std::borrow::Cow;
use std::collections::BTreeMap;

pub use rollouts::analysis_template;
pub use yaml::Manifest;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Recording rules.
    pub recordings: bool,
    /// Alerting rules.
    pub alerts: bool,
    /// Burn-rate conditions.
    pub burn: BurnWindows,
    /// Conditions that replace those for objectives of their period; sloth's own rules are made of these alone.
    pub by_period: Vec<AlertWindows>,
    /// Which objectives get sloth's own rules.
    pub style: Style,
    /// Labels of every series and alert.
    pub extra_labels: Vec<(String, String)>,
    /// Version of the program, for the label `sloth_version`.
    pub version: String,
}

/// Which rules an objective gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Sloth's own where it was written for sloth, exact ones otherwise.
    #[default]
    AsWritten,
    /// Exact ones.
    Exact,
    /// Sloth's own.
    Sloth,
}

impl Options {
    /// Everything, with the workbook's conditions.
    pub fn new(version: &str) -> Self {
        Self {
            recordings: true,
            alerts: true,
            burn: BurnWindows::workbook(),
            by_period: Vec::new(),
            style: Style::AsWritten,
            extra_labels: Vec::new(),
            version: version.to_owned(),
        }
    }

    /// The conditions for objectives of a period.
    pub fn burn_for(&self, period: Window) -> Cow<'_, BurnWindows> {
        match self.by_period.iter().find(|windows| windows.period == period) {
            Some(windows) => Cow::Owned(windows.guarded(&self.burn)),
            None => Cow::Borrowed(&self.burn),
        }
    }
}

/// Why no rules can be made of an objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Sloth's windows are made for one period.
    #[error("{id}: sloth has no alert windows for a period of {period}; give a folder with them (--windows)")]
    NoWindows {
        /// The objective.
        id: String,
        /// Its period.
        period: Window,
    },
    /// Sloth has no such objectives.
    #[error("{id}: sloth's rules cannot express {what}; generate exact ones (--exact)")]
    NotSloth {
        /// The objective.
        id: String,
        /// What it has that sloth has not.
        what: &'static str,
    },
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
    /// How often it is evaluated; the server's default where there is none.
    pub interval: Option<Window>,
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
        /// How long its expression must hold.
        hold: Option<Window>,
        /// How long it keeps firing after its expression has ended.
        keep_firing: Option<Window>,
        /// Texts for people.
        annotations: BTreeMap<String, String>,
    },
}

impl Rule {
    /// Name of the series or of the alert.
    pub fn name(&self) -> &str {
        match &self.action {
            Action::Record(name) | Action::Alert { name, .. } => name,
        }
    }
}

/// Generates the rules of objectives, up to three groups each, in order.
///
/// # Errors
/// When sloth's own rules are asked for where there are none.
pub fn generate(slos: &[Slo], options: &Options) -> Result<RuleFile, GenerateError> {
    let mut groups = Vec::new();
    for slo in slos {
        match (&slo.origin, options.style) {
            (Origin::Sloth(own), Style::AsWritten | Style::Sloth) => {
                groups.extend(drop_in::groups(own, &windows(slo, options)?, options));
            }
            (_, Style::Sloth) => {
                let own = drop_in::from_exact(slo)?;
                groups.extend(drop_in::groups(&own, &windows(slo, options)?, options));
            }
            _ => exact(slo, options, &mut groups),
        }
    }
    Ok(RuleFile { groups })
}

/// Sloth's windows for the period of an objective.
fn windows(slo: &Slo, options: &Options) -> Result<AlertWindows, GenerateError> {
    let built_in = AlertWindows::built_in();
    let mut all = options.by_period.iter().chain(&built_in);
    let found = all.find(|windows| windows.period == slo.period).cloned();
    found.ok_or_else(|| GenerateError::NoWindows { id: slo.id.clone(), period: slo.period })
}

/// Sloth's windows for the period of an objective, where there are some.
pub(crate) fn drop_in_windows(slo: &Slo, options: &Options) -> Option<AlertWindows> {
    windows(slo, options).ok()
}

/// The labels of an objective's recorded series, but for the window.
pub(crate) fn recorded_labels(slo: &Slo, options: &Options, drop_in: bool) -> BTreeMap<String, String> {
    match &slo.origin {
        Origin::Sloth(own) if drop_in => {
            let mut labels: BTreeMap<_, _> =
                identity(slo).map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            labels.extend(own.labels.clone());
            labels.extend(options.extra_labels.iter().cloned());
            labels
        }
        _ => labels(slo, options),
    }
}

fn exact(slo: &Slo, options: &Options, groups: &mut Vec<RuleGroup>) {
    if options.recordings {
        groups.push(recordings::sli(slo, options));
        groups.push(recordings::meta(slo, options));
    }
    if options.alerts {
        groups.push(alerts::group(slo, options));
    }
}

/// What Alertmanager needs so that a page silences the ticket of the same objective, and of the same group where
/// objectives are grouped by labels.
pub fn inhibition(slos: &[Slo]) -> String {
    let mut equal: Vec<&str> = slos.iter().flat_map(|slo| slo.group_by.iter().map(String::as_str)).collect();
    equal.sort_unstable();
    equal.dedup();
    equal.insert(0, "sloth_id");
    format!(
        "# Generated by `sretool slo inhibition`. These items belong under `inhibit_rules` of Alertmanager's\n\
         # configuration: while somebody is paged, the tickets of the same objective say nothing new.\n\
         inhibit_rules:\n\
         - source_matchers:\n    - sloth_severity = \"page\"\n  target_matchers:\n    - sloth_severity = \"ticket\"\n  \
         equal: [{}]\n",
        equal.join(", ")
    )
}

/// The labels that identify an SLO.
fn identity(slo: &Slo) -> [(&'static str, &str); 3] {
    [("sloth_id", &slo.id), ("sloth_service", &slo.service), ("sloth_slo", &slo.name)]
}

/// The labels of a recorded series: those of the command line and the SLO's own, which cannot replace its identity.
fn labels(slo: &Slo, options: &Options) -> BTreeMap<String, String> {
    let own = slo.labels.iter().map(|(key, values)| (label_name(key), values.join(",")));
    let identity = identity(slo).map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.chain(options.extra_labels.iter().cloned()).chain(identity).collect()
}

/// The decimal that was meant, without zeros at its end.
fn number(decimal: &str) -> &str {
    decimal.trim_end_matches('0').trim_end_matches('.')
}

/// OpenSLO allows dots and hyphens in label names, Prometheus 2 does not.
fn label_name(key: &str) -> String {
    let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests;
