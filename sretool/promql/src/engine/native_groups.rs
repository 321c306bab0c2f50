//! Sums and means of groups of series that hold histograms.

use super::aggregate::Group;
use super::annotations::Note;
use super::data::{ABSENT, Column, Grid, Series, present};
use super::evaluator::Evaluator;
use crate::ast::{AggregateOp, Span};
use crate::histogram::{Histogram, Incompatible, Mean, Merge, ResetHint, Total};
use std::sync::Arc;

/// A sum or a mean under way.
enum Joining {
    Sum(Total),
    Mean(Box<Mean>),
}

impl Joining {
    fn of(op: AggregateOp, h: &Histogram) -> Self {
        if op == AggregateOp::Avg { Self::Mean(Box::new(Mean::of(h))) } else { Self::Sum(Total::of(h)) }
    }

    fn add(&mut self, h: &Histogram) -> Result<Merge, Incompatible> {
        match self {
            Self::Sum(total) => total.add(h),
            Self::Mean(mean) => mean.add(h),
        }
    }

    fn value(self) -> Histogram {
        match self {
            Self::Sum(total) => total.value(),
            Self::Mean(mean) => mean.value(),
        }
    }
}

impl Evaluator<'_> {
    /// Adds to the sums or means of numbers those of histograms. Where a group has both, neither is left.
    pub fn join_groups(
        &mut self,
        op: AggregateOp,
        span: Span,
        input: &[Series],
        groups: &[Group],
        results: &mut [Series],
        grid: Grid,
    ) {
        for (group, result) in groups.iter().zip(results) {
            if group.members.iter().all(|m| input[*m].histograms.is_empty()) {
                continue;
            }
            let mut column = Column::new();
            for i in 0..grid.len {
                let histograms = || group.members.iter().filter_map(|m| Some((*m, input[*m].histogram(i)?)));
                if histograms().next().is_none() {
                    continue;
                }
                if present(result.values[i]) {
                    self.notes.note(Note::MixedGroup, span);
                    result.values[i] = ABSENT;
                    continue;
                }
                if let Some(h) = self.join(op, span, input, histograms()) {
                    column.resize(grid.len, None);
                    column[i] = Some(Arc::new(h.compacted()));
                }
            }
            result.histograms = column;
        }
    }

    fn join<'h>(
        &mut self,
        op: AggregateOp,
        span: Span,
        input: &[Series],
        mut histograms: impl Iterator<Item = (usize, &'h Arc<Histogram>)>,
    ) -> Option<Histogram> {
        let (_, first) = histograms.next()?;
        let mut joining = Joining::of(op, first);
        let mut hints = [ResetHint::Reset, ResetHint::NotReset].map(|hint| first.reset_hint == hint);
        for (member, h) in histograms {
            hints[0] |= h.reset_hint == ResetHint::Reset;
            hints[1] |= h.reset_hint == ResetHint::NotReset;
            let Ok(merge) = joining.add(h) else {
                self.notes.note(Note::MixedSchemas(input[member].labels.metric_name()), span);
                return None;
            };
            if merge.bounds_reconciled {
                self.notes.note(Note::BoundsReconciled("aggregation"), span);
            }
        }
        if hints == [true; 2] {
            self.notes.note(Note::ResetCollision("aggregation"), span);
        }
        Some(joining.value())
    }
}
