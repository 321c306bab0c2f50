//! Keys, by mode.

use super::{notify, palette, schedule};
use crate::keymap::{self, Action, Key};
use crate::message::Cmd;
use crate::queries::Subject;
use crate::state::{Child, Mode, RANGES_MS, Screen, State};
use crate::{Filter, model};

/// How many lines a page is.
const PAGE: usize = 10;

/// One key in the present mode.
pub(super) fn press(state: &mut State, key: Key) -> Vec<Cmd> {
    // Leaving and suspending work in every mode.
    if matches!(key, Key::Ctrl('c' | 'z')) {
        return keymap::action(key).map(|action| act(state, action)).unwrap_or_default();
    }
    match state.mode.clone() {
        Mode::Normal => keymap::action(key).map(|action| act(state, action)).unwrap_or_default(),
        Mode::Filter(text) => edit_filter(state, text, key),
        Mode::Palette(text) => edit_palette(state, text, key),
        Mode::Help => {
            match keymap::action(key) {
                Some(Action::Down) => state.scroll = state.scroll.saturating_add(1),
                Some(Action::Up) => state.scroll = state.scroll.saturating_sub(1),
                Some(Action::PageDown) => state.scroll = state.scroll.saturating_add(PAGE),
                Some(Action::PageUp) => state.scroll = state.scroll.saturating_sub(PAGE),
                _ => {
                    state.mode = Mode::Normal;
                    state.scroll = 0;
                }
            }
            Vec::new()
        }
        Mode::ConfirmLoad => {
            state.mode = Mode::Normal;
            if !matches!(key, Key::Char('y' | 'Y') | Key::Enter) {
                return Vec::new();
            }
            state.child_log.clear();
            vec![Cmd::StartLoad { args: state.config.load_args.clone() }]
        }
    }
}

/// Applies a key to a line of text; `None` when the key is no editing.
fn edit(mut text: String, key: Key) -> Option<String> {
    match key {
        Key::Char(c) if !c.is_control() => text.push(c),
        Key::Backspace => drop(text.pop()),
        Key::Ctrl('u') => text.clear(),
        _ => return None,
    }
    Some(text)
}

/// Rows follow the typing as long as it is a regular expression; leaving brings the filter before back.
fn edit_filter(state: &mut State, text: String, key: Key) -> Vec<Cmd> {
    let screen = state.screen as usize;
    match key {
        Key::Enter => {
            match Filter::parse(&text) {
                Ok(filter) => state.filters[screen] = filter,
                Err(cause) => {
                    state.filters[screen] = state.filter_before.clone();
                    notify(state, format!("filter: {cause}"));
                }
            }
            state.mode = Mode::Normal;
        }
        Key::Esc => {
            state.filters[screen] = state.filter_before.clone();
            state.mode = Mode::Normal;
        }
        _ => {
            let Some(text) = edit(text, key) else { return Vec::new() };
            if let Ok(filter) = Filter::parse(&text) {
                state.filters[screen] = filter;
            }
            state.mode = Mode::Filter(text);
        }
    }
    adopt_selection(state);
    Vec::new()
}

fn edit_palette(state: &mut State, text: String, key: Key) -> Vec<Cmd> {
    match key {
        Key::Enter => {
            state.mode = Mode::Normal;
            return palette::run(state, &text);
        }
        Key::Esc => state.mode = Mode::Normal,
        Key::Tab => {
            if let Some((completed, _)) = palette::suggestions(state, &text).into_iter().next() {
                state.mode = Mode::Palette(completed);
            }
        }
        _ => {
            if let Some(text) = edit(text, key) {
                state.mode = Mode::Palette(text);
            }
        }
    }
    Vec::new()
}

/// One action.
pub(super) fn act(state: &mut State, action: Action) -> Vec<Cmd> {
    match action {
        Action::Screen(index) => show(state, Screen::ALL.get(index).copied().unwrap_or(Screen::Overview)),
        Action::NextScreen => show(state, Screen::ALL[(state.screen as usize + 1) % 5]),
        Action::PreviousScreen => show(state, Screen::ALL[(state.screen as usize + 4) % 5]),
        Action::Down => step(state, 1),
        Action::Up => step(state, -1),
        Action::First => step(state, isize::MIN),
        Action::Last => step(state, isize::MAX),
        Action::PageDown => scroll(state, PAGE as isize),
        Action::PageUp => scroll(state, -(PAGE as isize)),
        Action::PreviousItem => turn(state, -1),
        Action::NextItem => turn(state, 1),
        Action::Open => return open(state),
        Action::Back => back(state),
        Action::Filter => {
            state.filter_before = state.filter().clone();
            state.mode = Mode::Filter(state.filter().text().to_owned());
        }
        Action::Palette => state.mode = Mode::Palette(String::new()),
        Action::Help => {
            state.mode = Mode::Help;
            state.scroll = 0;
        }
        Action::ZoomIn => zoom(state, false),
        Action::ZoomOut => zoom(state, true),
        Action::Sort => sort(state),
        Action::Reverse => state.sorts[state.screen as usize].reversed ^= true,
        Action::ToggleBurn => state.show_burn = !state.show_burn,
        Action::Theme => state.theme_name = state.theme_name.next(),
        Action::Refresh => schedule::supersede_all(state),
        Action::Freeze => freeze(state),
        Action::StartLoad => start_load(state),
        Action::StopLoad => return stop_load(state),
        Action::Suspend => return vec![Cmd::Suspend],
        Action::Quit => {
            state.quitting = true;
            return vec![Cmd::Quit];
        }
    }
    Vec::new()
}

/// Whoever reads on has chosen what to read.
fn scroll(state: &mut State, by: isize) {
    state.selection.chosen[state.screen as usize] = true;
    state.scroll = state.scroll.saturating_add_signed(by);
}

fn show(state: &mut State, screen: Screen) {
    state.screen = screen;
    state.drilled = false;
    state.scroll = 0;
    adopt_selection(state);
}

fn freeze(state: &mut State) {
    state.frozen_ms = match state.frozen_ms {
        Some(_) => None,
        None => Some(state.now_ms),
    };
    // Going on, everything is old; freezing, every answer under way is of the present and welcome.
    if state.frozen_ms.is_none() {
        schedule::supersede_all(state);
    }
}

fn zoom(state: &mut State, out: bool) {
    let next = if out {
        RANGES_MS.iter().find(|ms| **ms > state.range_ms)
    } else {
        RANGES_MS.iter().rev().find(|ms| **ms < state.range_ms)
    };
    if let Some(ms) = next {
        state.range_ms = *ms;
        schedule::supersede_charts(state);
    }
}

fn sort(state: &mut State) {
    let columns = state.screen.sort_columns().len();
    let sort = &mut state.sorts[state.screen as usize];
    sort.column = (sort.column + 1) % columns;
    sort.reversed = false;
}

/// Keys of the rows of the present screen, in order, and the selected one.
fn rows(state: &State) -> (Vec<String>, Option<&String>) {
    let selection = &state.selection;
    match state.screen {
        Screen::Overview => (model::overview::shown_names(state), selection.service.as_ref()),
        Screen::Service => (model::service::route_keys(state), selection.route.as_ref()),
        Screen::Slos => (model::slos::keys(state), selection.slo.as_ref()),
        Screen::Alerts => (model::alerts::keys(state), selection.alert.as_ref()),
        Screen::Load => (model::load::runs(state), selection.run.as_ref()),
    }
}

/// The row `by` away from the selected one, held at both ends.
fn neighbour(rows: &[String], selected: Option<&String>, by: isize) -> Option<String> {
    let last = rows.len().checked_sub(1)?;
    let index = selected.and_then(|key| rows.iter().position(|row| row == key));
    let next = match index {
        Some(index) => index.saturating_add_signed(by).min(last),
        None => 0,
    };
    rows.get(next).cloned()
}

fn step(state: &mut State, by: isize) {
    // A text that fills the screen scrolls; a list moves its selection.
    if state.screen == Screen::Alerts && state.drilled {
        state.scroll = state.scroll.saturating_add_signed(by);
        return;
    }
    let (rows, selected) = rows(state);
    if let Some(key) = neighbour(&rows, selected, by) {
        choose(state, key);
    }
}

/// `h` and `l`: another service or run.
fn turn(state: &mut State, by: isize) {
    match state.screen {
        Screen::Service => {
            let names = model::overview::names(state);
            if let Some(name) = neighbour(&names, state.selection.service.as_ref(), by) {
                state.selection.chosen[Screen::Overview as usize] = true;
                select_service(state, name);
            }
        }
        _ => step(state, by),
    }
}

/// A choice of the user's; until there is one, the first row is followed.
fn choose(state: &mut State, key: String) {
    state.selection.chosen[state.screen as usize] = true;
    select(state, key);
}

fn select(state: &mut State, key: String) {
    match state.screen {
        Screen::Overview => select_service(state, key),
        Screen::Service => state.selection.route = Some(key),
        Screen::Slos => select_slo(state, key),
        Screen::Alerts => {
            if state.selection.alert.as_ref() != Some(&key) {
                state.scroll = 0;
            }
            state.selection.alert = Some(key);
        }
        Screen::Load => {
            state.selection.run_pinned = model::load::runs(state).first() != Some(&key);
            select_run(state, key);
        }
    }
}

fn select_service(state: &mut State, name: String) {
    if state.selection.service.as_ref() != Some(&name) {
        state.selection.service = Some(name);
        state.selection.route = None;
        schedule::supersede_subject(state, Subject::Service);
    }
}

fn select_slo(state: &mut State, id: String) {
    if state.selection.slo.as_ref() != Some(&id) {
        state.selection.slo = Some(id);
        schedule::supersede_subject(state, Subject::Slo);
    }
}

fn select_run(state: &mut State, run: String) {
    if state.selection.run.as_ref() != Some(&run) {
        state.selection.run = Some(run);
        schedule::supersede_subject(state, Subject::Run);
    }
}

/// From now on the newest run is shown.
pub(super) fn follow_runs(state: &mut State) {
    state.selection.run_pinned = false;
}

pub(super) fn open_service(state: &mut State, name: String) {
    state.selection.chosen[Screen::Overview as usize] = true;
    select_service(state, name);
    show(state, Screen::Service);
}

/// Selects the first row where nothing was chosen or the chosen row is gone.
pub(super) fn adopt_selection(state: &mut State) {
    if state.screen == Screen::Load {
        adopt_run(state);
        return;
    }
    let service_chosen = state.selection.chosen[Screen::Overview as usize];
    if state.screen == Screen::Service && !service_chosen {
        // The first that serves requests: a scrape target without any has nothing to show here.
        if let Some(name) = model::overview::first_serving(state) {
            select_service(state, name);
        }
    }
    let (rows, selected) = rows(state);
    let chosen = state.selection.chosen[state.screen as usize];
    let known = selected.is_some_and(|key| rows.contains(key)) && chosen;
    // An empty answer may be a moment's; the selection waits for its row to return.
    if let (false, Some(first)) = (known, rows.first().cloned()) {
        select(state, first);
    }
}

/// Follows the newest run unless another one was chosen.
fn adopt_run(state: &mut State) {
    let runs = model::load::runs(state);
    let known = state.selection.run.as_ref().is_some_and(|run| runs.contains(run));
    if let (true, Some(newest)) = (!known || !state.selection.run_pinned, runs.first().cloned()) {
        state.selection.run_pinned = false;
        select_run(state, newest);
    }
}

fn open(state: &mut State) -> Vec<Cmd> {
    state.selection.chosen[state.screen as usize] = true;
    match state.screen {
        Screen::Overview => {
            if state.selection.service.is_some() {
                show(state, Screen::Service);
            }
        }
        Screen::Slos => state.drilled = true,
        Screen::Alerts => {
            state.drilled = model::alerts::selected(state).is_some();
            state.scroll = 0;
        }
        Screen::Service | Screen::Load => {}
    }
    Vec::new()
}

fn back(state: &mut State) {
    if state.drilled {
        state.drilled = false;
        state.scroll = 0;
    } else if !state.filter().text().is_empty() {
        state.filters[state.screen as usize] = Filter::default();
    } else if state.screen != Screen::Overview {
        show(state, Screen::Overview);
    }
}

fn start_load(state: &mut State) {
    state.screen = Screen::Load;
    match state.child {
        Child::Running { .. } => notify(state, "a load test started here still runs; x stops it"),
        _ => state.mode = Mode::ConfirmLoad,
    }
}

fn stop_load(state: &mut State) -> Vec<Cmd> {
    if let Child::Running { stopping, .. } = &mut state.child {
        *stopping = true;
        return vec![Cmd::StopLoad];
    }
    notify(state, "no load test was started here");
    Vec::new()
}
