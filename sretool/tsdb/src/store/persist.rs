//! What a copy on disk needs of the store: what changed, and how to put it back.

use super::{Inner, Slot, Store};
use crate::index::SeriesId;
use crate::metadata::Metadata;
use crate::series::Unsaved;
use promql::{Labels, Sample};
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLockWriteGuard};

/// A series that is gone from memory but not from disk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removed {
    pub uid: u64,
    /// First times of its chunks on disk.
    pub chunks: Vec<i64>,
}

/// What of one series has to be written.
#[derive(Debug)]
pub(crate) struct Changes {
    pub uid: u64,
    /// Where they are not on disk yet.
    pub labels: Option<Labels>,
    pub unsaved: Unsaved,
}

/// What was handed out of one series, to be given back should it not reach the disk.
#[derive(Debug)]
pub(crate) struct Written {
    pub id: SeriesId,
    pub uid: u64,
    pub chunks: usize,
    pub obsolete: Vec<i64>,
    pub labels: bool,
}

impl Store {
    /// Number of places for series; some may be empty.
    pub(crate) fn places(&self) -> SeriesId {
        // Places are counted by identifiers.
        self.read().slots.len() as SeriesId
    }

    /// Hands out what is not on disk of the series at a place, and notes that it is; `None` where nothing is to do.
    pub(crate) fn take_changes(&self, id: SeriesId, whole: bool) -> Option<Changes> {
        let inner = self.read();
        let slot = inner.slot(id)?;
        let mut content = slot.content();
        let unsaved = content.series.take_unsaved(whole);
        let labels = (!content.on_disk).then(|| slot.labels.clone());
        content.on_disk = true;
        (labels.is_some() || !unsaved.is_empty()).then_some(Changes { uid: slot.uid, labels, unsaved })
    }

    /// Hands out the series that have gone since the last time.
    pub(crate) fn take_removed(&self) -> Vec<Removed> {
        std::mem::take(&mut self.write().removed)
    }

    /// Notes that what was handed out is not on disk after all.
    pub(crate) fn give_back(&self, removed: Vec<Removed>, written: Vec<Written>) {
        let mut inner = self.write();
        inner.removed.extend(removed);
        for Written { id, uid, chunks, obsolete, labels } in written {
            let Some(slot) = inner.slot(id).filter(|slot| slot.uid == uid) else {
                // It went meanwhile, and what it had on disk before is not in its own list of what to delete.
                inner.removed.push(Removed { uid, chunks: obsolete });
                continue;
            };
            let mut content = slot.content();
            content.series.give_back(chunks, obsolete);
            content.on_disk &= !labels;
        }
    }

    /// Puts series back that were on disk; nobody else has access meanwhile.
    pub(crate) fn restore(&self) -> Restore<'_> {
        Restore { inner: self.write(), ids: HashMap::new() }
    }

    /// Replaces all metadata.
    pub(crate) fn restore_metadata(&self, metadata: BTreeMap<String, Metadata>) {
        *self.metadata.write().unwrap_or_else(PoisonError::into_inner) = metadata;
    }
}

impl Slot {
    /// What is on disk of a series that goes.
    pub(super) fn removed(&self) -> Option<Removed> {
        let content = self.content();
        content.on_disk.then(|| Removed { uid: self.uid, chunks: content.series.saved_chunks() })
    }
}

/// Access to an empty store for a loader.
#[derive(Debug)]
pub(crate) struct Restore<'a> {
    inner: RwLockWriteGuard<'a, Inner>,
    ids: HashMap<u64, SeriesId>,
}

impl Restore<'_> {
    /// Adds a series without samples.
    pub(crate) fn series(&mut self, uid: u64, labels: &Labels) -> Result<(), &'static str> {
        if labels.is_empty() || self.inner.ids.contains_key(labels) {
            return Err("two series have the same labels, or one has none");
        }
        let id = self.inner.insert(uid, labels);
        self.ids.insert(uid, id);
        if let Some(slot) = self.inner.slot(id) {
            slot.content().on_disk = true;
        }
        Ok(())
    }

    /// Adds a finished chunk and returns the samples that must be added one by one; see
    /// [`restore_chunk`](crate::series::Series::restore_chunk).
    pub(crate) fn chunk(&self, uid: u64, first_t: i64, count: u32, bytes: &[u8]) -> Result<Vec<Sample>, &'static str> {
        let slot = self.slot(uid).ok_or("a chunk belongs to no series")?;
        slot.content().series.restore_chunk(first_t, count, bytes)
    }

    /// Adds samples of a growing chunk; those of a series that is gone are nothing, but its number stays taken.
    pub(crate) fn tail(&mut self, uid: u64, samples: impl Iterator<Item = Sample>) {
        self.inner.next_uid = self.inner.next_uid.max(uid.saturating_add(1));
        if let Some(slot) = self.slot(uid) {
            slot.content().series.restore_tail(samples);
        }
    }

    /// Adds samples that may be anywhere in the series.
    pub(crate) fn late(&mut self, uid: u64, samples: impl Iterator<Item = Sample>) {
        self.inner.next_uid = self.inner.next_uid.max(uid.saturating_add(1));
        if let Some(slot) = self.slot(uid) {
            let mut content = slot.content();
            samples.for_each(|sample| content.series.restore_late(sample));
        }
    }

    /// Makes every series ready to be appended to.
    pub(crate) fn finish(self) {
        for slot in self.inner.slots.iter().flatten() {
            slot.content().series.reopen();
        }
    }

    fn slot(&self, uid: u64) -> Option<&Slot> {
        self.inner.slot(*self.ids.get(&uid)?)
    }
}
