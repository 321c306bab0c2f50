//! Reads a threshold.

use super::{Comparison, Metric, Threshold};

/// An unreadable threshold; displays the text with a caret under the first unreadable place, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable threshold: {message}\n  {source_text}\n  {caret:>width$}\n{remedy}", caret = "^", width = at + 1)]
pub struct ThresholdError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
    /// Characters before the place.
    pub at: usize,
    /// The text.
    pub source_text: String,
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

type Parsed<T> = Result<T, ThresholdError>;

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn error<T>(&self, at: usize, message: impl Into<String>, remedy: &str) -> Parsed<T> {
        Err(ThresholdError {
            message: message.into(),
            remedy: remedy.to_owned(),
            at: self.text[..at].chars().count(),
            source_text: self.text.to_owned(),
        })
    }
}

pub(super) fn parse(text: &str) -> Parsed<Threshold> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip_space();
    let metric = metric(&mut cursor)?;
    cursor.skip_space();
    let at = cursor.at;
    let route = scope(&mut cursor)?;
    if metric == Metric::Lag && route.is_some() {
        return cursor.error(at, "the generator's lag is of no route", "for example lag<10ms");
    }
    cursor.skip_space();
    let comparison = comparison(&mut cursor)?;
    cursor.skip_space();
    let (limit, of_target) = limit(&mut cursor, metric)?;
    cursor.skip_space();
    if !cursor.rest().is_empty() {
        return cursor.error(cursor.at, "something follows the limit", "give each condition its own --threshold");
    }
    Ok(Threshold { expr: text.trim().to_owned(), metric, route, comparison, limit, of_target })
}

fn metric(cursor: &mut Cursor<'_>) -> Parsed<Metric> {
    const KNOWN: &str =
        "known: p50, p95, p99.9 and any other percentile, min, mean, max, errors, availability, rate, lag";
    let at = cursor.at;
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    match name {
        "max" => return Ok(Metric::Max),
        "min" => return Ok(Metric::Min),
        "mean" | "avg" => return Ok(Metric::Mean),
        "errors" => return Ok(Metric::Errors),
        "availability" => return Ok(Metric::Availability),
        "rate" => return Ok(Metric::Rate),
        "lag" => return Ok(Metric::Lag),
        _ => {}
    }
    let digits = name.strip_prefix('p').filter(|d| !d.is_empty() && d.chars().all(|c| c.is_ascii_digit() || c == '.'));
    match digits.map(|digits| scaled(digits, -2)) {
        Some(Some(quantile)) if quantile > 0.0 && quantile <= 1.0 => Ok(Metric::Quantile(quantile)),
        Some(_) => cursor.error(at, format!("{name} is no percentile"), "a percentile lies above p0 and up to p100"),
        None if name.is_empty() => cursor.error(at, "expected a metric", KNOWN),
        None => cursor.error(at, format!("unknown metric {name:?}"), KNOWN),
    }
}

fn scope(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    const REMEDY: &str = "a scope reads {route=\"GET /v1/orders\"}";
    if !cursor.eat("{") {
        return Ok(None);
    }
    cursor.skip_space();
    if !cursor.eat("route") {
        return cursor.error(cursor.at, "expected the label route", REMEDY);
    }
    cursor.skip_space();
    if !cursor.eat("=") {
        return cursor.error(cursor.at, "expected =", REMEDY);
    }
    cursor.skip_space();
    let at = cursor.at;
    if !cursor.eat("\"") {
        return cursor.error(at, "expected a quoted route", REMEDY);
    }
    let route = cursor.take_while(|c| c != '"').to_owned();
    if !cursor.eat("\"") {
        return cursor.error(at, "the quote is not closed", REMEDY);
    }
    cursor.skip_space();
    if !cursor.eat("}") {
        return cursor.error(cursor.at, "expected }", REMEDY);
    }
    Ok(Some(route))
}

fn comparison(cursor: &mut Cursor<'_>) -> Parsed<Comparison> {
    for (token, comparison) in
        [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("<", Comparison::Less), (">", Comparison::More)]
    {
        if cursor.eat(token) {
            return Ok(comparison);
        }
    }
    cursor.error(cursor.at, "expected <, <=, > or >=", "for example p95<200ms")
}

fn limit(cursor: &mut Cursor<'_>, metric: Metric) -> Parsed<(f64, bool)> {
    let at = cursor.at;
    let digits = cursor.take_while(|c| c.is_ascii_digit() || c == '.' || c == '_').replace('_', "");
    let in_power = |power| scaled(&digits, power).unwrap_or(f64::NAN);
    if in_power(0).is_nan() {
        return cursor.error(at, "expected a number", example(metric));
    }
    let unit_at = cursor.at;
    let unit = cursor.take_while(|c| !c.is_whitespace());
    if metric.is_latency() || metric == Metric::Lag {
        let seconds = match unit {
            "us" | "µs" => in_power(-6),
            "ms" => in_power(-3),
            "s" => in_power(0),
            "m" => in_power(0) * 60.0,
            _ => return cursor.error(unit_at, "expected a unit of time: us, ms, s or m", example(metric)),
        };
        return Ok((seconds, false));
    }
    match (metric, unit) {
        (Metric::Rate, "" | "/s" | "rps") => Ok((in_power(0), false)),
        (Metric::Rate, "%") => Ok((in_power(-2), true)),
        (Metric::Errors | Metric::Availability, "%" | "") => {
            let ratio = in_power(if unit == "%" { -2 } else { 0 });
            if ratio > 1.0 {
                return cursor.error(at, "a ratio above 1", example(metric));
            }
            Ok((ratio, false))
        }
        _ => cursor.error(unit_at, format!("unknown unit {unit:?}"), example(metric)),
    }
}

/// The nearest number to the digits times a power of ten: dividing 99.9 by 100 would give the rank above p99.9's.
fn scaled(digits: &str, power: i32) -> Option<f64> {
    format!("{digits}e{power}").parse().ok().filter(|number: &f64| number.is_finite())
}

fn example(metric: Metric) -> &'static str {
    match metric {
        Metric::Errors => "for example errors<0.1%, or the ratio errors<0.001",
        Metric::Availability => "for example availability>=99.9%, or the ratio availability>=0.999",
        Metric::Rate => "for example rate>=990, in requests a second, or rate>=99% of the target",
        Metric::Lag => "for example lag<10ms",
        _ => "for example p95<200ms or max<=1.5s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let read = parse(" p99.9 { route = \"POST /v1/orders\" } <= 1.5s ").unwrap();
        assert_eq!(read.metric, Metric::Quantile(0.999));
        assert_eq!(read.route.as_deref(), Some("POST /v1/orders"));
        assert_eq!((read.comparison, read.limit), (Comparison::AtMost, 1.5));
        assert_eq!(read.expr, "p99.9 { route = \"POST /v1/orders\" } <= 1.5s");
        for (text, metric, limit) in [
            ("p50<250us", Metric::Quantile(0.5), 250e-6),
            ("p100<1m", Metric::Quantile(1.0), 60.0),
            ("avg<5ms", Metric::Mean, 0.005),
            ("errors<0.001", Metric::Errors, 0.001),
            ("errors<=0", Metric::Errors, 0.0),
            ("availability>=99.9%", Metric::Availability, 0.999),
            ("rate>=1_000rps", Metric::Rate, 1000.0),
            ("lag<=5ms", Metric::Lag, 0.005),
        ] {
            let read = parse(text).unwrap();
            assert_eq!(read.metric, metric, "{text}");
            assert!((read.limit - limit).abs() < 1e-12, "{text}");
        }
        assert!(parse("rate>=99%").unwrap().of_target);
    }

    #[track_caller]
    fn refused(text: &str, at: usize, part: &str) {
        let error = parse(text).unwrap_err();
        assert_eq!(error.at, at, "{error}");
        assert!(error.message.contains(part), "{error}");
        assert!(!error.remedy.is_empty());
    }

    #[test]
    fn errors_point_at_the_place() {
        refused("", 0, "expected a metric");
        refused("p95", 3, "expected <");
        refused("p95=200ms", 3, "expected <");
        refused("p95<", 4, "number");
        refused("p95<200", 7, "unit of time");
        refused("p95<200min", 7, "unit of time");
        refused("p101<1s", 0, "no percentile");
        refused("p0<1s", 0, "no percentile");
        refused("p9.9.9<1s", 0, "no percentile");
        refused("latency<1s", 0, "unknown metric \"latency\"");
        refused("p95{path=\"/\"}<1s", 4, "label route");
        refused("p95{route=/}<1s", 10, "quoted");
        refused("p95{route=\"/}<1s", 10, "not closed");
        refused("errors<5", 7, "above 1");
        refused("errors<5ms", 8, "unknown unit");
        refused("rate>=10ms", 8, "unknown unit");
        refused("p95<1s p99<2s", 7, "follows");
        refused("lag{route=\"/\"}<1s", 3, "no route");
        refused("lag<1", 5, "unit of time");
    }

    #[test]
    fn an_error_shows_text_caret_and_remedy() {
        let shown = parse("p95<200").unwrap_err().to_string();
        let expected = "unreadable threshold: expected a unit of time: us, ms, s or m\n  p95<200\n         ^\n\
                        for example p95<200ms or max<=1.5s";
        assert_eq!(shown, expected);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,24}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.at <= text.chars().count());
            }
        }
    }
}
