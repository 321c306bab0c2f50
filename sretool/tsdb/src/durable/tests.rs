use super::*;
use crate::{Metadata, MetricType};
use promql::{Labels, Queryable, SelectHints, StorageError};
use std::collections::BTreeMap;
use std::sync::mpsc;

type Content = BTreeMap<String, Vec<(i64, u64)>>;

fn open(folder: &Path) -> DurableStore {
    let options = StoreOptions { retention_ms: 1_000_000, out_of_order_ms: i64::MAX, ..StoreOptions::default() };
    DurableStore::open(folder, options).unwrap()
}

fn name(i: usize) -> Labels {
    Labels::new([("__name__", "m"), ("i", &i.to_string())])
}

fn content(store: &Store) -> Result<Content, StorageError> {
    let all = store.select(&[], SelectHints { min_t: i64::MIN, max_t: i64::MAX })?;
    let samples = |s: &promql::SeriesData| s.samples.iter().map(|s| (s.t, s.v.to_bits())).collect();
    Ok(all.iter().map(|s| (s.labels.to_string(), samples(s))).collect())
}

fn fill(store: &Store, series: usize, times: std::ops::Range<i64>) {
    for t in times {
        for i in 0..series {
            store.append(&name(i), t * 1_000 + i as i64, (t * i as i64) as f64).unwrap();
        }
    }
}

#[test]
fn everything_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let durable = open(&folder.path().join("new").join("folder"));
    fill(durable.store(), 7, 0..1_000);
    durable.store().append(&name(0), 500, f64::NAN).unwrap();
    durable.store().append(&name(0), 999_500, promql::stale_nan()).unwrap();
    let metadata = Metadata { kind: MetricType::Counter, help: "M.".into(), unit: String::new() };
    durable.store().set_metadata("m", metadata.clone());
    let flushed = durable.flush().unwrap();
    assert_eq!((flushed.series, flushed.chunks), (7, 28));
    assert_eq!(durable.flush().unwrap(), Flushed::default());
    fill(durable.store(), 7, 1_000..1_010);
    assert_eq!(durable.flush().unwrap(), Flushed { series: 7, chunks: 0, samples: 70, removed: 0 });
    let before = content(durable.store()).unwrap();
    drop(durable);
    let again = open(&folder.path().join("new").join("folder"));
    assert_eq!(content(again.store()).unwrap(), before);
    assert_eq!(again.store().metadata().get("m"), Some(&metadata));
    assert_eq!(again.store().stats().samples, 7 * 1_010 + 2);
    // A store that was read back goes on as it was.
    fill(again.store(), 9, 1_010..1_500);
    again.flush().unwrap();
    let before = content(again.store()).unwrap();
    drop(again);
    assert_eq!(content(open(&folder.path().join("new").join("folder")).store()).unwrap(), before);
}

#[test]
fn what_was_not_flushed_is_all_that_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let durable = open(folder.path());
    fill(durable.store(), 3, 0..100);
    durable.flush().unwrap();
    let before = content(durable.store()).unwrap();
    fill(durable.store(), 4, 100..900);
    drop(durable);
    assert_eq!(content(open(folder.path()).store()).unwrap(), before);
}

#[test]
fn retention_deletes_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let durable = open(folder.path());
    fill(durable.store(), 5, 0..1_000);
    durable.flush().unwrap();
    fill(durable.store(), 1, 1_000..3_000);
    durable.store().truncate(3_000_000);
    assert_eq!(durable.flush().unwrap().removed, 4);
    let before = content(durable.store()).unwrap();
    assert_eq!(before.len(), 1);
    drop(durable);
    let again = open(folder.path());
    again.store().truncate(3_000_000);
    assert_eq!(content(again.store()).unwrap(), before);
    // A series that comes again is another one.
    fill(again.store(), 2, 3_000..3_001);
    again.flush().unwrap();
    let before = content(again.store()).unwrap();
    drop(again);
    assert_eq!(content(open(folder.path()).store()).unwrap(), before);
}

#[test]
fn a_log_that_grows_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let durable = open(folder.path());
    durable.disk.lock().unwrap().limit_log(20_000);
    let mut largest = 0;
    for round in 0..60 {
        fill(durable.store(), 100, round * 7..(round + 1) * 7);
        durable.flush().unwrap();
        largest = largest.max(durable.disk.lock().unwrap().log_bytes());
    }
    // Sixty flushes of 100 entries of 50 bytes and more.
    assert!((20_000..150_000).contains(&largest), "{largest} bytes");
    let before = content(durable.store()).unwrap();
    drop(durable);
    assert_eq!(content(open(folder.path()).store()).unwrap(), before);
}

#[test]
fn a_second_opener_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path());
    let error = DurableStore::open(folder.path(), StoreOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[test]
fn foreign_files_are_left_alone() {
    for bytes in [&b""[..], b"redb", b"SQLite format 3\0 and much more", &[0; 100_000]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, bytes).unwrap();
        let error = DurableStore::open(folder.path(), StoreOptions::default()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    let other = redb::Database::create(folder.path().join(FILE)).unwrap();
    let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("x");
    let transaction = other.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert(1, 1).unwrap();
    transaction.commit().unwrap();
    drop(other);
    let error = DurableStore::open(folder.path(), StoreOptions::default()).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
}

#[test]
fn damage_is_an_error_or_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let durable = open(folder.path());
    fill(durable.store(), 20, 0..1_000);
    durable.flush().unwrap();
    let before = content(durable.store()).unwrap();
    drop(durable);
    let path = folder.path().join(FILE);
    let good = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for place in (0..good.len()).step_by(good.len() / 60) {
        let mut bad = good.clone();
        bad[place..(place + 64).min(good.len())].iter_mut().for_each(|b| *b ^= 0x55);
        std::fs::write(&path, &bad).unwrap();
        match DurableStore::open(folder.path(), StoreOptions::default()) {
            Ok(opened) => assert_eq!(content(opened.store()).unwrap(), before, "at {place}"),
            Err(error) => {
                assert!(error.to_string().contains(FILE), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5, "{refused}");
    for length in [100, 4_096, 50_000, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        match DurableStore::open(folder.path(), StoreOptions::default()) {
            Ok(opened) => assert_eq!(content(opened.store()).unwrap(), before, "cut to {length}"),
            Err(error) => assert!(error.to_string().contains(FILE), "{error}"),
        }
    }
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for folder in [file.path().to_owned(), file.path().join("below"), "/proc/nowhere".into()] {
        let error = DurableStore::open(&folder, StoreOptions::default()).unwrap_err();
        assert!(matches!(error, OpenError::Io { .. }), "{error}");
        assert!(error.to_string().starts_with(&folder.display().to_string()), "{error}");
    }
}

#[test]
fn the_flusher_flushes_at_its_interval_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let durable = Arc::new(open(folder.path()));
    let (errors, none) = mpsc::channel();
    let flusher = durable.flush_every(Duration::from_millis(5), move |error| drop(errors.send(error.to_string())));
    fill(durable.store(), 1, 0..10);
    let waited = std::time::Instant::now();
    while !durable.disk.lock().unwrap().has_written() && waited.elapsed() < Duration::from_secs(60) {
        std::thread::yield_now();
    }
    assert!(durable.disk.lock().unwrap().has_written());
    fill(durable.store(), 1, 10..20);
    drop(flusher.unwrap());
    assert!(none.try_recv().is_err());
    drop(durable);
    assert_eq!(open(folder.path()).store().stats().samples, 20);
}
