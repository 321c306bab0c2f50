//! Durations as Prometheus writes them: `1h30m`, `5m`, `100ms`, `0`.

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a duration at all.
    #[error("`{0}` is no duration; write a whole number with a unit of ms, s, m, h, d, w or y, such as 5m or 1h30m")]
    Syntax(String),
    /// More milliseconds than 63 bits hold.
    #[error("`{0}` is too long a duration")]
    Overflow(String),
}

/// Milliseconds of a duration. Units go from the largest to the smallest, each at most once; `0` needs none.
///
/// # Errors
/// [`DurationError`] naming the text and the accepted form.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let syntax = || DurationError::Syntax(text.to_owned());
    let overflow = || DurationError::Overflow(text.to_owned());
    if text == "0" {
        return Ok(0);
    }
    let (mut rest, mut total, mut next_unit) = (text, 0_i64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|i| *i > 0).ok_or_else(syntax)?;
        let count: i64 = rest[..digits].parse().map_err(|_| overflow())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = UNITS.iter().position(|(name, _)| *name == &rest[..letters]);
        let unit = unit.filter(|u| *u >= next_unit).ok_or_else(syntax)?;
        rest = &rest[letters..];
        next_unit = unit + 1;
        total = count.checked_mul(UNITS[unit].1).and_then(|ms| total.checked_add(ms)).ok_or_else(overflow)?;
    }
    if next_unit == 0 { Err(syntax()) } else { Ok(total) }
}

/// A duration as Prometheus prints it: years and weeks only where nothing remains.
pub fn format_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if ms < 0 { "-" } else { "" });
    let mut rest = ms.unsigned_abs();
    for (name, unit) in UNITS {
        let unit = unit.unsigned_abs();
        let exact_only = matches!(name, "y" | "w");
        if rest >= unit && (!exact_only || rest.is_multiple_of(unit)) {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_durations() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("324ms", 324),
            ("3s", 3000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("4d", 345_600_000),
            ("4d1h", 349_200_000),
            ("3w", 1_814_400_000),
            ("3w2d1h", 1_990_800_000),
            ("10y", 315_360_000_000),
            ("1m30s5ms", 90_005),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn printed_as_prometheus_prints() {
        for (ms, text) in [
            (0, "0s"),
            (300_000, "5m"),
            (90_000, "1m30s"),
            (604_800_000, "1w"),
            (691_200_000, "8d"),
            (-1500, "-1s500ms"),
        ] {
            assert_eq!(format_duration(ms), text);
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        for ms in [1, 999, 1000, 59_999, 3_600_001, 86_400_000, 31_536_000_000, 123_456_789_012] {
            assert_eq!(parse_duration(&format_duration(ms)), Ok(ms));
        }
    }

    #[test]
    fn wrong_durations() {
        for text in ["", "1", "1y1m1d", "-1w", "1.5d", "d", "5 m", "5m5m", "5min", "m5"] {
            assert!(matches!(parse_duration(text), Err(DurationError::Syntax(_))), "{text}");
        }
        for text in ["294000000y", "99999999999999999999s"] {
            assert!(matches!(parse_duration(text), Err(DurationError::Overflow(_))), "{text}");
        }
    }
}
