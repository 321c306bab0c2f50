//! Time intervals: minutes of the day, weekdays, days of the month, months and years, in a time zone.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use std::ops::RangeInclusive;

/// A part of time; what is empty holds always. All that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeInterval {
    /// Minutes since midnight: from the first, before the second.
    pub minutes: Vec<(u32, u32)>,
    /// Days of the week, Sunday is 0.
    pub weekdays: Vec<RangeInclusive<i32>>,
    /// Days of the month; negative ones count from its end, -1 is the last.
    pub days_of_month: Vec<RangeInclusive<i32>>,
    /// Months, January is 1.
    pub months: Vec<RangeInclusive<i32>>,
    /// Years.
    pub years: Vec<RangeInclusive<i32>>,
    /// Time zone.
    pub zone: Tz,
}

impl TimeInterval {
    /// Whether a moment lies in it.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.zone);
        let minute = local.hour() * 60 + local.minute();
        let within = |ranges: &[RangeInclusive<i32>], value: i32| {
            ranges.is_empty() || ranges.iter().any(|range| range.contains(&value))
        };
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        (self.minutes.is_empty() || self.minutes.iter().any(|(from, to)| (*from..*to).contains(&minute)))
            && within(&self.weekdays, number(local.weekday().num_days_from_sunday()))
            && within(&self.months, number(local.month()))
            && within(&self.years, local.year())
            && self.holds_day(local.date_naive())
    }

    fn holds_day(&self, date: NaiveDate) -> bool {
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let last = number(u32::from(date.num_days_in_month()));
        let day = number(date.day());
        let real = |day: i32| if day < 0 { last + day + 1 } else { day };
        self.days_of_month.is_empty()
            || self.days_of_month.iter().any(|range| {
                // Days beyond the month's end are clamped to it, so that 31:31 holds nowhere in a short month.
                let (from, to) = (real(*range.start()), real(*range.end()));
                from <= last && (from.max(1)..=to.min(last)).contains(&day)
            })
    }
}

/// `09:30` as minutes since midnight; `24:00` is the end of the day.
pub(super) fn minutes(text: &str) -> Result<u32, String> {
    let bad = || format!("`{text}` is no time of day; write HH:MM from 00:00 to 24:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(bad)?;
    let two = |part: &str| (part.len() == 2).then(|| part.parse::<u32>().ok()).flatten();
    let (hours, minutes) = (two(hours).ok_or_else(bad)?, two(minutes).ok_or_else(bad)?);
    let total = hours * 60 + minutes;
    if minutes < 60 && total <= 24 * 60 { Ok(total) } else { Err(bad()) }
}

/// A value or `from:to`, numbers or names; `names` lists names in order, the first standing for `first`.
pub(super) fn range(text: &str, names: &[&str], first: i32, bounds: (i32, i32)) -> Result<RangeInclusive<i32>, String> {
    let value = |part: &str| {
        let lower = part.trim().to_lowercase();
        let named = names.iter().position(|name| *name == lower).and_then(|i| i32::try_from(i).ok());
        let number = named.map(|i| i + first).or_else(|| lower.parse().ok());
        number.filter(|n| (bounds.0..=bounds.1).contains(n)).ok_or_else(|| {
            let or_names = names.first().map_or_else(String::new, |name| format!(" or a name such as {name}"));
            format!("`{part}` is out of place; write a number from {} to {}{or_names}", bounds.0, bounds.1)
        })
    };
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    let (from, to) = (value(from)?, value(to)?);
    if (from < 0) == (to < 0) && from > to {
        return Err(format!("`{text}` ends before it begins; swap its ends or make two ranges"));
    }
    if from < 0 && to > 0 {
        return Err(format!("`{text}` goes from the month's end to its start; make two ranges"));
    }
    Ok(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn always() -> TimeInterval {
        TimeInterval {
            minutes: Vec::new(),
            weekdays: Vec::new(),
            days_of_month: Vec::new(),
            months: Vec::new(),
            years: Vec::new(),
            zone: Tz::UTC,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn office_hours_follow_daylight_saving() {
        let hours =
            TimeInterval { minutes: vec![(540, 1020)], weekdays: vec![1..=5], zone: Tz::Europe__Berlin, ..always() };
        assert!(hours.contains(at("2026-01-15T08:00:00Z")) && !hours.contains(at("2026-01-15T07:59:59Z")));
        assert!(hours.contains(at("2026-07-15T07:00:00Z")) && !hours.contains(at("2026-07-15T15:00:00Z")));
        assert!(!hours.contains(at("2026-07-18T10:00:00Z")), "a Saturday");
    }

    #[test]
    fn days_count_from_both_ends_of_a_month() {
        let last_three = TimeInterval { days_of_month: vec![-3..=-1], ..always() };
        assert!(last_three.contains(at("2028-02-27T00:00:00Z")) && !last_three.contains(at("2028-02-26T00:00:00Z")));
        assert!(last_three.contains(at("2027-02-26T00:00:00Z")));
        let rest = TimeInterval { days_of_month: vec![RangeInclusive::new(10, -1)], ..always() };
        assert!(rest.contains(at("2027-02-28T00:00:00Z")) && !rest.contains(at("2027-02-09T00:00:00Z")));
        let end = TimeInterval { days_of_month: vec![31..=31], ..always() };
        assert!(!end.contains(at("2027-02-28T00:00:00Z")) && end.contains(at("2027-03-31T00:00:00Z")));
    }

    #[test]
    fn months_and_years() {
        let q1 = TimeInterval { months: vec![1..=3], years: vec![2026..=2026], ..always() };
        assert!(q1.contains(at("2026-03-31T23:59:59Z")));
        assert!(!q1.contains(at("2026-04-01T00:00:00Z")) && !q1.contains(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn texts() {
        assert_eq!(minutes("24:00"), Ok(1440));
        for bad in ["24:01", "9:00", "09:60", "noon", "0900"] {
            assert!(minutes(bad).is_err(), "{bad}");
        }
        let days = ["sunday", "monday", "tuesday"];
        assert_eq!(range("Monday:tuesday", &days, 0, (0, 6)), Ok(1..=2));
        assert_eq!(range("-3:-1", &[], 0, (-31, 31)), Ok(-3..=-1));
        for bad in ["5:1", "-1:5", "32", "x"] {
            assert!(range(bad, &[], 0, (-31, 31)).is_err(), "{bad}");
        }
    }
}
