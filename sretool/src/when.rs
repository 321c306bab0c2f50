//! Times and durations as people and APIs write them.

use chrono::DateTime;

/// Milliseconds since the Unix epoch, from RFC 3339 or from decimal Unix seconds.
///
/// # Errors
/// One sentence with the remedy.
pub fn parse_time(text: &str) -> Result<i64, String> {
    if let Some(ms) = parse_seconds(text) {
        return Ok(ms);
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_millis())
        .map_err(|_| format!("`{text}` is no time: write RFC 3339 (2026-01-31T12:00:00Z) or Unix seconds (1769860800)"))
}

/// Milliseconds from a Prometheus duration (`90s`, `1h30m`, `250ms`) or from decimal seconds.
///
/// # Errors
/// One sentence with the remedy.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    if let Some(ms) = parse_seconds(text).filter(|ms| *ms > 0) {
        return Ok(ms);
    }
    sum_units(text).filter(|ms| *ms > 0).ok_or_else(|| {
        format!("`{text}` is no duration: write a number with a unit, such as 500ms, 15s, 5m, 1h30m or 30d")
    })
}

fn parse_seconds(text: &str) -> Option<i64> {
    let digits = text.trim_start_matches('-');
    // `f64` would also read `inf`, `nan` and exponents, which nobody means here.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    let ms = (seconds * 1000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "the bound keeps it within 63 bits")]
    (ms.abs() < 9e15).then_some(ms as i64)
}

fn sum_units(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("y", 31_536_000_000),
    ];
    let (mut rest, mut total) = (text, 0_i64);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        total = total.checked_add(count.checked_mul(*unit)?)?;
        rest = &rest[letters..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse_time("1700000000.5"), Ok(1_700_000_000_500));
        assert_eq!(parse_time("1970-01-01T00:00:01Z"), Ok(1000));
        assert_eq!(parse_time("1970-01-01T01:00:01+01:00"), Ok(1000));
        for wrong in ["", "yesterday", "inf", "1e400", "2026-01-31"] {
            assert!(parse_time(wrong).unwrap_err().contains("RFC 3339"), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000));
        assert_eq!(parse_duration("250ms"), Ok(250));
        assert_eq!(parse_duration("15"), Ok(15_000));
        assert_eq!(parse_duration("0.5"), Ok(500));
        for wrong in ["", "0", "0s", "-5s", "5x", "m", "5m3", "999999999999y"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
