//! Test files with the rule files that they name, read from disk.

use crate::serve::glob;
use alerts::mutate::Suite;
use alerts::unit_test::{self, TestFile};
use rules::RuleFile;
use std::path::Path;

/// Test files and their rule files, each rule file read once.
#[derive(Debug, Default)]
pub(super) struct Suites {
    pub(super) rule_files: Vec<RuleFile>,
    pub(super) suites: Vec<Suite>,
}

impl Suites {
    /// Reads a test file and what it names. On failure nothing of it is kept.
    ///
    /// # Errors
    /// Lines that each name a place, a cause and a remedy.
    pub(super) fn add(&mut self, path: &Path) -> Result<(), Vec<String>> {
        let tests = read_tests(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut rule_files = Vec::new();
        for pattern in &tests.rule_files {
            let joined = folder.join(pattern);
            let found = joined.to_str().map_or_else(|| Ok(vec![joined.clone()]), glob::expand);
            let mut found = found.map_err(|error| vec![format!("{}: {error}", joined.display())])?;
            if found.is_empty() {
                // promtool lets a pattern match nothing; a plain name must exist.
                continue;
            }
            found.sort();
            for rule_file in found {
                rule_files.push(self.rule_file(&rule_file)?);
            }
        }
        self.suites.push(Suite { tests, rule_files });
        Ok(())
    }

    /// The rule files of a suite.
    pub(super) fn files_of(&self, suite: &Suite) -> Vec<RuleFile> {
        suite.rule_files.iter().map(|i| self.rule_files[*i].clone()).collect()
    }

    fn rule_file(&mut self, path: &Path) -> Result<usize, Vec<String>> {
        let name = short_name(path);
        if let Some(known) = self.rule_files.iter().position(|file| file.name == name) {
            return Ok(known);
        }
        let text = std::fs::read_to_string(path).map_err(|e| vec![format!("{name}: cannot be read: {e}")])?;
        let file = rules::parse(&name, &text)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        self.rule_files.push(file);
        Ok(self.rule_files.len() - 1)
    }
}

fn read_tests(path: &Path) -> Result<TestFile, Vec<String>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| vec![format!("{name}: cannot be read: {e}")])?;
    unit_test::parse(&name, &text).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// A path without detours, relative to the working directory where it lies below it: one name for one file.
fn short_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().and_then(|path| path.canonicalize()).unwrap_or_default();
    full.strip_prefix(here).unwrap_or(&full).display().to_string()
}
