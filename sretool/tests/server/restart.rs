//! `sretool serve --data` over restarts, asked for and not.

use crate::eventually;
use crate::exporter::Exporter;
use crate::program::{Program, signal};
use serde_json::Value;
use std::collections::BTreeSet;

/// What `serve` promises: a crash costs no more than this.
const PROMISE_S: f64 = 5.0;

/// The times of the samples of a series.
async fn times(program: &Program, selector: &str) -> BTreeSet<String> {
    let url = format!("{}/api/v1/query", program.url);
    let answer = reqwest::Client::new().post(url).form(&[("query", format!("{selector}[1h]"))]).send().await.unwrap();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let values = body["data"]["result"][0]["values"].as_array().cloned().unwrap_or_default();
    values.iter().map(|pair| pair[0].to_string()).collect()
}

fn seconds(time: &str) -> f64 {
    time.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let exporter = Exporter::start("# TYPE jobs counter\njobs_total 3\n").await;
    let serve = || Program::serve(&["--data", &data, "--scrape", &exporter.address, "--scrape-interval", "100ms"]);

    let mut first = serve();
    eventually("samples", || async { times(&first, "up").await.len() > 5 }).await;
    signal(&first.child, "TERM");
    assert_eq!(first.child.wait().unwrap().code(), Some(0));
    drop(first);

    let mut second = serve();
    let kept = times(&second, "up").await;
    assert!(kept.len() > 5, "{kept:?}");
    let span = |times: &BTreeSet<String>| {
        let all: Vec<_> = times.iter().map(|t| seconds(t)).collect();
        all.iter().copied().fold(f64::MIN, f64::max) - all.iter().copied().fold(f64::MAX, f64::min)
    };
    eventually("more than the promise", || async { span(&times(&second, "up").await) > PROMISE_S + 2.0 }).await;
    let before = times(&second, "up").await;
    signal(&second.child, "KILL");
    second.child.wait().unwrap();
    drop(second);

    let third = serve();
    let after = times(&third, "up").await;
    let newest = before.iter().map(|t| seconds(t)).fold(f64::MIN, f64::max);
    let lost: Vec<_> = before.iter().filter(|t| seconds(t) < newest - PROMISE_S && !after.contains(*t)).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    assert!(kept.iter().all(|t| after.contains(t)));
    assert_eq!(times(&third, "jobs_total").await.first(), before.first());
}
