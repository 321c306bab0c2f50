//! Whether what was found is what was expected.

use super::{AlertCase, ExpectedAlert, ExprCase, Failure};
use promql::{Labels, Value};
use rules::format_duration;
use std::fmt::Write;

/// Compares firing alerts with those expected; the order does not matter.
pub(super) fn alerts(case: &AlertCase, mut found: Vec<ExpectedAlert>) -> Option<Failure> {
    let mut expected = case.expected.clone();
    expected.sort();
    found.sort();
    if expected == found {
        return None;
    }
    let mut message = format!("alert {} at {}", case.alertname, format_duration(case.eval_time_ms));
    let describe = |alert: &ExpectedAlert| {
        let annotations: Vec<_> = alert.annotations.iter().map(|(name, text)| format!("{name}={text:?}")).collect();
        format!("{} annotations {{{}}}", alert.labels, annotations.join(", "))
    };
    difference(&mut message, &expected, &found, describe);
    Some(Failure { line: case.line, message })
}

/// Compares what an expression yields with the samples expected; the order does not matter.
pub(super) fn expression(case: &ExprCase, found: Result<Value, String>, fuzzy: bool) -> Option<Failure> {
    let head = format!("expr {:?} at {}", case.text, format_duration(case.eval_time_ms));
    let fail = |message: String| Some(Failure { line: case.line, message: format!("{head}: {message}") });
    let mut expected = match &case.expected {
        Ok(expected) => expected.clone(),
        Err(message) => return fail(message.clone()),
    };
    let mut found: Vec<(Labels, f64)> = match found {
        Ok(Value::Vector(samples)) if samples.iter().any(|s| s.histogram.is_some()) => {
            return fail("yields native histograms, which cannot be compared here yet".to_owned());
        }
        Ok(Value::Vector(samples)) => samples.into_iter().map(|s| (s.labels, s.v)).collect(),
        Ok(Value::Scalar(sample)) => vec![(Labels::default(), sample.v)],
        Ok(Value::String(..) | Value::Matrix(_)) => return fail("yields text or a range, not a vector".to_owned()),
        Err(message) => return fail(message),
    };
    expected.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let equal = |((a, x), (b, y)): (&(Labels, f64), &(Labels, f64))| a == b && values_equal(*x, *y, fuzzy);
    if expected.len() == found.len() && expected.iter().zip(&found).all(equal) {
        return None;
    }
    let mut message = head;
    difference(&mut message, &expected, &found, |(labels, v)| format!("{labels} {v}"));
    Some(Failure { line: case.line, message })
}

/// Equality of values; with `fuzzy`, neighbouring numbers are equal too. NaN equals nothing, as in promtool.
fn values_equal(expected: f64, found: f64, fuzzy: bool) -> bool {
    expected == found || (fuzzy && (expected.next_up() == found || expected.next_down() == found))
}

/// Lists what is on one side only, `-` expected and `+` found; where only order or repetition differs, all.
fn difference<T: PartialEq>(message: &mut String, expected: &[T], found: &[T], describe: impl Fn(&T) -> String) {
    let missing: Vec<_> = expected.iter().filter(|e| !found.contains(e)).collect();
    let extra: Vec<_> = found.iter().filter(|f| !expected.contains(f)).collect();
    let all = missing.is_empty() && extra.is_empty();
    let (missing, extra) = if all { (expected.iter().collect(), found.iter().collect()) } else { (missing, extra) };
    for (sign, items, none) in [('-', missing, expected.is_empty()), ('+', extra, found.is_empty())] {
        if none {
            let what = if sign == '-' { "nothing expected" } else { "nothing found" };
            let _ = write!(message, "\n    {sign} {what}");
        }
        for item in items {
            let _ = write!(message, "\n    {sign} {}", describe(item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzzy_takes_the_last_bit() {
        assert!(values_equal(3.0, 3.000_000_000_000_000_4, true));
        assert!(values_equal(3.0, 2.999_999_999_999_999_6, true));
        assert!(!values_equal(3.0, 3.000_000_000_000_001_3, true));
        assert!(!values_equal(3.0, 3.000_000_000_000_000_4, false));
        assert!(!values_equal(f64::NAN, f64::NAN, true));
        assert!(values_equal(f64::INFINITY, f64::INFINITY, false));
    }

    #[test]
    fn a_difference_shows_only_what_differs() {
        let mut message = String::new();
        difference(&mut message, &[1, 2], &[2, 3], ToString::to_string);
        assert_eq!(message, "\n    - 1\n    + 3");
        let mut message = String::new();
        difference(&mut message, &[], &[7], ToString::to_string);
        assert_eq!(message, "\n    - nothing expected\n    + 7");
    }
}
