//! How numbers are written for people.

/// What stands where there are no data.
pub(in crate::slo) const NO_DATA: &str = "no data";

/// A percentage without trailing zeros, cut rather than rounded up: 99.99999 % is not 100 %.
pub(in crate::slo) fn percent(ratio: f64, decimals: usize) -> String {
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    // Binary fractions of decimals end in noise, such as 99.89999999999999.
    let cut = (ratio * 100.0 * scale + 1e-6).floor() / scale;
    let text = format!("{cut:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

/// A time in one unit.
pub(in crate::slo) fn duration(seconds: f64) -> String {
    let (days, hours, minutes) = (seconds / 86_400.0, seconds / 3_600.0, seconds / 60.0);
    if days >= 365.0 {
        "over a year".to_owned()
    } else if days >= 2.0 {
        format!("{days:.0}d")
    } else if hours >= 2.0 {
        format!("{hours:.0}h")
    } else if seconds > 0.0 {
        format!("{minutes:.0}m")
    } else {
        "spent".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_never_round_up_to_perfection() {
        assert_eq!(percent(0.999_999_99, 4), "99.9999 %");
        assert_eq!(percent(0.999, 3), "99.9 %");
        assert_eq!(percent(1.0, 4), "100 %");
        assert_eq!(percent(1.0, 0), "100 %");
        assert_eq!(percent(-8.77, 1), "-877 %");
        assert_eq!(percent(0.0, 1), "0 %");
    }

    #[test]
    fn durations_use_one_unit() {
        assert_eq!(duration(30.0 * 86_400.0), "30d");
        assert_eq!(duration(7_200.0), "2h");
        assert_eq!(duration(90.0), "2m");
        assert_eq!(duration(0.0), "spent");
        assert_eq!(duration(1e12), "over a year");
    }
}
