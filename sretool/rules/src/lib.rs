//! Recording and alerting rules: file format, evaluation, alert states and templates.
//!
//! [`parse`] reads a rule file; a [`GroupState`] evaluates one of its groups against a [`promql::Queryable`] and hands
//! samples to a [`Sink`]. Semantics follow Prometheus 3.
//!
//! Architecture invariant: nothing here reads a clock, a file or a socket; time is an argument, so that a live server,
//! a unit test of rules and a backtest run the same code.

mod duration;
mod eval;
mod file;
mod model;
mod template;

pub use duration::{DurationError, format_duration, parse_duration};
pub use eval::{
    ALERTS, ALERTS_FOR_STATE, Alert, AlertState, Context, GroupState, Health, RestoreLimits, RuleError, RuleState, Sink,
};
pub use file::{Problem, parse, yaml_message};
pub use model::{AlertingRule, Duplicate, Group, Rule, RuleFile, RuleKind, duplicates};
pub use template::{Template, TemplateData, TemplateError, TemplateQuery};
