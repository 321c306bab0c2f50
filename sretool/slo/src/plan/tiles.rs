//! Numbers of events that the generated rules have recorded, and whether they can be relied on.

use super::{Part, PlannedQuery, Target, When, period};
use crate::catalog::{Sli, Slo};
use promql::Value;

/// Length of a recorded window.
pub(super) const TILE_MS: i64 = 300_000;

const EVENTS: &str = "slo:sli_events:increase5m";
const ERRORS: &str = "slo:sli_errors:increase5m";

/// Recorded numbers of events without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// End of the first tile, milliseconds since the Unix epoch.
    pub first_ms: i64,
    /// End of the last.
    pub last_ms: i64,
    /// How much later the multiples of five minutes are at which they are looked at.
    pub(crate) age_ms: i64,
}

impl Tiles {
    /// The part of an interval that whole tiles cover.
    pub(super) fn within(&self, start: i64, end: i64) -> Option<(i64, i64)> {
        let up = |t: i64| self.first_ms + (t - self.first_ms + TILE_MS - 1).div_euclid(TILE_MS) * TILE_MS;
        let down = |t: i64| self.first_ms + (t - self.first_ms).div_euclid(TILE_MS) * TILE_MS;
        let (from, to) = (up(start).max(self.first_ms - TILE_MS), down(end).min(self.last_ms));
        (from < to).then_some((from, to))
    }
}

/// Queries that tell whether the recorded numbers cover a period, and their answers.
#[derive(Clone, Debug)]
pub struct TilesProbe {
    at_ms: i64,
    first: Vec<(Vec<String>, f64)>,
    last: Vec<(Vec<String>, f64)>,
    count: Vec<(Vec<String>, f64)>,
    by: Vec<String>,
}

/// The selector of a recorded series.
fn series(slo: &Slo, name: &str) -> String {
    format!("{name}{{sloth_id={:?}, sloth_service={:?}, sloth_slo={:?}}}", slo.id, slo.service, slo.name)
}

/// The recorded series and what each holds.
pub(super) fn recorded_series(slo: &Slo) -> [(Part, String); 2] {
    [(Part::Bad, series(slo, ERRORS)), (Part::Total, series(slo, EVENTS))]
}

/// Their values at a time.
pub(super) fn recorded(slo: &Slo) -> [(Part, String); 2] {
    recorded_series(slo).map(|(part, series)| (part, format!("sum{}({series})", slo.by())))
}

/// Asks whether the generated rules have recorded the period's events; nothing to ask where no rule records them.
pub fn probe(slo: &Slo, at_ms: i64) -> Option<(TilesProbe, Vec<PlannedQuery>)> {
    let counted = matches!(slo.sli, Sli::GoodTotal(_) | Sli::BadTotal(_)) && slo.slices.is_none();
    let (start, _) = period(slo, at_ms).filter(|_| counted)?;
    let at = at_ms.div_euclid(TILE_MS) * TILE_MS;
    let range = crate::duration::Window::from_millis(u64::try_from(at - start).ok().filter(|ms| *ms > 0)?);
    // Errors are recorded from the recorded events: where there are those, there are these.
    let (errors, by) = (series(slo, ERRORS), slo.by());
    let exprs = [
        format!("min{by}(min_over_time(timestamp({errors})[{range}:5m]))"),
        format!("max{by}(timestamp({errors}))"),
        format!("sum{by}(count_over_time({errors}[{range}:5m]))"),
    ];
    let query = |(piece, expr)| PlannedQuery {
        target: Target::Period,
        piece,
        interval: (start, at),
        part: Part::Total,
        expr,
        when: When::At(at),
    };
    let queries = exprs.into_iter().enumerate().map(query).collect();
    let none = Vec::new;
    let probe = TilesProbe { at_ms: at, first: none(), last: none(), count: none(), by: slo.group_by.clone() };
    Some((probe, queries))
}

impl TilesProbe {
    /// Notes the answer to one of the queries.
    pub fn record(&mut self, query: &PlannedQuery, value: &Value) {
        let Value::Vector(samples) = value else { return };
        let group = |sample: &promql::VectorSample| {
            let values: Vec<String> = self.by.iter().map(|label| sample.labels.get(label).to_owned()).collect();
            (values, sample.v)
        };
        let mut found: Vec<_> = samples.iter().map(group).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        match query.piece {
            0 => self.first = found,
            1 => self.last = found,
            _ => self.count = found,
        }
    }

    /// The recorded numbers, if every group has one for every five minutes from its first to the last.
    pub fn tiles(&self) -> Option<Tiles> {
        let groups = |of: &[(Vec<String>, f64)]| of.iter().map(|(group, _)| group.clone()).collect::<Vec<_>>();
        let all = groups(&self.first);
        if all.is_empty() || [&self.last, &self.count].iter().any(|of| groups(of) != all) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 in milliseconds are far below 2^63")]
        let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
        let last_ms = ms(self.last.first()?.1);
        let complete = (0..all.len()).all(|i| {
            let first_ms = ms(self.first[i].1);
            let span = last_ms - first_ms;
            #[expect(clippy::cast_precision_loss, reason = "there are far fewer tiles than 2^53")]
            let expected = (span / TILE_MS + 1) as f64;
            ms(self.last[i].1) == last_ms && span % TILE_MS == 0 && (self.count[i].1 - expected).abs() < 0.5
        });
        let first_ms = self.first.iter().map(|(_, seconds)| ms(*seconds)).min()?;
        complete.then_some(Tiles { first_ms, last_ms, age_ms: self.at_ms - last_ms })
    }
}
