//! Classic histograms: quantiles and fractions of their buckets.

use super::annotations::{Note, number};
use super::calls::text;
use super::data::{ABSENT, Grid, Series, present};
use super::dates::rfc3339;
use super::evaluator::{Evaluated, Evaluator};
use super::math::almost_equal;
use super::{Compat, names};
use crate::ast::{Call, Span};
use crate::labels::Labels;
use std::collections::HashMap;

/// Differences of successive buckets below this share are taken for rounding errors.
const SMALL_DELTA: f64 = 1e-12;

const DOCS: &str = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile";

/// A bucket at one time: how many observations are at most `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    upper: f64,
    count: f64,
}

/// The buckets of one histogram, in order of their bounds.
struct Histogram {
    labels: Labels,
    drop_name: bool,
    bounds: Vec<f64>,
    counts: Vec<Vec<f64>>,
}

/// Bounds, each with its counts over time.
type Buckets = Vec<(f64, Vec<f64>)>;

/// How far and where counts had to be repaired to rise from bucket to bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Repair {
    min_bound: f64,
    max_bound: f64,
    max_diff: f64,
}

/// Repairs over the whole of a call.
struct Repairs {
    worst: Repair,
    times: usize,
    first: i64,
    last: i64,
}

impl Evaluator<'_> {
    pub fn histogram_call(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Series>> {
        match call.function.name {
            "histogram_quantile" => {
                let q = self.scalar(&call.args[0], grid)?;
                q.iter().for_each(|q| self.notes.check_quantile(*q, call.args[0].span));
                let (vector, span) = (self.vector(&call.args[1], grid)?, call.args[1].unparenthesized().span);
                let (histograms, native) = self.both_kinds(vector, span, grid);
                let mut result = self.native_values(&native, span, |i, h| h.quantile(q[i]));
                result.extend(self.quantiles(&histograms, &q, grid, span));
                self.drop_names(names::merge(result)?)
            }
            "histogram_quantiles" => self.many_quantiles(call, grid),
            _ => {
                let (lower, upper) = (self.scalar(&call.args[0], grid)?, self.scalar(&call.args[1], grid)?);
                let (vector, span) = (self.vector(&call.args[2], grid)?, call.args[2].unparenthesized().span);
                let (histograms, native) = self.both_kinds(vector, span, grid);
                let mut result = self.native_values(&native, span, |i, h| h.fraction(lower[i], upper[i]));
                result.extend(histograms.iter().map(|h| h.evaluate(grid, |i, b| fraction(lower[i], upper[i], b))));
                result.retain(|s| !s.is_empty());
                self.drop_names(names::merge(result)?)
            }
        }
    }

    fn many_quantiles(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Series>> {
        let label = text(&call.args[1])?;
        let span = call.args[0].unparenthesized().span;
        let vector = self.vector(&call.args[0], grid)?;
        let (histograms, native) = self.both_kinds(vector, span, grid);
        let mut result = Vec::new();
        for arg in &call.args[2..] {
            let q = self.scalar(arg, grid)?;
            q.iter().for_each(|q| self.notes.check_quantile(*q, arg.span));
            let mut series = self.native_values(&native, span, |i, h| h.quantile(q[i]));
            series.extend(self.quantiles(&histograms, &q, grid, span));
            result.extend(series.into_iter().flat_map(|series| label_quantiles(series, label, &q)));
        }
        self.drop_names(names::merge(result)?)
    }

    fn quantiles(&mut self, histograms: &[Histogram], q: &[f64], grid: Grid, span: Span) -> Vec<Series> {
        let tolerate = self.options.compat == Compat::V3;
        let mut result = Vec::new();
        let mut repairs: Vec<(String, Repairs)> = Vec::new();
        for histogram in histograms {
            let name = histogram.labels.metric_name();
            let series = histogram.evaluate(grid, |i, buckets| {
                let (value, repair) = quantile(q[i], buckets, tolerate);
                if let Some(repair) = repair {
                    note(&mut repairs, name, repair, grid.time(i));
                }
                value
            });
            result.extend((!series.is_empty()).then_some(series));
        }
        for (name, repairs) in repairs {
            self.notes.info(&repairs.message(&name), span);
        }
        result
    }

    /// Classic and native histograms. Where one is there in both forms, neither is taken.
    fn both_kinds(&mut self, vector: Vec<Series>, span: Span, grid: Grid) -> (Vec<Histogram>, Vec<Series>) {
        let (mut classic, mut native): (Vec<Series>, Vec<Series>) = (Vec::new(), Vec::new());
        for mut series in vector {
            if series.has_histograms() {
                let floats = Series::new(series.labels.clone(), series.drop_name, series.values.clone());
                classic.extend(Some(floats).filter(|s| !s.is_empty()));
                series.values.fill(ABSENT);
                native.push(series);
            } else {
                classic.push(series);
            }
        }
        let mut histograms = self.histograms(classic, span);
        for series in &mut native {
            let Some(twin) = histograms.iter_mut().find(|h| h.labels == series.labels) else { continue };
            for i in 0..grid.len {
                if series.there(i) && twin.counts.iter().any(|counts| present(counts[i])) {
                    self.notes.note(Note::ClassicAndNative(series.labels.metric_name()), span);
                    series.clear(i);
                    twin.counts.iter_mut().for_each(|counts| counts[i] = ABSENT);
                }
            }
        }
        (histograms, native)
    }

    /// Gathers the bucket series of each histogram: those that differ in `le` only.
    fn histograms(&mut self, vector: Vec<Series>, span: Span) -> Vec<Histogram> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut found: Vec<(Series, Buckets)> = Vec::new();
        for series in vector {
            let le = series.labels.get("le");
            let Ok(bound) = le.parse::<f64>() else {
                let name = series.labels.metric_name();
                let of = if name.is_empty() { String::new() } else { format!(" for metric name {name:?}") };
                let message = format!("bucket label \"le\" is missing or has a malformed value of {le:?}{of}");
                self.notes.warn(&message, span);
                continue;
            };
            let labels = series.labels.without(|name| name == "le");
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                found.push((Series::new(labels, series.drop_name, Vec::new()), Vec::new()));
                found.len() - 1
            });
            found[place].1.push((bound, series.values));
        }
        let histogram = |(series, mut buckets): (Series, Buckets)| {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (bounds, counts) = buckets.into_iter().unzip();
            Histogram { labels: series.labels, drop_name: series.drop_name, bounds, counts }
        };
        found.into_iter().map(histogram).collect()
    }
}

/// Labels a series with its quantile; where that changes from step to step, one series becomes several.
fn label_quantiles(series: Series, label: &str, q: &[f64]) -> Vec<Series> {
    let mut parts: Vec<(String, Vec<f64>)> = Vec::new();
    for (i, q) in q.iter().enumerate() {
        let name = open_metrics(*q);
        let place = parts.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            parts.push((name, vec![ABSENT; series.values.len()]));
            parts.len() - 1
        });
        parts[place].1[i] = series.values[i];
    }
    let part =
        |(name, values): (String, Vec<f64>)| Series::new(series.labels.with(label, &name), series.drop_name, values);
    parts.into_iter().map(part).collect()
}

impl Histogram {
    /// Applies `f` to the buckets that are present at each time, bounds unique and rising.
    fn evaluate(&self, grid: Grid, mut f: impl FnMut(usize, &mut Vec<Bucket>) -> f64) -> Series {
        let mut buckets: Vec<Bucket> = Vec::with_capacity(self.bounds.len());
        let mut values = Vec::with_capacity(grid.len);
        for i in 0..grid.len {
            buckets.clear();
            for (upper, counts) in self.bounds.iter().zip(&self.counts) {
                let count = counts[i];
                match buckets.last_mut() {
                    _ if !present(count) => {}
                    // One bound in two spellings.
                    Some(last) if last.upper == *upper => last.count += count,
                    _ => buckets.push(Bucket { upper: *upper, count }),
                }
            }
            values.push(if buckets.is_empty() { ABSENT } else { f(i, &mut buckets) });
        }
        Series::new(self.labels.clone(), self.drop_name, values)
    }
}

fn note(repairs: &mut Vec<(String, Repairs)>, name: &str, repair: Repair, time: i64) {
    let Some((_, known)) = repairs.iter_mut().find(|(n, _)| n == name) else {
        repairs.push((name.to_owned(), Repairs { worst: repair, times: 1, first: time, last: time }));
        return;
    };
    known.worst.min_bound = known.worst.min_bound.min(repair.min_bound);
    known.worst.max_bound = known.worst.max_bound.max(repair.max_bound);
    known.worst.max_diff = known.worst.max_diff.max(repair.max_diff);
    known.times += 1;
    known.first = known.first.min(time);
    known.last = known.last.max(time);
}

impl Repairs {
    fn message(&self, name: &str) -> String {
        let of = if name.is_empty() { String::new() } else { format!(" for metric name {name:?}") };
        let Repair { min_bound, max_bound, max_diff } = self.worst;
        format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see {DOCS}){of}, \
             from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            number(min_bound),
            number(max_bound),
            two_digits(max_diff),
            self.times,
            rfc3339(self.first),
            rfc3339(self.last)
        )
    }
}

/// Two significant digits, as Go's `%.2g`.
fn two_digits(v: f64) -> String {
    let rounded: f64 = format!("{v:.1e}").parse().unwrap_or(v);
    if rounded.abs() >= 100.0 {
        let text = format!("{rounded:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{digits}e+{exponent:0>2}");
    }
    number(rounded)
}

/// A number as a label value, as OpenMetrics writes it: always with a point or an exponent.
fn open_metrics(v: f64) -> String {
    let text = number(v);
    let whole = v.is_finite() && !text.contains(['.', 'e']);
    if whole { format!("{text}.0") } else { text }
}

/// The quantile `q`, interpolated within its bucket, and what had to be repaired for it.
fn quantile(q: f64, buckets: &mut [Bucket], tolerate: bool) -> (f64, Option<Repair>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if !(0.0..=1.0).contains(&q) {
        return (if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY }, None);
    }
    let Some(top) = buckets.last() else { return (f64::NAN, None) };
    if top.upper != f64::INFINITY {
        return (f64::NAN, None);
    }
    let repair = make_monotonic(buckets, tolerate);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, repair);
    }
    let rank = q * observations;
    let found = buckets[..last].partition_point(|b| b.count < rank || b.count.is_nan() || rank.is_nan());
    let value = if found == last {
        // Nothing is known beyond the last finite bound.
        buckets[last - 1].upper
    } else if found == 0 && buckets[0].upper <= 0.0 {
        buckets[0].upper
    } else {
        let below = found.checked_sub(1).map_or(Bucket { upper: 0.0, count: 0.0 }, |i| buckets[i]);
        let inside = buckets[found].count - below.count;
        below.upper + (buckets[found].upper - below.upper) * ((rank - below.count) / inside)
    };
    (value, repair)
}

/// Makes counts rise from bucket to bucket: ignores differences of rounding, lifts what falls.
fn make_monotonic(buckets: &mut [Bucket], tolerate: bool) -> Option<Repair> {
    let mut repair: Option<Repair> = None;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if tolerate && almost_equal(before, bucket.count, SMALL_DELTA) {
            bucket.count = before;
        } else if bucket.count < before {
            let diff = before - bucket.count;
            let worst =
                repair.get_or_insert(Repair { min_bound: bucket.upper, max_bound: bucket.upper, max_diff: diff });
            worst.max_bound = bucket.upper;
            worst.max_diff = worst.max_diff.max(diff);
            bucket.count = before;
        } else {
            before = bucket.count;
        }
    }
    repair
}

/// The share of observations between two values.
fn fraction(lower: f64, upper: f64, buckets: &[Bucket]) -> f64 {
    let Some(top) = buckets.last().filter(|b| b.upper == f64::INFINITY) else { return f64::NAN };
    if top.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets) - rank_of(lower, buckets)) / top.count
}

/// How many observations are at most `value`, interpolated within its bucket.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let total = buckets[buckets.len() - 1].count;
    // With a positive first bound, observations are taken to be positive.
    let mut low = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut rank: f64 = 0.0;
    for bucket in buckets {
        if low >= value {
            return rank.min(total);
        }
        if bucket.upper > value {
            // No interpolation within a bucket of infinite width.
            let share = if low == f64::NEG_INFINITY { 1.0 } else { (value - low) / (bucket.upper - low) };
            return (rank + (bucket.count - rank) * share).min(total);
        }
        rank = bucket.count;
        low = bucket.upper;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn quantiles_of_the_edges() {
        let b = buckets(&[(0.1, 5.0), (0.2, 7.0), (1.0, 11.0), (f64::INFINITY, 12.0)]);
        let at = |q| quantile(q, &mut b.clone(), true).0;
        assert_eq!(at(0.0), 0.0);
        assert_eq!(at(1.0), 1.0);
        assert!((at(0.5) - 0.15).abs() < 1e-12);
        assert_eq!(at(-0.1), f64::NEG_INFINITY);
        assert_eq!(at(1.1), f64::INFINITY);
        assert!(at(f64::NAN).is_nan());
        assert!(quantile(0.5, &mut buckets(&[(1.0, 1.0)]), true).0.is_nan());
        assert!(quantile(0.5, &mut buckets(&[(f64::INFINITY, 1.0)]), true).0.is_nan());
    }

    #[test]
    fn falling_counts_are_lifted_and_reported() {
        let mut b = buckets(&[(1.0, 4.0), (2.0, 3.0), (4.0, 1.0), (f64::INFINITY, 8.0)]);
        let repair = make_monotonic(&mut b, true);
        assert_eq!(repair, Some(Repair { min_bound: 2.0, max_bound: 4.0, max_diff: 3.0 }));
        assert_eq!(b.iter().map(|b| b.count).collect::<Vec<_>>(), [4.0, 4.0, 4.0, 8.0]);
    }

    #[test]
    fn rounding_errors_are_ignored_in_silence_unless_2_42_is_asked_for() {
        let b = buckets(&[(1.0, 4.0), (f64::INFINITY, 4.0 - 1e-14)]);
        assert_eq!(make_monotonic(&mut b.clone(), true), None);
        assert!(make_monotonic(&mut b.clone(), false).is_some());
    }

    #[test]
    fn fractions_interpolate() {
        let b = buckets(&[(0.5, 2.5), (1.0, 7.5), (f64::INFINITY, 100.0)]);
        assert!((fraction(0.1, 0.75, &b) - 0.045).abs() < 1e-12);
        assert_eq!(fraction(f64::NEG_INFINITY, f64::INFINITY, &b), 1.0);
        assert_eq!(fraction(2.0, 1.0, &b), 0.0);
    }

    #[test]
    fn numbers_in_labels_and_messages() {
        assert_eq!([1.0, 0.25, -0.1, f64::NAN].map(open_metrics), ["1.0", "0.25", "-0.1", "NaN"]);
        assert_eq!([10.0, 0.123, 1234.0].map(two_digits), ["10", "0.12", "1.2e+03"]);
    }
}
