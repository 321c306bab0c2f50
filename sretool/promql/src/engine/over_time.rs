//! Aggregation of one series over time.

use super::math::{Sum, Variance, mean, quantile};
use super::windows::{Window, WindowFn};
use crate::storage::Sample;

pub(super) fn find(name: &str) -> Option<WindowFn> {
    Some(match name {
        "sum_over_time" => |w| Some(Sum::of_all(w.values()).value()),
        "avg_over_time" => |w| Some(mean(w.values())),
        "count_over_time" => |w| Some(w.samples.len() as f64),
        "min_over_time" => |w| Some(extreme(w, |v, best| v < best || best.is_nan()).v),
        "max_over_time" => |w| Some(extreme(w, |v, best| v > best || best.is_nan()).v),
        // Of equal values these name the last, unlike the values themselves.
        "ts_of_min_over_time" => |w| Some(seconds(extreme(w, |v, best| v <= best || best.is_nan()))),
        "ts_of_max_over_time" => |w| Some(seconds(extreme(w, |v, best| v >= best || best.is_nan()))),
        "ts_of_first_over_time" => |w| Some(seconds(w.first())),
        "ts_of_last_over_time" => |w| Some(seconds(w.last())),
        "first_over_time" => |w| Some(w.first().v),
        "last_over_time" => |w| Some(w.last().v),
        "present_over_time" => |_| Some(1.0),
        "stddev_over_time" => |w| Some(w.values().collect::<Variance>().value().sqrt()),
        "stdvar_over_time" => |w| Some(w.values().collect::<Variance>().value()),
        "quantile_over_time" => |w| Some(quantile(w.params[0], &mut w.values().collect::<Vec<_>>())),
        "mad_over_time" => |w| Some(median_deviation(w)),
        _ => return None,
    })
}

fn seconds(sample: Sample) -> f64 {
    sample.t as f64 / 1000.0
}

/// The sample that `better` prefers; a NaN only where there is nothing else.
fn extreme(w: &Window<'_>, better: fn(f64, f64) -> bool) -> Sample {
    let mut best = w.first();
    for sample in &w.samples[1..] {
        if better(sample.v, best.v) {
            best = *sample;
        }
    }
    best
}

/// The median distance from the median; NaN if any sample is.
fn median_deviation(w: &Window<'_>) -> f64 {
    let mut values: Vec<f64> = w.values().collect();
    if values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    quantile(0.5, &mut values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Compat;

    fn run(name: &str, values: &[f64]) -> f64 {
        let samples: Vec<_> = values.iter().zip(1..).map(|(v, i)| Sample { t: i * 1000, v: *v }).collect();
        let (params, compat) = ([0.5, f64::NAN], Compat::V3);
        let window = Window { samples: &samples, drops: &[], start: 0, end: 9000, time: 9000, params, compat };
        find(name).unwrap()(&window).unwrap()
    }

    #[test]
    fn of_equal_extremes_the_last_is_named() {
        assert_eq!(run("ts_of_max_over_time", &[1.0, 5.0, 5.0, 2.0]), 3.0);
        assert_eq!(run("ts_of_min_over_time", &[1.0, 5.0, 1.0, 2.0]), 3.0);
        assert_eq!(run("ts_of_min_over_time", &[f64::NAN, 5.0, f64::NAN]), 2.0);
    }

    #[test]
    fn medians_of_even_counts_lie_between() {
        assert_eq!(run("quantile_over_time", &[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(run("mad_over_time", &[4.0, 1.0, 3.0, 2.0]), 1.0);
        assert!(run("mad_over_time", &[4.0, f64::NAN]).is_nan());
    }

    #[test]
    fn large_means_do_not_overflow_but_large_sums_do() {
        let big = [f64::MAX, f64::MAX];
        assert_eq!(run("avg_over_time", &big), f64::MAX);
        assert_eq!(run("sum_over_time", &big), f64::INFINITY);
    }
}
