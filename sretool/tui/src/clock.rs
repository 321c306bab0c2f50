//! Times and durations as text, from numbers alone.

/// A duration in its two largest units: `42s`, `3m 05s`, `2h 10m`, `5d 3h`.
pub(crate) fn span(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m {:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h {:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// A time range as chosen with `+` and `-`: `15m`, `6h`, `7d`.
pub(crate) fn range(ms: i64) -> String {
    let m = ms / 60_000;
    match m {
        0..60 => format!("{m}m"),
        60..1_440 => format!("{}h", m / 60),
        _ => format!("{}d", m / 1_440),
    }
}

/// Reads what [`range`] writes: a number and one of `s m h d w`.
pub(crate) fn parse_range(text: &str) -> Option<i64> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let scale = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 604_800_000,
        _ => return None,
    };
    number.checked_mul(scale).filter(|ms| *ms > 0)
}

/// Time of day at an offset from UTC: `14:03:59`.
pub(crate) fn time_of_day(ms: i64, utc_offset_s: i32) -> String {
    let s = (ms.div_euclid(1000) + i64::from(utc_offset_s)).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", s / 3_600, s % 3_600 / 60, s % 60)
}

/// Label of a time axis: the coarser the axis spans, the coarser the label.
pub(crate) fn axis(ms: i64, axis_span_ms: i64, utc_offset_s: i32) -> String {
    let time = time_of_day(ms, utc_offset_s);
    match axis_span_ms {
        ..600_000 => time,
        600_000..172_800_000 => time[..5].to_owned(),
        _ => {
            let (_, month, day) = date(ms.div_euclid(1000) + i64::from(utc_offset_s));
            format!("{month:02}-{day:02} {}", &time[..5])
        }
    }
}

/// Date and time: `2026-11-24 14:03:59`.
pub(crate) fn date_time(ms: i64, utc_offset_s: i32) -> String {
    let (year, month, day) = date(ms.div_euclid(1000) + i64::from(utc_offset_s));
    format!("{year}-{month:02}-{day:02} {}", time_of_day(ms, utc_offset_s))
}

/// Year, month and day of a Unix time, by Howard Hinnant's `civil_from_days`.
fn date(seconds: i64) -> (i64, i64, i64) {
    let z = seconds.div_euclid(86_400) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_two_units() {
        assert_eq!([0, 59_999, 185_000, 7_800_000, 442_800_000].map(span), ["0s", "59s", "3m 05s", "2h 10m", "5d 3h"]);
    }

    #[test]
    fn ranges_read_back() {
        for ms in [300_000, 3_600_000, 86_400_000, 604_800_000] {
            assert_eq!(parse_range(&range(ms)), Some(ms));
        }
        assert_eq!(["", "5", "m", "-1h", "5y", "99999999999999999d"].map(parse_range), [None; 6]);
    }

    #[test]
    fn dates_are_civil() {
        assert_eq!(date_time(0, 0), "1970-01-01 00:00:00");
        assert_eq!(date_time(1_709_164_799_000, 0), "2024-02-28 23:59:59");
        assert_eq!(date_time(1_709_164_800_000, 3_600), "2024-02-29 01:00:00");
        assert_eq!(date_time(-1_000, 0), "1969-12-31 23:59:59");
    }

    #[test]
    fn axis_labels_coarsen() {
        let t = 1_709_164_799_000;
        assert_eq!(axis(t, 300_000, 0), "23:59:59");
        assert_eq!(axis(t, 3_600_000, 0), "23:59");
        assert_eq!(axis(t, 604_800_000, 0), "02-28 23:59");
    }
}
