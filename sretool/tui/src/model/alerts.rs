//! Alerts in the order of their urgency.

use super::Level;
use crate::message::{Alert, AlertState};
use crate::state::{Screen, State};

/// How many alerts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Firing with severity `page` or `critical`.
    pub pages: usize,
    /// Firing with any other severity.
    pub tickets: usize,
    /// Pending.
    pub pending: usize,
}

impl Counts {
    /// All that fire.
    pub fn firing(&self) -> usize {
        self.pages + self.tickets
    }
}

impl Alert {
    /// Whether it wakes somebody up.
    pub fn pages(&self) -> bool {
        matches!(self.severity(), "page" | "critical")
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        match (self.state, self.pages()) {
            (AlertState::Firing, true) => Level::Bad,
            (AlertState::Firing, false) => Level::Warn,
            (AlertState::Pending, _) => Level::Good,
        }
    }
}

/// Counts of the last alerts known; `None` before the first answer.
pub fn counts(state: &State) -> Option<Counts> {
    let mut counts = Counts::default();
    for alert in state.alerts().data()? {
        match (alert.state, alert.pages()) {
            (AlertState::Firing, true) => counts.pages += 1,
            (AlertState::Firing, false) => counts.tickets += 1,
            (AlertState::Pending, _) => counts.pending += 1,
        }
    }
    Some(counts)
}

/// The alerts that the filter shows, in the chosen order.
pub fn rows(state: &State) -> Vec<&Alert> {
    let filter = &state.filters[Screen::Alerts as usize];
    let all = state.alerts().data().map_or(&[][..], Vec::as_slice);
    let shown = |alert: &&Alert| filter.text().is_empty() || filter.shows(&alert.key());
    let mut rows: Vec<&Alert> = all.iter().filter(shown).collect();
    let sort = state.sorts[Screen::Alerts as usize];
    rows.sort_by(|a, b| {
        let order = match sort.column {
            0 => (a.state, !a.pages()).cmp(&(b.state, !b.pages())),
            1 => b.active_at_ms.cmp(&a.active_at_ms),
            _ => std::cmp::Ordering::Equal,
        };
        order.then_with(|| a.key().cmp(&b.key()))
    });
    if sort.reversed {
        rows.reverse();
    }
    rows
}

/// Keys of the rows shown.
pub(crate) fn keys(state: &State) -> Vec<String> {
    rows(state).into_iter().map(Alert::key).collect()
}

/// The selected alert.
pub fn selected(state: &State) -> Option<&Alert> {
    let key = state.selection.alert.as_ref()?;
    rows(state).into_iter().find(|alert| alert.key() == *key)
}
