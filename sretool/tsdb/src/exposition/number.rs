//! Numbers: values, timestamps, and the bounds of buckets and quantiles.

use super::Format;
use super::error::Cause;

/// The NaN that Prometheus stores for a parsed one; the staleness marker has other bits.
const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// Reads a value.
pub(super) fn value(text: &str) -> Result<f64, Cause> {
    if let Some(number) = digits(text) {
        return Ok(number as f64);
    }
    match text.parse::<f64>() {
        Ok(v) if v.is_nan() => Ok(f64::from_bits(NORMAL_NAN)),
        Ok(v) => Ok(v),
        Err(_) => Err(Cause::InvalidValue(text.to_owned())),
    }
}

/// A number of so few digits that a double holds it, as most counters are.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.bytes().try_fold(0, |number, b| b.is_ascii_digit().then(|| number * 10 + u64::from(b - b'0')))
}

/// Reads a timestamp into milliseconds.
pub(super) fn timestamp(text: &str, format: Format) -> Result<i64, Cause> {
    match format {
        Format::Text => text.parse().map_err(|_| Cause::InvalidMilliseconds(text.to_owned())),
        Format::OpenMetrics => {
            let ms = text.parse::<f64>().map(|seconds| (seconds * 1000.0).round());
            // Beyond 2^53 a double is no exact count of milliseconds any more, and no real time either.
            ms.ok()
                .filter(|ms| ms.abs() <= 9e15)
                .map(|ms| ms as i64)
                .ok_or_else(|| Cause::InvalidSeconds(text.to_owned()))
        }
    }
}

/// A bound in OpenMetrics' canonical form: `1` becomes `1.0`, `1e6` becomes `1e+06`. `None` where it is that already
/// or is no number.
pub(super) fn normalise(text: &str) -> Option<String> {
    let normal = canonical(text.parse().ok()?);
    (normal != text).then_some(normal)
}

/// As Go's `strconv.FormatFloat(v, 'g', -1, 64)` writes it, with `.0` where that has neither point nor exponent.
fn canonical(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{v:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // The shortest form has the exponent from a million on, as C's %g has at its default precision of 6.
    if (-4..6).contains(&exponent) {
        let plain = v.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
