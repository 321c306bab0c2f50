//! A position in a line, and the tokens that both formats share.

use super::error::Cause;
use super::line::Fault;
use std::borrow::Cow;

const NAME: u8 = 1;
const COLON: u8 = 2;

/// What each byte may be part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || b == b'_' {
            classes[byte] = NAME;
        }
        byte += 1;
    }
    classes[b':' as usize] = COLON;
    classes
};

/// Reads a line byte by byte; positions always lie between characters, because only ASCII is stepped over singly.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str, at: usize) -> Self {
        Self { line, at }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.line.len()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|b| b == b' ' || b == b'\t');
    }

    /// Steps over an ASCII character if it is the next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The bytes up to the first that does not satisfy; `wanted` must accept or refuse a whole character.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|b| !wanted(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A run of anything but blanks.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(|b| b != b' ' && b != b'\t')
    }

    /// A bare name or a quoted one.
    pub(super) fn name(&mut self, colons: bool, expected: &'static str) -> Result<Cow<'a, str>, Fault> {
        match self.peek() {
            Some(b'"') => self.quoted(expected),
            Some(b) if b.is_ascii_alphabetic() || b == b'_' || (colons && b == b':') => {
                let wanted = NAME | if colons { COLON } else { 0 };
                Ok(self.take_while(|b| CLASSES[usize::from(b)] & wanted != 0).into())
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// A string in double quotes, without its escapes.
    pub(super) fn quoted(&mut self, expected: &'static str) -> Result<Cow<'a, str>, Fault> {
        if !self.eat(b'"') {
            return Err(self.expected(expected));
        }
        let text = self.rest();
        let bytes = text.as_bytes();
        let (mut end, mut escaped) = (0, false);
        loop {
            match memchr::memchr2(b'"', b'\\', bytes.get(end..).unwrap_or_default()) {
                None => return Err(self.fault(Cause::UnterminatedString)),
                Some(at) if bytes[end + at] == b'"' => {
                    end += at;
                    break;
                }
                Some(at) => {
                    escaped = true;
                    end += at + 2;
                }
            }
        }
        self.at += end + 1;
        let inner = &text[..end];
        Ok(if escaped { unescape(inner, true) } else { inner.into() })
    }

    pub(super) fn expected(&self, expected: &'static str) -> Fault {
        let found = self.rest().chars().next().map_or("the end of the line".to_owned(), |c| format!("`{c}`"));
        self.fault(Cause::Expected { expected, found })
    }

    /// A fault here.
    pub(super) fn fault(&self, cause: Cause) -> Fault {
        self.fault_at(self.at, cause)
    }

    /// A fault at a byte position.
    pub(super) fn fault_at(&self, at: usize, cause: Cause) -> Fault {
        (self.line[..at].chars().count() + 1, cause)
    }
}

/// Resolves `\\`, `\n` and, where quotes are escaped too, `\"`. Any other escape stays as it is, as in Prometheus.
pub(super) fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('\\') => out.push('\\'),
            Some('"') if quotes => out.push('"'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out.into()
}
