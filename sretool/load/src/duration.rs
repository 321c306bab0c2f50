//! Durations as people write them.

use std::time::Duration;

/// A duration that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration: write 500ms, 60s, 5m, 2h or 1m30s")]
pub struct DurationError(String);

/// Reads `500ms`, `60s`, `5m`, `2h`, and sequences of them such as `1m30s`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let error = || DurationError(text.to_owned());
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(error());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let number: f64 = rest[..digits].parse().map_err(|_| error())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let scale = match &rest[..end] {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(error()),
        };
        rest = &rest[end..];
        let part = Duration::try_from_secs_f64(number * scale).map_err(|_| error())?;
        total = total.checked_add(part).ok_or_else(error)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, ms) in [("500ms", 500), ("60s", 60_000), ("1.5s", 1500), ("1m30s", 90_000), ("2h", 7_200_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn others_are_refused() {
        for text in ["", "60", "s", "-1s", "1 s", "1x", "1s2", "1..2s", "99999999999999999999d", "é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
