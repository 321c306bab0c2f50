//! Sequences of values: `1 2 _ stale 0+10x5 {{sum:3 buckets:[1 2]}}x4`.

use promql::{CUSTOM_SCHEMA, Histogram, ResetHint};

/// One place of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    Blank,
    Float(f64),
    /// A histogram, and whether its reset hint was given, so that it matters where this is expected.
    Native(Box<Histogram>, bool),
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

/// Distances of starts from their samples: `_x2 -1m 0s-1mx3`, in milliseconds; none where there is no start.
pub fn starts(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut starts = Vec::new();
    for item in text.split_whitespace() {
        let fail = || format!("bad start {item:?}");
        let (value, times) = match item.split_once('x') {
            Some((value, times)) => (value, Some(times.parse::<usize>().map_err(|_| fail())?)),
            None => (item, None),
        };
        if value == "_" {
            starts.extend(std::iter::repeat_n(None, times.unwrap_or(1)));
            continue;
        }
        let cut = value[1..].find(['+', '-']).map_or(value.len(), |i| i + 1);
        let mut start = signed_duration(&value[..cut]).ok_or_else(fail)?;
        let step = if cut == value.len() { 0 } else { signed_duration(&value[cut..]).ok_or_else(fail)? };
        for _ in 0..=times.unwrap_or(0) {
            starts.push(Some(start));
            start += step;
        }
    }
    Ok(starts)
}

fn signed_duration(text: &str) -> Option<i64> {
    let plain = text.trim_start_matches(['+', '-']);
    let ms = duration(plain)?;
    Some(if text.starts_with('-') { -ms } else { ms })
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
    if text.starts_with("{{") {
        return histograms(text, points);
    }
    let fail = || format!("bad value {text:?}");
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

/// `{{…}}`, `{{…}}x3`, `{{…}}+{{…}}x3` or `{{…}}-{{…}}x3`.
fn histograms(text: &str, points: &mut Vec<Point>) -> Result<(), String> {
    let fail = || format!("bad histogram {text:?}");
    let end = text.find("}}").ok_or_else(fail)? + 2;
    let (mut value, mut hinted) = histogram(&text[..end])?;
    let mut rest = &text[end..];
    let mut step = None;
    if let Some(sign) = rest.chars().next().filter(|c| matches!(c, '+' | '-')) {
        let end = rest.find("}}").ok_or_else(fail)? + 2;
        let (by, by_hinted) = histogram(&rest[1..end])?;
        hinted = by_hinted;
        step = Some((sign, by));
        rest = &rest[end..];
    }
    let times = if rest.is_empty() { 0 } else { rest[1..].parse::<usize>().map_err(|_| fail())? };
    for i in 0..=times {
        if let Some((sign, by)) = step.as_ref().filter(|_| i > 0) {
            value = sum(&value, *sign, by)?;
        }
        points.push(Point::Native(Box::new(value.clone()), hinted));
    }
    Ok(())
}

/// Adds or subtracts by the evaluator itself, which other tests check.
fn sum(a: &Histogram, sign: char, b: &Histogram) -> Result<Histogram, String> {
    let store = crate::store::Memory::of_histograms(&[("a", a), ("b", b)]);
    let expr = promql::parse(&format!("a {sign} b")).map_err(|e| e.message)?;
    let evaluation = promql::Engine::default().instant(&store, &expr, 0).map_err(|e| e.to_string())?;
    let promql::Value::Vector(vector) = evaluation.value else { return Err("no vector".into()) };
    let sum = vector.first().and_then(|s| s.histogram.clone()).ok_or("no sum")?;
    // The operator makes a gauge of a difference, the sequence keeps what the histograms say.
    let reset_hint = if a.reset_hint == b.reset_hint { a.reset_hint } else { sum.reset_hint };
    Ok(Histogram { reset_hint, ..Histogram::clone(&sum) })
}

/// Reads `{{schema:0 sum:3 count:2 buckets:[1 2]}}`; also yields whether a reset hint was given.
fn histogram(text: &str) -> Result<(Histogram, bool), String> {
    let mut h = Histogram::default();
    let mut hinted = false;
    let (mut offsets, mut counts) = ([0, 0], [Vec::new(), Vec::new()]);
    let mut rest = text[2..text.len() - 2].trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| format!("no key in {rest:?}"))?;
        let end = if after.starts_with('[') {
            after.find(']').map_or(after.len(), |i| i + 1)
        } else {
            after.find(char::is_whitespace).unwrap_or(after.len())
        };
        let value = &after[..end];
        rest = after[end..].trim_start();
        let float = || number(value).ok_or_else(|| format!("bad number {value:?}"));
        let whole = || value.parse::<i32>().map_err(|e| format!("{value:?}: {e}"));
        match key {
            "schema" => h.schema = whole()?,
            "sum" => h.sum = float()?,
            "count" => h.count = float()?,
            "z_bucket" => h.zero_count = float()?,
            "z_bucket_w" => h.zero_threshold = float()?,
            "custom_values" => h.bounds = list(value)?.into(),
            "buckets" => counts[0] = list(value)?,
            "offset" => offsets[0] = whole()?,
            "n_buckets" => counts[1] = list(value)?,
            "n_offset" => offsets[1] = whole()?,
            "counter_reset_hint" => {
                hinted = true;
                h.reset_hint = match value {
                    "reset" => ResetHint::Reset,
                    "not_reset" => ResetHint::NotReset,
                    "gauge" => ResetHint::Gauge,
                    _ => ResetHint::Unknown,
                };
            }
            _ => return Err(format!("unknown key {key:?}")),
        }
    }
    let [positive, negative] = counts;
    h.positive = (offsets[0]..).zip(positive).collect();
    h.negative = (offsets[1]..).zip(negative).collect();
    Ok((h, hinted))
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    inner.split_whitespace().map(|v| number(v).ok_or_else(|| format!("bad number {v:?}"))).collect()
}

/// What a classic histogram becomes with custom buckets: cumulative counts by upper bound, sum and count.
pub fn of_classic(buckets: &[(f64, f64)], count: Option<f64>, sum: f64) -> Histogram {
    let mut buckets = buckets.to_vec();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    buckets.dedup_by(|a, b| a.0 == b.0);
    let count = count.or(buckets.last().map(|b| b.1)).unwrap_or(0.0);
    if buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
        buckets.push((f64::INFINITY, count));
    }
    let mut before = 0.0;
    let differences = buckets.iter().map(|(_, cumulative)| cumulative - std::mem::replace(&mut before, *cumulative));
    let positive = (0..).zip(differences).filter(|(_, c)| *c != 0.0).collect();
    let bounds = buckets[..buckets.len() - 1].iter().map(|b| b.0).collect();
    Histogram { schema: CUSTOM_SCHEMA, count, sum, positive, bounds, ..Histogram::default() }
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
