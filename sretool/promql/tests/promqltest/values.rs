//! Sequences of values: `1 2 _ stale 0+10x5 {{…}}`.

/// One place of a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    Blank,
    Float(f64),
    /// A native histogram, whatever it holds.
    Native,
}

/// Milliseconds of `1h30m`, `10s53ms` or of a number of seconds.
pub fn duration(text: &str) -> Option<i64> {
    let seconds = match promql::parse(text).ok()?.kind {
        promql::ExprKind::Number(promql::Literal(seconds)) => seconds,
        _ => return None,
    };
    Some((seconds * 1000.0).round() as i64)
}

pub fn sequence(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = item_end(rest);
        item(&rest[..end], &mut points)?;
        rest = rest[end..].trim_start();
    }
    Ok(points)
}

/// Where an item ends: at the first blank outside of a histogram.
fn item_end(text: &str) -> usize {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth == 0 => return i,
            _ => {}
        }
    }
    text.len()
}

fn item(text: &str, points: &mut Vec<Point>) -> Result<(), String> {
    let fail = || format!("bad value {text:?}");
    if text.starts_with("{{") {
        let times = text.rfind("}}x").map_or(Ok(0), |i| text[i + 3..].parse::<usize>()).map_err(|_| fail())?;
        points.extend(std::iter::repeat_n(Point::Native, times + 1));
        return Ok(());
    }
    let (value, times) = match text.split_once('x') {
        Some((value, times)) => (value, Some(times.parse::<usize>().map_err(|_| fail())?)),
        None => (text, None),
    };
    match value {
        "_" => points.extend(std::iter::repeat_n(Point::Blank, times.unwrap_or(1))),
        "stale" => points.push(Point::Float(promql::stale_nan())),
        _ => {
            let (first, step) = split_step(value).ok_or_else(fail)?;
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
    for (i, _) in splits {
        if let (Some(first), Some(step)) = (number(&text[..i]), number(&text[i..])) {
            return Some((first, step));
        }
    }
    None
}

pub fn number(text: &str) -> Option<f64> {
    let plain = text.strip_prefix('+').unwrap_or(text);
    let known =
        plain.eq_ignore_ascii_case("inf") || plain.eq_ignore_ascii_case("-inf") || plain.eq_ignore_ascii_case("nan");
    let numeric = plain.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    (known || numeric).then(|| plain.parse().ok()).flatten()
}
