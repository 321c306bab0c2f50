//! Numbers as Go's `fmt` prints them, which is what templates written for Prometheus expect.

/// `%v` of a float64: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e6 on.
pub(super) fn shortest(v: f64) -> String {
    special(v).unwrap_or_else(|| {
        let (digits, exponent) = decimal(&format!("{v:e}"));
        layout(v.is_sign_negative(), &digits, exponent, 6)
    })
}

/// `%.{precision}g`: that many significant digits, trailing zeros removed.
pub(super) fn general(v: f64, precision: usize) -> String {
    let precision = precision.max(1);
    special(v).unwrap_or_else(|| {
        let (digits, exponent) = decimal(&format!("{v:.*e}", precision - 1));
        let limit = i32::try_from(precision).unwrap_or(i32::MAX);
        layout(v.is_sign_negative(), &digits, exponent, limit)
    })
}

/// `%.{precision}e`, with a sign and at least two digits in the exponent.
pub(super) fn scientific(v: f64, precision: usize) -> String {
    special(v).unwrap_or_else(|| {
        let text = format!("{v:.precision$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{mantissa}e{}", signed_exponent(exponent.parse().unwrap_or(0)))
    })
}

/// `%.{precision}f`.
pub(super) fn fixed(v: f64, precision: usize) -> String {
    special(v).unwrap_or_else(|| format!("{v:.precision$}"))
}

fn special(v: f64) -> Option<String> {
    let text = match v {
        _ if v.is_nan() => "NaN",
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Significant digits without trailing zeros, and the power of ten of the first of them.
fn decimal(scientific: &str) -> (String, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let trimmed = digits.trim_end_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed };
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

fn layout(negative: bool, digits: &str, exponent: i32, exponent_limit: i32) -> String {
    let sign = if negative { "-" } else { "" };
    if exponent < -4 || exponent >= exponent_limit {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}e{}", signed_exponent(exponent));
    }
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

fn signed_exponent(exponent: i32) -> String {
    format!("{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_digits() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1234.5, "1234.5"),
            (1e6, "1e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (0.000_012_5, "1.25e-05"),
            (1e21, "1e+21"),
            (-2.5e-7, "-2.5e-07"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(shortest(v), text);
        }
    }

    #[test]
    fn significant_digits() {
        for (v, text) in [
            (1234.0, "1234"),
            (12345.0, "1.234e+04"),
            (0.123_456, "0.1235"),
            (99.99, "99.99"),
            (100.0, "100"),
            (999.99, "1000"),
            (0.000_012_34, "1.234e-05"),
            (0.0, "0"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(general(v, 4), text, "{v}");
        }
    }

    #[test]
    fn fixed_and_scientific() {
        assert_eq!(fixed(2.0 / 3.0, 2), "0.67");
        assert_eq!(fixed(1e9, 0), "1000000000");
        assert_eq!(scientific(12345.678, 2), "1.23e+04");
        assert_eq!(scientific(0.000_1, 1), "1.0e-04");
    }
}
