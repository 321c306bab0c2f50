//! The finished chunks of a series.

use crate::packed;
use promql::{Sample, Summary};
use std::ops::Range;

/// Chunks that a group sums up: a window of months then costs some hundred summaries instead of ten thousand.
const GROUP: usize = 16;

/// Finished chunks in order of time. Their summaries lie side by side, because a long window reads all of them and
/// nothing else.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    summaries: Vec<Summary>,
    bytes: Vec<Box<[u8]>>,
    /// Summaries of `GROUP` chunks each; the first and the last may be of chunks that are gone or missing.
    groups: Vec<Summary>,
    /// Place of the first chunk in its group.
    start: usize,
}

impl Sealed {
    /// Adds a chunk, packed, that is later than all.
    pub(crate) fn push(&mut self, bytes: Box<[u8]>, summary: Summary) {
        if self.summaries.len() == self.summaries.capacity() {
            // Doubling would leave a quarter of the memory unused on average.
            let more = (self.summaries.len() / 8).max(4);
            self.summaries.reserve_exact(more);
            self.bytes.reserve_exact(more);
        }
        if (self.start + self.summaries.len()).is_multiple_of(GROUP) || self.groups.is_empty() {
            self.groups.push(Summary::EMPTY);
        }
        if let Some(group) = self.groups.last_mut() {
            group.join(&summary);
        }
        self.summaries.push(summary);
        self.bytes.push(bytes);
    }

    pub(crate) fn len(&self) -> usize {
        self.summaries.len()
    }

    pub(crate) fn summaries(&self) -> &[Summary] {
        &self.summaries
    }

    pub(crate) fn bytes(&self, i: usize) -> &[u8] {
        &self.bytes[i]
    }

    /// Appends the samples of a chunk.
    pub(crate) fn read(&self, i: usize, out: &mut Vec<Sample>) {
        let sound = packed::read(&self.bytes[i], self.summaries[i].samples, out);
        debug_assert!(sound, "chunks are packed or checked before they come here");
    }

    /// Appends the samples of a chunk that lie in the closed interval.
    pub(crate) fn read_between(&self, i: usize, min_t: i64, max_t: i64, out: &mut Vec<Sample>) {
        let start = out.len();
        self.read(i, out);
        let read = &out[start..];
        let from = read.partition_point(|s| s.t < min_t);
        let to = read.partition_point(|s| s.t <= max_t).max(from);
        out.truncate(start + to);
        out.drain(start..start + from);
    }

    /// Chunks that may hold a sample of the closed interval.
    pub(crate) fn between(&self, min_t: i64, max_t: i64) -> Range<usize> {
        let from = self.summaries.partition_point(|s| s.last_t < min_t);
        let to = self.summaries.partition_point(|s| s.first_t <= max_t);
        from..to.max(from)
    }

    /// The summary of the group that starts with a chunk, where all of its chunks are there.
    pub(crate) fn group(&self, first: usize) -> Option<(&Summary, usize)> {
        let place = self.start + first;
        let end = first + GROUP;
        let whole = place.is_multiple_of(GROUP) && end <= self.summaries.len();
        self.groups.get(place / GROUP).filter(|_| whole).map(|group| (group, end))
    }

    /// Removes the first chunks and tells how many samples they had.
    pub(crate) fn drop_first(&mut self, chunks: usize) -> usize {
        let samples = self.summaries.drain(..chunks).map(|s| s.samples as usize).sum();
        self.bytes.drain(..chunks);
        self.start += chunks;
        self.groups.drain(..(self.start / GROUP).min(self.groups.len()));
        self.start %= GROUP;
        samples
    }

    /// Removes the chunks from one on.
    pub(crate) fn truncate(&mut self, chunks: usize) {
        self.summaries.truncate(chunks);
        self.bytes.truncate(chunks);
        let kept = (self.start + chunks) / GROUP;
        self.groups.truncate(kept);
        let rest = (kept * GROUP).saturating_sub(self.start);
        if rest < chunks {
            let mut group = Summary::EMPTY;
            self.summaries[rest..].iter().for_each(|summary| group.join(summary));
            self.groups.push(group);
        }
    }

    /// Memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        let content: usize = self.bytes.iter().map(|bytes| bytes.len()).sum();
        let summaries = (self.summaries.capacity() + self.groups.capacity()) * size_of::<Summary>();
        content + summaries + self.bytes.capacity() * size_of::<Box<[u8]>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::Sample;

    fn sealed(chunks: std::ops::Range<i64>) -> Sealed {
        let mut sealed = Sealed::default();
        chunks.for_each(|t| sealed.push(Box::default(), Summary::from_iter([Sample { t, v: t as f64 }])));
        sealed
    }

    /// Every whole group must be what its chunks are.
    #[track_caller]
    fn check(sealed: &Sealed, first_groups: &[usize]) {
        let mut found = Vec::new();
        for first in 0..sealed.len() {
            let Some((group, end)) = sealed.group(first) else { continue };
            let mut joined = Summary::EMPTY;
            sealed.summaries()[first..end].iter().for_each(|s| joined.join(s));
            assert_eq!(*group, joined);
            found.push(first);
        }
        assert_eq!(found, first_groups);
    }

    #[test]
    fn groups_follow_what_is_added_and_removed() {
        let mut chunks = sealed(0..50);
        check(&chunks, &[0, 16, 32]);
        assert_eq!(chunks.drop_first(5), 5);
        check(&chunks, &[11, 27]);
        chunks.truncate(30);
        check(&chunks, &[11]);
        (35..60).for_each(|t| chunks.push(Box::default(), Summary::from_iter([Sample { t, v: 1.0 }])));
        check(&chunks, &[11, 27]);
        chunks.drop_first(30);
        check(&chunks, &[]);
        assert_eq!(chunks.len(), 25);
        chunks.truncate(0);
        chunks.drop_first(0);
        (0..40).for_each(|t| chunks.push(Box::default(), Summary::from_iter([Sample { t, v: 1.0 }])));
        let start = (0..16).find(|i| chunks.group(*i).is_some()).unwrap();
        check(&chunks, &[start, start + 16].into_iter().filter(|i| i + 16 <= 40).collect::<Vec<_>>());
    }

    #[test]
    fn intervals_find_their_chunks() {
        let chunks = sealed(10..20);
        assert_eq!((chunks.between(0, 9), chunks.between(12, 14), chunks.between(20, 30)), (0..0, 2..5, 10..10));
        assert_eq!(chunks.between(14, 12), 4..4);
    }
}
