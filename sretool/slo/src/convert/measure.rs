//! What an objective measures, as far as formats agree.

use crate::model::{Metric, MetricSource, Objective, Operator};
use crate::query::{EventQuery, QueryForm};
use promql::{AggregateOp, ExprKind};

/// A measurement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measure {
    /// Two counts, as they are written: bare selectors or expressions with a window.
    Events { part: MetricSource, part_is_good: bool, total: MetricSource, counter: bool },
    /// A ratio.
    Raw { query: MetricSource, success: bool },
    /// A value and its limit.
    Threshold { query: MetricSource, limit: Option<(Operator, f64)> },
    /// A gauge of 0 and 1.
    BoolGauge(MetricSource),
    /// A native histogram and its limit.
    Native { histogram: MetricSource, limit: f64 },
}

impl Measure {
    pub(super) fn of(metric: &Metric, objective: &Objective) -> Self {
        match metric.clone() {
            Metric::GoodTotal { counter, good, total } => {
                Self::Events { part: good, part_is_good: true, total, counter }
            }
            Metric::BadTotal { counter, bad, total } => Self::Events { part: bad, part_is_good: false, total, counter },
            Metric::Raw { success, raw } => Self::Raw { query: raw, success },
            Metric::Threshold(query) => Self::Threshold { query, limit: objective.op.zip(objective.value) },
            Metric::BoolGauge(gauge) => Self::BoolGauge(gauge),
            Metric::NativeLatency { histogram, limit } => Self::Native { histogram, limit },
        }
    }

    /// Its queries that count events with the window left open: the part, whether that is the good one, and the total.
    pub(super) fn counts(&self, by: &[String]) -> Option<(String, bool, String)> {
        let query = |source: &MetricSource, form| {
            let form = source.histogram.map_or(form, QueryForm::Histogram);
            EventQuery::new(source.query.as_deref()?, form, by).ok().map(|query| query.template())
        };
        let histogram = |native, le| QueryForm::Histogram(crate::model::HistogramUse { native, le });
        match self {
            Self::Events { part, part_is_good, total, counter } => {
                let form = if *counter { QueryForm::Counter } else { QueryForm::Delta };
                Some((query(part, form)?, *part_is_good, query(total, form)?))
            }
            Self::Raw { .. } => None,
            Self::Threshold { query, limit } => {
                let (op, value) = (*limit)?;
                let [good, total] = EventQuery::threshold(query.query.as_deref()?, op, value, by).ok()?;
                Some((good.template(), true, total.template()))
            }
            Self::BoolGauge(gauge) => Some((query(gauge, QueryForm::Delta)?, true, query(gauge, QueryForm::Samples)?)),
            Self::Native { histogram: source, limit } => {
                Some((query(source, histogram(true, Some(*limit)))?, true, query(source, histogram(true, None))?))
            }
        }
    }

    /// The query of a ratio.
    pub(super) fn ratio(&self) -> Option<(String, bool)> {
        match self {
            Self::Raw { query, success } => Some((query.query.clone()?, *success)),
            _ => None,
        }
    }
}

/// The counters that a query sums the increase of, if it does nothing else.
pub(super) fn counters(source: &MetricSource) -> Option<String> {
    if source.histogram.is_some() {
        let query = EventQuery::new(source.query.as_deref()?, QueryForm::Histogram(source.histogram?), &[]).ok()?;
        return query.counters().map(str::to_owned);
    }
    let text = source.query.as_deref()?.trim();
    let probe = crate::sloth::counts::probe(text)?;
    let parsed = promql::parse(&probe).ok()?;
    let aggregate = match parsed.unparenthesized().kind.clone() {
        ExprKind::Vector(_) => return Some(text.to_owned()),
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::Sum => aggregate,
        _ => return None,
    };
    match &aggregate.expr.unparenthesized().kind {
        ExprKind::Call(call) if call.function.name == "increase" => match &call.args.first()?.kind {
            ExprKind::Matrix(matrix) => Some(matrix.selector.to_string()),
            _ => None,
        },
        _ => None,
    }
}
