//! Rule files in memory.

use crate::template::Template;
use promql::Expr;

/// A rule file that was found to be valid.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFile {
    /// Name that people know it by, usually its path.
    pub name: String,
    /// Groups in the file's order.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated together, in order, at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Name, unique within its file.
    pub name: String,
    /// File that it was read from.
    pub file: String,
    /// Line on which it begins.
    pub line: usize,
    /// Time between evaluations in ms, where it differs from the server's.
    pub interval_ms: Option<i64>,
    /// Most series or alerts that one rule may yield; 0 is no limit.
    pub limit: usize,
    /// How far in the past the rules look, in ms.
    pub query_offset_ms: Option<i64>,
    /// Rules in order of evaluation.
    pub rules: Vec<Rule>,
}

/// A recording or an alerting rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it produces.
    pub kind: RuleKind,
    /// Expression.
    pub expr: Expr,
    /// Expression as written.
    pub expr_text: String,
    /// Labels that it sets, sorted by name, the group's among them.
    pub labels: Vec<(String, Template)>,
    /// Line on which it begins.
    pub line: usize,
    /// Line and column of the expression.
    pub expr_position: (usize, usize),
}

/// What a rule produces.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// A series of the given name.
    Recording {
        /// `record`
        record: String,
    },
    /// An alert.
    Alerting(AlertingRule),
}

/// What only an alerting rule has.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertingRule {
    /// `alert`: its name.
    pub alert: String,
    /// `for`: how long the expression must hold before it fires, in ms.
    pub for_ms: i64,
    /// How long it goes on firing after the expression stopped holding, in ms.
    pub keep_firing_for_ms: i64,
    /// Annotations, sorted by name.
    pub annotations: Vec<(String, Template)>,
}

impl Rule {
    /// Name of the series or of the alert.
    pub fn name(&self) -> &str {
        match &self.kind {
            RuleKind::Recording { record } => record,
            RuleKind::Alerting(alerting) => &alerting.alert,
        }
    }

    /// The alerting part, where it has one.
    pub fn alerting(&self) -> Option<&AlertingRule> {
        match &self.kind {
            RuleKind::Recording { .. } => None,
            RuleKind::Alerting(alerting) => Some(alerting),
        }
    }

    /// Whether both are of one kind, name and set of labels, so that one goes on with the other's series.
    pub(crate) fn writes_as(&self, other: &Self) -> bool {
        let kind = |rule: &Self| rule.alerting().is_some();
        kind(self) == kind(other) && self.name() == other.name() && self.label_sources().eq(other.label_sources())
    }

    /// Labels as written, in order of name.
    pub fn label_sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, template)| (name.as_str(), template.source()))
    }
}

/// Rules of one name and one set of labels: they write the same series, or send the same alert twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Name of the rules.
    pub name: String,
    /// Their labels as written, in order of name.
    pub labels: Vec<(String, String)>,
    /// File and line of each.
    pub places: Vec<(String, usize)>,
}

/// Finds duplicates among files that are loaded together, in order of name.
pub fn duplicates<'a>(files: impl IntoIterator<Item = &'a RuleFile>) -> Vec<Duplicate> {
    type Identity = (String, Vec<(String, String)>);
    let mut found: std::collections::BTreeMap<Identity, Vec<(String, usize)>> = std::collections::BTreeMap::new();
    for file in files {
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            let labels = rule.label_sources().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            found.entry((rule.name().to_owned(), labels)).or_default().push((file.name.clone(), rule.line));
        }
    }
    let repeated = found.into_iter().filter(|(_, places)| places.len() > 1);
    repeated.map(|((name, labels), places)| Duplicate { name, labels, places }).collect()
}
