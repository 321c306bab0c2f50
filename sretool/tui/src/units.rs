//! Numbers with units, scaled and abbreviated as Grafana's value formats do.

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds: Grafana's `s`.
    Seconds,
    /// Requests a second: Grafana's `reqps`.
    RequestsPerSecond,
    /// A ratio shown as percentage: Grafana's `percentunit`.
    Ratio,
    /// A plain number: Grafana's `short`.
    Short,
    /// Bytes, in powers of 1024: Grafana's `bytes`.
    Bytes,
    /// A multiple of the sustainable rate of budget consumption.
    BurnRate,
}

/// What stands in place of a number that does not exist.
pub const NO_DATA: &str = "no data";

const SECONDS: [(f64, f64, &str); 8] = [
    (1e-6, 1e9, " ns"),
    (1e-3, 1e6, " µs"),
    (1.0, 1e3, " ms"),
    (60.0, 1.0, " s"),
    (3_600.0, 1.0 / 60.0, " mins"),
    (86_400.0, 1.0 / 3_600.0, " hours"),
    (604_800.0, 1.0 / 86_400.0, " days"),
    (f64::INFINITY, 1.0 / 604_800.0, " weeks"),
];

/// Formats with three significant digits and the unit; NaN is `no data`.
pub fn format(unit: Unit, value: f64) -> String {
    write(unit, value, false)
}

/// The same without trailing zeros, for axes: `5 ms`, not `5.00 ms`.
pub fn axis_label(unit: Unit, value: f64) -> String {
    write(unit, value, true)
}

/// For table cells whose header names the unit: requests a second lose their ` req/s`.
pub fn cell(unit: Unit, value: Option<f64>) -> Option<String> {
    let text = write(unit, value.filter(|v| !v.is_nan())?, false);
    Some(text.strip_suffix(" req/s").map_or(text.clone(), str::to_owned))
}

fn write(unit: Unit, value: f64, trim: bool) -> String {
    if value.is_nan() {
        return NO_DATA.to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match unit {
        Unit::Seconds => seconds(value, trim),
        Unit::RequestsPerSecond => thousands(value, &["", "K", "M", "B", "T"], 1000.0, trim) + " req/s",
        Unit::Short => thousands(value, &["", " K", " Mil", " Bil", " Tri"], 1000.0, trim),
        Unit::Bytes => thousands(value, &[" B", " KiB", " MiB", " GiB", " TiB"], 1024.0, trim),
        Unit::Ratio => percent(value, trim),
        Unit::BurnRate => digits(value, trim) + "×",
    }
}

fn seconds(value: f64, trim: bool) -> String {
    if value == 0.0 {
        return "0 s".to_owned();
    }
    // The value after rounding decides the unit, so that 59.999 s reads `1 mins`, never `60.0 s`.
    let scaled = |(limit, factor, suffix): &(f64, f64, &str)| {
        (rounded(value.abs() * factor) < limit * factor).then(|| digits(value * factor, trim) + suffix)
    };
    SECONDS.iter().find_map(scaled).unwrap_or_else(|| digits(value, trim) + " s")
}

fn thousands(value: f64, suffixes: &[&str], base: f64, trim: bool) -> String {
    let mut scaled = value;
    let mut suffixes = suffixes.iter();
    let mut suffix = suffixes.next().copied().unwrap_or_default();
    while rounded(scaled.abs()) >= base {
        let Some(next) = suffixes.next() else { break };
        (scaled, suffix) = (scaled / base, next);
    }
    // Whole numbers below the first step are counts: `7`, not `7.00`.
    let whole = suffix.trim_start().len() < 2 && scaled.fract() == 0.0 && scaled == value;
    digits(scaled, trim || whole) + suffix
}

/// A percentage that never rounds up to 100 % nor down to 0 %: close to either end it gains digits instead.
fn percent(value: f64, trim: bool) -> String {
    let percent = value * 100.0;
    let to_end = (100.0 - percent).abs().min(percent.abs());
    if !(1e-9..1e9).contains(&to_end) {
        if to_end > 1.0 {
            return format!("{percent:.0e}%");
        }
        return format!("{percent:.0}%").replace("-0%", "0%");
    }
    if percent > 90.0 && percent < 100.0 {
        // `log10` of the distance to 100 tells how many decimals the first differing digit needs.
        let decimals = (1.0 - to_end.log10().floor()).clamp(1.0, 6.0) as usize;
        let scale = 10_f64.powi(decimals as i32);
        // Floored, so that 99.99 is never shown as more than it is; the tiny term forgives binary fractions.
        let floored = (percent * scale + 1e-6).floor() / scale;
        return trimmed(format!("{floored:.decimals$}"), true) + "%";
    }
    digits(percent, trim) + "%"
}

fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powi(2 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// Three significant digits; at most six decimals.
fn digits(value: f64, trim: bool) -> String {
    let value = rounded(value);
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-7..1e7).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    trimmed(format!("{value:.decimals$}"), trim || value.abs() < 1.0)
}

fn trimmed(text: String, trim: bool) -> String {
    if !trim || !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: Unit, value: f64, expected: &str) {
        assert_eq!(format(unit, value), expected);
    }

    #[test]
    fn seconds_choose_their_scale() {
        check(Unit::Seconds, 0.0, "0 s");
        check(Unit::Seconds, 0.000_042, "42.0 µs");
        check(Unit::Seconds, 0.012_34, "12.3 ms");
        check(Unit::Seconds, 0.999_9, "1.00 s");
        check(Unit::Seconds, 59.999, "1.00 mins");
        check(Unit::Seconds, 5_400.0, "1.50 hours");
        check(Unit::Seconds, 200_000.0, "2.31 days");
        check(Unit::Seconds, -0.25, "-250 ms");
    }

    #[test]
    fn rates_counts_and_bytes() {
        check(Unit::RequestsPerSecond, 0.0, "0 req/s");
        check(Unit::RequestsPerSecond, 1_534.0, "1.53K req/s");
        check(Unit::RequestsPerSecond, 12.5, "12.5 req/s");
        check(Unit::Short, 7.0, "7");
        check(Unit::Short, 999.9, "1.00 K");
        check(Unit::Short, 2_500_000.0, "2.50 Mil");
        check(Unit::Bytes, 1_536.0, "1.50 KiB");
        check(Unit::Bytes, 512.0, "512 B");
        check(Unit::BurnRate, 14.4, "14.4×");
    }

    #[test]
    fn percentages_never_reach_the_ends_by_rounding() {
        check(Unit::Ratio, 0.0, "0%");
        check(Unit::Ratio, 1.0, "100%");
        check(Unit::Ratio, 0.999_996, "99.9996%");
        check(Unit::Ratio, 0.9987, "99.87%");
        check(Unit::Ratio, 0.000_012, "0.0012%");
        check(Unit::Ratio, 0.0523, "5.23%");
        check(Unit::Ratio, -0.5, "-50.0%");
        check(Unit::Ratio, 0.999, "99.9%");
    }

    #[test]
    fn what_is_no_number_says_so() {
        check(Unit::Seconds, f64::NAN, "no data");
        check(Unit::Ratio, f64::INFINITY, "+Inf");
        assert_eq!(cell(Unit::Ratio, Some(f64::NAN)), None);
        assert_eq!(cell(Unit::RequestsPerSecond, Some(20.0)).as_deref(), Some("20"));
    }

    #[test]
    fn axis_labels_drop_trailing_zeros() {
        assert_eq!(axis_label(Unit::Seconds, 0.005), "5 ms");
        assert_eq!(axis_label(Unit::RequestsPerSecond, 1_000.0), "1K req/s");
        assert_eq!(axis_label(Unit::Ratio, 0.5), "50%");
    }

    #[test]
    fn every_magnitude_stays_short() {
        for unit in [Unit::Seconds, Unit::RequestsPerSecond, Unit::Ratio, Unit::Short, Unit::Bytes, Unit::BurnRate] {
            for exponent in -300..300 {
                let text = format(unit, 1.234_567 * 10_f64.powi(exponent));
                assert!(text.chars().count() <= 14, "{unit:?} {exponent}: {text}");
            }
        }
    }
}
