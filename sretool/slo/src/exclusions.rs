//! Times that do not count, such as agreed maintenance.
//!
//! Written as a list separated by commas or line ends. An item is one interval, `2026-03-01T22:00:00Z/2h` or
//! `2026-03-01T22:00:00Z/2026-03-02T00:00:00Z`, or one of every week, `Sun 02:00-04:00 Europe/Berlin` (UTC where no
//! zone stands).

use crate::calendar::{UnknownZone, instant, local, zone};
use crate::duration::Window;
use chrono::{DateTime, Datelike, Days, NaiveTime, Weekday};
use chrono_tz::Tz;

const WEEK_MS: i64 = 7 * 86_400_000;

/// One time that does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// One interval, in milliseconds since the Unix epoch.
    Once {
        /// Begin.
        start_ms: i64,
        /// End.
        end_ms: i64,
    },
    /// An interval of every week.
    Weekly {
        /// The day on which it begins.
        weekday: Weekday,
        /// When clocks show its begin.
        from: NaiveTime,
        /// When clocks show its end; on the next day where that is not later than the begin.
        to: NaiveTime,
        /// The clocks' time zone.
        zone: Tz,
    },
}

/// Why a text is no exclusion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExclusionError {
    /// Neither of the two forms.
    #[error("no time to exclude: {0:?}")]
    Form(String),
    /// It ends before it begins.
    #[error("it ends before it begins: {0:?}")]
    Order(String),
    /// No such time zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
}

impl ExclusionError {
    /// What to write instead.
    pub fn remedy(&self) -> String {
        match self {
            Self::Zone(UnknownZone { meant: Some(meant), .. }) => format!("did you mean {meant:?}?"),
            Self::Order(_) => "write the earlier time first".to_owned(),
            Self::Form(_) | Self::Zone(_) => {
                "write 2026-03-01T22:00:00Z/2h, 2026-03-01T22:00:00Z/2026-03-02T00:00:00Z or \
                 Sun 02:00-04:00 Europe/Berlin"
                    .to_owned()
            }
        }
    }
}

impl Exclusion {
    /// Reads a list.
    ///
    /// # Errors
    /// The first item that cannot be read.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ExclusionError> {
        text.split([',', '\n', ';']).map(str::trim).filter(|item| !item.is_empty()).map(Self::parse).collect()
    }

    fn parse(item: &str) -> Result<Self, ExclusionError> {
        let form = || ExclusionError::Form(item.to_owned());
        let time = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis());
        // An IANA zone has a slash as well, so the words decide.
        if !item.contains(char::is_whitespace) {
            let (start, end) = item.split_once('/').ok_or_else(form)?;
            let start_ms = time(start).ok_or_else(form)?;
            let length = || i64::try_from(Window::from_shorthand(end)?.as_millis()).ok();
            let end_ms = time(end).or_else(|| start_ms.checked_add(length()?)).ok_or_else(form)?;
            return if start_ms < end_ms {
                Ok(Self::Once { start_ms, end_ms })
            } else {
                Err(ExclusionError::Order(item.to_owned()))
            };
        }
        let mut words = item.split_whitespace();
        let weekday = words.next().and_then(|word| word.parse().ok()).ok_or_else(form)?;
        let clock = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
        let (from, to) = words.next().and_then(|word| word.split_once('-')).ok_or_else(form)?;
        let (from, to) = clock(from).zip(clock(to)).ok_or_else(form)?;
        let zone = words.next().map_or(Ok(Tz::UTC), zone)?;
        if words.next().is_some() {
            return Err(form());
        }
        Ok(Self::Weekly { weekday, from, to, zone })
    }

    /// Its parts between two instants, in order.
    fn between(&self, start_ms: i64, end_ms: i64) -> Vec<(i64, i64)> {
        let cut = |(from, to): (i64, i64)| {
            let (from, to) = (from.max(start_ms), to.min(end_ms));
            (from < to).then_some((from, to))
        };
        match *self {
            Self::Once { start_ms, end_ms } => cut((start_ms, end_ms)).into_iter().collect(),
            Self::Weekly { weekday, from, to, zone } => {
                let mut found = Vec::new();
                // A week earlier, so that one that has begun already is seen.
                let mut at = start_ms - WEEK_MS;
                while at < end_ms + WEEK_MS {
                    found.extend(weekly(at, weekday, (from, to), zone).and_then(cut));
                    at += WEEK_MS;
                }
                found.sort_unstable();
                found.dedup();
                found
            }
        }
    }
}

/// The interval of the week, from Monday on, that an instant is in.
fn weekly(at_ms: i64, weekday: Weekday, (from, to): (NaiveTime, NaiveTime), zone: Tz) -> Option<(i64, i64)> {
    let date = local(zone, at_ms)?.date();
    let monday = date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))?;
    let day = monday.checked_add_days(Days::new(weekday.num_days_from_monday().into()))?;
    let last = if to > from { day } else { day.succ_opt()? };
    Some((instant(zone, day.and_time(from))?, instant(zone, last.and_time(to))?))
}

/// What remains of an interval without the times that do not count, in order.
pub(crate) fn remaining(start_ms: i64, end_ms: i64, exclusions: &[Exclusion]) -> Vec<(i64, i64)> {
    let mut excluded: Vec<_> = exclusions.iter().flat_map(|exclusion| exclusion.between(start_ms, end_ms)).collect();
    excluded.sort_unstable();
    let (mut left, mut at) = (Vec::new(), start_ms);
    for (from, to) in excluded {
        if at < from {
            left.push((at, from));
        }
        at = at.max(to);
    }
    if at < end_ms {
        left.push((at, end_ms));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn both_forms_are_read_and_anything_else_has_a_remedy() {
        let list =
            Exclusion::parse_list("2026-03-01T22:00:00Z/2h, Sun 02:00-04:00 Europe/Berlin\nfri 23:00-01:00").unwrap();
        assert_eq!(
            list[0],
            Exclusion::Once { start_ms: utc("2026-03-01T22:00:00Z"), end_ms: utc("2026-03-02T00:00:00Z") }
        );
        assert!(matches!(list[1], Exclusion::Weekly { weekday: Weekday::Sun, zone: Tz::Europe__Berlin, .. }));
        assert!(matches!(list[2], Exclusion::Weekly { weekday: Weekday::Fri, zone: Tz::UTC, .. }));
        for bad in ["yesterday", "Sun", "Sun 2-4", "Sun 02:00-04:00 UTC x", "2026-03-01T22:00:00Z/x", "2026/2h"] {
            let error = Exclusion::parse_list(bad).unwrap_err();
            assert!(error.to_string().contains("no time to exclude") && error.remedy().contains("Sun 02:00"), "{bad}");
        }
        let order = Exclusion::parse_list("2026-03-02T00:00:00Z/2026-03-01T00:00:00Z").unwrap_err();
        assert!(matches!(order, ExclusionError::Order(_)));
        let zone = Exclusion::parse_list("Sun 02:00-04:00 Europe/Berln").unwrap_err();
        assert_eq!(zone.remedy(), "did you mean \"Europe/Berlin\"?");
    }

    #[test]
    fn a_weekly_time_follows_the_clocks() {
        let list = Exclusion::parse_list("Sun 04:00-05:00 Europe/Berlin, Sat 23:00-01:00").unwrap();
        let (start, end) = (utc("2026-03-22T00:00:00Z"), utc("2026-03-30T00:00:00Z"));
        let berlin = list[0].between(start, end);
        assert_eq!(berlin[0].0, utc("2026-03-22T03:00:00Z"));
        assert_eq!(berlin[1].0, utc("2026-03-29T02:00:00Z"), "summer time begins that day");
        let night = list[1].between(start, end);
        assert_eq!(night[0], (start, utc("2026-03-22T01:00:00Z")), "it had begun before");
        assert_eq!(night[1].1, utc("2026-03-29T01:00:00Z"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_moment_is_either_excluded_or_remains(
            cuts in proptest::collection::vec((0_i64..1_000, 1_i64..200), 0..6),
            moments in proptest::collection::vec(0_i64..1_000, 20),
        ) {
            let list: Vec<_> = cuts.iter().map(|(at, n)| Exclusion::Once { start_ms: *at, end_ms: at + n }).collect();
            let left = remaining(0, 1_000, &list);
            prop_assert!(left.windows(2).all(|pair| pair[0].1 < pair[1].0), "{left:?}");
            for moment in moments {
                let excluded = cuts.iter().any(|(at, n)| (*at..at + n).contains(&moment));
                let remains = left.iter().any(|(from, to)| (*from..*to).contains(&moment));
                prop_assert!(excluded != remains, "{moment} in {left:?}");
            }
        }
    }
}
