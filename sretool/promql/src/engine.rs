//! Evaluates expressions.

mod aggregate;
mod annotations;
mod binary;
mod calls;
mod data;
mod dates;
mod evaluator;
mod extended;
mod fill;
mod histogram;
mod info;
mod label_calls;
mod limit_ratio;
pub(crate) mod math;
mod names;
mod native;
mod native_binary;
mod native_groups;
mod native_rates;
mod native_windows;
mod over_time;
mod rank;
mod rates;
mod select;
mod sets;
mod sliding;
mod smoothed;
mod subquery;
mod summaries;
mod windows;

pub(crate) use annotations::number;

use crate::ast::{Expr, ValueType};
use crate::storage::{Queryable, Sample, StorageError};
use crate::value::Value;
use data::Grid;
use evaluator::Evaluator;

/// Which Prometheus the semantics follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Compat {
    /// Prometheus 3: ranges exclude their left bound, `__name__` is dropped at the end of a query.
    #[default]
    V3,
    /// Prometheus 2.42: ranges include their left bound, `__name__` is dropped at once.
    V2_42,
}

/// Settings of an [`Engine`].
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// How long a sample stands for its series, in milliseconds; Prometheus takes five minutes.
    pub lookback_ms: i64,
    /// Which Prometheus to follow.
    pub compat: Compat,
    /// How many samples a query may read and compute before it is refused.
    pub max_samples: usize,
    /// Step of a subquery that gives none, in milliseconds; Prometheus takes its evaluation interval.
    pub default_step_ms: i64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { lookback_ms: 300_000, compat: Compat::V3, max_samples: 50_000_000, default_step_ms: 60_000 }
    }
}

/// The result of a query and what should be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The result.
    pub value: Value,
    /// Things that are probably wrong, with their place in the expression.
    pub warnings: Vec<String>,
    /// Things worth knowing, with their place in the expression.
    pub infos: Vec<String>,
}

/// Why a query could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The query is too large.
    #[error(
        "query processing would load too many samples into memory (limit {limit}): narrow its selectors, range or step"
    )]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// The store could not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The series of a binary operation do not match as it requires.
    #[error("{0}")]
    Matching(String),
    /// Two series of a result have the same labels.
    #[error("vector cannot contain metrics with the same labelset")]
    DuplicateLabels,
    /// An argument has a value that the function cannot use.
    #[error("{0}")]
    Argument(String),
    /// A duration came out as zero, negative, infinite or too long.
    #[error("{line}:{column}: {message}")]
    Duration {
        /// What is wrong with it.
        message: String,
        /// Line of its expression.
        line: u32,
        /// Column of its expression.
        column: u32,
    },
    /// The expression's type has no place in this kind of query.
    #[error("{0}")]
    Type(String),
    /// The range's bounds or step make no sense.
    #[error("{0}")]
    Range(String),
}

/// Evaluates expressions against a store. Cheap to make and to share.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with settings.
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// Its settings.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates at one time, in milliseconds since the Unix epoch.
    ///
    /// A vector comes in the order of `sort` and `topk` where these made it, else in no promised order.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn instant(&self, store: &dyn Queryable, expr: &Expr, at_ms: i64) -> Result<Evaluation, EvalError> {
        let grid = Grid { start: at_ms, step: 0, len: 1 };
        let mut evaluator = Evaluator::new(store, self.options, grid);
        let value = match expr.value_type() {
            ValueType::Matrix => Value::Matrix(evaluator.range_vector(expr, grid)?),
            _ => evaluator.evaluate(expr, grid)?.into_instant(at_ms),
        };
        Ok(evaluator.finish(value))
    }

    /// Evaluates at `start_ms`, then every `step_ms` up to `end_ms` (milliseconds since the Unix epoch); yields a
    /// matrix in order of labels.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn range(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Evaluation, EvalError> {
        if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
            let message = format!(
                "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                expr.value_type().as_str()
            );
            return Err(EvalError::Type(message));
        }
        let grid = Grid::of_range(start_ms, end_ms, step_ms)?;
        let mut evaluator = Evaluator::new(store, self.options, grid);
        let value = evaluator.evaluate(expr, grid)?.into_range(grid);
        Ok(evaluator.finish(value))
    }
}

impl Value {
    /// Number of samples it holds.
    pub fn sample_count(&self) -> usize {
        match self {
            Self::Scalar(Sample { .. }) => 1,
            Self::String(..) => 0,
            Self::Vector(samples) => samples.len(),
            Self::Matrix(series) => series.iter().map(|s| s.samples.len() + s.histograms.len()).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Matcher;
    use crate::storage::{SelectHints, SeriesData};

    /// A store without series.
    pub(super) struct Empty;

    impl Queryable for Empty {
        fn select(&self, _: &[Matcher], _: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let error = EvalError::TooManySamples { limit: 5 }.to_string();
        assert!(error.contains("limit 5") && error.contains("narrow"), "{error}");
        let storage = EvalError::from(StorageError::Other("closed".into()));
        assert_eq!(storage.to_string(), "closed");
    }

    #[test]
    fn options_are_those_of_prometheus_unless_set() {
        let options = *Engine::default().options();
        assert_eq!((options.lookback_ms, options.compat), (300_000, Compat::V3));
        let other = Engine::new(EngineOptions { lookback_ms: 1, ..options });
        assert_eq!(other.options().lookback_ms, 1);
    }

    #[test]
    fn evaluations_compare() {
        let run = |src: &str| Engine::default().instant(&Empty, &crate::parse(src).unwrap(), 0).unwrap();
        assert_eq!(run("1 + 1"), run("2"));
        assert_ne!(run("1"), run("2"));
        assert_eq!(run("absent(a)").value.sample_count(), 1);
        assert_eq!(run("'text'").value.sample_count(), 0);
    }
}
