//! The little XML that reports for CI need.

/// Text as it may stand in an element or in a quoted attribute. Control characters that XML forbids become `?`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_reserves_is_escaped() {
        assert_eq!(escape("a<b & \"c\">\n\u{1}"), "a&lt;b &amp; &quot;c&quot;&gt;&#10;?");
        assert_eq!(escape("plain é"), "plain é");
    }
}
