//! The status line: the source and its health, time range, filter; or what is being typed.

use super::Ui;
use crate::clock;
use crate::keymap::{Action, key_of};
use crate::state::{Health, Mode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let hints = hints(ui, area.width);
    let hints_width = hints.width() as u16;
    let room = area.width.saturating_sub(hints_width + 1);
    let left = match ui.state.mode() {
        Mode::Filter(text) => typing(ui, "/", text),
        Mode::Palette(text) => typing(ui, ":", text),
        _ => match &ui.state.notice {
            Some((text, _)) => Line::styled(format!(" {text}"), ui.theme.warn),
            None => source(ui, usize::from(room)),
        },
    };
    buffer.set_line(area.x, area.y, &left, room);
    buffer.set_line(area.right().saturating_sub(hints_width), area.y, &hints, hints_width);
}

fn typing(ui: &Ui<'_>, prompt: &str, text: &str) -> Line<'static> {
    let cursor = Span::styled(" ", ui.theme.selected.add_modifier(ratatui::style::Modifier::REVERSED));
    Line::from(vec![
        Span::styled(format!(" {prompt}"), ui.theme.key),
        Span::styled(text.to_owned(), ui.theme.text),
        cursor,
    ])
}

/// From the left in the order of importance, so that a narrow line loses the least important part.
fn source(ui: &Ui<'_>, room: usize) -> Line<'static> {
    let (theme, state) = (&ui.theme, ui.state);
    let mut spans = Vec::new();
    if state.frozen_ms.is_some() {
        let at = clock::time_of_day(state.view_time_ms(), state.config.utc_offset_s);
        spans.push(Span::styled(format!(" FROZEN {at} "), theme.badge_ticket));
    }
    if !state.filter().text().is_empty() {
        spans.push(Span::styled(format!(" /{} ", state.filter().text()), theme.key));
    }
    let (glyph, style, words) = health(ui);
    spans.push(Span::styled(format!(" {glyph} "), style));
    let server = state.server.as_ref().map(|server| format!(" ({server})")).unwrap_or_default();
    let name = format!("{}{server} ", state.config.source.trim_start_matches("http://"));
    let dot = ui.glyphs.dot;
    let good = style == theme.good;
    let words = (words, if good { theme.dim } else { style });
    let range = (format!("{} ", clock::range(state.range_ms)), theme.text);
    // What is wrong comes first; otherwise it is the least interesting.
    let parts = if good { [range, (name, theme.dim), words] } else { [words, range, (name, theme.dim)] };
    for (i, (text, style)) in parts.into_iter().enumerate() {
        if i > 0 {
            spans.push(Span::styled(format!("{dot} "), theme.faint));
        }
        spans.push(Span::styled(text, style));
    }
    let line = Line::from(spans);
    if line.width() <= room { line } else { shorter(ui, line, room) }
}

/// Glyph, style and words of the source's health.
fn health(ui: &Ui<'_>) -> (&'static str, Style, String) {
    let (theme, state) = (&ui.theme, ui.state);
    let age = state.answered_ms.map_or(0, |at| state.now_ms - at);
    match state.health() {
        Health::Connecting => (ui.glyphs.pending, theme.dim, "connecting ".to_owned()),
        Health::Good if age > state.config.refresh_ms * 3 + 1_000 => {
            (ui.glyphs.warn, theme.warn, format!("silent for {} ", clock::span(age)))
        }
        Health::Good => (ui.glyphs.good, theme.good, format!("{} ago ", clock::span(age))),
        Health::Lost { since_ms, cause } => {
            let since = clock::span(state.now_ms - since_ms);
            // The address stands on this line already.
            let cause = cause.replace(&state.config.source, "").replace(" does not answer: ", "");
            (ui.glyphs.bad, theme.bad, format!("no answer for {since}: {} ", cause.trim()))
        }
    }
}

/// Cuts the line at its right end, visibly.
fn shorter(ui: &Ui<'_>, line: Line<'static>, room: usize) -> Line<'static> {
    let mut left = room;
    let mut spans = Vec::new();
    for span in line.spans {
        let text = ui.cut(&span.content, left);
        left = left.saturating_sub(text.chars().count());
        spans.push(Span::styled(text, span.style));
        if left == 0 {
            break;
        }
    }
    Line::from(spans)
}

fn hints(ui: &Ui<'_>, width: u16) -> Line<'static> {
    let hints: &[(&str, &str)] = match ui.state.mode() {
        Mode::Filter(_) => &[("Enter", "keep"), ("Esc", "leave")],
        Mode::Palette(_) => &[("Tab", "complete"), ("Enter", "run"), ("Esc", "leave")],
        _ => &[],
    };
    let mut spans = Vec::new();
    let mut push = |key: String, word: &str| {
        spans.push(Span::styled(key, ui.theme.key));
        spans.push(Span::styled(format!(" {word}  "), ui.theme.dim));
    };
    if hints.is_empty() {
        let actions: &[(Action, &str)] = match width {
            0..60 => &[(Action::Help, "help")],
            60..110 => &[(Action::Help, "help"), (Action::Quit, "quit")],
            _ => &[
                (Action::Open, "open"),
                (Action::Filter, "filter"),
                (Action::ZoomIn, "zoom"),
                (Action::Help, "help"),
                (Action::Quit, "quit"),
            ],
        };
        for (action, word) in actions {
            push(key_of(*action).map(|key| key.to_string()).unwrap_or_default(), word);
        }
    }
    hints.iter().for_each(|(key, word)| push((*key).to_owned(), word));
    Line::from(spans)
}
