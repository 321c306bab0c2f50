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
//! - **A histogram**: beside `query`, which then is a bare selector without suffix, the keys `histogram: classic` or
//!   `histogram: native` and, for the events up to a bound, `le: 0.2`.
//!
//! A `thresholdMetric` is any instant vector; its value is looked at once a minute and compared by each objective's
//! `op` and `value`.
//!
//! # Annotations
//! What OpenSLO has no field for stands under `metadata.annotations` of an SLO:
//!
//! - `sretool.dev/group-by: cluster, tenant`: one objective for each combination of these labels.
//! - `sretool.dev/no-data: good|bad|exclude`: how slices of time without data count, or a period without events.
//! - `sretool.dev/exclude`: times that do not count, see [`Exclusion`].
//!
//! # Error series that do not exist
//! Where `total` has events and `bad` has no series, nothing has failed yet; where `good` has none, nothing has
//! succeeded. A window without events has no ratio at all: it is absent, neither 0 nor 1 nor NaN.
//!
//! Architecture invariant: no I/O and no clock in this crate; files, answers and times are arguments.

mod answers;
mod backtest;
mod calendar;
mod catalog;
mod convert;
mod duration;
mod evaluate;
mod exclusions;
mod fields;
mod finding;
mod input;
mod lint;
mod model;
pub mod openslo;
mod plan;
mod policy;
mod pyrra;
mod query;
mod remarks;
mod report;
mod rules;
pub mod sloth;
mod testgen;
mod windows;
mod yaml;

pub use answers::{AnswerError, Answers};
pub use backtest::{Detection, Episode, Labelled, Score, score};
pub use calendar::{Calendar, CalendarPeriod, UnknownZone};
pub use catalog::{Catalog, Composite, MetricPair, Sli, Slices, Slo};
pub use convert::{Conversion, Loss, Target as Format, convert};
pub use duration::Window;
pub use evaluate::{Incident, PastPeriod, Point, RESERVE, SloReport, Status, Unit, burning, composite, evaluate};
pub use exclusions::{Exclusion, ExclusionError};
pub use finding::{Finding, Position, Severity};
pub use input::{LoadOptions, parse};
pub use lint::{LintOptions, LiveCheck, lint, live_checks};
pub use model::{
    AlertCondition, AlertPolicy, AlertSettings, Alerting, Body, Budgeting, CalendarStart, CalendarUnit, Document,
    Extras, HistogramUse, Indicator, IndicatorSource, Kind, Metadata, Metric, MetricSource, NoData, Objective,
    Operator, Origin, SloSpec, TimeWindow, Use,
};
pub use plan::{Part, PlannedQuery, Request, Target, Tiles, TilesProbe, When, past_periods, period, plan, probe};
pub use policy::{Gate, Policy, PolicyStep};
pub use query::EventQuery;
pub use remarks::{outage_bound, remarks};
pub use report::{PolicyReport, Reached, Report, Verdict};
pub use rules::{
    Action, GenerateError, Manifest, Options, Rule, RuleFile, RuleGroup, Style, analysis_template, generate, inhibition,
};
pub use testgen::rule_tests;
pub use windows::{AlertWindows, BurnCondition, BurnWindows, Urgency, WindowFile};
