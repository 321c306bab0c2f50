//! Chunks of samples, compressed as in Facebook's Gorilla paper (VLDB 2015): timestamps as deltas of deltas, values as
//! the XOR with the value before. Every bit of a value survives, staleness markers and NaN payloads included.

use crate::bits::{BitReader, BitWriter};
use promql::{Sample, Summary};

/// Samples a chunk holds at most: four minutes at one scrape a second.
pub(crate) const CHUNK_SAMPLES: u32 = 240;

/// Widths of the delta-of-delta classes; class `i` is announced by `i` one bits and a zero, the last without the zero.
const DELTA_BITS: [u32; 6] = [0, 7, 14, 20, 32, 64];

/// A chunk that still grows.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    writer: BitWriter,
    summary: Summary,
    delta: i64,
    last: Sample,
    leading: u32,
    trailing: u32,
}

impl Encoder {
    pub(crate) fn new(sample: Sample) -> Self {
        let mut writer = BitWriter::default();
        writer.write(sample.t as u64, 64);
        writer.write(sample.v.to_bits(), 64);
        // 64 leading zeros fit no value, so the first difference opens a window of its own.
        Self { writer, summary: Summary::from_iter([sample]), delta: 0, last: sample, leading: 64, trailing: 0 }
    }

    /// Adds a sample later than the last one.
    pub(crate) fn push(&mut self, sample: Sample) {
        let delta = sample.t.wrapping_sub(self.last.t);
        self.write_delta(delta.wrapping_sub(self.delta));
        self.write_value(sample.v.to_bits() ^ self.last.v.to_bits());
        self.delta = delta;
        self.last = sample;
        self.summary.add(sample);
    }

    fn write_delta(&mut self, change: i64) {
        let class = DELTA_BITS.iter().position(|bits| fits(change, *bits)).unwrap_or(DELTA_BITS.len() - 1);
        if class + 1 == DELTA_BITS.len() {
            self.writer.write(0b1_1111, 5);
        } else {
            self.writer.write(((1 << class) - 1) << 1, class as u32 + 1);
        }
        self.writer.write(change as u64, DELTA_BITS[class]);
    }

    fn write_value(&mut self, xor: u64) {
        if xor == 0 {
            self.writer.write(0, 1);
            return;
        }
        let (leading, trailing) = (xor.leading_zeros().min(31), xor.trailing_zeros());
        if leading >= self.leading && trailing >= self.trailing {
            self.writer.write(0b10, 2);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            let significant = 64 - leading - trailing;
            self.writer.write(0b11, 2);
            self.writer.write(u64::from(leading), 5);
            // 64 significant bits are written as 0, which cannot occur.
            self.writer.write(u64::from(significant & 63), 6);
        }
        self.writer.write(xor >> self.trailing, 64 - self.leading - self.trailing);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.summary.samples >= CHUNK_SAMPLES
    }

    /// The last sample, staleness markers included.
    pub(crate) fn last(&self) -> Sample {
        self.last
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn samples(&self) -> Samples<'_> {
        Samples::new(self.writer.bytes(), self.summary.samples)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes().len()
    }

    /// The finished chunk.
    pub(crate) fn seal(self) -> (Box<[u8]>, Summary) {
        (self.writer.into_bytes(), self.summary)
    }
}

/// Whether a number fits into a two's complement field.
fn fits(value: i64, bits: u32) -> bool {
    match bits {
        0 => value == 0,
        64 => true,
        _ => (-(1_i64 << (bits - 1))..1_i64 << (bits - 1)).contains(&value),
    }
}

/// Decompresses a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Samples<'a> {
    reader: BitReader<'a>,
    left: u32,
    started: bool,
    t: i64,
    delta: i64,
    value: u64,
    significant: u32,
    trailing: u32,
}

impl<'a> Samples<'a> {
    /// Reads so many samples; past the end of the bytes come samples of no meaning.
    pub(crate) fn new(bytes: &'a [u8], count: u32) -> Self {
        let reader = BitReader::new(bytes);
        Self { reader, left: count, started: false, t: 0, delta: 0, value: 0, significant: 0, trailing: 0 }
    }

    /// The summary of all samples, if the bytes are those of a chunk: times rise, and no byte is left or missing.
    pub(crate) fn checked(mut self) -> Option<Summary> {
        // The first sample takes sixteen bytes and each after it two bits at least: no count can make this long.
        if self.left as usize > self.reader.length().saturating_mul(4) {
            return None;
        }
        let mut summary = Summary::EMPTY;
        for sample in self.by_ref() {
            if summary.samples > 0 && sample.t <= summary.last_t {
                return None;
            }
            summary.add(sample);
        }
        (summary.samples > 0 && self.reader.is_at_end()).then_some(summary)
    }

    #[inline]
    fn read_delta(&mut self) -> i64 {
        let ones = self.reader.peek().leading_ones().min(5);
        self.reader.skip((ones + 1).min(5));
        let bits = DELTA_BITS[ones as usize];
        if bits == 0 {
            return 0;
        }
        let shift = 64 - bits;
        ((self.reader.read(bits) << shift) as i64) >> shift
    }

    #[inline]
    fn read_xor(&mut self) -> u64 {
        let head = self.reader.peek() >> 51;
        if head >> 12 == 0 {
            self.reader.skip(1);
            return 0;
        }
        if head >> 11 == 0b10 {
            self.reader.skip(2);
        } else {
            self.reader.skip(13);
            let (leading, significant) = ((head >> 6) as u32 & 31, head as u32 & 63);
            self.significant = if significant == 0 { 64 } else { significant };
            self.trailing = 64_u32.saturating_sub(leading + self.significant);
        }
        self.reader.read(self.significant) << self.trailing
    }
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    #[inline]
    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        if self.started {
            self.delta = self.delta.wrapping_add(self.read_delta());
            self.t = self.t.wrapping_add(self.delta);
            self.value ^= self.read_xor();
        } else {
            self.started = true;
            self.t = self.reader.read(64) as i64;
            self.value = self.reader.read(64);
        }
        Some(Sample { t: self.t, v: f64::from_bits(self.value) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::stale_nan;
    use proptest::prelude::*;

    fn encode(samples: &[Sample]) -> (Box<[u8]>, Summary) {
        let mut encoder = Encoder::new(samples[0]);
        samples[1..].iter().for_each(|s| encoder.push(*s));
        encoder.seal()
    }

    #[track_caller]
    fn check_round_trip(samples: &[(i64, f64)]) {
        let samples: Vec<_> = samples.iter().map(|(t, v)| Sample { t: *t, v: *v }).collect();
        let bits = |s: &Sample| (s.t, s.v.to_bits());
        let (bytes, summary) = encode(&samples);
        let decoded: Vec<_> = Samples::new(&bytes, summary.samples).collect();
        // Texts, because NaN is not equal to itself.
        assert_eq!(format!("{:?}", Samples::new(&bytes, summary.samples).checked()), format!("{:?}", Some(summary)));
        assert_eq!(decoded.iter().map(bits).collect::<Vec<_>>(), samples.iter().map(bits).collect::<Vec<_>>());
    }

    #[test]
    fn every_bit_survives() {
        check_round_trip(&[(0, 0.0)]);
        check_round_trip(&[(-5, -0.0), (7, 0.0), (8, f64::from_bits(0x7ff8_0000_0000_0001)), (9, stale_nan())]);
        check_round_trip(&[(i64::MIN, f64::MAX), (0, f64::MIN_POSITIVE), (i64::MAX, f64::NEG_INFINITY)]);
        check_round_trip(&[(1, f64::from_bits(u64::MAX)), (2, 0.0), (3, f64::from_bits(1)), (4, 1.5)]);
    }

    #[test]
    fn deltas_of_every_class_survive() {
        let mut t = 1_700_000_000_000;
        let mut samples = vec![(t, 1.0)];
        for step in [1, 63, 64, 65, 127, 8191, 8192, 9000, 524_287, 524_289, 2_147_483_647, 4_294_967_296, 1, 1] {
            t += step;
            samples.push((t, 1.0));
        }
        check_round_trip(&samples);
    }

    #[test]
    fn a_steady_gauge_costs_two_bits_a_sample() {
        let samples: Vec<_> = (0..240).map(|i| Sample { t: i * 1000, v: 4.0 }).collect();
        let (bytes, _) = encode(&samples);
        assert!(bytes.len() <= 16 + 3 + 60, "{} bytes", bytes.len());
    }

    #[test]
    fn the_summary_is_that_of_the_samples() {
        let values = [3.0, 5.0, 1.0, stale_nan(), 4.0, 2.0];
        let samples: Vec<_> = values.iter().zip(10..).map(|(v, t)| Sample { t, v: *v }).collect();
        let (_, summary) = encode(&samples);
        assert_eq!(summary, samples.iter().copied().collect());
        assert_eq!(summary.last.v - summary.first.v + summary.resets, 2.0 + 1.0 + 3.0 + 2.0);
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (0..1000_i32).prop_map(f64::from),
            Just(stale_nan()),
            Just(f64::NAN),
        ]
    }

    proptest! {
        #[test]
        fn random_samples_survive(
            start in any::<i32>(),
            steps in prop::collection::vec((1..100_000_i64, any_value()), 1..240),
        ) {
            let mut t = i64::from(start);
            let samples: Vec<_> = steps.into_iter().map(|(step, v)| { t += step; (t, v) }).collect();
            check_round_trip(&samples);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), count in 0..500_u32) {
            prop_assert_eq!(Samples::new(&bytes, count).count(), count as usize);
            if let Some(summary) = Samples::new(&bytes, count).checked() {
                prop_assert!(summary.samples == count && summary.first_t <= summary.last_t);
            }
        }
    }
}
