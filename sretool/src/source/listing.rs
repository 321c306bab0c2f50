//! What a source holds: series, label names, label values.

use super::{PrometheusHttp, Source, SourceError};
use promql::{ExprKind, Labels, Matcher, SelectHints};
use std::collections::{BTreeMap, BTreeSet};

/// A time interval, milliseconds since the Unix epoch, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Begin.
    pub start_ms: i64,
    /// End.
    pub end_ms: i64,
}

impl Source {
    /// Label sets of the series that a selector matches and that have samples in the span, in order.
    ///
    /// # Errors
    /// [`SourceError`], as for queries.
    pub async fn series(&self, selector: &str, span: Span) -> Result<Vec<Labels>, SourceError> {
        match self {
            Self::Http(http) => http.series(selector, span).await,
            Self::Local(local) => {
                let hints = SelectHints { min_t: span.start_ms, max_t: span.end_ms };
                let found = local.storage().select(&matchers(selector)?, hints);
                let refused = |e: promql::StorageError| refused("execution", e.to_string());
                let labels: BTreeSet<_> = found.map_err(refused)?.into_iter().map(|series| series.labels).collect();
                Ok(labels.into_iter().collect())
            }
        }
    }

    /// Names of labels of series with samples in the span, of those that a selector matches where one is given.
    ///
    /// # Errors
    /// [`SourceError`], as for queries.
    pub async fn label_names(&self, selector: Option<&str>, span: Span) -> Result<Vec<String>, SourceError> {
        match self {
            Self::Http(http) => http.strings("labels", selector, span).await,
            Self::Local(_) => {
                let series = self.series(selector.unwrap_or(EVERYTHING), span).await?;
                let names = series.iter().flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()));
                Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
            }
        }
    }

    /// Values that a label has in such series.
    ///
    /// # Errors
    /// [`SourceError`], as for queries.
    pub async fn label_values(
        &self,
        label: &str,
        selector: Option<&str>,
        span: Span,
    ) -> Result<Vec<String>, SourceError> {
        match self {
            Self::Http(http) => http.strings(&format!("label/{label}/values"), selector, span).await,
            Self::Local(_) => {
                let series = self.series(selector.unwrap_or(EVERYTHING), span).await?;
                let values = series.iter().map(|labels| labels.get(label).to_owned()).filter(|value| !value.is_empty());
                Ok(values.collect::<BTreeSet<_>>().into_iter().collect())
            }
        }
    }
}

/// Every series has a name.
const EVERYTHING: &str = r#"{__name__!=""}"#;

fn refused(kind: &str, message: String) -> SourceError {
    SourceError::Refused { kind: kind.to_owned(), message }
}

fn matchers(selector: &str) -> Result<Vec<Matcher>, SourceError> {
    match promql::parse(selector).map_err(|e| refused("bad_data", e.to_string()))?.kind {
        ExprKind::Vector(selector) => Ok(selector.matchers),
        _ => {
            Err(refused("bad_data", format!("`{selector}` is no series selector; write one such as up{{job=\"api\"}}")))
        }
    }
}

impl PrometheusHttp {
    async fn series(&self, selector: &str, span: Span) -> Result<Vec<Labels>, SourceError> {
        let found: Vec<BTreeMap<String, String>> = self.get_with("series", &parameters(Some(selector), span)).await?;
        let mut labels: Vec<_> = found.into_iter().map(Labels::new).collect();
        labels.sort();
        Ok(labels)
    }

    async fn strings(&self, endpoint: &str, selector: Option<&str>, span: Span) -> Result<Vec<String>, SourceError> {
        self.get_with(endpoint, &parameters(selector, span)).await
    }
}

fn parameters(selector: Option<&str>, span: Span) -> Vec<(&'static str, String)> {
    let times = [("start", super::http::seconds(span.start_ms)), ("end", super::http::seconds(span.end_ms))];
    times.into_iter().chain(selector.map(|selector| ("match[]", selector.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Local;
    use std::sync::Arc;

    const SPAN: Span = Span { start_ms: 0, end_ms: 10_000 };

    fn source() -> Source {
        let store = tsdb::Store::default();
        for (name, job, t) in [("up", "b", 0), ("up", "a", 5000), ("x", "a", 20_000)] {
            store.append(&Labels::new([("__name__", name), ("job", job)]), t, 1.0).unwrap();
        }
        Source::Local(Local::new("test", Arc::new(store), None))
    }

    #[tokio::test]
    async fn what_is_in_the_span_is_listed_in_order() {
        let source = source();
        let series = source.series("up", SPAN).await.unwrap();
        assert_eq!(series.iter().map(ToString::to_string).collect::<Vec<_>>(), ["up{job=\"a\"}", "up{job=\"b\"}"]);
        assert_eq!(source.label_names(None, SPAN).await.unwrap(), ["__name__", "job"]);
        assert_eq!(source.label_values("__name__", None, SPAN).await.unwrap(), ["up"]);
        assert_eq!(source.label_values("job", Some("up{job!='b'}"), SPAN).await.unwrap(), ["a"]);
        assert!(source.series("sum(up)", SPAN).await.unwrap_err().is_query_error());
    }

    #[tokio::test]
    async fn a_server_is_asked_over_http() {
        let store = tsdb::Store::default();
        store.append(&Labels::new([("__name__", "up"), ("job", "a b")]), 5000, 1.0).unwrap();
        let config = crate::server::ServerConfig {
            store: Arc::new(store),
            ..crate::server::ServerConfig::new(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap())
        };
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let server = crate::server::start(config, stopped).unwrap();
        let source = Source::resolve(Some(&server.url())).unwrap();
        assert_eq!(source.series("up", SPAN).await.unwrap()[0].get("job"), "a b");
        assert_eq!(source.label_names(None, SPAN).await.unwrap(), ["__name__", "job"]);
        assert_eq!(source.label_values("job", Some("up"), SPAN).await.unwrap(), ["a b"]);
        assert_eq!(source.label_values("job", Some("down"), SPAN).await.unwrap(), Vec::<String>::new());
        assert!(source.series("up{", SPAN).await.unwrap_err().is_query_error());
    }
}
