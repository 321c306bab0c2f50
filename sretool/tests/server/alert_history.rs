//! Alerts over a restart of `sretool serve --data`.

use crate::eventually;
use crate::program::{Program, signal};
use serde_json::Value;

const RULES: &str = "groups: [{name: g, rules: [{alert: Lasting, expr: 'vector(1)', for: 1h}, \
                     {alert: Fired, expr: 'vector(1)', for: 1s}]}]\n";

/// State of an alert, and since when it is active, seconds since the Unix epoch.
async fn alert(url: &str, name: &str) -> Option<(String, f64)> {
    let answer: Value = reqwest::get(format!("{url}/api/v1/alerts")).await.unwrap().json().await.unwrap();
    let alerts = answer["data"]["alerts"].as_array().unwrap().clone();
    let alert = alerts.into_iter().find(|alert| alert["labels"]["alertname"] == name)?;
    let since = chrono::DateTime::parse_from_rfc3339(alert["activeAt"].as_str().unwrap()).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
    let seconds = since.timestamp_millis() as f64 / 1000.0;
    Some((alert["state"].as_str().unwrap().to_owned(), seconds))
}

/// Values of ALERTS_FOR_STATE and ALERTS that the server shows now.
async fn count(url: &str, expr: &str) -> usize {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query")).query(&[("query", expr)]);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["data"]["result"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_alerts_keep_their_age_and_fired_ones_fire_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("rules.yml"), RULES).unwrap();
    let serve = || {
        let arguments = ["--data", &path("data"), "--rules", &path("rules.yml"), "--evaluation-interval", "100ms"];
        Program::serve(&[&arguments[..], &["--for-grace-period", "1s"]].concat())
    };
    let mut first = serve();
    let fires = || async { alert(&first.url, "Fired").await.is_some_and(|(state, _)| state == "firing") };
    eventually("the short one fires", fires).await;
    eventually("it is recorded", || async { count(&first.url, "ALERTS{alertstate=\"firing\"}").await == 1 }).await;
    let (state, since) = alert(&first.url, "Lasting").await.unwrap();
    assert_eq!(state, "pending");
    signal(&first.child, "TERM");
    assert_eq!(first.child.wait().unwrap().code(), Some(0));
    let stopped = chrono::Utc::now().timestamp_millis();

    let second = serve();
    // Alert series are written again only once the history was read.
    let fresh =
        format!("ALERTS{{alertname=\"Lasting\"}} and timestamp(ALERTS{{alertname=\"Lasting\"}}) > {stopped} / 1000");
    eventually("alerts are written again", || async { count(&second.url, &fresh).await == 1 }).await;
    let (state, active) = alert(&second.url, "Lasting").await.unwrap();
    let down = chrono::Utc::now().timestamp_millis() - stopped;
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let latest = since + down as f64 / 1000.0 + 1.5;
    assert_eq!(state, "pending");
    assert!((since - 1.0..latest).contains(&active), "active since {active}, before {since}");
    let (state, _) = alert(&second.url, "Fired").await.unwrap();
    assert_eq!(state, "firing", "it does not wait again");
}
