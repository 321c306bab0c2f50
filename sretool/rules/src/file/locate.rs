//! Where a byte of a YAML value stands in its file, and the words for broken YAML.

use super::{Position, position};
use serde_saphyr::{Error, Spanned};

/// Line and column in the file of the byte `offset` of a scalar's value: exact where the file spells the value out, as
/// on one line or in a `|` block, else the start of the value, since folding and escapes move text.
pub(super) fn place(text: &str, scalar: &Spanned<String>, offset: usize) -> Position {
    let (line, mut column) = position(scalar.defined);
    let value = scalar.value.as_str();
    let before = value.get(..offset.min(value.len())).unwrap_or("");
    let mut lines = text.split('\n').skip(line - 1).map(|l| l.chars());
    let mut first = lines.next().unwrap_or("".chars()).skip(column - 1);
    if first.clone().next().is_some_and(|c| matches!(c, '"' | '\'')) {
        column += 1;
        first.next();
    }
    let mut source =
        std::iter::once(first.collect::<String>()).chain(lines.map(|rest| rest.skip(column - 1).collect()));
    let spelt_out = before.split('\n').all(|wanted| source.next().is_some_and(|found| found.starts_with(wanted)));
    if !spelt_out {
        return (line, column);
    }
    let last = before.rsplit('\n').next().unwrap_or(before);
    (line + before.matches('\n').count(), column + last.chars().count())
}

/// Cause and remedy of broken YAML; `what` is what the file should be, such as `rule file`.
pub fn yaml_message(error: &Error, what: &str) -> String {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let close = expected.iter().find(|known| near(field, known));
            let guess = close.map_or_else(String::new, |known| format!(" did you mean `{known}`?"));
            format!("the key `{field}` is unknown here;{guess} known are {}", expected.join(", "))
        }
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing; add it"),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` is given twice; remove one"),
        Error::DuplicateMappingKey { key: None, .. } => "a key is given twice; remove one".to_owned(),
        Error::MultipleDocuments { .. } => {
            "a second YAML document begins, which Prometheus ignores; put what it says into a file of its own"
                .to_owned()
        }
        other => {
            let text = other.to_string();
            let first = text.lines().next().unwrap_or("broken YAML");
            // The place stands at the head of the message.
            let cause = first.rsplit_once(" at line ").map_or(first, |(cause, _)| cause);
            format!("this is no {what}: {cause}")
        }
    }
}

/// Whether two words differ by one letter, or two swapped ones.
fn near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let prefix = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let suffix = a[prefix..].iter().rev().zip(b[prefix..].iter().rev()).take_while(|(x, y)| x == y).count();
    let (left_a, left_b) = (&a[prefix..a.len() - suffix], &b[prefix..b.len() - suffix]);
    match (left_a, left_b) {
        ([x1, x2], [y1, y2]) => x1 == y2 && x2 == y1,
        (left_a, left_b) => left_a.len() <= 1 && left_b.len() <= 1,
    }
}
