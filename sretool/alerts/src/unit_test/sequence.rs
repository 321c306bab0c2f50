//! Series as tests write them: `name{label="value"}` and `1 2 _ stale 0+10x5`.

use promql::{ExprKind, Labels, Literal, MatchOp};

/// Most values of one series: a typing error in a repeat count must not eat the memory.
const MAX_POINTS: usize = 10_000_000;

/// One place of a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point {
    /// `_`: no sample.
    Blank,
    /// A value, the stale marker included.
    Float(f64),
}

/// Labels of a metric: a name, a set of labels, or both. Matchers other than `=` name no series.
pub(super) fn metric(text: &str) -> Result<Labels, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "{}" {
        return Ok(Labels::default());
    }
    let expr = promql::parse(trimmed).or_else(|error| braces_only(trimmed).ok_or(error));
    let expr = expr.map_err(|error| error.render(trimmed).trim_end().to_owned())?;
    let ExprKind::Vector(selector) = expr.kind else {
        return Err(format!("`{trimmed}` is no series; write a name and labels, as in up{{job=\"api\"}}"));
    };
    if selector.offset.is_some() || selector.at.is_some() {
        return Err(format!("`{trimmed}` has a modifier; a series has a name and labels only"));
    }
    if let Some(m) = selector.matchers.iter().find(|m| m.op != MatchOp::Equal) {
        return Err(format!("the label `{}` of `{trimmed}` is matched, not set; write `=`", m.name));
    }
    Ok(selector.matchers.iter().map(|m| (m.name.to_string(), m.value.to_string())).collect())
}

/// `{a=""}` selects everything, which a query may not; as a series it is the one without labels.
fn braces_only(text: &str) -> Option<promql::Expr> {
    let named = format!("x{text}");
    let mut expr = promql::parse(&named).ok()?;
    if let ExprKind::Vector(selector) = &mut expr.kind {
        selector.matchers.retain(|m| &*m.name != promql::METRIC_NAME);
    }
    text.starts_with('{').then_some(expr)
}

/// The values of a series.
pub(super) fn points(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    for word in text.split_whitespace() {
        if word.starts_with("{{") {
            return Err(format!("`{word}`: native histograms cannot be read here yet; give the series as floats"));
        }
        item(word, &mut points)?;
        if points.len() > MAX_POINTS {
            return Err(format!("`{word}` makes more than {MAX_POINTS} values; give fewer"));
        }
    }
    Ok(points)
}

fn item(word: &str, points: &mut Vec<Point>) -> Result<(), String> {
    let bad = || format!("`{word}` is no value; write a number, `_`, `stale`, `a+bxn`, `a-bxn` or `axn`");
    let (value, times) = match word.split_once('x') {
        // `0x1f` is a number in PromQL, but a repetition here, as promtool reads it.
        Some((value, times)) => (value, Some(times.parse::<usize>().map_err(|_| bad())?)),
        None => (word, None),
    };
    if times.is_some_and(|n| n > MAX_POINTS) {
        return Err(format!("`{word}` makes more than {MAX_POINTS} values; give fewer"));
    }
    match value {
        "_" => points.extend(std::iter::repeat_n(Point::Blank, times.unwrap_or(1))),
        "stale" if times.is_none() => points.push(Point::Float(promql::stale_nan())),
        _ => {
            let (first, step) = split_step(value).ok_or_else(bad)?;
            // As Prometheus builds it: by repeated addition.
            let mut value = first;
            for _ in 0..=times.unwrap_or(0) {
                points.push(Point::Float(value));
                value += step;
            }
        }
    }
    Ok(())
}

/// `a`, `a+b` or `a-b`.
fn split_step(text: &str) -> Option<(f64, f64)> {
    if let Some(value) = number(text) {
        return Some((value, 0.0));
    }
    let splits = text.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    splits.filter_map(|(i, _)| Some((number(&text[..i])?, number(&text[i..])?))).next()
}

/// A number with its sign, as PromQL writes one.
fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match promql::parse(digits).ok()?.kind {
        ExprKind::Number(Literal(v)) => Some(sign * v),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(text: &str) -> Vec<Option<f64>> {
        let float = |p: Point| match p {
            Point::Blank => None,
            Point::Float(v) => Some(v),
        };
        points(text).unwrap().into_iter().map(float).collect()
    }

    #[test]
    fn sequences_expand() {
        assert_eq!(floats("1 _ -2.5"), [Some(1.0), None, Some(-2.5)]);
        assert_eq!(floats("1+2x3"), [1.0, 3.0, 5.0, 7.0].map(Some));
        assert_eq!(floats("1-2x1 4x2 _x2"), [Some(1.0), Some(-1.0), Some(4.0), Some(4.0), Some(4.0), None, None]);
        assert_eq!(floats("1e3+1e-1x1 Inf -inf"), [1000.0, 1000.1, f64::INFINITY, f64::NEG_INFINITY].map(Some));
        assert!(promql::is_stale(floats("stale")[0].unwrap()));
        assert!(floats("NaN")[0].unwrap().is_nan());
        assert_eq!(floats(" \n"), []);
    }

    #[test]
    fn what_is_no_value_is_named() {
        for bad in ["1+x3", "abc", "1x", "1x-2", "5+1xfoo", "stalex3", "1 2 three", "{{sum:1}}"] {
            let message = points(bad).unwrap_err();
            assert!(message.contains(bad.split(' ').next_back().unwrap()), "{message}");
        }
        assert!(points("1x99999999999").unwrap_err().contains("fewer"));
    }

    #[test]
    fn metrics_are_labels() {
        assert_eq!(metric(r#"up{job="a"}"#).unwrap(), Labels::new([("__name__", "up"), ("job", "a")]));
        assert_eq!(metric(r#"{job="a"}"#).unwrap(), Labels::new([("job", "a")]));
        assert_eq!(metric("{}").unwrap(), Labels::default());
        assert_eq!(metric("").unwrap(), Labels::default());
        for bad in ["up[5m]", "up offset 5m", "up{job!=\"a\"}", "up{job=\"a\"", "1"] {
            assert!(metric(bad).is_err(), "{bad}");
        }
    }
}
