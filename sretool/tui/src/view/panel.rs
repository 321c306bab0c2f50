//! A titled part of a screen that says how its data fares: loading, failed, stale, empty.

use super::Ui;
use crate::clock;
use crate::queries::{QueryId, expression};
use crate::slot::Phase;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget, Wrap};

/// What to do with a panel after its title.
pub(super) struct Body {
    /// Where.
    pub area: Rect,
    /// Whether the data is old and shall look so.
    pub old: bool,
}

/// The state of several answers that one panel shows together.
enum Together {
    Ready,
    Loading(i64),
    Failed { cause: String, age_ms: Option<i64> },
    Stale(i64),
}

impl Ui<'_> {
    /// Draws a rule with a title on the left and a note on the right; returns what is below.
    pub(super) fn title(&self, area: Rect, title: &str, note: &str, note_style: Style, buffer: &mut Buffer) -> Rect {
        let width = usize::from(area.width);
        if area.height == 0 || width < 4 {
            return Rect { height: 0, ..area };
        }
        buffer.set_string(area.x, area.y, self.glyphs.rule.repeat(width), self.theme.faint);
        let title = format!(" {} ", self.cut(title, width.saturating_sub(4)));
        buffer.set_stringn(area.x + 1, area.y, &title, width - 1, self.theme.title);
        let room = width.saturating_sub(title.chars().count() + 5);
        if !note.is_empty() && room > 6 {
            let note = format!(" {} ", self.cut(note, room - 2));
            let x = area.right() - note.chars().count() as u16 - 1;
            buffer.set_string(x, area.y, note, note_style);
        }
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    }

    /// Opens a panel about these queries. `None` when there is nothing to draw, because nothing is known yet.
    pub(super) fn panel(
        &self,
        area: Rect,
        title: &str,
        note: &str,
        queries: &[QueryId],
        buffer: &mut Buffer,
    ) -> Option<Body> {
        let phases = queries.iter().map(|id| self.state.slot(*id).phase(self.state.now_ms, self.state.stale_ms()));
        let known = queries.iter().any(|id| self.state.value(*id).is_some());
        self.open(area, title, note, &together(phases, known), buffer)
    }

    /// The same about the alerts.
    pub(super) fn alerts_panel(&self, area: Rect, title: &str, note: &str, buffer: &mut Buffer) -> Option<Body> {
        let slot = self.state.alerts();
        let phase = slot.phase(self.state.now_ms, self.state.config.refresh_ms * 3 + 1_000);
        self.open(area, title, note, &together([phase].into_iter(), slot.data().is_some()), buffer)
    }

    fn open(&self, area: Rect, title: &str, note: &str, how: &Together, buffer: &mut Buffer) -> Option<Body> {
        let (bad, warn) = (self.theme.bad, self.theme.warn);
        let glyphs = &self.glyphs;
        match how {
            Together::Ready => {
                let area = self.title(area, title, note, self.theme.dim, buffer);
                Some(Body { area, old: false })
            }
            Together::Stale(age_ms) => {
                let note = format!("{} stale, {} old", glyphs.warn, clock::span(*age_ms));
                Some(Body { area: self.title(area, title, &note, warn, buffer), old: true })
            }
            Together::Failed { cause, age_ms: Some(age_ms) } => {
                let cause = cause.replace(&self.state.config.source, "the source");
                let note = format!("{} {} old: {cause}", glyphs.bad, clock::span(*age_ms));
                Some(Body { area: self.title(area, title, &note, bad, buffer), old: true })
            }
            Together::Failed { cause, age_ms: None } => {
                let area = self.title(area, title, "", bad, buffer);
                let line = Line::styled(format!("{} {cause}", glyphs.bad), bad);
                let next = Line::styled("Asked again every few seconds; R asks now.", self.theme.dim);
                self.message(area, vec![line, next], buffer);
                None
            }
            Together::Loading(elapsed_ms) => {
                let area = self.title(area, title, "", self.theme.dim, buffer);
                let text = format!("{} loading, {}", glyphs.pending, clock::span(*elapsed_ms));
                self.message(area, vec![Line::styled(text, self.theme.dim)], buffer);
                None
            }
        }
    }

    /// Says that a query found nothing, which one it was, and what to do.
    pub(super) fn empty(&self, area: Rect, what: &str, next: &str, query: Option<QueryId>, buffer: &mut Buffer) {
        let mut lines = vec![
            Line::styled(format!("{} {what}", self.glyphs.unknown), self.theme.text),
            Line::styled(next.to_owned(), self.theme.dim),
        ];
        let expr = query.and_then(|id| expression(id, &self.state.params(id.subject())));
        lines.extend(expr.map(|expr| Line::styled(format!("asked: {expr}"), self.theme.faint)));
        self.message(area, lines, buffer);
    }

    pub(super) fn message(&self, area: Rect, lines: Vec<Line<'_>>, buffer: &mut Buffer) {
        let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
        Paragraph::new(lines).wrap(Wrap { trim: true }).render(inner, buffer);
    }

    /// Dims what is no longer true.
    pub(super) fn age(&self, body: &Body, buffer: &mut Buffer) {
        if body.old {
            buffer.set_style(body.area, self.theme.old);
        }
    }
}

/// The worst of several: a failure before old age, and loading only while nothing is known.
fn together(phases: impl Iterator<Item = Phase>, known: bool) -> Together {
    let mut how = Together::Ready;
    for phase in phases {
        how = match (how, phase) {
            (_, Phase::Failed { cause, age_ms }) => {
                return Together::Failed { cause, age_ms: age_ms.or(known.then_some(0)) };
            }
            (_, Phase::Loading { elapsed_ms }) if !known => Together::Loading(elapsed_ms),
            (Together::Ready, Phase::Idle) if !known => Together::Loading(0),
            (Together::Ready, Phase::Stale { age_ms }) => Together::Stale(age_ms),
            (how, _) => how,
        };
    }
    how
}
