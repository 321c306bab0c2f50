//! The functions of templates: Go's own that matter in rules, and Prometheus'.

use super::TemplateData;
use super::calendar::go_time;
use super::number::general;
use super::printf::printf;
use super::value::Val;
use std::cmp::Ordering;

const KNOWN: [&str; 44] = [
    "and",
    "or",
    "not",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "len",
    "index",
    "print",
    "println",
    "printf",
    "query",
    "first",
    "value",
    "label",
    "strvalue",
    "sortByLabel",
    "title",
    "toUpper",
    "toLower",
    "match",
    "reReplaceAll",
    "stripPort",
    "stripDomain",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "parseDuration",
    "externalURL",
    "tableLink",
    "graphLink",
    "safeHtml",
    "html",
    "pathPrefix",
    "slice",
    "toDuration",
    "toTime",
    "urlquery",
    "urlQueryEscape",
];

pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

type Outcome = Result<Val, String>;

/// Calls a function; an argument piped in is the last one.
pub(super) fn call(name: &str, arguments: Vec<Val>, data: &TemplateData<'_>) -> Outcome {
    match (name, arguments.as_slice()) {
        ("and", [first, ..]) => {
            Ok(arguments.iter().find(|v| !v.is_true()).or(arguments.last()).unwrap_or(first).clone())
        }
        ("or", [first, ..]) => Ok(arguments.iter().find(|v| v.is_true()).or(arguments.last()).unwrap_or(first).clone()),
        ("not", [value]) => Ok(Val::Bool(!value.is_true())),
        ("eq", [first, rest @ ..]) if !rest.is_empty() => any_equal(first, rest),
        ("ne", [a, b]) => any_equal(a, std::slice::from_ref(b)).map(|v| Val::Bool(v == Val::Bool(false))),
        ("lt" | "le" | "gt" | "ge", [a, b]) => compare(name, a, b),
        ("len", [value]) => len(value),
        ("index", [Val::Labels(labels), key]) => Ok(Val::Str(labels.get(key.string()?).to_owned())),
        ("print", _) => print(&arguments).map(Val::Str),
        ("println", _) => println(&arguments).map(Val::Str),
        ("printf", [format, rest @ ..]) => printf(format.string()?, rest).map(Val::Str),
        ("query", [expr]) => (data.query)(expr.string()?).map(Val::Vector),
        ("first", [Val::Vector(samples)]) => {
            samples.first().cloned().map(Val::Sample).ok_or("first() called on vector with no elements".to_owned())
        }
        ("value", [Val::Sample(sample)]) => Ok(Val::Num(sample.v)),
        ("label", [name, Val::Sample(sample)]) => Ok(Val::Str(sample.labels.get(name.string()?).to_owned())),
        ("strvalue", [Val::Sample(sample)]) => Ok(Val::Str(sample.labels.get("__value__").to_owned())),
        ("sortByLabel", [label, Val::Vector(samples)]) => {
            let (label, mut samples) = (label.string()?, samples.clone());
            samples.sort_by(|a, b| a.labels.get(label).cmp(b.labels.get(label)));
            Ok(Val::Vector(samples))
        }
        ("index", [Val::Vector(samples), Val::Int(place)]) => {
            let sample = usize::try_from(*place).ok().and_then(|place| samples.get(place));
            sample.cloned().map(Val::Sample).ok_or_else(|| format!("index out of range: {place}"))
        }
        ("slice", [Val::Str(text), bounds @ ..]) => slice(text, bounds),
        ("externalURL", []) => Ok(Val::Str(data.external_url.to_owned())),
        ("pathPrefix", []) => {
            let host = data.external_url.split_once("://").map_or(data.external_url, |(_, rest)| rest);
            Ok(Val::Str(host.find('/').map_or("", |slash| &host[slash..]).to_owned()))
        }
        _ => text(name, &arguments),
    }
}

/// The functions that only turn text or numbers into text.
fn text(name: &str, arguments: &[Val]) -> Outcome {
    let text = match (name, arguments) {
        ("title", [value]) => title(value.string()?),
        ("toUpper", [value]) => value.string()?.to_uppercase(),
        ("toLower", [value]) => value.string()?.to_lowercase(),
        ("safeHtml", [value]) => value.string()?.to_owned(),
        ("match", [pattern, value]) => {
            return Ok(Val::Bool(regex(pattern.string()?)?.is_match(value.string()?)));
        }
        ("reReplaceAll", [pattern, replacement, value]) => {
            regex(pattern.string()?)?.replace_all(value.string()?, replacement.string()?).into_owned()
        }
        ("stripPort", [host]) => strip_port(host.string()?).to_owned(),
        ("stripDomain", [host]) => strip_domain(host.string()?),
        ("humanize", [value]) => humanize(value.number()?),
        ("humanize1024", [value]) => humanize1024(value.number()?),
        ("humanizeDuration", [value]) => humanize_duration(value.number()?),
        ("humanizePercentage", [value]) => format!("{}%", general(value.number()? * 100.0, 4)),
        ("humanizeTimestamp", [value]) => humanize_timestamp(value.number()?)?,
        ("toTime", [value]) => humanize_timestamp(value.number()?)?,
        ("toDuration", [value]) => go_duration(value.number()?)?,
        ("html", _) => print(arguments)?.chars().fold(String::new(), escape_html),
        ("urlquery" | "urlQueryEscape", _) => percent(&print(arguments)?),
        ("parseDuration", [value]) => {
            let ms = crate::parse_duration(value.string()?).map_err(|e| e.to_string())?;
            #[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
            return Ok(Val::Num(ms as f64 / 1000.0));
        }
        ("tableLink", [expr]) => format!("/graph?g0.expr={}&g0.tab=1", percent(expr.string()?)),
        ("graphLink", [expr]) => format!("/graph?g0.expr={}&g0.tab=0", percent(expr.string()?)),
        _ => {
            let types: Vec<_> = arguments.iter().map(Val::type_name).collect();
            return Err(format!("it does not take the arguments ({})", types.join(", ")));
        }
    };
    Ok(Val::Str(text))
}

fn any_equal(first: &Val, rest: &[Val]) -> Outcome {
    for value in rest {
        if std::mem::discriminant(first) != std::mem::discriminant(value) {
            return Err("incompatible types for comparison".to_owned());
        }
        if first == value {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

fn compare(name: &str, a: &Val, b: &Val) -> Outcome {
    let order = match (a, b) {
        (Val::Num(a), Val::Num(b)) => a.partial_cmp(b),
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
        (Val::Str(a), Val::Str(b)) => Some(a.cmp(b)),
        (Val::Num(_), Val::Int(int)) => {
            return Err(format!("incompatible types for comparison: write {int}.0, since the other side is a float"));
        }
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    Ok(Val::Bool(match name {
        "lt" => order == Some(Ordering::Less),
        "gt" => order == Some(Ordering::Greater),
        "le" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }))
}

fn len(value: &Val) -> Outcome {
    let length = match value {
        Val::Str(text) => text.len(),
        Val::Labels(labels) => labels.len(),
        Val::Vector(samples) => samples.len(),
        other => return Err(format!("len of {}", other.type_name())),
    };
    Ok(Val::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// Go's `Sprint`: a space between two operands when neither is a string.
fn print(arguments: &[Val]) -> Result<String, String> {
    let mut out = String::new();
    for (i, value) in arguments.iter().enumerate() {
        let spaced = i > 0 && ![value, &arguments[i - 1]].iter().any(|v| matches!(v, Val::Str(_)));
        out.push_str(if spaced { " " } else { "" });
        out.push_str(&value.print()?);
    }
    Ok(out)
}

fn println(arguments: &[Val]) -> Result<String, String> {
    let parts = arguments.iter().map(Val::print).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.join(" ") + "\n")
}

/// Go's `strings.Title`: a letter after anything that is no letter, digit, underscore or apostrophe is capitalised.
fn title(text: &str) -> String {
    let mut previous = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let starts = if previous.is_ascii() {
            !(previous.is_ascii_alphanumeric() || previous == '_')
        } else {
            previous.is_whitespace()
        };
        if starts {
            out.extend(c.to_uppercase())
        } else {
            out.push(c)
        }
        previous = c;
    }
    out
}

fn regex(pattern: &str) -> Result<regex::Regex, String> {
    regex::Regex::new(pattern).map_err(|e| e.to_string())
}

fn strip_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name.trim_start_matches('[').trim_end_matches(']'))
}

fn strip_domain(host: &str) -> String {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    if name.parse::<std::net::IpAddr>().is_ok() {
        return host.to_owned();
    }
    let first = name.split('.').next().unwrap_or(name);
    port.map_or_else(|| first.to_owned(), |port| format!("{first}:{port}"))
}

fn scale<'a>(mut v: f64, units: &[&'a str], factor: f64, go_on: impl Fn(f64) -> bool) -> (f64, &'a str) {
    let mut prefix = "";
    for unit in units {
        if !go_on(v.abs()) {
            break;
        }
        prefix = unit;
        v *= factor;
    }
    (v, prefix)
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

fn humanize(v: f64) -> String {
    let (v, prefix) = if v == 0.0 || !v.is_finite() {
        (v, "")
    } else if v.abs() >= 1.0 {
        divide(v, &["k", "M", "G", "T", "P", "E", "Z", "Y"], 1000.0)
    } else {
        scale(v, &SMALL, 1000.0, |v| v < 1.0)
    };
    format!("{}{prefix}", general(v, 4))
}

fn humanize1024(v: f64) -> String {
    let (v, prefix) = if v.abs() <= 1.0 || !v.is_finite() {
        (v, "")
    } else {
        divide(v, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"], 1024.0)
    };
    format!("{}{prefix}", general(v, 4))
}

/// Divides step by step, as Prometheus does, so that the last digits agree.
fn divide<'a>(mut v: f64, units: &[&'a str], factor: f64) -> (f64, &'a str) {
    let mut prefix = "";
    for unit in units {
        if v.abs() < factor {
            break;
        }
        prefix = unit;
        v /= factor;
    }
    (v, prefix)
}

fn humanize_duration(v: f64) -> String {
    if !v.is_finite() {
        return general(v, 4);
    }
    if v == 0.0 || v.abs() < 1.0 {
        let (v, prefix) = if v == 0.0 { (v, "") } else { scale(v, &SMALL, 1000.0, |v| v < 1.0) };
        return format!("{}{prefix}s", general(v, 4));
    }
    let (sign, v) = if v < 0.0 { ("-", -v) } else { ("", v) };
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are what is shown; the cast saturates")]
    let whole = v as i64;
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", general(v, 4))
    }
}

fn humanize_timestamp(v: f64) -> Result<String, String> {
    if !v.is_finite() {
        return Ok(general(v, 4));
    }
    if v.abs() >= 9.2e9 {
        return Err(format!("{v} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bound above keeps it within 63 bits")]
    Ok(go_time((v * 1000.0).trunc() as i64))
}

/// Part of a text by bytes, as Go counts.
fn slice(text: &str, bounds: &[Val]) -> Outcome {
    let bound = |value: &Val| match value {
        Val::Int(place) => usize::try_from(*place).map_err(|_| format!("index out of range: {place}")),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    let (from, to) = match bounds {
        [] => (0, text.len()),
        [from] => (bound(from)?, text.len()),
        [from, to] => (bound(from)?, bound(to)?),
        _ => return Err("it takes at most two bounds of a string".to_owned()),
    };
    let part = text.get(from..to).ok_or_else(|| format!("the bounds {from} and {to} do not fit the text"))?;
    Ok(Val::Str(part.to_owned()))
}

/// As Go's `html` escapes.
fn escape_html(mut out: String, c: char) -> String {
    match c {
        '"' => out.push_str("&#34;"),
        '\'' => out.push_str("&#39;"),
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\0' => out.push('\u{fffd}'),
        c => out.push(c),
    }
    out
}

/// A number of seconds as Go prints a duration: `1h2m3.5s`, and below a second in smaller units.
fn go_duration(seconds: f64) -> Result<String, String> {
    let nanoseconds = seconds * 1e9;
    if !nanoseconds.is_finite() || nanoseconds.abs() >= 9.2e18 {
        return Err(format!("{seconds} cannot be represented as a duration"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bound above keeps it within 63 bits")]
    let nanoseconds = nanoseconds as i64;
    let (sign, n) = (if nanoseconds < 0 { "-" } else { "" }, nanoseconds.unsigned_abs());
    let decimal = |n: u64, digits: usize| {
        let unit = 10_u64.pow(u32::try_from(digits).unwrap_or(0));
        let fraction = format!(".{:0digits$}", n % unit);
        format!("{}{}", n / unit, fraction.trim_end_matches('0').trim_end_matches('.'))
    };
    Ok(match n {
        0 => "0s".to_owned(),
        1..=999 => format!("{sign}{n}ns"),
        1_000..=999_999 => format!("{sign}{}µs", decimal(n, 3)),
        1_000_000..=999_999_999 => format!("{sign}{}ms", decimal(n, 6)),
        _ => {
            let (minutes, rest) = (n / 60_000_000_000, n % 60_000_000_000);
            let hours = if minutes >= 60 { format!("{}h", minutes / 60) } else { String::new() };
            let minutes = if minutes > 0 { format!("{}m", minutes % 60) } else { String::new() };
            format!("{sign}{hours}{minutes}{}s", decimal(rest, 9))
        }
    })
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
