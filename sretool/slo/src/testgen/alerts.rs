//! Alerts on recorded series.

use super::Subject;
use super::document::{Case, Check, File, phases};
use crate::duration::Window;
use crate::rules::alerts::{
    ABSENT, ABSENT_HOLD, EXHAUSTED, EXHAUSTED_HOLD, REMAINING, absence_series, burn_name, exhausted_step,
    exhausting_failures, is_guarded, settings,
};
use crate::rules::expressions::{TILE, errors_name, is_direct, ratio_name};
use crate::windows::{BurnCondition, Urgency};

const MINUTE: Window = Window::minutes(1);
/// The condition begins this late, so that it is seen to begin.
const BEGIN: u64 = 5;
/// The group that has the trouble, and one that has none.
const GROUP: &str = "one";
const OTHER: &str = "two";

/// Alerts fire after their hold, end with their condition, and need all of it.
pub(super) fn file(subject: &Subject<'_>) -> File {
    let mut cases = Vec::new();
    if subject.options.recordings && !subject.collides() {
        cases.push(super::recordings::budget(subject));
    }
    for condition in &subject.burn.conditions {
        if settings(subject.slo, condition.urgency).disabled || subject.collides() {
            continue;
        }
        if condition.factor * subject.slo.error_budget() * ABOVE < 1.0 {
            cases.extend(burn_cases(subject, condition));
        }
    }
    if !subject.drop_in {
        if !subject.slo.alerting.ticket.disabled {
            cases.extend(exhausted_cases(subject));
        }
        if !subject.slo.alerting.absent_disabled {
            cases.extend(absence_cases(subject));
        }
    }
    File { about: "Alerts fire after their hold and end with their condition.", evaluation_interval: MINUTE, cases }
}

/// Just above and just below a limit.
const ABOVE: f64 = 1.01;
const BELOW: f64 = 0.99;

/// How much of a condition holds.
#[derive(Clone, Copy)]
struct Strength {
    short: f64,
    long: f64,
    /// Failures beyond the least number.
    failures: f64,
}

const ALL: Strength = Strength { short: ABOVE, long: ABOVE, failures: 0.0 };

fn burn_cases(subject: &Subject<'_>, condition: &BurnCondition) -> Vec<Case> {
    let urgency = condition.urgency;
    let title = format!("{urgency} at {} over {} and {}", condition.factor, condition.short, condition.long);
    let hold = minutes(subject.burn.hold(urgency));
    let keep = subject.burn.keep(urgency).map_or(0, minutes);
    let alert = selector(subject, &burn_name(subject.slo), Some(urgency));
    let length = hold + 3;
    let end = BEGIN + length;
    let mut checks = vec![silent(&alert, BEGIN - 1)];
    if hold > 0 {
        checks.push(silent(&alert, BEGIN + hold - 1));
    }
    checks.extend([fires(&alert, BEGIN + hold), fires(&alert, end - 1)]);
    if keep > 0 {
        checks.push(fires(&alert, end - 1 + keep));
    }
    // Where an alert keeps firing, the minute after that may still be within it.
    checks.push(silent(&alert, end + keep + u64::from(keep > 0)));
    let input = burn_input(subject, condition, ALL, length, keep + 3);
    let mut cases = vec![Case { name: format!("{title} fires and ends"), interval: MINUTE, input, checks }];
    let mut partial = vec![
        ("without the short window", Strength { short: BELOW, ..ALL }),
        ("without the long window", Strength { long: BELOW, ..ALL }),
    ];
    if !subject.drop_in && is_guarded(subject.slo, condition) {
        partial.push(("with one failure too few", Strength { failures: -1.0, ..ALL }));
    }
    for (what, strength) in partial {
        let input = burn_input(subject, condition, strength, length, 1);
        let checks = vec![silent(&alert, BEGIN + hold), silent(&alert, end - 1)];
        cases.push(Case { name: format!("{title} is silent {what}"), interval: MINUTE, input, checks });
    }
    cases
}

/// Series that make a condition hold from the begin on for a number of minutes.
fn burn_input(
    subject: &Subject<'_>,
    condition: &BurnCondition,
    strength: Strength,
    length: u64,
    after: u64,
) -> Vec<(String, String)> {
    let limit = condition.factor * subject.slo.error_budget();
    let mut input = Vec::new();
    for (window, strength) in [(condition.short, strength.short), (condition.long, strength.long)] {
        let series = |group| subject.series(&ratio_name(window), Some(window), group);
        let values = phases(&[(0.0, BEGIN), (digits(limit * strength), length), (0.0, after)]);
        input.push((series(GROUP), values));
        if !subject.slo.group_by.is_empty() {
            input.push((series(OTHER), phases(&[(0.0, BEGIN + length + after)])));
        }
    }
    if !subject.drop_in && is_guarded(subject.slo, condition) {
        let failures = condition.minimum_failed_events + strength.failures;
        input.push(failures_input(subject, condition.long, failures, BEGIN + length + after));
    }
    input
}

/// So many failures at the very begin.
fn failures_input(subject: &Subject<'_>, window: Window, failures: f64, minutes: u64) -> (String, String) {
    if is_direct(window) {
        let series = subject.series(&errors_name(window), Some(window), GROUP);
        return (series, phases(&[(failures, minutes)]));
    }
    (subject.series(&errors_name(TILE), Some(TILE), GROUP), phases(&[(failures, 1), (0.0, minutes - 1)]))
}

/// Failures count as long as they lie in the long window, and no longer. Seen in steps of half an hour, since these
/// windows are days long.
pub(super) fn guard_windows(subject: &Subject<'_>) -> Option<File> {
    const STEP: Window = Window::minutes(30);
    if subject.drop_in || subject.collides() {
        return None;
    }
    let mut cases = Vec::new();
    for condition in &subject.burn.conditions {
        let (slo, long) = (subject.slo, condition.long);
        let usable = is_guarded(slo, condition) && !settings(slo, condition.urgency).disabled && !is_direct(long);
        let limit = condition.factor * slo.error_budget();
        let steps = long.as_millis() / STEP.as_millis();
        let hold = subject.burn.hold(condition.urgency).as_millis().div_ceil(STEP.as_millis());
        let keep =
            subject.burn.keep(condition.urgency).map_or(0, |keep| keep.as_millis().div_ceil(STEP.as_millis()) + 1);
        if !usable || limit * ABOVE >= 1.0 || steps < hold + 2 {
            continue;
        }
        let total = steps + keep + 3;
        let mut input: Vec<_> = [condition.short, long]
            .map(|window| {
                let series = subject.series(&ratio_name(window), Some(window), GROUP);
                (series, phases(&[(digits(limit * ABOVE), total)]))
            })
            .into();
        // Samples stand half an hour apart, further than a value is looked back for.
        let failures = phases(&[(condition.minimum_failed_events, 1), (0.0, total - 1)]);
        input.push((subject.series(&errors_name(TILE), Some(TILE), GROUP), failures));
        let alert = selector(subject, &burn_name(slo), Some(condition.urgency));
        let at = |step: u64| Window::from_millis(step * STEP.as_millis());
        let checks = vec![
            Check { expr: alert.clone(), at: at(steps - 1), value: Some(1.0) },
            Check { expr: alert, at: at(steps + 1 + keep), value: None },
        ];
        let name = format!("failures count for {long} at {}", condition.factor);
        cases.push(Case { name, interval: STEP, input, checks });
    }
    let about = "Failures count as long as they lie in the long window.";
    (!cases.is_empty()).then_some(File { about, evaluation_interval: STEP, cases })
}

/// Failures spend a budget as long as they lie in its period, and no longer. Seen in tenths of the period.
pub(super) fn exhausted_period(subject: &Subject<'_>) -> Option<File> {
    let (slo, least) = (subject.slo, exhausting_failures(&subject.burn));
    let guarded = least > 0.0 && !matches!(slo.sli, crate::Sli::Raw { .. });
    if subject.drop_in || slo.alerting.ticket.disabled || !guarded {
        return None;
    }
    let tenth = Window::from_millis(slo.period.as_millis() / 10);
    let hour = exhausted_step(slo, subject.options);
    // Steps are whole hours since 1970, as those of the rule are.
    if tenth < EXHAUSTED_HOLD || !tenth.as_millis().is_multiple_of(hour.as_millis()) {
        return None;
    }
    let alert = selector(subject, EXHAUSTED, None);
    let at = |tenths: u64| Window::from_millis(tenth.as_millis() * tenths);
    let input = vec![
        (subject.series(REMAINING, Some(slo.period), GROUP), phases(&[(0.0, 13)])),
        (subject.series(&errors_name(hour), Some(hour), GROUP), phases(&[(least, 1), (0.0, 12)])),
    ];
    let checks = vec![
        Check { expr: alert.clone(), at: at(9), value: Some(1.0) },
        Check { expr: alert, at: at(11), value: None },
    ];
    let cases = vec![Case { name: "failures count for a period".into(), interval: tenth, input, checks }];
    Some(File {
        about: "Failures spend a budget as long as they lie in its period.",
        evaluation_interval: tenth,
        cases,
    })
}

fn exhausted_cases(subject: &Subject<'_>) -> Vec<Case> {
    let alert = selector(subject, EXHAUSTED, None);
    let hold = minutes(EXHAUSTED_HOLD);
    let length = hold + 3;
    let end = BEGIN + length;
    let case = |name: &str, spent: f64, failures: f64, checks| {
        let values = phases(&[(0.01, BEGIN), (spent, length), (0.01, 3)]);
        let mut input = vec![(subject.series(REMAINING, Some(subject.slo.period), GROUP), values)];
        let least = exhausting_failures(&subject.burn);
        if least > 0.0 {
            let failures = phases(&[(least + failures, 1), (0.0, end + 2)]);
            let step = exhausted_step(subject.slo, subject.options);
            input.push((subject.series(&errors_name(step), Some(step), GROUP), failures));
        }
        Case { name: name.to_owned(), interval: MINUTE, input, checks }
    };
    let fired = vec![
        silent(&alert, BEGIN + hold - 1),
        fires(&alert, BEGIN + hold),
        fires(&alert, end - 1),
        silent(&alert, end),
    ];
    let never = || vec![silent(&alert, BEGIN + hold), silent(&alert, end - 1)];
    let mut cases = vec![
        case("a spent budget fires and ends", 0.0, 0.0, fired),
        case("a budget of which little is left is silent", 0.001, 0.0, never()),
    ];
    if !matches!(subject.slo.sli, crate::Sli::Raw { .. }) && exhausting_failures(&subject.burn) > 0.0 {
        cases.push(case("a budget spent by few failures is silent", -1.0, -1.0, never()));
    }
    cases
}

fn absence_cases(subject: &Subject<'_>) -> Vec<Case> {
    let name = subject.slo.alerting.absent_name.as_deref().unwrap_or(ABSENT);
    let alert = selector(subject, name, None);
    let hold = minutes(ABSENT_HOLD);
    let series = subject.series(&absence_series(subject.slo), Some(TILE), GROUP);
    vec![
        Case {
            name: "missing metrics fire, and end when they return".into(),
            interval: MINUTE,
            input: vec![(series.clone(), format!("_x{} 0x3", hold + 2))],
            checks: vec![silent(&alert, hold - 1), fires(&alert, hold), silent(&alert, hold + 4)],
        },
        Case {
            name: "a service without events is not missing".into(),
            interval: MINUTE,
            input: vec![(series, phases(&[(0.0, hold + 5)]))],
            checks: vec![silent(&alert, hold), silent(&alert, hold + 4)],
        },
    ]
}

fn minutes(window: Window) -> u64 {
    window.as_millis().div_ceil(MINUTE.as_millis())
}

/// How many alerts of a name fire for the objective.
fn selector(subject: &Subject<'_>, name: &str, urgency: Option<Urgency>) -> String {
    let severity = urgency.map(|urgency| format!(", sloth_severity=\"{urgency}\"")).unwrap_or_default();
    let id = &subject.slo.id;
    let id = if subject.drop_in { String::new() } else { format!(", sloth_id=\"{id}\"") };
    format!("count(ALERTS{{alertname=\"{name}\", alertstate=\"firing\"{id}{severity}}})")
}

fn fires(alert: &str, minute: u64) -> Check {
    Check { expr: alert.to_owned(), at: Window::minutes(minute), value: Some(1.0) }
}

fn silent(alert: &str, minute: u64) -> Check {
    Check { expr: alert.to_owned(), at: Window::minutes(minute), value: None }
}

/// As many digits as a limit needs, and no more.
fn digits(value: f64) -> f64 {
    format!("{value:.12}").parse().unwrap_or(value)
}
