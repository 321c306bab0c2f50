//! The process that writes.

use promql::Labels;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tsdb::{DurableStore, StoreOptions};

/// Number of series.
pub const SERIES: i64 = 12;
/// Rounds that are never dropped: retention is twice as long, and drops whole chunks.
pub const RETENTION_ROUNDS: i64 = 400;

pub fn options() -> StoreOptions {
    StoreOptions { retention_ms: 2 * RETENTION_ROUNDS * 1_000, max_series: 100, out_of_order_ms: 1_000_000 }
}

/// The only value that a series may have at a time, if it may have one.
pub fn expected(series: i64, t: i64) -> Option<f64> {
    let late = t % 1_000 == 500 && (t / 1_000 + series) % 3 == 0;
    let value = ((t / 500) * (series + 1) % 1_009) as f64 / 7.0;
    (t % 1_000 == 0 || late).then_some(value)
}

fn labels(series: i64) -> Labels {
    Labels::new([("__name__", "m"), ("i", &series.to_string())])
}

fn round(durable: &DurableStore, round: i64) {
    for series in 0..SERIES {
        for t in [round * 1_000, (round - 10) * 1_000 + 500] {
            if let Some(v) = expected(series, t).filter(|_| t >= 0) {
                durable.store().append(&labels(series), t, v).unwrap();
            }
        }
    }
}

fn write(folder: &Path) {
    let durable = Arc::new(DurableStore::open(folder, options()).unwrap());
    // Two flushers at once, so that a kill meets every state.
    let _flusher = durable.flush_every(Duration::from_millis(3), |error| panic!("{error}")).unwrap();
    let first = durable.store().stats().max_time.map_or(0, |t| t / 1_000);
    // A flush visits one series after the other while rounds go on: the last rounds may be there in part. A repetition
    // changes nothing.
    for n in first.saturating_sub(RETENTION_ROUNDS).max(0)..first + 100_000 {
        round(&durable, n);
        if n > first && n % 37 == 0 {
            durable.store().truncate(n * 1_000);
            durable.flush().unwrap();
            println!("flushed {n}");
        }
    }
}

fn fill(folder: &Path) {
    let endless = StoreOptions { retention_ms: i64::MAX, ..options() };
    let durable = DurableStore::open(folder, endless).unwrap();
    for n in 0..100 {
        round(&durable, n);
    }
    durable.flush().unwrap();
    let (mut last, mut error) = (99, None);
    while error.is_none() {
        for _ in 0..3_000 {
            last += 1;
            round(&durable, last);
        }
        error = durable.flush().err();
        assert!(last < 1_000_000, "the disk never was full");
    }
    println!("{}", error.unwrap());
    let before = durable.store().stats();
    assert!(durable.flush().is_err(), "there still is no room");
    assert_eq!(durable.store().stats().samples, before.samples);
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    durable.flush().unwrap();
    println!("saved after all: {last}");
}

#[test]
fn child() {
    let Some(folder) = std::env::var_os("SRETOOL_STORE_FOLDER") else { return };
    match std::env::var("SRETOOL_STORE_TASK").as_deref() {
        Ok("write") => write(Path::new(&folder)),
        Ok("fill") => fill(Path::new(&folder)),
        other => panic!("no such task: {other:?}"),
    }
}
