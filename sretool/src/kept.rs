//! The store of `serve` and `up`: in memory, with a copy in a folder where one is named.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tsdb::{DurableStore, Flusher, OpenError, Store, StoreOptions};

/// What a crash costs at most.
const FLUSH_INTERVAL: Duration = Duration::from_secs(2);

/// A store that is flushed while this lives, and a last time when it goes.
#[derive(Debug)]
pub(crate) struct KeptStore {
    store: Arc<Store>,
    _flusher: Option<Flusher>,
}

impl KeptStore {
    /// Opens the store in a folder, else an empty one.
    pub(crate) fn open(folder: Option<&Path>, options: StoreOptions) -> Result<Self, OpenError> {
        let Some(folder) = folder else {
            return Ok(Self { store: Arc::new(Store::new(options)), _flusher: None });
        };
        let durable = Arc::new(DurableStore::open(folder, options)?);
        let store = Arc::clone(durable.store());
        let mut failing = false;
        let flusher = durable.flush_every(FLUSH_INTERVAL, move |error| {
            // Once: a full disk would repeat itself every other second.
            if !std::mem::replace(&mut failing, true) {
                tracing::error!(%error, "metrics are not saved");
            }
        });
        let flusher = flusher.map_err(|cause| OpenError::Io { path: folder.to_owned(), cause })?;
        Ok(Self { store, _flusher: Some(flusher) })
    }

    /// The store itself.
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::Labels;

    #[test]
    fn only_a_named_folder_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let up = Labels::new([("__name__", "up")]);
        for (folder, expected) in [(None, 0), (Some(folder.path()), 1)] {
            let kept = KeptStore::open(folder, StoreOptions::default()).unwrap();
            kept.store().append(&up, 1, 1.0).unwrap();
            drop(kept);
            assert_eq!(KeptStore::open(folder, StoreOptions::default()).unwrap().store().stats().samples, expected);
        }
    }
}
