//! Open-model load: pacing, latency statistics, thresholds, verdicts and reports.
//!
//! Every request has a moment at which it was meant to start. Its *response time* runs from that moment to the last
//! byte of the answer, so that a stalled server cannot hide the requests it delayed (coordinated omission). *Service
//! time* runs from the moment the request was really sent, and *lag* is the difference between the two starts.
//!
//! The statistics ([`Recorder`], [`Snapshot`], [`Totals`], [`Threshold`], [`judge`]) are pure: time is an argument.
//! Only [`Pacer`], [`Run`], [`conduct`] and [`http`] read a clock or touch the network.

mod access_log;
mod annotation;
mod compare;
mod conduct;
mod csv;
mod duration;
mod format;
mod gate;
mod hgrm;
mod html;
pub mod http;
mod junit;
mod knee;
mod latency;
mod live;
mod markdown;
mod merge;
mod pacer;
mod random;
mod recorder;
mod render;
mod report;
mod route;
mod run;
mod schedule;
mod slowest;
mod snapshot;
mod text;
mod threshold;
mod totals;
mod trace;
mod usage;
mod verdict;

pub use access_log::{AccessLog, LogError};
pub use annotation::{annotation_end, annotation_start};
pub use compare::{
    Change, CompareError, Comparison as RunComparison, Difference, MIN_SECONDS, Measure, Settings as CompareSettings,
    compare,
};
pub use conduct::conduct;
pub use csv::csv;
pub use duration::{DurationError, parse_duration};
pub use gate::{ClientView, Events, GateReport, GateStatus, client_events};
pub use hgrm::hgrm;
pub use html::html;
pub use junit::junit;
pub use knee::{Probe as KneeProbe, Search, growing, queue_growth};
pub use latency::{Latency, LatencyError};
pub use live::{progress_line, status_frame};
pub use markdown::markdown;
pub use merge::{Leniency, MergeError, merge};
pub use pacer::Pacer;
pub use random::Random;
pub use recorder::{Outcome, Recorder};
pub use render::{Kind, KindError};
pub use report::{
    EndReport, Histograms, Meta, Panel, Percentiles, ReadError, Report, RouteReport, SCHEMA, ThresholdReport,
};
pub use route::{End, RouteStats, Times};
pub use run::{Flight, Run, Ticket};
pub use schedule::{Arrival, Schedule, ScheduleError, Share, Stage};
pub use slowest::{Slow, Slowest};
pub use snapshot::{Counts, Snapshot, UNSENT, Update};
pub use text::text;
pub use threshold::{Checked, Comparison, Metric, Threshold, ThresholdError};
pub use totals::{Second, Totals};
pub use trace::{TraceContext, Tracing};
pub use usage::{Probe, Usage};
pub use verdict::{Judgement, Plan, Verdict, judge, met};
