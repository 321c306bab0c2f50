//! `sretool alerts check`: the verdicts of `promtool check rules`, with columns.

use crate::exit;
use crate::io::Io;
use rules::{Duplicate, RuleFile};
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks files: 0 when all are valid, 2 otherwise. Duplicates are reported, and count with `lint_fatal`.
pub(super) fn run(paths: &[PathBuf], lint_fatal: bool, io: &mut Io<'_>) -> ExitCode {
    let mut files = Vec::new();
    let mut valid = true;
    for path in paths {
        match read(path) {
            Ok(file) => {
                let count = file.groups.iter().map(|group| group.rules.len()).sum();
                io.line(format_args!("{}: good: {}", file.name, counted(count, "rule")));
                files.push(file);
            }
            Err(problems) => {
                valid = false;
                problems.iter().for_each(|problem| io.note(problem));
            }
        }
    }
    let duplicates = rules::duplicates(&files);
    for duplicate in &duplicates {
        io.note(describe(duplicate));
    }
    if valid && (duplicates.is_empty() || !lint_fatal) { exit::good() } else { exit::invalid() }
}

pub(super) fn read(path: &PathBuf) -> Result<RuleFile, Vec<String>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| vec![format!("{name}: cannot be read: {e}")])?;
    rules::parse(&name, &text).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn describe(duplicate: &Duplicate) -> String {
    let labels: Vec<_> = duplicate.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let places: Vec<_> = duplicate.places.iter().map(|(file, line)| format!("{file}:{line}")).collect();
    let (first, others) = places.split_first().map_or((String::new(), &[][..]), |(f, o)| (f.clone(), o));
    format!(
        "{first}: warning: `{}` with the labels {{{}}} is also at {}; rename one, or give them different labels",
        duplicate.name,
        labels.join(", "),
        others.join(", ")
    )
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n";

    /// Status, standard output and standard error, the directory of the files left out.
    fn check(files: &[(&str, &str)], lint_fatal: bool) -> (ExitCode, String, String) {
        let root = tempfile::tempdir().unwrap();
        let write = |(name, text): &(&str, &str)| {
            let path = root.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let paths: Vec<_> = files.iter().map(write).collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&paths, lint_fatal, &mut Io { out: &mut out, err: &mut err, terminal: false });
        let shown = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", root.path().display()), "");
        (code, shown(out), shown(err))
    }

    #[test]
    fn good_files_are_counted() {
        let expected = (exit::good(), "a.yaml: good: 1 rule\nb.yaml: good: 0 rules\n".to_owned(), String::new());
        assert_eq!(check(&[("a.yaml", RULE), ("b.yaml", "groups: []")], false), expected);
    }

    #[test]
    fn a_bad_file_is_invalid_and_says_where() {
        let bad = RULE.replace("up == 0", "sum(up");
        let (code, out, err) = check(&[("good.yaml", RULE), ("bad.yaml", &bad)], false);
        assert_eq!(code, exit::invalid());
        assert_eq!(out, "good.yaml: good: 1 rule\n");
        assert!(err.starts_with("bad.yaml:5:"), "{err}");
        assert!(err.contains('^'), "{err}");
    }

    #[test]
    fn duplicates_are_reported_and_count_only_when_asked() {
        let files = [("a.yaml", RULE), ("b.yaml", RULE)];
        let (code, _, err) = check(&files, false);
        assert_eq!(code, exit::good());
        assert_eq!(err, {
            "a.yaml:4: warning: `A` with the labels {} is also at b.yaml:4; rename one, or give them different labels\n"
        });
        assert_eq!(check(&files, true).0, exit::invalid());
    }

    #[test]
    fn a_missing_file_is_invalid() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, terminal: false };
        assert_eq!(run(&[PathBuf::from("/nonexistent/r.yaml")], false, &mut io), exit::invalid());
        assert!(String::from_utf8(err).unwrap().contains("/nonexistent/r.yaml: cannot be read"));
    }
}
