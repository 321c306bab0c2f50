//! Odd requests: whatever comes, the server answers in time, in the form of the API, and goes on.
//!
//! `SRETOOL_FUZZ_CASES` asks for more of them than the few hundred of every run.

use crate::expressions;
use promql::{Labels, Sample};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sretool::remote_write::{self, Version};
use sretool::server::{self, QueryLimits, ServerConfig};
use std::time::Duration;
use tokio::sync::watch;

/// An answer takes at most the query's time limit, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(usual: u32) -> ProptestConfig {
    let cases = std::env::var("SRETOOL_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const PATHS: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/format_query",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/label/job/values",
    "/api/v1/label/%ff/values",
    "/api/v1/metadata",
    "/api/v1/rules",
    "/api/v1/targets",
    "/api/v1/status/tsdb",
    "/federate",
    "/-/reload",
];

const NAMES: &[&str] = &[
    "query",
    "time",
    "start",
    "end",
    "step",
    "timeout",
    "limit",
    "match[]",
    "lookback_delta",
    "metric",
    "type",
    "state",
    "limit_per_metric",
    "rule_name[]",
];

const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "5m",
    "1e308",
    "-1e308",
    "9223372036854775807",
    "-9223372036854775808",
    "NaN",
    "Inf",
    "0.0001",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "up",
    "{}",
    "{__name__=~\".*\"}",
    "rate(up[1h])",
    "alert",
    "sum(rate(up[5m]))[1h:1ms]",
    "up[100y]",
    "up offset -100y",
    "{a=~\"(((((a*)*)*)*)*)*\"}",
    "\u{0}",
    "\u{1F600}",
    "absent(up) @ 1e300",
    "up @ end()",
    "label_replace(up, \"a\", \"$1$2$3\", \"b\", \"(\")",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(VALUES).prop_map(str::to_owned),
        2 => expressions::sloppy_expression(),
        1 => ".{0,40}",
        1 => any::<f64>().prop_map(|v| v.to_string()),
    ]
}

fn parameters() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((select(NAMES).prop_map(str::to_owned), value()), 0..6)
}

/// Whether the expression of the request makes sense decides about little: most of them get all that they need.
fn complete(mut parameters: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in [("query", "up"), ("start", "0"), ("end", "60"), ("step", "7"), ("match[]", "up")] {
        if !parameters.len().is_multiple_of(3) && !parameters.iter().any(|(n, _)| n == name) {
            parameters.push((name.to_owned(), value.to_owned()));
        }
    }
    parameters
}

fn series() -> (Labels, Vec<Sample>) {
    (Labels::new([("__name__", "up"), ("job", "a")]), (0..50).map(|i| Sample { t: i * 1000, v: i as f64 }).collect())
}

/// Runs cases against one server over HTTP.
fn against_a_server<S: Strategy>(cases: u32, strategy: S, check: impl AsyncFn(&reqwest::Client, &str, S::Value)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (stop, stopped) = watch::channel(false);
    let server = runtime.block_on(async {
        let limits = QueryLimits { timeout: Duration::from_secs(2), max_samples: 1_000_000, ..QueryLimits::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = ServerConfig { limits, ..ServerConfig::new(listener) };
        let (labels, samples) = series();
        for sample in samples {
            config.store.append(&labels, sample.t, sample.v).unwrap();
        }
        server::start(config, stopped).unwrap()
    });
    let (url, client) = (server.url(), reqwest::Client::builder().timeout(PATIENCE).build().unwrap());
    let mut runner = proptest::test_runner::TestRunner::new(config(cases));
    let outcome = runner.run(&strategy, |case| {
        runtime.block_on(check(&client, &url, case));
        Ok(())
    });
    let alive = runtime.block_on(async { client.get(format!("{url}/-/ready")).send().await }).unwrap();
    assert_eq!(alive.status(), 200);
    stop.send(true).unwrap();
    runtime.block_on(server.join()).unwrap();
    outcome.unwrap();
}

#[test]
fn every_request_is_answered_in_the_form_of_the_api() {
    let request = (select(PATHS), any::<bool>(), parameters());
    against_a_server(400, request, async |client, url, (path, post, parameters)| {
        let parameters = complete(parameters);
        let address = format!("{url}{path}");
        let request =
            if post { client.post(address).form(&parameters) } else { client.get(address).query(&parameters) };
        let answer = request.send().await.unwrap_or_else(|e| panic!("{path} {parameters:?}: {e}"));
        let status = answer.status().as_u16();
        let is_json = answer.headers().get("content-type").is_some_and(|kind| kind == "application/json");
        let body = answer.text().await.unwrap();
        assert!([200, 400, 404, 405, 422, 500, 503].contains(&status), "{path} {parameters:?}: {status} {body}");
        assert!(status != 500 || path == "/-/reload", "{path} {parameters:?}: {body}");
        if is_json {
            let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answer["status"] == "success", status == 200, "{path} {parameters:?}: {body}");
        }
    });
}

/// A valid request with some bytes changed, or any bytes at all.
fn written() -> impl Strategy<Value = Vec<u8>> {
    let valid = || remote_write::encode(&[series()]);
    let changed = vec((any::<prop::sample::Index>(), any::<u8>()), 0..8).prop_map(move |changes| {
        let mut body = valid();
        changes.into_iter().for_each(|(place, byte)| {
            let place = place.index(body.len());
            body[place] = byte;
        });
        body
    });
    // Changes below the compression reach the messages themselves.
    let inside = vec((any::<prop::sample::Index>(), any::<u8>()), 0..8).prop_map(|changes| {
        let mut plain = snap::raw::Decoder::new().decompress_vec(&remote_write::encode(&[series()])).unwrap();
        changes.into_iter().for_each(|(place, byte)| {
            let place = place.index(plain.len());
            plain[place] = byte;
        });
        snap::raw::Encoder::new().compress_vec(&plain).unwrap()
    });
    prop_oneof![2 => changed, 3 => inside, 1 => vec(any::<u8>(), 0..200)]
}

#[test]
fn every_written_body_is_stored_or_refused() {
    against_a_server(200, (written(), any::<bool>()), async |client, url, (body, second)| {
        let kind = match second {
            true => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            false => "application/x-protobuf",
        };
        let request = client.post(format!("{url}/api/v1/write")).header("content-type", kind).body(body);
        let status = request.send().await.unwrap().status().as_u16();
        assert!([204, 400].contains(&status), "{status}");
    });
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn decoding_never_panics(body in written(), second in any::<bool>()) {
        let version = if second { Version::Second } else { Version::First };
        if let Ok(request) = remote_write::decode_as(version, &body, 1 << 20) {
            for series in &request.timeseries {
                let _ = remote_write::labels(&series.labels);
            }
        }
    }
}
