//! A store in memory for tests.

use promql::{Labels, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Holds series and counts how often it is asked.
#[derive(Debug, Default)]
pub struct Memory {
    pub series: Vec<SeriesData>,
    pub selects: AtomicUsize,
}

impl From<Vec<SeriesData>> for Memory {
    fn from(series: Vec<SeriesData>) -> Self {
        Self { series, selects: AtomicUsize::new(0) }
    }
}

impl Memory {
    /// Adds a series with a sample every ten seconds from 0 on.
    pub fn with(mut self, metric: &str, values: &[f64]) -> Self {
        let expr = promql::parse(metric).expect("a metric");
        let matchers = &expr.selectors()[0].selector.matchers;
        let labels: Labels = matchers.iter().map(|m| (&*m.name, &*m.value)).collect();
        let samples = values.iter().zip(0..).map(|(v, i)| Sample { t: i * 10_000, v: *v }).collect();
        self.series.push(SeriesData { labels, samples, ..SeriesData::default() });
        self
    }
}

impl Queryable for Memory {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        self.selects.fetch_add(1, Ordering::Relaxed);
        let matching = self.series.iter().filter(|s| matchers.iter().all(|m| m.matches(s.labels.get(&m.name))));
        let inside = |t: i64| (hints.min_t..=hints.max_t).contains(&t);
        let cut = matching.map(|s| SeriesData {
            labels: s.labels.clone(),
            samples: s.samples.iter().filter(|s| inside(s.t)).copied().collect(),
            histograms: s.histograms.iter().filter(|s| inside(s.t)).cloned().collect(),
            starts: None,
        });
        Ok(cut.filter(|s| !s.is_empty()).collect())
    }
}
