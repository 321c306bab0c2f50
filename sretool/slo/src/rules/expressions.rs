//! The expressions of generated rules.

use super::identity;
use crate::catalog::{MetricPair, Sli, Slices, Slo};
use crate::duration::Window;
use crate::model::{Budgeting, NoData};
use crate::query::EventQuery;

/// Events and errors are recorded over this window; longer windows add those up.
pub(crate) const TILE: Window = Window::minutes(5);

/// Up to this window, ratios are computed from the metrics themselves: they must follow an outage at once. Longer
/// ones would read every sample of days at each evaluation.
const LONGEST_DIRECT: Window = Window::hours(1);

/// The selector of an SLO's series.
pub(crate) fn ids(slo: &Slo) -> String {
    let pairs = identity(slo).map(|(key, value)| format!("{key}={value:?}"));
    format!("{{{}}}", pairs.join(", "))
}

/// Name of the recorded error ratio.
pub(crate) fn ratio_name(window: Window) -> String {
    format!("slo:sli_error:ratio_rate{window}")
}

/// Name of the recorded number of events.
pub(crate) fn events_name(window: Window) -> String {
    format!("slo:sli_events:increase{window}")
}

/// Name of the recorded number of failed events.
pub(crate) fn errors_name(window: Window) -> String {
    format!("slo:sli_errors:increase{window}")
}

/// Whether the events and errors of a window are counted from the metrics, rather than added up.
pub(crate) fn is_direct(window: Window) -> bool {
    window <= LONGEST_DIRECT
}

/// Number of events: in the window that longer ones are added up from, every one exactly once.
pub(super) fn events(pair: &MetricPair, window: Window) -> String {
    count(&pair.total, window)
}

fn count(query: &EventQuery, window: Window) -> String {
    if window == TILE { query.tile(window) } else { query.over(window) }
}

/// Number of failed events: 0 where there are events but no series of failures. Reads the recorded number of events,
/// so that the metrics are read once.
pub(super) fn errors(slo: &Slo, pair: &MetricPair, window: Window) -> String {
    // The sum drops the recorded labels, which the counts made from the metrics do not have.
    let events = format!("{}({}{})", sum(slo), events_name(window), ids(slo));
    errors_of(slo, &count(&pair.part, window), &events)
}

fn errors_of(slo: &Slo, part: &str, events: &str) -> String {
    match slo.sli {
        Sli::GoodTotal(_) => format!("clamp_min(\n  {events}\n  -\n  ({part} or 0 * {events}),\n  0\n)"),
        Sli::BadTotal(_) | Sli::Raw { .. } => format!("{part}\nor\n0 * {events}"),
    }
}

/// `sum`, which keeps the labels of the objective's groups.
fn sum(slo: &Slo) -> String {
    match slo.by() {
        by if by.is_empty() => "sum".to_owned(),
        by => format!("sum{by}"),
    }
}

/// Error ratio over a window from recorded series: nothing where there are no events.
pub(super) fn ratio(slo: &Slo, window: Window) -> String {
    match (slo.slices, slo.budgeting) {
        (Some(slices), Budgeting::Timeslices | Budgeting::RatioTimeslices) if window > slices.window => {
            of_slices(slo, slices, window)
        }
        _ => of_events(slo, window),
    }
}

fn of_events(slo: &Slo, window: Window) -> String {
    let ids = ids(slo);
    match &slo.sli {
        Sli::Raw { query, success } => raw_ratio(query, *success, window),
        Sli::GoodTotal(_) | Sli::BadTotal(_) if is_direct(window) => {
            format!("{}{ids}\n/\n({}{ids} > 0)", errors_name(window), events_name(window))
        }
        Sli::GoodTotal(_) | Sli::BadTotal(_) => {
            let (errors, events) = (errors_name(TILE), events_name(TILE));
            format!("sum_over_time({errors}{ids}[{window}])\n/\n(sum_over_time({events}{ids}[{window}]) > 0)")
        }
    }
}

/// The share of bad slices, or the mean of the slices' ratios.
fn of_slices(slo: &Slo, slices: Slices, window: Window) -> String {
    let one = format!("{}{}", ratio_name(slices.window), ids(slo));
    let bad = match slo.budgeting {
        Budgeting::RatioTimeslices => one,
        Budgeting::Occurrences | Budgeting::Timeslices => {
            let allowed = format!("{:.12}", 1.0 - slices.target);
            // Rounding must not make a slice bad that is exactly as good as promised.
            format!("({one} > bool {})", super::number(&allowed))
        }
    };
    let bad = match slo.no_data {
        NoData::Exclude => bad,
        NoData::Good | NoData::Bad if !slo.group_by.is_empty() => bad,
        NoData::Good => format!("({bad} or on() vector(0))"),
        NoData::Bad => format!("({bad} or on() vector(1))"),
    };
    format!("avg_over_time({bad}[{window}:{}])", slices.window)
}

fn raw_ratio(query: &EventQuery, success: bool, window: Window) -> String {
    let query = query.over(window);
    if success { format!("1 - ({query})") } else { format!("({query})") }
}

/// Error ratio over a window from the metrics alone, for readers that have no recorded series.
pub(super) fn error_ratio(slo: &Slo, window: Window) -> String {
    match &slo.sli {
        Sli::Raw { query, success } => raw_ratio(query, *success, window),
        Sli::GoodTotal(pair) | Sli::BadTotal(pair) => {
            let total = pair.total.over(window);
            format!("(\n{}\n)\n/\n({total} > 0)", indented(&errors_of(slo, &pair.part.over(window), &total)))
        }
    }
}

/// Number of failed events in a window, whatever the evaluation interval.
pub(super) fn failed(slo: &Slo, window: Window) -> String {
    let ids = ids(slo);
    if is_direct(window) {
        format!("{}{ids}", errors_name(window))
    } else {
        // Steps as long as the recorded window count every event once.
        format!("sum_over_time({}{ids}[{window}:{TILE}])", errors_name(TILE))
    }
}

pub(super) fn indented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}
