//! Splits a template into text and actions, and actions into tokens.

use super::TemplateError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// The tokens between the braces, with the byte offset of the action.
    Action(usize, Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A function name or a keyword.
    Word(String),
    /// `$name.field.field`
    Variable(String, Vec<String>),
    /// `.field.field`; `.` alone has no fields.
    Dot(Vec<String>),
    Str(String),
    Int(i64),
    Num(f64),
    Pipe,
    Open,
    /// A closing parenthesis with the fields that follow it.
    Close(Vec<String>),
    Declare,
    Assign,
    Comma,
}

pub(super) fn split(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let (mut pieces, mut at, mut trim_next) = (Vec::new(), 0, false);
    while at < text.len() {
        let start = text[at..].find("{{").map_or(text.len(), |i| at + i);
        let mut plain = &text[at..start];
        if trim_next {
            plain = plain.trim_start_matches(is_space);
        }
        let after = start + 2;
        let trims_left = text[start..].starts_with("{{- ") || text[start..].starts_with("{{-\n");
        if trims_left {
            plain = plain.trim_end_matches(is_space);
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.to_owned()));
        }
        if start == text.len() {
            break;
        }
        let body = if trims_left { after + 1 } else { after };
        let end = action_end(text, body)
            .ok_or_else(|| TemplateError::syntax(start, "the action has no closing `}}`; add it"))?;
        let inner = &text[body..end];
        trim_next = inner.ends_with(" -") || inner.ends_with("\n-");
        let inner = if trim_next { &inner[..inner.len() - 1] } else { inner };
        if !is_comment(inner) {
            pieces.push(Piece::Action(start, tokens(inner, body)?));
        }
        at = end + 2;
    }
    Ok(pieces)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_comment(inner: &str) -> bool {
    let inner = inner.trim_matches(is_space);
    inner.starts_with("/*") && inner.ends_with("*/")
}

/// Offset of the `}}` that ends an action: not one inside a string.
fn action_end(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    let mut chars = text[from..].char_indices();
    while let Some((i, c)) = chars.next() {
        match (quote, c) {
            (Some('"'), '\\') => {
                chars.next();
            }
            (Some(q), c) if q == c => quote = None,
            (None, '"' | '`') => quote = Some(c),
            (None, '}') if text[from + i..].starts_with("}}") => return Some(from + i),
            _ => {}
        }
    }
    None
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Offset of `text` in the whole template, for messages.
    base: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::syntax(self.base + self.at, message)
    }

    /// `.a.b` directly after a variable or a parenthesis.
    fn fields(&mut self) -> Vec<String> {
        let mut fields = Vec::new();
        while self.text[self.at..].strip_prefix('.').is_some_and(|rest| rest.starts_with(is_word)) {
            self.at += 1;
            fields.push(self.take_while(is_word).to_owned());
        }
        fields
    }

    fn quoted(&mut self) -> Result<String, TemplateError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(value),
                '\\' => value.push(self.escape()?),
                '\n' => break,
                c => value.push(c),
            }
        }
        self.at = start;
        Err(self.error("the string has no closing quote; add it"))
    }

    fn escape(&mut self) -> Result<char, TemplateError> {
        let c = self.peek().ok_or_else(|| self.error("the string ends in a backslash"))?;
        self.at += c.len_utf8();
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '"' | '\\' | '\'' => c,
            other => return Err(self.error(format!("the escape `\\{other}` is not supported; use a raw `…` string"))),
        })
    }

    fn raw(&mut self) -> Result<String, TemplateError> {
        self.at += 1;
        let value = self.take_while(|c| c != '`').to_owned();
        if self.peek().is_none() {
            return Err(self.error("the raw string has no closing quote; add it"));
        }
        self.at += 1;
        Ok(value)
    }

    fn number(&mut self) -> Result<Token, TemplateError> {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_'));
        if let Ok(int) = text.parse() {
            return Ok(Token::Int(int));
        }
        text.parse().map(Token::Num).map_err(|_| self.error(format!("`{text}` is no number")))
    }

    fn token(&mut self, c: char) -> Result<Token, TemplateError> {
        let rest = &self.text[self.at..];
        let simple = |cursor: &mut Self, length, token| {
            cursor.at += length;
            Ok(token)
        };
        match c {
            '|' => simple(self, 1, Token::Pipe),
            '(' => simple(self, 1, Token::Open),
            ',' => simple(self, 1, Token::Comma),
            '=' => simple(self, 1, Token::Assign),
            ':' if rest.starts_with(":=") => simple(self, 2, Token::Declare),
            ')' => {
                self.at += 1;
                Ok(Token::Close(self.fields()))
            }
            '"' => self.quoted().map(Token::Str),
            '`' => self.raw().map(Token::Str),
            '$' => {
                self.at += 1;
                let name = self.take_while(is_word).to_owned();
                Ok(Token::Variable(name, self.fields()))
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let fields = self.fields();
                if fields.is_empty() {
                    self.at += 1;
                }
                Ok(Token::Dot(fields))
            }
            c if c.is_ascii_digit() || matches!(c, '.' | '-' | '+') => self.number(),
            c if is_word(c) => Ok(Token::Word(self.take_while(is_word).to_owned())),
            c => Err(self.error(format!("unexpected `{c}` in an action"))),
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn tokens(inner: &str, base: usize) -> Result<Vec<Token>, TemplateError> {
    let mut cursor = Cursor { text: inner, at: 0, base };
    let mut tokens = Vec::new();
    loop {
        cursor.take_while(is_space);
        let Some(c) = cursor.peek() else { return Ok(tokens) };
        tokens.push(cursor.token(c)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_action(text: &str) -> Vec<Token> {
        match split(text).unwrap().as_slice() {
            [Piece::Action(_, tokens)] => tokens.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn trim_markers_eat_the_space_beside_them() {
        let pieces = split("a \n{{- 1 -}}\n b {{/* note */}} c").unwrap();
        let text = |s: &str| Piece::Text(s.to_owned());
        assert_eq!(pieces, [text("a"), Piece::Action(3, vec![Token::Int(1)]), text("b "), text(" c")]);
    }

    #[test]
    fn tokens_of_every_kind() {
        let fields = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            only_action(r#"{{ $x := ($labels.a | f .B.c . -1 2.5 "q\"}}" `r\n`).Value }}"#),
            [
                Token::Variable("x".into(), vec![]),
                Token::Declare,
                Token::Open,
                Token::Variable("labels".into(), fields(&["a"])),
                Token::Pipe,
                Token::Word("f".into()),
                Token::Dot(fields(&["B", "c"])),
                Token::Dot(vec![]),
                Token::Int(-1),
                Token::Num(2.5),
                Token::Str("q\"}}".into()),
                Token::Str("r\\n".into()),
                Token::Close(fields(&["Value"])),
            ]
        );
    }

    #[test]
    fn broken_actions_say_where() {
        for (text, offset, part) in [
            ("ab {{ $value", 3, "closing `}}`"),
            ("{{ \"x }}", 0, "closing `}}`"),
            ("{{ 1x }}", 5, "no number"),
            ("{{ a ? }}", 5, "unexpected `?`"),
        ] {
            let error = split(text).unwrap_err();
            assert_eq!(error.offset(), Some(offset), "{text}: {error}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
