//! The messages of remote write 2.0, `io.prometheus.write.v2.Request`: strings stand in one table, and series refer to
//! them by their places.

use super::{MetricMetadata, WriteRequest};
use prost::Message;

/// A whole request.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    /// Every string, the first of them empty.
    #[prost(string, repeated, tag = "4")]
    pub symbols: Vec<String>,
    /// Series with their samples.
    #[prost(message, repeated, tag = "5")]
    pub timeseries: Vec<TimeSeries>,
}

/// One series.
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    /// Names and values of labels in turn, as places in the table.
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    /// Samples in order of time.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<super::WireSample>,
    /// Native histograms, undecoded.
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub histograms: Vec<Vec<u8>>,
    /// Exemplars.
    #[prost(message, repeated, tag = "4")]
    pub exemplars: Vec<Exemplar>,
    /// What the series means.
    #[prost(message, optional, tag = "5")]
    pub metadata: Option<Metadata>,
}

/// An exemplar.
#[derive(Clone, PartialEq, Message)]
pub struct Exemplar {
    /// Names and values of its own labels in turn, as places in the table.
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    /// Observed value.
    #[prost(double, tag = "2")]
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    #[prost(int64, tag = "3")]
    pub timestamp: i64,
}

/// Metadata of a series.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Metadata {
    /// As in [`MetricMetadata::kind`].
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// Place of the help text.
    #[prost(uint32, tag = "3")]
    pub help_ref: u32,
    /// Place of the unit.
    #[prost(uint32, tag = "4")]
    pub unit_ref: u32,
}

/// A reference leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Beyond the table.
    #[error("the string {place} is referred to, but there are only {count}")]
    Missing {
        /// The place.
        place: u32,
        /// Strings in the table.
        count: usize,
    },
    /// A label without a value.
    #[error("a list of {0} references to names and values of labels is odd")]
    Odd(usize),
}

impl Request {
    /// The same request as remote write 1.0 says it.
    ///
    /// # Errors
    /// [`ReferenceError`] where a reference leads nowhere.
    pub fn into_first(self) -> Result<WriteRequest, ReferenceError> {
        let Self { symbols, timeseries } = self;
        let table = Table(&symbols);
        let mut request = WriteRequest::default();
        for series in timeseries {
            let labels = table.labels(&series.labels_refs)?;
            if let Some(metadata) = series.metadata {
                let name = labels.iter().find(|label| label.name == promql::METRIC_NAME);
                request.metadata.extend(name.map(|name| table.metadata(&name.value, &metadata)).transpose()?);
            }
            let exemplars = series.exemplars.iter().map(|e| {
                Ok(super::Exemplar { labels: table.labels(&e.labels_refs)?, value: e.value, timestamp: e.timestamp })
            });
            let exemplars = exemplars.collect::<Result<_, _>>()?;
            let (samples, histograms) = (series.samples, series.histograms);
            request.timeseries.push(super::TimeSeries { labels, samples, exemplars, histograms });
        }
        Ok(request)
    }
}

struct Table<'a>(&'a [String]);

impl Table<'_> {
    fn get(&self, place: u32) -> Result<String, ReferenceError> {
        let text = usize::try_from(place).ok().and_then(|place| self.0.get(place));
        text.cloned().ok_or(ReferenceError::Missing { place, count: self.0.len() })
    }

    fn labels(&self, places: &[u32]) -> Result<Vec<super::Label>, ReferenceError> {
        let (pairs, rest) = places.as_chunks();
        if !rest.is_empty() {
            return Err(ReferenceError::Odd(places.len()));
        }
        let label = |[name, value]: &[u32; 2]| Ok(super::Label { name: self.get(*name)?, value: self.get(*value)? });
        pairs.iter().map(label).collect()
    }

    fn metadata(&self, series: &str, metadata: &Metadata) -> Result<MetricMetadata, ReferenceError> {
        Ok(MetricMetadata {
            kind: metadata.kind,
            metric_family_name: family(series, metadata.kind).to_owned(),
            help: self.get(metadata.help_ref)?,
            unit: self.get(metadata.unit_ref)?,
        })
    }
}

/// The family of a series: for histograms and summaries its name without the suffix.
fn family(series: &str, kind: i32) -> &str {
    let suffixes: &[&str] = match kind {
        1 => &["_total"],
        3 | 4 => &["_bucket", "_count", "_sum"],
        5 => &["_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| series.strip_suffix(suffix)).unwrap_or(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(refs: Vec<u32>) -> Request {
        let symbols = ["", "__name__", "x_total", "job", "a", "Help.", "trace_id", "t"].map(str::to_owned).to_vec();
        let series = TimeSeries {
            labels_refs: refs,
            samples: vec![super::super::WireSample { value: 1.5, timestamp: 7 }],
            histograms: Vec::new(),
            exemplars: vec![Exemplar { labels_refs: vec![6, 7], value: 0.5, timestamp: 6 }],
            metadata: Some(Metadata { kind: 1, help_ref: 5, unit_ref: 0 }),
        };
        Request { symbols, timeseries: vec![series] }
    }

    #[test]
    fn references_become_strings() {
        let first = request(vec![1, 2, 3, 4]).into_first().unwrap();
        let series = &first.timeseries[0];
        assert_eq!(super::super::labels(&series.labels).to_string(), r#"x_total{job="a"}"#);
        assert_eq!(series.samples[0].value, 1.5);
        assert_eq!((series.exemplars[0].labels[0].value.as_str(), series.exemplars[0].timestamp), ("t", 6));
        let metadata = &first.metadata[0];
        assert_eq!((metadata.metric_family_name.as_str(), metadata.help.as_str(), metadata.kind), ("x", "Help.", 1));
    }

    #[test]
    fn references_that_lead_nowhere_are_refused() {
        assert_eq!(request(vec![1, 2, 3]).into_first(), Err(ReferenceError::Odd(3)));
        assert_eq!(request(vec![1, 99]).into_first(), Err(ReferenceError::Missing { place: 99, count: 8 }));
    }

    #[test]
    fn families_are_named_as_their_kind_wants() {
        for (series, kind, expected) in
            [("x_total", 1, "x"), ("x_total", 2, "x_total"), ("h_bucket", 3, "h"), ("s_sum", 5, "s"), ("g", 0, "g")]
        {
            assert_eq!(family(series, kind), expected);
        }
    }
}
