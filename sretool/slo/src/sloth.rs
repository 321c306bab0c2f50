//! Sloth's formats: `prometheus/v1`, the Kubernetes resource `PrometheusServiceLevel` of `sloth.slok.dev/v1`, and the
//! part of OpenSLO v1alpha that sloth reads.
//!
//! A document becomes objectives of this crate's model; what sloth's own rules need beyond it is kept as
//! [`SlothSlo`], so that they can be generated as sloth does.

mod alpha;
pub(crate) mod counts;
mod plugins;
mod read;

use crate::finding::Position;
pub(crate) use alpha::read as read_alpha;
pub use plugins::Plugin;
pub(crate) use read::{read_kubernetes, read_prometheus, resource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `version` of sloth's own format.
pub(crate) const PROMETHEUS_VERSION: &str = "prometheus/v1";
/// `apiVersion` of sloth's Kubernetes resources.
pub(crate) const KUBERNETES_VERSION: &str = "sloth.slok.dev/v1";
/// `kind` of sloth's Kubernetes resource for objectives.
pub(crate) const KUBERNETES_KIND: &str = "PrometheusServiceLevel";
/// `apiVersion` of the OpenSLO that sloth reads.
pub(crate) const ALPHA_VERSION: &str = "openslo/v1alpha";

/// Which of sloth's formats an objective was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlothFormat {
    /// `prometheus/v1`.
    Prometheus,
    /// `PrometheusServiceLevel`, with the resource's metadata.
    Kubernetes(Arc<Resource>),
    /// OpenSLO v1alpha.
    Alpha,
}

impl SlothFormat {
    /// How a document names the format.
    pub fn version(&self) -> &'static str {
        match self {
            Self::Prometheus => PROMETHEUS_VERSION,
            Self::Kubernetes(_) => KUBERNETES_VERSION,
            Self::Alpha => ALPHA_VERSION,
        }
    }
}

/// Metadata of a Kubernetes resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Name.
    pub name: String,
    /// Namespace; empty for the default one.
    pub namespace: String,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
}

/// One of sloth's objectives, defaults and inherited labels filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct SlothSlo {
    /// The format.
    pub format: SlothFormat,
    /// The service.
    pub service: String,
    /// Name in the service.
    pub name: String,
    /// Percent of good events, in (0, 100].
    pub objective: f64,
    /// What is measured.
    pub sli: SlothSli,
    /// Labels of every recorded series; they win over the identifying ones.
    pub labels: BTreeMap<String, String>,
    /// The page; none where it is disabled.
    pub page: Option<SlothAlert>,
    /// The ticket; none where it is disabled.
    pub ticket: Option<SlothAlert>,
    /// What changes the rules, in order.
    pub plugins: Vec<Plugin>,
    /// Where the objective begins.
    pub at: Position,
}

/// Name, labels and annotations of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlothAlert {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Sloth's indicators. Queries hold `{{.window}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlothSli {
    /// Bad and all events, as rates or as counts.
    Events {
        /// Bad events.
        error: String,
        /// All events.
        total: String,
    },
    /// A ratio of bad events.
    Raw {
        /// The ratio.
        ratio: String,
    },
}

impl SlothSlo {
    /// Service and name.
    pub fn id(&self) -> String {
        format!("{}-{}", self.service, self.name)
    }
}
