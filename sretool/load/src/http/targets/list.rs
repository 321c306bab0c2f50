//! Reads lists of targets: vegeta's format, with words after the URL and bodies in the list.

use super::Targets;
use crate::http::target::{Target, TargetError};
use std::path::Path;

/// Why a list is unreadable: `FILE:LINE: cause`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {cause}")]
pub struct ListError {
    /// As given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub cause: String,
}

/// A request line and the lines that belong to it.
struct Entry {
    target: Target,
    /// The path that stands for the method and URL in reports.
    name: Option<String>,
    has_body: bool,
}

pub(super) fn read(file: &Path, text: &str) -> Result<Targets, ListError> {
    let mut all = Vec::new();
    let mut entry: Option<Entry> = None;
    let mut last = 1;
    for (i, line) in text.lines().enumerate() {
        let at = |cause: String| ListError { file: file.display().to_string(), line: i + 1, cause };
        let line = line.trim();
        last = i + 1;
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            all.extend(entry.take().map(finish));
            continue;
        }
        // Lists without blank lines between requests are common where these have neither headers nor bodies.
        if entry.is_some() && is_request(line) {
            all.extend(entry.take().map(finish));
        }
        match &mut entry {
            None => entry = Some(request(line).map_err(at)?),
            Some(entry) => belonging(entry, line, file).map_err(at)?,
        }
    }
    all.extend(entry.take().map(finish));
    Targets::new(all).ok_or_else(|| ListError {
        file: file.display().to_string(),
        line: last,
        cause: "no target with a weight above 0: write a line such as GET http://HOST:PORT/PATH".to_owned(),
    })
}

fn is_request(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let method = words.next().is_some_and(|word| word.bytes().all(|b| b.is_ascii_uppercase()));
    method && words.next().is_some_and(|word| word.contains("://"))
}

fn finish(entry: Entry) -> Target {
    match entry.name {
        Some(name) => entry.target.named(&name),
        None => entry.target,
    }
}

fn request(line: &str) -> Result<Entry, String> {
    let mut words = line.split_whitespace();
    let (method, url) = (words.next().unwrap_or_default(), words.next());
    let url = url.ok_or_else(|| format!("{line:?} is no request: write METHOD URL, such as GET http://HOST/PATH"))?;
    let said = |error: TargetError| error.to_string();
    let target = Target::parse(url).map_err(said)?.with_method(method).map_err(said)?;
    let mut entry = Entry { target, name: None, has_body: false };
    for word in words {
        option(&mut entry, word)?;
    }
    Ok(entry)
}

fn option(entry: &mut Entry, word: &str) -> Result<(), String> {
    const KNOWN: &str = "after the URL there may be weight=N, name=/PATH and expect=STATUS,…";
    let (key, value) = word.split_once('=').ok_or_else(|| format!("unexpected {word:?}: {KNOWN}"))?;
    match key {
        "weight" => {
            let weight = value.parse().ok().filter(|weight| *weight <= 1_000_000);
            entry.target.weight = weight.ok_or_else(|| format!("weight={value}: write a number up to 1,000,000"))?;
        }
        "name" if !value.is_empty() => entry.name = Some(value.to_owned()),
        "expect" => {
            let status = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status));
            let statuses = value.split(',').map(status).collect::<Option<Vec<u16>>>();
            entry.target.expected = statuses.ok_or_else(|| format!("expect={value}: write statuses, as 200,404"))?;
        }
        _ => return Err(format!("unknown option {word:?}: {KNOWN}")),
    }
    Ok(())
}

fn belonging(entry: &mut Entry, line: &str, file: &Path) -> Result<(), String> {
    if entry.has_body {
        return Err(format!("{line:?} follows a body: put a blank line before the next request"));
    }
    let target = entry.target.clone();
    if let Some(path) = line.strip_prefix('@') {
        let path = file.parent().unwrap_or(Path::new(".")).join(path.trim());
        let body = std::fs::read(&path).map_err(|error| format!("cannot read the body {}: {error}", path.display()))?;
        entry.target = target.with_body(body);
        entry.has_body = true;
    } else if let Some(body) = line.strip_prefix("body:") {
        entry.target = target.with_body(body.trim().to_owned());
        entry.has_body = true;
    } else {
        entry.target = target.with_header(line).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Targets, ListError> {
        read(Path::new("dir/list.txt"), text)
    }

    #[test]
    fn a_list_is_read_in_whole() {
        let text = "# shop\nGET http://h:1/a weight=3\nGET http://h:1/b\n\n\
                    POST http://h:1/c/7 name=/c/{id} expect=201,409\n\
                    X-Key: 1\nbody: {\"a\": 1}\n";
        let targets = list(text).unwrap();
        let shown: Vec<_> = targets.all().iter().map(|t| (&*t.route, t.weight, t.expected.len())).collect();
        assert_eq!(shown, [("GET /a", 3, 0), ("GET /b", 1, 0), ("POST /c/{id}", 1, 2)]);
        let post = &targets.all()[2];
        assert!(&post.body[..] == b"{\"a\": 1}" && post.headers["x-key"] == "1");
    }

    #[test]
    fn a_body_may_stand_in_a_file_beside_the_list() {
        let directory = std::env::temp_dir().join(format!("targets-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("order.json"), "[1]").unwrap();
        let targets = read(&directory.join("list"), "PUT http://h/x\n@order.json\n").unwrap();
        assert_eq!(&targets.all()[0].body[..], b"[1]");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn errors_name_file_line_and_remedy() {
        for (text, line, part) in [
            ("", 1, "no target"),
            ("# nothing\n\n", 2, "no target"),
            ("GET http://h/ weight=0\n", 1, "no target"),
            ("http://h/\n", 1, "METHOD URL"),
            ("get http://h/\n", 1, "no HTTP method"),
            ("GET http://h/\n\nGET h\n", 3, "no URL"),
            ("GET http://h/ wait=3\n", 1, "weight=N"),
            ("GET http://h/ weight=many\n", 1, "number"),
            ("GET http://h/ expect=99\n", 1, "statuses"),
            ("GET http://h/\nno header\n", 2, "NAME: VALUE"),
            ("GET http://h/\n@no/such/file\n", 2, "cannot read the body dir/no/such/file"),
            ("GET http://h/\nbody: x\nA: b\n", 3, "follows a body"),
        ] {
            let error = list(text).unwrap_err();
            assert!(error.to_string().starts_with(&format!("dir/list.txt:{line}: ")), "{text:?}: {error}");
            assert!(error.cause.contains(part), "{text:?}: {error}");
        }
    }
}
