//! The text formats in which programs expose metrics: Prometheus text 0.0.4 and OpenMetrics 1.0.
//!
//! The parser accepts what Prometheus 3 accepts, quoted UTF-8 names included, and normalises the `le` of histograms
//! and the `quantile` of summaries as it does (`le="1"` becomes `le="1.0"`). Unlike Prometheus it rounds OpenMetrics
//! timestamps to the nearest millisecond instead of cutting them off.

mod cursor;
mod error;
mod label_sets;
mod line;
mod number;
#[cfg(test)]
mod tests;

pub use error::{Cause, ParseError};

use crate::exemplar::Exemplar;
use crate::metadata::{Metadata, MetricType};
use label_sets::LabelSets;
use line::{Line, Pairs, RawSample};
use promql::Labels;
use std::collections::BTreeMap;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4; timestamps are integers of milliseconds.
    Text,
    /// OpenMetrics 1.0; timestamps are seconds, the text ends with `# EOF`.
    OpenMetrics,
}

impl Format {
    /// The format that an HTTP `Content-Type` names; text where it names neither.
    pub fn from_content_type(value: &str) -> Self {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }
}

/// One sample as it was exposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Labels with the metric name.
    pub labels: Labels,
    /// Value.
    pub value: f64,
    /// Explicit time, milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// Exemplar; only OpenMetrics has them. Without a time of its own it has the sample's.
    pub exemplar: Option<Exemplar>,
    /// Line, from 1.
    pub line: usize,
}

/// A whole exposition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    /// Samples in order of appearance.
    pub samples: Vec<Entry>,
    /// Metadata by metric family.
    pub metadata: BTreeMap<String, Metadata>,
}

/// Parses a whole exposition. `default_t` is the time of exemplars where neither they nor their samples have one.
///
/// # Errors
/// [`ParseError`] with the line, the column and the cause of the first fault.
pub fn parse(body: &str, format: Format, default_t: i64) -> Result<Exposition, ParseError> {
    let mut samples = Vec::new();
    let metadata = visit(body, format, default_t, |entry| {
        samples.push(entry);
        Ok::<_, ParseError>(())
    })?;
    Ok(Exposition { samples, metadata })
}

/// Like [`parse`], but hands each sample over as soon as it is read, so that a large file needs no second copy in
/// memory. Returns the metadata.
///
/// # Errors
/// The first error of the parser or of `on_sample`.
pub fn visit<E: From<ParseError>>(
    body: &str,
    format: Format,
    default_t: i64,
    mut on_sample: impl FnMut(Entry) -> Result<(), E>,
) -> Result<BTreeMap<String, Metadata>, E> {
    let mut state = State::default();
    let mut lines = Lines { rest: body, number: 0 };
    while let Some((number, text)) = lines.next() {
        let at = |(column, cause)| ParseError { line: number, column, cause };
        if state.ended {
            return Err(at((1, Cause::AfterEof)).into());
        }
        // Consecutive samples of one series, as in a file of history, need their labels parsed only once.
        let entry = match state.repeated(text) {
            Some((labels, from)) => line::parse_value(text, from, format).map(|raw| Some((labels, raw))),
            None => line::parse(text, format, std::mem::take(&mut state.room)).and_then(|line| state.take(line)),
        };
        if let Some((labels, raw)) = entry.map_err(at)? {
            on_sample(entry_of(labels, &raw, default_t, number))?;
            if raw.labels.capacity() > 0 {
                state.room = raw.labels;
                state.room.clear();
            }
        }
    }
    if format == Format::OpenMetrics && !state.ended {
        return Err(ParseError { line: lines.number + 1, column: 1, cause: Cause::MissingEof }.into());
    }
    Ok(state.metadata)
}

/// Lines with their numbers, from 1, without their ends.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let line = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = end.map_or("", |end| &self.rest[end + 1..]);
        self.number += 1;
        // A carriage return belongs to the line end only where there is one.
        Some((self.number, if end.is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line }))
    }
}

/// What one line leaves for the next.
#[derive(Default)]
struct State<'a> {
    metadata: BTreeMap<String, Metadata>,
    family: String,
    kind: MetricType,
    /// The series of the last sample as it was written, and its labels.
    last: Option<(&'a str, Labels)>,
    sets: LabelSets,
    /// Memory for the labels of a line.
    room: Pairs<'a>,
    ended: bool,
}

impl<'a> State<'a> {
    /// The labels and the end of the series where the line is of the same series as the line before.
    fn repeated(&self, text: &str) -> Option<(Labels, usize)> {
        let (written, labels) = self.last.as_ref()?;
        let rest = text.strip_prefix(written)?;
        // Only a closing brace ends a series for certain: `a {b="c"}` starts with `a` too.
        (written.ends_with('}') && rest.starts_with(' ')).then(|| (labels.clone(), written.len()))
    }

    fn take(&mut self, line: Line<'a>) -> Result<Option<(Labels, RawSample<'a>)>, line::Fault> {
        match line {
            Line::Blank => {}
            Line::Eof => self.ended = true,
            Line::Help { family, text } => self.family_mut(&family).help = text.into_owned(),
            Line::Unit { family, unit } => self.family_mut(&family).unit = unit.to_owned(),
            Line::Type { family, kind } => {
                self.family_mut(&family).kind = kind;
                (self.family, self.kind) = (family.into_owned(), kind);
                self.last = None;
            }
            Line::Sample(raw) => {
                let labels = self.labels(&raw);
                self.last = Some((raw.written, labels.clone()));
                return Ok(Some((labels, raw)));
            }
        }
        Ok(None)
    }

    fn family_mut(&mut self, family: &str) -> &mut Metadata {
        if !self.metadata.contains_key(family) {
            self.metadata.insert(family.to_owned(), Metadata::default());
        }
        self.metadata.entry(family.to_owned()).or_default()
    }

    fn labels(&mut self, raw: &RawSample<'a>) -> Labels {
        let bound = match self.kind {
            MetricType::Histogram if raw.name.starts_with(&self.family) => "le",
            MetricType::Summary if raw.name.starts_with(&self.family) => "quantile",
            _ => "",
        };
        self.sets.get(&raw.name, &raw.labels, bound)
    }
}

fn entry_of(labels: Labels, raw: &RawSample<'_>, default_t: i64, line: usize) -> Entry {
    let exemplar = raw.exemplar.as_ref().map(|e| Exemplar {
        labels: Labels::new(e.labels.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))),
        value: e.value,
        t: e.timestamp.or(raw.timestamp).unwrap_or(default_t),
    });
    Entry { labels, value: raw.value, timestamp: raw.timestamp, exemplar, line }
}
