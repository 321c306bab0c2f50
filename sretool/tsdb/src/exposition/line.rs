//! The grammar of one line. Everything borrows from it, but for strings with escapes.

use super::Format;
use super::cursor::{Cursor, unescape};
use super::error::Cause;
use super::number;
use crate::metadata::MetricType;
use std::borrow::Cow;

/// Column and cause; the caller knows the line.
pub(super) type Fault = (usize, Cause);

pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// One line.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Nothing, or a comment.
    Blank,
    /// `# EOF`
    Eof,
    /// `# HELP family text`
    Help { family: Cow<'a, str>, text: Cow<'a, str> },
    /// `# UNIT family unit`
    Unit { family: Cow<'a, str>, unit: &'a str },
    /// `# TYPE family kind`
    Type { family: Cow<'a, str>, kind: MetricType },
    /// A sample.
    Sample(RawSample<'a>),
}

/// A sample as it is written.
#[derive(Debug, Default)]
pub(super) struct RawSample<'a> {
    /// The series as written, names and labels, without the value.
    pub written: &'a str,
    pub name: Cow<'a, str>,
    pub labels: Pairs<'a>,
    pub value: f64,
    pub timestamp: Option<i64>,
    pub exemplar: Option<RawExemplar<'a>>,
}

/// An exemplar as it is written.
#[derive(Debug)]
pub(super) struct RawExemplar<'a> {
    pub labels: Pairs<'a>,
    pub value: f64,
    pub timestamp: Option<i64>,
}

/// Parses one line without its line end. `room` is where labels go.
pub(super) fn parse<'a>(line: &'a str, format: Format, room: Pairs<'a>) -> Result<Line<'a>, Fault> {
    let mut cursor = Cursor::new(line, 0);
    if format == Format::Text {
        cursor.skip_blanks();
    }
    match cursor.peek() {
        None if format == Format::OpenMetrics => Err(cursor.fault(Cause::BlankLine)),
        None => Ok(Line::Blank),
        Some(b'#') => comment(cursor, format),
        Some(_) => sample(cursor, line, format, room).map(Line::Sample),
    }
}

fn comment(mut cursor: Cursor<'_>, format: Format) -> Result<Line<'_>, Fault> {
    let start = cursor.clone();
    cursor.eat(b'#');
    cursor.skip_blanks();
    let keyword = cursor.word();
    cursor.skip_blanks();
    match (keyword, format) {
        ("EOF", Format::OpenMetrics) if cursor.is_at_end() => Ok(Line::Eof),
        ("HELP", _) => {
            let family = cursor.name(true, "a metric name")?;
            // Only the one blank between name and text is no part of the text.
            if !cursor.eat(b' ') {
                cursor.eat(b'\t');
            }
            Ok(Line::Help { family, text: unescape(cursor.rest(), format == Format::OpenMetrics) })
        }
        ("TYPE", _) => metric_type(cursor),
        ("UNIT", Format::OpenMetrics) => unit(cursor),
        (_, Format::OpenMetrics) => Err(start.fault(Cause::UnknownComment)),
        (_, Format::Text) => Ok(Line::Blank),
    }
}

fn metric_type(mut cursor: Cursor<'_>) -> Result<Line<'_>, Fault> {
    let family = cursor.name(true, "a metric name")?;
    cursor.skip_blanks();
    let at = cursor.position();
    let word = cursor.word();
    let kind = MetricType::from_name(word).ok_or_else(|| cursor.fault_at(at, Cause::UnknownType(word.to_owned())))?;
    end(cursor)?;
    Ok(Line::Type { family, kind })
}

fn unit(mut cursor: Cursor<'_>) -> Result<Line<'_>, Fault> {
    let at = cursor.position();
    let family = cursor.name(true, "a metric name")?;
    cursor.skip_blanks();
    let unit = cursor.word();
    let stem = family.strip_suffix(unit);
    if !unit.is_empty() && !stem.is_some_and(|stem| stem.ends_with('_')) {
        let (family, unit) = (family.into_owned(), unit.to_owned());
        return Err(cursor.fault_at(at, Cause::UnitSuffix { family, unit }));
    }
    end(cursor)?;
    Ok(Line::Unit { family, unit })
}

fn sample<'a>(
    mut cursor: Cursor<'a>,
    line: &'a str,
    format: Format,
    mut labels: Pairs<'a>,
) -> Result<RawSample<'a>, Fault> {
    let from = cursor.position();
    let bare = if cursor.peek() == Some(b'{') { None } else { Some(cursor.name(true, "a metric name or `{`")?) };
    let mut to = cursor.position();
    cursor.skip_blanks();
    let mut inner = None;
    if cursor.peek() == Some(b'{') {
        inner = braces(&mut cursor, true, &mut labels)?;
        to = cursor.position();
    }
    let name = match (bare, inner) {
        (Some(_), Some(_)) => return Err(cursor.fault_at(from, Cause::TwoNames)),
        (Some(name), None) | (None, Some(name)) if !name.is_empty() => name,
        _ => return Err(cursor.fault_at(from, Cause::NoName)),
    };
    let value = parse_value(line, cursor.position(), format)?;
    Ok(RawSample { written: &line[from..to], name, labels, ..value })
}

/// Parses what follows the series: value, timestamp, exemplar.
pub(super) fn parse_value(line: &str, from: usize, format: Format) -> Result<RawSample<'_>, Fault> {
    let mut cursor = Cursor::new(line, from);
    cursor.skip_blanks();
    let value = number_at(&mut cursor)?;
    let timestamp = timestamp_at(&mut cursor, format)?;
    let mut exemplar = None;
    if format == Format::OpenMetrics && cursor.eat(b'#') {
        cursor.skip_blanks();
        let mut labels = Vec::new();
        braces(&mut cursor, false, &mut labels)?;
        cursor.skip_blanks();
        let value = number_at(&mut cursor)?;
        exemplar = Some(RawExemplar { labels, value, timestamp: timestamp_at(&mut cursor, format)? });
    }
    end(cursor)?;
    Ok(RawSample { value, timestamp, exemplar, ..RawSample::default() })
}

fn number_at(cursor: &mut Cursor<'_>) -> Result<f64, Fault> {
    if cursor.is_at_end() {
        return Err(cursor.expected("a value"));
    }
    let at = cursor.position();
    let word = cursor.word();
    number::value(word).map_err(|cause| cursor.fault_at(at, cause))
}

/// A timestamp, if there is one, and the blanks around it.
fn timestamp_at(cursor: &mut Cursor<'_>, format: Format) -> Result<Option<i64>, Fault> {
    cursor.skip_blanks();
    if cursor.is_at_end() || cursor.peek() == Some(b'#') {
        return Ok(None);
    }
    let at = cursor.position();
    let word = cursor.word();
    let timestamp = number::timestamp(word, format).map_err(|cause| cursor.fault_at(at, cause))?;
    cursor.skip_blanks();
    Ok(Some(timestamp))
}

/// `{name="value",…}`, with a quoted metric name among the labels where the caller allows it.
fn braces<'a>(cursor: &mut Cursor<'a>, with_name: bool, labels: &mut Pairs<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    if !cursor.eat(b'{') {
        return Err(cursor.expected("`{`"));
    }
    let mut metric: Option<Cow<'a, str>> = None;
    loop {
        cursor.skip_blanks();
        if cursor.eat(b'}') {
            return Ok(metric);
        }
        let (at, was_quoted) = (cursor.position(), cursor.peek() == Some(b'"'));
        let name = cursor.name(false, "a label name or `}`")?;
        cursor.skip_blanks();
        if cursor.eat(b'=') {
            cursor.skip_blanks();
            let value = cursor.quoted("a quoted label value")?;
            if name == promql::METRIC_NAME || labels.iter().any(|(other, _)| *other == name) {
                return Err(cursor.fault_at(at, Cause::DuplicateLabel(name.into_owned())));
            }
            labels.push((name, value));
        } else if !(with_name && was_quoted) {
            return Err(cursor.expected("`=`"));
        } else if metric.replace(name).is_some() {
            return Err(cursor.fault_at(at, Cause::TwoNames));
        }
        cursor.skip_blanks();
        if !cursor.eat(b',') && cursor.peek() != Some(b'}') {
            return Err(cursor.expected("`,` or `}`"));
        }
    }
}

fn end(mut cursor: Cursor<'_>) -> Result<(), Fault> {
    cursor.skip_blanks();
    if cursor.is_at_end() { Ok(()) } else { Err(cursor.fault(Cause::TrailingText(cursor.rest().to_owned()))) }
}
