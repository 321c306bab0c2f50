//! Reads rule files: YAML with strict keys, every expression and every template parsed.

mod locate;
mod raw;

pub use locate::yaml_message;

use crate::model::{AlertingRule, Group, Rule, RuleFile, RuleKind};
use crate::template::Template;
use raw::{RawFile, RawGroup, RawRule, RawTexts};
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Something wrong in a rule file: where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Cause and remedy; further lines show the expression with a caret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Parses a rule file. `name` is how messages call it.
///
/// # Errors
/// Every [`Problem`] found, in the file's order; broken YAML and unknown keys end the search.
pub fn parse(name: &str, text: &str) -> Result<RuleFile, Vec<Problem>> {
    let mut reader = Reader { file: name, text, problems: Vec::new() };
    if text.trim().is_empty() {
        // Prometheus takes an empty file for one without groups.
        return Ok(RuleFile { name: name.to_owned(), groups: Vec::new() });
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let raw: RawFile = match serde_saphyr::from_str_with_options(text, options) {
        Ok(raw) => raw,
        Err(error) => {
            let at = error.location().map_or((1, 1), position);
            return Err(vec![reader.problem(at, locate::yaml_message(&error, "rule file"))]);
        }
    };
    let mut groups = Vec::new();
    let mut seen = HashMap::new();
    for raw_group in raw.groups.unwrap_or_default() {
        let at = position(raw_group.name.referenced);
        if let Some(first) = seen.insert(raw_group.name.value.clone(), at.0) {
            let name = &raw_group.name.value;
            reader.report(at, format!("the group name `{name}` is taken by line {first}; give every group its own"));
        }
        groups.push(reader.group(raw_group));
    }
    if reader.problems.is_empty() { Ok(RuleFile { name: name.to_owned(), groups }) } else { Err(reader.problems) }
}

type Position = (usize, usize);

fn position(location: serde_saphyr::Location) -> Position {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
    (number(location.line()), number(location.column()))
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&self, (line, column): Position, message: impl Into<String>) -> Problem {
        Problem { file: self.file.to_owned(), line, column, message: message.into() }
    }

    fn report(&mut self, at: Position, message: impl Into<String>) {
        let problem = self.problem(at, message);
        self.problems.push(problem);
    }

    fn group(&mut self, raw: RawGroup) -> Group {
        let at = position(raw.name.referenced);
        if raw.name.value.is_empty() {
            self.report(at, "the group name is empty; give it one");
        }
        let interval_ms = self.duration(raw.interval.as_ref(), "interval");
        let query_offset_ms = self.duration(raw.query_offset.as_ref(), "query_offset");
        let limit = raw.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(0));
        let rules = raw.rules.unwrap_or_default();
        let rules = rules.into_iter().filter_map(|rule| self.rule(rule, raw.labels.as_ref())).collect();
        Group {
            name: raw.name.value,
            file: self.file.to_owned(),
            line: at.0,
            interval_ms: interval_ms.filter(|ms| *ms > 0),
            limit,
            query_offset_ms,
            rules,
        }
    }

    fn rule(&mut self, raw: Spanned<RawRule>, shared: Option<&RawTexts>) -> Option<Rule> {
        let at = position(raw.referenced);
        let raw = raw.value;
        let kind = self.kind(at, &raw)?;
        // The rule's own labels win over the group's.
        let own = raw.labels.into_iter().flatten();
        let mut texts: BTreeMap<String, Text> = BTreeMap::new();
        for (name, value) in shared.into_iter().flatten().map(|(n, v)| (n.clone(), v.clone())).chain(own) {
            texts.insert(name.value.clone(), Text { name, value });
        }
        let expands = matches!(kind, RuleKind::Alerting(_));
        let labels = texts.into_values().filter_map(|text| self.label(text, expands)).collect();
        let source = raw.expr.filter(|expr| !expr.value.trim().is_empty());
        let Some(source) = source else {
            self.report(at, "the rule has no `expr`; add the PromQL expression to evaluate");
            return None;
        };
        let expr = self.expression(&source)?;
        let expr_position = locate::place(self.text, &source, 0);
        Some(Rule { kind, expr, expr_text: source.value, labels, line: at.0, expr_position })
    }

    fn kind(&mut self, at: Position, raw: &RawRule) -> Option<RuleKind> {
        let for_ms = self.duration(raw.hold.as_ref(), "for");
        let keep_firing_for_ms = self.duration(raw.keep_firing_for.as_ref(), "keep_firing_for");
        match (&raw.record, &raw.alert) {
            (Some(record), None) => {
                let keys = [
                    (raw.hold.is_some(), "for"),
                    (raw.keep_firing_for.is_some(), "keep_firing_for"),
                    (raw.annotations.is_some(), "annotations"),
                ];
                for (_, key) in keys.iter().filter(|(set, _)| *set) {
                    self.report(at, format!("`{key}` belongs to alerting rules; remove it from this recording rule"));
                }
                self.check_record(record);
                Some(RuleKind::Recording { record: record.value.clone() })
            }
            (None, Some(alert)) => {
                if alert.value.is_empty() {
                    self.report(position(alert.referenced), "the alert name is empty; give it one");
                }
                Some(RuleKind::Alerting(AlertingRule {
                    alert: alert.value.clone(),
                    for_ms: for_ms.unwrap_or(0),
                    keep_firing_for_ms: keep_firing_for_ms.unwrap_or(0),
                    annotations: self.annotations(raw.annotations.as_ref()),
                }))
            }
            (Some(_), Some(_)) => {
                self.report(at, "a rule has either `record` or `alert`; split it in two");
                None
            }
            (None, None) => {
                self.report(at, "the rule has neither `record` nor `alert`; add the one that you mean");
                None
            }
        }
    }

    fn check_record(&mut self, record: &Spanned<String>) {
        let at = position(record.referenced);
        if record.value.is_empty() {
            self.report(at, "the name of the recorded series is empty; write one such as job:requests:rate5m");
        } else if record.value.contains(['{', '}']) {
            let message =
                "the name of the recorded series has braces; put matchers into `expr` and labels into `labels`";
            self.report(at, message);
        }
    }

    fn expression(&mut self, source: &Spanned<String>) -> Option<promql::Expr> {
        match promql::parse(&source.value) {
            Ok(expr) => Some(expr),
            Err(error) => {
                let at = locate::place(self.text, source, error.span.start);
                let message = format!("`expr` is not valid PromQL: {}", error.render(&source.value).trim_end());
                self.report(at, message);
                None
            }
        }
    }

    fn duration(&mut self, raw: Option<&Spanned<String>>, key: &str) -> Option<i64> {
        let raw = raw?;
        match crate::parse_duration(&raw.value) {
            Ok(ms) => Some(ms),
            Err(error) => {
                self.report(position(raw.referenced), format!("`{key}`: {error}"));
                None
            }
        }
    }

    fn annotations(&mut self, raw: Option<&RawTexts>) -> Vec<(String, Template)> {
        let mut annotations = Vec::new();
        for (name, value) in raw.into_iter().flatten() {
            if name.value.is_empty() {
                self.report(position(name.referenced), "an annotation has no name; give it one");
            }
            annotations.extend(self.template(name, value, "annotation"));
        }
        annotations.sort_by(|a, b| a.0.cmp(&b.0));
        annotations
    }

    fn label(&mut self, Text { name, value }: Text, expands: bool) -> Option<(String, Template)> {
        if name.value.is_empty() || name.value == promql::METRIC_NAME {
            let message = format!("`{}` cannot name a label; choose another name", name.value);
            self.report(position(name.referenced), message);
        }
        if expands {
            return self.template(&name, &value, "label");
        }
        Some((name.value, Template::literal(&value.value)))
    }

    fn template(&mut self, name: &Spanned<String>, value: &Spanned<String>, what: &str) -> Option<(String, Template)> {
        match Template::parse(&value.value) {
            Ok(template) => Some((name.value.clone(), template)),
            Err(error) => {
                let at = locate::place(self.text, value, error.offset().unwrap_or(0));
                self.report(at, format!("{what} `{}`: {error}", name.value));
                None
            }
        }
    }
}

/// A label as written.
struct Text {
    name: Spanned<String>,
    value: Spanned<String>,
}

#[cfg(test)]
mod tests;
