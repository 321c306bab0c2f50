//! Periodic work: gauges, reservations that run out, records of the past.

use crate::domain::OrderStatus;
use crate::metrics::OrderMetrics;
use crate::store::{Store, StoreError, millis};
use service_common::Stop;
use service_common::clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds between two looks for records of the past.
const PRUNE_EVERY: u32 = 5;
/// Age from which idempotency keys and delivered events are dropped.
const KEEP: Duration = Duration::from_secs(24 * 3_600);
/// Orders cancelled, and records dropped, in one transaction.
const BATCH: u32 = 64;
const PRUNE_BATCH: u32 = 1_000;
/// Most transactions of one round that cancel orders.
const EXPIRE_BATCHES: usize = 8;

/// Keeps gauges fresh and the data tidy.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// The database.
    pub store: Store,
    /// Business metrics.
    pub metrics: OrderMetrics,
    /// Wakes the relay when an event was written.
    pub wake_relay: Arc<Notify>,
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
        for _ in 0..EXPIRE_BATCHES {
            let expired = self.store.expire_reservations(BATCH, clock::now()).await?;
            if expired.is_empty() {
                break;
            }
            for _ in &expired {
                self.metrics.reached(OrderStatus::Cancelled);
            }
            self.wake_relay.notify_one();
        }
        if round.is_multiple_of(PRUNE_EVERY) {
            self.store.prune(clock::now() - millis(KEEP), PRUNE_BATCH).await?;
        }
        Ok(())
    }

    /// Reads stock and backlog into their gauges.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_gauges(&self) -> Result<(), StoreError> {
        for inventory in self.store.inventories().await? {
            self.metrics.stock(&inventory);
        }
        self.metrics.backlog(self.store.backlog().await?, clock::now());
        Ok(())
    }
}
