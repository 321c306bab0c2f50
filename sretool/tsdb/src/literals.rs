//! Regular expressions that are really a list of words or a prefix, so that an index can answer them by lookup.

/// What is known of the strings that an anchored expression matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Exactly these strings.
    Words(Vec<String>),
    /// Strings that start so; the expression must still be run on them.
    Prefix(String),
}

/// Analyses an expression; an empty prefix is the answer for anything that is not understood.
pub(crate) fn shape(regex: &str) -> Shape {
    words(regex).map_or_else(|| Shape::Prefix(prefix(regex)), Shape::Words)
}

/// The words of `a|b`, `(a|b)`, `(?:a|b)`, escaped punctuation included.
fn words(regex: &str) -> Option<Vec<String>> {
    let inner = regex.strip_prefix("(?:").or_else(|| regex.strip_prefix('(')).and_then(|r| r.strip_suffix(')'));
    let inner = inner.filter(|inner| !inner.ends_with('\\')).unwrap_or(regex);
    let mut words = vec![String::new()];
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '|' => words.push(String::new()),
            _ => words.last_mut()?.push(literal(c, &mut chars)?),
        }
    }
    Some(words)
}

/// The character that an expression's next characters stand for, if they stand for one.
fn literal(c: char, rest: &mut std::str::Chars<'_>) -> Option<char> {
    match c {
        // `\<` and `\>` are word boundaries.
        '\\' => rest.next().filter(|c| c.is_ascii_punctuation() && !matches!(c, '<' | '>')),
        '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' | '|' => None,
        _ => Some(c),
    }
}

/// The literal characters at the start.
fn prefix(regex: &str) -> String {
    // An alternative could start differently, and flags could change the meaning of what follows.
    if regex.contains('|') {
        return String::new();
    }
    let mut prefix = String::new();
    let mut chars = regex.chars();
    while let Some(c) = chars.next().and_then(|c| literal(c, &mut chars)) {
        if matches!(chars.as_str().chars().next(), Some('*' | '?' | '{')) {
            break;
        }
        prefix.push(c);
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_words(regex: &str, expected: &[&str]) {
        assert_eq!(shape(regex), Shape::Words(expected.iter().map(|w| (*w).to_owned()).collect()));
    }

    #[track_caller]
    fn check_prefix(regex: &str, expected: &str) {
        assert_eq!(shape(regex), Shape::Prefix(expected.to_owned()));
    }

    #[test]
    fn alternations_are_words() {
        check_words("GET|POST", &["GET", "POST"]);
        check_words("(a|b-c)", &["a", "b-c"]);
        check_words("(?:a|)", &["a", ""]);
        check_words(r"/v1/users/\{id\}", &["/v1/users/{id}"]);
        check_words("", &[""]);
    }

    #[test]
    fn the_rest_has_a_prefix() {
        check_prefix("5..", "5");
        check_prefix("slo:.*", "slo:");
        check_prefix(".+", "");
        check_prefix("ab*", "a");
        check_prefix("ab+", "ab");
        check_prefix("ab{0,2}", "a");
        check_prefix("a.|b.", "");
        check_prefix("(?i)get", "");
        check_prefix(r"\d+", "");
        check_prefix("(a)(b)", "");
        check_prefix("(a|b)c", "");
    }

    proptest! {
        #[test]
        fn a_shape_never_excludes_a_match(
            regex in r"(\(\?:|\()?([a-c|.*+?\\{}]){0,8}\)?",
            value in "[a-c|.*]{0,4}",
        ) {
            let Ok(matcher) = promql::Matcher::new("x", promql::MatchOp::Regex, &regex) else { return Ok(()) };
            match shape(&regex) {
                Shape::Words(words) => prop_assert_eq!(words.contains(&value), matcher.matches(&value)),
                Shape::Prefix(p) => prop_assert!(value.starts_with(&p) || !matcher.matches(&value)),
            }
        }
    }
}
