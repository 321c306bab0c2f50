//! The tables of the file, and making and recognising one.

use super::error::{Cause, OpenError};
use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// What the file is, under the key `format`.
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
/// Label sets by series.
pub(super) const SERIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("series");
/// Number of samples and bytes of finished chunks, by first time and series.
pub(super) const CHUNKS: TableDefinition<'_, (i64, u64), (u32, &[u8])> = TableDefinition::new("chunks");
/// Blocks of samples that are in no finished chunk, in the order of writing.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Metadata by metric family.
pub(super) const METADATA: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("metadata");

const FORMAT: &str = "sretool metrics 1";
/// How every file of redb begins.
const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
/// Pages held in memory: everything is read once and written once, so that more would not help.
const CACHE_BYTES: usize = 16 << 20;

/// Opens the file, or makes one where there is none.
pub(super) fn open_or_create(folder: &Path, path: &Path) -> Result<Database, OpenError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |cause| OpenError::Io { path, cause }
    };
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    if !path.try_exists().map_err(io(path))? {
        create(folder, path).map_err(|cause| cause.at(path))?;
    }
    recognise(path).map_err(|cause| cause.at(path))?;
    let database = open(path, true).map_err(|cause| cause.at(path))?;
    check_format(&database).map_err(|cause| cause.at(path))?;
    Ok(database)
}

/// Opens a file that is known to be a store.
pub(super) fn open(path: &Path, check: bool) -> Result<Database, Cause> {
    let mut builder = Database::builder();
    Ok(builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(check).open(path)?)
}

/// Makes the file under another name first, so that a crash leaves no half of one.
fn create(folder: &Path, path: &Path) -> Result<(), Cause> {
    let unfinished = path.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Cause::Io(error)),
        _ => {}
    }
    let database = Database::builder().set_cache_size(CACHE_BYTES).create(&unfinished)?;
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert("format", FORMAT)?;
    transaction.open_table(SERIES)?;
    transaction.open_table(CHUNKS)?;
    transaction.open_table(LOG)?;
    transaction.open_table(METADATA)?;
    transaction.commit()?;
    database.close()?;
    std::fs::rename(&unfinished, path).map_err(Cause::Io)?;
    // The new name must survive a loss of power too.
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Cause::Io)
}

/// Refuses a file that is none of redb, before redb itself may write to it.
fn recognise(path: &Path) -> Result<(), Cause> {
    let mut start = [0; MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match read {
        Ok(()) if start == MAGIC => Ok(()),
        Ok(()) => Err(Cause::Foreign("it is no store of metrics".into())),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(Cause::Foreign("it is too short to be a store of metrics".into()))
        }
        Err(error) => Err(Cause::Io(error)),
    }
}

fn check_format(database: &Database) -> Result<(), Cause> {
    let transaction = database.begin_read()?;
    if !transaction.list_tables()?.any(|table| table.name() == META.name()) {
        return Err(Cause::Foreign("it is a database of another program".into()));
    }
    let meta = transaction.open_table(META)?;
    let found = meta.get("format")?;
    match found.as_ref().map(redb::AccessGuard::value) {
        Some(FORMAT) => Ok(()),
        Some(other) => Err(Cause::Foreign(format!("its format is {other:?}, and this program reads {FORMAT:?}"))),
        None => Err(Cause::Foreign("it is a database of another program".into())),
    }
}
