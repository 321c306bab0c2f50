//! Lengths of time, written as OpenSLO and Prometheus write them.

use serde::{Serialize, Serializer};
use std::fmt;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const YEAR: u64 = 365 * DAY;

/// A length of time in milliseconds. Displays as Prometheus prints durations: `5m`, `30d`, and `4w` for 28 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u64);

impl Window {
    /// So many minutes.
    pub const fn minutes(n: u64) -> Self {
        Self(n * MINUTE)
    }

    /// So many hours.
    pub const fn hours(n: u64) -> Self {
        Self(n * HOUR)
    }

    /// So many days.
    pub const fn days(n: u64) -> Self {
        Self(n * DAY)
    }

    /// Milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Seconds, with fractions.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// Days, with fractions.
    pub fn as_days(self) -> f64 {
        self.0 as f64 / DAY as f64
    }

    /// Reads OpenSLO's duration shorthand: a number and one of `m h d w M Q Y`, where a month is 30 days, a quarter
    /// 90 and a year 365, as the reference SDK counts them. `None` for anything else, zero included.
    pub fn from_shorthand(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at(text.len().checked_sub(1).filter(|i| text.is_char_boundary(*i))?);
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let unit = match unit {
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => WEEK,
            "M" => 30 * DAY,
            "Q" => 90 * DAY,
            "Y" => YEAR,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(unit).filter(|ms| *ms > 0).map(Self)
    }
}

impl Window {
    /// So many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Reads a duration as Prometheus writes it: units from `y` to `ms`, each at most once and in order.
    /// `None` for anything else, zero included.
    pub fn from_prometheus(text: &str) -> Option<Self> {
        const UNITS: [(&str, u64); 7] =
            [("y", YEAR), ("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];
        let (mut rest, mut units, mut total) = (text, UNITS.iter(), 0_u64);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, after) = tail.split_at(letters);
            let (_, length) = units.find(|(name, _)| *name == unit)?;
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?;
            rest = after;
        }
        (total > 0).then_some(Self(total))
    }
}

/// Years and weeks only where nothing remains, as `90d` reads better than `12w6d`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        let units = [("y", YEAR, true), ("w", WEEK, true), ("d", DAY, false), ("h", HOUR, false)];
        let small = [("m", MINUTE, false), ("s", SECOND, false), ("ms", 1, false)];
        for (unit, length, only_exact) in units.into_iter().chain(small) {
            if rest < length || (only_exact && !rest.is_multiple_of(length)) {
                continue;
            }
            write!(f, "{}{unit}", rest / length)?;
            rest %= length;
        }
        Ok(())
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shorthand_is_one_number_and_one_unit() {
        let days = |text| Window::from_shorthand(text).map(Window::as_days);
        assert_eq!(days("28d"), Some(28.0));
        assert_eq!(days("1M"), Some(30.0));
        assert_eq!(days("1Q"), Some(90.0));
        assert_eq!(days("1Y"), Some(365.0));
        assert_eq!(Window::from_shorthand("5m"), Some(Window::minutes(5)));
        for bad in ["", "d", "1", "1.5h", "-1d", "1h30m", "0d", "99999999999999999999d", "1é", "1s"] {
            assert_eq!(days(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn prints_as_prometheus_does() {
        let printed = |window: Window| window.to_string();
        assert_eq!(printed(Window::days(28)), "4w");
        assert_eq!(printed(Window::days(30)), "30d");
        assert_eq!(printed(Window::days(7)), "1w");
        assert_eq!(printed(Window::days(365)), "1y");
        assert_eq!(printed(Window::minutes(90)), "1h30m");
        assert_eq!(printed(Window::minutes(5)), "5m");
        assert_eq!(printed(Window(1_500)), "1s500ms");
        assert_eq!(printed(Window(0)), "0s");
    }

    #[test]
    fn prometheus_durations_are_units_in_order() {
        let read = |text| Window::from_prometheus(text).map(Window::as_millis);
        assert_eq!(read("1h30m"), Some(90 * MINUTE));
        assert_eq!(read("4w"), Some(28 * DAY));
        assert_eq!(read("1m1ms"), Some(MINUTE + 1));
        for bad in ["", "0s", "5", "30m1h", "1h1h", "1M", "1.5h", "-1h", "h", "99999999999999999999y", "1é"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ms in 1_u64..10_000_000_000) {
            prop_assert_eq!(Window::from_prometheus(&Window(ms).to_string()), Some(Window(ms)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,6}") {
            if let Some(window) = Window::from_shorthand(&text) {
                prop_assert!(window.as_millis() > 0);
            }
        }
    }
}
