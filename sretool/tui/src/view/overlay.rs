//! What lies over a screen: help, palette, confirmation.

use super::Ui;
use crate::keymap::BINDINGS;
use crate::state::Mode;
use crate::update::suggestions;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph, Widget};

pub(super) fn render(ui: &Ui<'_>, body: Rect, buffer: &mut Buffer) {
    match ui.state.mode() {
        Mode::Help => help(ui, body, buffer),
        Mode::Palette(text) => palette(ui, text, body, buffer),
        Mode::ConfirmLoad => confirm(ui, body, buffer),
        Mode::Normal | Mode::Filter(_) => {}
    }
}

/// A box of this size in the middle of `body`, as far as it fits; returns its inside.
fn popup(ui: &Ui<'_>, title: &str, size: (u16, u16), body: Rect, buffer: &mut Buffer) -> Rect {
    let (width, height) = (size.0.min(body.width), size.1.min(body.height));
    let (x, y) = (body.x + (body.width - width) / 2, body.y + (body.height - height) / 2);
    let area = Rect { x, y, width, height };
    Clear.render(area, buffer);
    let mut block = Block::bordered()
        .border_style(ui.theme.faint)
        .title(Span::styled(format!(" {title} "), ui.theme.title))
        .padding(Padding::horizontal(1));
    block = if ui.state.config.ascii { block.border_set(ASCII_BORDER) } else { block.border_type(BorderType::Rounded) };
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

const ASCII_BORDER: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// One line a binding, by section, from the keymap itself.
fn help_lines(ui: &Ui<'_>, commands: bool) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut section = "";
    for binding in BINDINGS {
        if binding.section != section {
            section = binding.section;
            lines.push(Line::styled(section, ui.theme.title));
        }
        let keys = binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let mut spans = vec![
            Span::styled(format!("  {keys:<15}"), ui.theme.key),
            Span::styled(format!("{:<36}", binding.help), ui.theme.text),
        ];
        if commands && !binding.command.is_empty() {
            spans.push(Span::styled(format!(" :{}", binding.command), ui.theme.dim));
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// In as many columns as it takes; what does not fit even so is reached by scrolling.
fn help(ui: &Ui<'_>, body: Rect, buffer: &mut Buffer) {
    let (room, across) = (body.height.saturating_sub(2).max(1), body.width.saturating_sub(4));
    let [full, short] = [true, false].map(|commands| {
        let lines = help_lines(ui, commands);
        let width = lines.iter().map(Line::width).max().unwrap_or(0) as u16;
        (lines, width + 2)
    });
    let fits = |(lines, width): &(Vec<Line<'_>>, u16)| across / width * room >= lines.len() as u16;
    let (lines, width) = if fits(&full) || (!fits(&short) && across >= full.1) { full } else { short };
    let wanted = (lines.len() as u16).div_ceil(room);
    let count = wanted.clamp(1, (across / width).max(1));
    let height = (lines.len() as u16).div_ceil(count).min(room);
    let last = lines.len().saturating_sub(usize::from(count * height));
    let scroll = ui.state.scroll.min(last);
    let title = if last > 0 { "Keys (j and k scroll)" } else { "Keys (any key closes)" };
    let inner = popup(ui, title, (count * width + 4, height + 2), body, buffer);
    for (i, line) in lines.iter().skip(scroll).take(usize::from(count * height)).enumerate() {
        let (column, row) = (i as u16 / height, i as u16 % height);
        let x = inner.x + column * width;
        if row < inner.height && x < inner.right() {
            buffer.set_line(x, inner.y + row, line, inner.right() - x);
        }
    }
}

fn palette(ui: &Ui<'_>, typed: &str, body: Rect, buffer: &mut Buffer) {
    let found = suggestions(ui.state, typed);
    let rows = (found.len() as u16).min(body.height.saturating_sub(2)).min(16);
    let area = Rect { y: body.bottom() - rows, height: rows, width: body.width.min(72), ..body };
    Clear.render(area, buffer);
    buffer.set_style(area, ui.theme.selected);
    for ((command, meaning), y) in found.iter().zip(area.top()..area.bottom()) {
        let line = Line::from(vec![
            Span::styled(format!(" {command:<26} "), ui.theme.key),
            Span::styled(*meaning, ui.theme.dim),
        ]);
        buffer.set_line(area.x, y, &line, area.width);
    }
}

fn confirm(ui: &Ui<'_>, body: Rect, buffer: &mut Buffer) {
    let command = format!("sretool {}", ui.state.config.load_args.join(" "));
    let width = (command.chars().count() as u16 + 6).max(46);
    let inner = popup(ui, "Start a load test?", (width, 6), body, buffer);
    let lines = vec![
        Line::styled(command, ui.theme.text),
        Line::styled("It puts real traffic on the services.", ui.theme.dim),
        Line::default(),
        Line::from(vec![
            Span::styled("y", ui.theme.key),
            Span::styled(" start   ", ui.theme.dim),
            Span::styled("any other key", ui.theme.key),
            Span::styled(" leave", ui.theme.dim),
        ]),
    ];
    Paragraph::new(lines).render(inner, buffer);
}
