//! What of a series is on disk already.

use super::Series;
use crate::chunk::Encoder;
use crate::packed;
use promql::{Sample, Summary};

/// What is on disk. It is noted when a change is handed out; [`Series::give_back`] takes that back if the change could
/// not be written.
#[derive(Debug)]
pub(super) struct Saved {
    /// Finished chunks, counted from the first.
    chunks: usize,
    /// Samples of the growing chunk.
    open: u32,
    /// Whether the growing chunk holds late samples besides, so that its beginning is no longer what was written.
    rewritten: bool,
    /// Whether all late samples are.
    pub(super) late: bool,
    /// First times of chunks on disk that are no longer part of the series.
    obsolete: Vec<i64>,
}

impl Default for Saved {
    fn default() -> Self {
        Self { chunks: 0, open: 0, rewritten: false, late: true, obsolete: Vec::new() }
    }
}

impl Saved {
    /// The growing chunk was finished, or is gone.
    pub(super) fn sealed(&mut self) {
        (self.open, self.rewritten) = (0, false);
    }

    /// The chunks from one on are about to be made anew.
    pub(super) fn rewriting(&mut self, chunks: &[Summary], from: usize) {
        let on_disk = self.chunks.saturating_sub(from);
        self.obsolete.extend(chunks.iter().take(on_disk).map(|s| s.first_t));
        self.chunks = self.chunks.min(from);
    }

    /// Late samples have become part of chunks, the growing one included.
    pub(super) fn rewritten(&mut self) {
        (self.open, self.rewritten, self.late) = (0, true, true);
    }

    /// The first chunks are about to go.
    pub(super) fn dropping(&mut self, chunks: &[Summary]) {
        let on_disk = self.chunks.min(chunks.len());
        self.obsolete.extend(chunks.iter().take(on_disk).map(|s| s.first_t));
        self.chunks -= on_disk;
    }
}

/// A finished chunk that is not on disk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnsavedChunk {
    pub first_t: i64,
    pub samples: u32,
    pub bytes: Vec<u8>,
}

/// What of a series has to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unsaved {
    /// First times of chunks to delete.
    pub obsolete: Vec<i64>,
    pub chunks: Vec<UnsavedChunk>,
    /// New samples of the growing chunk, in order.
    pub tail: Vec<Sample>,
    /// Whether samples of the tail may be older than some that were written before.
    pub rewritten: bool,
    /// Late samples that are in no chunk.
    pub late: Vec<Sample>,
}

impl Unsaved {
    pub(crate) fn is_empty(&self) -> bool {
        self.obsolete.is_empty() && self.chunks.is_empty() && self.tail.is_empty() && self.late.is_empty()
    }
}

impl Series {
    /// Hands out what is not on disk, and notes that it is. `whole` includes what a log holds already, so that the log
    /// can be thrown away.
    pub(crate) fn take_unsaved(&mut self, whole: bool) -> Unsaved {
        let chunks = (self.saved.chunks..self.sealed.len()).map(|i| {
            let Summary { first_t, samples, .. } = self.sealed.summaries()[i];
            UnsavedChunk { first_t, samples, bytes: self.sealed.bytes(i).to_vec() }
        });
        let chunks = chunks.collect();
        let saved = &mut self.saved;
        let skip = if whole { 0 } else { saved.open as usize };
        let count = self.open.as_ref().map_or(0, |open| open.summary().samples);
        let tail = match &self.open {
            Some(open) if skip < count as usize => open.samples().skip(skip).collect(),
            _ => Vec::new(),
        };
        let late = if whole || !saved.late { self.overflow.clone() } else { Vec::new() };
        let unsaved =
            Unsaved { obsolete: std::mem::take(&mut saved.obsolete), chunks, tail, rewritten: saved.rewritten, late };
        saved.chunks = self.sealed.len();
        (saved.open, saved.rewritten, saved.late) = (count, false, true);
        unsaved
    }

    /// Takes back that something was written. Writing a part twice or deleting what is not there does no harm, so the
    /// parts need not be exactly those that were handed out.
    pub(crate) fn give_back(&mut self, chunks: usize, obsolete: Vec<i64>) {
        let saved = &mut self.saved;
        saved.chunks = saved.chunks.saturating_sub(chunks);
        saved.obsolete.splice(0..0, obsolete);
        (saved.open, saved.rewritten, saved.late) = (0, true, false);
    }

    /// First times of all chunks on disk, for a series that goes.
    pub(crate) fn saved_chunks(&self) -> Vec<i64> {
        let current = self.sealed.summaries().iter().take(self.saved.chunks).map(|s| s.first_t);
        self.saved.obsolete.iter().copied().chain(current).collect()
    }

    /// Puts back a finished chunk from disk; they come in order of their first times. What overlaps a chunk before it
    /// is the remnant of a deletion that was taken back: its samples are returned, to be put back one by one.
    pub(crate) fn restore_chunk(
        &mut self,
        first_t: i64,
        count: u32,
        bytes: &[u8],
    ) -> Result<Vec<Sample>, &'static str> {
        let summary = packed::check(bytes, count).filter(|summary| summary.first_t == first_t);
        let Some(summary) = summary else { return Err("a chunk does not hold what its key says") };
        if self.sealed.summaries().last().is_some_and(|last| last.last_t >= first_t) {
            self.saved.obsolete.push(first_t);
            let mut samples = Vec::new();
            packed::read(bytes, count, &mut samples);
            return Ok(samples);
        }
        self.sealed.push(bytes.into(), summary);
        self.saved.chunks += 1;
        self.samples += count as usize;
        Ok(Vec::new())
    }

    /// Puts back samples of the growing chunk; those that finished chunks hold are skipped.
    pub(crate) fn restore_tail(&mut self, samples: impl Iterator<Item = Sample>) {
        let sealed = self.sealed.summaries().last().map(|s| s.last_t);
        for sample in samples {
            let newest = self.open.as_ref().map(|open| open.last().t).or(sealed);
            if newest.is_none_or(|newest| newest < sample.t) {
                self.push(sample);
            }
        }
        self.saved.open = self.open.as_ref().map_or(0, |open| open.summary().samples);
    }

    /// Puts back a sample that may be anywhere in the series, or in it already.
    pub(crate) fn restore_late(&mut self, sample: Sample) {
        self.reopen();
        // Another value for the time is one that was dropped for its age before this was written: either will do.
        let _ = self.append(sample, i64::MAX);
    }

    /// Makes the last finished chunk grow again where none does: appending relies on there being one.
    pub(crate) fn reopen(&mut self) {
        let Some(last) = self.sealed.len().checked_sub(1).filter(|_| self.open.is_none()) else { return };
        let mut samples = Vec::new();
        self.sealed.read(last, &mut samples);
        let Some((first, rest)) = samples.split_first() else { return };
        let mut open = Encoder::new(*first);
        rest.iter().for_each(|sample| open.push(*sample));
        let summaries = &self.sealed.summaries()[last..];
        self.saved.rewriting(summaries, last);
        self.saved.rewritten();
        self.sealed.truncate(last);
        self.open = Some(open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// What is on disk of one series: chunks by their first time, and a log.
    #[derive(Clone, Debug, Default)]
    struct Disk {
        chunks: BTreeMap<i64, (u32, Vec<u8>)>,
        log: Vec<Unsaved>,
    }

    impl Disk {
        fn write(&mut self, mut unsaved: Unsaved, whole: bool) {
            unsaved.obsolete.iter().for_each(|t| drop(self.chunks.remove(t)));
            for chunk in unsaved.chunks.drain(..) {
                self.chunks.insert(chunk.first_t, (chunk.samples, chunk.bytes));
            }
            if whole {
                self.log.clear();
            }
            self.log.push(unsaved);
        }

        fn read(&self) -> Series {
            let mut series = Series::default();
            let mut remnants = Vec::new();
            for (first_t, (count, bytes)) in &self.chunks {
                remnants.extend(series.restore_chunk(*first_t, *count, bytes).unwrap());
            }
            for entry in self.log.iter().filter(|entry| !entry.rewritten) {
                series.restore_tail(entry.tail.iter().copied());
            }
            for entry in &self.log {
                let tail = entry.tail.iter().filter(|_| entry.rewritten);
                tail.chain(&entry.late).for_each(|sample| series.restore_late(*sample));
            }
            remnants.into_iter().for_each(|sample| series.restore_late(sample));
            series.reopen();
            series
        }
    }

    fn all(series: &Series) -> Vec<Sample> {
        let mut out = Vec::new();
        series.read(i64::MIN, i64::MAX, &mut out);
        out
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append(Vec<i64>),
        Late(i64),
        Truncate(i64),
        Flush { whole: bool, fails: bool },
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => prop::collection::vec(1..30_i64, 1..300).prop_map(Step::Append),
            3 => (1..4_000_i64).prop_map(Step::Late),
            1 => (0..6_000_i64).prop_map(Step::Truncate),
            4 => (prop::bool::weighted(0.3), prop::bool::weighted(0.2)).prop_map(|(whole, fails)| Step::Flush { whole, fails }),
            1 => Just(Step::Restart),
        ]
    }

    fn value(t: i64) -> f64 {
        (t.wrapping_mul(7_919) % 1_000) as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 192, ..ProptestConfig::default() })]

        #[test]
        fn what_was_flushed_is_read_back(steps in prop::collection::vec(step(), 1..40)) {
            let (mut series, mut disk, mut t) = (Series::default(), Disk::default(), 0);
            let mut flushed: Vec<Sample> = Vec::new();
            let mut truncated = i64::MIN;
            for step in steps {
                match step {
                    // Values follow from times, so that a sample that comes twice is the same.
                    Step::Append(deltas) => for delta in deltas {
                        t += delta;
                        series.append(Sample { t, v: value(t) }, i64::MAX).unwrap();
                    },
                    Step::Late(back) => for i in 0..70 {
                        let at = t - back - i * 3;
                        if series.at(at).is_none() && !series.is_empty() {
                            series.append(Sample { t: at, v: value(at) }, i64::MAX).unwrap();
                        }
                    },
                    Step::Truncate(age) => {
                        truncated = truncated.max(t - age);
                        series.truncate(t - age);
                    }
                    Step::Flush { whole, fails } => {
                        let unsaved = series.take_unsaved(whole);
                        if fails {
                            series.give_back(unsaved.chunks.len(), unsaved.obsolete);
                        } else {
                            disk.write(unsaved, whole);
                            flushed = all(&series);
                        }
                    }
                    Step::Restart => {
                        series = disk.read();
                        t = t.max(series.span().map_or(t, |(_, last)| last));
                    }
                }
                // What was dropped may come back until the log is thrown away, and goes again with the next truncation.
                let mut read = disk.read();
                read.truncate(truncated);
                let mut wanted: BTreeMap<i64, f64> = flushed.iter().map(|s| (s.t, s.v)).collect();
                for sample in all(&read) {
                    let known = wanted.remove(&sample.t);
                    prop_assert!(sample.v == value(sample.t) && sample.t <= t, "{sample:?} {known:?}");
                }
                wanted.retain(|t, _| *t >= truncated);
                prop_assert!(wanted.is_empty(), "lost {wanted:?}");
            }
        }
    }

    #[test]
    fn a_chunk_that_is_not_what_its_key_says_is_refused() {
        let mut series = Series::default();
        (0..500).for_each(|t| assert!(series.append(Sample { t, v: 1.0 }, 0).is_ok()));
        let chunk = series.take_unsaved(false).chunks.swap_remove(0);
        let mut restored = Series::default();
        assert!(restored.restore_chunk(7, chunk.samples, &chunk.bytes).is_err());
        assert!(restored.restore_chunk(0, chunk.samples, &chunk.bytes[..3]).is_err());
        assert!(restored.restore_chunk(0, 0, &[]).is_err());
        assert_eq!(restored.restore_chunk(chunk.first_t, chunk.samples, &chunk.bytes), Ok(Vec::new()));
    }

    #[test]
    fn nothing_is_handed_out_twice() {
        let mut series = Series::default();
        (0..300).for_each(|t| assert!(series.append(Sample { t, v: 1.0 }, 0).is_ok()));
        let first = series.take_unsaved(false);
        assert_eq!((first.chunks.len(), first.tail.len()), (1, 60));
        assert!(series.take_unsaved(false).is_empty());
        assert_eq!(series.take_unsaved(true).tail.len(), 60);
        series.append(Sample { t: 300, v: 1.0 }, 0).unwrap();
        assert_eq!(series.take_unsaved(false).tail.len(), 1);
    }
}
