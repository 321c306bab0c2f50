//! The part of the Alertmanager API that lists alerts, so that `amtool` shows what fires without an Alertmanager.
//!
//! Nothing is silenced, inhibited or routed here: every firing alert is active.

use super::params::Params;
use super::{Shared, clock};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use promql::{MatchOp, Matcher};
use rules::Alert;
use serde_json::{Map, Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Firing alerts; `filter` names matchers, of which all must match.
pub(super) async fn alerts(State(app): Shared, params: Params) -> Response {
    if params.get("active") == Some("false") {
        return Json(json!([])).into_response();
    }
    let matchers = match params.all("filter").map(matcher).collect::<Result<Vec<_>, _>>() {
        Ok(matchers) => matchers,
        Err(cause) => return (StatusCode::BAD_REQUEST, Json(json!(format!("bad matcher: {cause}")))).into_response(),
    };
    let firing = app.rules.firing();
    let wanted = firing.iter().filter(|(alert, _)| matchers.iter().all(|m| m.matches(alert.labels.get(&m.name))));
    Json(wanted.map(|(alert, link)| message(alert, link)).collect::<Vec<_>>()).into_response()
}

/// A matcher as Alertmanagers read it: the value may stand without quotes.
fn matcher(text: &str) -> Result<Matcher, String> {
    let at = text.find(['=', '!']).ok_or_else(|| format!("{text:?} has no =, !=, =~ or !~"))?;
    let (name, rest) = text.split_at(at);
    let operators =
        [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
    let found = operators.iter().find_map(|(op, kind)| Some((rest.strip_prefix(op)?, *kind)));
    let (value, op) = found.ok_or_else(|| format!("{text:?} has no =, !=, =~ or !~"))?;
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let value = bare.map_or_else(|| value.to_owned(), |bare| bare.replace("\\\"", "\"").replace("\\\\", "\\"));
    Matcher::new(name.trim(), op, &value).map_err(|e| e.to_string())
}

fn message(alert: &Alert, link: &str) -> Value {
    let mut hasher = DefaultHasher::new();
    alert.labels.hash(&mut hasher);
    let labels: Map<_, _> = alert.labels.iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
    let annotations: Map<_, _> = alert.annotations.iter().map(|(n, v)| (n.clone(), v.as_str().into())).collect();
    json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": clock::rfc3339(alert.fired_at),
        "updatedAt": clock::rfc3339(Some(clock::now_ms())),
        "endsAt": clock::rfc3339(alert.valid_until.or(Some(clock::now_ms() + VALID_MS))),
        "generatorURL": link,
        "fingerprint": format!("{:016x}", hasher.finish()),
        "receivers": [],
        "status": { "state": "active", "silencedBy": [], "inhibitedBy": [] },
    })
}

/// How long an alert that nobody is told of counts as firing, as Prometheus tells Alertmanagers.
const VALID_MS: i64 = 4 * 60_000;

/// What `amtool` asks for before anything else.
pub(super) async fn status(State(app): Shared) -> Json<Value> {
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({
        "cluster": { "status": "disabled", "peers": [] },
        "config": { "original": "" },
        "uptime": clock::rfc3339(Some(app.started_ms)),
        "versionInfo": {
            "version": version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_with_and_without_quotes() {
        for (text, name, op, value) in [
            ("severity=page", "severity", MatchOp::Equal, "page"),
            ("a=\"b c\"", "a", MatchOp::Equal, "b c"),
            ("a != \"\\\"x\\\"\"", "a", MatchOp::NotEqual, "\"x\""),
            ("a=~b.*", "a", MatchOp::Regex, "b.*"),
            ("a!~\"b|c\"", "a", MatchOp::NotRegex, "b|c"),
        ] {
            let matcher = matcher(text).unwrap();
            assert_eq!((&*matcher.name, matcher.op, &*matcher.value), (name, op, value), "{text}");
        }
        for text in ["", "severity", "a!b", "a=~("] {
            assert!(matcher(text).is_err(), "{text}");
        }
    }
}
