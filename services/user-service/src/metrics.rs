//! The service's own metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: &'static str,
}

/// Logins and registrations.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    logins: Family<LoginLabels, Counter>,
    registered: Counter,
}

impl Metrics {
    /// Registers `logins_total{outcome}` and `users_registered_total`, at 0.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self { logins: Family::default(), registered: Counter::default() };
        for outcome in ["success", "failure"] {
            drop(metrics.logins.get_or_create(&LoginLabels { outcome }));
        }
        registry.register("logins", "Logins with e-mail and password", metrics.logins.clone());
        registry.register("users_registered", "Accounts registered", metrics.registered.clone());
        metrics
    }

    /// Counts a login.
    pub(crate) fn login(&self, success: bool) {
        let outcome = if success { "success" } else { "failure" };
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    /// Counts a registration.
    pub(crate) fn registered(&self) {
        self.registered.inc();
    }
}
