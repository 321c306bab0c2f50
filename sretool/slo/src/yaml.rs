//! YAML as a tree whose every node knows its place.
//!
//! Built from the parser's events rather than from a ready-made tree, because a duplicate key must be an error here,
//! and because nesting and aliases must not exhaust the stack or the memory.

use crate::finding::Position;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use std::collections::HashMap;

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 200_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) data: Data,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

/// Why a text is no YAML that this crate reads.
#[derive(Debug)]
pub(crate) struct YamlError {
    pub(crate) at: Position,
    pub(crate) message: String,
}

impl Node {
    /// A mapping without keys.
    pub(crate) fn empty(at: Position) -> Self {
        Self { at, data: Data::Mapping(Vec::new()) }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What the value is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.data {
            _ if self.is_null() => "nothing",
            Data::Scalar { plain: false, .. } => "a string",
            Data::Scalar { text, .. } if matches!(text.as_str(), "true" | "false") => "a boolean",
            Data::Scalar { text, .. } if is_number(text) => "a number",
            Data::Scalar { .. } => "a string",
            Data::Sequence(_) => "a list",
            Data::Mapping(_) => "a mapping",
        }
    }
}

/// Whether YAML's core schema reads a plain scalar as a number.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) && text.parse::<f64>().is_ok()
}

/// Reads every document of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|e| YamlError { at: position(e.marker()), message: e.info().trim().to_owned() })?;
        builder.event(event, position(&span.start))?;
    }
    Ok(builder.documents)
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A collection whose end has not come yet.
struct Open {
    at: Position,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<(String, Position)> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Position) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let data = Data::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.add(Node { at, data }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.start(at, anchor, OpenKind::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.start(at, anchor, OpenKind::Mapping { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let data = match open.kind {
                    OpenKind::Sequence(items) => Data::Sequence(items),
                    OpenKind::Mapping { entries, .. } => Data::Mapping(entries),
                };
                self.add(Node { at: open.at, data }, open.anchor)
            }
            Event::Alias(anchor) => {
                let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                    return Err(YamlError { at, message: "the alias stands inside the value that it names".into() });
                };
                self.nodes += size(&node);
                node.at = at;
                self.add(node, 0)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn start(&mut self, at: Position, anchor: usize, kind: OpenKind) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError { at, message: format!("nested more than {MAX_DEPTH} levels deep") });
        }
        self.open.push(Open { at, anchor, kind });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(YamlError { at: node.at, message: format!("more than {MAX_NODES} values, aliases included") });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.documents.push(node),
            Some(OpenKind::Sequence(items)) => items.push(node),
            Some(OpenKind::Mapping { entries, key }) => match key.take() {
                None => *key = Some(key_of(node, entries)?),
                Some((key, at)) => entries.push(Entry { key, at, value: node }),
            },
        }
        Ok(())
    }
}

fn key_of(node: Node, entries: &[Entry]) -> Result<(String, Position), YamlError> {
    let at = node.at;
    let Data::Scalar { text, .. } = node.data else {
        return Err(YamlError { at, message: "a key must be a string".into() });
    };
    match entries.iter().find(|entry| entry.key == text) {
        Some(first) => {
            Err(YamlError { at, message: format!("key {text:?} appears twice, first on line {}", first.at.line) })
        }
        None => Ok((text, at)),
    }
}

fn size(node: &Node) -> usize {
    match &node.data {
        Data::Scalar { .. } => 1,
        Data::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Data::Mapping(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, line: usize, column: usize, message: &str) {
        let error = parse(text).unwrap_err();
        assert_eq!((error.at.line, error.at.column), (line, column), "{}", error.message);
        assert!(error.message.contains(message), "{}", error.message);
    }

    #[test]
    fn every_value_and_key_knows_its_place() {
        let documents = parse("a: 1\nb:\n  - x\n  - {c: \"d\"}\n---\nsecond: true\n").unwrap();
        assert_eq!(documents.len(), 2);
        let Data::Mapping(entries) = &documents[0].data else { panic!("{documents:?}") };
        assert_eq!(entries[0].value.at, Position { line: 1, column: 4 });
        assert_eq!(entries[1].at, Position { line: 2, column: 1 });
        let Data::Sequence(items) = &entries[1].value.data else { panic!("{entries:?}") };
        assert_eq!(items[1].at, Position { line: 4, column: 5 });
        assert_eq!(documents[1].at.line, 6);
    }

    #[test]
    fn kinds_follow_the_core_schema() {
        let kinds = |text: &str| parse(text).unwrap()[0].kind();
        assert_eq!(kinds("~"), "nothing");
        assert_eq!(kinds("\"1\""), "a string");
        assert_eq!(kinds("1.5"), "a number");
        assert_eq!(kinds("nan-like"), "a string");
        assert_eq!(kinds("true"), "a boolean");
        assert_eq!(kinds("[1]"), "a list");
    }

    #[test]
    fn aliases_copy_and_cannot_explode() {
        let documents = parse("a: &x [1, 2]\nb: *x\n").unwrap();
        let Data::Mapping(entries) = &documents[0].data else { panic!("{documents:?}") };
        assert!(matches!(&entries[1].value.data, Data::Sequence(items) if items.len() == 2));
        let bomb = (1..12).fold("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned(), |text, i| {
            let reference = format!("*a{}", i - 1);
            format!("{text}a{i}: &a{i} [{}]\n", vec![reference; 10].join(","))
        });
        assert!(parse(&bomb).unwrap_err().message.contains("values"));
    }

    #[test]
    fn broken_text_names_the_place() {
        fails("a: 1\na: 2\n", 2, 1, "appears twice, first on line 1");
        fails("[a]: 1\n", 1, 1, "key must be a string");
        fails(&"[".repeat(100), 1, 65, "levels deep");
        fails("a: [1\nb: 2\n", 2, 2, "");
    }
}
