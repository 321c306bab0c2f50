//! The only way to change the state.

mod keys;
mod palette;
mod schedule;

use crate::message::{Alert, Cmd, LoadEvent, Msg, Problem};
use crate::queries::QueryId;
use crate::state::{Child, Health, State};
pub(crate) use palette::suggestions;
use promql::Value;

/// Lines of a load test's output that are kept.
const LOG_LINES: usize = 200;
/// How long a notice stays, ms.
const NOTICE_MS: i64 = 6_000;

/// Takes one message and says what to do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Cmd> {
    let mut cmds = Vec::new();
    state.dirty = true;
    match msg {
        Msg::Tick { now_ms } => {
            state.now_ms = now_ms;
            if state.notice.as_ref().is_some_and(|(_, at)| now_ms - at > NOTICE_MS) {
                state.notice = None;
            }
        }
        Msg::Redraw => {}
        Msg::Key(key) => cmds = keys::press(state, key),
        Msg::Answer { id, generation, result } => answer(state, id, generation, result),
        Msg::Alerts { generation, result } => alerts(state, generation, result),
        Msg::Server(name) => state.server = Some(name),
        Msg::Runbook { name, result } => runbook(state, &name, result),
        Msg::Load(event) => load(state, event),
    }
    if !state.quitting {
        cmds.extend(schedule::due(state));
    }
    cmds
}

/// Shows a sentence for a few seconds.
fn notify(state: &mut State, text: impl Into<String>) {
    state.notice = Some((text.into(), state.now_ms));
}

fn heard(state: &mut State, problem: Option<&Problem>) {
    match problem {
        Some(problem) if problem.source_lost => {
            let since_ms = match &state.health {
                Health::Lost { since_ms, .. } => *since_ms,
                _ => state.now_ms,
            };
            state.health = Health::Lost { since_ms, cause: problem.message.clone() };
            // The server that comes back may be another one.
            state.server = None;
        }
        // A refused question was still answered.
        _ => {
            state.health = Health::Good;
            state.answered_ms = Some(state.now_ms);
        }
    }
}

fn answer(state: &mut State, id: QueryId, generation: u64, result: Result<Value, Problem>) {
    heard(state, result.as_ref().err());
    let now_ms = state.now_ms;
    let Some(slot) = state.slots.get_mut(id as usize) else { return };
    if slot.answer(now_ms, generation, result.map_err(|problem| problem.message)) {
        keys::adopt_selection(state);
    }
}

fn alerts(state: &mut State, generation: u64, result: Result<Vec<Alert>, Problem>) {
    heard(state, result.as_ref().err());
    state.alerts.answer(state.now_ms, generation, result.map_err(|problem| problem.message));
    keys::adopt_selection(state);
}

fn runbook(state: &mut State, name: &str, result: Result<String, String>) {
    if let Some(runbook) = state.runbook.as_mut().filter(|runbook| runbook.name == name) {
        runbook.text = Some(result);
    }
}

fn load(state: &mut State, event: LoadEvent) {
    match event {
        LoadEvent::Started => {
            state.child = Child::Running { since_ms: state.now_ms, stopping: false };
            // The run that is about to appear is the one to show.
            keys::follow_runs(state);
        }
        LoadEvent::Line(line) => {
            if state.child_log.len() >= LOG_LINES {
                state.child_log.pop_front();
            }
            state.child_log.push_back(line);
        }
        LoadEvent::Ended(status) => {
            let text = match status {
                Some(0) => "passed (exit 0)".to_owned(),
                Some(1) => "failed: a threshold is broken (exit 1)".to_owned(),
                Some(2) => "was refused as invalid (exit 2)".to_owned(),
                Some(3) => "could not judge (exit 3)".to_owned(),
                Some(other) => format!("ended with exit {other}"),
                None => "was stopped".to_owned(),
            };
            notify(state, format!("load test {text}"));
            state.child = Child::Ended(text);
        }
        LoadEvent::Failed(cause) => {
            notify(state, format!("load test: {cause}"));
            state.child = Child::Ended(cause);
        }
    }
}
