//! The newest samples of series in the text format, for another Prometheus to scrape.

use super::error::ApiError;
use super::params::Params;
use super::{App, Patience, Shared, clock};
use crate::server::json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use promql::{Labels, METRIC_NAME, Matcher, Queryable, Sample, SelectHints, is_stale};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn federate(State(app): Shared, params: Params) -> Result<Response, ApiError> {
    let selectors = params.selectors()?;
    let (now, timeout) = (clock::now_ms(), app.limits.timeout);
    let read = move |app: &App, _: &Patience| newest(app, &selectors, now);
    let newest = app.compute(timeout, read).await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text(&newest, &app.external_labels)).into_response())
}

/// The newest sample of every series within the lookback, unless the series has ended.
fn newest(app: &App, selectors: &[Vec<Matcher>], now: i64) -> Result<BTreeMap<Labels, Sample>, ApiError> {
    let hints = SelectHints { min_t: now - app.engine.options().lookback_ms, max_t: now };
    let mut newest = BTreeMap::new();
    for matchers in selectors {
        let found = app.store.select(matchers, hints).map_err(|e| ApiError::evaluation(&e.into()))?;
        for series in found {
            if let Some(last) = series.samples.last().filter(|last| !is_stale(last.v)) {
                newest.insert(series.labels, *last);
            }
        }
    }
    Ok(newest)
}

fn text(newest: &BTreeMap<Labels, Sample>, external: &Labels) -> String {
    let mut by_name: Vec<_> = newest.iter().filter(|(labels, _)| !labels.metric_name().is_empty()).collect();
    by_name.sort_by_key(|(labels, _)| labels.metric_name());
    let (mut out, mut last) = (String::new(), "");
    for (labels, sample) in by_name {
        let name = labels.metric_name();
        if name != last {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# TYPE {name} untyped");
            last = name;
        }
        let missing = external.iter().filter(|(name, _)| labels.get(name).is_empty());
        let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
        let mut pairs: Vec<_> = own.chain(missing).collect();
        // An empty instance keeps the scraping server from setting its own where there is none.
        if labels.get("instance").is_empty() && external.get("instance").is_empty() {
            pairs.push(("instance", ""));
        }
        pairs.sort_unstable();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(out, "{name}{{{}}} {} {}", pairs.join(","), json::number(sample.v), sample.t);
    }
    out
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_grouped_escaped_and_get_external_labels() {
        let of = |pairs: &[(&str, &str)], v| (Labels::new(pairs.iter().copied()), Sample { t: 1500, v });
        let newest = BTreeMap::from([
            of(&[("__name__", "b"), ("instance", "h:1"), ("cluster", "own")], f64::INFINITY),
            of(&[("__name__", "a"), ("x", "1\"\\\n")], 1.5),
            of(&[("__name__", "b"), ("instance", "h:2")], 2.0),
        ]);
        let expected = "# TYPE a untyped\na{cluster=\"eu\",instance=\"\",x=\"1\\\"\\\\\\n\"} 1.5 1500\n\
                        # TYPE b untyped\nb{cluster=\"own\",instance=\"h:1\"} +Inf 1500\n\
                        b{cluster=\"eu\",instance=\"h:2\"} 2 1500\n";
        assert_eq!(text(&newest, &Labels::new([("cluster", "eu")])), expected);
        assert!(tsdb::exposition::parse(expected, tsdb::exposition::Format::Text, 0).is_ok());
    }
}
