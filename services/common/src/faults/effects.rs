//! Faults that concern the process as a whole: memory, processor, connections, clock.

use super::{CLOCK_SKEW, CPU_BURN, Faults, MEMORY_LEAK, POOL_EXHAUSTION};
use crate::clock;
use crate::database::Database;
use crate::tasks::Stop;
use sqlx::Any;
use sqlx::pool::PoolConnection;
use std::time::{Duration, Instant};

/// Time between two rounds.
const ROUND: Duration = Duration::from_millis(200);
/// What leaks in one round at a ratio of 1, and at most altogether.
const LEAK_BYTES: f64 = 1_048_576.0;
const MAX_LEAK_BYTES: usize = 1 << 30;
/// The process as a whole is no route.
const PROCESS: &str = "process";

/// Carries these faults out.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) faults: Faults,
    pub(crate) database: Option<Database>,
}

impl Effects {
    /// Works until the service stops.
    pub(crate) async fn run(self, stop: Stop) {
        let mut leaked: Vec<Vec<u8>> = Vec::new();
        let mut held: Vec<PoolConnection<Any>> = Vec::new();
        while stop.sleep(ROUND).await {
            self.leak(&mut leaked);
            self.burn();
            self.exhaust(&mut held).await;
            let skew = self.faults.active(CLOCK_SKEW, PROCESS).and_then(|fault| fault.latency_ms);
            clock::set_skew(skew.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0));
        }
    }

    fn leak(&self, leaked: &mut Vec<Vec<u8>>) {
        let Some(fault) = self.faults.active(MEMORY_LEAK, PROCESS) else { return leaked.clear() };
        let size: usize = leaked.iter().map(Vec::len).sum();
        if size < MAX_LEAK_BYTES {
            // Written to, so that it is memory and not only a reservation. A ratio is at most 1.
            leaked.push(vec![1; (LEAK_BYTES * fault.ratio) as usize]);
        }
    }

    /// Keeps one processor busy for the share of the time that the ratio says.
    fn burn(&self) {
        let Some(fault) = self.faults.active(CPU_BURN, PROCESS) else { return };
        let end = Instant::now() + ROUND.mul_f64(fault.ratio);
        tokio::task::spawn_blocking(move || {
            let mut number = 1_u64;
            while Instant::now() < end {
                for _ in 0..10_000 {
                    number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            }
        });
    }

    /// Takes every connection that becomes free.
    async fn exhaust(&self, held: &mut Vec<PoolConnection<Any>>) {
        if self.faults.active(POOL_EXHAUSTION, PROCESS).is_none() {
            return held.clear();
        }
        for pool in self.database.iter().flat_map(Database::pools) {
            while let Ok(Ok(connection)) = tokio::time::timeout(ROUND / 4, pool.acquire()).await {
                held.push(connection);
            }
        }
    }
}
