//! Matchers as Alertmanager writes them: `severity="page"`, `service=~"user|order"`, braces and quotes optional.

use regex::Regex;

/// A condition on one label.
#[derive(Clone, Debug)]
pub struct LabelMatcher {
    /// The label; absent counts as empty.
    pub name: String,
    /// What its value must be.
    pub test: Test,
    /// Whether the condition is turned round.
    pub negated: bool,
}

/// What a value is held against.
#[derive(Clone, Debug)]
pub enum Test {
    /// Equality.
    Equal(String),
    /// A regular expression that must match all of the value.
    Regex(Regex),
}

impl LabelMatcher {
    /// Whether a value fulfils the condition.
    pub fn matches(&self, value: &str) -> bool {
        let holds = match &self.test {
            Test::Equal(wanted) => wanted == value,
            Test::Regex(regex) => regex.is_match(value),
        };
        holds != self.negated
    }

    /// `name` equals `value`, as the key `match` writes it.
    pub(super) fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), test: Test::Equal(value.to_owned()), negated: false }
    }

    /// `name` matches `pattern`, as the key `match_re` writes it.
    pub(super) fn regex(name: &str, pattern: &str, negated: bool) -> Result<Self, String> {
        let regex = Regex::new(&format!("^(?:{pattern})$"));
        let regex = regex.map_err(|error| format!("the regular expression `{pattern}` is broken: {error}"))?;
        Ok(Self { name: name.to_owned(), test: Test::Regex(regex), negated })
    }
}

impl std::fmt::Display for LabelMatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (op, value) = match (&self.test, self.negated) {
            (Test::Equal(value), false) => ("=", value.as_str()),
            (Test::Equal(value), true) => ("!=", value.as_str()),
            (Test::Regex(regex), negated) => {
                let inner = regex.as_str().strip_prefix("^(?:").and_then(|r| r.strip_suffix(")$"));
                (if negated { "!~" } else { "=~" }, inner.unwrap_or_default())
            }
        };
        write!(f, "{}{op}{value:?}", self.name)
    }
}

/// Reads `a="b"`, or several in a list: `{a="b", c=~"d|e"}`.
pub(super) fn parse_list(text: &str) -> Result<Vec<LabelMatcher>, String> {
    let inner = text.trim();
    let inner = match (inner.strip_prefix('{'), inner.strip_suffix('}')) {
        (Some(_), Some(_)) if inner.len() >= 2 => &inner[1..inner.len() - 1],
        (None, None) => inner,
        _ => return Err(format!("`{text}` has one brace only; write both or none")),
    };
    split(inner).into_iter().map(|part| one(part.trim())).collect()
}

/// Parts between commas outside of quotes; a comma at the end is allowed.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

fn one(text: &str) -> Result<LabelMatcher, String> {
    let bad = || format!("`{text}` is no matcher; write name=\"value\", with =, !=, =~ or !~");
    let name_end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).ok_or_else(bad)?;
    let (name, rest) = text.split_at(name_end);
    let rest = rest.trim_start();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':') {
        return Err(bad());
    }
    let operators = [("=~", true, false), ("!~", true, true), ("!=", false, true), ("=", false, false)];
    let found = operators.into_iter().find_map(|(op, regex, negated)| Some((rest.strip_prefix(op)?, regex, negated)));
    let (value, regex, negated) = found.ok_or_else(bad)?;
    let value = unquote(value.trim()).ok_or_else(bad)?;
    if regex {
        return LabelMatcher::regex(name, &value, negated);
    }
    Ok(LabelMatcher { negated, ..LabelMatcher::equal(name, &value) })
}

/// The value, quoted or bare; `\"`, `\\` and `\n` are escapes in both.
fn unquote(text: &str) -> Option<String> {
    let quoted = text.starts_with('"');
    let inner = if quoted { text.strip_prefix('"')?.strip_suffix('"').filter(|_| text.len() >= 2)? } else { text };
    let (mut out, mut chars) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('"' | '\\')) => out.push(c),
                // A backslash before another character is itself, as regular expressions need it.
                Some(other) => out.extend(['\\', other]),
                None if quoted => return None,
                None => out.push('\\'),
            },
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, value: &str) -> bool {
        parse_list(text).unwrap().iter().all(|m| m.matches(value))
    }

    #[test]
    fn all_four_operators() {
        assert!(holds(r#"a="b""#, "b") && !holds("a=b", "bb") && holds("a = b", "b"));
        assert!(holds(r#"a!="b""#, "") && !holds("a!=b", "b"));
        assert!(holds(r#"a=~"b|c""#, "c") && !holds("a=~b|c", "bc") && holds("a!~b.*", "c"));
        assert!(holds(r#"a="""#, ""));
        let list = parse_list("a=~b|c, d!=e, f=g, h!~i").unwrap();
        let shown: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [r#"a=~"b|c""#, r#"d!="e""#, r#"f="g""#, r#"h!~"i""#]);
    }

    #[test]
    fn lists_quotes_and_escapes() {
        let list = parse_list(r#"{a="x,y", b=~"\d+", c="q\"q",}"#).unwrap();
        assert_eq!(list.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(list[0].matches("x,y") && list[1].matches("12") && list[2].matches("q\"q"));
        assert!(parse_list("{}").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_matcher_says_so() {
        for bad in ["a", "a==b\"", "=b", "1a=b", "a=~(", "{a=b", "a=\"b", "a b=c"] {
            assert!(parse_list(bad).is_err(), "{bad}");
        }
    }
}
