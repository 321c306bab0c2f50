//! Changes over a window: rate, increase, delta and their kin.

use super::Compat;
use super::math::regression;
use super::windows::{Window, WindowFn};
use crate::storage::Sample;

pub(super) fn find(name: &str) -> Option<WindowFn> {
    Some(match name {
        "rate" => |w| extrapolated(w, true, seconds(w.end - w.start)),
        "increase" => |w| extrapolated(w, true, 1.0),
        "delta" => |w| extrapolated(w, false, 1.0),
        "irate" => |w| last_change(w, true),
        "idelta" => |w| last_change(w, false),
        "deriv" => |w| (w.samples.len() > 1).then(|| regression(w.samples, w.first().t).0),
        "predict_linear" => predict,
        "resets" => |w| Some(w.drops.len() as f64),
        "changes" => changes,
        "double_exponential_smoothing" => smoothing,
        _ => return None,
    })
}

pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// What is known of the change over a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub first: Sample,
    pub last: Sample,
    pub count: usize,
    /// `last - first`, drops made good where it is that of a counter.
    pub value: f64,
    /// Bounds of the window, milliseconds.
    pub start: i64,
    pub end: i64,
    pub compat: Compat,
}

fn extrapolated(w: &Window<'_>, counter: bool, per: f64) -> Option<f64> {
    let (first, last) = (w.first(), w.last());
    let mut value = last.v - first.v;
    if counter {
        value = w.drops.iter().fold(value, |sum, before| sum + before);
    }
    let change = Change { first, last, count: w.samples.len(), value, start: w.start, end: w.end, compat: w.compat };
    change.extrapolated(counter, per)
}

impl Change {
    /// The change, extrapolated to the bounds of the window: all the way if a sample is near, else by half the mean
    /// distance of the samples. A counter is not extrapolated below zero. `per` divides the result.
    pub fn extrapolated(self, counter: bool, per: f64) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let covered = seconds(self.last.t - self.first.t);
        let spacing = covered / (self.count - 1) as f64;
        let near = |gap: f64| if gap < spacing * 1.1 { gap } else { spacing / 2.0 };
        let mut to_start = seconds(self.first.t - self.start);
        let to_end = near(seconds(self.end - self.last.t));
        // Prometheus 3 applies the threshold before the clamp at zero, 2.42 after it.
        if self.compat == Compat::V3 {
            to_start = near(to_start);
        }
        if counter && self.value > 0.0 && self.first.v >= 0.0 {
            let to_zero = covered * (self.first.v / self.value);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        if self.compat == Compat::V2_42 {
            to_start = near(to_start);
        }
        Some(self.value * ((covered + to_start + to_end) / covered / per))
    }
}

fn last_change(w: &Window<'_>, rate: bool) -> Option<f64> {
    let [.., before, last] = w.samples else { return None };
    let change = if rate && last.v < before.v { last.v } else { last.v - before.v };
    Some(if rate { change / seconds(last.t - before.t) } else { change })
}

fn predict(w: &Window<'_>) -> Option<f64> {
    if w.samples.len() < 2 {
        return None;
    }
    let (slope, now) = regression(w.samples, w.time);
    Some(slope * w.params[0] + now)
}

fn changes(w: &Window<'_>) -> Option<f64> {
    let differs = |pair: &[Sample]| pair[0].v != pair[1].v && !(pair[0].v.is_nan() && pair[1].v.is_nan());
    Some(w.samples.windows(2).filter(|pair| differs(pair)).count() as f64)
}

/// Double exponential smoothing (Holt's linear method): level and trend, each with its factor.
fn smoothing(w: &Window<'_>) -> Option<f64> {
    let [level_factor, trend_factor] = w.params;
    let mut values = w.values();
    let (first, second) = (values.next()?, values.clone().next()?);
    let (mut before, mut level, mut trend) = (0.0, first, second - first);
    for (i, value) in values.enumerate() {
        if i > 0 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let smoothed = level_factor * value + (1.0 - level_factor) * (level + trend);
        before = level;
        level = smoothed;
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window over samples of one second's distance, as wide as the samples and a second before them.
    fn run(name: &str, values: &[f64], params: [f64; 2]) -> Option<f64> {
        let samples: Vec<_> = values.iter().zip(1..).map(|(v, i)| Sample { t: i * 1000, v: *v }).collect();
        let drops: Vec<_> = values.windows(2).filter(|p| p[1] < p[0]).map(|p| p[0]).collect();
        let end = samples[samples.len() - 1].t;
        let compat = Compat::V3;
        find(name).unwrap()(&Window { samples: &samples, drops: &drops, start: 0, end, time: end, params, compat })
    }

    #[test]
    fn one_sample_is_no_change() {
        for name in
            ["rate", "increase", "delta", "irate", "idelta", "deriv", "predict_linear", "double_exponential_smoothing"]
        {
            assert_eq!(run(name, &[1.0], [0.5; 2]), None, "{name}");
        }
        assert_eq!((run("changes", &[1.0], [0.0; 2]), run("resets", &[1.0], [0.0; 2])), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_counter_is_extrapolated_to_zero_at_most() {
        // The slope reaches zero half a second before the first sample, within the second to the window's start.
        assert_eq!(run("increase", &[1.0, 3.0, 5.0], [0.0; 2]), Some(5.0));
        // A gauge knows no such bound.
        assert_eq!(run("delta", &[1.0, 3.0, 5.0], [0.0; 2]), Some(6.0));
        assert_eq!(run("rate", &[2.0, 4.0, 6.0], [0.0; 2]), Some(2.0));
    }

    #[test]
    fn a_reset_adds_what_the_counter_had_reached() {
        assert_eq!(run("increase", &[5.0, 10.0, 2.0, 4.0], [0.0; 2]), Some(9.0 / 3.0 * 4.0));
        assert_eq!(run("irate", &[5.0, 10.0, 2.0], [0.0; 2]), Some(2.0));
        assert_eq!(run("idelta", &[5.0, 10.0, 2.0], [0.0; 2]), Some(-8.0));
        assert_eq!(run("resets", &[5.0, 10.0, 2.0, 1.0], [0.0; 2]), Some(2.0));
    }

    #[test]
    fn prediction_goes_on_along_the_line() {
        assert_eq!(run("predict_linear", &[1.0, 2.0, 3.0], [10.0, 0.0]), Some(13.0));
        assert_eq!(run("deriv", &[1.0, 2.0, 3.0], [0.0; 2]), Some(1.0));
    }

    #[test]
    fn smoothing_of_a_line_is_the_line() {
        let end = run("double_exponential_smoothing", &[1.0, 2.0, 3.0, 4.0], [0.3, 0.6]);
        assert!(end.is_some_and(|v| (v - 4.0).abs() < 1e-12), "{end:?}");
    }

    #[test]
    fn a_change_between_nan_and_nan_is_none() {
        assert_eq!(run("changes", &[f64::NAN, f64::NAN, 1.0, 1.0, 2.0], [0.0; 2]), Some(2.0));
    }
}
