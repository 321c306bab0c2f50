//! Strings as PromQL writes them: Go's escapes between double, single or back quotes.

use std::fmt::{self, Write};

/// Displays a string between double quotes, escaped so that PromQL reads the same string back.
pub(crate) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                // U+FFFD is what a decoder makes of broken input, so the lexer refuses it unescaped.
                c if c.is_control() || c == char::REPLACEMENT_CHARACTER => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// Why a quoted string cannot be read; the offset counts bytes from the opening quote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnquoteError {
    pub message: String,
    pub offset: usize,
    /// Length of a string that is complete but not UTF-8.
    pub not_utf8: Option<usize>,
}

/// Reads the quoted string at the start of `src`; yields its value and its length with both quotes.
pub(crate) fn unquote(src: &str) -> Result<(String, usize), UnquoteError> {
    let quote = src.chars().next().unwrap_or('"');
    if quote == '`' {
        let end = src[1..].find('`').ok_or_else(|| at_offset("unterminated raw string".into(), 0))?;
        return Ok((src[1..=end].to_owned(), end + 2));
    }
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        let rest = &src[at..];
        match rest.chars().next() {
            None | Some('\n') => {
                return Err(at_offset("unterminated quoted string".into(), 0));
            }
            Some('\\') => at += 1 + escape(&rest[1..], quote, &mut bytes).map_err(|e| at_offset(e, at))?,
            Some(c) if c == quote => break,
            Some(c) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += c.len_utf8();
            }
        }
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| UnquoteError { not_utf8: Some(at + 1), ..at_offset("string is not valid UTF-8".into(), 0) })?;
    Ok((text, at + 1))
}

fn at_offset(message: String, offset: usize) -> UnquoteError {
    UnquoteError { message, offset, not_utf8: None }
}

/// Decodes one escape sequence after its backslash; yields its length.
fn escape(rest: &str, quote: char, out: &mut Vec<u8>) -> Result<usize, String> {
    let c = rest.chars().next().ok_or("escape sequence not terminated")?;
    let simple = match c {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' => Some(b'\\'),
        '"' | '\'' if c == quote => Some(c as u8),
        _ => None,
    };
    if let Some(byte) = simple {
        out.push(byte);
        return Ok(1);
    }
    let (skip, len, radix) = match c {
        '0'..='7' => (0, 3, 8),
        'x' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        _ => return Err(format!("unknown escape sequence \\{c}")),
    };
    let digits = rest.get(skip..skip + len).ok_or("escape sequence not terminated")?;
    let value = digits
        .chars()
        .try_fold(0u32, |acc, d| d.to_digit(radix).map(|d| acc.wrapping_mul(radix).wrapping_add(d)))
        .ok_or_else(|| format!("illegal character in escape sequence \\{}{digits}", &rest[..skip]))?;
    if matches!(c, 'u' | 'U') {
        let c = char::from_u32(value).ok_or("escape sequence is an invalid Unicode code point")?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let byte = u8::try_from(value).map_err(|_| "escape sequence is an invalid byte")?;
        out.push(byte);
    }
    Ok(skip + len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(src: &str, expected: &str) {
        assert_eq!(unquote(src), Ok((expected.to_owned(), src.len())));
    }

    #[test]
    fn reads_every_kind_of_escape() {
        check(r#""a\n\t\\\"b""#, "a\n\t\\\"b");
        check(r"'it\'s'", "it's");
        check(r"`raw \n`", r"raw \n");
        check(r#""\x41\101\u00e9\U0001F600""#, "AAé😀");
        check(r#""\a\b\f\v\r""#, "\u{7}\u{8}\u{c}\u{b}\r");
        check(r#""\xc3\xa9""#, "é");
    }

    #[test]
    fn refuses_what_go_refuses() {
        for src in [
            r#""\q""#,
            r#""\'""#,
            r#""\xZZ""#,
            r#""\ud800""#,
            r#""\x4"#,
            "\"a\nb\"",
            "\"open",
            "`open",
            r#""\xff""#,
            r#""\777""#,
        ] {
            assert!(unquote(src).is_err(), "{src}");
        }
    }

    #[test]
    fn quoting_is_read_back() {
        for text in ["", "plain", "a\"b\\c", "\u{0}\u{1}\u{7f}\u{85}\u{fffd}", "newline\nand\ttab", "é😀"] {
            let quoted = Quoted(text).to_string();
            assert_eq!(unquote(&quoted), Ok((text.to_owned(), quoted.len())));
        }
    }
}
