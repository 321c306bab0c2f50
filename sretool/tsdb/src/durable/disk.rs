//! Writing.

use super::Flushed;
use super::error::{Cause, FlushError};
use super::format::{self, CHUNKS, LOG, METADATA, SERIES};
use super::load::Loaded;
use super::record::{self, Kind};
use crate::metadata::Metadata;
use crate::store::{Changes, Removed, Store, Written};
use redb::{Database, Table, WriteTransaction};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Bytes of a block of the log. redb gives large values a power of two of pages.
const BLOCK_BYTES: usize = 60_000;
/// The log is not replaced before it has this size.
const LOG_BYTES: usize = 4 << 20;

/// The writer of a file.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    /// None after a failure: redb then refuses all work until it is opened anew.
    database: Option<Database>,
    next_block: u64,
    /// Size of the log, and its size when it was last replaced.
    log_bytes: usize,
    compact_bytes: usize,
    log_limit: usize,
    metadata: BTreeMap<String, Metadata>,
}

impl Disk {
    pub(super) fn new(path: PathBuf, database: Database, loaded: Loaded) -> Self {
        let Loaded { next_block, log_bytes, metadata } = loaded;
        let (database, compact_bytes, log_limit) = (Some(database), 0, LOG_BYTES);
        Self { path, database, next_block, log_bytes, compact_bytes, log_limit, metadata }
    }

    /// Writes what the store has that is not on disk.
    pub(super) fn flush(&mut self, store: &Store) -> Result<Flushed, FlushError> {
        let whole = self.log_bytes > self.log_limit.max(2 * self.compact_bytes);
        let mut batch = Batch::new(whole, self.next_block);
        let metadata = Some(store.metadata()).filter(|metadata| *metadata != self.metadata);
        let result = self.database().and_then(|database| batch.write(database, store, metadata.as_ref()));
        if let Err(cause) = result {
            self.database = None;
            store.give_back(batch.removed, batch.written);
            return Err(FlushError { path: self.path.clone(), cause: cause.to_string() });
        }
        self.next_block = batch.next_block;
        self.log_bytes = batch.log_bytes + if whole { 0 } else { self.log_bytes };
        if whole {
            self.compact_bytes = batch.log_bytes;
        }
        self.metadata = metadata.unwrap_or_else(|| std::mem::take(&mut self.metadata));
        Ok(batch.flushed)
    }

    /// Sets the size below which the log is not replaced, in bytes.
    #[cfg(test)]
    pub(super) fn limit_log(&mut self, bytes: usize) {
        self.log_limit = bytes;
    }

    #[cfg(test)]
    pub(super) fn log_bytes(&self) -> usize {
        self.log_bytes
    }

    #[cfg(test)]
    pub(super) fn has_written(&self) -> bool {
        self.next_block > 0
    }

    fn database(&mut self) -> Result<&Database, Cause> {
        if self.database.is_none() {
            self.database = Some(format::open(&self.path, false)?);
        }
        self.database.as_ref().ok_or(Cause::InUse)
    }
}

/// One flush.
struct Batch {
    /// Whether it replaces the log.
    whole: bool,
    first_block: u64,
    next_block: u64,
    block: Vec<u8>,
    log_bytes: usize,
    removed: Vec<Removed>,
    written: Vec<Written>,
    flushed: Flushed,
}

type Result<T, E = Cause> = std::result::Result<T, E>;

impl Batch {
    fn new(whole: bool, next_block: u64) -> Self {
        Self {
            whole,
            first_block: next_block,
            next_block,
            block: Vec::new(),
            log_bytes: 0,
            removed: Vec::new(),
            written: Vec::new(),
            flushed: Flushed::default(),
        }
    }

    fn write(
        &mut self,
        database: &Database,
        store: &Store,
        metadata: Option<&BTreeMap<String, Metadata>>,
    ) -> Result<()> {
        let transaction = database.begin_write()?;
        self.series(&transaction, store)?;
        if let Some(metadata) = metadata {
            let mut table = transaction.open_table(METADATA)?;
            for (family, metadata) in metadata {
                table.insert(family.as_str(), record::write_metadata(metadata).as_slice())?;
            }
        }
        if self.flushed == Flushed::default() && metadata.is_none() {
            transaction.abort()?;
        } else {
            transaction.commit()?;
        }
        Ok(())
    }

    fn series(&mut self, transaction: &WriteTransaction, store: &Store) -> Result<()> {
        let mut series = transaction.open_table(SERIES)?;
        let mut chunks = transaction.open_table(CHUNKS)?;
        let mut log = transaction.open_table(LOG)?;
        // Before the changes: a series that goes between the two is in the next flush.
        self.removed = store.take_removed();
        for Removed { uid, chunks: first_times } in &self.removed {
            series.remove(uid)?;
            for first_t in first_times {
                chunks.remove((*first_t, *uid))?;
            }
        }
        self.flushed.removed = self.removed.len();
        for id in 0..store.places() {
            let Some(changes) = store.take_changes(id, self.whole) else { continue };
            self.note(id, &changes);
            if let Some(labels) = &changes.labels {
                series.insert(changes.uid, record::write_labels(labels).as_slice())?;
            }
            self.samples(&mut chunks, &mut log, &changes)?;
        }
        self.end_block(&mut log)?;
        if self.whole {
            log.retain_in(..self.first_block, |_, _| false)?;
        }
        Ok(())
    }

    /// Notes what was handed out before any of it is written, so that it can be given back.
    fn note(&mut self, id: u32, changes: &Changes) {
        let unsaved = &changes.unsaved;
        self.written.push(Written {
            id,
            uid: changes.uid,
            chunks: unsaved.chunks.len(),
            obsolete: unsaved.obsolete.clone(),
            labels: changes.labels.is_some(),
        });
        self.flushed.series += 1;
        self.flushed.chunks += unsaved.chunks.len();
        self.flushed.samples += unsaved.tail.len() + unsaved.late.len();
    }

    fn samples(
        &mut self,
        chunks: &mut Table<'_, (i64, u64), (u32, &'static [u8])>,
        log: &mut Table<'_, u64, &'static [u8]>,
        changes: &Changes,
    ) -> Result<()> {
        let (uid, unsaved) = (changes.uid, &changes.unsaved);
        for first_t in &unsaved.obsolete {
            chunks.remove((*first_t, uid))?;
        }
        for chunk in &unsaved.chunks {
            chunks.insert((chunk.first_t, uid), (chunk.samples, chunk.bytes.as_slice()))?;
        }
        let tail = if unsaved.rewritten { Kind::Late } else { Kind::Tail };
        record::push_entry(&mut self.block, uid, tail, &unsaved.tail);
        record::push_entry(&mut self.block, uid, Kind::Late, &unsaved.late);
        if self.block.len() >= BLOCK_BYTES {
            self.end_block(log)?;
        }
        Ok(())
    }

    fn end_block(&mut self, log: &mut Table<'_, u64, &'static [u8]>) -> Result<()> {
        if !self.block.is_empty() {
            log.insert(self.next_block, self.block.as_slice())?;
            self.next_block += 1;
            self.log_bytes += self.block.len();
            self.block.clear();
        }
        Ok(())
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::InUse => f.write_str("another process uses the file"),
            Self::Foreign(cause) | Self::Damaged(cause) => f.write_str(cause),
        }
    }
}
