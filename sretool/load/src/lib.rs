//! Open-model load: pacing, latency statistics, thresholds, verdicts and reports.
//!
//! Every request has a moment at which it was meant to start. Its *response time* runs from that moment to the last
//! byte of the answer, so that a stalled server cannot hide the requests it delayed (coordinated omission). *Service
//! time* runs from the moment the request was really sent, and *lag* is the difference between the two starts.
//!
//! The statistics ([`Recorder`], [`Snapshot`], [`Totals`], [`Threshold`], [`judge`]) are pure: time is an argument.
//! Only [`Pacer`], [`Run`], [`conduct`] and [`http`] read a clock or touch the network.

mod conduct;
mod duration;
mod format;
mod html;
pub mod http;
mod junit;
mod latency;
mod live;
mod pacer;
mod recorder;
mod report;
mod route;
mod run;
mod schedule;
mod snapshot;
mod text;
mod threshold;
mod totals;
mod verdict;

pub use conduct::conduct;
pub use duration::{DurationError, parse_duration};
pub use html::html;
pub use junit::junit;
pub use latency::{Latency, LatencyError};
pub use live::{progress_line, status_frame};
pub use pacer::Pacer;
pub use recorder::{Outcome, Recorder};
pub use report::{Percentiles, Report, RouteReport, ThresholdReport};
pub use route::{End, RouteStats, Times};
pub use run::{Flight, Run, Ticket};
pub use schedule::{Schedule, ScheduleError, Stage};
pub use snapshot::{Counts, Snapshot, UNSENT, Update};
pub use text::text;
pub use threshold::{Checked, Comparison, Metric, Threshold, ThresholdError};
pub use totals::{Second, Totals};
pub use verdict::{Judgement, Plan, Verdict, judge};
