//! Parts of dates, in UTC, from seconds since the Unix epoch.

const DAY: i64 = 86_400;

/// Beyond this many seconds (about 30 million years) a date means nothing and years would overflow.
const LIMIT: i64 = 1_000_000_000_000_000;

pub(super) fn find(name: &str) -> Option<fn(i64) -> f64> {
    Some(match name {
        "year" => |t| civil(t).year as f64,
        "month" => |t| civil(t).month as f64,
        "day_of_month" => |t| civil(t).day as f64,
        "day_of_year" => |t| (days(t) - days_before_year(civil(t).year) + 1) as f64,
        // The epoch was a Thursday.
        "day_of_week" => |t| (days(t) + 4).rem_euclid(7) as f64,
        "days_in_month" => |t| days_in_month(civil(t)) as f64,
        "hour" => |t| (t.rem_euclid(DAY) / 3600) as f64,
        "minute" => |t| (t.rem_euclid(3600) / 60) as f64,
        _ => return None,
    })
}

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

fn days(t: i64) -> i64 {
    t.clamp(-LIMIT, LIMIT).div_euclid(DAY)
}

/// Days from the epoch to the first of January of a year, in the Gregorian calendar.
fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) - 719_162
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn civil(t: i64) -> Date {
    let day = days(t);
    // The mean year is at most a day off, which one step corrects.
    let mut year = 1970 + (day * 400).div_euclid(146_097);
    while days_before_year(year) > day {
        year -= 1;
    }
    while days_before_year(year + 1) <= day {
        year += 1;
    }
    let mut rest = day - days_before_year(year);
    let mut month = 1;
    while rest >= days_in_month(Date { year, month, day: 1 }) {
        rest -= days_in_month(Date { year, month, day: 1 });
        month += 1;
    }
    Date { year, month, day: rest + 1 }
}

fn days_in_month(date: Date) -> i64 {
    match date.month {
        2 => 28 + i64::from(is_leap(date.year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A time in milliseconds as RFC 3339, to the second.
pub(super) fn rfc3339(ms: i64) -> String {
    let t = ms.div_euclid(1000);
    let Date { year, month, day } = civil(t);
    let second = t.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_456_790_399_999), "2016-02-29T23:59:59Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        let at = |name: &str, t: i64| find(name).unwrap()(t);
        assert_eq!(at("day_of_year", 1_483_191_420), 366.0);
        assert_eq!(at("day_of_week", 1_136_239_445), 1.0);
        assert_eq!(at("days_in_month", 1_454_284_800), 29.0);
        assert_eq!(at("days_in_month", 4_106_332_800), 28.0);
        assert_eq!((at("hour", -1), at("minute", -1)), (23.0, 59.0));
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut before = civil(-146_097 * DAY);
        for day in -146_096..146_097 {
            let date = civil(day * DAY);
            let next_day = date.day == before.day + 1 && date.month == before.month && date.year == before.year;
            assert!(next_day || date.day == 1, "{}", rfc3339(day * DAY * 1000));
            before = date;
        }
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        for name in ["year", "month", "day_of_month", "day_of_year", "day_of_week", "days_in_month", "hour", "minute"] {
            for t in [i64::MIN, i64::MAX] {
                assert!(find(name).unwrap()(t).is_finite());
            }
        }
    }
}
