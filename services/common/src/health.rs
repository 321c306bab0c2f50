//! Liveness, startup and readiness.

use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest time a dependency check may take: a probe that hangs is an answer too.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Whether the service should be given traffic.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    phase: AtomicU8,
    checks: Mutex<Vec<(String, Check)>>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("phase", &self.0.phase).finish_non_exhaustive()
    }
}

/// The answer to a readiness probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the service should be given traffic.
    pub ready: bool,
    /// `starting`, `running` or `draining`.
    pub phase: &'static str,
    /// Result of each dependency check: `ok` or the reason.
    pub checks: BTreeMap<String, String>,
}

impl Health {
    /// Adds a check of a dependency without which requests cannot be answered.
    pub fn check<F, Fut>(&self, name: &str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.0.checks.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), check));
    }

    /// Says that the service has started.
    pub fn set_ready(&self) {
        self.0.phase.store(READY, Ordering::Release);
    }

    /// Says that the service is stopping; from then on it is not ready whatever the checks say.
    pub fn set_draining(&self) {
        self.0.phase.store(DRAINING, Ordering::Release);
    }

    /// Whether the service has started, whatever its dependencies do.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) != STARTING
    }

    /// Runs all checks at once and tells whether the service should be given traffic.
    pub async fn report(&self) -> Report {
        let phase = self.0.phase.load(Ordering::Acquire);
        let checks = self.0.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let results = join_all(checks.into_iter().map(|(name, check)| async move {
            let result = match tokio::time::timeout(CHECK_TIMEOUT, check()).await {
                Ok(result) => result,
                Err(_) => Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
            };
            (name, result)
        }))
        .await;
        let ready = phase == READY && results.iter().all(|(_, result)| result.is_ok());
        let checks = results.into_iter().map(|(name, result)| (name, result.err().unwrap_or_else(|| "ok".into())));
        Report { ready, phase: ["starting", "running", "draining"][usize::from(phase)], checks: checks.collect() }
    }
}
