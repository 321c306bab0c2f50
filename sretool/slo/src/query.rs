//! From a metric source's query to PromQL over a window.

use crate::duration::Window;

/// What a query must yield, and how a bare selector is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryForm {
    /// A number of events; a bare selector names counters.
    Counter,
    /// A number of events; a bare selector names gauges whose samples count events since the last sample.
    Delta,
    /// A ratio.
    Ratio,
}

/// A query whose window is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// The text around the places where the window goes: one piece more than there are places.
    pieces: Vec<String>,
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
    #[error("the query counts events a second, but a budget counts events")]
    Rate,
    #[error("the template {{{{{0}}}}} is not supported")]
    Template(String),
}

impl QueryError {
    pub(crate) fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::Syntax { remedy, .. } => return remedy.clone(),
            Self::NoWindow => "write SELECTOR, or an expression with [{{.window}}]",
            Self::RatioWithoutWindow => "write [{{.window}}] as the range of its selectors",
            Self::Rate => "replace rate by increase",
            Self::Template(_) => "only {{.window}} and $window are",
        };
        Some(text.to_owned())
    }
}

impl EventQuery {
    pub(crate) fn new(query: &str, form: QueryForm) -> Result<Self, QueryError> {
        let query = query.trim();
        let pieces = split_at_windows(query)?;
        if let [selector] = pieces.as_slice() {
            return Self::from_selector(selector, form);
        }
        if form != QueryForm::Ratio && (calls(query, "rate") || calls(query, "irate")) {
            return Err(QueryError::Rate);
        }
        let query = Self { pieces };
        let probe = query.fill("1m");
        parse(&probe)?;
        // A ratio must not be summed over series: it has to be one series already.
        Ok(if form == QueryForm::Ratio { query } else { query.summed() })
    }

    fn from_selector(selector: &str, form: QueryForm) -> Result<Self, QueryError> {
        let function = match form {
            QueryForm::Counter => "increase",
            QueryForm::Delta => "sum_over_time",
            QueryForm::Ratio => return Err(QueryError::RatioWithoutWindow),
        };
        parse(selector)?;
        // Only a bare selector takes a range; anything else fails here.
        parse(&format!("{selector}[1m]")).map_err(|_| QueryError::NoWindow)?;
        Ok(Self { pieces: vec![format!("sum({function}({selector}["), "]))".to_owned()] })
    }

    fn summed(mut self) -> Self {
        if !is_one_sum(&self.fill("1m")) {
            self.pieces[0].insert_str(0, "sum(");
            if let Some(last) = self.pieces.last_mut() {
                last.push(')');
            }
        }
        self
    }

    /// The query over a window.
    pub fn over(&self, window: Window) -> String {
        self.fill(&window.to_string())
    }

    fn fill(&self, window: &str) -> String {
        self.pieces.join(window)
    }
}

fn parse(query: &str) -> Result<(), QueryError> {
    match promql::parse(query) {
        Ok(_) => Ok(()),
        Err(error) => {
            let (line, column) = (error.span.line, error.span.column);
            Err(QueryError::Syntax { message: error.message, line, column, remedy: error.remedy })
        }
    }
}

/// Cuts a query at `{{.window}}`, `{{ .window }}` and `$window`.
fn split_at_windows(query: &str) -> Result<Vec<String>, QueryError> {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn over_an_hour(query: &str, form: QueryForm) -> String {
        EventQuery::new(query, form).unwrap().over(Window::hours(1))
    }

    #[test]
    fn selectors_are_wrapped() {
        assert_eq!(over_an_hour("jobs_total", QueryForm::Counter), "sum(increase(jobs_total[1h]))");
        assert_eq!(
            over_an_hour(" http_requests_total{status=~\"5..\", route!=\"{{x\"}\n", QueryForm::Counter),
            "sum(increase(http_requests_total{status=~\"5..\", route!=\"{{x\"}[1h]))"
        );
        assert_eq!(over_an_hour("jobs", QueryForm::Delta), "sum(sum_over_time(jobs[1h]))");
    }

    #[test]
    fn templates_are_filled_and_summed_once() {
        assert_eq!(over_an_hour("increase(a[{{ .window }}])", QueryForm::Counter), "sum(increase(a[1h]))");
        assert_eq!(over_an_hour("sum(increase(a[$window]))", QueryForm::Counter), "sum(increase(a[1h]))");
        let twice = "sum(increase(a[{{.window}}])) + sum(increase(b[$window]))";
        assert_eq!(over_an_hour(twice, QueryForm::Counter), "sum(sum(increase(a[1h])) + sum(increase(b[1h])))");
        assert!(is_one_sum(r#"sum(a{x=")\")"})"#) && !is_one_sum("sum(a) by (b)") && !is_one_sum("sum(a"));
        let ratio = "1 - avg_over_time(ok[{{.window}}])";
        assert_eq!(over_an_hour(ratio, QueryForm::Ratio), "1 - avg_over_time(ok[1h])");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let error = |query: &str, form| EventQuery::new(query, form).unwrap_err().to_string();
        assert!(error("sum(jobs_total)", QueryForm::Counter).contains("neither a bare selector"));
        assert!(error("jobs_total{", QueryForm::Counter).contains("not valid PromQL"));
        assert!(error("sum(rate(a[{{.window}}]))", QueryForm::Counter).contains("events a second"));
        assert!(error("a[{{.interval}}]", QueryForm::Counter).contains("{{.interval}}"));
        assert!(error("a", QueryForm::Ratio).contains("must name its window"));
        assert!(EventQuery::new("my_rate(", QueryForm::Ratio).is_err());
        assert!(!calls("request_rate (x)", "rate") && calls("1 - rate (x)", "rate"));
    }

    proptest! {
        #[test]
        fn splitting_loses_nothing(query in "[a-z{}$. é]{0,30}") {
            if let Ok(pieces) = split_at_windows(&query)
                && let [whole] = pieces.as_slice()
            {
                prop_assert_eq!(whole, &query);
            }
        }
    }
}
