//! A store in memory.

use crate::script::{Line, Load};
use crate::values::{Point, of_classic};
use promql::{
    ExprKind, Histogram, HistogramSample, Labels, Matcher, Queryable, ResetHint, Sample, SelectHints, SeriesData,
    StartTimes, StorageError,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A sample and the start of its counter, milliseconds; 0 where there is none.
type Started<T> = (T, i64);

#[derive(Default, Debug)]
struct Stored {
    floats: BTreeMap<i64, Started<f64>>,
    histograms: BTreeMap<i64, Started<Arc<Histogram>>>,
}

impl Stored {
    /// Sets the reset hints as the database of Prometheus does: a counter that goes on was not reset, and nothing is
    /// said of one that begins a chunk, be it after a reset.
    fn hint(&mut self) {
        let mut before: Option<(i64, Arc<Histogram>)> = None;
        for (t, (h, _)) in &mut self.histograms {
            let earlier = before.take().filter(|(t0, _)| self.floats.range(*t0..*t).next().is_none());
            if h.reset_hint != ResetHint::Gauge {
                let plain = Histogram { reset_hint: ResetHint::Unknown, ..Histogram::clone(h) };
                let goes_on = h.reset_hint != ResetHint::Reset
                    && earlier.is_some_and(|(_, last)| last.reset_hint != ResetHint::Gauge && goes_on(&last, &plain));
                let hint = if goes_on { ResetHint::NotReset } else { ResetHint::Unknown };
                *h = Arc::new(Histogram { reset_hint: hint, ..plain });
            }
            before = Some((*t, Arc::clone(h)));
        }
    }
}

/// Whether a histogram can stand in one chunk with the one before it.
fn goes_on(last: &Histogram, next: &Histogram) -> bool {
    let layout = |h: &Histogram| (h.schema, h.zero_threshold, h.bounds.clone());
    layout(last) == layout(next) && !next.is_reset_after(last)
}

#[derive(Default, Debug)]
pub struct Memory {
    series: BTreeMap<Labels, Stored>,
}

/// The labels of a metric as the test files write it.
pub fn labels(metric: &str) -> Labels {
    if metric == "{}" {
        return Labels::default();
    }
    let expr = promql::parse(metric).unwrap_or_else(|e| panic!("{}", e.render(metric)));
    let ExprKind::Vector(selector) = expr.kind else { panic!("no metric: {metric}") };
    selector.matchers.iter().map(|m| (m.name.to_string(), m.value.to_string())).collect()
}

/// Parts of a classic histogram at one time.
#[derive(Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

impl Memory {
    /// One histogram a metric, at time 0.
    pub fn of_histograms(histograms: &[(&str, &Histogram)]) -> Self {
        let mut memory = Self::default();
        for (name, h) in histograms {
            let stored = memory.series.entry(labels(name)).or_default();
            stored.histograms.insert(0, (Arc::new(Histogram::clone(h)), 0));
        }
        memory
    }

    pub fn load(&mut self, load: &Load) {
        let mut starts: &[Option<i64>] = &[];
        for line in &load.series {
            if let Some(found) = &line.starts {
                starts = found;
                continue;
            }
            let stored = self.series.entry(labels(&line.metric)).or_default();
            for (i, (t, point)) in times(load).zip(&line.points).enumerate() {
                let start = starts.get(i).copied().flatten().map_or(0, |distance| t + distance);
                match point {
                    Point::Blank => {}
                    Point::Native(h, _) => {
                        stored.histograms.insert(t, (Arc::new(Histogram::clone(h)), start));
                    }
                    Point::Float(v) => {
                        stored.floats.insert(t, (*v, start));
                    }
                }
            }
            starts = &[];
        }
        if load.with_native {
            self.convert(load);
        }
        self.series.values_mut().for_each(Stored::hint);
    }

    /// Stores each classic histogram as a native one too.
    fn convert(&mut self, load: &Load) {
        let mut found: BTreeMap<(Labels, i64), Classic> = BTreeMap::new();
        for line in &load.series {
            let labels = labels(&line.metric);
            let name = labels.metric_name();
            let part = ["_bucket", "_count", "_sum"].into_iter().find(|part| name.ends_with(part));
            let Some(part) = part else { continue };
            let base = labels.without(|l| l == "le").with(promql::METRIC_NAME, &name[..name.len() - part.len()]);
            let bound: f64 = labels.get("le").parse().unwrap_or(f64::NAN);
            if part == "_bucket" && bound.is_nan() {
                continue;
            }
            for (t, v) in floats(load, line) {
                let classic = found.entry((base.clone(), t)).or_default();
                match part {
                    "_bucket" => classic.buckets.push((bound, v)),
                    "_count" => classic.count = Some(v),
                    _ => classic.sum = v,
                }
            }
        }
        for ((labels, t), classic) in found {
            let native = of_classic(&classic.buckets, classic.count, classic.sum);
            self.series.entry(labels).or_default().histograms.insert(t, (Arc::new(native), 0));
        }
    }
}

fn times(load: &Load) -> impl Iterator<Item = i64> {
    let step = load.step_ms;
    (0..).map(move |i| i * step)
}

fn floats(load: &Load, line: &Line) -> impl Iterator<Item = (i64, f64)> {
    times(load).zip(&line.points).filter_map(|(t, point)| match point {
        Point::Float(v) => Some((t, *v)),
        Point::Blank | Point::Native(..) => None,
    })
}

impl Queryable for Memory {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        if hints.min_t > hints.max_t {
            return Ok(Vec::new());
        }
        let window = hints.min_t..=hints.max_t;
        let mut found = Vec::new();
        for (labels, stored) in &self.series {
            if !matchers.iter().all(|m| m.matches(labels.get(&m.name))) {
                continue;
            }
            let floats = || stored.floats.range(window.clone());
            let histograms = || stored.histograms.range(window.clone());
            let starts = StartTimes {
                samples: floats().map(|(_, (_, start))| *start).collect(),
                histograms: histograms().map(|(_, (_, start))| *start).collect(),
            };
            let known = starts.samples.iter().chain(&starts.histograms).any(|t| *t != 0);
            let series = SeriesData {
                labels: labels.clone(),
                samples: floats().map(|(t, (v, _))| Sample { t: *t, v: *v }).collect(),
                histograms: histograms().map(|(t, (h, _))| HistogramSample { t: *t, h: Arc::clone(h) }).collect(),
                starts: known.then(|| Arc::new(starts)),
            };
            found.extend(Some(series).filter(|s| !s.is_empty()));
        }
        Ok(found)
    }
}
