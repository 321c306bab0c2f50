//! Summaries of windows over a series, from those of its chunks.

use crate::chunk::CHUNK_SAMPLES;
use crate::series::Series;
use promql::{Sample, Summary, SummaryHints};

/// The chunks that the bounds of windows cut, decompressed: neighbouring windows cut the same ones.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    slots: [(usize, Vec<Sample>); 2],
    /// The slot that was filled longer ago.
    older: usize,
    filled: usize,
}

impl Edges {
    /// Forgets everything, for another series.
    pub(crate) fn clear(&mut self) {
        (self.filled, self.older) = (0, 0);
    }

    /// The samples of a chunk, which `decode` yields where they are not at hand.
    fn get(&mut self, chunk: usize, decode: impl FnOnce(&mut Vec<Sample>)) -> &[Sample] {
        let known = self.slots[..self.filled].iter().position(|(of, _)| *of == chunk);
        let slot = known.unwrap_or_else(|| {
            let slot = self.older;
            self.older = 1 - slot;
            self.filled = (self.filled + 1).min(2);
            self.slots[slot].0 = chunk;
            self.slots[slot].1.clear();
            decode(&mut self.slots[slot].1);
            slot
        });
        &self.slots[slot].1
    }
}

impl Series {
    /// The summary of the samples of a closed interval. Only chunks that a bound cuts, or into which late samples
    /// fall, are decompressed.
    pub(crate) fn summarize(&self, min_t: i64, max_t: i64, edges: &mut Edges) -> Summary {
        let mut window = Window { summary: Summary::EMPTY, late: self.late(min_t, max_t), min_t, max_t };
        let sealed = self.sealed();
        let range = sealed.between(min_t, max_t);
        let mut i = range.start;
        while i < range.end {
            let chunk = &sealed.summaries()[i];
            window.late_before(chunk.first_t);
            if let Some((group, next)) = sealed.group(i)
                && next <= range.end
                && window.covers(group)
            {
                window.summary.join(group);
                i = next;
                continue;
            }
            if window.covers(chunk) {
                window.summary.join(chunk);
            } else {
                window.add(edges.get(i, |out| sealed.read(i, out)));
            }
            i += 1;
        }
        if let Some(open) = self.open()
            && open.summary().first_t <= max_t
            && open.summary().last_t >= min_t
        {
            window.late_before(open.summary().first_t);
            if window.covers(open.summary()) {
                window.summary.join(open.summary());
            } else {
                window.add(edges.get(sealed.len(), |out| out.extend(open.samples())));
            }
        }
        window.late_before(i64::MAX);
        window.summary
    }

    /// What it costs to answer windows by reading all samples, and by summaries, in about nanoseconds.
    pub(crate) fn costs(&self, hints: SummaryHints<'_>) -> (u64, u64) {
        let (Some(first), Some(last)) = (hints.windows.first(), hints.windows.last()) else { return (0, 0) };
        let samples = self.count_at_most(first.0, last.1) as u64;
        let windows = hints.windows.len() as u64;
        let width = |from: i64, to: i64| to.saturating_sub(from).unsigned_abs().max(1);
        let share = width(first.0, first.1) as f64 / width(first.0, last.1) as f64;
        let in_window = (samples as f64 * share) as u64;
        let chunk = u64::from(CHUNK_SAMPLES);
        let decode = 12;
        let sliding = if hints.sliding { 8 } else { 3 * in_window };
        let joins = in_window / chunk;
        let edges = (2 * windows).min(samples / chunk + 1) * chunk;
        let joined = 4 * in_window.min(chunk) + 8 * (joins / 16 + joins.min(32)) + 40;
        (samples * decode + windows * sliding, edges * decode + windows * joined)
    }
}

/// A window while it is filled, in order of time.
struct Window<'a> {
    summary: Summary,
    /// Late samples in the window that are not in the summary yet.
    late: &'a [Sample],
    min_t: i64,
    max_t: i64,
}

impl Window<'_> {
    /// Whether a run lies in the window, and no late sample in the run.
    fn covers(&self, run: &Summary) -> bool {
        let inside = self.min_t <= run.first_t && run.last_t <= self.max_t;
        inside && self.late.first().is_none_or(|s| s.t > run.last_t)
    }

    fn late_before(&mut self, t: i64) {
        while let Some((first, rest)) = self.late.split_first().filter(|(first, _)| first.t < t) {
            self.summary.add(*first);
            self.late = rest;
        }
    }

    fn add(&mut self, samples: &[Sample]) {
        let from = samples.partition_point(|s| s.t < self.min_t);
        let to = samples.partition_point(|s| s.t <= self.max_t);
        for sample in samples.get(from..to).unwrap_or_default() {
            self.late_before(sample.t);
            self.summary.add(*sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::stale_nan;
    use proptest::prelude::*;

    /// Compares a window's summary with that of the samples in it.
    fn check(series: &Series, min_t: i64, max_t: i64, edges: &mut Edges) -> Result<(), TestCaseError> {
        let mut samples = Vec::new();
        series.read(min_t, max_t, &mut samples);
        let expected: Summary = samples.into_iter().collect();
        // Texts, because NaN is not equal to itself. Whole numbers, so that sums are exact in any order.
        let found = series.summarize(min_t, max_t, edges);
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"), "from {} to {}", min_t, max_t);
        Ok(())
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            12 => (0..1000_i32).prop_map(f64::from),
            1 => Just(f64::NAN),
            1 => Just(stale_nan()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn windows_are_what_their_samples_are(
            runs in prop::collection::vec((1..50_i64, prop::collection::vec(value(), 1..400), 1..5_000_i64), 1..20),
            late in prop::collection::vec((0..60_000_i64, value()), 0..40),
            dropped in 0..20_000_i64,
            cuts in prop::collection::vec((0..80_000_i64, 0..60_000_i64), 12),
        ) {
            let mut series = Series::default();
            let mut t = 0;
            for (step, values, gap) in runs {
                for v in values {
                    t += step;
                    series.append(Sample { t, v }, i64::MAX).expect("in order");
                }
                t += gap;
            }
            for (t, v) in late {
                // A time that is taken is refused, which is as good here.
                let _ = series.append(Sample { t, v }, i64::MAX);
            }
            series.truncate(dropped);
            let mut edges = Edges::default();
            check(&series, i64::MIN, i64::MAX, &mut edges)?;
            for (start, width) in cuts {
                edges.clear();
                // Sliding windows share decompressed chunks.
                for i in 0..4 {
                    check(&series, start + i * 100, start + i * 100 + width, &mut edges)?;
                }
            }
        }
    }

    #[test]
    fn long_windows_are_summarised_and_short_ones_that_overlap_are_read() {
        let mut series = Series::default();
        (0..100_000).for_each(|t| assert!(series.append(Sample { t: t * 15_000, v: 1.0 }, 0).is_ok()));
        let summarised = |range: i64, step: i64, count: i64, sliding| {
            let window = |i| (1_000_000_000 - range + i * step, 1_000_000_000 + i * step);
            let windows: Vec<_> = (0..count).map(window).collect();
            let (read, summed) = series.costs(SummaryHints { windows: &windows, sliding });
            summed < read
        };
        let (minute, day) = (60_000, 86_400_000);
        assert!(!summarised(5 * minute, 15_000, 1_000, true));
        assert!(!summarised(60 * minute, 15_000, 1_000, true));
        assert!(summarised(7 * day, 15_000, 1_000, false));
        assert!(summarised(10 * day, 360 * minute, 20, true));
    }
}
