//! OpenSLO v1 documents as this crate holds them: what evaluation and rule generation need.

use crate::duration::Window;
use crate::finding::Position;
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
    /// A kind of which nothing is evaluated.
    Other(Kind),
}

impl Body {
    /// The kind of the document.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Slo(_) => Kind::Slo,
            Self::Sli(_) => Kind::Sli,
            Self::DataSource(_) => Kind::DataSource,
            Self::Other(kind) => *kind,
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
}

/// Where an objective's indicator stands.
#[derive(Clone, Debug)]
pub enum IndicatorSource {
    /// In the document.
    Inline(Indicator),
    /// In a document of kind SLI.
    Reference(String, Position),
    /// On each objective: a composite.
    Composite(Position),
}

/// The period of an error budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// Length.
    pub duration: Window,
    /// Whether it ends now, rather than at a date.
    pub rolling: bool,
    /// Where it is written.
    pub at: Position,
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
    /// Where it is written.
    pub at: Position,
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
    /// A value that is compared with a limit.
    Threshold,
}

/// A query to a data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSource {
    /// Name of a data source.
    pub reference: Option<String>,
    /// Type of the data source, as written.
    pub kind: Option<String>,
    /// The query, where the specification has one.
    pub query: Option<String>,
    /// Where the query is written, else the source.
    pub at: Position,
}
