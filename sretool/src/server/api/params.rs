//! Parameters of requests, from the URL and from form bodies.

use super::error::ApiError;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{HeaderMap, Method, header};
use axum::{Form, RequestExt};
use promql::{ExprKind, Matcher};

/// Parameters in order; names may repeat.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let Query(mut pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|e| ApiError::bad_data(format!("the URL's parameters cannot be read: {e}")))?;
        if request.method() == Method::POST && is_form(request.headers()) {
            let form: Result<Form<Vec<(String, String)>>, _> = request.extract().await;
            let Form(body) = form.map_err(|e| ApiError::bad_data(format!("the form cannot be read: {e}")))?;
            pairs.extend(body);
        }
        Ok(Self(pairs))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

impl Params {
    /// The first value of a parameter that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The expression of a query.
    pub(crate) fn expression(&self) -> Result<promql::Expr, ApiError> {
        let text = self.get("query").unwrap_or_default();
        promql::parse(text).map_err(|e| ApiError::parameter("query", e))
    }

    /// A time in ms since the Unix epoch, or `default`.
    pub(crate) fn time(&self, name: &str, default: i64) -> Result<i64, ApiError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        parse_time(text).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
    }

    /// A time that must be given.
    pub(crate) fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.get(name).unwrap_or_default();
        parse_time(text).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
    }

    /// A duration in ms, as seconds or as in PromQL.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        parse_duration(text)
            .map(Some)
            .ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid duration")))
    }

    /// How many results to return at most; none given or 0 is no limit.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(usize::MAX) };
        match text.parse() {
            Ok(0) => Ok(usize::MAX),
            Ok(limit) => Ok(limit),
            Err(_) => Err(ApiError::parameter("limit", "limit must be a non-negative number")),
        }
    }

    /// A limit of the metadata: there, 0 is a limit and a negative number is none.
    pub(crate) fn metadata_limit(&self, name: &str) -> Result<usize, ApiError> {
        let Some(text) = self.get(name) else { return Ok(usize::MAX) };
        let limit: i64 = text.parse().map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The selectors of `match[]`.
    pub(crate) fn selectors(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        self.all("match[]").map(|text| selector(text).map_err(|e| ApiError::parameter("match[]", e))).collect()
    }
}

/// The matchers of a series selector.
pub(crate) fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    match promql::parse(text).map_err(|e| e.to_string())?.kind {
        ExprKind::Vector(selector) => Ok(selector.matchers),
        _ => Err(format!("{text:?} is no series selector; write one such as up{{job=\"api\"}}")),
    }
}

/// Decimal seconds or RFC 3339, in ms.
fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return milliseconds(seconds);
    }
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

fn parse_duration(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => milliseconds(seconds),
        Err(_) => rules::parse_duration(text).ok(),
    }
}

/// `None` beyond the years that milliseconds in 63 bits cover with room for arithmetic.
fn milliseconds(seconds: f64) -> Option<i64> {
    let ms = (seconds * 1000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "the bound keeps it within 63 bits")]
    (ms.abs() < 4e18).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        for (text, expected) in [
            ("1700000000", Some(1_700_000_000_000)),
            ("1700000000.1235", Some(1_700_000_000_124)),
            ("-1.5", Some(-1500)),
            ("2023-11-14T22:13:20.5Z", Some(1_700_000_000_500)),
            ("2023-11-14T23:13:20+01:00", Some(1_700_000_000_000)),
            ("", None),
            ("now", None),
            ("NaN", None),
            ("+Inf", None),
            ("1e30", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_or_as_in_promql() {
        assert_eq!(parse_duration("15"), Some(15_000));
        assert_eq!(parse_duration("0.5"), Some(500));
        assert_eq!(parse_duration("1h30m"), Some(5_400_000));
        assert_eq!(parse_duration("soon"), None);
    }

    #[test]
    fn empty_values_count_as_absent() {
        let pairs = [("time", ""), ("match[]", "up"), ("match[]", "down{a='b'}"), ("limit", "0")];
        let params = Params(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec());
        assert_eq!(params.time("time", 7).unwrap(), 7);
        assert_eq!(params.limit().unwrap(), usize::MAX);
        let selectors = params.selectors().unwrap();
        assert_eq!((selectors.len(), selectors[1].len()), (2, 2));
        assert!(params.required_time("start").is_err());
    }

    #[test]
    fn only_selectors_select() {
        assert!(selector("sum(up)").unwrap_err().contains("no series selector"));
        assert!(selector("up{").is_err());
    }
}
