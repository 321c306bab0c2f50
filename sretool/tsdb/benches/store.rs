//! Speed and size of the parts on one core: `cargo bench -p tsdb`.
//!
//! Each line is the best of several runs by the time that the thread has spent on a core, because other work on the
//! machine only ever makes a run slower.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where a step of it fails")]

use promql::{Engine, Labels, Queryable, SelectHints};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;
use tsdb::exposition::{Format, visit};
use tsdb::{DurableStore, Store, StoreOptions};

const ROUTES: usize = 20;

/// Labels as services of a platform have them: 160 of successes, 60 of errors.
fn series(i: usize) -> Labels {
    let (status, method) = (["200", "201", "404", "500", "503"][i % 5], ["GET", "POST"][i / 5 % 2]);
    let route = format!("/v1/resource{}/{{id}}", i / 10 % ROUTES);
    Labels::new([
        ("__name__", "http_requests_total"),
        ("instance", &format!("10.0.0.{}:9001", i / 10 / ROUTES)),
        ("job", "order-service"),
        ("method", method),
        ("route", &route),
        ("service", "order-service"),
        ("status", status),
    ])
}

/// An exposition of the reference services' kind: counters, and histograms of twelve buckets.
fn exposition() -> (String, usize) {
    let mut body = String::from("# TYPE http_requests counter\n");
    for i in 0..400 {
        let (method, route, status) = (["GET", "POST"][i % 2], i / 10, [200, 201, 404, 500, 503][i / 2 % 5]);
        let labels =
            format!("service=\"order-service\",method=\"{method}\",route=\"/v1/r{route}\",status=\"{status}\"");
        writeln!(body, "http_requests_total{{{labels}}} {}", i * 7_919).unwrap();
    }
    body += "# TYPE http_request_duration_seconds histogram\n";
    for i in 0..100 {
        let labels = format!("service=\"order-service\",method=\"GET\",route=\"/v1/r{i}\"");
        for (n, le) in ["0.005", "0.01", "0.025", "0.05", "0.1", "0.2", "0.3", "0.5", "1.0", "2.5", "5.0", "+Inf"]
            .into_iter()
            .enumerate()
        {
            writeln!(body, "http_request_duration_seconds_bucket{{{labels},le=\"{le}\"}} {}", i * 31 + n * 17).unwrap();
        }
        writeln!(body, "http_request_duration_seconds_sum{{{labels}}} {}", i as f64 * 1.37).unwrap();
        writeln!(body, "http_request_duration_seconds_count{{{labels}}} {}", i * 31 + 187).unwrap();
    }
    body += "# EOF\n";
    let lines = body.lines().count();
    (body, lines)
}

/// Seconds that this thread has spent on a core; where the system does not tell, of any time.
fn seconds_spent() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = spent.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let now = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    nanoseconds.map_or_else(now, |n| n / 1e9)
}

/// Seconds of the fastest run.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let once = |_| {
        // The system brings the account up to date when the thread goes on after a pause.
        std::thread::yield_now();
        let started = seconds_spent();
        run();
        std::thread::yield_now();
        seconds_spent() - started
    };
    (0..runs).map(once).fold(f64::MAX, f64::min)
}

fn parser() {
    let (body, lines) = exposition();
    for format in [Format::OpenMetrics, Format::Text] {
        let seconds = best(30, || {
            for _ in 0..20 {
                let mut sum = 0.0;
                visit(&body, format, 0, |entry| {
                    sum += entry.value;
                    black_box(&entry.labels);
                    Ok::<_, tsdb::exposition::ParseError>(())
                })
                .unwrap();
                black_box(sum);
            }
        });
        let speed = 20.0 * lines as f64 / seconds / 1e6;
        println!("parser, {format:?}, {lines} different series       {speed:6.2} M lines/s");
    }
}

/// A counter as it grows under steady traffic with a restart now and then.
fn value(series: usize, i: i64) -> f64 {
    let since = i % (5_000 + 37 * series as i64);
    (since * (3 + series as i64 % 11) + (since * 7_919 + series as i64) % 5) as f64
}

fn ingest() {
    let (count, rounds) = (2_000, 400_i64);
    let labels: Vec<_> = (0..count).map(series).collect();
    let batches: Vec<Vec<_>> = (0..rounds)
        .map(|i| labels.iter().enumerate().map(|(n, l)| (l.clone(), i * 15_000, value(n, i))).collect())
        .collect();
    let seconds = best(5, || {
        let store = Store::default();
        for batch in &batches {
            store.append_batch(batch).unwrap();
        }
        black_box(store.stats());
    });
    let speed = count as f64 * rounds as f64 / seconds / 1e6;
    println!("ingest, batches of {count} series                {speed:6.2} M samples/s");
}

/// The ratio of errors to requests over thirty days of 160 series, and over six hours step by step.
fn queries() {
    let store = Store::default();
    let rounds = 30 * 5_760_i64;
    for n in 0..160 {
        let labels = Labels::new([
            ("__name__", "http_requests_total"),
            ("job", "order-service"),
            ("route", &format!("/v1/r{}", n / 6)),
            ("n", &n.to_string()),
            ("status", if n < 60 { "500" } else { "200" }),
        ]);
        (0..rounds).for_each(|i| store.append(&labels, i * 15_000, value(n, i)).unwrap());
    }
    let end = (rounds - 1) * 15_000 + 7;
    for (range, start) in [("30d", end), ("1h", end), ("5m", end), ("5m", end - 21_600_000), ("1h", end - 21_600_000)] {
        let errors = r#"http_requests_total{status=~"5.."}"#;
        let text = format!("sum(rate({errors}[{range}])) / sum(rate(http_requests_total[{range}]))");
        let expr = promql::parse(&text).unwrap();
        let seconds = best(30, || {
            let value = Engine::default().range(&store, &expr, start, end, 15_000);
            black_box(value.unwrap());
        });
        let what = if start == end { "at one time" } else { "6 h at 15 s" };
        println!("SLO ratio, {what}, [{range}]                   {:8.2} ms", seconds * 1e3);
    }
}

fn sizes() {
    let (count, rounds) = (220, 30 * 5_760_i64 / 4);
    let folder = tempfile::tempdir().unwrap();
    let durable = DurableStore::open(folder.path(), StoreOptions::default()).unwrap();
    let labels: Vec<_> = (0..count).map(series).collect();
    for i in 0..rounds {
        for (n, labels) in labels.iter().enumerate() {
            durable.store().append(labels, i * 15_000, value(n, i)).unwrap();
        }
        if i % 1_000 == 0 {
            durable.flush().unwrap();
        }
    }
    let started = Instant::now();
    durable.flush().unwrap();
    let flush = started.elapsed().as_secs_f64() * 1e3;
    let stats = durable.store().stats();
    let samples = stats.samples as f64;
    let file = std::fs::metadata(durable.path()).unwrap().len();
    println!("memory, index and summaries included           {:6.2} bytes a sample", stats.bytes as f64 / samples);
    println!("file                                           {:6.2} bytes a sample", file as f64 / samples);
    println!("flush of the last 80 rounds                    {flush:6.1} ms");
    let seconds = best(3, || {
        let all = durable.store().select(&[], SelectHints { min_t: i64::MIN, max_t: i64::MAX }).unwrap();
        black_box(all);
    });
    println!("reading all samples                            {:6.1} M samples/s", samples / seconds / 1e6);
    drop(durable);
    let open = best(2, || {
        let again = DurableStore::open(folder.path(), StoreOptions::default()).unwrap();
        assert_eq!(again.store().stats().samples, stats.samples);
    });
    println!("opening, everything checked                    {:6.1} M samples/s", samples / open / 1e6);
}

fn main() {
    // `cargo test` runs benchmarks too, to see that they build.
    if std::env::args().any(|argument| argument == "--bench") {
        parser();
        ingest();
        sizes();
        queries();
    }
}
