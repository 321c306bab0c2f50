//! Runs the test files of Prometheus (`promqltest`) that lie in `$SRETOOL_REFERENCE/promqltest`.
//!
//! An evaluation counts as core if it works on floats only and its file is not about a construct that this evaluator
//! refuses. Every core evaluation must pass; every other must pass, be refused as unsupported, or have read native
//! histograms or start timestamps, which the store of this test (like that of the product) cannot hold.

mod compare;
mod script;
mod store;
mod values;

use compare::judge;
use script::{Command, Eval};
use std::collections::BTreeMap;
use std::path::Path;
use store::Memory;

/// Files about constructs that are refused: their float evaluations are counted, but not as core.
const NOT_CORE: [&str; 5] = ["extended_vectors", "fill-modifier", "info", "start_timestamps", "type_and_unit"];

/// Core evaluations that are known not to pass, each with its reason.
const KNOWN: &[(&str, &str)] = &[(
    "count_values(\"a\\xc5z\", version)",
    "a string that is not UTF-8 is refused by the parser, with another message than Prometheus gives at evaluation",
)];

/// How an evaluation went.
#[derive(Debug, PartialEq)]
enum Outcome {
    Passed,
    /// Refused as unsupported: the construct.
    Unsupported(String),
    /// Read native histograms or start timestamps.
    Native,
    Wrong(String),
}

#[derive(Default, Debug)]
struct Tally {
    total: usize,
    passed: usize,
    unsupported: usize,
    native: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, outcome: Outcome, place: &str) {
        self.total += 1;
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Unsupported(_) => self.unsupported += 1,
            Outcome::Native => self.native += 1,
            Outcome::Wrong(why) => self.wrong.push(format!("{place}\n    {why}")),
        }
    }

    fn line(&self, name: &str) -> String {
        let judged = self.passed + self.wrong.len();
        format!(
            "{name:<24}{:>5}/{judged:<5} floats passed,{:>4} refused as unsupported,{:>4} native, {} in all",
            self.passed, self.unsupported, self.native, self.total
        )
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
                let outcome = run(&store, &eval);
                let known = KNOWN.iter().any(|(expr, _)| *expr == eval.expr);
                if known && matches!(outcome, Outcome::Wrong(_)) {
                    println!("known: {name}:{} {}", eval.line, eval.expr);
                    continue;
                }
                tally.add(outcome, &format!("{name}:{} {}", eval.line, eval.expr));
            }
        }
    }
    tally
}

fn run(store: &Memory, eval: &Eval) -> Outcome {
    store.reset_taint();
    let judgement = judge(store, eval);
    if store.tainted() || eval.expects_native() {
        return Outcome::Native;
    }
    match judgement {
        Ok(()) => Outcome::Passed,
        Err(compare::Failure::Unsupported(construct)) => Outcome::Unsupported(construct),
        Err(compare::Failure::Wrong(why)) => Outcome::Wrong(why),
    }
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
    let mut core = Tally::default();
    let mut other = Tally::default();
    for (name, path) in files {
        let tally = run_file(&path);
        println!("{}", tally.line(&name));
        let sum = if NOT_CORE.contains(&&*name) { &mut other } else { &mut core };
        sum.total += tally.total;
        sum.passed += tally.passed;
        sum.unsupported += tally.unsupported;
        sum.native += tally.native;
        sum.wrong.extend(tally.wrong);
    }
    println!("{}\n{}", core.line("core"), other.line("other"));
    for (expr, reason) in KNOWN {
        println!("known: {expr}: {reason}");
    }
    let wrong: Vec<_> = core.wrong.iter().chain(&other.wrong).cloned().collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(core.passed > 700, "too few core evaluations were found: {}", core.passed);
}
