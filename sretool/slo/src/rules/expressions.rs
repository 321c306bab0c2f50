//! The expressions of generated rules.

use super::identity;
use crate::catalog::{MetricPair, Sli, Slo};
use crate::duration::Window;
use crate::query::EventQuery;

/// Events and errors are recorded over this window; longer windows add those up.
pub(super) const TILE: Window = Window::minutes(5);

/// Up to this window, ratios are computed from the metrics themselves: they must follow an outage at once. Longer
/// ones would read every sample of days at each evaluation.
const LONGEST_DIRECT: Window = Window::hours(1);

/// The selector of an SLO's series.
pub(super) fn ids(slo: &Slo) -> String {
    let pairs = identity(slo).map(|(key, value)| format!("{key}={value:?}"));
    format!("{{{}}}", pairs.join(", "))
}

/// Name of the recorded error ratio.
pub(super) fn ratio_name(window: Window) -> String {
    format!("slo:sli_error:ratio_rate{window}")
}

/// Name of the recorded number of events.
pub(super) fn events_name(window: Window) -> String {
    format!("slo:sli_events:increase{window}")
}

/// Name of the recorded number of failed events.
pub(super) fn errors_name(window: Window) -> String {
    format!("slo:sli_errors:increase{window}")
}

/// Whether the events and errors of a window are counted from the metrics, rather than added up.
pub(super) fn is_direct(window: Window) -> bool {
    window <= LONGEST_DIRECT
}

/// Number of failed events: 0 where there are events but no series of failures. Reads the recorded number of events,
/// so that the metrics are read once.
pub(super) fn errors(slo: &Slo, pair: &MetricPair, window: Window) -> String {
    let part = pair.part.over(window);
    // The sum drops the recorded labels, which the counts made from the metrics do not have.
    let events = format!("sum({}{})", events_name(window), ids(slo));
    match slo.sli {
        Sli::GoodTotal(_) => format!("clamp_min(\n  {events}\n  -\n  ({part} or 0 * {events}),\n  0\n)"),
        Sli::BadTotal(_) | Sli::Raw { .. } => format!("{part}\nor\n0 * {events}"),
    }
}

/// Error ratio over a window: nothing where there are no events.
pub(super) fn ratio(slo: &Slo, window: Window) -> String {
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

fn raw_ratio(query: &EventQuery, success: bool, window: Window) -> String {
    let query = query.over(window);
    if success { format!("1 - ({query})") } else { format!("({query})") }
}

/// Number of failed events in the long window of a condition, whatever the evaluation interval.
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
