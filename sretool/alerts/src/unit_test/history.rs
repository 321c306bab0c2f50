//! What a test has in store: input series up to the current step, and what rules wrote.

use promql::{Labels, METRIC_NAME, MatchOp, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Series with samples in order of time.
#[derive(Debug, Default)]
pub(super) struct History(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    series: Vec<(Labels, Vec<Sample>)>,
    by_labels: HashMap<Labels, usize>,
    by_name: HashMap<String, Vec<usize>>,
}

impl History {
    /// Appends a sample. One that is not newer than its series' last is dropped, as a store would refuse it.
    pub(super) fn append(&self, labels: &Labels, sample: Sample) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let index = inner.index(labels);
        let samples = &mut inner.series[index].1;
        if samples.last().is_none_or(|last| last.t < sample.t) {
            samples.push(sample);
        }
    }
}

impl Inner {
    fn index(&mut self, labels: &Labels) -> usize {
        if let Some(index) = self.by_labels.get(labels) {
            return *index;
        }
        let index = self.series.len();
        self.series.push((labels.clone(), Vec::new()));
        self.by_labels.insert(labels.clone(), index);
        self.by_name.entry(labels.metric_name().to_owned()).or_default().push(index);
        index
    }
}

impl Queryable for History {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let name = matchers.iter().find(|m| &*m.name == METRIC_NAME && m.op == MatchOp::Equal);
        let of_name = name.map(|m| inner.by_name.get(&*m.value).map_or(&[][..], Vec::as_slice));
        let found = |(labels, samples): &(Labels, Vec<Sample>)| {
            if !matchers.iter().all(|m| m.matches(labels.get(&m.name))) {
                return None;
            }
            let from = samples.partition_point(|s| s.t < hints.min_t);
            let to = samples.partition_point(|s| s.t <= hints.max_t);
            (from < to).then(|| SeriesData::new(labels.clone(), &samples[from..to]))
        };
        Ok(match of_name {
            Some(indices) => indices.iter().filter_map(|i| found(&inner.series[*i])).collect(),
            None => inner.series.iter().filter_map(found).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_matchers_select() {
        let history = History::default();
        let labels = |job: &str| Labels::new([(METRIC_NAME, "up"), ("job", job)]);
        for t in [0, 10, 20, 20, 5] {
            history.append(&labels("a"), Sample { t, v: 1.0 });
        }
        history.append(&labels("b"), Sample { t: 20, v: 2.0 });
        let name = Matcher::new(METRIC_NAME, MatchOp::Equal, "up").unwrap();
        let job = Matcher::new("job", MatchOp::NotEqual, "b").unwrap();
        let select = |matchers: &[Matcher], min_t, max_t| {
            let found = history.select(matchers, SelectHints { min_t, max_t }).unwrap();
            found.iter().map(|s| s.samples.len()).collect::<Vec<_>>()
        };
        assert_eq!(select(std::slice::from_ref(&name), 5, 20), [2, 1]);
        assert_eq!(select(&[name.clone(), job.clone()], 0, 10), [2]);
        assert_eq!(select(&[job], 11, 19), []);
    }
}
