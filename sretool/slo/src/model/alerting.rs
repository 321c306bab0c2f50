//! What documents say about alerts, and in which format.

use super::Operator;
use crate::duration::Window;
use crate::finding::Position;
use crate::pyrra::PyrraResource;
use crate::sloth::SlothSlo;
use std::sync::Arc;

/// What formats other than OpenSLO say about an objective's alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerting {
    /// Name of the burn alerts.
    pub name: Option<String>,
    /// Labels of every alert.
    pub labels: Vec<(String, String)>,
    /// Annotations of every alert.
    pub annotations: Vec<(String, String)>,
    /// The page.
    pub page: AlertSettings,
    /// The ticket.
    pub ticket: AlertSettings,
    /// Whether there is no alert on missing metrics.
    pub absent_disabled: bool,
    /// Name of the alert on missing metrics.
    pub absent_name: Option<String>,
}

/// One burn alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertSettings {
    /// Whether there is none.
    pub disabled: bool,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
}

/// The format in which an objective was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Origin {
    /// OpenSLO v1.
    #[default]
    OpenSlo,
    /// Either of sloth's, as sloth reads it.
    Sloth(Arc<SlothSlo>),
    /// Pyrra's.
    Pyrra(Arc<PyrraResource>),
}

/// An object that stands in the document, or the name of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Use<T> {
    /// In the document.
    Inline(T),
    /// By name.
    Reference(String, Position),
}

/// When to notify whom.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertPolicy {
    /// Whether missing data notifies.
    pub when_no_data: bool,
    /// Whether the end of an alert notifies.
    pub when_resolved: bool,
    /// Whether the condition notifies.
    pub when_breaching: bool,
    /// The conditions, exactly one in a valid document.
    pub conditions: Vec<Use<AlertCondition>>,
    /// Whom to notify.
    pub targets: Vec<Use<String>>,
}

/// A burn rate that is due for an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertCondition {
    /// As written, such as `page`.
    pub severity: String,
    /// How the burn rate compares with the threshold.
    pub op: Operator,
    /// A burn rate, where 1 uses up the budget in exactly its period.
    pub threshold: f64,
    /// The window of the burn rate.
    pub lookback: Window,
    /// How long the condition must hold.
    pub after: Option<Window>,
}
