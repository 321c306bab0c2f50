//! What is wrong with a document, and where.

use std::fmt;
use std::sync::Arc;

/// Code of findings about keys that a format does not have.
pub(crate) const UNKNOWN_KEY: &str = "unknown-key";

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
    /// The line that it points at, where the text is known.
    pub excerpt: Option<String>,
    /// Line and column in the value that stands at the place.
    pub(crate) inside: Option<(usize, usize)>,
}

impl Finding {
    /// The finding, and below it the line that it points at with a caret under the place.
    pub fn render(&self) -> String {
        let Some(line) = &self.excerpt else { return self.to_string() };
        let number = self.at.line.to_string();
        let gutter = " ".repeat(number.len());
        let before: String = line.chars().take(self.at.column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let carets = "^".repeat(word_at(line, self.at.column - 1));
        format!("{self}\n{gutter} |\n{number} | {line}\n{gutter} | {before}{carets}")
    }
}

/// Length of the key, word or quoted text that begins at a column, at least 1.
fn word_at(line: &str, column: usize) -> usize {
    let rest: Vec<char> = line.chars().skip(column).collect();
    let length = match rest.first() {
        Some(quote @ ('"' | '\'')) => rest[1..].iter().position(|c| c == quote).map_or(rest.len(), |end| end + 2),
        _ => rest.iter().position(|c| c.is_whitespace() || ":,{}[]()".contains(*c)).unwrap_or(rest.len()),
    };
    length.max(1)
}

/// Gives findings of a file the lines that they point at, and those in an expression their exact place.
pub(crate) fn quote(findings: &mut [Finding], file: &str, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    for finding in findings.iter_mut().filter(|finding| &*finding.file == file) {
        if let Some((line, column)) = finding.inside.take() {
            finding.at = place_inside(&lines, finding.at, line, column);
        }
        finding.excerpt = lines.get(finding.at.line - 1).map(|line| (*line).to_owned());
    }
}

/// The place of a line and a column of a value, as far as its style lets it be found.
fn place_inside(lines: &[&str], at: Position, line: usize, column: usize) -> Position {
    let text = lines.get(at.line - 1).copied().unwrap_or_default();
    let rest: String = text.chars().skip(at.column - 1).collect();
    if rest.starts_with(['|', '>']) {
        let content = lines.get(at.line).copied().unwrap_or_default();
        let indent = content.chars().take_while(|c| *c == ' ').count();
        return Position { line: at.line + line, column: indent + column };
    }
    let quote = usize::from(rest.starts_with(['"', '\'']));
    match line {
        1 => Position { line: at.line, column: at.column + quote + column - 1 },
        _ => at,
    }
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
    lenient: bool,
    pub(crate) findings: Vec<Finding>,
}

impl Collector {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), lenient: false, findings: Vec::new() }
    }

    /// Unknown keys become warnings, so that a document with some is still used.
    pub(crate) fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
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

    /// An error at a place in an expression that is the value at a place.
    pub(crate) fn error_inside(&mut self, at: Position, span: promql::Span, message: String, remedy: Option<String>) {
        self.error(at, "query", message, remedy);
        if let Some(finding) = self.findings.last_mut() {
            finding.inside = Some((span.line as usize, span.column as usize));
        }
    }

    fn push(&mut self, severity: Severity, at: Position, code: &'static str, message: String, remedy: Option<String>) {
        let severity = if self.lenient && code == UNKNOWN_KEY { Severity::Warning } else { severity };
        self.findings.push(Finding {
            file: self.file(),
            at,
            severity,
            message,
            remedy,
            code,
            excerpt: None,
            inside: None,
        });
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
    fn a_caret_stands_under_what_is_wrong() {
        let mut collector = Collector::new("a.yaml");
        let at = Position { line: 2, column: 3 };
        collector.error(at, UNKNOWN_KEY, "no".into(), None);
        quote(&mut collector.findings, "a.yaml", "spec:\n  sevice: é\n");
        let rendered = collector.findings[0].render();
        assert_eq!(rendered, "a.yaml:2:3: error: no (unknown-key)\n  |\n2 |   sevice: é\n  |   ^^^^^^");
        assert_eq!(word_at("a: \"b c\" # d", 3), 5);
        assert_eq!((word_at("", 0), word_at("x", 5)), (1, 1));
    }

    #[test]
    fn lenient_collectors_only_warn_of_unknown_keys() {
        let mut collector = Collector::new("a.yaml").lenient(true);
        let at = Position { line: 1, column: 1 };
        collector.error(at, UNKNOWN_KEY, "no".into(), None);
        assert_eq!(collector.errors(), 0);
        collector.error(at, "required", "no".into(), None);
        assert_eq!(collector.errors(), 1);
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
