//! Warnings and infos that go with a result.

use crate::ast::Span;

/// Collected remarks, each once, in the order of their discovery.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl Annotations {
    pub fn warn(&mut self, message: &str, span: Span) {
        add(&mut self.warnings, format!("PromQL warning: {message} ({}:{})", span.line, span.column));
    }

    pub fn info(&mut self, message: &str, span: Span) {
        add(&mut self.infos, format!("PromQL info: {message} ({}:{})", span.line, span.column));
    }

    /// Warns about a quantile outside of 0 to 1.
    pub fn check_quantile(&mut self, q: f64, span: Span) {
        if !(0.0..=1.0).contains(&q) {
            self.warn(&format!("quantile value should be between 0 and 1, got {}", number(q)), span);
        }
    }
}

fn add(list: &mut Vec<String>, message: String) {
    if !list.contains(&message) {
        list.push(message);
    }
}

/// A number in the shortest form, with an exponent where it is very small or large, as Go's `%g`.
pub(crate) fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let size = v.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{v:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{v}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_kept_once_with_their_place() {
        let mut notes = Annotations::default();
        let span = Span { line: 2, column: 7, ..Span::default() };
        notes.check_quantile(1.5, span);
        notes.check_quantile(1.5, span);
        notes.check_quantile(0.5, span);
        assert_eq!(notes.warnings, ["PromQL warning: quantile value should be between 0 and 1, got 1.5 (2:7)"]);
        notes.info("hm", span);
        assert_eq!(notes.infos, ["PromQL info: hm (2:7)"]);
    }

    #[test]
    fn numbers_are_short() {
        let written = [1.1, -0.1, 1e-7, 2.5e30, f64::NAN, f64::NEG_INFINITY, 0.0].map(number);
        assert_eq!(written, ["1.1", "-0.1", "1e-07", "2.5e+30", "NaN", "-Inf", "0"]);
    }
}
