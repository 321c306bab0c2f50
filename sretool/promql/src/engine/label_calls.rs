//! Functions over labels.

use super::calls::text;
use super::data::{Grid, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::{EvalError, names};
use crate::ast::Call;
use crate::labels::{Labels, METRIC_NAME};
use std::cmp::Ordering;

impl Evaluator<'_> {
    pub fn label_call(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Series>> {
        let target = text(&call.args[1])?;
        if target.is_empty() {
            let message = format!("invalid destination label name in {}(): {target}", call.function.name);
            return Err(EvalError::Argument(message));
        }
        if call.function.name == "label_join" {
            return self.label_join(call, target, grid);
        }
        let (replacement, source, pattern) = (text(&call.args[2])?, text(&call.args[3])?, text(&call.args[4])?);
        let regex = regex::Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|_| EvalError::Argument(format!("invalid regular expression in label_replace(): {pattern}")))?;
        let mut vector = self.vector(&call.args[0], grid)?;
        for series in &mut vector {
            let Some(found) = regex.captures(series.labels.get(source)) else { continue };
            let mut value = String::new();
            found.expand(replacement, &mut value);
            set(series, target, &value);
        }
        names::merge(vector)
    }

    fn label_join(&mut self, call: &Call, target: &str, grid: Grid) -> Evaluated<Vec<Series>> {
        let separator = text(&call.args[2])?;
        let sources = call.args[3..].iter().map(text).collect::<Evaluated<Vec<_>>>()?;
        if let Some(bad) = sources.iter().find(|s| s.is_empty()) {
            return Err(EvalError::Argument(format!("invalid source label name in label_join(): {bad}")));
        }
        let mut vector = self.vector(&call.args[0], grid)?;
        for series in &mut vector {
            let values: Vec<_> = sources.iter().map(|s| series.labels.get(s).to_owned()).collect();
            set(series, target, &values.join(separator));
        }
        names::merge(vector)
    }
}

fn set(series: &mut Series, target: &str, value: &str) {
    series.labels = series.labels.with(target, value);
    if target == METRIC_NAME {
        // The name is one of the user's making now.
        series.drop_name = false;
    }
}

/// Order by the values of some labels, then by all.
pub(super) fn compare(a: &Labels, b: &Labels, names: &[&str]) -> Ordering {
    names.iter().map(|name| natural(a.get(name), b.get(name))).find(|order| order.is_ne()).unwrap_or_else(|| a.cmp(b))
}

/// Natural order: runs of digits compare as numbers, so that `4m5` comes before `4m600`.
fn natural(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (x, y) = (chunk(a), chunk(b));
        if x.is_empty() || y.is_empty() {
            return a.len().cmp(&b.len());
        }
        let digits = |s: &str| s.as_bytes()[0].is_ascii_digit();
        let order = if digits(x) && digits(y) {
            let (p, q) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            p.len().cmp(&q.len()).then_with(|| p.cmp(q)).then_with(|| x.len().cmp(&y.len()))
        } else {
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
        a = &a[x.len()..];
        b = &b[y.len()..];
    }
}

/// The run of digits, or of anything else, at the start.
fn chunk(s: &str) -> &str {
    let digit = s.starts_with(|c: char| c.is_ascii_digit());
    &s[..s.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(s.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_words_count_as_numbers() {
        let mut words = ["4m600", "4m1000", "4m5", "10", "9", "", "1.11.3", "1.2.3", "a", "009"];
        words.sort_by(|a, b| natural(a, b));
        assert_eq!(words, ["", "1.2.3", "1.11.3", "4m5", "4m600", "4m1000", "9", "009", "10", "a"]);
    }

    #[test]
    fn ties_fall_back_to_all_labels() {
        let a = Labels::new([("x", "1"), ("y", "1")]);
        let b = Labels::new([("x", "1"), ("y", "2")]);
        assert_eq!(compare(&a, &b, &["x"]), Ordering::Less);
        assert_eq!(compare(&b, &a, &["y"]), Ordering::Greater);
    }
}
