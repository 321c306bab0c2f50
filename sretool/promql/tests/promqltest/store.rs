//! A store in memory that notices when a query reads what it cannot hold.

use crate::script::Load;
use crate::values::Point;
use promql::{ExprKind, Labels, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default, Debug)]
struct Stored {
    floats: BTreeMap<i64, f64>,
    /// Times of native histograms.
    native: Vec<i64>,
    start_timestamps: bool,
}

#[derive(Default, Debug)]
pub struct Memory {
    series: BTreeMap<Labels, Stored>,
    tainted: AtomicBool,
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

impl Memory {
    pub fn load(&mut self, load: &Load) {
        for line in &load.series {
            if let Some(metric) = line.metric.strip_suffix("@st") {
                self.series.entry(labels(metric)).or_default().start_timestamps = true;
                continue;
            }
            let labels = labels(&line.metric);
            if load.with_native {
                self.shadow(&labels, load, line);
            }
            let stored = self.series.entry(labels).or_default();
            for (t, point) in times(load).zip(&line.points) {
                match point {
                    Point::Blank => {}
                    Point::Native => stored.native.push(t),
                    Point::Float(v) => {
                        stored.floats.insert(t, *v);
                    }
                }
            }
        }
    }

    /// Stores the native histogram that goes with the bucket of a classic one.
    fn shadow(&mut self, labels: &Labels, load: &Load, line: &crate::script::Line) {
        let Some(base) = labels.metric_name().strip_suffix("_bucket") else { return };
        let native = labels.without(|name| name == "le").with(promql::METRIC_NAME, base);
        let filled = times(load).zip(&line.points).filter(|(_, p)| **p != Point::Blank);
        self.series.entry(native).or_default().native.extend(filled.map(|(t, _)| t));
    }

    pub fn reset_taint(&self) {
        self.tainted.store(false, Ordering::Relaxed);
    }

    /// Whether a query has read native histograms or start timestamps since the last reset.
    pub fn tainted(&self) -> bool {
        self.tainted.load(Ordering::Relaxed)
    }
}

fn times(load: &Load) -> impl Iterator<Item = i64> {
    let step = load.step_ms;
    (0..).map(move |i| i * step)
}

impl Queryable for Memory {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let mut found = Vec::new();
        for (labels, stored) in &self.series {
            if !matchers.iter().all(|m| m.matches(labels.get(&m.name))) {
                continue;
            }
            let native = stored.native.iter().any(|t| (hints.min_t..=hints.max_t).contains(t));
            if native || stored.start_timestamps {
                self.tainted.store(true, Ordering::Relaxed);
            }
            if hints.min_t > hints.max_t {
                continue;
            }
            let window = stored.floats.range(hints.min_t..=hints.max_t);
            let samples: Vec<_> = window.map(|(t, v)| Sample { t: *t, v: *v }).collect();
            if !samples.is_empty() {
                found.push(SeriesData::new(labels.clone(), samples));
            }
        }
        Ok(found)
    }
}
