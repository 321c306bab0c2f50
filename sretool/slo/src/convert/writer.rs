//! YAML, line by line.

use crate::rules::yaml::scalar;

/// Lines of YAML at a depth.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) text: String,
    depth: usize,
}

impl Writer {
    /// A document's begin, unless it is the first.
    pub(super) fn document(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str("---\n");
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(&"  ".repeat(self.depth));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A key with a string.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.line(&format!("{}: {}", scalar(key), scalar(value)));
    }

    /// A key with a string, if there is one.
    pub(super) fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A key with a number or a boolean.
    pub(super) fn plain(&mut self, key: &str, value: impl std::fmt::Display) {
        self.line(&format!("{}: {value}", scalar(key)));
    }

    /// A key whose value is what the closure writes.
    pub(super) fn map(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.line(&format!("{}:", scalar(key)));
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    /// An item of a list that is a mapping.
    pub(super) fn item(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.text.len();
        self.depth += 1;
        write(self);
        self.depth -= 1;
        let marker = start + 2 * self.depth;
        if self.text.len() > marker + 1 {
            self.text.replace_range(marker..=marker, "-");
        }
    }

    /// A mapping of strings, unless it is empty.
    pub(super) fn texts<'p>(&mut self, key: &str, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.map(key, |out| pairs.for_each(|(key, value)| out.text(key, value)));
        }
    }

    /// A list of strings, unless it is empty.
    pub(super) fn list(&mut self, key: &str, items: &[String]) {
        if !items.is_empty() {
            let items: Vec<_> = items.iter().map(|item| scalar(item)).collect();
            self.line(&format!("{}: [{}]", scalar(key), items.join(", ")));
        }
    }
}

/// Pairs of owned strings as those of borrowed ones.
pub(super) fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}
