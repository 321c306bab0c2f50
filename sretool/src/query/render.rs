//! Results as text, JSON and CSV.

use promql::{Labels, MatrixSeries, Sample, Value, VectorSample};
use std::fmt::Write as _;

/// Eight heights of a sparkline.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Aligned columns: series and value, or series, sparkline and last, lowest and highest value. Empty without data.
pub(super) fn table(value: &Value) -> String {
    let rows: Vec<(String, String)> = match value {
        Value::Scalar(sample) => vec![("scalar".to_owned(), number(sample.v))],
        Value::String(_, text) => vec![("string".to_owned(), text.clone())],
        Value::Vector(vector) => vector.iter().map(|s| (s.labels.to_string(), element(s))).collect(),
        Value::Matrix(matrix) => matrix.iter().map(|s| (s.labels.to_string(), series(s))).collect(),
    };
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<width$}  {value}");
        text
    })
}

/// A number, or a native histogram with its populated buckets.
fn element(sample: &VectorSample) -> String {
    sample.histogram.as_ref().map_or_else(|| number(sample.v), ToString::to_string)
}

/// What the numbers do, and the last of the native histograms.
fn series(series: &MatrixSeries) -> String {
    let histograms =
        series.histograms.last().map(|last| format!("{} histograms  last {}", series.histograms.len(), last.h));
    match histograms {
        Some(histograms) if series.samples.is_empty() => histograms,
        Some(histograms) => format!("{}, {histograms}", summary(&series.samples)),
        None => summary(&series.samples),
    }
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
    let rows: Vec<(&Labels, Vec<(i64, String)>)> = match value {
        Value::Vector(vector) => vector.iter().map(|s| (&s.labels, vec![(s.t, element(s))])).collect(),
        Value::Matrix(matrix) => matrix.iter().map(|s| (&s.labels, cells(s))).collect(),
        Value::Scalar(sample) => return format!("time,value,series\n{}\n", csv_row(sample.t, &number(sample.v), "")),
        Value::String(t, text) => return format!("time,value,series\n{},{},\n", seconds(*t), quoted(text)),
    };
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "time,value,series\n".to_owned();
    for (labels, samples) in rows {
        for (t, value) in samples {
            let _ = writeln!(text, "{}", csv_row(t, &value, &labels.to_string()));
        }
    }
    text
}

/// Times and values of a series, numbers and histograms in order of time.
fn cells(series: &MatrixSeries) -> Vec<(i64, String)> {
    let floats = series.samples.iter().map(|s| (s.t, number(s.v)));
    let histograms = series.histograms.iter().map(|s| (s.t, s.h.to_string()));
    let mut cells: Vec<_> = floats.chain(histograms).collect();
    cells.sort_by_key(|(t, _)| *t);
    cells
}

fn csv_row(t: i64, value: &str, series: &str) -> String {
    format!("{},{},{}", seconds(t), quoted(value), quoted(series))
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// As RFC 4180 wants it.
pub(super) fn quoted(text: &str) -> String {
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
    use promql::{Histogram, HistogramSample};

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
    fn native_histograms_show_their_buckets() {
        let h = Histogram { count: 2.0, sum: 3.0, positive: vec![(1, 2.0)], ..Histogram::default() };
        let shown = "{count:2, sum:3, (1,2]:2}";
        let vector = Value::Vector(vec![VectorSample::of_histogram(Labels::default(), 1500, h.clone().into())]);
        assert_eq!(table(&vector), format!("{{}}  {shown}\n"));
        assert_eq!(csv(&vector), format!("time,value,series\n1.500,\"{shown}\",{{}}\n"));
        let histograms = vec![HistogramSample { t: 1000, h: h.into() }];
        let samples = vec![Sample { t: 2000, v: 5.0 }];
        let matrix = Value::Matrix(vec![MatrixSeries { samples, histograms, ..MatrixSeries::default() }]);
        assert_eq!(table(&matrix), format!("{{}}  ▁  last 5 min 5 max 5, 1 histograms  last {shown}\n"));
        assert_eq!(csv(&matrix), format!("time,value,series\n1.000,\"{shown}\",{{}}\n2.000,5,{{}}\n"));
    }

    #[test]
    fn a_sparkline_keeps_gaps_and_survives_equal_values() {
        let samples: Vec<_> = [1.0, f64::NAN, 3.0].iter().zip(0..).map(|(v, t)| Sample { t, v: *v }).collect();
        assert_eq!(summary(&samples), "▁ █  last 3 min 1 max 3");
        let flat = [Sample { t: 0, v: 2.0 }; 2];
        assert_eq!(summary(&flat), "▁▁  last 2 min 2 max 2");
    }
}
