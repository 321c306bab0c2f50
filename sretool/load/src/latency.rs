//! A distribution of durations: HDR histogram, three significant digits, microseconds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize, de, ser};
use std::time::Duration;

/// The longest duration that is told apart; longer ones count as this long.
const HOUR_US: u64 = 3_600_000_000;

/// Why a stored histogram is unreadable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("unreadable HDR histogram: {0}")]
pub struct LatencyError(String);

/// Durations counted in an HDR histogram with three significant digits, in microseconds. Merging loses nothing.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u32>,
    // Kept apart because a bucket's upper edge may lie above every value in it.
    max_us: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self { histogram: empty(), max_us: 0 }
    }
}

impl PartialEq for Latency {
    fn eq(&self, other: &Self) -> bool {
        self.max_us == other.max_us && self.histogram == other.histogram
    }
}

fn empty() -> Histogram<u32> {
    // Grows on demand, since most histograms of a second hold values of one magnitude.
    let mut histogram = Histogram::new(3).expect("three digits are within the library's one to five");
    histogram.auto(true);
    histogram
}

impl Latency {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(HOUR_US).min(HOUR_US);
        self.max_us = self.max_us.max(us);
        // A resizing histogram refuses a value only where memory indices overflow, far above an hour.
        let _ = self.histogram.record(us);
    }

    /// Adds another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.max_us = self.max_us.max(other.max_us);
        let _ = self.histogram.add(&other.histogram);
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The smallest duration that at least a fraction `q` of all do not exceed (nearest rank), in seconds; none
    /// without durations.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.value_at_quantile(q).min(self.max_us) as f64 / 1e6)
    }

    /// The longest duration in seconds.
    pub fn max(&self) -> Option<f64> {
        (self.count() > 0).then_some(self.max_us as f64 / 1e6)
    }

    /// The shortest duration in seconds, to three digits.
    pub fn min(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.min() as f64 / 1e6)
    }

    /// The mean in seconds.
    pub fn mean(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.mean() / 1e6)
    }

    /// The standard deviation in seconds.
    pub fn deviation(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.stdev() / 1e6)
    }

    /// The distinct durations in µs, to three digits, with how often each was counted, in ascending order.
    pub fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.histogram.iter_recorded().map(|step| (step.value_iterated_to(), u64::from(step.count_at_value())))
    }

    /// Steps of the distribution, `ticks` for each halving of the distance to 100 %: duration in seconds, the
    /// quantile, and how many durations do not exceed it.
    pub fn steps(&self, ticks: u32) -> impl Iterator<Item = (f64, f64, u64)> {
        let (max_us, mut seen) = (self.max_us, 0);
        self.histogram.iter_quantiles(ticks).map(move |step| {
            seen += step.count_since_last_iteration();
            (step.value_iterated_to().min(max_us) as f64 / 1e6, step.quantile_iterated_to(), seen)
        })
    }

    /// The sum in seconds, to three digits.
    pub fn sum(&self) -> f64 {
        self.histogram.mean() * self.count() as f64 / 1e6
    }

    /// The histogram in the HdrHistogram V2 compressed format, base64, as its plotting tools read it.
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and three digits up to an hour always encode.
        let _ = V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes);
        BASE64.encode(bytes)
    }

    /// Reads what [`Latency::to_base64`] wrote; the maximum is then known to three digits only.
    pub fn from_base64(text: &str) -> Result<Self, LatencyError> {
        let bytes = BASE64.decode(text).map_err(|e| LatencyError(e.to_string()))?;
        let read: Histogram<u32> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|e| LatencyError(e.to_string()))?;
        let mut histogram = empty();
        histogram.add(&read).map_err(|e| LatencyError(e.to_string()))?;
        let max_us = if histogram.is_empty() { 0 } else { histogram.max() };
        Ok(Self { histogram, max_us })
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    max_us: u64,
    hdr: String,
}

impl Serialize for Latency {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hdr = if self.count() == 0 { String::new() } else { self.to_base64() };
        Wire { max_us: self.max_us, hdr }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        if wire.hdr.is_empty() {
            return Ok(Self::default());
        }
        let read = Self::from_base64(&wire.hdr).map_err(de::Error::custom)?;
        Ok(Self { max_us: wire.max_us, ..read })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(ms: &[u64]) -> Latency {
        let mut latency = Latency::default();
        ms.iter().for_each(|&ms| latency.record(Duration::from_millis(ms)));
        latency
    }

    #[test]
    fn nothing_has_no_percentile() {
        let none = Latency::default();
        assert_eq!((none.quantile(0.5), none.max(), none.mean(), none.min()), (None, None, None, None));
        assert_eq!(none.count(), 0);
        assert_eq!(none.sum(), 0.0);
    }

    #[test]
    fn one_value_is_every_percentile() {
        let one = of(&[7]);
        for q in [0.001, 0.5, 0.95, 0.99, 1.0] {
            assert_eq!(one.quantile(q), Some(0.007));
        }
        assert_eq!(one.max(), Some(0.007));
    }

    #[test]
    fn two_values_split_at_the_median() {
        let two = of(&[1, 9]);
        assert_eq!(two.quantile(0.5), Some(0.001));
        assert_eq!(two.quantile(0.51), Some(0.009));
        assert_eq!(two.quantile(1.0), Some(0.009));
    }

    #[test]
    fn equal_values_stay_exact_at_their_maximum() {
        let equal = of(&[200; 50]);
        assert_eq!(equal.quantile(0.95), Some(0.2));
        assert_eq!(equal.max(), Some(0.2));
    }

    #[test]
    fn more_than_an_hour_counts_as_an_hour() {
        let mut latency = Latency::default();
        latency.record(Duration::from_secs(90_000));
        assert_eq!(latency.max(), Some(3600.0));
    }

    #[test]
    fn base64_is_the_standard_compressed_format() {
        let text = of(&[1, 2, 3]).to_base64();
        // The cookie of compressed V2 is 0x1c849314 in every implementation.
        assert!(text.starts_with("HISTFA"), "{text}");
        assert_eq!(Latency::from_base64(&text).unwrap().count(), 3);
        assert!(Latency::from_base64("AAAA").is_err());
        assert!(Latency::from_base64("%").is_err());
    }

    proptest! {
        #[test]
        fn parts_merge_into_the_whole(a in prop::collection::vec(0u64..100_000, 0..50),
                                      b in prop::collection::vec(0u64..100_000, 0..50)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let whole = of(&[a, b].concat());
            prop_assert_eq!(&merged, &whole);
            for q in [0.5, 0.9, 0.95, 0.99, 1.0] {
                prop_assert_eq!(merged.quantile(q), whole.quantile(q));
            }
        }

        #[test]
        fn a_quantile_is_the_nearest_rank_within_a_thousandth(
            mut values in prop::collection::vec(1u64..60_000, 1..200), q in 0.01f64..1.0
        ) {
            let found = of(&values).quantile(q).unwrap() * 1e3;
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let expected = values[rank - 1] as f64;
            prop_assert!((found - expected).abs() <= expected / 1000.0 + 1e-3, "{} vs {}", found, expected);
        }

        #[test]
        fn json_keeps_everything(values in prop::collection::vec(0u64..10_000_000, 0..50)) {
            let latency = of(&values);
            let text = serde_json::to_string(&latency).unwrap();
            prop_assert_eq!(serde_json::from_str::<Latency>(&text).unwrap(), latency);
        }
    }
}
