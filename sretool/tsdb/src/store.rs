//! The store: series by label set, behind locks.

mod error;
mod persist;
mod query;

pub use error::{AppendError, BatchError, Rejected};
pub(crate) use persist::{Changes, Removed, Restore, Written};

use crate::exemplar::{Exemplar, Ring};
use crate::index::{Index, SeriesId};
use crate::metadata::Metadata;
use crate::series::Series;
use promql::{Labels, Sample};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Samples that one query may read, as in Prometheus.
const MAX_QUERY_SAMPLES: usize = 50_000_000;

/// Limits of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// How long samples are kept, in milliseconds before the `now` of [`Store::truncate`].
    pub retention_ms: i64,
    /// Series held at one time.
    pub max_series: usize,
    /// How much older than a series' newest sample another may be.
    pub out_of_order_ms: i64,
}

impl Default for StoreOptions {
    /// Sixty days, half a million series, five minutes out of order.
    fn default() -> Self {
        Self { retention_ms: 60 * 86_400_000, max_series: 500_000, out_of_order_ms: 300_000 }
    }
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Series.
    pub series: usize,
    /// Samples, staleness markers included.
    pub samples: usize,
    /// Estimate of the memory in bytes.
    pub bytes: usize,
    /// Time of the oldest sample, milliseconds since the Unix epoch.
    pub min_time: Option<i64>,
    /// Time of the newest sample.
    pub max_time: Option<i64>,
}

/// Series in memory. All methods take `&self`; appends to different series do not wait for each other.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    max_query_samples: usize,
    inner: RwLock<Inner>,
    metadata: RwLock<BTreeMap<String, Metadata>>,
}

#[derive(Debug, Default)]
struct Inner {
    ids: HashMap<Labels, SeriesId>,
    slots: Vec<Option<Slot>>,
    free: Vec<SeriesId>,
    index: Index,
    next_uid: u64,
    /// Series that are gone but still on disk.
    removed: Vec<Removed>,
}

#[derive(Debug)]
struct Slot {
    labels: Labels,
    /// Never used again, unlike the place, because what is on disk refers to it.
    uid: u64,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    series: Series,
    exemplars: Ring,
    /// Whether the labels are on disk.
    on_disk: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(StoreOptions::default())
    }
}

impl Store {
    /// An empty store.
    pub fn new(options: StoreOptions) -> Self {
        Self { options, max_query_samples: MAX_QUERY_SAMPLES, inner: RwLock::default(), metadata: RwLock::default() }
    }

    /// Sets how many samples one `select` may read before it is refused; 50 million at first.
    #[must_use]
    pub fn with_max_query_samples(mut self, limit: usize) -> Self {
        self.max_query_samples = limit;
        self
    }

    /// The limits.
    pub fn options(&self) -> StoreOptions {
        self.options
    }

    /// Adds a sample. One that is there already, with the same value, is accepted and changes nothing.
    ///
    /// # Errors
    /// [`AppendError`] where the sample contradicts another, is too old, or would need one series too many.
    pub fn append(&self, labels: &Labels, t: i64, v: f64) -> Result<(), AppendError> {
        if let Some(result) = self.read().append_existing(labels, Sample { t, v }, self.options) {
            return result;
        }
        self.write().append_new(labels, Sample { t, v }, self.options)
    }

    /// Adds samples, all that can be added, and returns how many that were.
    ///
    /// # Errors
    /// [`BatchError`] lists the samples that were refused; the others are in the store.
    pub fn append_batch(&self, batch: &[(Labels, i64, f64)]) -> Result<usize, BatchError> {
        let mut rejected = Vec::new();
        let mut pending = Vec::new();
        let inner = self.read();
        for (at, (labels, t, v)) in batch.iter().enumerate() {
            match inner.append_existing(labels, Sample { t: *t, v: *v }, self.options) {
                None => pending.push(at),
                Some(result) => rejected.extend(result.err().map(|error| Rejected { at, error })),
            }
        }
        drop(inner);
        if !pending.is_empty() {
            let mut inner = self.write();
            for at in pending {
                let (labels, t, v) = &batch[at];
                let result = inner.append_new(labels, Sample { t: *t, v: *v }, self.options);
                rejected.extend(result.err().map(|error| Rejected { at, error }));
            }
        }
        let accepted = batch.len() - rejected.len();
        if rejected.is_empty() { Ok(accepted) } else { Err(BatchError { accepted, rejected }) }
    }

    /// Adds an exemplar to a series; `false` where the series does not exist or has this exemplar already.
    pub fn add_exemplar(&self, series: &Labels, exemplar: Exemplar) -> bool {
        let inner = self.read();
        inner.find(series).is_some_and(|slot| slot.content().exemplars.add(exemplar))
    }

    /// Sets what a metric family says about itself.
    pub fn set_metadata(&self, family: &str, metadata: Metadata) {
        let known = self.metadata.read().unwrap_or_else(PoisonError::into_inner).get(family) == Some(&metadata);
        if !known {
            self.metadata.write().unwrap_or_else(PoisonError::into_inner).insert(family.to_owned(), metadata);
        }
    }

    /// Metadata by metric family.
    pub fn metadata(&self) -> BTreeMap<String, Metadata> {
        self.metadata.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drops samples and exemplars older than the retention, by whole chunks, and series that are then empty.
    pub fn truncate(&self, now_ms: i64) {
        let before = now_ms.saturating_sub(self.options.retention_ms);
        self.write().truncate(before);
    }

    /// What the store holds; walks over every series.
    pub fn stats(&self) -> Stats {
        let inner = self.read();
        let mut stats = Stats { bytes: inner.index.bytes(), ..Stats::default() };
        for slot in inner.slots.iter().flatten() {
            let content = slot.content();
            stats.series += 1;
            stats.samples += content.series.samples();
            stats.bytes += content.series.bytes() + slot.bytes() + content.exemplars.len() * size_of::<Exemplar>();
            if let Some((first, last)) = content.series.span() {
                stats.min_time = Some(stats.min_time.map_or(first, |t| t.min(first)));
                stats.max_time = Some(stats.max_time.map_or(last, |t| t.max(last)));
            }
        }
        stats
    }

    /// A writer that panicked leaves single samples out at worst, so a poisoned lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn find(&self, labels: &Labels) -> Option<&Slot> {
        self.slot(*self.ids.get(labels)?)
    }

    fn slot(&self, id: SeriesId) -> Option<&Slot> {
        self.slots.get(id as usize)?.as_ref()
    }

    /// `None` where there is no such series.
    fn append_existing(
        &self,
        labels: &Labels,
        sample: Sample,
        options: StoreOptions,
    ) -> Option<Result<(), AppendError>> {
        let slot = self.find(labels)?;
        let result = slot.content().series.append(sample, options.out_of_order_ms);
        Some(result.map(drop).map_err(|refusal| AppendError::refused(refusal, &slot.labels, sample, options)))
    }

    fn append_new(&mut self, labels: &Labels, sample: Sample, options: StoreOptions) -> Result<(), AppendError> {
        // Another thread may have created the series between the two locks.
        if let Some(result) = self.append_existing(labels, sample, options) {
            return result;
        }
        if labels.is_empty() {
            return Err(AppendError::NoLabels);
        }
        if self.ids.len() >= options.max_series {
            return Err(AppendError::SeriesLimit { limit: options.max_series, labels: labels.clone() });
        }
        self.create(labels);
        self.append_existing(labels, sample, options).unwrap_or(Ok(()))
    }

    fn create(&mut self, labels: &Labels) {
        let uid = self.next_uid;
        self.insert(uid, labels);
    }

    fn insert(&mut self, uid: u64, labels: &Labels) -> SeriesId {
        self.next_uid = self.next_uid.max(uid + 1);
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // The series limit is far below the width of an identifier.
            (self.slots.len() - 1) as SeriesId
        });
        let labels = self.index.insert(id, labels);
        self.ids.insert(labels.clone(), id);
        self.slots[id as usize] = Some(Slot { labels, uid, content: Mutex::default() });
        id
    }

    fn truncate(&mut self, before: i64) {
        let mut gone = Vec::new();
        for (id, slot) in self.slots.iter_mut().enumerate() {
            let Some(held) = slot else { continue };
            let mut content = held.content();
            content.series.truncate(before);
            content.exemplars.truncate(before);
            let empty = content.series.is_empty();
            drop(content);
            if empty && let Some(slot) = slot.take() {
                self.removed.extend(slot.removed());
                gone.push((id as SeriesId, slot.labels));
            }
        }
        self.index.remove(gone.iter().map(|(id, labels)| (*id, labels)));
        for (id, labels) in gone {
            self.ids.remove(&labels);
            self.free.push(id);
        }
    }
}

impl Slot {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> usize {
        // Strings are the index's; a label set is pairs of pointers, held once and referred to twice.
        size_of::<Self>() + self.labels.len() * 32 + 32
    }
}

#[cfg(test)]
mod tests;
