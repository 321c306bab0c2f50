//! The same requests, good and bad, to a real Prometheus 2.42 and to `sretool serve`: status, kind of error and, where
//! it does not depend on the server, the answer must be the same.

use crate::program::Program;
use crate::real::Real;
use promql::{Labels, Sample, stale_nan};
use serde_json::Value;

/// Where the data is, seconds since the Unix epoch.
const BASE: i64 = 1_700_000_000;

fn data() -> Vec<(Labels, Vec<Sample>)> {
    let at = |seconds: i64, v: f64| Sample { t: (BASE + seconds) * 1000, v };
    let series = |pairs: &[(&str, &str)], samples: Vec<Sample>| (Labels::new(pairs.iter().copied()), samples);
    vec![
        series(&[("__name__", "up"), ("job", "a")], vec![at(0, 1.0), at(10, 0.5), at(20, 1e22)]),
        series(&[("__name__", "up"), ("job", "b\"\\")], vec![at(0, f64::NAN), at(20, f64::INFINITY)]),
        series(&[("__name__", "gone"), ("job", "a")], vec![at(0, 1.0), at(10, stale_nan())]),
        series(&[("__name__", "tiny"), ("zone", "é")], vec![at(20, 1e-9), at(21, -0.0)]),
    ]
}

/// Path and query with `BASE+n` for times.
const REQUESTS: &[&str] = &[
    "query",
    "query?query=",
    "query?query=up{",
    "query?query=sum(up",
    "query?query=up&time=now",
    "query?query=up&timeout=soon",
    "query?query=up&timeout=0.000001",
    "query?query=up&time=BASE+20",
    "query?query=up&time=2023-11-14T22:13:40Z",
    "query?query=up[30s]&time=BASE+20.5",
    "query?query=gone&time=BASE+15",
    "query?query=tiny&time=BASE+20.001",
    "query?query=tiny&time=BASE+22",
    "query?query=1%2B1&time=BASE+1",
    "query?query='text'&time=BASE+1",
    "query?query=-Inf&time=-1",
    "query?query=up%2Bon()up&time=BASE+20",
    "query?query=label_replace(up,'job','x','','')&time=BASE+20",
    "query?query=up&time=1e400",
    "query?query=nosuch(up)",
    "query?query=sum(up,up)",
    "query?query=up[0s]",
    "query_range?query=up",
    "query_range?query=up&start=BASE+0",
    "query_range?query=up&start=BASE+0&end=BASE+20",
    "query_range?query=up&start=BASE+0&end=BASE+20&step=0",
    "query_range?query=up&start=BASE+0&end=BASE+20&step=-1",
    "query_range?query=up&start=BASE+0&end=BASE+20&step=x",
    "query_range?query=up&start=BASE+20&end=BASE+0&step=1",
    "query_range?query=up&start=BASE+0&end=BASE+20000&step=1",
    "query_range?query=up[1m]&start=BASE+0&end=BASE+20&step=10",
    "query_range?query='text'&start=BASE+0&end=BASE+20&step=10",
    "query_range?query=up&start=BASE+0&end=BASE+20&step=10",
    "query_range?query=up&start=BASE+0&end=BASE+20&step=10s",
    "query_range?query=1&start=BASE+0&end=BASE+1&step=0.5",
    "query_range?query=nothing&start=BASE+0&end=BASE+1&step=1",
    "query_range?query=up{&start=BASE+0&end=BASE+1&step=1",
    "series",
    "series?match[]=up{",
    "series?match[]=sum(up)",
    "series?match[]={}",
    "series?match[]=up&start=x",
    "series?match[]=up&match[]=gone&start=BASE+0&end=BASE+30",
    "series?match[]=tiny&start=BASE+0&end=BASE+30",
    "labels?start=BASE+0&end=BASE+30",
    "labels?match[]=tiny&start=BASE+0&end=BASE+30",
    "labels?match[]=tiny{",
    "labels?end=x",
    "label/job/values?start=BASE+0&end=BASE+30",
    "label/job/values?match[]=gone&start=BASE+0&end=BASE+30",
    "label/none/values",
    "label/not-valid/values",
    "label/job/values?match[]=(",
    "metadata?limit=x",
    "metadata?limit=1",
    "targets?state=active",
    "targets?state=dropped",
    "rules?type=nothing",
    "rules?type=alert",
    "rules",
    "alerts",
    "query_exemplars",
    "query_exemplars?query=up&start=BASE+0&end=BASE+30",
    "query_exemplars?query=up{",
    "query_exemplars?query=up&start=BASE+9&end=BASE+0",
    "format_query?query=sum(up)by(job)",
    "format_query?query=up{job=\"a\",  x!~'b'} offset  5m",
    "format_query?query=sum by (job) (rate(LONG[5m])) / on (job) group_left () (topk(3, LONG))",
    "format_query?query=-clamp(max_over_time((LONG > bool 5)[1h:1m]), 0, 1) offset 5m",
    "format_query?query=-clamp(max_over_time((LONG > bool 5)[1h:1m] offset 1m), 0, 1)",
    "format_query?query=histogram_quantile(0.9, sum without (a,b) (rate(LONG[5m] offset 1h))) unless ignoring (x) LONG",
    "format_query?query=sum(",
    "format_query",
    "status/buildinfo",
    "status/runtimeinfo",
    "status/flags",
    "status/config",
    "status/tsdb",
];

/// Stands for itself where a request has LONG: expressions that are formatted over several lines.
const LONG: &str =
    "a_metric_with_a_long_name{label_a=\"value one\",label_b=\"value two\",label_c=\"the third of them\"}";

/// Where only what is there at all is compared: the answers are about the servers themselves.
const OWN: [&str; 2] = ["status/", "timeout=0.000001"];

fn with_times(request: &str) -> String {
    let mut out = String::new();
    let mut rest = request;
    while let Some((before, after)) = rest.split_once("BASE+") {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        let seconds: f64 = after[..end].parse().unwrap();
        out.push_str(&format!("{before}{:.3}", BASE as f64 + seconds));
        rest = &after[end..];
    }
    out + rest
}

/// Status and body, the latter without the words of an error.
async fn ask(client: &reqwest::Client, url: &str, request: &str, post: bool) -> (u16, Value) {
    let (path, query) = request.split_once('?').unwrap_or((request, ""));
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let url = format!("{url}/api/v1/{path}");
    // `%2B` is a plus sign, which would otherwise read as a space.
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (*n, v.replace("%2B", "+"))).collect();
    let request = if post { client.post(url).form(&pairs) } else { client.get(url).query(&pairs) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let mut body: Value = answer.json().await.unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("error");
        // Younger than 2.42.
        body.get_mut("data").and_then(Value::as_object_mut).map(|data| data.remove("droppedTargetCounts"));
    }
    (status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_errors_have_the_form_of_prometheus_2_42() {
    let config = "storage: {tsdb: {out_of_order_time_window: 40d}}\n";
    let flags = [
        "--web.enable-remote-write-receiver",
        "--storage.tsdb.retention.time=100y",
        "--enable-feature=exemplar-storage",
    ];
    let Some(prometheus) = Real::prometheus(config, &flags).await else { return };
    let sretool = Program::serve(&["--compat", "2.42", "--retention", "100y"]);
    let client = reqwest::Client::new();
    for url in [&prometheus.url, &sretool.url] {
        let body = sretool::remote_write::encode(&data());
        let answer = client.post(format!("{url}/api/v1/write")).header("content-encoding", "snappy").body(body);
        assert_eq!(answer.send().await.unwrap().status(), 204);
    }
    let mut differences = Vec::new();
    for request in REQUESTS {
        let path = request.split('?').next().unwrap();
        let forms = ["query", "query_range", "series", "labels", "query_exemplars", "format_query"].contains(&path);
        for post in [false, true].into_iter().take(1 + usize::from(forms)) {
            let asked = with_times(&request.replace("LONG", LONG));
            let ours = ask(&client, &sretool.url, &asked, post).await;
            let theirs = ask(&client, &prometheus.url, &asked, post).await;
            let own = OWN.iter().any(|part| request.contains(part));
            let same =
                if own { (ours.0, &ours.1["status"]) == (theirs.0, &theirs.1["status"]) } else { ours == theirs };
            if !same {
                let method = if post { "POST" } else { "GET" };
                differences.push(format!(
                    "{method} {request}\n    ours   {} {}\n    theirs {} {}",
                    ours.0, ours.1, theirs.0, theirs.1
                ));
            }
        }
    }
    println!("{} requests compared: {} differ", REQUESTS.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
