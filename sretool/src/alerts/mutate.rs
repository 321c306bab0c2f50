//! `sretool alerts mutate`: would the tests notice if a rule were wrong?

use super::suite::Suites;
use crate::exit;
use crate::io::Io;
use alerts::mutate::{Fate, Mutant, fates, mutants};
use alerts::unit_test::{self, Options};
use regex::Regex;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool alerts mutate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Test files in the format of `promtool test rules`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only rules whose name matches
    #[arg(long, value_name = "REGEX")]
    rule: Option<Regex>,
    /// Evaluate as this Prometheus does; 2.42 counts samples on both ends of a range
    #[arg(long, value_name = "VERSION", value_parser = ["3", "2.42"], default_value = "3")]
    compat: String,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// Lists mutants that no test notices: 0 without one, 1 with some or when the tests fail already, 2 for unreadable files.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let mut suites = Suites::default();
    for path in &args.files {
        if let Err(problems) = suites.add(path) {
            problems.iter().for_each(|problem| io.note(problem));
            return exit::invalid();
        }
    }
    let options = Options { compat: super::compat(&args.compat), ..Options::default() };
    for suite in &suites.suites {
        let reports = unit_test::run(&suite.tests, &suites.files_of(suite), &options);
        if reports.iter().any(|report| !report.failures.is_empty()) {
            let name = &suite.tests.name;
            io.error(format_args!("{name} fails before any rule is changed; see `sretool alerts test {name}`"));
            return exit::failed();
        }
    }
    let mut mutants = mutants(&suites.rule_files);
    if let Some(only) = &args.rule {
        mutants.retain(|mutant| only.is_match(mutant.rule.name()));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let fates = fates(&suites.rule_files, &suites.suites, &mutants, options.compat, threads);
    match args.format {
        Format::Text => text(&suites, &mutants, &fates, io),
        Format::Json => io.line(json(&suites, &mutants, &fates)),
    }
    if fates.iter().all(|fate| *fate == Fate::Killed) { exit::good() } else { exit::failed() }
}

fn text(suites: &Suites, mutants: &[Mutant], fates: &[Fate], io: &mut Io<'_>) {
    for (mutant, fate) in mutants.iter().zip(fates).filter(|(_, fate)| **fate != Fate::Killed) {
        let why = if *fate == Fate::NotReached { "no test exercises the rule" } else { "no test noticed" };
        let file = &suites.rule_files[mutant.place.file].name;
        io.line(format_args!("{file}:{}: {}: {}: {why}", mutant.rule.line, mutant.rule.name(), mutant.change));
    }
    let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
    io.line(format_args!(
        "{} mutants: {} killed, {} survived, {} not reached by any test",
        mutants.len(),
        count(Fate::Killed),
        count(Fate::Survived),
        count(Fate::NotReached)
    ));
}

fn json(suites: &Suites, mutants: &[Mutant], fates: &[Fate]) -> serde_json::Value {
    let word = |fate: &Fate| match fate {
        Fate::Killed => "killed",
        Fate::Survived => "survived",
        Fate::NotReached => "not_reached",
    };
    let one = |(mutant, fate): (&Mutant, &Fate)| {
        json!({
            "file": suites.rule_files[mutant.place.file].name, "line": mutant.rule.line, "rule": mutant.rule.name(),
            "change": mutant.change, "fate": word(fate),
        })
    };
    json!(mutants.iter().zip(fates).map(one).collect::<Vec<_>>())
}
