//! Runs the test files of Prometheus (`promqltest`) that lie in `$SRETOOL_REFERENCE/promqltest`.
//!
//! Every evaluation must pass or be refused as unsupported by a typed error; any other outcome fails the test, and so
//! does passing fewer than were recorded.

mod compare;
mod script;
mod store;
mod values;

use compare::{Failure, judge};
use script::Command;
use std::collections::BTreeMap;
use std::path::Path;
use store::Memory;

/// How many evaluations the files hold, and how many of them pass.
const RECORDED: (usize, usize) = (2214, 2214);

#[derive(Default, Debug)]
struct Tally {
    total: usize,
    passed: usize,
    unsupported: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, outcome: Result<(), Failure>, place: &str) {
        self.total += 1;
        match outcome {
            Ok(()) => self.passed += 1,
            Err(Failure::Unsupported(construct)) => {
                println!("unsupported: {place}: {construct}");
                self.unsupported += 1;
            }
            Err(Failure::Wrong(why)) => self.wrong.push(format!("{place}\n    {why}")),
        }
    }

    fn join(&mut self, other: Self) {
        self.total += other.total;
        self.passed += other.passed;
        self.unsupported += other.unsupported;
        self.wrong.extend(other.wrong);
    }

    fn line(&self, name: &str) -> String {
        let Self { total, passed, unsupported, wrong } = self;
        let wrong = wrong.len();
        format!("{name:<24}{passed:>5}/{total:<5} passed,{unsupported:>4} refused as unsupported,{wrong:>4} wrong")
    }
}

fn run_file(path: &Path) -> Tally {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut store = Memory::default();
    let mut tally = Tally::default();
    for command in script::read(&text).unwrap_or_else(|e| panic!("{name}: {e}")) {
        match command {
            Command::Clear => store = Memory::default(),
            Command::Load(load) => store.load(&load),
            Command::Eval(eval) => {
                tally.add(judge(&store, &eval), &format!("{name}:{} {}", eval.line, eval.expr));
            }
        }
    }
    tally
}

#[test]
fn prometheus_agrees() {
    let Some(reference) = std::env::var_os("SRETOOL_REFERENCE") else {
        println!("skipped: SRETOOL_REFERENCE is not set");
        return;
    };
    // A relative folder is meant from the root of the workspace; joining an absolute one replaces the root.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(reference).join("promqltest");
    let mut files: BTreeMap<_, _> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "test") {
            files.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), path);
        }
    }
    let mut all = Tally::default();
    for (name, path) in files {
        let tally = run_file(&path);
        println!("{}", tally.line(&name));
        all.join(tally);
    }
    println!("{}", all.line("all"));
    assert!(all.wrong.is_empty(), "{} wrong:\n{}", all.wrong.len(), all.wrong.join("\n"));
    assert_eq!(all.total, RECORDED.0, "another number of evaluations than was recorded");
    assert!(all.passed >= RECORDED.1, "{} pass, {} did", all.passed, RECORDED.1);
}
