//! Dropping of metric names, and the merging of series that it may call for.

use super::data::Series;
use super::evaluator::{Evaluated, Evaluator};
use super::{Compat, EvalError};
use crate::labels::{Labels, METRIC_NAME};
use std::collections::HashMap;

/// Whether a label says which metric a series is, so that it goes when the values become something else.
pub(super) fn is_metric_label(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

fn without_name(labels: &Labels) -> Labels {
    labels.without(is_metric_label)
}

impl Evaluator<'_> {
    /// Notes that series are no longer the metric that their name says. Prometheus 3 drops the name at the end of
    /// the query, 2.42 at once.
    pub fn drop_names(&self, mut series: Vec<Series>) -> Evaluated<Vec<Series>> {
        for s in &mut series {
            s.drop_name = true;
        }
        if self.options.compat == Compat::V3 { Ok(series) } else { self.finish_names(series) }
    }

    /// The same for functions over ranges and for signs: for these 2.42 refuses two series of the same labels even
    /// where they have no time in common.
    pub fn drop_names_of_all(&self, series: Vec<Series>) -> Evaluated<Vec<Series>> {
        let before = series.len();
        let dropped = self.drop_names(series)?;
        if dropped.len() < before { Err(EvalError::DuplicateLabels) } else { Ok(dropped) }
    }

    /// Drops the names that were to be dropped and merges series that are now alike.
    pub fn finish_names(&self, mut series: Vec<Series>) -> Evaluated<Vec<Series>> {
        for s in series.iter_mut().filter(|s| s.drop_name) {
            s.labels = without_name(&s.labels);
            s.drop_name = false;
        }
        merge(series)
    }
}

/// Merges series of the same labels that have no sample at the same time; fails where they do.
pub(super) fn merge(series: Vec<Series>) -> Evaluated<Vec<Series>> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for s in series {
        if s.is_empty() {
            continue;
        }
        let place = *places.entry(s.labels.clone()).or_insert(merged.len());
        let Some(kept) = merged.get_mut(place) else {
            merged.push(s);
            continue;
        };
        kept.drop_name |= s.drop_name;
        for i in 0..s.values.len() {
            match (kept.there(i), s.there(i)) {
                (true, true) => return Err(EvalError::DuplicateLabels),
                (false, true) => kept.copy(i, &s),
                _ => {}
            }
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::super::data::{ABSENT, present};
    use super::*;

    fn series(job: &str, drop_name: bool, values: &[f64]) -> Series {
        Series::new(Labels::new([("job", job)]), drop_name, values.to_vec())
    }

    #[test]
    fn series_that_alternate_become_one() {
        let merged = merge(vec![
            series("a", false, &[1.0, ABSENT, ABSENT]),
            series("b", false, &[5.0, 5.0, 5.0]),
            series("a", true, &[ABSENT, 2.0, ABSENT]),
        ])
        .unwrap();
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].values[..2], [1.0, 2.0]);
        assert!(!present(merged[0].values[2]) && merged[0].drop_name && !merged[1].drop_name);
    }

    #[test]
    fn series_that_overlap_are_refused() {
        let both = vec![series("a", false, &[1.0, 1.0]), series("a", false, &[ABSENT, 2.0])];
        assert_eq!(merge(both).unwrap_err(), EvalError::DuplicateLabels);
    }

    #[test]
    fn series_without_samples_vanish() {
        assert!(merge(vec![series("a", false, &[ABSENT]), series("a", false, &[ABSENT])]).unwrap().is_empty());
    }

    #[test]
    fn type_and_unit_go_with_the_name() {
        let labels = Labels::new([("__name__", "a"), ("__type__", "counter"), ("__unit__", "s"), ("job", "x")]);
        assert_eq!(without_name(&labels), Labels::new([("job", "x")]));
    }
}
