//! Which series `limit_ratio` picks: a hash spreads them evenly over 0 to 1, the same on every run.

use crate::labels::Labels;

const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;

/// Where a series stands between 0 and 1: the same place as in Prometheus.
pub(super) fn offset(labels: &Labels) -> f64 {
    let mut bytes = Vec::new();
    for (name, value) in labels.iter() {
        for part in [name, value] {
            push_len(&mut bytes, part.len());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    xxh64(&bytes) as f64 / u64::MAX as f64
}

/// One byte for short strings, else a marker and three bytes.
fn push_len(bytes: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(short) if short < 255 => bytes.push(short),
        _ => {
            bytes.push(255);
            bytes.extend_from_slice(&len.to_le_bytes()[..3]);
        }
    }
}

/// A positive ratio takes from below, a negative one from above, so that `r` and `r - 1` complement each other.
pub(super) fn selected(offset: f64, ratio: f64) -> bool {
    (ratio >= 0.0 && offset < ratio) || (ratio < 0.0 && offset >= 1.0 + ratio)
}

fn round(acc: u64, input: u64) -> u64 {
    acc.wrapping_add(input.wrapping_mul(PRIME_2)).rotate_left(31).wrapping_mul(PRIME_1)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |acc, b| (acc << 8) | u64::from(*b))
}

/// XXH64 with seed 0, as its specification has it.
fn xxh64(input: &[u8]) -> u64 {
    let mut stripes = input.chunks_exact(32);
    let mut hash = if input.len() < 32 {
        PRIME_5
    } else {
        let mut acc = [PRIME_1.wrapping_add(PRIME_2), PRIME_2, 0, PRIME_1.wrapping_neg()];
        for stripe in stripes.by_ref() {
            for (acc, lane) in acc.iter_mut().zip(stripe.chunks_exact(8)) {
                *acc = round(*acc, word(lane));
            }
        }
        let rotated = [1, 7, 12, 18].into_iter().zip(acc).map(|(by, acc)| acc.rotate_left(by));
        let sum = rotated.fold(0u64, u64::wrapping_add);
        acc.into_iter().fold(sum, |hash, acc| (hash ^ round(0, acc)).wrapping_mul(PRIME_1).wrapping_add(PRIME_4))
    };
    hash = hash.wrapping_add(input.len() as u64);
    let mut lanes = stripes.remainder().chunks_exact(8);
    for lane in lanes.by_ref() {
        hash = (hash ^ round(0, word(lane))).rotate_left(27).wrapping_mul(PRIME_1).wrapping_add(PRIME_4);
    }
    let mut rest = lanes.remainder();
    if let Some((half, tail)) = rest.split_at_checked(4) {
        hash = (hash ^ word(half).wrapping_mul(PRIME_1)).rotate_left(23).wrapping_mul(PRIME_2).wrapping_add(PRIME_3);
        rest = tail;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIME_5)).rotate_left(11).wrapping_mul(PRIME_1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        assert_eq!(xxh64(b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxh64(b"a"), 0xD24E_C4F1_A98C_6E5B);
        assert_eq!(xxh64(b"abc"), 0x44BC_2CF5_AD77_0999);
        let long = "Nobody inspects the spammish repetition";
        assert_eq!(xxh64(long.as_bytes()), 0xFBCE_A83C_8A37_8BF1);
    }

    #[test]
    fn complementary_ratios_share_nothing_and_miss_nothing() {
        for i in 0..1000 {
            let place = offset(&Labels::new([("i", i.to_string())]));
            assert!((0.0..=1.0).contains(&place));
            assert!(selected(place, 0.25) ^ selected(place, -0.75));
            assert!(selected(place, 1.0) && selected(place, -1.0) && !selected(place, 0.0));
        }
    }
}
