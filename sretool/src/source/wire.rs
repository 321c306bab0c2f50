//! The JSON of the Prometheus HTTP API, decoded.

use promql::{Labels, MatrixSeries, Sample, Value, VectorSample};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(super) struct Envelope<T> {
    pub status: String,
    pub data: Option<T>,
    #[serde(rename = "errorType", default)]
    pub error_type: String,
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum QueryData {
    Scalar((f64, String)),
    String((f64, String)),
    Vector(Vec<VectorItem>),
    Matrix(Vec<MatrixItem>),
}

#[derive(Debug, Deserialize)]
pub(super) struct VectorItem {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MatrixItem {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    #[serde(default)]
    histograms: Vec<serde::de::IgnoredAny>,
}

fn sample((seconds, text): &(f64, String)) -> Result<Sample, String> {
    let v = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any real time fit in 63 bits")]
    let t = (seconds * 1000.0).round() as i64;
    Ok(Sample { t, v })
}

impl QueryData {
    pub(super) fn into_value(self) -> Result<Value, String> {
        Ok(match self {
            Self::Scalar(pair) => Value::Scalar(sample(&pair)?),
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any real time fit in 63 bits")]
            Self::String((seconds, text)) => Value::String((seconds * 1000.0).round() as i64, text),
            Self::Vector(items) => {
                let decode = |item: VectorItem| {
                    let pair = item.value.ok_or("native histograms cannot be read")?;
                    let Sample { t, v } = sample(&pair)?;
                    Ok::<_, String>(VectorSample::new(Labels::new(item.metric), t, v))
                };
                Value::Vector(items.into_iter().map(decode).collect::<Result<_, _>>()?)
            }
            Self::Matrix(items) => {
                let decode = |item: MatrixItem| {
                    if !item.histograms.is_empty() {
                        return Err("native histograms cannot be read".into());
                    }
                    let samples = item.values.iter().map(sample).collect::<Result<_, _>>()?;
                    Ok::<_, String>(MatrixSeries::new(Labels::new(item.metric), samples))
                };
                Value::Matrix(items.into_iter().map(decode).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// A pending or firing alert.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ActiveAlert {
    /// Labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// Annotations, templates expanded.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// `pending` or `firing`.
    pub state: String,
    /// When it became pending, RFC 3339.
    #[serde(rename = "activeAt")]
    pub active_at: Option<String>,
    /// Value of the expression.
    #[serde(default)]
    pub value: String,
}

/// A rule group.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RuleGroup {
    /// Name.
    pub name: String,
    /// File that it was read from.
    #[serde(default)]
    pub file: String,
    /// Evaluation interval, seconds.
    #[serde(default)]
    pub interval: f64,
    /// Rules, in order of evaluation.
    #[serde(default)]
    pub rules: Vec<RuleStatus>,
}

/// A rule and how it fares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RuleStatus {
    /// Alert or series name.
    pub name: String,
    /// Expression.
    #[serde(default)]
    pub query: String,
    /// `alerting` or `recording`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// `ok`, `err` or `unknown`.
    #[serde(default)]
    pub health: String,
    /// The last evaluation's error.
    #[serde(rename = "lastError", default)]
    pub last_error: String,
    /// `for` of an alerting rule, seconds.
    #[serde(default)]
    pub duration: f64,
    /// `keep_firing_for` of an alerting rule, seconds.
    #[serde(rename = "keepFiringFor", default)]
    pub keep_firing_for: f64,
    /// `inactive`, `pending` or `firing` of an alerting rule.
    #[serde(default)]
    pub state: String,
    /// Labels that the rule adds.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations, templates unexpanded.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What answers the API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BuildInfo {
    /// Prometheus version, or the version whose behaviour is followed.
    #[serde(default)]
    pub version: String,
    /// `sretool` where our own server answers.
    #[serde(default)]
    pub application: String,
}

impl BuildInfo {
    pub(super) fn in_process() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), application: "sretool".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<Value, String> {
        serde_json::from_str::<QueryData>(json).map_err(|e| e.to_string())?.into_value()
    }

    #[test]
    fn vectors_scalars_and_special_values() {
        let json = r#"{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1.5,"+Inf"]}]}"#;
        let expected = VectorSample::new(Labels::new([("__name__", "up")]), 1500, f64::INFINITY);
        assert_eq!(decode(json).unwrap(), Value::Vector(vec![expected]));
        let Value::Scalar(scalar) = decode(r#"{"resultType":"scalar","result":[0.001,"NaN"]}"#).unwrap() else {
            panic!("not a scalar");
        };
        assert!(scalar.v.is_nan() && scalar.t == 1);
    }

    #[test]
    fn matrices() {
        let json = r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[2,"-0.5"]]}]}"#;
        let samples = vec![Sample { t: 1000, v: 2.0 }, Sample { t: 2000, v: -0.5 }];
        assert_eq!(decode(json).unwrap(), Value::Matrix(vec![MatrixSeries::new(Labels::default(), samples)]));
    }

    #[test]
    fn histograms_and_garbage_are_refused() {
        assert!(decode(r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}"#).is_err());
        assert!(decode(r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}"#).is_err());
    }
}
