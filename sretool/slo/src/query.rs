//! From a metric source's query to PromQL over a window.

use crate::duration::Window;
use crate::model::{HistogramUse, Operator};

/// How often a value that is compared with a limit is looked at.
const RESOLUTION: Window = Window::minutes(1);

/// What a query must yield, and how a bare selector is wrapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum QueryForm {
    /// A number of events; a bare selector names counters.
    Counter,
    /// A number of events; a bare selector names gauges whose samples count events since the last sample.
    Delta,
    /// A number of events; the selector names histograms.
    Histogram(HistogramUse),
    /// A number of samples; the selector names gauges.
    Samples,
    /// A ratio.
    Ratio,
}

/// A query whose window is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// The text around the places where the window goes: one piece more than there are places.
    pieces: Vec<String>,
    /// The counters that are added up, where the query does nothing else.
    counters: Option<String>,
    /// Labels that its result keeps.
    by: Vec<String>,
}

/// Why a query cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("the query is not valid PromQL: {message} (line {line}, column {column} of the query)")]
    Syntax { message: String, line: u32, column: u32, remedy: Option<String> },
    #[error("the query is neither a bare selector nor does it name its window")]
    NoWindow,
    #[error("a raw ratio must name its window")]
    RatioWithoutWindow,
    #[error("a value that is compared with a limit has no window")]
    ValueWithWindow,
    #[error("the query counts events a second, but a budget counts events")]
    Rate,
    #[error("the template {{{{{0}}}}} is not supported")]
    Template(String),
    #[error("the query sums over the labels that the objective is grouped by: {0}")]
    SummedAway(String),
    #[error("a histogram is named by a bare selector: NAME or NAME{{LABELS}}")]
    NotAHistogram,
}

impl QueryError {
    pub(crate) fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::Syntax { remedy, .. } => {
                return Some(remedy.clone().unwrap_or_else(|| "complete or correct the expression".to_owned()));
            }
            Self::NoWindow => "write SELECTOR, or an expression with [{{.window}}]",
            Self::RatioWithoutWindow => "write [{{.window}}] as the range of its selectors",
            Self::ValueWithWindow => "write a range of its own, such as [5m]",
            Self::Rate => "replace rate by increase",
            Self::Template(_) => "only {{.window}} and $window are",
            Self::SummedAway(labels) => return Some(format!("write sum by ({labels}) (...)")),
            Self::NotAHistogram => "remove what stands around it, and the suffix _bucket",
        };
        Some(text.to_owned())
    }
}

impl EventQuery {
    /// Reads a query whose result is divided by labels; over all series where there are none.
    pub(crate) fn new(query: &str, form: QueryForm, by: &[String]) -> Result<Self, QueryError> {
        let query = query.trim();
        let pieces = split_at_windows(query)?;
        if let [selector] = pieces.as_slice() {
            return Self::from_selector(selector, form, by);
        }
        if form != QueryForm::Ratio && (calls(query, "rate") || calls(query, "irate")) {
            return Err(QueryError::Rate);
        }
        if matches!(form, QueryForm::Histogram(_) | QueryForm::Samples) {
            return Err(QueryError::NotAHistogram);
        }
        let query = Self { pieces, counters: None, by: by.to_vec() };
        parse(&query.fill("1m"))?;
        // A ratio must not be summed over series: it has to be one series already.
        if form == QueryForm::Ratio { Ok(query) } else { query.summed() }
    }

    fn from_selector(selector: &str, form: QueryForm, by: &[String]) -> Result<Self, QueryError> {
        let function = match form {
            QueryForm::Counter => "increase",
            QueryForm::Delta => "sum_over_time",
            QueryForm::Samples => "count_over_time",
            QueryForm::Histogram(how) => return Self::from_histogram(selector, how, by),
            QueryForm::Ratio => return Err(QueryError::RatioWithoutWindow),
        };
        check_selector(selector)?;
        let pieces = vec![format!("{}({function}({selector}[", sum(by)), "]))".to_owned()];
        let counters = (form == QueryForm::Counter).then(|| selector.to_owned());
        Ok(Self { pieces, counters, by: by.to_vec() })
    }

    /// Events of a histogram. A classic one's bounds are written by clients as 30 or 30.0: both are meant.
    fn from_histogram(selector: &str, how: HistogramUse, by: &[String]) -> Result<Self, QueryError> {
        check_selector(selector).map_err(|error| match error {
            QueryError::NoWindow => QueryError::NotAHistogram,
            other => other,
        })?;
        let (name, matchers) = selector.split_once('{').unwrap_or((selector, "}"));
        let name = name.trim();
        if name.is_empty() || name.ends_with("_bucket") {
            return Err(QueryError::NotAHistogram);
        }
        if !how.native {
            let counter = match how.le {
                None => format!("{name}_count{{{matchers}"),
                Some(le) => {
                    let own = matchers.trim_end().trim_end_matches('}').trim_end().trim_end_matches(',');
                    let comma = if own.is_empty() { "" } else { ", " };
                    format!("{name}_bucket{{{own}{comma}le=~\"{}\"}}", bound(le))
                }
            };
            let counter = counter.trim_end_matches("{}").to_owned();
            return Self::from_selector(&counter, QueryForm::Counter, by);
        }
        let (open, close) = (format!("{}(increase({selector}[", sum(by)), "]))");
        let pieces = match how.le {
            None => vec![format!("histogram_count({open}"), format!("{close})")],
            // An idle window has no fraction, which is not a number: it counts no events.
            Some(le) => vec![
                format!("(histogram_fraction(0, {le}, {open}"),
                format!("{close}) * histogram_count({open}"),
                format!("{close})) >= 0"),
            ],
        };
        let query = Self { pieces, counters: None, by: by.to_vec() };
        parse(&query.fill("1m"))?;
        Ok(query)
    }

    /// Good and all observations of a value that is compared with a limit once a minute. A value that is no number
    /// is no observation.
    pub(crate) fn threshold(query: &str, op: Operator, limit: f64, by: &[String]) -> Result<[Self; 2], QueryError> {
        let query = query.trim();
        let [value] = split_at_windows(query)?.try_into().map_err(|_| QueryError::ValueWithWindow)?;
        parse(&value)?;
        let observed = format!("(({value}) >= -Inf)");
        let close = format!(":{RESOLUTION}]))");
        let counted = |function: &str, inner: &str| {
            let pieces = vec![format!("{}({function}({inner}[", sum(by)), close.clone()];
            let query = Self { pieces, counters: None, by: by.to_vec() };
            parse(&query.fill("5m")).map(|()| query)
        };
        let good = format!("({observed} {} bool {limit})", op.symbol());
        Ok([counted("sum_over_time", &good)?, counted("count_over_time", &observed)?])
    }

    fn summed(mut self) -> Result<Self, QueryError> {
        if is_one_sum(&self.fill("1m")) {
            if !self.by.is_empty() {
                return Err(QueryError::SummedAway(self.by.join(", ")));
            }
        } else {
            let open = sum(&self.by) + "(";
            self.pieces[0].insert_str(0, &open);
            if let Some(last) = self.pieces.last_mut() {
                last.push(')');
            }
        }
        Ok(self)
    }

    /// The query over a window.
    pub fn over(&self, window: Window) -> String {
        self.fill(&window.to_string())
    }

    /// The query over one of many windows that touch, to be added up: every event is then counted exactly once.
    ///
    /// `increase` loses what happens between the last sample before a window and the first in it, and makes up for it
    /// by extrapolation, which is right only on average. The difference of a counter to its value a window ago loses
    /// nothing; `increase` remains for series that began or restarted within the window.
    pub fn tile(&self, window: Window) -> String {
        let Some(counters) = &self.counters else { return self.over(window) };
        format!(
            "{}(\n  (({counters} - {counters} offset {window}) >= 0 and resets({counters}[{window}]) == 0)\n  or\n  \
             increase({counters}[{window}])\n)",
            sum(&self.by)
        )
    }

    /// The query with a template where the window goes.
    pub fn template(&self) -> String {
        self.fill("{{.window}}")
    }

    /// The counters that are added up, where the query does nothing else.
    pub fn counters(&self) -> Option<&str> {
        self.counters.as_deref()
    }

    /// Every selector that the query reads, without its range and offset.
    pub fn selectors(&self) -> Vec<String> {
        // It was parsed before, so that there is no error to tell of.
        let Ok(parsed) = promql::parse(&self.fill("1m")) else { return Vec::new() };
        let bare = |found: promql::SelectorRef<'_>| {
            promql::VectorSelector { offset: None, at: None, ..found.selector.clone() }.to_string()
        };
        let mut found: Vec<_> = parsed.selectors().into_iter().map(bare).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn fill(&self, window: &str) -> String {
        self.pieces.join(window)
    }
}

/// `sum`, keeping labels.
fn sum(by: &[String]) -> String {
    if by.is_empty() { "sum".to_owned() } else { format!("sum by ({}) ", by.join(", ")) }
}

/// A regular expression for the ways in which clients write a bucket's bound.
fn bound(le: f64) -> String {
    let text = le.to_string();
    if text.contains('.') { text.replace('.', "\\\\.") } else { format!("{text}(\\\\.0)?") }
}

fn check_selector(selector: &str) -> Result<(), QueryError> {
    parse(selector)?;
    // Only a bare selector takes a range; anything else fails here.
    parse(&format!("{selector}[1m]")).map_err(|_| QueryError::NoWindow)
}

fn parse(query: &str) -> Result<(), QueryError> {
    match promql::parse(query) {
        Ok(_) => Ok(()),
        // A server may know what this evaluator does not.
        Err(promql::ParseError { kind: promql::ParseErrorKind::Unsupported(_), .. }) => Ok(()),
        Err(error) => {
            let (line, column) = (error.span.line, error.span.column);
            Err(QueryError::Syntax { message: error.message, line, column, remedy: error.remedy })
        }
    }
}

/// Cuts a query at `{{.window}}`, `{{ .window }}` and `$window`.
pub(crate) fn split_at_windows(query: &str) -> Result<Vec<String>, QueryError> {
    const VARIABLE: &str = "$window";
    let mut pieces = vec![String::new()];
    let mut rest = query;
    while let Some(start) = rest.find(['{', '$']) {
        let (before, tail) = rest.split_at(start);
        if let Some(last) = pieces.last_mut() {
            last.push_str(before);
        }
        if let Some((inner, after)) = tail.strip_prefix("{{").and_then(|tail| tail.split_once("}}")) {
            if inner.trim() != ".window" {
                return Err(QueryError::Template(inner.trim().to_owned()));
            }
            pieces.push(String::new());
            rest = after;
        } else if let Some(after) = tail.strip_prefix(VARIABLE) {
            pieces.push(String::new());
            rest = after;
        } else {
            // Both characters are one byte long.
            if let Some(last) = pieces.last_mut() {
                last.push_str(&tail[..1]);
            }
            rest = &tail[1..];
        }
    }
    if let Some(last) = pieces.last_mut() {
        last.push_str(rest);
    }
    Ok(pieces)
}

/// Whether a query is `sum(…)` as a whole, so that no label is left to sum over.
fn is_one_sum(query: &str) -> bool {
    let Some(rest) = query.strip_prefix("sum(") else { return false };
    let (mut depth, mut quote, mut escaped) = (1_usize, None, false);
    for (i, c) in rest.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(q) if c == '\\' && q != '`' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            },
        }
        if depth == 0 {
            return i + 1 == rest.len();
        }
    }
    false
}

/// Whether a query calls a function of this name.
fn calls(query: &str, function: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    query.match_indices(function).any(|(start, _)| {
        !query[..start].ends_with(part_of_name) && query[start + function.len()..].trim_start().starts_with('(')
    })
}

#[cfg(test)]
mod tests;
