//! OpenSLO v1 documents as this crate holds them: what evaluation and rule generation need.

mod alerting;
mod extras;

pub use alerting::{AlertCondition, AlertPolicy, AlertSettings, Alerting, Origin, Use};
pub use extras::{Extras, HistogramUse, NoData};

use crate::duration::Window;
use crate::finding::Position;
use chrono::NaiveDateTime;
use std::fmt;
use std::sync::Arc;

/// The kinds of OpenSLO v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A service that has objectives.
    Service,
    /// A service level objective.
    Slo,
    /// A service level indicator that objectives refer to.
    Sli,
    /// Where metrics come from.
    DataSource,
    /// Which condition notifies whom.
    AlertPolicy,
    /// When an alert is due.
    AlertCondition,
    /// Whom to notify.
    AlertNotificationTarget,
}

impl Kind {
    pub(crate) const NAMES: [&'static str; 7] =
        ["Service", "SLO", "SLI", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];

    /// Reads the `kind` of a document.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Service,
            Self::Slo,
            Self::Sli,
            Self::DataSource,
            Self::AlertPolicy,
            Self::AlertCondition,
            Self::AlertNotificationTarget,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// As written in a document.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One valid document.
#[derive(Clone, Debug)]
pub struct Document {
    /// File as named by the caller.
    pub file: Arc<str>,
    /// Where the document begins.
    pub at: Position,
    /// Name, labels and annotations.
    pub metadata: Metadata,
    /// The rest.
    pub body: Body,
}

/// What a document says beyond its metadata.
#[derive(Clone, Debug)]
pub enum Body {
    /// An objective.
    Slo(Box<SloSpec>),
    /// An indicator.
    Sli(Indicator),
    /// A data source of a type, in lower case.
    DataSource(String),
    /// When to notify whom.
    AlertPolicy(AlertPolicy),
    /// When an alert is due.
    AlertCondition(AlertCondition),
    /// Whom to notify: the name of a service such as a pager.
    AlertNotificationTarget(String),
    /// A service, with its description.
    Service(Option<String>),
}

impl Body {
    /// The kind of the document.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Slo(_) => Kind::Slo,
            Self::Sli(_) => Kind::Sli,
            Self::DataSource(_) => Kind::DataSource,
            Self::AlertPolicy(_) => Kind::AlertPolicy,
            Self::AlertCondition(_) => Kind::AlertCondition,
            Self::AlertNotificationTarget(_) => Kind::AlertNotificationTarget,
            Self::Service(_) => Kind::Service,
        }
    }
}

/// Name, labels and annotations of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Unique among the objects of a kind in a service.
    pub name: String,
    /// For people.
    pub display_name: Option<String>,
    /// Labels, each with one or more values.
    pub labels: Vec<(String, Vec<String>)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
    /// Where each annotation is written, in the same order.
    pub annotation_places: Vec<Position>,
}

/// The specification of an objective, references not yet followed.
#[derive(Clone, Debug)]
pub struct SloSpec {
    /// For people.
    pub description: Option<String>,
    /// The service.
    pub service: String,
    /// The indicator, or the name of one.
    pub indicator: IndicatorSource,
    /// The period of the error budget; `None` where the document names none.
    pub window: Option<TimeWindow>,
    /// How the budget is counted.
    pub budgeting: Budgeting,
    /// The targets.
    pub objectives: Vec<Objective>,
    /// When to notify whom.
    pub alert_policies: Vec<Use<AlertPolicy>>,
    /// What the format says beyond OpenSLO; annotations may say it as well.
    pub extras: Extras,
    /// What the format says about alerts.
    pub alerting: Alerting,
    /// The format.
    pub origin: Origin,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<=`
    Lte,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `>`
    Gt,
}

impl Operator {
    pub(crate) const NAMES: [&'static str; 4] = ["lte", "gte", "lt", "gt"];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Lte, Self::Gte, Self::Lt, Self::Gt].into_iter().find(|op| op.name() == name)
    }

    /// As OpenSLO writes it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// As PromQL writes it.
    pub fn symbol(self) -> &'static str {
        ["<=", ">=", "<", ">"][self as usize]
    }

    /// Whether it holds.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Lte => left <= right,
            Self::Gte => left >= right,
            Self::Lt => left < right,
            Self::Gt => left > right,
        }
    }
}

/// Where an objective's indicator stands.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every objective has its indicator inline")]
pub enum IndicatorSource {
    /// In the document.
    Inline(Indicator),
    /// In a document of kind SLI.
    Reference(String, Position),
    /// On each objective: a composite.
    Composite(Position),
}

/// The period of an error budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// Length, where a month counts 30 days, a quarter 90 and a year 365.
    pub duration: Window,
    /// Whether it ends now, rather than at a date.
    pub rolling: bool,
    /// Where periods begin, unless it rolls.
    pub calendar: Option<CalendarStart>,
    /// Where it is written.
    pub at: Position,
}

/// Periods that follow one another without a gap from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarStart {
    /// The first period's begin, as clocks in the time zone show it.
    pub start: NaiveDateTime,
    /// IANA name of the time zone.
    pub zone: String,
    /// How many units a period has.
    pub count: u32,
    /// The unit.
    pub unit: CalendarUnit,
}

/// A unit of a calendar period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// From a time of day to the same on the next day.
    Day,
    /// Seven days.
    Week,
    /// From a day of the month to the same of the next.
    Month,
    /// Three months.
    Quarter,
    /// Twelve months.
    Year,
}

impl CalendarUnit {
    pub(crate) fn from_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'm' => Self::Minute,
            'h' => Self::Hour,
            'd' => Self::Day,
            'w' => Self::Week,
            'M' => Self::Month,
            'Q' => Self::Quarter,
            'Y' => Self::Year,
            _ => return None,
        })
    }

    /// As OpenSLO abbreviates it.
    pub fn letter(self) -> char {
        ['m', 'h', 'd', 'w', 'M', 'Q', 'Y'][self as usize]
    }
}

/// How an error budget is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budgeting {
    /// By events.
    Occurrences,
    /// By good and bad slices of time.
    Timeslices,
    /// By the mean of slices' ratios.
    RatioTimeslices,
}

/// One target.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// For people.
    pub display_name: Option<String>,
    /// The ratio of good events that is promised, in [0, 1).
    pub target: f64,
    /// How a threshold metric's value compares with the limit where it is good.
    pub op: Option<Operator>,
    /// The limit of a threshold metric.
    pub value: Option<f64>,
    /// The ratio of good events that makes a slice of time good, in (0, 1].
    pub time_slice_target: Option<f64>,
    /// Length of a slice of time.
    pub time_slice_window: Option<Window>,
    /// What is measured, where the SLO is a composite.
    pub indicator: Option<IndicatorSource>,
    /// Share of a composite, relative to its other objectives.
    pub weight: f64,
    /// Where it is written.
    pub at: Position,
}

impl Objective {
    /// A target and nothing else.
    pub(crate) fn of_target(target: f64, at: Position) -> Self {
        Self {
            display_name: None,
            target,
            op: None,
            value: None,
            time_slice_target: None,
            time_slice_window: None,
            indicator: None,
            weight: 1.0,
            at,
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Indicator {
    /// The measurement.
    pub metric: Metric,
    /// Where it is written.
    pub at: Position,
}

/// Kinds of measurement.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Good and all events.
    GoodTotal {
        /// Whether the metrics only ever rise.
        counter: bool,
        /// Good events.
        good: MetricSource,
        /// All events.
        total: MetricSource,
    },
    /// Bad and all events.
    BadTotal {
        /// Whether the metrics only ever rise.
        counter: bool,
        /// Bad events.
        bad: MetricSource,
        /// All events.
        total: MetricSource,
    },
    /// A ratio that the source computes.
    Raw {
        /// Whether it is the ratio of good events; else of bad ones.
        success: bool,
        /// The ratio.
        raw: MetricSource,
    },
    /// A value that is compared with each objective's limit.
    Threshold(MetricSource),
    /// A gauge of 0 and 1, whose every sample is an event that is good at 1.
    BoolGauge(MetricSource),
    /// Events of a native histogram, good up to a limit.
    NativeLatency {
        /// The histogram, a bare selector.
        histogram: MetricSource,
        /// The greatest good value, in the histogram's unit: seconds of a latency.
        limit: f64,
    },
}

/// A query to a data source.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSource {
    /// Name of a data source.
    pub reference: Option<String>,
    /// Type of the data source, as written.
    pub kind: Option<String>,
    /// The query, where the specification has one.
    pub query: Option<String>,
    /// How to count events where the query names a histogram.
    pub histogram: Option<HistogramUse>,
    /// Where the query is written, else the source.
    pub at: Position,
}
