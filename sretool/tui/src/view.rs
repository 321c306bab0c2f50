//! Drawing. A header with the alert badge, the screen, a status line.
//!
//! ```text
//! 1 Overview  2 Service  3 SLOs  4 Alerts  5 Load            ✗ 2 firing
//! ─ Services ─────────────────────────────────────────────────── 3 of 3 ─
//!   …
//! ● http://127.0.0.1:9090 · 1s ago · 15m                    ? help  q quit
//! ```

mod alerts;
mod header;
mod load;
mod overlay;
mod overview;
mod panel;
mod plots;
mod service;
mod slos;
mod status;
mod table;

use crate::model::Level;
use crate::state::{Screen, State};
use crate::theme::{Glyphs, Theme};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The smallest size that the screens are made for.
const SMALLEST: (u16, u16) = (40, 10);

/// What every part of the view needs.
struct Ui<'a> {
    state: &'a State,
    theme: Theme,
    glyphs: Glyphs,
}

impl Ui<'_> {
    fn level_style(&self, level: Level) -> Style {
        match level {
            Level::Unknown => self.theme.dim,
            Level::Good => self.theme.good,
            Level::Warn => self.theme.warn,
            Level::Bad => self.theme.bad,
        }
    }

    fn level_glyph(&self, level: Level) -> &'static str {
        match level {
            Level::Unknown => self.glyphs.unknown,
            Level::Good => self.glyphs.good,
            Level::Warn => self.glyphs.warn,
            Level::Bad => self.glyphs.bad,
        }
    }

    /// The style of a number: only what is not as it should be gets a colour.
    fn number_style(&self, level: Level) -> Style {
        match level {
            Level::Good => self.theme.text,
            other => self.level_style(other),
        }
    }

    /// Text cut to `width`, with an ellipsis where something is missing.
    fn cut(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let kept: String = text.chars().take(width.saturating_sub(1)).collect();
        if width == 0 { kept } else { kept + self.glyphs.ellipsis }
    }
}

/// Draws the dashboard.
pub fn view(state: &State, frame: &mut Frame<'_>) {
    let ui = Ui { state, theme: state.theme(), glyphs: state.glyphs() };
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width == 0 || area.height == 0 {
        return;
    }
    let top = Rect { height: 1, ..area };
    header::render(&ui, top, buffer);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("needs {}x{}", SMALLEST.0, SMALLEST.1);
        if area.height > 1 {
            buffer.set_stringn(area.x, area.y + 1, text, usize::from(area.width), ui.theme.dim);
        }
        return;
    }
    let bottom = Rect { y: area.bottom() - 1, height: 1, ..area };
    let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
    screen(&ui, body, buffer);
    status::render(&ui, bottom, buffer);
    overlay::render(&ui, body, buffer);
    if state.config.ascii {
        only_ascii(buffer);
    }
}

/// Units and names from the source may hold what an ASCII terminal cannot show.
fn only_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        let plain = match cell.symbol() {
            "µ" => "u",
            "×" => "x",
            _ => "?",
        };
        cell.set_symbol(plain);
    }
}

fn screen(ui: &Ui<'_>, body: Rect, buffer: &mut Buffer) {
    match ui.state.screen {
        Screen::Overview => overview::render(ui, body, buffer),
        Screen::Service => service::render(ui, body, buffer),
        Screen::Slos => slos::render(ui, body, buffer),
        Screen::Alerts => alerts::render(ui, body, buffer),
        Screen::Load => load::render(ui, body, buffer),
    }
}
