//! The JSON of query results, byte for byte as Prometheus writes it.

use promql::{Histogram, Labels, Sample, Value};
use std::fmt::Write;

/// The `data` object of a query.
pub(crate) fn query_data(value: &Value) -> String {
    let mut out = String::with_capacity(64 + value.sample_count() * 24);
    let kind = match value {
        Value::Scalar(_) => "scalar",
        Value::String(..) => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    };
    let _ = write!(out, r#"{{"resultType":"{kind}","result":"#);
    match value {
        Value::Scalar(sample) => push_sample(&mut out, *sample),
        Value::String(t, text) => {
            out.push('[');
            push_time(&mut out, *t);
            out.push(',');
            push_string(&mut out, text);
            out.push(']');
        }
        Value::Vector(samples) => push_list(&mut out, samples, |out, sample| {
            out.push_str(r#"{"metric":"#);
            push_labels(out, &sample.labels);
            if let Some(histogram) = &sample.histogram {
                out.push_str(r#","histogram":"#);
                push_histogram(out, sample.t, histogram);
            } else {
                out.push_str(r#","value":"#);
                push_sample(out, Sample { t: sample.t, v: sample.v });
            }
            out.push('}');
        }),
        Value::Matrix(series) => push_list(&mut out, series, |out, series| {
            out.push_str(r#"{"metric":"#);
            push_labels(out, &series.labels);
            if !series.samples.is_empty() || series.histograms.is_empty() {
                out.push_str(r#","values":"#);
                push_list(out, &series.samples, |out, sample| push_sample(out, *sample));
            }
            if !series.histograms.is_empty() {
                out.push_str(r#","histograms":"#);
                push_list(out, &series.histograms, |out, sample| push_histogram(out, sample.t, &sample.h));
            }
            out.push('}');
        }),
    }
    out.push('}');
    out
}

/// A list of label sets.
pub(crate) fn label_sets(sets: &[Labels]) -> String {
    let mut out = String::new();
    push_list(&mut out, sets, push_labels);
    out
}

/// A label set as an object.
pub(crate) fn labels(labels: &Labels) -> String {
    let mut out = String::new();
    push_labels(&mut out, labels);
    out
}

/// Milliseconds as decimal seconds; a fraction has three digits.
pub(crate) fn time(ms: i64) -> String {
    let mut out = String::new();
    push_time(&mut out, ms);
    out
}

/// A float as Go's `strconv` writes it in JSON: plain decimals between 1e-6 and 1e21, an exponent outside.
pub(crate) fn number(v: f64) -> String {
    let size = v.abs();
    match v {
        _ if v.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ if size != 0.0 && !(1e-6..1e21).contains(&size) => exponent(v),
        _ => shortest(v),
    }
}

/// The fewest digits that mean this number. Where two such texts are equally near Go takes the even one.
fn shortest(v: f64) -> String {
    let text = v.to_string();
    let decimals = text.find('.').map_or(0, |dot| text.len() - dot - 1);
    let last = text.as_bytes().last().copied().unwrap_or(b'0');
    // One digit more would be exact: the number lies half-way between two texts.
    if decimals == 0 || exact_decimals(v) != Some(decimals + 1) || !last.is_ascii_digit() || last % 2 == 0 {
        return text;
    }
    let even = format!("{}{}", &text[..text.len() - 1], char::from(last - 1));
    if even.parse() == Ok(v) { even } else { text }
}

/// Digits after the point that write a number exactly: as many as its fraction has binary digits.
fn exact_decimals(v: f64) -> Option<usize> {
    let bits = v.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = if exponent == 0 { fraction } else { fraction | (1 << 52) };
    let zeros = i32::try_from(mantissa.trailing_zeros()).unwrap_or(0);
    usize::try_from(1075 - exponent.max(1) - zeros).ok()
}

/// A float with an exponent of a sign and two digits, as the values of alerts are written.
pub(crate) fn exponent(v: f64) -> String {
    if !v.is_finite() {
        return number(v);
    }
    let text = format!("{v:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn push_list<T>(out: &mut String, items: &[T], mut push: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(']');
}

fn push_labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_string(out, name);
        out.push(':');
        push_string(out, value);
    }
    out.push('}');
}

fn push_sample(out: &mut String, sample: Sample) {
    out.push('[');
    push_time(out, sample.t);
    let _ = write!(out, r#","{}"]"#, number(sample.v));
}

/// A time and a native histogram: count, sum and populated buckets, each with a number that says which of its bounds
/// belong to it (0 the upper, 1 the lower, 2 neither, 3 both), its bounds and its count.
fn push_histogram(out: &mut String, t: i64, histogram: &Histogram) {
    out.push('[');
    push_time(out, t);
    let _ = write!(out, r#",{{"count":"{}","sum":"{}""#, number(histogram.count), number(histogram.sum));
    let buckets: Vec<_> = histogram.buckets().filter(|b| b.count != 0.0).collect();
    if !buckets.is_empty() {
        out.push_str(r#","buckets":"#);
        push_list(out, &buckets, |out, b| {
            let inclusive = match (b.lower_inclusive, b.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let [lower, upper, count] = [b.lower, b.upper, b.count].map(number);
            let _ = write!(out, r#"[{inclusive},"{lower}","{upper}","{count}"]"#);
        });
    }
    out.push_str("}]");
}

fn push_time(out: &mut String, ms: i64) {
    let sign = if ms < 0 { "-" } else { "" };
    let (seconds, fraction) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    // Writing to a String cannot fail.
    let _ = write!(out, "{sign}{seconds}");
    if fraction != 0 {
        let _ = write!(out, ".{fraction:03}");
    }
}

fn push_string(out: &mut String, text: &str) {
    let quoted = serde_json::to_string(text).expect("every string has a JSON form");
    out.push_str(&quoted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::{HistogramSample, MatrixSeries, VectorSample};
    use std::sync::Arc;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (0.000_001, "0.000001"),
            (0.000_000_12, "1.2e-07"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (0.1 + 0.2, "0.30000000000000004"),
            (260_309.0 / 131_072.0, "1.9860000610351562"),
            (260_309.0 / 262_144.0, "0.9930000305175781"),
            (0.5, "0.5"),
            (-0.125, "-0.125"),
        ] {
            assert_eq!(number(v), text);
        }
        assert_eq!((exponent(1.0), exponent(0.25)), ("1e+00".into(), "2.5e-01".into()));
    }

    #[test]
    fn times_keep_three_digits_of_a_fraction() {
        assert_eq!(
            [time(0), time(1_700_000_000_100), time(-1500), time(5)],
            ["0", "1700000000.100", "-1.500", "0.005"]
        );
    }

    #[test]
    fn native_histograms() {
        let h = Histogram {
            count: 6.5,
            sum: -1.5,
            zero_threshold: 0.25,
            zero_count: 3.0,
            negative: vec![(0, 0.5)],
            positive: vec![(0, 2.0), (1, 0.0), (2, 1.0)],
            ..Histogram::default()
        };
        let written = concat!(
            r#"{"count":"6.5","sum":"-1.5","buckets":[[1,"-1","-0.5","0.5"],[3,"-0.25","0.25","3"],"#,
            r#"[0,"0.5","1","2"],[0,"2","4","1"]]}"#
        );
        let vector = Value::Vector(vec![VectorSample::of_histogram(Labels::default(), 1000, h.clone().into())]);
        let expected = format!(r#"{{"resultType":"vector","result":[{{"metric":{{}},"histogram":[1,{written}]}}]}}"#);
        assert_eq!(query_data(&vector), expected);
        let histograms = vec![HistogramSample { t: 2000, h: h.into() }, HistogramSample { t: 3000, h: Arc::default() }];
        let series = MatrixSeries { histograms, ..MatrixSeries::default() };
        let empty = r#"{"count":"0","sum":"0"}"#;
        let list = format!("[[2,{written}],[3,{empty}]]");
        let expected = format!(r#"{{"resultType":"matrix","result":[{{"metric":{{}},"histograms":{list}}}]}}"#);
        assert_eq!(query_data(&Value::Matrix(vec![series.clone()])), expected);
        let both = MatrixSeries { samples: vec![Sample { t: 1000, v: 1.0 }], ..series };
        assert!(query_data(&Value::Matrix(vec![both])).contains(r#""values":[[1,"1"]],"histograms":[["#));
    }

    #[test]
    fn results_of_every_type() {
        let labels = Labels::new([("__name__", "up"), ("a", "x\"y")]);
        let vector = Value::Vector(vec![VectorSample::new(labels.clone(), 1000, 1.0)]);
        let expected = r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","a":"x\"y"},"value":[1,"1"]}]}"#;
        assert_eq!(query_data(&vector), expected);
        let samples = vec![Sample { t: 1000, v: 1.0 }, Sample { t: 1500, v: f64::NAN }];
        let matrix = Value::Matrix(vec![MatrixSeries::new(Labels::default(), samples)]);
        let expected = r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[1.500,"NaN"]]}]}"#;
        assert_eq!(query_data(&matrix), expected);
        assert_eq!(query_data(&Value::Vector(vec![])), r#"{"resultType":"vector","result":[]}"#);
        assert_eq!(query_data(&Value::Scalar(Sample { t: 0, v: 2.0 })), r#"{"resultType":"scalar","result":[0,"2"]}"#);
        let text = Value::String(0, "a\n".into());
        assert_eq!(query_data(&text), r#"{"resultType":"string","result":[0,"a\n"]}"#);
    }
}
