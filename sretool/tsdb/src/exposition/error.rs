//! What can be wrong with an exposition.

/// A fault and where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {cause}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Something else than the grammar asks for.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the grammar asks for.
        expected: &'static str,
        /// What is there: a quoted character or "the end of the line".
        found: String,
    },
    /// A string without its closing quote.
    #[error("the quoted string has no closing quote")]
    UnterminatedString,
    /// One label twice.
    #[error("the label `{0}` is given twice")]
    DuplicateLabel(String),
    /// A name before the braces and another inside.
    #[error("the series has two metric names, one before the braces and one inside")]
    TwoNames,
    /// No name at all.
    #[error("the series has no metric name")]
    NoName,
    /// No number.
    #[error("`{0}` is no value; write a number, +Inf, -Inf or NaN")]
    InvalidValue(String),
    /// No timestamp of the text format.
    #[error("`{0}` is no timestamp; the text format has integers of milliseconds (OpenMetrics has seconds)")]
    InvalidMilliseconds(String),
    /// No timestamp of OpenMetrics.
    #[error("`{0}` is no timestamp; OpenMetrics has seconds since the Unix epoch")]
    InvalidSeconds(String),
    /// Something after a complete line.
    #[error("unexpected `{0}` after the sample")]
    TrailingText(String),
    /// A type that does not exist.
    #[error("`{0}` is no metric type")]
    UnknownType(String),
    /// A unit that the name does not end with.
    #[error("the name `{family}` does not end with its unit `_{unit}`")]
    UnitSuffix {
        /// Metric family.
        family: String,
        /// Its unit.
        unit: String,
    },
    /// A comment in OpenMetrics, which has none.
    #[error("OpenMetrics has no comments but HELP, TYPE, UNIT and EOF")]
    UnknownComment,
    /// An empty line in OpenMetrics, which has none.
    #[error("OpenMetrics has no blank lines")]
    BlankLine,
    /// The end marker is missing.
    #[error("the text does not end with `# EOF`: it was cut off, or is not OpenMetrics")]
    MissingEof,
    /// Something behind the end marker.
    #[error("unexpected text after `# EOF`")]
    AfterEof,
}
