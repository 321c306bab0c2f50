//! The state of a running test, for a terminal and for a log.

use crate::format::{count, digits, ms, percent};
use crate::threshold::error_ratio;
use crate::totals::Totals;
use crate::verdict::{Plan, judge};
use std::collections::BTreeMap;
use std::time::Duration;

/// One line a second for a log.
pub fn progress_line(plan: &Plan, totals: &Totals) -> String {
    let Some(second) = totals.seconds.last() else { return "waiting for the first second".to_owned() };
    let rate = if second.seconds > 0.0 { second.finished as f64 / second.seconds } else { 0.0 };
    let errors = error_ratio(&totals.whole.counts(), false).map_or_else(|| "no data".to_owned(), percent);
    format!(
        "{:>4.0}/{:.0} s  {rate:.0}/s  p50 {}  p95 {}  p99 {}  errors {errors}  lag p99 {}  {} in flight",
        totals.elapsed_s,
        plan.duration_s,
        ms(second.p50),
        ms(second.p95),
        ms(second.p99),
        ms(second.lag_p99),
        count(second.in_flight)
    )
}

/// The block that is redrawn on a terminal: progress bar, last second, whole run, thresholds. Lines are at most
/// `width` characters; with `color`, broken and kept thresholds are red and green.
pub fn status_frame(plan: &Plan, totals: &Totals, width: usize, color: bool) -> Vec<String> {
    let elapsed = totals.elapsed_s.min(plan.duration_s);
    let target = plan.schedule.as_ref().map_or_else(
        || "closed".to_owned(),
        |schedule| format!("target {:.0}/s", schedule.rate_at(Duration::from_secs_f64((elapsed - 0.5).max(0.0)))),
    );
    let overall = totals.whole.overall();
    let counts = totals.whole.counts();
    let errors = error_ratio(&counts, !totals.ended).map_or_else(|| "no data".to_owned(), percent);
    let bar = bar(elapsed / plan.duration_s, width.saturating_sub(36).clamp(8, 40));
    let mut lines = vec![format!("{bar} {elapsed:>4.0}/{:.0} s  {target}", plan.duration_s)];
    if let Some(second) = totals.seconds.last() {
        lines.push(format!(
            "second  {:>7}  p50 {:>8}  p95 {:>8}  p99 {:>8}  {} in flight, {} waiting",
            format!("{:.0}/s", second.finished as f64 / second.seconds.max(1e-3)),
            ms(second.p50),
            ms(second.p95),
            ms(second.p99),
            count(second.in_flight),
            count(second.queued)
        ));
    }
    lines.push(format!(
        "so far  {:>7}  p50 {:>8}  p95 {:>8}  p99 {:>8}  errors {errors}  lag p99 {}",
        digits(counts.answered() as f64 / elapsed.max(1e-3)) + "/s",
        ms(overall.response.quantile(0.5)),
        ms(overall.response.quantile(0.95)),
        ms(overall.response.quantile(0.99)),
        ms(overall.lag.quantile(0.99))
    ));
    lines.extend(errors_by_kind(&totals.whole.causes));
    let mut lines: Vec<String> = lines.into_iter().map(|line| line.chars().take(width).collect()).collect();
    lines.extend(thresholds(plan, totals, width, color));
    lines
}

fn thresholds(plan: &Plan, totals: &Totals, width: usize, color: bool) -> Vec<String> {
    // What is still in flight is no error yet.
    let judgement = judge(plan, totals, !totals.ended);
    let line = |(threshold, checked): (&crate::Threshold, &crate::Checked)| {
        let (mark, code) = if checked.ok { ("✓", 32) } else { ("✗", 31) };
        let text = format!("{mark} {threshold}  {}", threshold.show(checked.observed));
        let text: String = text.chars().take(width).collect();
        if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    };
    plan.thresholds.iter().zip(&judgement.checked).map(line).collect()
}

/// The most common causes of failure, where there are any.
fn errors_by_kind(causes: &BTreeMap<String, u64>) -> Option<String> {
    let mut kinds: Vec<_> = causes.iter().collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let kinds: Vec<_> = kinds.into_iter().take(4).map(|(cause, n)| format!("{} {cause}", count(*n))).collect();
    (!kinds.is_empty()).then(|| format!("errors  {}", kinds.join(", ")))
}

fn bar(fraction: f64, width: usize) -> String {
    let full = (fraction.clamp(0.0, 1.0) * width as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Outcome, Recorder};
    use crate::schedule::Schedule;
    use crate::snapshot::Update;

    fn half_way() -> (Plan, Totals) {
        let plan = Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(10.0, Duration::from_secs(2)).unwrap()),
            duration_s: 2.0,
            capacity: 4,
            thresholds: vec!["p95<200ms".parse().unwrap(), "p50<1ms".parse().unwrap()],
        };
        let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
        for i in 0..10 {
            let due = Duration::from_millis(i * 100);
            recorder.emitted(i, due, due, true);
            recorder.sent(i, due, "GET /".into());
            if i < 9 {
                recorder.done(i, due + Duration::from_millis(20), Outcome::Finished { status: 200 });
            }
        }
        let in_flight = recorder.in_flight();
        totals.add(Update { elapsed_s: 1.0, in_flight, queued: 0, last: false, delta: recorder.take() });
        (plan, totals)
    }

    #[test]
    fn the_frame_shows_progress_latency_and_thresholds() {
        let (plan, totals) = half_way();
        let frame = status_frame(&plan, &totals, 80, false);
        let expected = [
            "████████████████████░░░░░░░░░░░░░░░░░░░░    1/2 s  target 10/s",
            "second      9/s  p50  20.0 ms  p95  20.0 ms  p99  20.0 ms  1 in flight, 0 waiting",
            "so far   9.00/s  p50  20.0 ms  p95  20.0 ms  p99  20.0 ms  errors 0%  lag p99 0.0",
            "✓ p95<200ms  20.0 ms",
            "✗ p50<1ms  20.0 ms",
        ];
        assert_eq!(frame, expected.map(|line| line.chars().take(80).collect::<String>()));
    }

    #[test]
    fn errors_are_told_by_kind_the_most_common_first() {
        let (plan, mut totals) = half_way();
        totals.whole.causes = [("timeout", 2), ("status 500", 1200)].map(|(c, n)| (c.to_owned(), n)).into();
        assert_eq!(status_frame(&plan, &totals, 80, false)[3], "errors  1,200 status 500, 2 timeout");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let (plan, totals) = half_way();
        for width in [10, 40, 200] {
            let frame = status_frame(&plan, &totals, width, false);
            assert!(frame.iter().skip(1).all(|line| line.chars().count() <= width));
        }
        assert!(status_frame(&plan, &totals, 80, true)[4].starts_with("\x1b[31m✗"));
    }

    #[test]
    fn a_log_gets_one_line_a_second() {
        let (plan, totals) = half_way();
        let line = progress_line(&plan, &totals);
        assert!(line.starts_with("   1/2 s  9/s  p50 20.0 ms"), "{line}");
        assert!(line.ends_with("1 in flight"), "{line}");
        assert!(progress_line(&plan, &Totals::default()).contains("waiting"));
    }
}
