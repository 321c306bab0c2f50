//! Colours and glyphs.
//!
//! Without colour nothing sets a foreground or background at all: crossterm answers `NO_COLOR` by writing a bare reset
//! in place of each colour, which erases bold and reverse.

use ratatui::style::{Color, Modifier, Style};

/// A colour theme's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// No colour: bold, dim and reverse only.
    Mono,
}

impl ThemeName {
    /// All themes, in the order of the `t` key.
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::Mono];

    /// As typed on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "mono",
        }
    }

    /// The theme of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name)
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }
}

/// Styles by meaning.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Headings of tables, units, legends.
    pub dim: Style,
    /// Rules, axes.
    pub faint: Style,
    /// Titles of panels, the present screen.
    pub title: Style,
    /// Keys in hints.
    pub key: Style,
    /// As it should be.
    pub good: Style,
    /// Worth a look.
    pub warn: Style,
    /// Needs action.
    pub bad: Style,
    /// The header's badge while a page fires.
    pub badge_page: Style,
    /// The header's badge while anything else fires.
    pub badge_ticket: Style,
    /// The selected row, laid over the row's own styles.
    pub selected: Style,
    /// Lines of charts, in order.
    pub series: [Style; 6],
    /// Threshold lines.
    pub threshold: Style,
    /// Data that is no longer true, laid over its own styles.
    pub old: Style,
}

const fn fg(index: u8) -> Style {
    Style::new().fg(Color::Indexed(index))
}

impl Theme {
    /// The styles of a theme.
    pub const fn new(name: ThemeName) -> Self {
        match name {
            ThemeName::Dark => Self::dark(),
            ThemeName::Light => Self::light(),
            ThemeName::Mono => Self::mono(),
        }
    }

    const fn dark() -> Self {
        Self {
            text: fg(252),
            dim: fg(246),
            faint: fg(239),
            title: fg(117).add_modifier(Modifier::BOLD),
            key: fg(180),
            good: fg(114),
            warn: fg(221),
            bad: fg(210).add_modifier(Modifier::BOLD),
            badge_page: Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(160)).add_modifier(Modifier::BOLD),
            badge_ticket: Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(221)).add_modifier(Modifier::BOLD),
            selected: Style::new().bg(Color::Indexed(237)),
            series: [fg(80), fg(179), fg(140), fg(114), fg(210), fg(111)],
            threshold: fg(167),
            old: fg(242),
        }
    }

    const fn light() -> Self {
        Self {
            text: fg(235),
            dim: fg(242),
            faint: fg(250),
            title: fg(25).add_modifier(Modifier::BOLD),
            key: fg(94),
            good: fg(28),
            warn: fg(130),
            bad: fg(160).add_modifier(Modifier::BOLD),
            badge_page: Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(160)).add_modifier(Modifier::BOLD),
            badge_ticket: Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(221)).add_modifier(Modifier::BOLD),
            selected: Style::new().bg(Color::Indexed(254)),
            series: [fg(30), fg(130), fg(91), fg(28), fg(160), fg(26)],
            threshold: fg(160),
            old: fg(247),
        }
    }

    const fn mono() -> Self {
        let plain = Style::new();
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let dim = Style::new().add_modifier(Modifier::DIM);
        let reverse = Style::new().add_modifier(Modifier::REVERSED);
        Self {
            text: plain,
            dim,
            faint: dim,
            title: bold,
            key: bold,
            good: plain,
            warn: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            badge_page: reverse.add_modifier(Modifier::BOLD),
            badge_ticket: reverse,
            selected: reverse,
            series: [plain, bold, dim, plain, bold, dim],
            threshold: dim,
            old: dim,
        }
    }
}

/// The characters that carry meaning. Severities differ by glyph, so that colour is never the only sign.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    /// As it should be.
    pub good: &'static str,
    /// Worth a look.
    pub warn: &'static str,
    /// Needs action.
    pub bad: &'static str,
    /// Unknown.
    pub unknown: &'static str,
    /// Not yet firing.
    pub pending: &'static str,
    /// A number that does not exist.
    pub none: &'static str,
    /// Cut text.
    pub ellipsis: &'static str,
    /// Horizontal rule.
    pub rule: &'static str,
    /// Filled part of a bar.
    pub bar: &'static str,
    /// Empty part of a bar.
    pub trough: &'static str,
    /// Marks the selected row.
    pub cursor: &'static str,
    /// Axis of a chart, and a tick on it.
    pub axis: [&'static str; 2],
    /// Threshold line.
    pub threshold: &'static str,
    /// Heights of a sparkline, lowest first.
    pub spark: &'static [&'static str],
    /// Marks a sorted column, ascending and descending.
    pub sorted: [&'static str; 2],
    /// Between words on one line.
    pub dot: &'static str,
    /// A line in a legend.
    pub line: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    good: "●",
    warn: "▲",
    bad: "✗",
    unknown: "○",
    pending: "◔",
    none: "–",
    ellipsis: "…",
    rule: "─",
    bar: "━",
    trough: "─",
    cursor: "▌",
    axis: ["│", "┤"],
    threshold: "┄",
    spark: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    sorted: ["↑", "↓"],
    dot: "·",
    line: "━",
};

const ASCII: Glyphs = Glyphs {
    good: "*",
    warn: "!",
    bad: "X",
    unknown: "?",
    pending: "o",
    none: "-",
    ellipsis: "~",
    rule: "-",
    bar: "#",
    trough: ".",
    cursor: ">",
    axis: ["|", "+"],
    threshold: "-",
    spark: &["_", ".", ":", "-", "=", "+", "*", "#"],
    sorted: ["^", "v"],
    dot: "|",
    line: "-",
};

impl Glyphs {
    /// Unicode, or nothing beyond ASCII.
    pub const fn new(ascii: bool) -> Self {
        if ascii { ASCII } else { UNICODE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styles(theme: &Theme) -> Vec<Style> {
        let single = [theme.text, theme.dim, theme.faint, theme.title, theme.key, theme.good, theme.warn, theme.bad];
        let more = [theme.badge_page, theme.badge_ticket, theme.selected, theme.threshold, theme.old];
        single.into_iter().chain(more).chain(theme.series).collect()
    }

    #[test]
    fn mono_sets_no_colour_at_all() {
        for style in styles(&Theme::new(ThemeName::Mono)) {
            assert_eq!((style.fg, style.bg, style.underline_color), (None, None, None));
        }
    }

    #[test]
    fn severities_differ_without_colour() {
        for glyphs in [Glyphs::new(false), Glyphs::new(true)] {
            let marks = [glyphs.good, glyphs.warn, glyphs.bad, glyphs.unknown, glyphs.pending];
            let distinct: std::collections::HashSet<_> = marks.iter().collect();
            assert_eq!(distinct.len(), marks.len());
        }
    }

    #[test]
    fn ascii_is_ascii() {
        let text = format!("{:?}", Glyphs::new(true));
        assert!(text.is_ascii(), "{text}");
    }

    #[test]
    fn names_read_back() {
        for name in ThemeName::ALL {
            assert_eq!(ThemeName::from_name(name.as_str()), Some(name));
        }
        assert_eq!(ThemeName::Dark.next().next().next(), ThemeName::Dark);
    }
}
