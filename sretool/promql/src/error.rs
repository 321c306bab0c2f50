//! Errors of the parser.

use crate::ast::Span;
use std::fmt::Write as _;

/// What kind of mistake an expression holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// The text is no PromQL.
    Syntax,
    /// The parts do not fit together, for example a scalar where a range vector is needed.
    Type,
    /// Valid PromQL that this evaluator does not implement; names the construct.
    Unsupported(String),
    /// Nested more deeply than the limit allows.
    TooDeep,
}

/// Why an expression was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: parse error: {message}", .span.line, .span.column)]
pub struct ParseError {
    /// What kind of mistake it is.
    pub kind: ParseErrorKind,
    /// The mistake in words.
    pub message: String,
    /// What to write instead, where that is natural.
    pub remedy: Option<String>,
    /// The faulty part of the source.
    pub span: Span,
}

impl ParseError {
    pub(crate) fn syntax(message: impl Into<String>, span: Span) -> Self {
        Self { kind: ParseErrorKind::Syntax, message: message.into(), remedy: None, span }
    }

    pub(crate) fn of_type(message: impl Into<String>, span: Span) -> Self {
        Self { kind: ParseErrorKind::Type, message: message.into(), remedy: None, span }
    }

    pub(crate) fn unsupported(construct: impl Into<String>, span: Span) -> Self {
        let construct = construct.into();
        let message = format!("{construct} is not supported by this evaluator");
        Self { kind: ParseErrorKind::Unsupported(construct), message, remedy: None, span }
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The error with its line and column, the line of `src` it stands in, and a caret under the faulty part.
    pub fn render(&self, src: &str) -> String {
        let index = usize::try_from(self.span.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let line = src.split('\n').nth(index).unwrap_or("").trim_end_matches('\r');
        let before = usize::try_from(self.span.column.saturating_sub(1)).unwrap_or(0);
        let faulty = src.get(self.span.start..self.span.end).unwrap_or("");
        let width = faulty.split('\n').next().unwrap_or("").chars().count().max(1);
        let number = self.span.line.to_string();
        let gutter = " ".repeat(number.len());
        // Tabs keep their width under the source line only when they are repeated.
        let indent: String = line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let mut out = format!("{}:{}: {}\n", self.span.line, self.span.column, self.message);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{gutter} |");
        let _ = writeln!(out, "{number} | {line}");
        let _ = write!(out, "{gutter} | {indent}{}", "^".repeat(width));
        if let Some(remedy) = &self.remedy {
            let _ = write!(out, "\n{gutter} = help: {remedy}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_line_caret_and_remedy() {
        let span = Span { start: 8, end: 11, line: 2, column: 3 };
        let error = ParseError::syntax("unknown word", span).with_remedy("write `sum`");
        let expected = "2:3: unknown word\n  |\n2 |   smu(x)\n  |   ^^^\n  = help: write `sum`";
        assert_eq!(error.render("a +\n  smu(x)"), expected);
        assert_eq!(error.to_string(), "2:3: parse error: unknown word");
    }

    #[test]
    fn a_span_beyond_the_source_still_renders() {
        let error = ParseError::syntax("end", Span { start: 90, end: 91, line: 9, column: 9 });
        assert!(error.render("a").ends_with('^'));
    }
}
