//! Splits an expression into tokens.

mod number;

pub(crate) use number::format_duration;

use crate::ast::Span;
use crate::error::ParseError;
use crate::quote::{UnquoteError, unquote};

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A name or keyword; its text is in the source. Keywords are told apart by the parser, which knows where
    /// a word such as `sum` is only a name.
    Word,
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    Text(String),
    /// A string that is not UTF-8, which no rule takes: its source says what it is.
    BadText,
    /// An operator or bracket.
    Sign(&'static str),
    End,
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Span,
}

/// Longest first, so that a prefix never wins.
const SIGNS: [&str; 26] = [
    "==", "!=", "=~", "!~", "<=", ">=", "</", ">/", "{{", "}}", "(", ")", "{", "}", "[", "]", ",", "=", "+", "-", "*",
    "/", "%", "^", "@", ":",
];

pub(crate) struct Lexer<'a> {
    src: &'a str,
    at: usize,
    line: u32,
    line_start: usize,
    /// Characters between `line_start` and `counted`, so that a long line is counted only once.
    columns: usize,
    counted: usize,
    in_braces: bool,
    in_brackets: bool,
    tokens: Vec<Token>,
}

/// Splits all of `src`; the last token is `End`.
pub(crate) fn tokenize(src: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer {
        src,
        at: 0,
        line: 1,
        line_start: 0,
        columns: 0,
        counted: 0,
        in_braces: false,
        in_brackets: false,
        tokens: Vec::new(),
    };
    while lexer.skip_blank() {
        lexer.token()?;
    }
    let end = lexer.span(lexer.src.len());
    lexer.tokens.push(Token { kind: Kind::End, span: end });
    Ok(lexer.tokens)
}

impl Lexer<'_> {
    /// Skips blanks and comments; false at the end of the input.
    fn skip_blank(&mut self) -> bool {
        loop {
            match self.src.as_bytes().get(self.at) {
                None => return false,
                Some(b'\n') => {
                    self.line += 1;
                    self.line_start = self.at + 1;
                }
                Some(b' ' | b'\t' | b'\r') => {}
                Some(b'#') => {
                    let rest = &self.src[self.at..];
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                    continue;
                }
                Some(_) => return true,
            }
            self.at += 1;
        }
    }

    fn span(&mut self, end: usize) -> Span {
        if self.counted < self.line_start {
            self.counted = self.line_start;
            self.columns = 0;
        }
        self.columns += self.src[self.counted..self.at].chars().count();
        self.counted = self.at;
        let column = u32::try_from(self.columns + 1).unwrap_or(u32::MAX);
        Span { start: self.at, end, line: self.line, column }
    }

    fn push(&mut self, kind: Kind, len: usize) {
        let span = self.span(self.at + len);
        self.tokens.push(Token { kind, span });
        // A raw string may hold line breaks.
        let text = &self.src[span.start..span.end];
        if let Some(last) = text.rfind('\n') {
            self.line += u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
            self.line_start = self.at + last + 1;
        }
        self.at += len;
    }

    fn token(&mut self) -> Result<(), ParseError> {
        let rest = &self.src[self.at..];
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            '"' | '\'' | '`' => self.text(),
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            ':' if !self.in_brackets && !self.in_braces => self.word(),
            _ => self.sign(first),
        }
    }

    fn text(&mut self) -> Result<(), ParseError> {
        match unquote(&self.src[self.at..]) {
            Ok((value, len)) => {
                self.push(Kind::Text(value), len);
                Ok(())
            }
            Err(UnquoteError { not_utf8: Some(len), .. }) => {
                self.push(Kind::BadText, len);
                Ok(())
            }
            Err(e) => {
                let len = self.src[self.at..].lines().next().map_or(1, str::len);
                self.at += e.offset;
                Err(ParseError::syntax(e.message, self.span(self.at + len.saturating_sub(e.offset).max(1))))
            }
        }
    }

    fn word(&mut self) -> Result<(), ParseError> {
        // A colon belongs to metric names, but separates range and step inside brackets.
        let colon = !self.in_brackets && !self.in_braces;
        let rest = &self.src[self.at..];
        let len =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':'))).unwrap_or(rest.len());
        let word = &rest[..len];
        let kind = if self.in_braces {
            Kind::Word
        } else if word.eq_ignore_ascii_case("inf") {
            Kind::Number(f64::INFINITY)
        } else if word.eq_ignore_ascii_case("nan") {
            Kind::Number(f64::NAN)
        } else {
            Kind::Word
        };
        self.push(kind, len);
        Ok(())
    }

    fn number(&mut self) -> Result<(), ParseError> {
        match number::scan(&self.src[self.at..]) {
            Ok((kind, len)) => {
                self.push(kind, len);
                Ok(())
            }
            Err((message, len)) => Err(ParseError::syntax(message, self.span(self.at + len))),
        }
    }

    fn sign(&mut self, first: char) -> Result<(), ParseError> {
        let rest = &self.src[self.at..];
        // `a{b="c"}}` is one brace too many, not the end of a histogram, so doubled braces are no token here.
        let sign = SIGNS.iter().find(|s| rest.starts_with(**s) && !matches!(**s, "{{" | "}}"));
        let Some(&sign) = sign.or_else(|| ["<", ">"].iter().find(|s| rest.starts_with(**s))) else {
            let span = self.span(self.at + first.len_utf8());
            let message = if first == '!' {
                "unexpected character after '!': write '!=', or '!~' inside braces".to_owned()
            } else {
                format!("unexpected character {first:?}")
            };
            let error = ParseError::syntax(message, span);
            return Err(if first.is_alphabetic() {
                error.with_remedy("write names that are not ASCII between quotes: {\"naïve\", \"clé\"=\"1\"}")
            } else {
                error
            });
        };
        match sign {
            "{" => self.in_braces = true,
            "}" => self.in_braces = false,
            "[" => self.in_brackets = true,
            "]" => self.in_brackets = false,
            _ => {}
        }
        self.push(Kind::Sign(sign), sign.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(src: &str) -> Vec<Kind> {
        tokenize(src).unwrap().into_iter().map(|t| t.kind).collect()
    }

    #[test]
    fn colons_separate_only_inside_brackets() {
        let got = kinds("a:b[5m:1m]");
        let sign = Kind::Sign;
        let (five, one) = (Kind::Duration(300_000), Kind::Duration(60_000));
        assert_eq!(got, [Kind::Word, sign("["), five, sign(":"), one, sign("]"), Kind::End]);
    }

    #[test]
    fn words_inside_braces_are_never_numbers() {
        assert!(!kinds("{inf=\"x\"}").iter().any(|k| matches!(k, Kind::Number(_))));
        assert_eq!(kinds("iNf")[0], Kind::Number(f64::INFINITY));
    }

    #[test]
    fn spans_know_their_line_and_column() {
        let tokens = tokenize("a # comment\n  + `x\ny` b").unwrap();
        let places: Vec<_> = tokens.iter().map(|t| (t.span.line, t.span.column)).collect();
        assert_eq!(places, [(1, 1), (2, 3), (2, 5), (3, 4), (3, 5)]);
    }

    #[test]
    fn strange_characters_are_named() {
        for (src, part) in [("a ! b", "after '!'"), ("a ; b", "';'"), ("é", "'é'"), ("\"x", "unterminated")] {
            assert!(tokenize(src).unwrap_err().message.contains(part), "{src}");
        }
    }
}
