//! File patterns: `*` and `?` within a path component.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Existing files that match, in order of name. A pattern without wildcards stands for itself.
pub(crate) fn expand(pattern: &str) -> io::Result<Vec<PathBuf>> {
    if !is_pattern(pattern) {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let mut found = vec![PathBuf::new()];
    for component in Path::new(pattern).components() {
        let mut next = Vec::new();
        for base in found {
            match component.as_os_str().to_str() {
                Some(text) if is_pattern(text) && matches!(component, Component::Normal(_)) => {
                    next.extend(matching(&base, text)?);
                }
                _ => next.push(base.join(component)),
            }
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn matching(base: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let directory = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let mut found = Vec::new();
    match std::fs::read_dir(directory) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if name.to_str().is_some_and(|name| matches(pattern.as_bytes(), name.as_bytes())) {
                    found.push(base.join(name));
                }
            }
        }
        // What another wildcard matched may be a file, or gone by now.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => return Err(error),
    }
    Ok(found)
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        ([b'?', pattern @ ..], [_, name @ ..]) => matches(pattern, name),
        ([p, pattern @ ..], [n, name @ ..]) if p == n => matches(pattern, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_within_a_component() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a/x.yaml", "a/y.yml", "b/z.yaml", "b/deep/w.yaml"] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let found = expand(&root.path().join(pattern).display().to_string()).unwrap();
            found.iter().map(|p| p.strip_prefix(root.path()).unwrap().display().to_string()).collect()
        };
        assert_eq!(names("a/*.yaml"), ["a/x.yaml"]);
        assert_eq!(names("*/*.y*ml"), ["a/x.yaml", "a/y.yml", "b/z.yaml"]);
        assert_eq!(names("?/?.yaml"), ["a/x.yaml", "b/z.yaml"]);
        assert_eq!(names("c/*.yaml"), Vec::<String>::new());
        assert_eq!(names("a/none.yaml"), ["a/none.yaml"], "a plain path is reported when it is read");
    }

    #[test]
    fn stars_match_any_run() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("a*b", "ab", true),
            ("?", "", false),
            ("*.yaml", "x.yml", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
