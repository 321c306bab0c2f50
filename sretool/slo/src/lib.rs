//! Service level objectives: OpenSLO documents, error budgets, generated rules.
//!
//! - [`openslo::parse`] reads documents and reports findings with file, line and column; [`Catalog`] gathers them
//!   over files and resolves references into [`Slo`]s.
//! - [`plan`] says which PromQL queries a report needs; [`evaluate`] turns their answers into an [`SloReport`].
//! - [`generate`] writes the recording and alerting rules, with sloth's names and labels.
//!
//! # Queries
//! A `metricSource` of type `prometheus` holds its expression under `spec.query`, in one of two forms:
//!
//! - **A bare selector**, such as `http_requests_total{status=~"5.."}`. With `counter: true` the events of a window
//!   are `sum(increase(SELECTOR[WINDOW]))`; with `counter: false` every sample counts events since the last one, and
//!   they are `sum(sum_over_time(SELECTOR[WINDOW]))`.
//! - **A window template**: any instant-vector expression with `{{.window}}` or `$window` where the window goes, such
//!   as `sum(increase(jobs_total[{{.window}}]))`. It must yield the *number of events* in the window, not a rate
//!   (`raw` metrics yield the ratio). Its series are summed.
//!
//! # Error series that do not exist
//! Where `total` has events and `bad` has no series, nothing has failed yet; where `good` has none, nothing has
//! succeeded. A window without events has no ratio at all: it is absent, neither 0 nor 1 nor NaN.
//!
//! Architecture invariant: no I/O and no clock in this crate; files, answers and times are arguments.

mod catalog;
mod duration;
mod evaluate;
mod fields;
mod finding;
mod model;
pub mod openslo;
mod plan;
mod query;
mod report;
mod rules;
mod windows;
mod yaml;

pub use catalog::{Catalog, MetricPair, Sli, Slo};
pub use duration::Window;
pub use evaluate::{SloReport, Status, evaluate};
pub use finding::{Finding, Position, Severity};
pub use model::{
    AlertCondition, AlertPolicy, Body, Budgeting, CalendarStart, CalendarUnit, Document, Indicator, IndicatorSource,
    Kind, Metadata, Metric, MetricSource, Objective, Operator, SloSpec, TimeWindow, Use,
};
pub use plan::{AnswerError, Answers, Part, PlannedQuery, plan};
pub use query::EventQuery;
pub use report::{Report, Verdict};
pub use rules::{Action, Options, Rule, RuleFile, RuleGroup, generate};
pub use windows::{BurnCondition, BurnWindows, Urgency};
