//! Numbers and durations.

use super::Kind;

/// Units in the order in which a duration must give them, in milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Longest duration: what a signed 64-bit count of nanoseconds holds, as in Prometheus.
const MAX_MS: i64 = i64::MAX / 1_000_000;

/// Scans the number or duration at the start of `src`. An error carries the length of the faulty text.
pub(super) fn scan(src: &str) -> Result<(Kind, usize), (String, usize)> {
    let len = literal_len(src);
    let text = &src[..len];
    if let Some(value) = number(text) {
        return Ok((Kind::Number(value), len));
    }
    match duration(text) {
        Some(ms) => Ok((Kind::Duration(ms), len)),
        None => Err((format!("bad number or duration {text:?}: write 0.5, 1e3, 0x1f, 90s or 1h30m"), len)),
    }
}

/// Length of the run of characters that can belong to a literal: `+` and `-` only after a decimal exponent.
fn literal_len(src: &str) -> usize {
    let hex = src.starts_with("0x") || src.starts_with("0X");
    let mut before = ' ';
    for (i, c) in src.char_indices() {
        let exponent_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hex;
        if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || exponent_sign) {
            return i;
        }
        before = c;
    }
    src.len()
}

fn number(text: &str) -> Option<f64> {
    let separated = text.split('_').all(|part| !part.is_empty())
        && !["._", "_.", "e_", "_e", "E_", "_E"].iter().any(|pair| text.contains(pair));
    if !separated && !text.starts_with("0x_") && !text.starts_with("0X_") {
        return None;
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        let digits = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        return digits.then(|| i64::from_str_radix(hex, 16).ok()).flatten().map(|n| n as f64);
    }
    if !plain.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    // A leading zero means octal where all digits allow it: 010 is 8, but 080 is 80, as in Prometheus.
    if plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|b| matches!(b, b'0'..=b'7')) {
        return i64::from_str_radix(&plain, 8).ok().map(|n| n as f64);
    }
    plain.parse().ok()
}

/// Milliseconds of a duration such as `1h30m`: each unit at most once, from large to small.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
        let (_, ms) = units.find(|(name, _)| *name == unit)?;
        total = count.checked_mul(*ms).and_then(|ms| total.checked_add(ms)).filter(|ms| *ms <= MAX_MS)?;
        rest = &rest[unit.len()..];
    }
    Some(total)
}

/// Writes milliseconds as PromQL does: `1h30m`, `0s`.
pub(crate) fn format_duration(mut ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (name, size) in UNITS {
        // Years and weeks only where nothing is left over, so that 40d stays 40d.
        let whole_only = matches!(name, "y" | "w");
        if ms >= size && (!whole_only || ms % size == 0) {
            out.push_str(&format!("{}{name}", ms / size));
            ms %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(src: &str, expected: Kind) {
        assert_eq!(scan(src), Ok((expected, src.len())));
    }

    #[test]
    fn numbers() {
        for (src, value) in [
            ("1", 1.0),
            ("2.", 2.0),
            (".5", 0.5),
            ("12.34e+6", 12.34e6),
            ("1e-3", 1e-3),
            ("0x1F", 31.0),
            ("0X_1f", 31.0),
            ("1_000.5", 1000.5),
            ("010", 8.0),
            ("089", 89.0),
            ("0", 0.0),
        ] {
            check(src, Kind::Number(value));
        }
    }

    #[test]
    fn durations() {
        for (src, ms) in
            [("5m", 300_000), ("1h30m", 5_400_000), ("1y2w3d", 33_004_800_000), ("5s200ms", 5200), ("0s", 0)]
        {
            check(src, Kind::Duration(ms));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for src in
            ["1m1h", "5m5m", "5x", "1__0", "1_", "1.2.3", "1e", "0x", "0xg", "5mm", "9999999999y", "1ee2", "1_e3"]
        {
            assert!(scan(src).is_err(), "{src}");
        }
    }

    #[test]
    fn a_sign_ends_a_number_unless_it_follows_an_exponent() {
        assert_eq!(scan("1-2").map(|(_, len)| len), Ok(1));
        assert_eq!(scan("1e-2+3").map(|(_, len)| len), Ok(4));
        assert_eq!(scan("0x1e-2").map(|(_, len)| len), Ok(4));
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["0s", "1ms", "90d", "2w", "1y", "1h30m", "36d12h", "1d1ms"] {
            let ms = duration(text).unwrap();
            assert_eq!(duration(&format_duration(ms)), Some(ms), "{text}");
        }
        assert_eq!(format_duration(5_400_000), "1h30m");
    }
}
