//! Subqueries.

use super::data::{Grid, RawSeries};
use super::evaluator::{Evaluated, Evaluator, Statistics};
use super::select::Ranges;
use crate::ast::{Span, Subquery};

impl Evaluator<'_> {
    /// Evaluates a subquery once over all times that any of its windows covers.
    pub fn subquery(&mut self, s: &Subquery, span: Span, grid: Grid) -> Evaluated<Ranges> {
        let reading = self.reading(s.at, s.offset.as_ref(), span)?;
        let range = self.milliseconds(&s.range, false, span)?;
        let step = match &s.step {
            Some(step) => self.milliseconds(step, false, span)?,
            None => self.options.default_step_ms.max(1),
        };
        // Evaluation times are multiples of the step since the epoch, whatever the window's bounds are.
        let first = self.range_start(reading.time(grid.start), range);
        let end = reading.time(grid.end());
        let start = first.saturating_add((step - first.rem_euclid(step)) % step);
        let steps = usize::try_from(end.saturating_sub(start) / step).unwrap_or(usize::MAX);
        let len = if end < start { 0 } else { steps.saturating_add(1) };
        self.count(len)?;
        let inner = Grid { start, step, len };
        let outside = std::mem::replace(&mut self.statistics, Statistics::Always);
        let series = self.vector(&s.expr, inner);
        self.statistics = outside;
        let series = series?;
        self.count(series.len().saturating_mul(len))?;
        let series = series.iter().map(|s| RawSeries::from_grid(s, inner)).filter(|s| !s.is_empty());
        Ok(Ranges { series: series.collect(), reading, range, extension: None })
    }
}
