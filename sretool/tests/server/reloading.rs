//! Targets and rules that change while the server runs.

use crate::eventually;
use crate::exporter::Exporter;
use crate::program::Program;
use serde_json::Value;
use std::path::Path;

/// Values of an expression, in order.
async fn query(url: &str, expr: &str) -> Vec<String> {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query")).query(&[("query", expr)]);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let results = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    results.iter().map(|result| format!("{} {}", result["metric"], result["value"][1])).collect()
}

async fn until(url: &str, expr: &str, count: usize) {
    eventually(&format!("{expr}: {count}"), || async { query(url, expr).await.len() == count }).await;
}

fn write(folder: &Path, jobs: &[(&str, &str)], rule: &str) {
    let jobs: String = jobs
        .iter()
        .map(|(job, address)| format!("- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]}}\n"))
        .collect();
    let config = format!(
        "global: {{scrape_interval: 100ms, evaluation_interval: 100ms}}\nrule_files: [r.yml]\nscrape_configs:\n{jobs}"
    );
    std::fs::write(folder.join("p.yml"), config).unwrap();
    std::fs::write(folder.join("r.yml"), format!("groups: [{{name: g, rules: [{rule}]}}]\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_targets_and_rules_and_a_mistake_changes_nothing() {
    let (one, two) = (Exporter::start("a 1\n").await, Exporter::start("a 2\n").await);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("one", &one.address)], "{record: job:a, expr: sum by (job) (a)}");
    let config = folder.path().join("p.yml").display().to_string();
    let program = Program::serve(&["--config", &config]);
    let (url, reload) = (program.url.as_str(), format!("{}/-/reload", program.url));
    let client = reqwest::Client::new();
    until(url, "job:a", 1).await;

    write(folder.path(), &[("two", &two.address)], "{record: job:b, expr: sum by (job) (a)}");
    assert_eq!(client.post(&reload).send().await.unwrap().status(), 200);
    until(url, r#"job:b{job="two"} == 2"#, 1).await;
    until(url, r#"{job="one"}"#, 0).await;
    until(url, "job:a", 0).await;

    std::fs::write(folder.path().join("r.yml"), "groups: [{name: g, rules: [{record: r, expr: 'sum('}]}]\n").unwrap();
    let refused = client.post(&reload).send().await.unwrap();
    assert_eq!(refused.status(), 500);
    let cause = refused.text().await.unwrap();
    assert!(cause.contains("r.yml:1:") && cause.contains("not valid PromQL"), "{cause}");
    let info: Value =
        client.get(format!("{url}/api/v1/status/runtimeinfo")).send().await.unwrap().json().await.unwrap();
    assert_eq!(info["data"]["reloadConfigSuccess"], false);
    until(url, "job:b", 1).await;

    write(folder.path(), &[("two", &two.address), ("one", &one.address)], "{record: job:c, expr: 'sum by (job) (a)'}");
    program.signal("HUP");
    until(url, "job:c", 2).await;
    let shown = client.get(format!("{url}/api/v1/status/config")).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("job_name: one"), "{shown}");
}
