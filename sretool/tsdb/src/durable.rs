//! A store that outlives its process: a folder with one file of the embedded database redb.
//!
//! **Why redb and not fjall.** Both are pure Rust and well kept. fjall's log-structured trees write batches faster, but
//! this store writes one batch every few seconds and reads everything once, at the start. What counts here is what a
//! crash or a foreign hand leaves behind, and there redb promises more: a commit is one atomic switch of the root of a
//! copy-on-write tree in one file, every page carries a checksum that [opening verifies](redb::Builder), the file is
//! locked against a second process, and no thread works in the background. In fjall the same takes a folder of
//! journals, segments and manifests, whose consistency is a matter of several files.
//!
//! **What is written.** The samples of growing chunks go into a log, finished chunks under `(first time, series)`, so
//! that retention deletes from the front, and label sets and metadata once. A flush is one transaction. When the log
//! has outgrown what it started with, it is replaced by what the growing chunks hold. Exemplars are not kept.
//!
//! **What a crash costs.** What was appended since the last flush. A flush that fails, on a full disk for example,
//! changes nothing on disk and loses nothing in memory: the next one writes it all again.

mod disk;
mod error;
mod flusher;
mod format;
mod load;
mod record;

pub use error::{FlushError, OpenError};
pub use flusher::Flusher;

use crate::store::{Store, StoreOptions};
use disk::Disk;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Name of the file in the folder.
const FILE: &str = "metrics.redb";

/// What a flush wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Series that had something to write.
    pub series: usize,
    /// Finished chunks.
    pub chunks: usize,
    /// Samples in the log.
    pub samples: usize,
    /// Series that were deleted.
    pub removed: usize,
}

/// A [`Store`] with a copy in a folder.
#[derive(Debug)]
pub struct DurableStore {
    store: Arc<Store>,
    path: PathBuf,
    disk: Mutex<Disk>,
}

impl DurableStore {
    /// Opens the store in a folder, which is made if there is none.
    ///
    /// # Errors
    /// [`OpenError`] names the file, the cause and the remedy.
    pub fn open(folder: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let database = format::open_or_create(folder, &path)?;
        let store = Store::new(options);
        let loaded = load::load(&database, &store).map_err(|cause| cause.at(&path))?;
        let disk = Disk::new(path.clone(), database, loaded);
        Ok(Self { store: Arc::new(store), path, disk: Mutex::new(disk) })
    }

    /// The store in memory, which answers queries and takes samples.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what has changed since the last flush. When this returns, a crash loses nothing of it.
    ///
    /// # Errors
    /// [`FlushError`] where the disk is full or fails; nothing is lost in memory, and the next flush tries again.
    pub fn flush(&self) -> Result<Flushed, FlushError> {
        // A flush that panicked has dropped its transaction, which changes nothing on disk.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner).flush(&self.store)
    }

    /// Flushes in a thread of its own, at this interval and once more when the [`Flusher`] is dropped.
    ///
    /// # Errors
    /// Fails where no thread can be started.
    pub fn flush_every(
        self: &Arc<Self>,
        interval: Duration,
        on_error: impl FnMut(&FlushError) + Send + 'static,
    ) -> std::io::Result<Flusher> {
        Flusher::start(Arc::clone(self), interval, on_error)
    }
}

#[cfg(test)]
mod tests;
