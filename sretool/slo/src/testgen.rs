//! Unit tests for `promtool test rules` that prove generated rules: every alert fires after its hold and ends with its
//! condition, a condition alone is not enough, and every recorded ratio covers exactly its window.
//!
//! Alerts are tested on recorded series that the tests supply, just above and just below each limit; recordings are
//! tested on counters and on counts of five minutes, with a different share of errors in every window.

mod alerts;
mod document;
mod outage;
mod recordings;
pub(crate) mod samples;

use crate::catalog::Slo;
use crate::model::Origin;
use crate::rules::{Options, Style};
use crate::windows::BurnWindows;

/// Steps of a subquery that promtool evaluates.
const MOST_STEPS: u64 = 9_000;

/// The test files of an objective as pairs of name and text, for a rule file beside them. None where the rules look at
/// more slices of time than promtool can.
pub fn rule_tests(slo: &Slo, options: &Options, rule_file: &str) -> Vec<(String, String)> {
    let subject = Subject::new(slo, options);
    if slo.slices.is_some_and(|slices| slo.period.as_millis() / slices.window.as_millis() > MOST_STEPS) {
        return Vec::new();
    }
    let files = [
        ("alerts", options.alerts.then(|| alerts::file(&subject))),
        ("windows", options.alerts.then(|| alerts::guard_windows(&subject)).flatten()),
        ("period", options.alerts.then(|| alerts::exhausted_period(&subject)).flatten()),
        ("recordings", options.recordings.then(|| recordings::file(&subject)).flatten()),
        ("outage", (options.alerts && options.recordings).then(|| outage::file(&subject)).flatten()),
    ];
    let named = |(kind, file): (&str, Option<document::File>)| {
        Some((format!("{}.{kind}.test.yaml", slo.id), file?.text(rule_file)))
    };
    files.into_iter().filter_map(named).collect()
}

/// What is tested.
struct Subject<'s> {
    slo: &'s Slo,
    options: &'s Options,
    burn: BurnWindows,
    /// Whether the rules are sloth's own.
    drop_in: bool,
}

impl<'s> Subject<'s> {
    fn new(slo: &'s Slo, options: &'s Options) -> Self {
        let drop_in = match options.style {
            Style::Sloth => true,
            Style::Exact => false,
            Style::AsWritten => matches!(slo.origin, Origin::Sloth(_)),
        };
        let burn = if drop_in {
            let hold = crate::Window::from_millis(0);
            let shares = crate::rules::drop_in_windows(slo, options);
            let conditions = shares.map(|shares| shares.conditions().to_vec()).unwrap_or_default();
            BurnWindows { conditions, page_hold: hold, ticket_hold: hold, page_keep: None, ticket_keep: None }
        } else {
            options.burn_for(slo.period).into_owned()
        };
        Self { slo, options, burn, drop_in }
    }

    /// Whether a ratio that tests would supply is one that the rules make others of, which would then exist twice.
    fn collides(&self) -> bool {
        let tile = crate::rules::expressions::TILE;
        self.slo.slices.is_some_and(|slices| slices.window == tile || self.burn.all().contains(&slices.window))
    }

    /// A recorded series of the objective, as the rules label it.
    fn series(&self, name: &str, window: Option<crate::Window>, group: &str) -> String {
        let mut labels = crate::rules::recorded_labels(self.slo, self.options, self.drop_in);
        labels.extend(window.map(|window| ("sloth_window".to_owned(), window.to_string())));
        labels.extend(self.slo.group_by.iter().map(|label| (label.clone(), group.to_owned())));
        let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
        format!("{name}{{{}}}", pairs.join(", "))
    }
}

#[cfg(test)]
mod tests;
