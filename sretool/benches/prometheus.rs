//! `sretool serve` beside Prometheus 2.42: `cargo bench -p sretool --bench prometheus`.
//!
//! Both get the same samples through remote write, then answer the same queries over HTTP, in turns, and must agree on
//! every value. Each time is the best of several, because other work on the machine only ever makes one slower.
//! `SRETOOL_BENCH_DAYS` asks for fewer days than thirty.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where a step of it fails")]

use prost::Message;
use serde_json::Value;
use sretool::remote_write::{CONTENT_TYPE, Label, TimeSeries, VERSION, WireSample, WriteRequest};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Series of all requests, and how many of them are of errors.
const SERIES: usize = 160;
const ERRORS: usize = 60;
/// Distance of samples, milliseconds.
const STEP: i64 = 15_000;
/// Samples of each series in one request.
const BATCH: i64 = 480;
const RUNS: usize = 9;

/// A server that ends with the benchmark.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn sretool(folder: &Path) -> Self {
        let data = folder.join("sretool").display().to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sretool"))
            .args(["serve", "--listen", "127.0.0.1:0", "--compat", "2.42", "--retention", "365d", "--data", &data])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, url }
    }

    /// Prometheus; `None` where it is not installed.
    fn prometheus(folder: &Path) -> Option<Self> {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=10y", "--log.level=warn"])
            .stderr(log)
            .spawn();
        child.ok().map(|child| Self { child, url: format!("http://127.0.0.1:{port}") })
    }

    async fn ready(&self, client: &reqwest::Client) {
        let started = Instant::now();
        let ready = format!("{}/-/ready", self.url);
        while !client.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(started.elapsed() < Duration::from_secs(60), "{} does not answer", self.url);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn write(&self, client: &reqwest::Client, body: Vec<u8>) -> Duration {
        let request = client.post(format!("{}/api/v1/write", self.url)).header("content-type", CONTENT_TYPE);
        let request = request.header("content-encoding", "snappy");
        let request = request.header("x-prometheus-remote-write-version", VERSION).body(body);
        let started = Instant::now();
        let answer = request.send().await.unwrap();
        let elapsed = started.elapsed();
        assert!(answer.status().is_success(), "{}: {}", self.url, answer.text().await.unwrap());
        elapsed
    }

    /// The milliseconds that a query takes, and the values that it yields.
    async fn ask(&self, client: &reqwest::Client, question: &Question) -> (f64, Vec<f64>) {
        let request = client.post(format!("{}/api/v1/{}", self.url, question.endpoint)).form(&question.form);
        let started = Instant::now();
        let text = request.send().await.unwrap().text().await.unwrap();
        let elapsed = started.elapsed().as_secs_f64() * 1e3;
        let body: Value = serde_json::from_str(&text).unwrap();
        let result = &body["data"]["result"][0];
        let pairs = result["values"].as_array().cloned().unwrap_or_else(|| vec![result["value"].clone()]);
        let values = pairs.iter().map(|pair| pair[1].as_str().unwrap_or_else(|| panic!("{text}")).parse().unwrap());
        (elapsed, values.collect())
    }
}

/// The value of a counter: steady traffic with bursts, a restart every few days.
fn value(series: usize, i: i64) -> f64 {
    let since = (i + 977 * series as i64) % (20_000 + 371 * series as i64);
    (since * (2 + series as i64 % 9) + (since * 7_919 + series as i64) % 11) as f64
}

fn labels(series: usize) -> Vec<Label> {
    let status = if series < ERRORS { ["500", "503", "504"][series % 3] } else { ["200", "201", "404"][series % 3] };
    let (method, route) = (["GET", "POST"][series / 3 % 2], format!("/v1/r{}", series / 6));
    let pairs = [
        ("__name__", "http_requests_total"),
        ("instance", "10.0.0.1:9001"),
        ("job", "order-service"),
        ("method", method),
        ("route", &route),
        ("status", status),
    ];
    pairs.map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).to_vec()
}

/// The request of the samples from one on.
fn batch(from: i64, to: i64, start: i64) -> Vec<u8> {
    let series = (0..SERIES).map(|n| TimeSeries {
        labels: labels(n),
        samples: (from..to).map(|i| WireSample { value: value(n, i), timestamp: start + i * STEP }).collect(),
        ..TimeSeries::default()
    });
    let request = WriteRequest { timeseries: series.collect(), ..WriteRequest::default() };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap()
}

struct Question {
    name: String,
    endpoint: &'static str,
    form: Vec<(&'static str, String)>,
    /// Highest ratio that is good.
    goal: Option<f64>,
}

fn ratio(range: &str) -> String {
    let errors = r#"http_requests_total{status=~"5.."}"#;
    format!("sum(rate({errors}[{range}])) / sum(rate(http_requests_total[{range}]))")
}

fn questions(days: i64, end: i64) -> Vec<Question> {
    // Off the grid of samples, where open and closed bounds agree.
    let at = |ms: i64| format!("{:.3}", (ms + 7) as f64 / 1e3);
    let instant = |range: &str, goal| Question {
        name: format!("SLO ratio, instant, [{range}]"),
        endpoint: "query",
        form: vec![("query", ratio(range)), ("time", at(end))],
        goal,
    };
    let range = |range: &str, goal| Question {
        name: format!("SLO ratio, 6 h at 15 s, [{range}]"),
        endpoint: "query_range",
        form: vec![
            ("query", ratio(range)),
            ("start", at(end - 6 * 3_600_000)),
            ("end", at(end)),
            ("step", "15".to_owned()),
        ],
        goal,
    };
    let long = format!("{days}d");
    vec![
        instant(&long, Some(0.05)),
        instant("1h", None),
        instant("5m", None),
        range("5m", Some(0.5)),
        range("1h", Some(0.25)),
    ]
}

async fn load(client: &reqwest::Client, servers: &[&Server], samples: i64, start: i64) {
    let mut spent = vec![Duration::ZERO; servers.len()];
    for from in (0..samples).step_by(BATCH as usize) {
        let body = batch(from, (from + BATCH).min(samples), start);
        for (server, spent) in servers.iter().zip(&mut spent) {
            *spent += server.write(client, body.clone()).await;
        }
    }
    let million = (samples * SERIES as i64) as f64 / 1e6;
    let speed = |spent: &Duration| million / spent.as_secs_f64();
    println!("{million:.1} M samples of {SERIES} series written to each by remote write, one request at a time:");
    let names = ["sretool", "prometheus"];
    for (name, spent) in names.iter().zip(&spent) {
        println!("  {name:10} {:6.2} M samples/s", speed(spent));
    }
}

async fn compare(client: &reqwest::Client, ours: &Server, theirs: Option<&Server>, question: &Question) {
    let (mut our_best, mut their_best) = (f64::MAX, f64::MAX);
    for _ in 0..RUNS {
        let (ms, our_values) = ours.ask(client, question).await;
        our_best = our_best.min(ms);
        let Some(theirs) = theirs else { continue };
        let (ms, their_values) = theirs.ask(client, question).await;
        their_best = their_best.min(ms);
        assert_eq!(our_values.len(), their_values.len(), "{}", question.name);
        for (a, b) in our_values.iter().zip(&their_values) {
            assert!((a - b).abs() <= 1e-9 * b.abs(), "{}: {a} and {b}", question.name);
        }
    }
    print!("{:36} {our_best:9.2} ms", question.name);
    if theirs.is_some() {
        let goal = question.goal.map_or(String::new(), |goal| format!("   goal {goal}"));
        print!("{their_best:12.2} ms {:9.3}{goal}", our_best / their_best);
    }
    println!();
}

/// Sizes of all files below a folder whose path satisfies.
fn size(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |path: std::path::PathBuf| match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => size(&path, wanted),
        Ok(metadata) if wanted(&path) => metadata.len(),
        _ => 0,
    };
    entries.flatten().map(|entry| of(entry.path())).sum()
}

async fn run() {
    let days: i64 = std::env::var("SRETOOL_BENCH_DAYS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let folder = tempfile::tempdir().unwrap();
    let client = reqwest::Client::new();
    let ours = Server::sretool(folder.path());
    let theirs = Server::prometheus(folder.path());
    if theirs.is_none() {
        println!("`prometheus` is not installed here: only our times are shown");
    }
    let servers: Vec<&Server> = std::iter::once(&ours).chain(&theirs).collect();
    for server in &servers {
        server.ready(&client).await;
    }
    let samples = days * 86_400_000 / STEP;
    let end = chrono::Utc::now().timestamp_millis() / STEP * STEP;
    load(&client, &servers, samples, end - (samples - 1) * STEP).await;
    // Prometheus has blocks to compact, and sretool a last flush to make.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let all = (samples * SERIES as i64) as f64;
    let file = size(&folder.path().join("sretool"), &|_| true) as f64 / all;
    let chunks = size(&folder.path().join("prometheus"), &|path| path.to_string_lossy().contains("/chunks/")) as f64;
    println!("on disk: sretool {file:.2} bytes a sample; prometheus {:.2}, chunks of blocks alone", chunks / all);
    println!("{:36} {:>12} {:>15} {:>9}", "best of 9 over HTTP, in turns", "sretool", "prometheus", "ratio");
    for question in questions(days, end) {
        compare(&client, &ours, theirs.as_ref(), &question).await;
    }
}

fn main() {
    // `cargo test` runs benchmarks too, to see that they build.
    if std::env::args().any(|argument| argument == "--bench") {
        tokio::runtime::Runtime::new().unwrap().block_on(run());
    }
}
