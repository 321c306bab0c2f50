//! Which queries a report needs, and the answers to them.

use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::windows::BurnWindows;
use promql::Value;
use std::collections::BTreeMap;

/// Which number a query yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Number of good events.
    Good,
    /// Number of bad events.
    Bad,
    /// Number of events.
    Total,
    /// Ratio of good or of bad events, as the SLO's [`Sli::Raw`] says.
    Ratio,
}

/// One instant query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedQuery {
    /// The window that it covers, ending at the time of evaluation.
    pub window: Window,
    /// What it yields.
    pub part: Part,
    /// The expression.
    pub expr: String,
}

/// The queries of an SLO's report: its period and every window of a burn-rate condition.
pub fn plan(slo: &Slo, burn: &BurnWindows) -> Vec<PlannedQuery> {
    let mut windows = burn.all();
    windows.push(slo.period);
    windows.sort_unstable();
    windows.dedup();
    windows.into_iter().flat_map(|window| over(slo, window)).collect()
}

fn over(slo: &Slo, window: Window) -> Vec<PlannedQuery> {
    let parts = match &slo.sli {
        Sli::GoodTotal(pair) => vec![(Part::Good, &pair.part), (Part::Total, &pair.total)],
        Sli::BadTotal(pair) => vec![(Part::Bad, &pair.part), (Part::Total, &pair.total)],
        Sli::Raw { query, .. } => vec![(Part::Ratio, query)],
    };
    parts.into_iter().map(|(part, query)| PlannedQuery { window, part, expr: query.over(window) }).collect()
}

/// Why an answer is not one number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Several series.
    #[error("the query yields {count} series, but must yield one: {expr}")]
    SeveralSeries {
        /// How many.
        count: usize,
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

/// The answers to an SLO's planned queries. What has no answer has no data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers(BTreeMap<(Window, Part), f64>);

impl Answers {
    /// Notes the answer to a query. An empty vector and a value that is no number are no data.
    ///
    /// # Errors
    /// When the answer is not one number.
    pub fn record(&mut self, query: &PlannedQuery, value: &Value) -> Result<(), AnswerError> {
        let number = match value {
            Value::Scalar(sample) => Some(sample.v),
            Value::Vector(samples) => match samples.as_slice() {
                [] => None,
                [sample] => Some(sample.v),
                several => {
                    let (count, expr) = (several.len(), query.expr.clone());
                    return Err(AnswerError::SeveralSeries { count, expr });
                }
            },
            Value::Matrix(_) | Value::String(..) => {
                return Err(AnswerError::WrongType { expr: query.expr.clone() });
            }
        };
        if let Some(number) = number.filter(|number| number.is_finite()) {
            self.0.insert((query.window, query.part), number);
        }
        Ok(())
    }

    /// The number that answers a query.
    pub fn get(&self, window: Window, part: Part) -> Option<f64> {
        self.0.get(&(window, part)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use promql::{Labels, Sample, VectorSample};

    const SLO: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: shop
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: ok}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: prometheus, spec: {query: 'errors_total{job="shop"}'}}}
        total: {metricSource: {type: prometheus, spec: {query: requests_total}}}
"#;

    #[test]
    fn plans_every_window_once() {
        let catalog = Catalog::load([("a.yaml", SLO)]);
        assert_eq!(catalog.findings, []);
        let queries = plan(&catalog.slos[0], &BurnWindows::workbook());
        assert_eq!(queries.len(), 16);
        assert_eq!(queries[0].expr, "sum(increase(errors_total{job=\"shop\"}[5m]))");
        assert_eq!(queries[15].expr, "sum(increase(requests_total[30d]))");
        assert_eq!((queries[15].window, queries[15].part), (Window::days(30), Part::Total));
        let raw = SLO.split("        counter").next().unwrap().to_owned()
            + "        rawType: success\n        raw: {metricSource: {spec: {query: 'avg(x[$window])'}}}\n";
        let catalog = Catalog::load([("a.yaml", raw.replace("avg(", "avg_over_time(").as_str())]);
        assert_eq!(plan(&catalog.slos[0], &BurnWindows::workbook())[0].expr, "avg_over_time(x[5m])");
    }

    #[test]
    fn only_one_number_is_an_answer() {
        let query = PlannedQuery { window: Window::hours(1), part: Part::Total, expr: "x".into() };
        let sample = |v| VectorSample::new(Labels::default(), 0, v);
        let mut answers = Answers::default();
        let recorded = |answers: &mut Answers, value| {
            answers.record(&query, &value)?;
            Ok::<_, AnswerError>(answers.get(query.window, query.part))
        };
        assert_eq!(recorded(&mut answers, Value::Vector(vec![])), Ok(None));
        assert_eq!(recorded(&mut answers, Value::Vector(vec![sample(f64::NAN)])), Ok(None));
        assert_eq!(recorded(&mut answers, Value::Vector(vec![sample(2.0)])), Ok(Some(2.0)));
        assert_eq!(recorded(&mut answers, Value::Scalar(Sample { t: 0, v: 3.0 })), Ok(Some(3.0)));
        let several = recorded(&mut answers, Value::Vector(vec![sample(1.0), sample(2.0)]));
        assert_eq!(several, Err(AnswerError::SeveralSeries { count: 2, expr: "x".into() }));
        assert!(recorded(&mut answers, Value::String(0, "x".into())).is_err());
    }
}
