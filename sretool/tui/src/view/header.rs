//! The header: screens on the left, alerts on the right, the alerts first.

use super::Ui;
use crate::model::alerts::{Counts, counts};
use crate::slot::Phase;
use crate::state::Screen;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let (badge, style) = badge(ui, area.width);
    let width = (badge.chars().count() as u16).min(area.width);
    let x = area.right() - width;
    buffer.set_stringn(x, area.y, &badge, usize::from(width), style);
    let room = usize::from(area.width.saturating_sub(width + 1));
    let forms = [tabs(ui, true), tabs(ui, false), current(ui)];
    if let Some(line) = forms.into_iter().find(|line| line.width() <= room) {
        buffer.set_line(area.x, area.y, &line, room as u16);
    }
}

fn tabs(ui: &Ui<'_>, all_titles: bool) -> Line<'static> {
    let mut spans = Vec::new();
    for (index, screen) in Screen::ALL.into_iter().enumerate() {
        let here = screen == ui.state.screen;
        let text =
            if here || all_titles { format!(" {} {} ", index + 1, screen.title()) } else { format!(" {} ", index + 1) };
        let style = if here { ui.theme.title.patch(ui.theme.selected) } else { ui.theme.dim };
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}

fn current(ui: &Ui<'_>) -> Line<'static> {
    Line::styled(format!(" {} ", ui.state.screen.title()), ui.theme.title)
}

/// The alerts in the longest form that leaves the screen names room.
fn badge(ui: &Ui<'_>, width: u16) -> (String, Style) {
    let phase = ui.state.alerts().phase(ui.state.now_ms, ui.state.config.refresh_ms * 3 + 1_000);
    let age = match phase {
        Phase::Stale { age_ms } | Phase::Failed { age_ms: Some(age_ms), .. } => {
            format!(" ({} old)", crate::clock::span(age_ms))
        }
        _ => String::new(),
    };
    let Some(counts) = counts(ui.state) else {
        return (format!(" {} alerts unknown ", ui.glyphs.unknown), ui.theme.dim);
    };
    if counts.firing() == 0 {
        let pending = if counts.pending > 0 { format!(", {} pending", counts.pending) } else { String::new() };
        let style = if age.is_empty() { ui.theme.good } else { ui.theme.dim };
        return (format!(" {} no alerts{pending}{age} ", ui.glyphs.good), style);
    }
    let (glyph, style) = match counts.pages {
        0 => (ui.glyphs.warn, ui.theme.badge_ticket),
        _ => (ui.glyphs.bad, ui.theme.badge_page),
    };
    let short = format!(" {glyph} {} firing", counts.firing());
    let text = match width {
        0..20 => format!("{glyph}{} firing", counts.firing()),
        20..90 => format!("{short}{age} "),
        _ => format!("{short}{}{age} ", details(counts)),
    };
    (text, style)
}

fn details(counts: Counts) -> String {
    let named = [(counts.pages, "page"), (counts.tickets, "ticket")];
    let firing: Vec<_> = named.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    let pending = if counts.pending > 0 { format!(", {} pending", counts.pending) } else { String::new() };
    format!(": {}{pending}", firing.join(", "))
}
