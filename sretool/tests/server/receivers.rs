//! Alerts on their way to real Alertmanagers.

use crate::eventually;
use crate::exporter::Exporter;
use crate::program::Program;
use crate::real::Real;
use serde_json::Value;
use std::process::Command;

const CONFIG: &str = "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n";

const RULES: &str = "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    labels: {severity: page}\n\
                     \x20   annotations: {summary: '{{ $labels.job }} is down'}\n";

/// Active alerts that an Alertmanager knows.
async fn active(alertmanager: &Real) -> Vec<Value> {
    let url = format!("{}/api/v2/alerts?active=true", alertmanager.url);
    let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let now = chrono::Utc::now().to_rfc3339();
    let all = answer.as_array().cloned().unwrap_or_default();
    // The Alertmanager keeps what has ended for a while.
    all.into_iter().filter(|alert| alert["endsAt"].as_str().unwrap() > now.as_str()).collect()
}

fn amtool(url: &str) -> String {
    let url = format!("--alertmanager.url={url}");
    let output = Command::new("amtool").args([&url, "alert", "query", "severity=page", "-o", "json"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn metric(url: &str, name: &str) -> Vec<String> {
    let text = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_alertmanagers_hear_of_alerts_and_of_their_end() {
    let Some(mut first) = Real::alertmanager(CONFIG).await else { return };
    let Some(second) = Real::alertmanager(CONFIG).await else { return };
    let exporter = Exporter::start("# TYPE a gauge\na 1\n").await;
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yml").display().to_string();
    std::fs::write(&rules, RULES).unwrap();
    let sretool = Program::serve(&[
        "--scrape",
        &format!("exporter={}", exporter.address),
        "--scrape-interval=100ms",
        "--evaluation-interval=100ms",
        "--resend-delay=1s",
        &format!("--rules={rules}"),
        &format!("--alertmanager={}", first.url),
        &format!("--alertmanager={}", second.url),
    ]);
    exporter.fail();
    for alertmanager in [&first, &second] {
        eventually("the alert arrives", || async { active(alertmanager).await.len() == 1 }).await;
    }
    let alert = active(&first).await.remove(0);
    let instance = exporter.address.as_str();
    let labels = serde_json::json!({"alertname": "Down", "instance": instance, "job": "exporter", "severity": "page"});
    assert_eq!((&alert["labels"], &alert["annotations"]["summary"]), (&labels, &"exporter is down".into()));
    let link = reqwest::get(alert["generatorURL"].as_str().unwrap()).await.unwrap();
    assert_eq!(link.status(), 200, "the link of the alert leads somewhere");
    let seen = amtool(&first.url);
    assert!(seen.contains("exporter is down"), "{seen}");

    // Without any Alertmanager, amtool shows the same.
    let own = amtool(&sretool.url);
    assert!(own.contains("exporter is down"), "{own}");

    // An Alertmanager forgets its alerts when it restarts, and hears of them again.
    first.kill();
    let failed = || async {
        metric(&sretool.url, "prometheus_notifications_errors_total").await.iter().any(|l| !l.ends_with(" 0"))
    };
    eventually("failures are counted", failed).await;
    first.again().await;
    eventually("the alert arrives again", || async { active(&first).await.len() == 1 }).await;

    exporter.answer("# TYPE a gauge\na 1\n");
    for alertmanager in [&first, &second] {
        eventually("the end arrives", || async { active(alertmanager).await.is_empty() }).await;
    }
    let known = metric(&sretool.url, "prometheus_notifications_alertmanagers_discovered").await;
    assert_eq!(known, ["prometheus_notifications_alertmanagers_discovered 2"]);
    let listed = reqwest::get(format!("{}/api/v1/alertmanagers", sretool.url)).await.unwrap().text().await.unwrap();
    assert!(listed.contains(&first.url) && listed.contains(&second.url), "{listed}");
}
