//! Functions over range vectors: slides a window over each series.

use super::data::{ABSENT, Grid, RawSeries, Series, present};
use super::evaluator::{Evaluated, Evaluator};
use super::select::Ranges;
use super::sliding::Sliding;
use super::{Compat, EvalError, extended, over_time, rates};
use crate::ast::{Call, Expr, ValueType};
use crate::storage::Sample;

/// What a function sees of one series at one time. `samples` is never empty.
#[derive(Debug)]
pub(super) struct Window<'a> {
    pub samples: &'a [Sample],
    /// The values before each drop within the window: what counters had reached when they were reset.
    pub drops: &'a [f64],
    /// Bounds of the window, milliseconds.
    pub start: i64,
    pub end: i64,
    /// Evaluation time, milliseconds.
    pub time: i64,
    /// Scalar arguments in their order.
    pub params: [f64; 2],
    pub compat: Compat,
}

impl Window<'_> {
    pub fn first(&self) -> Sample {
        self.samples[0]
    }

    pub fn last(&self) -> Sample {
        self.samples[self.samples.len() - 1]
    }

    pub fn values(&self) -> impl ExactSizeIterator<Item = f64> + Clone {
        self.samples.iter().map(|s| s.v)
    }
}

/// Yields a value, or nothing where the window holds too little.
pub(super) type WindowFn = fn(&Window<'_>) -> Option<f64>;

/// The function over windows of a name.
pub(super) fn find(name: &str) -> Option<WindowFn> {
    rates::find(name).or_else(|| over_time::find(name))
}

impl Evaluator<'_> {
    /// Evaluates a call of a function over windows.
    pub fn windowed(&mut self, call: &Call, f: WindowFn, grid: Grid) -> Evaluated<Vec<Series>> {
        let mut params = [Vec::new(), Vec::new()];
        let scalars = call.args.iter().filter(|a| a.value_type() == ValueType::Scalar);
        for (slot, arg) in params.iter_mut().zip(scalars) {
            *slot = self.scalar(arg, grid)?;
        }
        let Some(arg) = call.args.iter().find(|a| a.value_type() == ValueType::Matrix) else {
            return Err(EvalError::Type("expected a range vector".into()));
        };
        let mut vector = match self.values_of_summaries(call.function.name, arg, grid)? {
            Some(vector) => vector,
            None => self.values_of_samples(call, arg, &params, f, grid)?,
        };
        vector.retain(|s| !s.is_empty());
        if matches!(call.function.name, "rate" | "increase") {
            self.note_no_counter(&vector, arg.span);
        }
        // The first and last sample are still samples of the metric.
        let same = matches!(call.function.name, "first_over_time" | "last_over_time");
        if same { Ok(vector) } else { self.drop_names_of_all(vector) }
    }

    fn values_of_samples(
        &mut self,
        call: &Call,
        arg: &Expr,
        params: &[Vec<f64>; 2],
        f: WindowFn,
        grid: Grid,
    ) -> Evaluated<Vec<Series>> {
        let ranges = self.ranges(arg, grid)?;
        check_extension(call, &ranges)?;
        self.check_params(call, params)?;
        self.count(ranges.series.len().saturating_mul(grid.len))?;
        let mut vector = Vec::with_capacity(ranges.series.len());
        let span = call.args[0].unparenthesized().span;
        let sliding = Sliding { call, ranges: &ranges, params, of_floats: f, span };
        for series in &ranges.series {
            let only_numbers = series.histograms.is_empty() && series.starts.is_none() && ranges.extension.is_none();
            vector.push(if only_numbers {
                let values = self.slide(series, &ranges, params, f, grid);
                Series::new(series.labels.clone(), series.drop_name, values)
            } else {
                self.slide_native(series, &sliding, grid)
            });
        }
        Ok(vector)
    }

    fn slide(&self, series: &RawSeries, ranges: &Ranges, params: &[Vec<f64>; 2], f: WindowFn, grid: Grid) -> Vec<f64> {
        let samples = &series.samples[..];
        let drops: Vec<usize> = (1..samples.len()).filter(|i| samples[*i].v < samples[i - 1].v).collect();
        let before: Vec<f64> = drops.iter().map(|i| samples[i - 1].v).collect();
        let (mut lo, mut hi) = (0, 0);
        let mut values = Vec::with_capacity(grid.len);
        for (step, time) in grid.times().enumerate() {
            let end = ranges.reading.time(time);
            let first = self.range_start(end, ranges.range);
            lo += samples[lo..].iter().take_while(|s| s.t < first).count();
            hi += samples[hi..].iter().take_while(|s| s.t <= end).count();
            if lo >= hi {
                values.push(ABSENT);
                continue;
            }
            // A drop belongs to the window if both of its samples do.
            let from = drops.partition_point(|i| *i <= lo);
            let to = drops.partition_point(|i| *i < hi).max(from);
            let param = |i: usize| params[i].get(step).copied().unwrap_or(f64::NAN);
            let window = Window {
                samples: &samples[lo..hi],
                drops: &before[from..to],
                start: end.saturating_sub(ranges.range),
                end,
                time,
                params: [param(0), param(1)],
                compat: self.options.compat,
            };
            values.push(f(&window).unwrap_or(ABSENT));
        }
        values
    }

    fn check_params(&mut self, call: &Call, params: &[Vec<f64>; 2]) -> Evaluated<()> {
        match call.function.name {
            "quantile_over_time" => {
                for q in &params[0] {
                    self.notes.check_quantile(*q, call.args[0].span);
                }
            }
            "double_exponential_smoothing" => {
                for (values, name) in params.iter().zip(["smoothing", "trend"]) {
                    if let Some(bad) = values.iter().find(|v| **v <= 0.0 || **v >= 1.0) {
                        let short = if name == "trend" { "tf" } else { "sf" };
                        let message = format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {bad:.6}");
                        return Err(EvalError::Argument(message));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn note_no_counter(&mut self, vector: &[Series], span: crate::Span) {
        let counter = |name: &str| ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
        for series in vector.iter().filter(|s| s.values.iter().any(|v| present(*v))) {
            let name = series.labels.metric_name();
            if !name.is_empty() && !counter(name) {
                let message =
                    format!("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}");
                self.notes.info(&message, span);
            }
        }
    }
}

/// Refuses functions that cannot do with samples from outside of their windows.
fn check_extension(call: &Call, ranges: &Ranges) -> Evaluated<()> {
    let Some(extension) = ranges.extension else { return Ok(()) };
    let (allowed, name) = (extended::allowed(extension), call.function.name);
    if allowed.contains(&name) {
        return Ok(());
    }
    let message = format!("{extension} modifier can only be used with: {} - not with {name}", allowed.join(", "));
    Err(EvalError::Argument(message))
}
