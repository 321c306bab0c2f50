//! Warnings and infos that go with a result.

use crate::ast::Span;
use crate::histogram::Merge;
use std::fmt;

/// What may be remarked on histograms, in the words of Prometheus.
#[derive(Clone, Copy, Debug)]
pub(super) enum Note<'a> {
    /// A range of a metric holds numbers and histograms, which the function cannot join.
    MixedRange(&'a str),
    /// A group holds numbers and histograms, which the aggregation cannot join.
    MixedGroup,
    /// A histogram is there in both forms, so that neither is taken.
    ClassicAndNative(&'a str),
    NotCounter(&'a str),
    NotGauge(&'a str),
    /// Exponential and custom buckets cannot be joined.
    MixedSchemas(&'a str),
    /// The same for the operands of an operator.
    MixedSchemasIn(&'a str),
    /// Types of the operands around an operator.
    NoSuchOperation([&'a str; 3]),
    IgnoredInGroup(&'a str),
    IgnoredInRange(&'a str),
    QuantileIsNan(&'a str),
    QuantileIsSkewed(&'a str),
    NanInNoFraction(&'a str),
    /// Operands of an operation of which one was reset and the other was not.
    ResetCollision(&'a str),
    /// Custom bounds that differ were reconciled for an operation.
    BoundsReconciled(&'a str),
}

impl Note<'_> {
    fn is_info(self) -> bool {
        use Note::{
            BoundsReconciled, IgnoredInGroup, IgnoredInRange, NanInNoFraction, NoSuchOperation, QuantileIsNan,
            QuantileIsSkewed,
        };
        matches!(
            self,
            BoundsReconciled(_)
                | IgnoredInGroup(_)
                | IgnoredInRange(_)
                | NanInNoFraction(_)
                | NoSuchOperation(_)
                | QuantileIsNan(_)
                | QuantileIsSkewed(_)
        )
    }
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, metric) = match *self {
            Self::MixedRange(name) => {
                return write!(f, "encountered a mix of histograms and floats for metric name {name:?}");
            }
            Self::MixedGroup => ("encountered a mix of histograms and floats for aggregation", ""),
            Self::ClassicAndNative(name) => ("vector contains a mix of classic and native histograms", name),
            Self::NotCounter(name) => return write!(f, "this native histogram metric is not a counter: {name:?}"),
            Self::NotGauge(name) => return write!(f, "this native histogram metric is not a gauge: {name:?}"),
            Self::MixedSchemas(name) => {
                let text = "vector contains a mix of histograms with exponential and custom buckets schemas";
                return write!(f, "{text} for metric name {name:?}");
            }
            Self::MixedSchemasIn(operator) => {
                return write!(f, "incompatible bucket layout encountered for binary operator {operator}");
            }
            Self::NoSuchOperation([left, operator, right]) => {
                let text = "incompatible sample types encountered for binary operator";
                return write!(f, "{text} {operator:?}: {left} {operator} {right}");
            }
            Self::IgnoredInGroup(aggregation) => return write!(f, "ignored histogram in {aggregation} aggregation"),
            Self::IgnoredInRange(name) => {
                let text = "ignored histograms in a range containing both floats and histograms";
                return write!(f, "{text} for metric name {name:?}");
            }
            Self::QuantileIsNan(name) => ("input to histogram_quantile has NaN observations, result is NaN", name),
            Self::QuantileIsSkewed(name) => {
                ("input to histogram_quantile has NaN observations, result is skewed higher", name)
            }
            Self::NanInNoFraction(name) => {
                ("input to histogram_fraction has NaN observations, which are excluded from all fractions", name)
            }
            Self::ResetCollision(operation) => {
                return write!(f, "conflicting counter resets during histogram {operation}");
            }
            Self::BoundsReconciled(operation) => {
                return write!(f, "mismatched custom buckets were reconciled during {operation}");
            }
        };
        if metric.is_empty() { f.write_str(text) } else { write!(f, "{text} for metric name {metric:?}") }
    }
}

/// A metric whose samples start before the sample before them ends, and how often.
#[derive(Debug)]
struct Overlap {
    metric: String,
    span: Span,
    times: usize,
}

/// Collected remarks, each once, in the order of their discovery.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    overlaps: Vec<Overlap>,
}

impl Annotations {
    pub fn warn(&mut self, message: &str, span: Span) {
        add(&mut self.warnings, format!("PromQL warning: {message} ({}:{})", span.line, span.column));
    }

    pub fn info(&mut self, message: &str, span: Span) {
        add(&mut self.infos, format!("PromQL info: {message} ({}:{})", span.line, span.column));
    }

    pub fn note(&mut self, note: Note<'_>, span: Span) {
        let message = note.to_string();
        if note.is_info() { self.info(&message, span) } else { self.warn(&message, span) }
    }

    /// Remarks on what an addition of histograms met.
    pub fn note_merge(&mut self, merge: Merge, operation: &str, span: Span) {
        if merge.reset_collision {
            self.note(Note::ResetCollision(operation), span);
        }
        if merge.bounds_reconciled {
            self.note(Note::BoundsReconciled(operation), span);
        }
    }

    /// Counts a window in which a sample starts before the sample before it ends.
    pub fn count_overlap(&mut self, metric: &str, span: Span) {
        match self.overlaps.iter_mut().find(|o| o.metric == metric) {
            Some(overlap) => overlap.times += 1,
            None => self.overlaps.push(Overlap { metric: metric.to_owned(), span, times: 1 }),
        }
    }

    /// Turns what was counted into warnings.
    pub fn finish(mut self) -> Self {
        for Overlap { metric, span, times } in std::mem::take(&mut self.overlaps) {
            let mut message =
                format!("sample has start time that overlaps with previous sample timestamp for metric {metric:?}");
            if times > 1 {
                message.push_str(&format!(" ({times} occurrences)"));
            }
            self.warn(&message, span);
        }
        self
    }

    /// Warns about a quantile outside of 0 to 1.
    pub fn check_quantile(&mut self, q: f64, span: Span) {
        if !(0.0..=1.0).contains(&q) {
            self.warn(&format!("quantile value should be between 0 and 1, got {}", number(q)), span);
        }
    }
}

fn add(list: &mut Vec<String>, message: String) {
    if !list.contains(&message) {
        list.push(message);
    }
}

/// A number in the shortest form, with an exponent where it is very small or large, as Go's `%g`.
pub(crate) fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let size = v.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        let text = format!("{v:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{v}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_kept_once_with_their_place() {
        let mut notes = Annotations::default();
        let span = Span { line: 2, column: 7, ..Span::default() };
        notes.check_quantile(1.5, span);
        notes.check_quantile(1.5, span);
        notes.check_quantile(0.5, span);
        assert_eq!(notes.warnings, ["PromQL warning: quantile value should be between 0 and 1, got 1.5 (2:7)"]);
        notes.info("hm", span);
        assert_eq!(notes.infos, ["PromQL info: hm (2:7)"]);
    }

    #[test]
    fn numbers_are_short() {
        let written = [1.1, -0.1, 1e-7, 2.5e30, f64::NAN, f64::NEG_INFINITY, 0.0].map(number);
        assert_eq!(written, ["1.1", "-0.1", "1e-07", "2.5e+30", "NaN", "-Inf", "0"]);
        assert_eq!([123_456.7, 1_234_567.0, 1e6, 0.0001].map(number), ["123456.7", "1.234567e+06", "1e+06", "0.0001"]);
    }
}
