//! Everything the dashboard knows.

use crate::filter::Filter;
use crate::message::Alert;
use crate::queries::{OVERVIEW, OVERVIEW_CHARTS, Params, QueryId, SPECS, Subject};
use crate::slot::Slot;
use crate::theme::{Glyphs, Theme, ThemeName};
use promql::Value;
use std::collections::VecDeque;

/// What is fixed while the dashboard runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where answers come from, as people know it.
    pub source: String,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Seconds between UTC and the times shown.
    pub utc_offset_s: i32,
    /// How often the newest values are asked for, ms.
    pub refresh_ms: i64,
    /// How far rates look back, seconds; four scrapes at least.
    pub rate_window_s: i64,
    /// What `r` starts: the arguments after the program's name.
    pub load_args: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let load_args = ["load", "--rps", "1000", "--duration", "30s"].map(str::to_owned).to_vec();
        Self { source: String::new(), ascii: false, utc_offset_s: 0, refresh_ms: 2_000, rate_window_s: 60, load_args }
    }
}

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// All services.
    Overview,
    /// One service.
    Service,
    /// Objectives and budgets.
    Slos,
    /// Firing and pending alerts.
    Alerts,
    /// Load tests.
    Load,
}

impl Screen {
    /// In the order of their number keys.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Service, Self::Slos, Self::Alerts, Self::Load];

    /// Its name in the header.
    pub fn title(self) -> &'static str {
        ["Overview", "Service", "SLOs", "Alerts", "Load"][self as usize]
    }

    /// Columns that it can be sorted by.
    pub fn sort_columns(self) -> &'static [&'static str] {
        match self {
            Self::Overview => &["service", "rate", "errors", "p95", "budget"],
            Self::Service => &["rate", "errors", "p95", "route"],
            Self::Slos => &["name", "budget", "burn 1h"],
            Self::Alerts => &["severity", "since", "name"],
            Self::Load => &["threshold"],
        }
    }
}

/// What the keyboard does at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Keys are actions.
    #[default]
    Normal,
    /// Keys are the text of a filter.
    Filter(String),
    /// Keys are the text of a command.
    Palette(String),
    /// The help is shown.
    Help,
    /// A load test waits for a yes.
    ConfirmLoad,
}

/// Time ranges of `+` and `-`.
pub const RANGES_MS: [i64; 11] = [
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    2_419_200_000,
];

/// How the source fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// No answer yet.
    Connecting,
    /// It answers.
    Good,
    /// It does not answer.
    Lost {
        /// Since when, ms.
        since_ms: i64,
        /// Why.
        cause: String,
    },
}

/// Order of a screen's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// Index into [`Screen::sort_columns`].
    pub column: usize,
    /// Whether the column's natural order is reversed.
    pub reversed: bool,
}

/// The selected rows, by what they are about, so that sorting and refreshing keep them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub service: Option<String>,
    pub route: Option<String>,
    pub slo: Option<String>,
    pub alert: Option<String>,
    pub run: Option<String>,
    /// By screen, whether the user chose the row; otherwise the first is followed.
    pub chosen: [bool; 5],
    /// Whether the run was chosen; otherwise the newest is followed.
    pub run_pinned: bool,
}

/// The load test that was started here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Child {
    #[default]
    None,
    Running {
        since_ms: i64,
        stopping: bool,
    },
    Ended(String),
}

/// A runbook that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Runbook {
    pub name: String,
    pub text: Option<Result<String, String>>,
}

/// Everything the dashboard knows. Changed by [`crate::update`] only.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) config: Config,
    pub(crate) theme_name: ThemeName,
    pub(crate) now_ms: i64,
    pub(crate) frozen_ms: Option<i64>,
    pub(crate) screen: Screen,
    pub(crate) mode: Mode,
    pub(crate) drilled: bool,
    pub(crate) slots: Vec<Slot<Value>>,
    pub(crate) alerts: Slot<Vec<Alert>>,
    pub(crate) selection: Selection,
    pub(crate) filters: [Filter; 5],
    /// The filter as it was before typing began.
    pub(crate) filter_before: Filter,
    pub(crate) sorts: [Sort; 5],
    pub(crate) range_ms: i64,
    pub(crate) health: Health,
    pub(crate) answered_ms: Option<i64>,
    pub(crate) server: Option<String>,
    pub(crate) runbook: Option<Runbook>,
    pub(crate) scroll: usize,
    pub(crate) show_burn: bool,
    pub(crate) child: Child,
    pub(crate) child_log: VecDeque<String>,
    pub(crate) notice: Option<(String, i64)>,
    pub(crate) generation: u64,
    pub(crate) dirty: bool,
    pub(crate) quitting: bool,
}

impl State {
    /// The dashboard before its first question.
    pub fn new(config: Config, theme_name: ThemeName, now_ms: i64) -> Self {
        Self {
            config,
            theme_name,
            now_ms,
            frozen_ms: None,
            screen: Screen::Overview,
            mode: Mode::Normal,
            drilled: false,
            slots: vec![Slot::default(); SPECS.len()],
            alerts: Slot::default(),
            selection: Selection::default(),
            filters: Default::default(),
            filter_before: Filter::default(),
            sorts: Default::default(),
            range_ms: RANGES_MS[1],
            health: Health::Connecting,
            answered_ms: None,
            server: None,
            runbook: None,
            scroll: 0,
            show_burn: false,
            child: Child::None,
            child_log: VecDeque::new(),
            notice: None,
            generation: 0,
            dirty: true,
            quitting: false,
        }
    }

    /// Whether anything changed since the last call, so that a new frame is due.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// The present screen.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// What the keyboard does.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// How the source fares.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The time that charts end at: now, or when the view was frozen.
    pub fn view_time_ms(&self) -> i64 {
        self.frozen_ms.unwrap_or(self.now_ms)
    }

    /// The slot of a query.
    pub fn slot(&self, id: QueryId) -> &Slot<Value> {
        &self.slots[id as usize]
    }

    /// The last good answer to a query.
    pub fn value(&self, id: QueryId) -> Option<&Value> {
        self.slot(id).data()
    }

    /// The slot of the alerts.
    pub fn alerts(&self) -> &Slot<Vec<Alert>> {
        &self.alerts
    }

    /// The filter of the present screen.
    pub fn filter(&self) -> &Filter {
        &self.filters[self.screen as usize]
    }

    /// The order of the present screen.
    pub fn sort(&self) -> Sort {
        self.sorts[self.screen as usize]
    }

    pub(crate) fn theme(&self) -> Theme {
        Theme::new(self.theme_name)
    }

    pub(crate) fn glyphs(&self) -> Glyphs {
        Glyphs::new(self.config.ascii)
    }

    /// Data older than this is called stale: three rounds of asking.
    pub(crate) fn stale_ms(&self) -> i64 {
        if self.frozen_ms.is_some() { i64::MAX } else { self.config.refresh_ms.max(1_000) * 3 + 1_000 }
    }

    /// Step of the charts, ms: 1, 2, 5, 10, 15 or 30 s, and so on, for about 240 points.
    pub(crate) fn step_ms(&self, range_ms: i64) -> i64 {
        const STEPS_S: [i64; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600];
        let wanted = range_ms / 240;
        STEPS_S.iter().map(|s| s * 1_000).find(|step| *step >= wanted).unwrap_or(43_200_000)
    }

    /// Start, end and step of the charts of the present screen, ends aligned to the step so that a point stays put.
    pub(crate) fn chart_span(&self, subject: Subject) -> (i64, i64, i64) {
        if subject == Subject::Run
            && let Some((start, end)) = crate::model::load::span_ms(self)
        {
            let step = self.step_ms(end - start);
            return (start.div_euclid(step) * step, (end.div_euclid(step) + 1) * step, step);
        }
        let step = self.step_ms(self.range_ms);
        let end = self.view_time_ms().div_euclid(step) * step;
        (end - self.range_ms, end, step)
    }

    /// The queries that the present screen needs.
    pub(crate) fn wanted(&self) -> Vec<QueryId> {
        use crate::queries::{LOAD, SERVICE, SLOS};
        match self.screen {
            Screen::Overview => [OVERVIEW, OVERVIEW_CHARTS].concat(),
            Screen::Service => SERVICE.to_vec(),
            Screen::Slos => SLOS.to_vec(),
            Screen::Alerts => Vec::new(),
            Screen::Load => LOAD.to_vec(),
        }
    }

    /// The parameters of a query about the present selection.
    pub(crate) fn params(&self, subject: Subject) -> Params<'_> {
        let (_, _, step) = self.chart_span(subject);
        Params {
            service: self.selection.service.as_deref(),
            slo: self.selection.slo.as_deref(),
            run: self.selection.run.as_deref(),
            step_s: step / 1_000,
            window_s: self.config.rate_window_s.max(1),
            range_s: self.range_ms / 1_000,
        }
    }
}
