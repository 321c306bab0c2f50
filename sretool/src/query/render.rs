//! Results as text, JSON and CSV.

use promql::{Labels, MatrixSeries, Sample, Value};
use std::fmt::Write as _;

/// Eight heights of a sparkline.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Aligned columns: series and value, or series, sparkline and last, lowest and highest value. Empty without data.
pub(super) fn table(value: &Value) -> String {
    let rows: Vec<(String, String)> = match value {
        Value::Scalar(sample) => vec![("scalar".to_owned(), number(sample.v))],
        Value::String(_, text) => vec![("string".to_owned(), text.clone())],
        Value::Vector(vector) => vector.iter().map(|s| (s.labels.to_string(), number(s.v))).collect(),
        Value::Matrix(matrix) => matrix.iter().map(|s| (s.labels.to_string(), summary(&s.samples))).collect(),
    };
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<width$}  {value}");
        text
    })
}

fn summary(samples: &[Sample]) -> String {
    let finite = || samples.iter().map(|s| s.v).filter(|v| v.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let bar = |v: f64| {
        if !v.is_finite() {
            return ' ';
        }
        let share = if high > low { (v - low) / (high - low) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of at most 1")]
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    let line: String = samples.iter().map(|s| bar(s.v)).collect();
    let last = samples.last().map_or(f64::NAN, |s| s.v);
    format!("{line}  last {} min {} max {}", number(last), number(low), number(high))
}

/// The `data` object of the Prometheus API.
pub(super) fn json(value: &Value) -> String {
    crate::server::json::query_data(value)
}

/// One line a sample: Unix seconds, value, series. Empty without data.
pub(super) fn csv(value: &Value) -> String {
    let rows: Vec<(&Labels, Vec<Sample>)> = match value {
        Value::Vector(vector) => vector.iter().map(|s| (&s.labels, vec![Sample { t: s.t, v: s.v }])).collect(),
        Value::Matrix(matrix) => {
            matrix.iter().map(|MatrixSeries { labels, samples, .. }| (labels, samples.clone())).collect()
        }
        Value::Scalar(sample) => return format!("time,value,series\n{}\n", csv_row(*sample, "")),
        Value::String(t, text) => return format!("time,value,series\n{},{},\n", seconds(*t), quoted(text)),
    };
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "time,value,series\n".to_owned();
    for (labels, samples) in rows {
        for sample in samples {
            let _ = writeln!(text, "{}", csv_row(sample, &labels.to_string()));
        }
    }
    text
}

fn csv_row(sample: Sample, series: &str) -> String {
    format!("{},{},{}", seconds(sample.t), number(sample.v), quoted(series))
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// As RFC 4180 wants it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// As Prometheus writes numbers.
fn number(v: f64) -> String {
    if v == f64::INFINITY {
        "+Inf".to_owned()
    } else if v == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        v.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::VectorSample;

    fn vector() -> Value {
        let labels = Labels::new([("__name__", "up"), ("job", "a,b")]);
        Value::Vector(vec![VectorSample::new(labels, 1500, f64::INFINITY)])
    }

    #[test]
    fn tables_and_csv() {
        assert_eq!(table(&vector()), "up{job=\"a,b\"}  +Inf\n");
        assert_eq!(csv(&vector()), "time,value,series\n1.500,+Inf,\"up{job=\"\"a,b\"\"}\"\n");
        assert_eq!(table(&Value::Vector(vec![])), "");
        assert_eq!(csv(&Value::Matrix(vec![])), "");
    }

    #[test]
    fn a_sparkline_keeps_gaps_and_survives_equal_values() {
        let samples: Vec<_> = [1.0, f64::NAN, 3.0].iter().zip(0..).map(|(v, t)| Sample { t, v: *v }).collect();
        assert_eq!(summary(&samples), "▁ █  last 3 min 1 max 3");
        let flat = [Sample { t: 0, v: 2.0 }; 2];
        assert_eq!(summary(&flat), "▁▁  last 2 min 2 max 2");
    }
}
