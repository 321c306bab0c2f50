//! Cuts intervals into queries.

use super::tiles::{self, TILE_MS, Tiles};
use super::{PlannedQuery, STEPS, Target, When, millis, parts};
use crate::catalog::Slo;
use crate::duration::Window;

fn window(length_ms: i64) -> Window {
    Window::from_millis(u64::try_from(length_ms).unwrap_or_default())
}

/// One interval: recorded events where there are any, the metrics themselves at the rest.
pub(super) fn interval(
    slo: &Slo,
    target: Target,
    (start, end): (i64, i64),
    tiles: Option<&Tiles>,
    planned: &mut Vec<PlannedQuery>,
) {
    let body = tiles.and_then(|tiles| tiles.within(start, end));
    let Some((from, to)) = body else {
        direct(slo, target, (start, end), false, planned);
        return;
    };
    direct(slo, target, (start, from), true, planned);
    // Evaluated at the step that sees the tile ending at `to`.
    let at = to + tiles.map_or(0, |tiles| tiles.age_ms);
    let piece = next(planned);
    // A second less: ranges of Prometheus 2 include their left end, which would count one tile too many.
    let range = window(to - from - 1_000);
    for (part, series) in tiles::recorded_series(slo) {
        let expr = format!("sum{}(sum_over_time({series}[{range}:{}]))", slo.by(), window(TILE_MS));
        planned.push(PlannedQuery { target, piece, interval: (from, to), part, expr, when: When::At(at) });
    }
    direct(slo, target, (to, end), true, planned);
}

/// The metrics themselves, over an interval that touches others, or does not.
fn direct(slo: &Slo, target: Target, (start, end): (i64, i64), touches: bool, planned: &mut Vec<PlannedQuery>) {
    if start >= end {
        return;
    }
    let (piece, window) = (next(planned), window(end - start));
    for (part, query) in parts(slo) {
        let expr = if touches { query.tile(window) } else { query.over(window) };
        planned.push(PlannedQuery { target, piece, interval: (start, end), part, expr, when: When::At(end) });
    }
}

fn next(planned: &[PlannedQuery]) -> usize {
    planned.last().map_or(0, |query| query.piece + 1)
}

/// The slices of an interval: from its begin on where a calendar sets it, else from multiples of the slice, so that a
/// slice is the same one at every evaluation.
pub(super) fn slices(slo: &Slo, target: Target, (start, end): (i64, i64)) -> Vec<PlannedQuery> {
    let Some(slices) = slo.slices else { return Vec::new() };
    let step = millis(slices.window);
    let from = if slo.calendar.is_some() { start } else { (start + step - 1).div_euclid(step) * step };
    let count = (end - from).div_euclid(step);
    let mut planned = Vec::new();
    let mut done = 0;
    while done < count {
        let now = STEPS.min(count - done);
        let (first, last) = (from + (done + 1) * step, from + (done + now) * step);
        let when = When::Steps { start_ms: first, end_ms: last, step_ms: step };
        let piece = next(&planned);
        for (part, query) in parts(slo) {
            let (expr, interval) = (query.over(slices.window), (first - step, first));
            planned.push(PlannedQuery { target, piece, interval, part, expr, when });
        }
        done += now;
    }
    planned
}
