//! What is wrong with a document, and where.

use std::fmt;
use std::sync::Arc;

/// A place in a file; both numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is valid, but something in it will not work as its author may think.
    Warning,
    /// The document is not valid.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One defect, with its place, a stable code and, where there is one, the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// File as named by the caller.
    pub file: Arc<str>,
    /// Where in it.
    pub at: Position,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// A short name of the check, stable across releases.
    pub code: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, at: Position { line, column }, severity, message, code, .. } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {message}")?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        write!(f, " ({code})")
    }
}

/// Gathers the findings of one file.
#[derive(Debug)]
pub(crate) struct Collector {
    file: Arc<str>,
    pub(crate) findings: Vec<Finding>,
}

impl Collector {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), findings: Vec::new() }
    }

    pub(crate) fn file(&self) -> Arc<str> {
        Arc::clone(&self.file)
    }

    pub(crate) fn error(&mut self, at: Position, code: &'static str, message: String, remedy: Option<String>) {
        self.push(Severity::Error, at, code, message, remedy);
    }

    pub(crate) fn warning(&mut self, at: Position, code: &'static str, message: String, remedy: Option<String>) {
        self.push(Severity::Warning, at, code, message, remedy);
    }

    fn push(&mut self, severity: Severity, at: Position, code: &'static str, message: String, remedy: Option<String>) {
        self.findings.push(Finding { file: self.file(), at, severity, message, remedy, code });
    }
}

/// The candidate that a misspelt word most likely means: at most a third of its letters away.
pub(crate) fn closest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn a_misspelling_finds_its_word_and_another_word_does_not() {
        assert_eq!(closest("timeWindows", &["timeWindow", "target"]), Some("timeWindow"));
        assert_eq!(closest("objectve", &["objectives", "target"]), Some("objectives"));
        assert_eq!(closest("banana", &["timeWindow", "target"]), None);
    }

    #[test]
    fn prints_place_cause_and_remedy() {
        let mut collector = Collector::new("slo/a.yaml");
        let at = Position { line: 3, column: 5 };
        collector.error(at, "unknown-key", "unknown key \"sevice\"".into(), Some("did you mean \"service\"?".into()));
        collector.warning(at, "unsupported", "no".into(), None);
        let printed: Vec<_> = collector.findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            printed,
            [
                "slo/a.yaml:3:5: error: unknown key \"sevice\"; did you mean \"service\"? (unknown-key)",
                "slo/a.yaml:3:5: warning: no (unsupported)",
            ]
        );
    }
}
