//! What to ask, and when.

use crate::message::{Cmd, Span};
use crate::model;
use crate::queries::{QueryId, Shape, Subject, expression};
use crate::state::{Runbook, Screen, State};

/// The questions that are due now. At most one of each is under way.
pub(super) fn due(state: &mut State) -> Vec<Cmd> {
    let mut cmds = Vec::new();
    // Alerts are asked for on every screen, frozen or not: a firing alert is never hidden.
    if state.alerts.is_due(state.now_ms, state.config.refresh_ms) {
        state.generation += 1;
        state.alerts.ask(state.now_ms, state.generation);
        cmds.push(Cmd::Alerts { generation: state.generation });
        if state.server.is_none() {
            cmds.push(Cmd::Server);
        }
    }
    for id in state.wanted() {
        cmds.extend(ask(state, id));
    }
    cmds.extend(runbook(state));
    cmds
}

/// The runbook of the selected alert, once.
fn runbook(state: &mut State) -> Option<Cmd> {
    if state.screen != Screen::Alerts {
        return None;
    }
    let name = model::alerts::selected(state)?.runbook();
    if state.runbook.as_ref().is_some_and(|runbook| runbook.name == name) {
        return None;
    }
    state.runbook = Some(Runbook { name: name.clone(), text: None });
    Some(Cmd::Runbook { name })
}

fn ask(state: &mut State, id: QueryId) -> Option<Cmd> {
    let spec = id.spec();
    let subject = id.subject();
    let (start, end, step) = state.chart_span(subject);
    // A load test's chart reaches into the future, where a rate would decay to nothing.
    let known = (state.view_time_ms() - 1_000).div_euclid(step) * step;
    let end = if subject == Subject::Run { end.min(known.max(start)) } else { end };
    let (interval, span) = match spec.shape {
        Shape::Instant => (state.config.refresh_ms, Span::At(state.view_time_ms())),
        // A chart gains nothing by being asked for more often than it gains points.
        Shape::Range => (state.config.refresh_ms.max(step), Span::Range { start, end, step }),
    };
    let slot = state.slot(id);
    // While frozen an answer stays as it is.
    let answered = state.frozen_ms.is_some() && slot.data().is_some();
    if !slot.is_due(state.now_ms, interval) || answered {
        return None;
    }
    let expr = expression(id, &state.params(subject))?;
    state.generation += 1;
    let (now_ms, generation) = (state.now_ms, state.generation);
    state.slots[id as usize].ask(now_ms, generation);
    Some(Cmd::Query { id, generation, expr, span })
}

/// Charts of another time range are asked for again; the old ones stay until the answer is there.
pub(super) fn supersede_charts(state: &mut State) {
    for spec in crate::queries::SPECS.iter().filter(|spec| spec.shape == Shape::Range) {
        state.slots[spec.id as usize].supersede(true);
    }
}

/// Everything about another service, SLO or run is forgotten: it would be shown under the wrong name.
pub(super) fn supersede_subject(state: &mut State, subject: Subject) {
    for spec in crate::queries::SPECS.iter().filter(|spec| spec.id.subject() == subject) {
        state.slots[spec.id as usize].supersede(false);
    }
}

/// Everything is asked for again.
pub(super) fn supersede_all(state: &mut State) {
    for slot in &mut state.slots {
        slot.supersede(true);
    }
    state.alerts.supersede(true);
    state.server = None;
}
