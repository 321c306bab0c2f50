//! Periodic work: gauges of the queue, and dropping what is old.

use crate::metrics::NotificationMetrics;
use crate::store::{Store, StoreError, millis};
use service_common::Stop;
use service_common::clock;
use std::time::Duration;

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds between two looks for old notifications.
const PRUNE_EVERY: u32 = 5;
/// Notifications dropped in one transaction.
const PRUNE_BATCH: u32 = 1_000;

/// Keeps gauges fresh and the data tidy.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// The database.
    pub store: Store,
    /// Metrics.
    pub metrics: NotificationMetrics,
    /// How long delivered notifications are kept.
    pub retention: Duration,
}

impl Upkeep {
    /// Works until the service stops.
    pub async fn run(self, stop: Stop) {
        let mut round = 0_u32;
        loop {
            if let Err(error) = self.round(round).await {
                tracing::warn!(%error, "upkeep has to wait");
            }
            round = round.wrapping_add(1);
            if !stop.sleep(ROUND).await {
                return;
            }
        }
    }

    async fn round(&self, round: u32) -> Result<(), StoreError> {
        self.refresh_gauges().await?;
        if round.is_multiple_of(PRUNE_EVERY) {
            self.store.prune(clock::now() - millis(self.retention), PRUNE_BATCH).await?;
        }
        Ok(())
    }

    /// Reads the queue into its gauges.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_gauges(&self) -> Result<(), StoreError> {
        self.metrics.backlog(self.store.backlog().await?, clock::now());
        Ok(())
    }
}
