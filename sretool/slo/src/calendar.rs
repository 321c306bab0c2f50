//! Calendar periods: weeks, months, quarters and years in a time zone, across changes of its clocks and leap days.
//!
//! Periods follow one another without a gap: each begins where the one before ends. The n-th begins at the first
//! one's wall-clock time, n units later, and never drifts: a month that begins on the 31st begins on the last day of
//! shorter months. Where clocks are put forward over that time, it is moved by as much; where they are put back, the
//! first of the two times counts (the `compatible` rule of RFC 5545 and of ECMAScript's Temporal).

use crate::model::{CalendarStart, CalendarUnit};
use chrono::{DateTime, Datelike, Days, MappedLocalTime, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// No zone is further ahead of UTC than this.
const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(15);

/// A time zone that the IANA database does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the IANA database has no time zone {name:?}")]
pub struct UnknownZone {
    /// As written.
    pub name: String,
    /// The zone that it most likely means.
    pub meant: Option<String>,
}

/// Looks a time zone up by its IANA name.
pub(crate) fn zone(name: &str) -> Result<Tz, UnknownZone> {
    name.parse().map_err(|_| {
        let names: Vec<_> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let meant = crate::finding::closest(name, &names).map(str::to_owned);
        UnknownZone { name: name.to_owned(), meant }
    })
}

/// The instant at which clocks in a zone show a time, in milliseconds since the Unix epoch.
pub(crate) fn instant(zone: Tz, local: NaiveDateTime) -> Option<i64> {
    let found = match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => time.to_utc(),
        MappedLocalTime::None => {
            // Before the clocks were put forward: the zone's offset then makes the time that much later.
            let before = zone.from_utc_datetime(&local.checked_sub_signed(FURTHEST_AHEAD)?);
            local.and_utc() - (before.naive_local() - before.naive_utc())
        }
    };
    Some(found.timestamp_millis())
}

/// The wall clock of a zone at an instant.
pub(crate) fn local(zone: Tz, at_ms: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp_millis(at_ms)?.with_timezone(&zone).naive_local())
}

/// Periods of an error budget that begin at dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    start: NaiveDateTime,
    zone: Tz,
    count: u32,
    unit: CalendarUnit,
}

/// One period, in milliseconds since the Unix epoch; its end belongs to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarPeriod {
    /// How many periods lie between the first one and this.
    pub index: i64,
    /// Begin.
    pub start_ms: i64,
    /// End.
    pub end_ms: i64,
}

impl Calendar {
    /// The periods that a document describes.
    ///
    /// # Errors
    /// When nobody knows the time zone.
    pub fn new(written: &CalendarStart) -> Result<Self, UnknownZone> {
        let zone = zone(&written.zone)?;
        Ok(Self { start: written.start, zone, count: written.count.max(1), unit: written.unit })
    }

    /// The months of a zone's calendar.
    pub(crate) fn months(zone: Tz) -> Self {
        let start = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
        Self { start, zone, count: 1, unit: CalendarUnit::Month }
    }

    /// IANA name of the time zone.
    pub fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// The period that an instant is in; `None` before the first one begins.
    pub fn period_at(&self, at_ms: i64) -> Option<CalendarPeriod> {
        let first = self.boundary(0)?;
        if at_ms < first {
            return None;
        }
        let nominal = i64::from(self.count) * self.unit_ms();
        let mut index = (at_ms - first) / nominal;
        while self.boundary(index)? > at_ms {
            index -= 1;
        }
        while self.boundary(index + 1)? <= at_ms {
            index += 1;
        }
        self.period(index)
    }

    /// A period by its number.
    pub fn period(&self, index: i64) -> Option<CalendarPeriod> {
        if index < 0 {
            return None;
        }
        Some(CalendarPeriod { index, start_ms: self.boundary(index)?, end_ms: self.boundary(index + 1)? })
    }

    /// A period's name: the month or year where it is one, else the date on which it begins.
    pub fn name(&self, period: CalendarPeriod) -> String {
        let Some(start) = local(self.zone, period.start_ms) else { return String::new() };
        match (self.unit, self.count, start.day(), start.month()) {
            (CalendarUnit::Month, 1, 1, _) => start.format("%Y-%m").to_string(),
            (CalendarUnit::Year, 1, 1, 1) => start.format("%Y").to_string(),
            (CalendarUnit::Quarter, 1, 1, month) if month % 3 == 1 => {
                format!("{}-Q{}", start.year(), month.div_ceil(3))
            }
            _ => start.format("%Y-%m-%d").to_string(),
        }
    }

    fn boundary(&self, index: i64) -> Option<i64> {
        let units = index.checked_mul(i64::from(self.count))?;
        let fixed = |length: TimeDelta| {
            let length = i32::try_from(units).ok().and_then(|units| length.checked_mul(units))?;
            let start = DateTime::<Utc>::from_timestamp_millis(instant(self.zone, self.start)?)?;
            Some(start.checked_add_signed(length)?.timestamp_millis())
        };
        let days = |n: i64| self.start.checked_add_days(Days::new(u64::try_from(n).ok()?));
        let months = |n: i64| self.start.checked_add_months(Months::new(u32::try_from(n).ok()?));
        let local = match self.unit {
            CalendarUnit::Minute => return fixed(TimeDelta::minutes(1)),
            CalendarUnit::Hour => return fixed(TimeDelta::hours(1)),
            CalendarUnit::Day => days(units),
            CalendarUnit::Week => days(units.checked_mul(7)?),
            CalendarUnit::Month => months(units),
            CalendarUnit::Quarter => months(units.checked_mul(3)?),
            CalendarUnit::Year => months(units.checked_mul(12)?),
        };
        instant(self.zone, local?)
    }

    /// Roughly the length of a unit, to begin a search with.
    fn unit_ms(&self) -> i64 {
        const DAY: i64 = 86_400_000;
        match self.unit {
            CalendarUnit::Minute => 60_000,
            CalendarUnit::Hour => 3_600_000,
            CalendarUnit::Day => DAY,
            CalendarUnit::Week => 7 * DAY,
            CalendarUnit::Month => 30 * DAY,
            CalendarUnit::Quarter => 91 * DAY,
            CalendarUnit::Year => 365 * DAY,
        }
    }
}

#[cfg(test)]
mod tests;
