//! The generated burn alerts on traffic that absolute thresholds judge wrongly.

use super::{HOUR, MINUTE, Memory, instant, slo};
use promql::{Labels, Value};
use slo::{Action, Options, Rule};

/// Evaluates all rules each minute, and yields the minutes at which the alerts' conditions held, page then ticket.
fn conditions(store: &mut Memory, end: i64) -> [Vec<i64>; 2] {
    let options = Options::new("");
    let file = slo::generate(&[slo()], &options).expect("rules can be made of it");
    let rules: Vec<Rule> = file.groups.into_iter().flat_map(|group| group.rules).collect();
    let mut held = [Vec::new(), Vec::new()];
    for minute in 0..=end / MINUTE {
        for rule in &rules {
            let Value::Vector(samples) = instant(store, &rule.expr, minute * MINUTE) else { panic!("{}", rule.expr) };
            match &rule.action {
                Action::Record(name) => {
                    for sample in samples {
                        store.append(recorded_labels(&sample.labels, name, rule), minute * MINUTE, sample.v);
                    }
                }
                Action::Alert { name, .. } if name.ends_with("BudgetBurn") && !samples.is_empty() => {
                    held[usize::from(rule.labels["severity"] == "ticket")].push(minute);
                }
                Action::Alert { .. } => {}
            }
        }
    }
    held
}

fn recorded_labels(sample: &Labels, name: &str, rule: &Rule) -> Labels {
    let own = rule.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let kept = sample.iter().filter(|(key, _)| *key != "__name__");
    Labels::new(kept.chain(own).chain([("__name__", name)]))
}

/// Requests and failures a minute, given by the minute.
fn traffic(end: i64, requests: impl Fn(i64) -> f64, errors: impl Fn(i64) -> f64) -> Memory {
    let mut store = Memory::default();
    store.counter("requests_total", end, requests);
    store.counter("errors_total", end, errors);
    store
}

#[test]
fn a_busy_service_with_few_errors_is_silent() {
    // 1,000 requests a second, of which 0.006 % fail: 3.6 a minute.
    let mut store = traffic(2 * HOUR, |_| 60_000.0, |_| 3.6);
    assert_eq!(conditions(&mut store, 2 * HOUR), [vec![], vec![]]);
}

#[test]
fn one_stray_error_of_a_quiet_service_is_silent() {
    let mut store = traffic(2 * HOUR, |_| 1.0, |minute| if minute == 30 { 1.0 } else { 0.0 });
    assert_eq!(conditions(&mut store, 2 * HOUR), [vec![], vec![]]);
}

#[test]
fn a_quiet_service_that_fails_half_of_the_time_pages() {
    let mut store = traffic(2 * HOUR, |_| 2.0, |minute| if minute >= 60 { 1.0 } else { 0.0 });
    let [pages, _] = conditions(&mut store, 2 * HOUR);
    // Five failures, the least that pages, take five minutes at one a minute.
    assert!(pages.first().is_some_and(|first| (65..=67).contains(first)), "{pages:?}");
    assert_eq!(pages.last(), Some(&120));
}

#[test]
fn a_full_outage_pages_at_once_and_not_long_after_its_end() {
    let outage = |minute: i64| (60..70).contains(&minute);
    let mut store = traffic(3 * HOUR, |_| 100.0, |minute| if outage(minute) { 100.0 } else { 0.0 });
    let [pages, tickets] = conditions(&mut store, 3 * HOUR);
    assert!(pages.first().is_some_and(|first| (61..=62).contains(first)), "{pages:?}");
    // The slow condition's short window is half an hour.
    assert!(pages.last().is_some_and(|last| (95..=101).contains(last)), "{pages:?}");
    assert!(tickets.contains(&180), "a third of the budget is gone, which is worth a ticket: {tickets:?}");
}

#[test]
fn an_idle_service_is_silent_and_stays_measurable() {
    let mut store = traffic(HOUR, |_| 0.0, |_| 0.0);
    assert_eq!(conditions(&mut store, HOUR), [vec![], vec![]]);
    let absent = instant(&store, "absent(slo:sli_events:increase5m)", HOUR);
    assert_eq!(absent, Value::Vector(vec![]));
}

#[test]
fn a_slow_burn_is_a_ticket_and_no_page() {
    // 0.2 % of 0.1 % allowed: a burn rate of 2.
    let mut store = traffic(2 * HOUR, |_| 1_000.0, |_| 2.0);
    let [pages, tickets] = conditions(&mut store, 2 * HOUR);
    assert_eq!(pages, Vec::<i64>::new());
    assert!(tickets.contains(&120), "{tickets:?}");
}
