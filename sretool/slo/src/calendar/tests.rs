use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

fn calendar(start: &str, zone: &str, count: u32, unit: CalendarUnit) -> Calendar {
    Calendar::new(&CalendarStart { start: time(start), zone: zone.to_owned(), count, unit }).unwrap()
}

fn utc(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// Hours of the period that an instant is in.
fn hours(calendar: Calendar, at: &str) -> i64 {
    let period = calendar.period_at(utc(at)).unwrap();
    (period.end_ms - period.start_ms) / HOUR
}

#[test]
fn days_are_as_long_as_the_clocks_make_them() {
    let berlin = calendar("2026-01-01 00:00:00", "Europe/Berlin", 1, CalendarUnit::Day);
    assert_eq!(hours(berlin, "2026-03-28T12:00:00Z"), 24);
    assert_eq!(hours(berlin, "2026-03-29T12:00:00Z"), 23);
    assert_eq!(hours(berlin, "2026-10-25T12:00:00Z"), 25);
    let lord_howe = calendar("2026-01-01 00:00:00", "Australia/Lord_Howe", 1, CalendarUnit::Day);
    let period = lord_howe.period_at(utc("2026-10-04T00:00:00Z")).unwrap();
    assert_eq!(period.end_ms - period.start_ms, 24 * HOUR - HOUR / 2, "its clocks move by half an hour");
}

#[test]
fn weeks_months_quarters_and_years_hold_their_days() {
    let new_york = |unit| calendar("2024-01-01 00:00:00", "America/New_York", 1, unit);
    assert_eq!(hours(new_york(CalendarUnit::Week), "2026-03-10T12:00:00Z"), 7 * 24, "the change was the day before");
    assert_eq!(hours(new_york(CalendarUnit::Week), "2026-03-08T12:00:00Z"), 7 * 24 - 1);
    assert_eq!(hours(new_york(CalendarUnit::Month), "2026-11-10T12:00:00Z"), 30 * 24 + 1);
    assert_eq!(hours(new_york(CalendarUnit::Month), "2028-02-10T12:00:00Z"), 29 * 24);
    assert_eq!(hours(new_york(CalendarUnit::Quarter), "2026-02-10T12:00:00Z"), 90 * 24 - 1);
    assert_eq!(hours(new_york(CalendarUnit::Year), "2028-05-10T12:00:00Z"), 366 * 24);
    assert_eq!(hours(new_york(CalendarUnit::Year), "2100-05-10T12:00:00Z"), 365 * 24, "no leap year");
}

#[test]
fn the_31st_and_the_29th_of_february_do_not_drift() {
    let months = calendar("2027-12-31 06:00:00", "UTC", 1, CalendarUnit::Month);
    let begins = |at: &str| local(Tz::UTC, months.period_at(utc(at)).unwrap().start_ms).unwrap().to_string();
    assert_eq!(begins("2028-02-10T00:00:00Z"), "2028-01-31 06:00:00");
    assert_eq!(begins("2028-03-01T00:00:00Z"), "2028-02-29 06:00:00");
    assert_eq!(begins("2028-04-01T00:00:00Z"), "2028-03-31 06:00:00");
    let years = calendar("2024-02-29 00:00:00", "UTC", 1, CalendarUnit::Year);
    let begin = |at: &str| local(Tz::UTC, years.period_at(utc(at)).unwrap().start_ms).unwrap().date().to_string();
    assert_eq!(begin("2025-06-01T00:00:00Z"), "2025-02-28");
    assert_eq!(begin("2028-06-01T00:00:00Z"), "2028-02-29");
}

#[test]
fn a_begin_that_the_clocks_skip_is_moved_and_one_that_they_repeat_is_the_first() {
    let begin = |zone: &str, text: &str| instant(zone.parse().unwrap(), time(text)).unwrap();
    assert_eq!(begin("Europe/Berlin", "2026-03-29 02:30:00"), utc("2026-03-29T01:30:00Z"));
    assert_eq!(begin("Europe/Berlin", "2026-10-25 02:30:00"), utc("2026-10-25T00:30:00Z"));
    // Samoa skipped a whole day: its period is empty, and no instant is in it.
    let samoa = calendar("2011-12-01 00:00:00", "Pacific/Apia", 1, CalendarUnit::Day);
    let [skipped, next] = [29, 30].map(|index| samoa.period(index).unwrap());
    assert_eq!(skipped.start_ms, skipped.end_ms);
    assert_eq!(samoa.period_at(next.start_ms), Some(next));
}

#[test]
fn names_are_what_people_call_the_period() {
    let name = |start: &str, unit, at: &str| {
        let calendar = calendar(start, "UTC", 1, unit);
        calendar.name(calendar.period_at(utc(at)).unwrap())
    };
    assert_eq!(name("2026-01-01 00:00:00", CalendarUnit::Month, "2026-05-05T00:00:00Z"), "2026-05");
    assert_eq!(name("2026-01-01 00:00:00", CalendarUnit::Quarter, "2026-05-05T00:00:00Z"), "2026-Q2");
    assert_eq!(name("2026-01-01 00:00:00", CalendarUnit::Year, "2027-05-05T00:00:00Z"), "2027");
    assert_eq!(name("2026-01-05 00:00:00", CalendarUnit::Week, "2026-01-15T00:00:00Z"), "2026-01-12");
}

#[test]
fn before_the_first_period_there_is_none_and_unknown_zones_have_a_remedy() {
    let calendar = calendar("2026-01-01 00:00:00", "UTC", 1, CalendarUnit::Month);
    assert_eq!(calendar.period_at(utc("2025-12-31T23:59:59Z")), None);
    assert_eq!(calendar.period(-1), None);
    let error = zone("Europe/Berln").unwrap_err();
    assert_eq!(error.meant.as_deref(), Some("Europe/Berlin"));
}

fn zones() -> impl Strategy<Value = Tz> {
    // With changes of an hour, of half an hour, at midnight, of a whole day, on the other hemisphere, and without any.
    proptest::sample::select(vec![
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::Australia__Lord_Howe,
        Tz::America__Sao_Paulo,
        Tz::Pacific__Apia,
        Tz::Asia__Kolkata,
        Tz::Africa__Casablanca,
        Tz::UTC,
    ])
}

fn units() -> impl Strategy<Value = CalendarUnit> {
    use CalendarUnit::*;
    proptest::sample::select(vec![Day, Week, Month, Quarter, Year])
}

/// The first instant, by scanning, at which the clocks show a time; `None` where they skip it.
fn scanned(zone: Tz, wanted: NaiveDateTime) -> Option<i64> {
    let around = wanted.and_utc().timestamp_millis();
    let instants = (around - 15 * HOUR..=around + 15 * HOUR).step_by(15 * 60_000);
    instants.into_iter().find(|at| local(zone, *at) == Some(wanted))
}

fn nominal_days(unit: CalendarUnit) -> std::ops::RangeInclusive<i64> {
    match unit {
        CalendarUnit::Day => 1..=1,
        CalendarUnit::Week => 7..=7,
        CalendarUnit::Month => 28..=31,
        CalendarUnit::Quarter => 89..=92,
        _ => 365..=366,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_instant_is_in_exactly_one_period_and_periods_touch(
        zone in zones(),
        unit in units(),
        day in 0_u64..20_000,
        quarter_hour in 0_u32..96,
        after in 0_i64..40 * 366 * DAY,
    ) {
        let midnight = NaiveDate::from_ymd_opt(1975, 1, 1).unwrap() + Days::new(day);
        let start = midnight.and_hms_opt(quarter_hour / 4, quarter_hour % 4 * 15, 0).unwrap();
        let calendar = Calendar { start, zone, count: 1, unit };
        let at = instant(zone, start).unwrap() + after;
        let period = calendar.period_at(at).unwrap();
        prop_assert!((period.start_ms..period.end_ms).contains(&at));
        let next = calendar.period(period.index + 1).unwrap();
        prop_assert_eq!(period.end_ms, next.start_ms);
        if period.index > 0 {
            prop_assert_eq!(calendar.period(period.index - 1).unwrap().end_ms, period.start_ms);
        }
        // Clocks move by at most a day (Samoa), elsewhere by an hour.
        let (days, rest) = nominal_days(unit).into_inner();
        let slack = if zone == Tz::Pacific__Apia { DAY + HOUR } else { HOUR };
        let length = period.end_ms - period.start_ms;
        prop_assert!(length >= days * DAY - slack && length <= rest * DAY + slack, "{length}");
    }

    #[test]
    fn a_period_begins_when_clocks_show_the_first_ones_time(
        zone in zones(), unit in units(), day in 0_u64..20_000, quarter_hour in 0_u32..96, index in 0_i64..500,
    ) {
        let midnight = NaiveDate::from_ymd_opt(1975, 1, 1).unwrap() + Days::new(day);
        let start = midnight.and_hms_opt(quarter_hour / 4, quarter_hour % 4 * 15, 0).unwrap();
        let calendar = Calendar { start, zone, count: 1, unit };
        let index = if unit == CalendarUnit::Year { index % 40 } else { index };
        let begin = calendar.period(index).unwrap().start_ms;
        let months = match unit {
            CalendarUnit::Month => Some(index),
            CalendarUnit::Quarter => Some(3 * index),
            CalendarUnit::Year => Some(12 * index),
            _ => None,
        };
        let days = if unit == CalendarUnit::Week { 7 * index } else { index };
        let wanted = match months {
            Some(months) => start + Months::new(u32::try_from(months).unwrap()),
            None => start + Days::new(u64::try_from(days).unwrap()),
        };
        match scanned(zone, wanted) {
            Some(first) => prop_assert_eq!(begin, first),
            None => {
                // Skipped: as much later as the clocks were put forward.
                let shown = local(zone, begin).unwrap();
                prop_assert!(shown > wanted && shown - wanted <= TimeDelta::days(1), "{shown} for {wanted}");
            }
        }
    }
}
