//! Background tasks that end with the service.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Tells tasks that the service is stopping.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Returns when the service is stopping.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        // A dropped sender means that the service is gone, which is the same answer.
        let _ = receiver.wait_for(|stopping| *stopping).await;
    }

    /// Whether the service is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Sleeps; returns `false` as soon as the service is stopping.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            () = self.wait() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}

/// The background tasks of a service.
#[derive(Debug, Clone)]
pub struct Tasks {
    stop: Arc<watch::Sender<bool>>,
    running: Arc<Mutex<JoinSet<()>>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { stop: Arc::new(watch::Sender::new(false)), running: Arc::default() }
    }
}

impl Tasks {
    /// A handle that tells when the service is stopping.
    #[must_use]
    pub fn stop_signal(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Starts a task. It should return soon after its [`Stop`] says so; one that panics is logged with its name.
    pub fn spawn<F, Fut>(&self, name: &'static str, task: F)
    where
        F: FnOnce(Stop) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        use futures::FutureExt as _;
        let work = std::panic::AssertUnwindSafe(task(self.stop_signal())).catch_unwind();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.spawn(async move {
            if work.await.is_err() {
                tracing::error!(task = name, "background task panicked");
            }
        });
    }

    /// Tells all tasks to stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Tells all tasks to stop and waits for them; those that exceed the deadline are aborted.
    /// Returns how many had to be.
    pub async fn drain(&self, deadline: Duration) -> usize {
        self.stop();
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let finished = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, finished).await.is_ok() {
            return 0;
        }
        let late = running.len();
        running.shutdown().await;
        late
    }
}
