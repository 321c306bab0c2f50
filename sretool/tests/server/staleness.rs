//! A target that flaps.

use crate::exporter::Exporter;
use crate::{Rig, eventually};
use promql::{MatchOp, Matcher, Queryable, SelectHints};

const BOTH: &str = "# TYPE a gauge\na 1\n# TYPE b gauge\nb{x=\"1\"} 2\n";
const ONLY_A: &str = "# TYPE a gauge\na 1\n";

/// Stale markers of a series so far.
fn stale_markers(rig: &Rig, name: &str) -> usize {
    let matcher = Matcher::new("__name__", MatchOp::Equal, name).unwrap();
    let found = rig.store.select(&[matcher], SelectHints { min_t: i64::MIN, max_t: i64::MAX }).unwrap();
    found.iter().flat_map(|series| series.samples.iter()).filter(|s| promql::is_stale(s.v)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn vanished_series_and_failed_scrapes_end_series_at_once() {
    let exporter = Exporter::start(BOTH).await;
    let rig = Rig::start(&exporter.address, &[]).await;
    rig.until("a and on() b", 1).await;
    let instance = format!(r#"instance="{}", job="exporter""#, exporter.address);
    assert_eq!(rig.query("b"), [format!(r#"b{{{instance}, x="1"}} 2"#)]);
    assert_eq!(rig.query("up"), [format!("up{{{instance}}} 1")]);

    exporter.answer(ONLY_A);
    rig.until("b", 0).await;
    assert_eq!(rig.query("a").len(), 1, "only the vanished series ends");
    assert_eq!((stale_markers(&rig, "a"), stale_markers(&rig, "b")), (0, 1));

    exporter.fail();
    rig.until("up == 0", 1).await;
    rig.until("a", 0).await;
    assert_eq!(rig.query("scrape_samples_scraped"), [format!("scrape_samples_scraped{{{instance}}} 0")]);
    eventually("more failed scrapes", || async { rig.query("count_over_time(up[1s]) > 5").len() == 1 }).await;
    assert_eq!((stale_markers(&rig, "a"), stale_markers(&rig, "b"), stale_markers(&rig, "up")), (1, 1, 0));

    exporter.answer(BOTH);
    rig.until("a and on() b and on() (up == 1)", 1).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn series_with_their_own_times_outlive_a_failure() {
    let seconds = chrono::Utc::now().timestamp();
    let exporter = Exporter::start(&format!("# TYPE old gauge\nold 7 {seconds}\n{ONLY_A}")).await;
    let rig = Rig::start(&exporter.address, &[]).await;
    rig.until("a and on() old", 1).await;
    exporter.fail();
    rig.until("a", 0).await;
    assert_eq!(rig.query("old").len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_exposition_fails_the_scrape_and_names_the_line() {
    let exporter = Exporter::start(ONLY_A).await;
    let rig = Rig::start(&exporter.address, &[]).await;
    rig.until("a", 1).await;
    exporter.answer("b {\na 1\n");
    rig.until("up == 0", 1).await;
    rig.until("a", 0).await;
    let targets: serde_json::Value =
        reqwest::get(format!("{}/api/v1/targets", rig.server.url())).await.unwrap().json().await.unwrap();
    let error = targets["data"]["activeTargets"][0]["lastError"].as_str().unwrap();
    assert!(error.contains("line 1"), "{error}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_and_metadata_are_kept() {
    let body = "# HELP x Things.\n# TYPE x counter\nx_total 3 # {trace_id=\"abc\"} 0.5\n";
    let exporter = Exporter::start(body).await;
    let rig = Rig::start(&exporter.address, &[]).await;
    rig.until("x_total", 1).await;
    let get = |path: &str| {
        let url = format!("{}/api/v1/{path}", rig.server.url());
        async move { reqwest::get(url).await.unwrap().json::<serde_json::Value>().await.unwrap()["data"].clone() }
    };
    assert_eq!(get("query_exemplars?query=x_total").await[0]["exemplars"][0]["labels"]["trace_id"], "abc");
    assert_eq!(get("metadata").await["x"][0]["help"], "Things.");
    rig.stop().await;
}
