//! Finished chunks: whole numbers as packed differences where that is shorter, else as they grew.
//!
//! Most samples are counters, which count in whole numbers, at even distances. The differences of such a chunk lie in
//! a narrow range, so that the smallest and a few bits for each tell all ("frame of reference"); even distances of
//! time take no bits at all. This is half the size of XOR compression and several times as fast to read.

use crate::bits::{BitReader, BitWriter};
use crate::chunk::{CHUNK_SAMPLES, Samples};
use promql::{Sample, Summary};

/// Samples as the growing chunk had them.
const XOR: u8 = 0;
/// Packed differences.
const PACKED: u8 = 1;
/// Beyond this a whole number is no longer exact in a double.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// The bytes of a finished chunk, from those of the growing one.
pub(crate) fn pack(grown: &[u8], count: u32) -> Box<[u8]> {
    let samples: Vec<Sample> = Samples::new(grown, count).collect();
    match packed(&samples) {
        Some(packed) if packed.len() <= grown.len() => packed.into(),
        _ => [&[XOR], grown].concat().into(),
    }
}

/// Appends the samples of a finished chunk; `false` where the bytes are none.
pub(crate) fn read(bytes: &[u8], count: u32, out: &mut Vec<Sample>) -> bool {
    match bytes.split_first() {
        Some((&XOR, grown)) => {
            out.extend(Samples::new(grown, count));
            true
        }
        Some((&PACKED, rest)) => unpack(rest, count, out).is_some(),
        _ => false,
    }
}

/// The summary of a finished chunk, if the bytes are those of one: times rise, and no byte is left or missing.
pub(crate) fn check(bytes: &[u8], count: u32) -> Option<Summary> {
    if count > CHUNK_SAMPLES {
        return None;
    }
    if let [XOR, grown @ ..] = bytes {
        return Samples::new(grown, count).checked();
    }
    let mut samples = Vec::new();
    let whole = read(bytes, count, &mut samples) && samples.len() == count as usize;
    let rising = samples.windows(2).all(|pair| pair[0].t < pair[1].t);
    (whole && rising && count > 0).then(|| samples.into_iter().collect())
}

/// A whole number that a double holds exactly; minus zero is none, because its sign would be lost.
fn whole(v: f64) -> Option<i64> {
    let number = v as i64;
    (v.abs() < LARGEST && (number as f64).to_bits() == v.to_bits()).then_some(number)
}

/// Smallest difference, and the bits that hold any other's distance from it.
fn frame(differences: impl Iterator<Item = i64> + Clone) -> (i64, u32) {
    let smallest = differences.clone().min().unwrap_or(0);
    let widest = differences.map(|d| d.wrapping_sub(smallest) as u64).max().unwrap_or(0);
    (smallest, 64 - widest.leading_zeros())
}

fn packed(samples: &[Sample]) -> Option<Vec<u8>> {
    let values: Vec<i64> = samples.iter().map(|s| whole(s.v)).collect::<Option<_>>()?;
    let times = samples.windows(2).map(|pair| pair[1].t.wrapping_sub(pair[0].t));
    let rises = values.windows(2).map(|pair| pair[1] - pair[0]);
    let ((t_base, t_bits), (v_base, v_bits)) = (frame(times.clone()), frame(rises.clone()));
    let mut bytes = vec![PACKED, t_bits as u8, v_bits as u8];
    for number in [samples.first()?.t, *values.first()?, t_base, v_base] {
        write_number(&mut bytes, number);
    }
    let mut writer = BitWriter::default();
    for (t, v) in times.zip(rises) {
        writer.write(t.wrapping_sub(t_base) as u64, t_bits);
        writer.write((v - v_base) as u64, v_bits);
    }
    bytes.extend(writer.bytes());
    Some(bytes)
}

fn unpack(bytes: &[u8], count: u32, out: &mut Vec<Sample>) -> Option<()> {
    let (&[t_bits, v_bits], mut rest) = bytes.split_first_chunk()?;
    let (t_bits, v_bits) = (u32::from(t_bits), u32::from(v_bits));
    let mut number = || read_number(&mut rest);
    let (mut t, mut v, t_base, v_base) = (number()?, number()?, number()?, number()?);
    let differences = count.checked_sub(1)?;
    let bits = u64::from(differences) * u64::from(t_bits + v_bits);
    if t_bits > 64 || v_bits > 64 || bits.div_ceil(8) != rest.len() as u64 {
        return None;
    }
    out.reserve(count as usize);
    out.push(Sample { t, v: v as f64 });
    let mut reader = BitReader::new(rest);
    let both = t_bits + v_bits;
    for _ in 0..differences {
        let (t_more, v_more) = if t_bits == 0 && v_bits <= 57 {
            (0, reader.read(v_bits))
        } else if both <= 57 {
            let word = reader.read(both);
            (word >> v_bits, word & ((1 << v_bits) - 1))
        } else {
            (reader.read(t_bits), reader.read(v_bits))
        };
        t = t.wrapping_add(t_base).wrapping_add(t_more as i64);
        v = v.wrapping_add(v_base).wrapping_add(v_more as i64);
        out.push(Sample { t, v: v as f64 });
    }
    Some(())
}

/// Seven bits a byte, the sign lowest, so that small numbers are short.
fn write_number(out: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)) as u64;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Encoder;
    use proptest::prelude::*;

    fn grown(samples: &[Sample]) -> (Box<[u8]>, Summary) {
        let mut encoder = Encoder::new(samples[0]);
        samples[1..].iter().for_each(|s| encoder.push(*s));
        encoder.seal()
    }

    fn check_round_trip(samples: &[Sample]) -> Box<[u8]> {
        let (bytes, summary) = grown(samples);
        let packed = pack(&bytes, summary.samples);
        let mut read_back = Vec::new();
        assert!(read(&packed, summary.samples, &mut read_back));
        let bits = |s: &Sample| (s.t, s.v.to_bits());
        assert_eq!(read_back.iter().map(bits).collect::<Vec<_>>(), samples.iter().map(bits).collect::<Vec<_>>());
        // Texts, because NaN is not equal to itself.
        assert_eq!(format!("{:?}", check(&packed, summary.samples)), format!("{:?}", Some(summary)));
        packed
    }

    fn samples(step: i64, value: impl Fn(i64) -> f64) -> Vec<Sample> {
        (0..240).map(|i| Sample { t: 1_700_000_000_000 + i * step, v: value(i) }).collect()
    }

    #[test]
    fn counters_take_bits() {
        let steady = check_round_trip(&samples(15_000, |i| (i * 3) as f64));
        assert!(steady.len() < 24, "{} bytes", steady.len());
        let uneven = check_round_trip(&samples(15_000, |i| (i * 10 + i * 7_919 % 7) as f64));
        assert!(uneven.len() < 24 + 240 / 2, "{} bytes", uneven.len());
        let restarted = check_round_trip(&samples(15_000, |i| ((i + 100) % 240 * 9) as f64));
        assert!(restarted.len() < 24 + 2 * 240, "{} bytes", restarted.len());
    }

    #[test]
    fn what_is_no_whole_number_stays_as_it_was() {
        for odd in [0.5, -0.0, f64::NAN, promql::stale_nan(), f64::INFINITY, LARGEST, 1e300] {
            let packed = check_round_trip(&samples(1_000, |i| if i == 100 { odd } else { i as f64 }));
            assert_eq!(packed[0], XOR, "{odd}");
        }
        assert_eq!(check_round_trip(&samples(1_000, |i| LARGEST - 1.0 - i as f64))[0], PACKED);
        check_round_trip(&[Sample { t: i64::MIN, v: 1.0 }, Sample { t: i64::MAX, v: -1.0 }]);
        check_round_trip(&[Sample { t: -7, v: 1.0 }]);
    }

    #[test]
    fn bytes_that_are_no_chunk_are_known() {
        let packed = check_round_trip(&samples(15_000, |i| (i * 10 + i * 7_919 % 7) as f64));
        for length in 0..packed.len() {
            assert_eq!(check(&packed[..length], 240), None, "{length} bytes");
        }
        assert_eq!(check(&packed, 200), None);
        assert_eq!(check(&packed, u32::MAX), None);
        assert_eq!(check(&[7, 1, 2], 1), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_samples_survive(
            start in any::<i32>(),
            steps in prop::collection::vec((prop_oneof![4 => Just(1_000_i64), 1 => 1..100_000_i64], any::<i16>()), 1..240),
            scale in prop_oneof![4 => Just(1.0), 1 => Just(0.1), 1 => Just(1e12)],
        ) {
            let mut t = i64::from(start);
            let samples: Vec<_> =
                steps.into_iter().map(|(step, v)| { t += step; Sample { t, v: f64::from(v) * scale } }).collect();
            check_round_trip(&samples);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), tag in 0..3_u8, count in 0..500_u32) {
            let bytes = [&[tag][..], &bytes].concat();
            let mut out = Vec::new();
            if read(&bytes, count, &mut out) {
                prop_assert_eq!(out.len(), count as usize);
            }
            if let Some(summary) = check(&bytes, count) {
                prop_assert_eq!(summary.samples, count);
            }
        }
    }
}
