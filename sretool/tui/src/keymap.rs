//! Keys and what they do: one table, from which the keyboard, the palette and the help screen all work.

/// A key as the dashboard sees it, whatever library read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character, case and shift applied.
    Char(char),
    /// Control with a lower-case letter.
    Ctrl(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift with the tabulator.
    BackTab,
    /// Delete to the left.
    Backspace,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// First row.
    Home,
    /// Last row.
    End,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "Ctrl-{}", c.to_ascii_uppercase()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// What a key or a palette command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Show a screen, counted from 0.
    Screen(usize),
    /// Show the next screen.
    NextScreen,
    /// Show the previous screen.
    PreviousScreen,
    /// Select the next row.
    Down,
    /// Select the previous row.
    Up,
    /// Select the first row.
    First,
    /// Select the last row.
    Last,
    /// Scroll the text of the selection on.
    PageDown,
    /// Scroll the text of the selection back.
    PageUp,
    /// Previous service, SLO or run on a screen about one.
    PreviousItem,
    /// Next service, SLO or run on a screen about one.
    NextItem,
    /// Look closer at the selected row.
    Open,
    /// Go back.
    Back,
    /// Type a filter.
    Filter,
    /// Type a command.
    Palette,
    /// Show the keys.
    Help,
    /// Halve the time range, roughly.
    ZoomIn,
    /// Double the time range, roughly.
    ZoomOut,
    /// Hold everything but alerts at the present time, or go on.
    Freeze,
    /// Sort by the next column.
    Sort,
    /// Reverse the order.
    Reverse,
    /// Budget or burn rate in the SLO chart.
    ToggleBurn,
    /// Start a load test.
    StartLoad,
    /// Stop the load test that was started here.
    StopLoad,
    /// Ask everything again now.
    Refresh,
    /// Next colour theme.
    Theme,
    /// Hand the terminal back to the shell until `fg`.
    Suspend,
    /// Leave.
    Quit,
}

/// One row of the keymap.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Any of these keys.
    pub keys: &'static [Key],
    /// Does this.
    pub action: Action,
    /// The palette's name for it; empty where it makes no sense there.
    pub command: &'static str,
    /// The help screen's words.
    pub help: &'static str,
    /// The help screen's section.
    pub section: &'static str,
}

const fn bind(
    section: &'static str,
    keys: &'static [Key],
    action: Action,
    command: &'static str,
    help: &'static str,
) -> Binding {
    Binding { keys, action, command, help, section }
}

use Action as A;
use Key::{BackTab, Char, Ctrl, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};

/// The keymap.
pub const BINDINGS: &[Binding] = &[
    bind("Screens", &[Char('1')], A::Screen(0), "overview", "all services"),
    bind("Screens", &[Char('2')], A::Screen(1), "service", "rate, errors and duration of one service"),
    bind("Screens", &[Char('3')], A::Screen(2), "slos", "objectives and error budgets"),
    bind("Screens", &[Char('4')], A::Screen(3), "alerts", "firing and pending alerts with runbooks"),
    bind("Screens", &[Char('5')], A::Screen(4), "load", "load tests"),
    bind("Screens", &[Tab], A::NextScreen, "", "next screen"),
    bind("Screens", &[BackTab], A::PreviousScreen, "", "previous screen"),
    bind("Move", &[Char('j'), Down], A::Down, "", "next row"),
    bind("Move", &[Char('k'), Up], A::Up, "", "previous row"),
    bind("Move", &[Char('g'), Home], A::First, "", "first row"),
    bind("Move", &[Char('G'), End], A::Last, "", "last row"),
    bind("Move", &[Char('h'), Left], A::PreviousItem, "", "previous service or run"),
    bind("Move", &[Char('l'), Right], A::NextItem, "", "next service or run"),
    bind("Move", &[PageDown, Char(' ')], A::PageDown, "", "scroll text on"),
    bind("Move", &[PageUp], A::PageUp, "", "scroll text back"),
    bind("Move", &[Enter], A::Open, "", "look closer"),
    bind("Move", &[Esc], A::Back, "", "go back, clear the filter"),
    bind("Find", &[Char('/')], A::Filter, "", "filter rows: regex, ! inverts"),
    bind("Find", &[Char(':')], A::Palette, "", "command palette"),
    bind("Find", &[Char('s')], A::Sort, "sort", "sort by the next column"),
    bind("Find", &[Char('S')], A::Reverse, "reverse", "reverse the order"),
    bind("Time", &[Char('+'), Char('=')], A::ZoomIn, "zoom-in", "shorter time range"),
    bind("Time", &[Char('-')], A::ZoomOut, "zoom-out", "longer time range"),
    bind("Time", &[Char('f')], A::Freeze, "freeze", "freeze or go on; alerts stay live"),
    bind("Time", &[Char('R')], A::Refresh, "refresh", "ask everything again now"),
    bind("Act", &[Char('b')], A::ToggleBurn, "burn", "SLO chart: budget or burn rate"),
    bind("Act", &[Char('r')], A::StartLoad, "load-start", "start a load test (asks first)"),
    bind("Act", &[Char('x')], A::StopLoad, "load-stop", "stop the load test started here"),
    bind("Act", &[Char('t')], A::Theme, "theme", "next colour theme"),
    bind("Act", &[Char('?')], A::Help, "help", "this help"),
    bind("Act", &[Ctrl('z')], A::Suspend, "", "suspend; `fg` comes back"),
    bind("Act", &[Char('q'), Ctrl('c')], A::Quit, "quit", "quit"),
];

/// The action of a key outside of text input.
pub(crate) fn action(key: Key) -> Option<Action> {
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// The first key of an action, for hints.
pub(crate) fn key_of(action: Action) -> Option<Key> {
    BINDINGS.iter().find(|binding| binding.action == action).and_then(|binding| binding.keys.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_and_no_command_means_two_things() {
        let keys: Vec<_> = BINDINGS.iter().flat_map(|b| b.keys).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        let commands: Vec<_> = BINDINGS.iter().map(|b| b.command).filter(|c| !c.is_empty()).collect();
        assert_eq!(commands.iter().collect::<HashSet<_>>().len(), commands.len());
    }

    #[test]
    fn keys_find_actions_and_back() {
        assert_eq!(action(Char('q')), Some(Action::Quit));
        assert_eq!(action(Char('Q')), None);
        assert_eq!(key_of(Action::Freeze), Some(Char('f')));
        assert_eq!(Ctrl('z').to_string(), "Ctrl-Z");
    }

    #[test]
    fn every_binding_explains_itself() {
        assert!(BINDINGS.iter().all(|b| !b.help.is_empty() && !b.section.is_empty() && !b.keys.is_empty()));
    }
}
