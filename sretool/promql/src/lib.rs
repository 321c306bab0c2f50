//! PromQL for programs: parser and evaluator, pure: no clock, no network, no files, no threads, no unsafe code.
//!
//! [`parse`] turns text into an [`Expr`]; an [`Engine`] evaluates it at one time or over a range, against whatever
//! implements [`Queryable`]: a time-series database, a scraped page, a vector in a test.
//!
//! ```
//! use promql::{Engine, Labels, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError, Value, parse};
//!
//! /// One counter with a sample every 15 seconds.
//! struct Page;
//!
//! impl Queryable for Page {
//!     fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
//!         let labels = Labels::new([("__name__", "requests_total"), ("job", "api")]);
//!         if !matchers.iter().all(|m| m.matches(labels.get(&m.name))) {
//!             return Ok(Vec::new());
//!         }
//!         let samples: Vec<_> = (0..21).map(|i| Sample { t: i * 15_000, v: 30.0 * i as f64 }).collect();
//!         let inside = samples.into_iter().filter(|s| (hints.min_t..=hints.max_t).contains(&s.t));
//!         Ok(vec![SeriesData::new(labels, inside.collect::<Vec<_>>())])
//!     }
//! }
//!
//! let expr = parse("sum by (job) (rate(requests_total[5m]))").expect("valid PromQL");
//! let evaluation = Engine::default().instant(&Page, &expr, 300_000).expect("an answer");
//! let Value::Vector(vector) = evaluation.value else { panic!("a vector") };
//! assert_eq!(vector[0].labels.to_string(), r#"{job="api"}"#);
//! assert!((vector[0].v - 2.0).abs() < 1e-12);
//!
//! let error = parse("sum by (job) (raet(requests_total[5m]))").expect_err("a typing error");
//! assert_eq!(error.remedy.as_deref(), Some("did you mean `rate`?"));
//! assert!(error.render("sum by (job) (raet(requests_total[5m]))").starts_with("1:15: unknown function"));
//! ```
//!
//! # What is covered
//! All of Prometheus 3.14: every function, operator, aggregation and modifier, subqueries, arithmetic of durations,
//! native histograms with exponential and custom buckets, start timestamps, and the experimental `info`, `fill`,
//! `anchored`, `smoothed` and trim operators; warnings and infos in Prometheus's words. The judge is the test suite of
//! Prometheus itself, which `cargo test -p promql` runs where `SRETOOL_REFERENCE` names a folder that holds it.
//! [`Compat::V2_42`] gives the semantics of Prometheus 2.42, judged by a live one.
//!
//! A string that is not UTF-8 is refused by a [`ParseErrorKind::Unsupported`] error that names it: nothing is evaluated
//! in part or in another sense.
//!
//! # Errors and limits
//! A [`ParseError`] knows line, column and span, what to write instead where that is natural, and draws a caret. An
//! evaluation reads and computes at most [`EngineOptions::max_samples`] samples, steps of a range included, and is
//! refused before it takes memory for more. Brackets nest up to a depth that any thread's stack holds. Regular
//! expressions take time linear in the text.
//!
//! # Numbers
//! Times are milliseconds since the Unix epoch, values `f64`. Sums and means compensate rounding errors as Prometheus
//! does, so that results agree to the last bit nearly always. A sample whose bits are [`STALE_NAN_BITS`] ends a series;
//! any other NaN is a value.

mod ast;
mod engine;
mod error;
mod functions;
mod histogram;
mod labels;
mod lexer;
mod parser;
mod quote;
mod storage;
mod summary;
mod value;

pub use ast::{
    AggregateExpr, AggregateOp, At, BinaryExpr, BinaryOp, Call, Cardinality, Duration, Expr, ExprKind, Extension, Fill,
    Grouping, Literal, MatrixSelector, SelectorRef, Span, Subquery, UnaryOp, ValueType, VectorMatching, VectorSelector,
};
pub use engine::{Compat, Engine, EngineOptions, EvalError, Evaluation};
pub use error::{ParseError, ParseErrorKind};
pub use functions::{FUNCTIONS, Function, Variadic};
pub use histogram::{Bucket, CUSTOM_SCHEMA, Histogram, ResetHint};
pub use labels::{Labels, METRIC_NAME, MatchOp, Matcher, is_label_name, is_metric_name};
pub use parser::parse;
pub use storage::{
    HistogramSample, Queryable, STALE_NAN_BITS, Sample, SelectHints, SeriesData, StartTimes, StorageError, is_stale,
    stale_nan,
};
pub use summary::{Summary, SummaryHints, SummaryVisitor};
pub use value::{MatrixSeries, Value, VectorSample};
