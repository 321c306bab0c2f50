//! Which queries a report needs.
//!
//! A period is cut at the times that do not count, and each remaining interval is one instant query at its end. Where
//! the generated rules have recorded the number of events of every five minutes ([`Tiles`]), the interval's middle
//! adds those up instead of reading every sample of the metrics again.

mod pieces;
mod tiles;

pub use tiles::{Tiles, TilesProbe, probe};

use crate::calendar::Calendar;
use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::exclusions::remaining;
use crate::windows::BurnWindows;
use chrono_tz::Tz;

/// Prometheus refuses a range query of more than 11,000 steps.
const STEPS: i64 = 10_000;

/// The finest step of a timeline.
const TIMELINE_STEP: i64 = 300_000;

/// What a report is to contain.
#[derive(Clone, Debug)]
pub struct Request {
    /// Time of evaluation, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Burn-rate conditions.
    pub burn: BurnWindows,
    /// Whether to follow the period step by step, for incidents and plots.
    pub timeline: bool,
    /// How many earlier periods: those of the calendar, else calendar months in UTC.
    pub past: u32,
    /// Recorded numbers of events, where they can be used.
    pub tiles: Option<Tiles>,
}

impl Request {
    /// The period and its burn rates at a time, nothing else.
    pub fn at(at_ms: i64) -> Self {
        Self { at_ms, burn: BurnWindows::workbook(), timeline: false, past: 0, tiles: None }
    }
}

/// Which number a query yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Number of good events.
    Good,
    /// Number of bad events.
    Bad,
    /// Number of events.
    Total,
    /// Ratio of good or of bad events, as the SLO's [`Sli::Raw`] says.
    Ratio,
}

/// What a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The period of the error budget.
    Period,
    /// A window of a burn-rate condition.
    Burn(Window),
    /// An earlier period, counted backwards from 1.
    Past(u32),
    /// The period, step by step.
    Timeline,
}

/// When a query is evaluated, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once.
    At(i64),
    /// At every step, both ends included.
    Steps {
        /// The first step.
        start_ms: i64,
        /// The last.
        end_ms: i64,
        /// Their distance.
        step_ms: i64,
    },
}

/// One query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedQuery {
    /// What it is for.
    pub target: Target,
    /// Which of the intervals that the target is made of.
    pub piece: usize,
    /// The interval, or one step's: its begin and end in milliseconds since the Unix epoch.
    pub interval: (i64, i64),
    /// What it yields.
    pub part: Part,
    /// The expression.
    pub expr: String,
    /// When it is evaluated.
    pub when: When,
}

/// Begin of the period at a time, and its end where a calendar sets it; `None` before a calendar's first period.
pub fn period(slo: &Slo, at_ms: i64) -> Option<(i64, i64)> {
    match &slo.calendar {
        Some(calendar) => calendar.period_at(at_ms).map(|period| (period.start_ms, period.end_ms)),
        None => Some((at_ms - millis(slo.period), at_ms)),
    }
}

/// Earlier periods, the latest first: name, begin and end.
pub fn past_periods(slo: &Slo, at_ms: i64, count: u32) -> Vec<(String, i64, i64)> {
    let calendar = slo.calendar.unwrap_or_else(|| Calendar::months(Tz::UTC));
    let Some(current) = calendar.period_at(at_ms) else { return Vec::new() };
    let earlier = (1..=i64::from(count)).map_while(|back| calendar.period(current.index - back));
    earlier.map(|period| (calendar.name(period), period.start_ms, period.end_ms)).collect()
}

/// The queries of an SLO's report.
pub fn plan(slo: &Slo, request: &Request) -> Vec<PlannedQuery> {
    let mut queries = Vec::new();
    let at = request.at_ms;
    let Some((start, _)) = period(slo, at) else { return queries };
    let tiles = request.tiles.as_ref();
    queries.extend(cover(slo, Target::Period, (start, at), tiles));
    if slo.slices.is_none() {
        for window in request.burn.all() {
            // An hour of samples is cheap, and must not lag behind.
            let tiles = tiles.filter(|_| window > Window::hours(1));
            queries.extend(cover(slo, Target::Burn(window), (at - millis(window), at), tiles));
        }
        if request.timeline {
            queries.extend(timeline(slo, (start, at), tiles));
        }
    }
    for (back, (_, start, end)) in (1_u32..).zip(past_periods(slo, at, request.past)) {
        queries.extend(cover(slo, Target::Past(back), (start, end), tiles));
    }
    queries
}

/// Everything between two times that counts.
fn cover(slo: &Slo, target: Target, (start, end): (i64, i64), tiles: Option<&Tiles>) -> Vec<PlannedQuery> {
    if slo.slices.is_some() {
        return pieces::slices(slo, target, (start, end));
    }
    let intervals = remaining(start, end, &slo.exclusions);
    let mut planned = Vec::new();
    for interval in intervals {
        pieces::interval(slo, target, interval, tiles, &mut planned);
    }
    planned
}

/// The steps of a timeline: their first end, their last and their distance.
pub(crate) fn timeline_steps((start, end): (i64, i64)) -> Option<(i64, i64, i64)> {
    let count = ((end - start) / TIMELINE_STEP / STEPS + 1).max(1);
    let step = TIMELINE_STEP * count;
    let first = (start + step - 1).div_euclid(step) * step + step;
    let last = end.div_euclid(step) * step;
    (first <= last).then_some((first, last, step))
}

fn timeline(slo: &Slo, bounds: (i64, i64), tiles: Option<&Tiles>) -> Vec<PlannedQuery> {
    let Some((start_ms, end_ms, step_ms)) = timeline_steps(bounds) else { return Vec::new() };
    let when = When::Steps { start_ms, end_ms, step_ms };
    let window = Window::from_millis(u64::try_from(step_ms).unwrap_or_default());
    let query = |part, expr| PlannedQuery {
        target: Target::Timeline,
        piece: 0,
        interval: (start_ms - step_ms, start_ms),
        part,
        expr,
        when,
    };
    match tiles.filter(|tiles| step_ms == TIMELINE_STEP && tiles.first_ms <= start_ms) {
        Some(_) => tiles::recorded(slo).into_iter().map(|(part, expr)| query(part, expr)).collect(),
        None => parts(slo).into_iter().map(|(part, event)| query(part, event.over(window))).collect(),
    }
}

/// The queries of an SLI and what each yields.
fn parts(slo: &Slo) -> Vec<(Part, &crate::query::EventQuery)> {
    match &slo.sli {
        Sli::GoodTotal(pair) => vec![(Part::Good, &pair.part), (Part::Total, &pair.total)],
        Sli::BadTotal(pair) => vec![(Part::Bad, &pair.part), (Part::Total, &pair.total)],
        Sli::Raw { query, .. } => vec![(Part::Ratio, query)],
    }
}

fn millis(window: Window) -> i64 {
    i64::try_from(window.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
