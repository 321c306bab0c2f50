//! A flapping target, scraped by a real Prometheus 2.42 and by `sretool serve` from the same configuration file: after
//! every scrape both must show the same series with the same values, stale markers included.

use crate::eventually;
use crate::program::Program;
use crate::real::{self, Real};
use crate::scripted::{Scripted, Step};
use serde_json::Value;
use std::collections::BTreeSet;

const BOTH: &str = "# TYPE a gauge\na 1\n# TYPE b gauge\nb{x=\"1\"} 2\n";

/// What the target does, one step a scrape.
const FLAPPING: &[Step] = &[
    Step::Text(BOTH),
    Step::Text("a 1\n"),
    Step::Text(BOTH),
    Step::Status(500),
    Step::Status(503),
    Step::Text(BOTH),
    Step::Hangup,
    Step::Text("a 3\nc NaN\nd +Inf\n"),
    Step::Garbage,
    Step::Torn(BOTH),
    Step::Text(BOTH),
    Step::Silence,
    Step::Text("b{x=\"1\"} 5\nb{x=\"2\"} 6\n"),
    // Breaks off after a known and a new series.
    Step::Text("b{x=\"1\"} 5\nnew 1\nb{x=\"2\"\n"),
    Step::Text("b{x=\"1\"} 5\nnew 1\nb{x=\"2\"\n"),
    Step::Text(BOTH),
    Step::Text(""),
    Step::Text("a 1\na 2\na 1\n"),
    Step::Timed("a 1\nold 7 NOW-60\nolder{x=\"1\"} 2 NOW-120\n"),
    Step::Timed("a 1\n"),
    Step::Timed("a 1\nahead 1 NOW+1200\nsoon 2 NOW+30\n"),
    Step::Status(404),
    Step::OpenMetrics(
        "# TYPE r counter\nr_total 3 # {trace_id=\"t1\"} 0.5\n# TYPE g gauge\n# UNIT g_seconds seconds\n",
    ),
    Step::OpenMetrics("# TYPE r counter\nr_total 4 # {trace_id=\"t2\"} 0.25\n"),
    Step::OpenMetrics("a 1\n# EOF\nb 2\n"),
    Step::Gzip(BOTH),
    Step::Many(300),
    Step::Text("a{job=\"own\",instance=\"mine\"} 1\na{exported_job=\"x\"} 2\n"),
    Step::Text("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"),
    Step::Text(BOTH),
];

/// The same target as other jobs see it.
const LIMITED: &[Step] = &[
    Step::Text(BOTH),
    Step::Text("a 1\nb{x=\"1\"} 2\nc 3\nd 4\n"),
    Step::Text(BOTH),
    Step::Text("a{one=\"1\",two=\"2\",three=\"3\"} 1\nb{x=\"1\"} 2\n"),
    Step::Text("b{x=\"1\"} 2\na{x=\"a long value that is cut off nowhere\"} 1\n"),
    Step::Text(BOTH),
    Step::Many(3),
];

const SMALL: &[Step] = &[Step::Text("a 1\n"), Step::Many(100), Step::Text("a 2\n")];

const RELABELLED: &[Step] = &[
    Step::Text("keep_a 1\ndrop_b 2\nkeep_c{secret=\"x\",job=\"own\"} 3\n"),
    Step::Timed("keep_a 1 NOW-5\nkeep_d{instance=\"other\"} 2\n"),
    Step::Text("keep_a 1\n"),
    Step::Status(500),
];

const SCRIPTS: &[(&str, &[Step])] =
    &[("/metrics", FLAPPING), ("/limited", LIMITED), ("/small", SMALL), ("/relabelled?module=m", RELABELLED)];

/// Jobs with their paths in the scripts.
const JOBS: [(&str, &str, usize); 4] = [
    ("flapping", "/metrics", FLAPPING.len()),
    ("limited", "/limited", LIMITED.len()),
    ("small", "/small", SMALL.len()),
    ("relabelled", "/relabelled?module=m", RELABELLED.len()),
];

fn config(address: &str) -> String {
    let targets = format!("static_configs: [{{targets: ['{address}']}}]");
    format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 450ms, external_labels: {{cluster: test}}}}\n\
         scrape_configs:\n\
         - {{job_name: flapping, {targets}}}\n\
         - {{job_name: limited, metrics_path: /limited, sample_limit: 3, label_limit: 5, \
              label_value_length_limit: 25, {targets}}}\n\
         - {{job_name: small, metrics_path: /small, body_size_limit: 1KB, {targets}}}\n\
         - job_name: relabelled\n  metrics_path: /relabelled\n  params: {{module: [m]}}\n  honor_labels: true\n  \
           honor_timestamps: false\n  {targets}\n  \
           relabel_configs: [{{source_labels: [__address__], regex: '(.*):.*', target_label: host}}, \
           {{target_label: instance, replacement: fixed}}]\n  \
           metric_relabel_configs: [{{source_labels: [__name__], regex: 'drop_.*', action: drop}}, \
           {{regex: secret, action: labeldrop}}, \
           {{source_labels: [__name__], regex: 'keep_(.*)', target_label: kept, replacement: 'was $1'}}]\n"
    )
}

async fn query(url: &str, expr: &str, at: &str) -> Vec<Value> {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query"));
    let request =
        if at.is_empty() { request.query(&[("query", expr)]) } else { request.query(&[("query", expr), ("time", at)]) };
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["data"]["result"].as_array().cloned().unwrap_or_else(|| panic!("{expr}: {answer}"))
}

/// What a server shows of a job at one time, or now: series with their values.
async fn shown(url: &str, job: &str, at: &str) -> BTreeSet<String> {
    // One job lets its target set the label that tells jobs apart.
    let selector = if job == "relabelled" { "{host!=\"\"}".to_owned() } else { format!("{{job=\"{job}\",host=\"\"}}") };
    let mut lines = BTreeSet::new();
    for result in query(url, &selector, at).await {
        let value = match result["metric"]["__name__"].as_str() {
            Some("scrape_duration_seconds") => "some time".to_owned(),
            _ => result["value"][1].to_string(),
        };
        lines.insert(format!("{} {value}", result["metric"]));
    }
    lines
}

/// Labels of exemplars with their values.
async fn exemplars(url: &str) -> BTreeSet<String> {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query_exemplars"));
    let answer: Value = request.query(&[("query", "r_total")]).send().await.unwrap().json().await.unwrap();
    let of_series = |series: &Value| series["exemplars"].as_array().cloned().unwrap_or_default();
    let all = answer["data"].as_array().unwrap().iter().flat_map(of_series);
    all.map(|exemplar| format!("{} {}", exemplar["labels"], exemplar["value"])).collect()
}

/// The times of a job's scrapes, in order.
async fn scrapes(url: &str, job: &str) -> Vec<(String, bool)> {
    let found = query(url, &format!("up{{job=\"{job}\"}}[1h]"), "").await;
    let values = found.first().and_then(|series| series["values"].as_array().cloned()).unwrap_or_default();
    values.iter().map(|pair| (pair[0].to_string(), pair[1] == "1")).collect()
}

/// Plays the script once and lists what differs. `None` where a scrape that should have succeeded did not on one side
/// alone: the machine was too busy for the time limits.
async fn play(config: &str, target: &Scripted) -> Option<Vec<String>> {
    let prometheus = Real::prometheus(config, &["--enable-feature=exemplar-storage"]).await.unwrap();
    let file = prometheus.folder.path().join("prometheus.yml").display().to_string();
    let sretool = Program::serve(&["--config", &file]);
    for scraper in ["prometheus", "sretool"] {
        eventually(&format!("{scraper} has seen it all"), || async {
            JOBS.iter().all(|(_, path, steps)| target.asked(scraper, path) > *steps)
        })
        .await;
    }
    let (mut differences, mut compared) = (Vec::new(), 0);
    for (job, path, steps) in JOBS {
        let (ours, theirs) = (scrapes(&sretool.url, job).await, scrapes(&prometheus.url, job).await);
        if ours.iter().zip(&theirs).any(|((_, ours), (_, theirs))| ours != theirs) {
            println!("{job}: up is {ours:?} here and {theirs:?} there");
            return None;
        }
        let script = SCRIPTS.iter().find(|(known, _)| *known == path).unwrap().1;
        for (i, ((our_time, _), (their_time, _))) in ours.iter().zip(&theirs).take(steps).enumerate() {
            let (a, b) = (shown(&sretool.url, job, our_time).await, shown(&prometheus.url, job, their_time).await);
            compared += a.len();
            for line in a.symmetric_difference(&b) {
                let side = if a.contains(line) { "only ours" } else { "only theirs" };
                differences.push(format!("{job}, scrape {i}, {:?}: {side}: {line}", script[i]));
            }
        }
    }
    let steps: usize = JOBS.iter().map(|(_, _, steps)| steps).sum();
    println!("{compared} series compared after {steps} scrapes: {} differ", differences.len());
    let (a, b) = (exemplars(&sretool.url).await, exemplars(&prometheus.url).await);
    assert_eq!((a.len(), &a), (2, &b), "exemplars");
    target.die();
    eventually("both see the target gone", || async {
        let (a, b) = (shown(&sretool.url, "flapping", "").await, shown(&prometheus.url, "flapping", "").await);
        let ended = !a.iter().any(|line| line.contains("\"__name__\":\"a\""));
        a == b && ended && a.iter().any(|line| line.contains("\"up\"") && line.ends_with("\"0\""))
    })
    .await;
    Some(differences)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_target_leaves_the_same_series_as_in_prometheus() {
    if real::program("prometheus", "version 2.42").is_none() {
        return;
    }
    for _ in 0..3 {
        let target = Scripted::start(SCRIPTS).await;
        if let Some(differences) = play(&config(&target.address), &target).await {
            assert!(differences.is_empty(), "{}", differences.join("\n"));
            return;
        }
    }
    panic!("three times one of the two servers saw a scrape fail that the other did not");
}
