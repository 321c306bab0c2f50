//! Prometheus remote write 1.0 and 2.0: protobuf messages in snappy blocks.
//!
//! The messages are those of Prometheus' `prompb/remote.proto` and `prompb/types.proto`; native histograms are carried
//! undecoded.

pub mod v2;

use promql::{Labels, Sample};
use prost::Message;

/// `Content-Type` of a request body.
pub const CONTENT_TYPE: &str = "application/x-protobuf";
/// `X-Prometheus-Remote-Write-Version` of the format written and read here.
pub const VERSION: &str = "0.1.0";

/// A whole request.
#[derive(Clone, PartialEq, Message)]
pub struct WriteRequest {
    /// Series with their samples.
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<TimeSeries>,
    /// What the metric families mean.
    #[prost(message, repeated, tag = "3")]
    pub metadata: Vec<MetricMetadata>,
}

/// One series.
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    /// Labels, the metric name as `__name__`.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// Samples in order of time.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<WireSample>,
    /// Exemplars.
    #[prost(message, repeated, tag = "3")]
    pub exemplars: Vec<Exemplar>,
    /// Native histograms, undecoded.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub histograms: Vec<Vec<u8>>,
}

/// A label.
#[derive(Clone, PartialEq, Message)]
pub struct Label {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A sample.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct WireSample {
    /// Value; the staleness marker is a particular NaN.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

/// An exemplar.
#[derive(Clone, PartialEq, Message)]
pub struct Exemplar {
    /// Its own labels, such as `trace_id`.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// Observed value.
    #[prost(double, tag = "2")]
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    #[prost(int64, tag = "3")]
    pub timestamp: i64,
}

/// Metadata of a metric family.
#[derive(Clone, PartialEq, Message)]
pub struct MetricMetadata {
    /// `MetricType`: 0 unknown, 1 counter, 2 gauge, 3 histogram, 4 gauge histogram, 5 summary, 6 info, 7 state set.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// Name of the family.
    #[prost(string, tag = "2")]
    pub metric_family_name: String,
    /// Help text.
    #[prost(string, tag = "4")]
    pub help: String,
    /// Unit.
    #[prost(string, tag = "5")]
    pub unit: String,
}

/// Why a request body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body is no snappy block.
    #[error("the body is not snappy-compressed: {0}")]
    Snappy(#[from] snap::Error),
    /// Decompressed, it would exceed the limit.
    #[error("the body decompresses to {size} bytes; at most {limit} are accepted: send smaller batches")]
    TooLarge {
        /// Size announced by the block.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The content is no write request.
    #[error("the body is no remote-write request: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// A message of version 2 refers to a string that it does not have.
    #[error("the body is no remote-write request: {0}")]
    Reference(#[from] v2::ReferenceError),
}

/// The versions of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`
    First,
    /// `io.prometheus.write.v2.Request`
    Second,
}

impl Version {
    /// The version that a `Content-Type` names; the first where it names none. `None` where it is something else.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        if !parts.next().unwrap_or_default().eq_ignore_ascii_case(CONTENT_TYPE) {
            return None;
        }
        match parts.find_map(|part| part.strip_prefix("proto=")) {
            None | Some("prometheus.WriteRequest") => Some(Self::First),
            Some("io.prometheus.write.v2.Request") => Some(Self::Second),
            Some(_) => None,
        }
    }
}

/// Encodes series as a request body: snappy-compressed protobuf.
pub fn encode(series: &[(Labels, Vec<Sample>)]) -> Vec<u8> {
    let timeseries = series.iter().map(|(labels, samples)| TimeSeries {
        labels: wire_labels(labels),
        samples: samples.iter().map(|s| WireSample { value: s.v, timestamp: s.t }).collect(),
        exemplars: Vec::new(),
        histograms: Vec::new(),
    });
    compress(&WriteRequest { timeseries: timeseries.collect(), metadata: Vec::new() })
}

/// Compresses a message as the body of a request.
pub fn compress(request: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("snappy takes every block under 4 GiB, and a request is far smaller")
}

/// Decodes a request body of version 1.0 that decompresses to at most `limit` bytes.
///
/// # Errors
/// [`DecodeError`] on anything else than a snappy-compressed write request within the limit.
pub fn decode(body: &[u8], limit: usize) -> Result<WriteRequest, DecodeError> {
    decode_as(Version::First, body, limit)
}

/// Decodes a request body of either version that decompresses to at most `limit` bytes.
///
/// # Errors
/// [`DecodeError`] on anything else than a snappy-compressed write request within the limit.
pub fn decode_as(version: Version, body: &[u8], limit: usize) -> Result<WriteRequest, DecodeError> {
    let size = snap::raw::decompress_len(body)?;
    if size > limit {
        return Err(DecodeError::TooLarge { size, limit });
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(body)?;
    Ok(match version {
        Version::First => WriteRequest::decode(bytes.as_slice())?,
        Version::Second => v2::Request::decode(bytes.as_slice())?.into_first()?,
    })
}

/// The labels of a message as a label set.
pub fn labels(pairs: &[Label]) -> Labels {
    Labels::new(pairs.iter().map(|l| (&l.name, &l.value)))
}

fn wire_labels(labels: &Labels) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    #[test]
    fn what_is_encoded_decodes_to_the_same_bits() {
        let series = Labels::new([("__name__", "x_total"), ("job", "a")]);
        let samples = vec![Sample { t: 1, v: 0.5 }, Sample { t: -2, v: promql::stale_nan() }];
        let request = decode(&encode(&[(series.clone(), samples)]), LIMIT).unwrap();
        let [only] = request.timeseries.as_slice() else { panic!("{request:?}") };
        assert_eq!(labels(&only.labels), series);
        assert_eq!(only.samples[0], WireSample { value: 0.5, timestamp: 1 });
        assert_eq!(only.samples[1].timestamp, -2);
        assert!(promql::is_stale(only.samples[1].value));
    }

    #[test]
    fn content_types_name_the_version() {
        for (value, expected) in [
            ("application/x-protobuf", Some(Version::First)),
            ("application/x-protobuf;proto=prometheus.WriteRequest", Some(Version::First)),
            ("application/x-protobuf; proto=io.prometheus.write.v2.Request", Some(Version::Second)),
            ("application/x-protobuf;proto=other", None),
            ("application/json", None),
        ] {
            assert_eq!(Version::from_content_type(value), expected, "{value}");
        }
    }

    #[test]
    fn an_empty_request_is_a_request() {
        assert_eq!(decode(&encode(&[]), LIMIT).unwrap(), WriteRequest::default());
    }

    #[test]
    fn the_bytes_are_those_of_the_published_message() {
        let request = encode(&[(Labels::new([("a", "b")]), vec![Sample { t: 3, v: 1.0 }])]);
        let plain = snap::raw::Decoder::new().decompress_vec(&request).unwrap();
        let label = [0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'b'];
        let sample = [0x12, 11, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 3];
        let expected: Vec<u8> = [&[0x0a, 21][..], &label, &sample].concat();
        assert_eq!(plain, expected);
    }

    #[test]
    fn garbage_and_bombs_are_refused_with_a_reason() {
        assert!(matches!(decode(b"\xff\xff\xff\xff\xff\xff", LIMIT), Err(DecodeError::Snappy(_))));
        let noise = snap::raw::Encoder::new().compress_vec(b"\x0a\xff").unwrap();
        assert!(matches!(decode(&noise, LIMIT), Err(DecodeError::Protobuf(_))));
        let big = snap::raw::Encoder::new().compress_vec(&vec![0; LIMIT + 1]).unwrap();
        let error = decode(&big, LIMIT).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("smaller batches"));
    }
}
