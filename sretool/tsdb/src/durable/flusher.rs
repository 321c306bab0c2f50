//! The thread that flushes.

use super::{DurableStore, FlushError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Flushes a store until it is dropped; the drop waits for a last flush.
#[derive(Debug)]
pub struct Flusher {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(super) fn start(
        store: Arc<DurableStore>,
        interval: Duration,
        mut on_error: impl FnMut(&FlushError) + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let asked = Arc::clone(&stop);
        let work = move || {
            let mut last = false;
            while !last {
                last = wait(&asked, interval);
                if let Err(error) = store.flush() {
                    on_error(&error);
                }
            }
        };
        let thread = std::thread::Builder::new().name("flush".into()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

/// Waits for the interval or until asked to stop, and tells whether it was.
fn wait((stop, changed): &(Mutex<bool>, Condvar), interval: Duration) -> bool {
    let asked = stop.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = changed.wait_timeout_while(asked, interval, |asked| !*asked);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

impl Drop for Flusher {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread reports its errors itself; a panic has been printed.
            let _ = thread.join();
        }
    }
}
