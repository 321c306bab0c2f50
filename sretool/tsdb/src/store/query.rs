//! Reading from the store.

use super::{Content, Inner, Slot, Store};
use crate::exemplar::SeriesExemplars;
use crate::windows::Edges;
use promql::{
    Labels, Matcher, Queryable, SelectHints, SeriesData, StorageError, Summary, SummaryHints, SummaryVisitor,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

impl Queryable for Store {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let inner = self.read();
        let mut left = self.max_query_samples;
        let mut found = Vec::new();
        let mut samples = Vec::new();
        for slot in inner.matching(matchers) {
            let content = slot.content();
            let expected = content.series.count_at_most(hints.min_t, hints.max_t);
            // Checked before anything is decompressed: a query must not be able to exhaust the memory.
            left = left.checked_sub(expected).ok_or(StorageError::TooManySamples { limit: self.max_query_samples })?;
            samples.clear();
            samples.reserve(expected);
            content.series.read(hints.min_t, hints.max_t, &mut samples);
            drop(content);
            if !samples.is_empty() {
                found.push(SeriesData::new(slot.labels.clone(), samples.as_slice()));
            }
        }
        Ok(found)
    }

    fn summarize(
        &self,
        matchers: &[Matcher],
        hints: SummaryHints<'_>,
        visit: &mut SummaryVisitor<'_>,
    ) -> Result<bool, StorageError> {
        let inner = self.read();
        let slots = inner.matching(matchers);
        if hints.windows.len() > 1 && !worth_summarizing(&slots, hints) {
            return Ok(false);
        }
        let mut edges = Edges::default();
        let mut summaries = vec![Summary::EMPTY; hints.windows.len()];
        for slot in slots {
            let content = slot.content();
            edges.clear();
            for (summary, (min_t, max_t)) in summaries.iter_mut().zip(hints.windows) {
                *summary = content.series.summarize(*min_t, *max_t, &mut edges);
            }
            drop(content);
            if visit(&slot.labels, &summaries).is_break() {
                break;
            }
        }
        Ok(true)
    }
}

/// Whether summaries cost less than reading all samples once.
fn worth_summarizing(slots: &[&Slot], hints: SummaryHints<'_>) -> bool {
    let costs = slots.iter().map(|slot| slot.content().series.costs(hints));
    let (read, summed) = costs.fold((0, 0), |(read, summed): (u64, u64), (r, s)| (read + r, summed + s));
    summed < read
}

impl Store {
    /// Label sets of series that match and have a sample in the closed interval of milliseconds.
    pub fn series(&self, matchers: &[Matcher], min_t: i64, max_t: i64) -> Vec<Labels> {
        let inner = self.read();
        inner.live(matchers, min_t, max_t).map(|slot| slot.labels.clone()).collect()
    }

    /// Names of the labels of such series, in order.
    pub fn label_names(&self, matchers: &[Matcher], min_t: i64, max_t: i64) -> Vec<Arc<str>> {
        let inner = self.read();
        let names: BTreeSet<_> =
            inner.live(matchers, min_t, max_t).flat_map(|s| s.labels.shared()).map(|(n, _)| n.clone()).collect();
        names.into_iter().collect()
    }

    /// Values that a label has in such series, in order.
    pub fn label_values(&self, name: &str, matchers: &[Matcher], min_t: i64, max_t: i64) -> Vec<Arc<str>> {
        let inner = self.read();
        if !matchers.is_empty() {
            let values = inner.live(matchers, min_t, max_t).flat_map(|s| s.labels.shared());
            let values: BTreeSet<_> = values.filter(|(n, _)| &**n == name).map(|(_, v)| v.clone()).collect();
            return values.into_iter().collect();
        }
        // Without matchers the index knows the answer; one live series is enough for a value.
        let live = |ids: &[u32]| {
            ids.iter().filter_map(|id| inner.slot(*id)).any(|s| s.content().series.has_sample(min_t, max_t))
        };
        inner.index.values(name).filter(|(_, ids)| live(ids)).map(|(value, _)| value.clone()).collect()
    }

    /// Exemplars in the closed interval of series that match; series without any are left out.
    pub fn exemplars(&self, matchers: &[Matcher], min_t: i64, max_t: i64) -> Vec<SeriesExemplars> {
        let inner = self.read();
        let all = inner.matching(matchers).into_iter().map(|slot| SeriesExemplars {
            labels: slot.labels.clone(),
            exemplars: slot.content().exemplars.between(min_t, max_t),
        });
        all.filter(|series| !series.exemplars.is_empty()).collect()
    }
}

impl Inner {
    fn matching(&self, matchers: &[Matcher]) -> Vec<&Slot> {
        let (candidates, rest) = self.index.candidates(matchers);
        let mut slots: Vec<_> = match candidates {
            Some(ids) => ids.iter().filter_map(|id| self.slot(*id)).collect(),
            None => self.slots.iter().flatten().collect(),
        };
        for matcher in rest {
            // Series share few values, so that a lookup is cheaper than another run of the expression.
            let mut verdicts: HashMap<&str, bool> = HashMap::new();
            slots.retain(|slot| {
                let value = slot.labels.get(&matcher.name);
                *verdicts.entry(value).or_insert_with(|| matcher.matches(value))
            });
        }
        slots
    }

    fn live(&self, matchers: &[Matcher], min_t: i64, max_t: i64) -> impl Iterator<Item = &Slot> {
        let live = move |content: &Content| content.series.has_sample(min_t, max_t);
        self.matching(matchers).into_iter().filter(move |slot| live(&slot.content()))
    }
}
