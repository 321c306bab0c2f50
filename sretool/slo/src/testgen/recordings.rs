//! Recordings on counters and on counts of five minutes.

use super::Subject;
use super::document::{Case, Check, File, phases};
use super::outage::counters;
use crate::duration::Window;
use crate::model::Budgeting;
use crate::rules::expressions::{TILE, errors_name, events_name, ids, is_direct, ratio_name};
use crate::rules::recordings::windows;

const MINUTE: Window = Window::minutes(1);
/// Events of each count of five minutes.
const EVENTS: f64 = 10_000.0;
/// promtool loads ten thousand samples and no more.
const MOST_SAMPLES: u64 = 8_000;

/// Every recorded ratio covers exactly its window.
pub(super) fn file(subject: &Subject<'_>) -> Option<File> {
    let slo = subject.slo;
    if subject.drop_in || slo.budgeting != Budgeting::Occurrences || matches!(slo.sli, crate::Sli::Raw { .. }) {
        return None;
    }
    let all = windows(slo, subject.options);
    // No count lies on the edge of a window: whether an edge belongs to it depends on the version of Prometheus.
    let end = slo.period.max(*all.last()?).plus(Window::minutes(31)).plus(Window::from_millis(30_000));
    let mut cases = vec![long_windows(subject, &all, end)];
    cases.extend(short_windows(subject, &all));
    let about = "Every recorded ratio covers exactly its window.";
    Some(File { about, evaluation_interval: Window::from_millis(30_000).max(end), cases })
}

/// Counts of five minutes whose share of errors differs from one window to the next.
fn long_windows(subject: &Subject<'_>, all: &[Window], end: Window) -> Case {
    let slo = subject.slo;
    let long: Vec<_> = all.iter().copied().filter(|window| !is_direct(*window)).collect();
    let step = spacing(end);
    // The newest count is left out: the rules would make another from it.
    let tiles = end.as_millis() / step.as_millis() - 1;
    let inside = |window: Window| window.as_millis() / step.as_millis() - 1;
    // From the oldest count to the newest: before every window, then the part of each that shorter ones lack.
    let mut errors = Vec::new();
    let mut older = tiles;
    for (i, window) in long.iter().enumerate().rev() {
        errors.push((share(i + 1), older - inside(*window)));
        older = inside(*window);
    }
    errors.push((share(0), older));
    let sum = |window: Window| -> f64 {
        let (mut left, mut total) = (inside(window), 0.0);
        for (value, count) in errors.iter().rev() {
            let taken = left.min(*count);
            total += value * taken as f64;
            left -= taken;
        }
        total
    };
    let expected = |window: Window| sum(window) / (EVENTS * inside(window) as f64);
    let checks = long
        .iter()
        .map(|window| near(&format!("{}{}", ratio_name(*window), ids(slo)), expected(*window), end))
        .collect();
    // At 0 there is an evaluation, which would record the same series again.
    let input = vec![
        (subject.series(&events_name(TILE), Some(TILE), "one"), format!("_ {}", phases(&[(EVENTS, tiles)]))),
        (subject.series(&errors_name(TILE), Some(TILE), "one"), format!("_ {}", phases(&errors))),
    ];
    Case { name: "long windows".into(), interval: step, input, checks }
}

/// Distance of the counts of a case: five minutes, or so much more that there are not too many of them.
fn spacing(length: Window) -> Window {
    let fits = |step: &Window| length.as_millis() / step.as_millis() <= MOST_SAMPLES;
    let steps = [5, 10, 15, 30, 60].map(Window::minutes);
    steps.into_iter().find(fits).unwrap_or(Window::hours(2))
}

fn share(band: usize) -> f64 {
    // Different in every band, and small, so that the budget's series stay in their usual range.
    (band as f64 + 1.0) * 3.0
}

/// Counters whose share of errors differs from one window to the next, as far as series can be made up for the queries.
fn short_windows(subject: &Subject<'_>, all: &[Window]) -> Option<Case> {
    let slo = subject.slo;
    let direct: Vec<_> = all.iter().copied().filter(|window| is_direct(*window)).collect();
    let series = counters(slo, "one")?;
    let longest = minutes(*direct.last()?);
    // The first evaluation is at 0, the second at the end of all windows: only that sees the counters.
    let end = slo.period.max(*all.last()?).plus(Window::minutes(31)).plus(Window::from_millis(30_000));
    let before = end.as_millis() / MINUTE.as_millis() - longest - 2;
    let mut steps = vec![(2.0, 1)];
    let mut older = longest + 1;
    for (i, window) in direct.iter().enumerate().rev() {
        let inside = minutes(*window);
        steps.push((i as f64 + 3.0, older - inside));
        older = inside;
    }
    steps.push((7.0, older));
    let per_minute: Vec<f64> = steps.iter().flat_map(|(rate, count)| vec![*rate; *count as usize]).collect();
    let total_per_minute = 100.0;
    let expected = |window: Window| {
        // A window of so many minutes holds as many samples, hence one difference fewer; the count of five minutes is
        // a difference over the whole of it.
        let differences = if window == TILE { minutes(window) } else { minutes(window) - 1 };
        let errors: f64 = per_minute.iter().rev().take(differences as usize).sum();
        errors / (total_per_minute * differences as f64)
    };
    let checks = direct
        .iter()
        .map(|window| near(&format!("{}{}", ratio_name(*window), ids(slo)), expected(*window), end))
        .collect();
    let errors = running(before, &per_minute, |errors| errors);
    let good = running(before, &per_minute, |errors| total_per_minute - errors);
    let total = running(before, &per_minute, |_| total_per_minute);
    let input = series.input(&errors, &good, &total);
    Some(Case { name: "short windows".into(), interval: MINUTE, input, checks })
}

/// A counter that rises minute by minute after a time without samples.
fn running(before: u64, per_minute: &[f64], rise: impl Fn(f64) -> f64) -> String {
    let mut value = 1_000_000.0;
    let mut text = format!("_x{before} {value}");
    for errors in per_minute {
        value += rise(*errors);
        text += &format!(" {value}");
    }
    text
}

fn minutes(window: Window) -> u64 {
    window.as_millis() / MINUTE.as_millis()
}

/// Budget and burn rates follow from the ratios. Groups are evaluated in any order, so that this needs a few minutes.
pub(super) fn budget(subject: &Subject<'_>) -> Case {
    let slo = subject.slo;
    let at = Window::minutes(4);
    // Sloth's ratio of the period is the mean of the shortest ones, which are all the same here.
    let (now, period) = if subject.drop_in { (0.002, 0.002) } else { (0.002, 0.0004) };
    let ratio = |window, value: f64| (subject.series(&ratio_name(window), Some(window), "one"), phases(&[(value, 6)]));
    let shortest = if subject.drop_in { subject.burn.all().first().copied().unwrap_or(TILE) } else { TILE };
    let budget = slo.error_budget();
    let series = |name: &str| format!("{name}{{sloth_service={:?}, sloth_slo={:?}}}", slo.service, slo.name);
    let checks = vec![
        near(&series("slo:objective:ratio"), slo.objective, at),
        near(&series("slo:error_budget:ratio"), budget, at),
        near(&series("slo:time_period:days"), slo.period.as_days(), at),
        near(&series("slo:current_burn_rate:ratio"), now / budget, at),
        near(&series("slo:period_burn_rate:ratio"), period / budget, at),
        near(&series("slo:period_error_budget_remaining:ratio"), 1.0 - period / budget, at),
    ];
    let mut input = vec![ratio(shortest, now)];
    if !subject.drop_in {
        input.push(ratio(slo.period, period));
    }
    Case { name: "budget and burn rates".into(), interval: MINUTE, input, checks }
}

/// An expression is a value, up to rounding.
fn near(series: &str, value: f64, at: Window) -> Check {
    Check { expr: format!("abs(sum({series}) - {value}) < bool 1e-9"), at, value: Some(1.0) }
}
