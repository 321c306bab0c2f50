//! Typed access to mappings, with every mistake reported at its place.

use crate::duration::Window;
use crate::finding::{Collector, Position, UNKNOWN_KEY, closest};
use crate::yaml::{Data, Entry, Node};

/// A mapping whose keys have been checked against a list.
pub(crate) struct Fields<'n> {
    pub(crate) at: Position,
    path: String,
    entries: &'n [Entry],
}

/// A string with its place.
#[derive(Clone, Copy)]
pub(crate) struct Text<'n> {
    pub(crate) value: &'n str,
    pub(crate) at: Position,
}

impl<'n> Fields<'n> {
    /// Opens a mapping. Anything else, and every key not in `allowed`, is reported.
    pub(crate) fn open(node: &'n Node, path: &str, allowed: &[&str], out: &mut Collector) -> Option<Self> {
        let Data::Mapping(entries) = &node.data else {
            let name = if path.is_empty() { "a document" } else { path };
            let message = format!("{name} must be a mapping, not {}", node.kind());
            out.error(node.at, "type", message, None);
            return None;
        };
        let fields = Self { at: node.at, path: path.to_owned(), entries };
        for entry in entries.iter().filter(|entry| !allowed.contains(&entry.key.as_str())) {
            let remedy = match closest(&entry.key, allowed) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("known keys: {}", allowed.join(", ")),
            };
            out.error(entry.at, UNKNOWN_KEY, format!("unknown key {:?}", fields.path_of(&entry.key)), Some(remedy));
        }
        Some(fields)
    }

    /// The dotted path of a key.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The place of a key, else of the mapping.
    pub(crate) fn place_of(&self, key: &str) -> Position {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.at, |entry| entry.at)
    }

    /// A value; null counts as absent.
    pub(crate) fn node(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    /// A value that must be there.
    pub(crate) fn required_node(&self, key: &str, out: &mut Collector) -> Option<&'n Node> {
        let node = self.node(key);
        if node.is_none() {
            self.missing(key, out);
        }
        node
    }

    pub(crate) fn missing(&self, key: &str, out: &mut Collector) {
        let message = format!("{:?} is required", self.path_of(key));
        out.error(self.place_of(key), "required", message, Some(format!("add the key {key:?}")));
    }

    /// A string.
    pub(crate) fn text(&self, key: &str, out: &mut Collector) -> Option<Text<'n>> {
        let node = self.node(key)?;
        match (&node.data, node.kind()) {
            (Data::Scalar { text, .. }, "a string") => Some(Text { value: text, at: node.at }),
            (Data::Scalar { text, .. }, kind) => {
                let message = format!("{:?} must be a string, not {kind}", self.path_of(key));
                out.error(node.at, "type", message, Some(format!("quote it: {text:?}")));
                None
            }
            (_, kind) => {
                let message = format!("{:?} must be a string, not {kind}", self.path_of(key));
                out.error(node.at, "type", message, None);
                None
            }
        }
    }

    /// A string that must be there and not be empty.
    pub(crate) fn required_text(&self, key: &str, out: &mut Collector) -> Option<Text<'n>> {
        self.required_node(key, out)?;
        let text = self.text(key, out)?;
        if text.value.is_empty() {
            self.missing(key, out);
            return None;
        }
        Some(text)
    }

    /// A string that is one of a list.
    pub(crate) fn one_of(&self, key: &str, values: &[&str], out: &mut Collector) -> Option<Text<'n>> {
        let text = self.text(key, out)?;
        if values.contains(&text.value) {
            return Some(text);
        }
        let remedy = match closest(text.value, values) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("use one of {}", values.join(", ")),
        };
        let message = format!("{:?} cannot be {:?}", self.path_of(key), text.value);
        out.error(text.at, "value", message, Some(remedy));
        None
    }

    /// A number with its place and its text.
    pub(crate) fn number(&self, key: &str, out: &mut Collector) -> Option<(f64, Text<'n>)> {
        let node = self.node(key)?;
        if let (Data::Scalar { text, .. }, "a number") = (&node.data, node.kind())
            && let Ok(number) = text.parse::<f64>()
        {
            return Some((number, Text { value: text, at: node.at }));
        }
        let message = format!("{:?} must be a number, not {}", self.path_of(key), node.kind());
        out.error(node.at, "type", message, Some("write a number without quotes".into()));
        None
    }

    /// The strings of a mapping; empty where it is absent.
    pub(crate) fn texts(&self, key: &str, out: &mut Collector) -> Vec<(String, String)> {
        let Some(inner) = self.inner(key, out) else { return Vec::new() };
        let text = |entry: &Entry, out: &mut Collector| {
            let text = inner.node(&entry.key).map_or(Some(""), |_| inner.text(&entry.key, out).map(|text| text.value));
            text.map(|text| (entry.key.clone(), text.to_owned()))
        };
        inner.entries.iter().filter_map(|entry| text(entry, out)).collect()
    }

    /// The same, where numbers and booleans count as the text that stands there.
    pub(crate) fn loose_texts(&self, key: &str, out: &mut Collector) -> Vec<(String, String)> {
        let Some(inner) = self.inner(key, out) else { return Vec::new() };
        let mut texts = Vec::new();
        for entry in inner.entries {
            match &entry.value.data {
                Data::Scalar { text, .. } => texts.push((entry.key.clone(), text.clone())),
                _ => {
                    inner.text(&entry.key, out);
                }
            }
        }
        texts
    }

    fn inner(&self, key: &str, out: &mut Collector) -> Option<Self> {
        let node = self.node(key)?;
        let Data::Mapping(entries) = &node.data else {
            let message = format!("{:?} must be a mapping, not {}", self.path_of(key), node.kind());
            out.error(node.at, "type", message, None);
            return None;
        };
        Some(Self { at: node.at, path: self.path_of(key), entries })
    }

    /// The place of a key of an inner mapping.
    pub(crate) fn inner_place(&self, key: &str, inner: &str) -> Position {
        match self.node(key).map(|node| &node.data) {
            Some(Data::Mapping(entries)) => {
                entries.iter().find(|entry| entry.key == inner).map_or_else(|| self.place_of(key), |entry| entry.at)
            }
            _ => self.place_of(key),
        }
    }

    /// The strings of a list; empty where it is absent.
    pub(crate) fn text_list(&self, key: &str, out: &mut Collector) -> Vec<String> {
        let mut texts = Vec::new();
        for node in self.list(key, out) {
            match (&node.data, node.kind()) {
                (Data::Scalar { text, .. }, "a string") => texts.push(text.clone()),
                (_, kind) => {
                    let message = format!("an item of {:?} must be a string, not {kind}", self.path_of(key));
                    out.error(node.at, "type", message, Some("quote it".into()));
                }
            }
        }
        texts
    }

    /// A duration as Prometheus writes it, such as `1h30m`.
    pub(crate) fn prometheus_duration(&self, key: &str, out: &mut Collector) -> Option<Window> {
        let text = self.text(key, out)?;
        let window = Window::from_prometheus(text.value);
        if window.is_none() {
            let message = format!("{:?} is no duration: {:?}", self.path_of(key), text.value);
            let remedy = "write whole numbers, each with one of ms, s, m, h, d, w, y, such as 28d or 1h30m".to_owned();
            out.error(text.at, "duration", message, Some(remedy));
        }
        window
    }

    /// A boolean; `false` where it is absent.
    pub(crate) fn boolean(&self, key: &str, out: &mut Collector) -> bool {
        let Some(node) = self.node(key) else { return false };
        if node.kind() != "a boolean" {
            let message = format!("{:?} must be true or false, not {}", self.path_of(key), node.kind());
            out.error(node.at, "type", message, Some("write true or false".into()));
        }
        matches!(&node.data, Data::Scalar { text, .. } if text == "true")
    }

    /// The items of a list; empty where it is absent.
    pub(crate) fn list(&self, key: &str, out: &mut Collector) -> &'n [Node] {
        let Some(node) = self.node(key) else { return &[] };
        if let Data::Sequence(items) = &node.data {
            return items;
        }
        let message = format!("{:?} must be a list, not {}", self.path_of(key), node.kind());
        out.error(node.at, "type", message, Some("begin the value with \"- \"".into()));
        &[]
    }

    /// A duration in OpenSLO's shorthand.
    pub(crate) fn duration(&self, key: &str, out: &mut Collector) -> Option<Window> {
        let text = self.text(key, out)?;
        let window = Window::from_shorthand(text.value);
        if window.is_none() {
            let message = format!("{:?} is no duration: {:?}", self.path_of(key), text.value);
            let remedy = "write a whole number and one of m, h, d, w, M, Q, Y, such as 28d".to_owned();
            out.error(text.at, "duration", message, Some(remedy));
        }
        window
    }

    /// A duration that must be there.
    pub(crate) fn required_duration(&self, key: &str, out: &mut Collector) -> Option<Window> {
        self.required_node(key, out)?;
        self.duration(key, out)
    }

    /// Reports both keys where both, or where neither of them, is there; returns whether exactly one is.
    pub(crate) fn exactly_one(&self, keys: [&str; 2], out: &mut Collector) -> bool {
        let [a, b] = keys;
        let message = match (self.node(a).is_some(), self.node(b).is_some()) {
            (true, true) => format!("{:?} and {:?} exclude each other", self.path_of(a), self.path_of(b)),
            (false, false) => format!("one of {:?} and {:?} is required", self.path_of(a), self.path_of(b)),
            _ => return true,
        };
        let at = if self.node(b).is_some() { self.place_of(b) } else { self.at };
        out.error(at, "exclusive", message, Some(format!("keep exactly one of {a} and {b}")));
        false
    }
}
