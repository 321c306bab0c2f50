//! Beside the real tools: promtool as a client, Prometheus as a second opinion. Without them the tests say so and pass.

use crate::exporter::Exporter;
use crate::{Rig, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

const BODY: &str = "# HELP jobs Jobs.\n# TYPE jobs counter\njobs_total{queue=\"a\"} 3\njobs_total{queue=\"b\"} 5\n\
                    # TYPE size gauge\nsize{job=\"own\",exported_job=\"older\"} -1.5\nsize{instance=\"inner\"} NaN\n\
                    # TYPE wait histogram\n\
                    wait_bucket{le=\"0.5\"} 1\nwait_bucket{le=\"2.5\"} 3\nwait_bucket{le=\"+Inf\"} 4\n\
                    wait_sum 6\nwait_count 4\n# TYPE gone gauge\ngone 1\n";

const RULES: &str = "groups:\n- name: g\n  rules:\n  - record: queue:jobs:sum\n    expr: sum by (queue) (jobs_total)\n\
                     \x20   labels: {level: top}\n  - alert: Many\n    expr: queue:jobs:sum > 4\n\
                     \x20   labels: {severity: page, what: 'q-{{ $labels.queue }}'}\n\
                     \x20   annotations: {summary: '{{ $value | humanize }} jobs in {{ $labels.queue }}'}\n";

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_missing(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let missing = !found.is_ok_and(|status| status.success());
    if missing {
        eprintln!("skipped: `{program}` is not installed here");
    }
    missing
}

fn promtool(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("promtool").args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_reads_our_answers() {
    if is_missing("promtool") {
        return;
    }
    let exporter = Exporter::start(BODY).await;
    let rig = Rig::start(&exporter.address, &[]).await;
    rig.until("jobs_total", 2).await;
    let url = rig.server.url();
    let run = move |arguments: Vec<String>| async move {
        let task = move || promtool(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(task).await.unwrap()
    };
    let instant = |expr: &str| run(["query", "instant", &url, expr].map(str::to_owned).to_vec());
    let (good, out) = instant("sum by (queue) (jobs_total)").await;
    assert!(good && out.contains(r#"{queue="a"} => 3 @"#) && out.contains(r#"{queue="b"} => 5 @"#), "{out}");
    let (good, out) = instant("scalar(vector(1)) / 0").await;
    assert!(good && out.contains("+Inf"), "{out}");
    assert!(!instant("sum(").await.0, "a wrong query fails");
    let (good, out) = run(["query", "labels", &url, "queue"].map(str::to_owned).to_vec()).await;
    assert!(good && out == "a\nb\n", "{out}");
    let (good, out) = run(["query", "series", "--match=gone", &url].map(str::to_owned).to_vec()).await;
    assert!(good && out.contains(r#"__name__="gone""#), "{out}");
    let now = chrono::Utc::now().timestamp();
    let (start, end) = (format!("--start={}", now - 2), format!("--end={now}"));
    let (good, out) =
        run(["query", "range", &start, &end, "--step=1s", &url, "vector(2)"].map(str::to_owned).to_vec()).await;
    assert!(good && out.matches("2 @[").count() == 3, "{out}");
    rig.stop().await;
}

/// A Prometheus that scrapes the same target and evaluates the same rules.
fn prometheus(address: &str, folder: &std::path::Path) -> (Running, String) {
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 100ms}}\n\
         rule_files: [rules.yml]\n\
         scrape_configs: [{{job_name: exporter, static_configs: [{{targets: ['{address}']}}]}}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    std::fs::write(folder.join("rules.yml"), RULES).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Running(child), format!("http://127.0.0.1:{port}"))
}

async fn api(url: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/{path}")).query(parameters);
    match request.send().await {
        Ok(response) => response.json::<Value>().await.map(|v| v["data"].clone()).unwrap_or_default(),
        Err(_) => Value::Null,
    }
}

/// Label sets with values; times differ between two servers.
async fn vector(url: &str, expr: &str) -> BTreeSet<String> {
    let data = api(url, "query", &[("query", expr)]).await;
    let results = data["result"].as_array().cloned().unwrap_or_default();
    results.iter().map(|r| format!("{} {}", r["metric"], r["value"][1])).collect()
}

/// Waits until both servers give the same answer of this many results, and says which differ if they never do.
async fn check_same(ours: &str, theirs: &str, expr: &str, count: usize) {
    let agree = || async {
        let answers = (vector(ours, expr).await, vector(theirs, expr).await);
        answers.0 == answers.1 && answers.0.len() == count
    };
    eventually(&format!("{expr}: {count} equal results"), agree).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_sees_the_same() {
    if is_missing("prometheus") {
        return;
    }
    let exporter = Exporter::start(BODY).await;
    let folder = tempfile::tempdir().unwrap();
    let (_prometheus, theirs) = prometheus(&exporter.address, folder.path());
    let rig = Rig::start(&exporter.address, &[("rules.yml", RULES)]).await;
    let ours = rig.server.url();
    let ready = || async { !vector(&theirs, "ALERTS").await.is_empty() && !vector(&ours, "ALERTS").await.is_empty() };
    eventually("both servers answer", ready).await;

    let series = [("match[]", r#"{__name__=~".+"}"#)];
    let sorted = |data: Value| data.as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>();
    let (mine, other) = (sorted(api(&ours, "series", &series).await), sorted(api(&theirs, "series", &series).await));
    assert_eq!(mine.symmetric_difference(&other).collect::<Vec<_>>(), Vec::<&String>::new());

    for (expr, count) in [
        ("up", 1),
        ("jobs_total", 2),
        ("size", 2),
        ("scrape_samples_scraped", 1),
        ("scrape_samples_post_metric_relabeling", 1),
        ("scrape_series_added", 1),
        ("histogram_quantile(0.5, wait_bucket)", 1),
        ("wait_sum / wait_count", 1),
        ("queue:jobs:sum", 2),
        ("ALERTS", 1),
        ("sum by (le) (increase(wait_bucket[1m]))", 3),
        ("jobs_total * on(queue) group_left(level) queue:jobs:sum", 2),
    ] {
        check_same(&ours, &theirs, expr, count).await;
    }
    let without_times = |alerts: Value| {
        let mut alert = alerts["alerts"][0].clone();
        alert["activeAt"] = json!("");
        alert
    };
    assert_eq!(without_times(api(&ours, "alerts", &[]).await), without_times(api(&theirs, "alerts", &[]).await));
    assert_eq!(api(&ours, "metadata", &[]).await, api(&theirs, "metadata", &[]).await);

    exporter.answer(&BODY.replace("# TYPE gone gauge\ngone 1\n", "").replace("{queue=\"b\"} 5", "{queue=\"b\"} 2"));
    for (expr, count) in [("gone", 0), ("ALERTS", 0), ("queue:jobs:sum", 2), ("changes(scrape_samples_scraped[1m])", 1)]
    {
        check_same(&ours, &theirs, expr, count).await;
    }
    exporter.fail();
    for (expr, count) in [("up == 0", 1), ("jobs_total", 0), ("queue:jobs:sum", 0)] {
        check_same(&ours, &theirs, expr, count).await;
    }
    rig.stop().await;
}
