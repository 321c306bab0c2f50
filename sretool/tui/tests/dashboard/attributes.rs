//! What a terminal really shows, read back through a terminal emulator.

use crate::world::{NOW, Source, new_state, press, tick};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use tui::{State, ThemeName, view};

fn emulate(state: &State) -> (Vec<u8>, vt100::Parser) {
    let mut bytes = Vec::new();
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 80, 24)) };
    let mut terminal =
        Terminal::with_options(CrosstermBackend::new(&mut bytes), options).expect("a fixed viewport needs no terminal");
    terminal.draw(|frame| view(state, frame)).expect("writing to memory");
    drop(terminal);
    let mut parser = vt100::Parser::new(24, 80, 0);
    parser.process(&bytes);
    (bytes, parser)
}

fn full(theme: ThemeName) -> State {
    let mut state = new_state(false, theme);
    tick(&mut state, Source::Full, NOW);
    state
}

/// The cell where `text` begins on a row.
fn cell<'a>(parser: &'a vt100::Parser, row: u16, text: &str) -> &'a vt100::Cell {
    let line = parser.screen().rows(0, 80).nth(usize::from(row)).expect("24 rows");
    let column = line.find(text).map(|at| line[..at].chars().count()).unwrap_or_else(|| panic!("{text} not in {line}"));
    parser.screen().cell(row, column as u16).expect("80 columns")
}

#[test]
fn the_badge_of_a_page_is_bold_on_red() {
    crossterm_colours();
    let (_, parser) = emulate(&full(ThemeName::Dark));
    let badge = cell(&parser, 0, "firing");
    assert!(badge.bold());
    assert_eq!(badge.bgcolor(), vt100::Color::Idx(160));
}

#[test]
fn without_colour_attributes_remain_and_no_colour_is_sent() {
    crossterm_colours();
    let mut state = full(ThemeName::Mono);
    press(&mut state, Source::Full, "3");
    let (bytes, parser) = emulate(&state);
    let badge = cell(&parser, 0, "firing");
    assert!(badge.bold() && badge.inverse());
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("\u{1b}[38;") && !text.contains("\u{1b}[48;"), "a colour was sent");
    let breached = (1..24).map(|row| parser.screen().rows(0, 80).nth(row).unwrap());
    assert!(breached.into_iter().any(|line| line.contains("✗ breached")), "severities have glyph and word");
}

#[test]
fn old_data_is_dimmed() {
    crossterm_colours();
    let mut state = full(ThemeName::Dark);
    for second in 1..20 {
        tick(&mut state, Source::Lost, NOW + second * 1_000);
    }
    let (_, parser) = emulate(&state);
    assert_eq!(cell(&parser, 5, "user-service").fgcolor(), vt100::Color::Idx(242));
}

/// The emulator's process may have NO_COLOR set; what is tested is what the theme sends.
fn crossterm_colours() {
    ratatui::crossterm::style::force_color_output(true);
}
