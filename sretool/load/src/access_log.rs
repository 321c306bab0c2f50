//! Access logs in the common and combined formats, as a load to repeat.

use crate::schedule::{Schedule, ScheduleError, Stage};
use std::collections::HashMap;

/// A request of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Seconds since the Unix epoch.
    at_s: i64,
    method: String,
    path: String,
}

/// The requests of an access log that can be repeated: those without a body, which no log holds.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLog {
    /// Each distinct request once: method, and path with query.
    pub requests: Vec<(String, String)>,
    /// Which of them each logged request is, in order of time.
    pub sequence: Vec<u32>,
    /// As many requests in each second as the log has; within a second they are spread evenly, since a log does not
    /// tell more.
    pub schedule: Schedule,
    /// Requests left out because they would need a body.
    pub left_out: u64,
    /// The first time in the log, in seconds since the Unix epoch.
    pub begin_s: i64,
}

/// Why a log cannot be repeated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LogError {
    /// A line of another format.
    #[error(
        "line {line}: {cause}; the common format is: HOST - - [31/Jan/2026:12:00:00 +0000] \"GET /path HTTP/1.1\" 200 5"
    )]
    Line {
        /// From 1.
        line: usize,
        /// What is missing.
        cause: &'static str,
    },
    /// Only requests that cannot be repeated, or none.
    #[error("no GET, HEAD or OPTIONS request in it: others cannot be repeated, since a log does not hold their bodies")]
    Empty,
    /// A time that no schedule can hold.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
}

impl AccessLog {
    /// Reads a log. Lines may be out of order by as much as requests overlap, as servers log them when they end.
    ///
    /// # Errors
    /// When a line has another format, or none can be repeated.
    pub fn read(text: &str) -> Result<Self, LogError> {
        let (mut entries, mut left_out) = (Vec::new(), 0);
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let entry = entry(line).map_err(|cause| LogError::Line { line: i + 1, cause })?;
            if matches!(entry.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
                entries.push(entry)
            } else {
                left_out += 1
            }
        }
        entries.sort_by_key(|entry| entry.at_s);
        let begin_s = entries.first().ok_or(LogError::Empty)?.at_s;
        let schedule = Schedule::new(stages(&entries))?;
        let (mut requests, mut known, mut sequence) = (Vec::new(), HashMap::new(), Vec::new());
        for Entry { method, path, .. } in entries {
            let next = requests.len() as u32;
            sequence.push(*known.entry((method.clone(), path.clone())).or_insert_with(|| {
                requests.push((method, path));
                next
            }));
        }
        Ok(Self { requests, sequence, schedule, left_out, begin_s })
    }
}

/// A stage for each run of seconds with the same number of requests.
fn stages(entries: &[Entry]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut push = |count: f64, seconds: f64| match stages.last_mut() {
        Some(last) if last.from == count => last.seconds += seconds,
        _ => stages.push(Stage::constant(count, seconds)),
    };
    let mut next = entries.first().map_or(0, |entry| entry.at_s);
    for second in entries.chunk_by(|a, b| a.at_s == b.at_s) {
        let gap = second[0].at_s - next;
        if gap > 0 {
            push(0.0, gap as f64);
        }
        push(second.len() as f64, 1.0);
        next = second[0].at_s + 1;
    }
    stages
}

fn entry(line: &str) -> Result<Entry, &'static str> {
    let (_, rest) = line.split_once('[').ok_or("no [time]")?;
    let (time, rest) = rest.split_once(']').ok_or("no [time]")?;
    let at_s = seconds(time).ok_or("the time cannot be read")?;
    let (_, request) = rest.split_once('"').ok_or("no \"request\"")?;
    let mut words = request.split(['"', ' ']);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // A proxy's log has whole URLs; what follows the host is what can be asked of another one.
    let path = match path.split_once("://") {
        Some((_, after)) => after.find('/').map_or("/", |slash| &after[slash..]),
        None => path,
    };
    // Servers log what was no request at all too, such as "-" or bytes of TLS: nothing to repeat.
    let method = if path.starts_with('/') { method } else { "" };
    Ok(Entry { at_s, method: method.to_owned(), path: path.to_owned() })
}

/// `31/Jan/2026:12:00:00 +0100` in seconds since the Unix epoch.
fn seconds(time: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (clock, zone) = time.trim().split_once(' ')?;
    let mut parts = clock.split(['/', ':']);
    let day = number(parts.next()?, 31)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let (year, hour) = (number(parts.next()?, 9999)?, number(parts.next()?, 23)?);
    let (minute, second) = (number(parts.next()?, 59)?, number(parts.next()?, 60)?);
    let (sign, digits) = zone.split_at_checked(1)?;
    let offset = digits.parse::<i64>().ok().filter(|_| digits.len() == 4)?;
    let offset = (offset / 100 * 60 + offset % 100) * if sign == "-" { -60 } else { 60 };
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

fn number(digits: &str, most: i64) -> Option<i64> {
    digits.parse().ok().filter(|n| (0..=most).contains(n))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant's algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const LOG: &str = r#"::1 - - [31/Jan/2026:12:00:00 +0100] "GET /a?x=1 HTTP/1.1" 200 5 "-" "curl/8"
10.0.0.1 - ann [31/Jan/2026:12:00:02 +0100] "POST /orders HTTP/1.1" 201 9
10.0.0.1 - ann [31/Jan/2026:12:00:02 +0100] "GET http://shop/b HTTP/1.1" 200 9
10.0.0.1 - - [31/Jan/2026:12:00:00 +0100] "GET /b HTTP/2.0" 200 9

10.0.0.1 - - [31/Jan/2026:12:00:02 +0100] "\x16\x03" 400 0 "-" "-"
"#;

    #[test]
    fn requests_come_in_the_second_in_which_they_were_logged() {
        let log = AccessLog::read(LOG).unwrap();
        assert_eq!(log.requests, [("GET".into(), "/a?x=1".into()), ("GET".into(), "/b".into())]);
        assert_eq!((log.sequence, log.left_out, log.begin_s), (vec![0, 1, 1], 2, 1_769_857_200));
        let dues: Vec<_> = log.schedule.dues().collect();
        assert_eq!(dues, [0, 500, 2000].map(Duration::from_millis));
        assert_eq!(log.schedule.duration(), Duration::from_secs(3));
    }

    #[test]
    fn other_lines_are_refused_by_number() {
        let line = |text: &str| AccessLog::read(&format!("{}{text}\n", LOG)).unwrap_err().to_string();
        assert!(line("nonsense").starts_with("line 7: no [time]"), "{}", line("nonsense"));
        assert!(line("a [32/Foo/2026:00:00:00 +0000] \"GET / H\"").contains("time cannot be read"));
        assert!(line("a [31/Jan/2026:00:00:00 +0000] GET /").contains("no \"request\""));
        let post = "a - - [31/Jan/2026:00:00:00 +0000] \"POST / HTTP/1.1\" 200 1";
        assert_eq!(AccessLog::read(post), Err(LogError::Empty));
        assert_eq!(AccessLog::read(""), Err(LogError::Empty));
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (text, expected) in [
            ("01/Jan/1970:00:00:00 +0000", 0),
            ("29/Feb/2024:23:59:59 -0730", 1_709_278_199),
            ("10/Oct/2000:13:55:36 -0700", 971_211_336),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "1/1/2026:00:00:00 +0000", "01/Jan/2026:24:00:00 +0000", "01/Jan/2026:00:00:00 +00", "é é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_logged_request_is_scheduled_in_its_second(offsets in prop::collection::vec(0i64..30, 1..60)) {
            let line = |s: &i64| format!("h - - [01/Jan/2026:00:00:{s:02} +0000] \"GET /{s} HTTP/1.1\" 200 1\n");
            let log = AccessLog::read(&offsets.iter().map(line).collect::<String>()).unwrap();
            let mut sorted = offsets.clone();
            sorted.sort_unstable();
            let first = sorted[0];
            let due: Vec<_> = log.schedule.dues().map(|due| first + (due.as_secs_f64() + 1e-6) as i64).collect();
            prop_assert_eq!(&due, &sorted);
            let paths: Vec<_> = log.sequence.iter().map(|i| log.requests[*i as usize].1.clone()).collect();
            prop_assert_eq!(paths, sorted.iter().map(|s| format!("/{s}")).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = AccessLog::read(&text);
        }
    }
}
