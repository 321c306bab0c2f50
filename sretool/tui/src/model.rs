//! The answers of the source, joined into the rows that the screens show. Looked up and sorted, never calculated.

pub mod alerts;
pub mod load;
pub mod overview;
pub mod service;
pub mod slos;

use promql::{MatrixSeries, Sample, Value};
use std::cmp::Ordering;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not known.
    Unknown,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs action.
    Bad,
}

/// The value of the first element whose labels match all pairs; NaN counts as absent.
pub(crate) fn lookup(value: Option<&Value>, pairs: &[(&str, &str)]) -> Option<f64> {
    let found = match value? {
        Value::Vector(samples) => {
            samples.iter().find(|s| pairs.iter().all(|(name, wanted)| s.labels.get(name) == *wanted))?.v
        }
        Value::Scalar(sample) => sample.v,
        Value::Matrix(_) | Value::String(..) => return None,
    };
    (!found.is_nan()).then_some(found)
}

/// All values of a label, sorted, once each.
pub(crate) fn label_values(value: Option<&Value>, label: &str) -> Vec<String> {
    let mut values: Vec<String> = match value {
        Some(Value::Vector(samples)) => samples.iter().map(|s| s.labels.get(label).to_owned()).collect(),
        Some(Value::Matrix(series)) => series.iter().map(|s| s.labels.get(label).to_owned()).collect(),
        _ => Vec::new(),
    };
    values.retain(|value| !value.is_empty());
    values.sort();
    values.dedup();
    values
}

/// The series of a matrix.
pub(crate) fn series(value: Option<&Value>) -> &[MatrixSeries] {
    match value {
        Some(Value::Matrix(series)) => series,
        _ => &[],
    }
}

/// The samples of the first series whose label has this value.
pub(crate) fn samples<'a>(value: Option<&'a Value>, label: &str, wanted: &str) -> &'a [Sample] {
    series(value).iter().find(|s| s.labels.get(label) == wanted).map_or(&[], |s| &s.samples)
}

/// Largest first; what is missing comes last.
pub(crate) fn largest_first(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (None, None) => Ordering::Equal,
        (a, _) => {
            if a.is_none() {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    }
}

/// Smallest first; what is missing comes last.
pub(crate) fn smallest_first(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => largest_first(a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::{Labels, VectorSample};

    fn vector(pairs: &[(&str, f64)]) -> Value {
        let sample = |(name, v): &(&str, f64)| VectorSample::new(Labels::new([("a", *name)]), 0, *v);
        Value::Vector(pairs.iter().map(sample).collect())
    }

    #[test]
    fn nan_is_absent() {
        let value = vector(&[("x", f64::NAN), ("y", 0.0)]);
        assert_eq!(lookup(Some(&value), &[("a", "x")]), None);
        assert_eq!(lookup(Some(&value), &[("a", "y")]), Some(0.0));
        assert_eq!(lookup(Some(&value), &[("a", "z")]), None);
        assert_eq!(label_values(Some(&value), "a"), ["x", "y"]);
    }

    #[test]
    fn missing_values_come_last_either_way() {
        let mut values = [Some(1.0), None, Some(3.0)];
        values.sort_by(|a, b| largest_first(*a, *b));
        assert_eq!(values, [Some(3.0), Some(1.0), None]);
        values.sort_by(|a, b| smallest_first(*a, *b));
        assert_eq!(values, [Some(1.0), Some(3.0), None]);
    }
}
