//! The `/` filter: a regular expression, inverted by a leading `!`.

use regex::{Regex, RegexBuilder};

/// Which rows are shown. The empty filter shows all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    inverse: bool,
    regex: Option<Regex>,
}

impl Filter {
    /// Parses what was typed; letter case is ignored.
    ///
    /// # Errors
    /// A one-line reason when the expression is no regular expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (inverse, pattern) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        if pattern.is_empty() {
            return Ok(Self::default());
        }
        let regex = RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build();
        // The parser draws a picture over several lines and ends with the reason.
        let reason = |e: regex::Error| e.to_string().lines().last().unwrap_or_default().trim().to_owned();
        Ok(Self { text: text.to_owned(), inverse, regex: Some(regex.map_err(reason)?) })
    }

    /// Whether a row with this text is shown.
    pub fn shows(&self, text: &str) -> bool {
        self.regex.as_ref().is_none_or(|regex| regex.is_match(text) != self.inverse)
    }

    /// As typed; empty where everything is shown.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_anywhere_without_case_and_inverts() {
        let shown = |filter: &str, text| Filter::parse(filter).unwrap().shows(text);
        assert!(shown("ORDER", "order-service"));
        assert!(!shown("!order", "order-service"));
        assert!(shown("!order", "user-service"));
        assert!(shown("^(user|order)-", "order-service"));
        assert!(shown("", "x") && shown("!", "x") && shown("  ", "x"));
    }

    #[test]
    fn a_wrong_expression_says_why_in_one_line() {
        let reason = Filter::parse("a(").unwrap_err();
        assert!(reason.contains("unclosed group") && !reason.contains('\n'), "{reason}");
    }
}
