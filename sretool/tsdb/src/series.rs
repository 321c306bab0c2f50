//! The samples of one series.

mod saved;

use crate::chunk::Encoder;
use crate::packed::pack;
use crate::sealed::Sealed;
use promql::{Sample, Summary};
pub(crate) use saved::Unsaved;

/// Late samples are merged into chunks when there are this many, or a quarter of the series, whichever is more: the
/// quarter keeps a whole backfill in reverse order from being quadratic.
const OVERFLOW_SAMPLES: usize = 240;

/// Finished chunks in order of time, one that grows, and samples that came late.
#[derive(Debug, Default)]
pub(crate) struct Series {
    sealed: Sealed,
    open: Option<Encoder>,
    /// Sorted by time; no time that a chunk holds.
    overflow: Vec<Sample>,
    samples: usize,
    saved: saved::Saved,
}

/// Why a series refuses a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Another value is there at that time.
    Duplicate { existing: f64 },
    /// Older than the newest sample by more than the window.
    TooOld { newest: i64 },
}

impl Series {
    /// Adds a sample; one that repeats a sample exactly is ignored, and `false` says so.
    pub(crate) fn append(&mut self, sample: Sample, window_ms: i64) -> Result<bool, Refusal> {
        let Some(last) = self.open.as_ref().map(Encoder::last) else {
            self.push(sample);
            return Ok(true);
        };
        if sample.t > last.t {
            self.push(sample);
            return Ok(true);
        }
        if sample.t < last.t.saturating_sub(window_ms) {
            return Err(Refusal::TooOld { newest: last.t });
        }
        match self.at(sample.t) {
            Some(existing) if existing.to_bits() == sample.v.to_bits() => Ok(false),
            Some(existing) => Err(Refusal::Duplicate { existing }),
            None => {
                self.insert_late(sample);
                Ok(true)
            }
        }
    }

    fn push(&mut self, sample: Sample) {
        self.samples += 1;
        match &mut self.open {
            Some(open) if !open.is_full() => open.push(sample),
            open => {
                if let Some((bytes, summary)) = open.replace(Encoder::new(sample)).map(Encoder::seal) {
                    self.sealed.push(pack(&bytes, summary.samples), summary);
                    self.saved.sealed();
                }
            }
        }
    }

    fn insert_late(&mut self, sample: Sample) {
        let at = self.overflow.partition_point(|s| s.t < sample.t);
        self.overflow.insert(at, sample);
        self.saved.late = false;
        self.samples += 1;
        if self.overflow.len() >= OVERFLOW_SAMPLES.max(self.samples / 4) {
            self.merge_overflow();
        }
    }

    /// Rewrites every chunk from the first late sample on.
    fn merge_overflow(&mut self) {
        let Some(first) = self.overflow.first().map(|s| s.t) else { return };
        let from = self.sealed.between(first, i64::MAX).start;
        let mut samples = Vec::new();
        (from..self.sealed.len()).for_each(|i| self.sealed.read(i, &mut samples));
        self.saved.rewriting(&self.sealed.summaries()[from..], from);
        self.sealed.truncate(from);
        samples.extend(self.open.take().iter().flat_map(Encoder::samples));
        self.samples -= samples.len() + self.overflow.len();
        samples.append(&mut self.overflow);
        samples.sort_by_key(|s| s.t);
        samples.into_iter().for_each(|s| self.push(s));
        self.saved.rewritten();
    }

    /// The value at exactly this time.
    fn at(&self, t: i64) -> Option<f64> {
        if let Ok(i) = self.overflow.binary_search_by_key(&t, |s| s.t) {
            return Some(self.overflow[i].v);
        }
        let mut found = Vec::new();
        self.read_chunks(t, t, &mut found);
        found.first().map(|s| s.v)
    }

    /// Appends the samples of the closed interval to `out`, in order of time.
    pub(crate) fn read(&self, min_t: i64, max_t: i64, out: &mut Vec<Sample>) {
        let start = out.len();
        self.read_chunks(min_t, max_t, out);
        let late = self.late(min_t, max_t);
        if !late.is_empty() {
            out.extend_from_slice(late);
            // A stable sort merges the two sorted runs in linear time.
            out[start..].sort_by_key(|s| s.t);
        }
    }

    fn read_chunks(&self, min_t: i64, max_t: i64, out: &mut Vec<Sample>) {
        for i in self.sealed.between(min_t, max_t) {
            let summary = &self.sealed.summaries()[i];
            if min_t <= summary.first_t && summary.last_t <= max_t {
                self.sealed.read(i, out);
            } else {
                self.sealed.read_between(i, min_t, max_t, out);
            }
        }
        if let Some(open) = &self.open {
            extend_between(out, open.samples(), min_t, max_t);
        }
    }

    fn summaries_between(&self, min_t: i64, max_t: i64) -> &[Summary] {
        &self.sealed.summaries()[self.sealed.between(min_t, max_t)]
    }

    /// Finished chunks.
    pub(crate) fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    /// The chunk that grows.
    pub(crate) fn open(&self) -> Option<&Encoder> {
        self.open.as_ref()
    }

    /// Samples of the closed interval that came late and are in no chunk yet.
    pub(crate) fn late(&self, min_t: i64, max_t: i64) -> &[Sample] {
        let from = self.overflow.partition_point(|s| s.t < min_t);
        let to = self.overflow.partition_point(|s| s.t <= max_t);
        self.overflow.get(from..to).unwrap_or_default()
    }

    /// How many samples [`Self::read`] yields at most, without decompressing.
    pub(crate) fn count_at_most(&self, min_t: i64, max_t: i64) -> usize {
        let sealed: usize = self.summaries_between(min_t, max_t).iter().map(|s| s.samples as usize).sum();
        let open = self.open.as_ref().map(Encoder::summary).filter(|s| s.first_t <= max_t && s.last_t >= min_t);
        sealed + open.map_or(0, |s| s.samples as usize) + self.late(min_t, max_t).len()
    }

    /// Whether a sample lies in the closed interval; reads at most one chunk.
    pub(crate) fn has_sample(&self, min_t: i64, max_t: i64) -> bool {
        let open = self.open.as_ref();
        let summaries = self.summaries_between(min_t, max_t).iter().chain(open.map(Encoder::summary));
        let edge_inside = |s: &Summary| [s.first_t, s.last_t].iter().any(|t| (min_t..=max_t).contains(t));
        if summaries.clone().any(edge_inside) || !self.late(min_t, max_t).is_empty() {
            return true;
        }
        let mut inside = Vec::new();
        self.read_chunks(min_t, max_t, &mut inside);
        !inside.is_empty()
    }

    /// Drops what is older, by whole chunks.
    pub(crate) fn truncate(&mut self, before: i64) {
        let gone = self.sealed.between(before, i64::MAX).start;
        self.saved.dropping(&self.sealed.summaries()[..gone]);
        self.samples -= self.sealed.drop_first(gone);
        let late = self.overflow.partition_point(|s| s.t < before);
        self.samples -= self.overflow.drain(..late).count();
        if let Some(open) = self.open.take_if(|open| open.summary().last_t < before) {
            self.samples -= open.summary().samples as usize;
            self.saved.sealed();
        }
    }

    /// Times of the first and the last sample.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let open = self.open.as_ref()?.summary();
        let first = self.sealed.summaries().first().map_or(open.first_t, |s| s.first_t);
        let late = self.overflow.first().map_or(first, |s| s.t);
        Some((first.min(late), open.last_t))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.samples == 0
    }

    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// Memory of samples and summaries, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, Encoder::bytes);
        size_of::<Self>() + self.sealed.memory() + open + size_of_val(self.overflow.as_slice())
    }
}

fn extend_between(out: &mut Vec<Sample>, samples: impl Iterator<Item = Sample>, min_t: i64, max_t: i64) {
    out.extend(samples.skip_while(|s| s.t < min_t).take_while(|s| s.t <= max_t));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn s(t: i64, v: f64) -> Sample {
        Sample { t, v }
    }

    fn all(series: &Series) -> Vec<Sample> {
        let mut out = Vec::new();
        series.read(i64::MIN, i64::MAX, &mut out);
        out
    }

    #[test]
    fn late_samples_are_merged_within_the_window() {
        let mut series = Series::default();
        for t in [10, 30, 20, 40, 5] {
            assert_eq!(series.append(s(t, t as f64), 100), Ok(true));
        }
        assert_eq!(all(&series).iter().map(|s| s.t).collect::<Vec<_>>(), [5, 10, 20, 30, 40]);
        assert_eq!(series.span(), Some((5, 40)));
        assert_eq!(series.append(s(-61, 1.0), 100), Err(Refusal::TooOld { newest: 40 }));
        assert_eq!(series.samples(), 5);
    }

    #[test]
    fn repetitions_are_ignored_and_contradictions_refused() {
        let mut series = Series::default();
        for t in [10, 30, 20] {
            series.append(s(t, f64::NAN), 100).unwrap();
        }
        for t in [10, 20, 30] {
            assert_eq!(series.append(s(t, f64::NAN), 100), Ok(false), "at {t}");
            assert!(matches!(series.append(s(t, 1.0), 100), Err(Refusal::Duplicate { existing }) if existing.is_nan()));
        }
        assert_eq!(series.samples(), 3);
    }

    #[test]
    fn a_backfill_in_reverse_ends_in_chunks() {
        let mut series = Series::default();
        for t in (0..2_000).rev() {
            series.append(s(t, 1.0), i64::MAX).unwrap();
        }
        assert_eq!(all(&series).len(), 2_000);
        assert!(series.overflow.len() < 600, "{} late samples", series.overflow.len());
    }

    #[test]
    fn truncation_drops_whole_chunks_and_at_last_everything() {
        let mut series = Series::default();
        (0..1_000).for_each(|t| assert!(series.append(s(t, 1.0), 0).is_ok()));
        series.truncate(500);
        assert_eq!(series.span(), Some((480, 999)));
        assert_eq!(series.samples(), 520);
        series.truncate(1_000);
        assert!(series.is_empty());
        assert_eq!((series.span(), all(&series).len()), (None, 0));
    }

    #[test]
    fn a_window_between_two_samples_holds_none() {
        let mut series = Series::default();
        (0..10).for_each(|t| assert!(series.append(s(t * 100, 1.0), 0).is_ok()));
        assert!(!series.has_sample(101, 199));
        assert!(series.has_sample(101, 200));
        assert!(!series.has_sample(901, 5_000));
        assert_eq!(series.count_at_most(901, 5_000), 0);
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_map(
            writes in prop::collection::vec((0..2_000_i64, 0..3_u8), 1..900),
            bounds in (0..2_000_i64, 0..2_000_i64),
        ) {
            let (mut series, mut model) = (Series::default(), BTreeMap::new());
            for (t, v) in writes {
                let v = f64::from(v);
                let expected = match model.get(&t) {
                    None => Ok(true),
                    Some(old) if *old == v => Ok(false),
                    Some(old) => Err(Refusal::Duplicate { existing: *old }),
                };
                model.entry(t).or_insert(v);
                prop_assert_eq!(series.append(s(t, v), i64::MAX), expected);
            }
            let (min, max) = (bounds.0.min(bounds.1), bounds.0.max(bounds.1));
            let mut read = Vec::new();
            series.read(min, max, &mut read);
            let expected: Vec<_> = model.range(min..=max).map(|(t, v)| s(*t, *v)).collect();
            prop_assert_eq!(series.has_sample(min, max), !expected.is_empty());
            prop_assert!(series.count_at_most(min, max) >= expected.len());
            prop_assert_eq!(read, expected);
            prop_assert_eq!(series.samples(), model.len());
        }
    }
}
