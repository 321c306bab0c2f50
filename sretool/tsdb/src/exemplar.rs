//! Exemplars: single observations, with a trace to look at, beside the series that counted them.

use promql::Labels;
use std::collections::VecDeque;

/// Exemplars kept of one series.
const RING: usize = 32;

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself, such as `trace_id`.
    pub labels: Labels,
    /// Observed value.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
}

/// The exemplars of one series, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    /// Labels of the series.
    pub labels: Labels,
    /// Its exemplars.
    pub exemplars: Vec<Exemplar>,
}

/// The newest exemplars of one series.
#[derive(Debug, Default)]
pub(crate) struct Ring(VecDeque<Exemplar>);

impl Ring {
    /// Adds an exemplar, unless it is one that is there already: every scrape repeats the last one. One without a time
    /// of its own comes with the scrape's, so the time does not tell repetitions apart.
    pub(crate) fn add(&mut self, exemplar: Exemplar) -> bool {
        let same = |e: &Exemplar| e.value.to_bits() == exemplar.value.to_bits() && e.labels == exemplar.labels;
        if self.0.back().is_some_and(same) || self.0.iter().any(|e| e.t == exemplar.t && same(e)) {
            return false;
        }
        if self.0.len() == RING {
            self.0.pop_front();
        }
        let at = self.0.partition_point(|e| e.t <= exemplar.t);
        self.0.insert(at, exemplar);
        true
    }

    pub(crate) fn between(&self, min_t: i64, max_t: i64) -> Vec<Exemplar> {
        self.0.iter().filter(|e| (min_t..=max_t).contains(&e.t)).cloned().collect()
    }

    pub(crate) fn truncate(&mut self, before: i64) {
        self.0.retain(|e| e.t >= before);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(trace: &str, value: f64, t: i64) -> Exemplar {
        Exemplar { labels: Labels::new([("trace_id", trace)]), value, t }
    }

    #[test]
    fn a_repeated_exemplar_is_kept_once() {
        let mut ring = Ring::default();
        assert!(ring.add(exemplar("a", 1.0, 10)));
        assert!(!ring.add(exemplar("a", 1.0, 20)));
        assert!(ring.add(exemplar("a", 2.0, 20)));
        assert!(ring.add(exemplar("b", 1.0, 15)));
        assert_eq!(ring.between(0, 99).iter().map(|e| e.t).collect::<Vec<_>>(), [10, 15, 20]);
        assert_eq!(ring.between(11, 19).len(), 1);
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut ring = Ring::default();
        for i in 0..40 {
            ring.add(exemplar("a", f64::from(i), i64::from(i)));
        }
        assert_eq!(ring.len(), RING);
        assert_eq!(ring.between(0, 99)[0].t, 8);
        ring.truncate(30);
        assert_eq!(ring.len(), 10);
    }
}
