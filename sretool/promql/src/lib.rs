//! PromQL: parser and evaluator, pure: no clock, no network, no files.
//!
//! [`parse`] turns text into an [`Expr`]; an [`Engine`] evaluates it against a [`Queryable`] at one time or over a
//! range. Semantics follow Prometheus 3; [`Compat::V2_42`] gives those of Prometheus 2.42.

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
pub use histogram::{CUSTOM_SCHEMA, Histogram, ResetHint};
pub use labels::{Labels, METRIC_NAME, MatchOp, Matcher, is_label_name, is_metric_name};
pub use parser::parse;
pub use storage::{
    HistogramSample, Queryable, STALE_NAN_BITS, Sample, SelectHints, SeriesData, StartTimes, StorageError, is_stale,
    stale_nan,
};
pub use summary::{Summary, SummaryHints, SummaryVisitor};
pub use value::{MatrixSeries, Value, VectorSample};
