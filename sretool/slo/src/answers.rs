//! The answers to a report's queries.

use crate::catalog::{Sli, Slo};
use crate::plan::{Part, PlannedQuery, Target};
use promql::{Labels, Value};
use std::collections::BTreeMap;

/// Why an answer is not one number for each group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Several series.
    #[error("the query yields {count} series {what}, but must yield one: {expr}")]
    SeveralSeries {
        /// How many.
        count: usize,
        /// Of which group, where there are groups.
        what: String,
        /// The query.
        expr: String,
    },
    /// A matrix or a string.
    #[error("the query must yield an instant vector: {expr}")]
    WrongType {
        /// The query.
        expr: String,
    },
}

/// The values of the labels that an objective is grouped by, in their order; empty without groups.
pub(crate) type Group = Vec<String>;

/// Numbers by time, in milliseconds since the Unix epoch.
type Points = BTreeMap<i64, f64>;

/// One interval's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
struct Piece {
    interval: (i64, i64),
    parts: BTreeMap<Part, Points>,
}

/// What happened in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Bad events, bad slices, or the bad share of a raw ratio's time.
    pub(crate) bad: f64,
    /// All of them.
    pub(crate) total: f64,
    /// Whether `bad` and `total` are numbers of something; a raw ratio has neither.
    pub(crate) counted: bool,
}

impl Tally {
    pub(crate) fn bad_ratio(self) -> f64 {
        self.bad / self.total
    }

    fn add(&mut self, other: Self) {
        *self = Self { bad: self.bad + other.bad, total: self.total + other.total, counted: other.counted };
    }
}

/// The answers to an SLO's planned queries. What has no answer has no data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers(BTreeMap<Group, BTreeMap<Target, BTreeMap<usize, Piece>>>);

impl Answers {
    /// Notes the answer to a query. An empty vector and a value that is no number are no data.
    ///
    /// # Errors
    /// When the answer is not one number for each group.
    pub fn record(&mut self, slo: &Slo, query: &PlannedQuery, value: &Value) -> Result<(), AnswerError> {
        let series: Vec<(Group, Points)> = match value {
            Value::Scalar(sample) => vec![(Group::new(), Points::from([(sample.t, sample.v)]))],
            Value::Vector(samples) => {
                let one =
                    |sample: &promql::VectorSample| (group(slo, &sample.labels), Points::from([(sample.t, sample.v)]));
                samples.iter().map(one).collect()
            }
            Value::Matrix(series) => {
                let one = |series: &promql::MatrixSeries| {
                    (group(slo, &series.labels), series.samples.iter().map(|sample| (sample.t, sample.v)).collect())
                };
                series.iter().map(one).collect()
            }
            Value::String(..) => return Err(AnswerError::WrongType { expr: query.expr.clone() }),
        };
        for (own, mut points) in series {
            let count = self.count_before(&own, query);
            if count {
                return Err(several(slo, &own, query, value));
            }
            points.retain(|_, v| v.is_finite());
            let piece = self.0.entry(own).or_default().entry(query.target).or_default().entry(query.piece).or_default();
            piece.interval = query.interval;
            piece.parts.insert(query.part, points);
        }
        Ok(())
    }

    /// Whether a number for the group has been noted already.
    fn count_before(&self, group: &Group, query: &PlannedQuery) -> bool {
        let piece = self.0.get(group).and_then(|targets| targets.get(&query.target)?.get(&query.piece));
        piece.is_some_and(|piece| piece.parts.contains_key(&query.part))
    }

    /// The groups that any query has answered for.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.0.keys()
    }

    /// What happened in a target's time; `None` without events.
    pub(crate) fn tally(&self, slo: &Slo, group: &Group, target: Target) -> Option<Tally> {
        let pieces = self.0.get(group)?.get(&target)?;
        let mut whole = Tally::default();
        for piece in pieces.values() {
            let step = |part: Part| piece.parts.get(&part).and_then(|points| points.values().next()).copied();
            if let Some(tally) = tally(slo, step, piece.interval) {
                whole.add(tally);
            }
        }
        (whole.total > 0.0).then_some(whole)
    }

    /// What happened in each step of a target that has steps, by their ends.
    pub(crate) fn steps(&self, slo: &Slo, group: &Group, target: Target) -> BTreeMap<i64, Tally> {
        let mut found = BTreeMap::new();
        let Some(pieces) = self.0.get(group).and_then(|targets| targets.get(&target)) else { return found };
        for piece in pieces.values() {
            let times: std::collections::BTreeSet<_> = piece.parts.values().flat_map(|points| points.keys()).collect();
            for time in times {
                let step = |part: Part| piece.parts.get(&part).and_then(|points| points.get(time)).copied();
                found.extend(tally(slo, step, piece.interval).map(|tally| (*time, tally)));
            }
        }
        found
    }
}

fn group(slo: &Slo, labels: &Labels) -> Group {
    slo.group_by.iter().map(|label| labels.get(label).to_owned()).collect()
}

fn several(slo: &Slo, own: &Group, query: &PlannedQuery, value: &Value) -> AnswerError {
    let count = match value {
        Value::Vector(samples) => samples.iter().filter(|sample| group(slo, &sample.labels) == *own).count(),
        Value::Matrix(series) => series.iter().filter(|series| group(slo, &series.labels) == *own).count(),
        Value::Scalar(_) | Value::String(..) => 1,
    };
    let pairs: Vec<_> = slo.group_by.iter().zip(own).map(|(label, value)| format!("{label}={value:?}")).collect();
    let what = if pairs.is_empty() { "in all".to_owned() } else { format!("of {}", pairs.join(", ")) };
    AnswerError::SeveralSeries { count, what, expr: query.expr.clone() }
}

/// One interval's tally from its numbers; `None` without events.
fn tally(slo: &Slo, number: impl Fn(Part) -> Option<f64>, (start, end): (i64, i64)) -> Option<Tally> {
    if let Sli::Raw { success, .. } = slo.sli {
        let ratio = number(Part::Ratio)?.clamp(0.0, 1.0);
        let bad = if success { 1.0 - ratio } else { ratio };
        // Without a number of events, every second weighs the same.
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any period are far below 2^53")]
        let total = (end - start) as f64;
        return Some(Tally { bad: bad * total, total, counted: false });
    }
    let total = number(Part::Total).filter(|total| *total > 0.0)?;
    let bad = match (number(Part::Bad), number(Part::Good)) {
        (Some(bad), _) => bad,
        (None, good) if matches!(slo.sli, Sli::GoodTotal(_)) => total - good.unwrap_or(0.0),
        (None, _) => 0.0,
    };
    // `increase` extrapolates each series on its own, so that a part may exceed the whole by a little.
    Some(Tally { bad: bad.clamp(0.0, total), total, counted: true })
}
