//! Reading everything back.

use super::error::Cause;
use super::format::{CHUNKS, LOG, METADATA, SERIES};
use super::record::{self, Kind};
use crate::metadata::Metadata;
use crate::store::{Restore, Store};
use promql::Sample;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use std::collections::BTreeMap;

/// What the writer needs to know of the file.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub next_block: u64,
    pub log_bytes: usize,
    pub metadata: BTreeMap<String, Metadata>,
}

/// Fills an empty store.
pub(super) fn load(database: &Database, store: &Store) -> Result<Loaded, Cause> {
    let transaction = database.begin_read()?;
    let mut loaded = Loaded { metadata: metadata(&transaction)?, ..Loaded::default() };
    store.restore_metadata(loaded.metadata.clone());
    let mut restore = store.restore();
    series(&transaction, &mut restore)?;
    let remnants = chunks(&transaction, &restore)?;
    // Late samples find their place only when everything that came in order is there.
    log(&transaction, &mut restore, Kind::Tail, &mut loaded)?;
    log(&transaction, &mut restore, Kind::Late, &mut loaded)?;
    for (uid, samples) in remnants {
        restore.late(uid, samples.into_iter());
    }
    restore.finish();
    Ok(loaded)
}

fn damaged(cause: &'static str) -> Cause {
    Cause::Damaged(cause.to_owned())
}

fn metadata(transaction: &ReadTransaction) -> Result<BTreeMap<String, Metadata>, Cause> {
    let mut all = BTreeMap::new();
    for record in transaction.open_table(METADATA)?.iter()? {
        let (family, value) = record?;
        all.insert(family.value().to_owned(), record::read_metadata(value.value()).map_err(damaged)?);
    }
    Ok(all)
}

fn series(transaction: &ReadTransaction, restore: &mut Restore<'_>) -> Result<(), Cause> {
    for record in transaction.open_table(SERIES)?.iter()? {
        let (uid, labels) = record?;
        let labels = record::read_labels(labels.value()).map_err(damaged)?;
        restore.series(uid.value(), &labels).map_err(damaged)?;
    }
    Ok(())
}

/// Puts chunks back and returns the samples of those that do not fit.
fn chunks(transaction: &ReadTransaction, restore: &Restore<'_>) -> Result<Vec<(u64, Vec<Sample>)>, Cause> {
    let mut remnants = Vec::new();
    for record in transaction.open_table(CHUNKS)?.iter()? {
        let (key, value) = record?;
        let ((first_t, uid), (count, bytes)) = (key.value(), value.value());
        let remnant = restore.chunk(uid, first_t, count, bytes).map_err(damaged)?;
        if !remnant.is_empty() {
            remnants.push((uid, remnant));
        }
    }
    Ok(remnants)
}

fn log(transaction: &ReadTransaction, restore: &mut Restore<'_>, kind: Kind, loaded: &mut Loaded) -> Result<(), Cause> {
    loaded.log_bytes = 0;
    for record in transaction.open_table(LOG)?.iter()? {
        let (number, block) = record?;
        loaded.next_block = number.value() + 1;
        loaded.log_bytes += block.value().len();
        for entry in record::entries(block.value()).map_err(damaged)? {
            match kind {
                _ if entry.kind != kind => {}
                Kind::Tail => restore.tail(entry.uid, entry.samples()),
                Kind::Late => restore.late(entry.uid, entry.samples()),
            }
        }
    }
    Ok(())
}
