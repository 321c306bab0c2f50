//! How numbers read in text, terminal and HTML.

/// Seconds as milliseconds with three significant digits: `0.312 ms`, `3.12 ms`, `312 ms`.
pub(crate) fn ms(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |s| format!("{} ms", digits(s * 1e3)))
}

/// Seconds as a duration to type in again: `6ms`, `1.5s`.
pub(crate) fn short(seconds: f64) -> String {
    if seconds >= 1.0 {
        format!("{}s", (seconds * 10.0).ceil() / 10.0)
    } else {
        format!("{:.0}ms", (seconds * 1e3).ceil())
    }
}

/// A number with three significant digits below 100, whole above.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => grouped(value.round()),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number with thousands apart: `60,000`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn grouped(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", count(value.abs() as u64))
}

/// A ratio in percent, rounded away from both 0 % and 100 % so that neither is claimed unless it is exact.
pub(crate) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let (low, high) = (0.001, 99.999);
    match percent {
        p if p > 0.0 && p < low => "<0.001%".to_owned(),
        p if p < 100.0 && p > high => ">99.999%".to_owned(),
        p => {
            let text = format!("{p:.3}");
            format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

/// Escapes text for XML and HTML; characters that XML forbids become spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_with_three_digits() {
        assert_eq!(ms(None), "–");
        assert_eq!([0.0051, 1.45, 2.0].map(short), ["6ms", "1.5s", "2s"]);
        assert_eq!(ms(Some(0.000_312)), "0.312 ms");
        assert_eq!(ms(Some(0.003_124)), "3.12 ms");
        assert_eq!(ms(Some(0.031_24)), "31.2 ms");
        assert_eq!(ms(Some(1.904)), "1,904 ms");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn percent_never_rounds_to_perfection() {
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.999_999_9), ">99.999%");
        assert_eq!(percent(0.999), "99.9%");
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(0.000_000_1), "<0.001%");
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("a<b & \"c\"\u{1}"), "a&lt;b &amp; &quot;c&quot; ");
    }
}
