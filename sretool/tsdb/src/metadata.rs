//! What a metric family says about itself.

use std::fmt;

/// The type of a metric family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// A sum that only grows, or restarts at zero.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Cumulative buckets with `_sum` and `_count`.
    Histogram,
    /// Buckets of a current state.
    GaugeHistogram,
    /// Precomputed quantiles.
    Summary,
    /// Constant facts in labels.
    Info,
    /// A set of booleans.
    StateSet,
    /// Nothing is known.
    #[default]
    Unknown,
}

impl MetricType {
    /// The type as OpenMetrics and the Prometheus API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a type; `untyped` is the text format's word for unknown.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "unknown" | "untyped" => Self::Unknown,
            _ => return None,
        })
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Type, help and unit of a metric family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Type.
    pub kind: MetricType,
    /// Help text, unescaped.
    pub help: String,
    /// Unit, empty where none is given.
    pub unit: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        use MetricType::*;
        for kind in [Counter, Gauge, Histogram, GaugeHistogram, Summary, Info, StateSet, Unknown] {
            assert_eq!(MetricType::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(MetricType::from_name("untyped"), Some(Unknown));
        assert_eq!(MetricType::from_name("Counter"), None);
    }
}
