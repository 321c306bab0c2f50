//! A Prometheus on 127.0.0.1 with given data.

use crate::Points;
use promql::Labels;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start(binaries: &Path, open_metrics: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (data, input) = (folder.path().join("data"), folder.path().join("input"));
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&input, open_metrics).expect("writing the data");
        // A subquery without a step takes the evaluation interval.
        std::fs::write(&config, "global: {evaluation_interval: 60s}\n").expect("writing the configuration");
        let built = Command::new(binaries.join("promtool"))
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&input, &data])
            .stdout(Stdio::null())
            .status();
        assert!(built.expect("promtool").success());
        // The port is free again before Prometheus takes it; nothing else here listens on random ports.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let child = Command::new(binaries.join("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus");
        let server = Self { child, port, _folder: folder };
        let patience = Instant::now();
        while server.get("/-/ready").is_none_or(|(status, _)| status != 200) {
            assert!(patience.elapsed() < Duration::from_secs(30), "prometheus does not become ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split_whitespace().nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }

    pub fn range(&self, src: &str, start: i64, end: i64, step: i64) -> Result<Points, String> {
        let query: String = src.bytes().map(|b| format!("%{b:02X}")).collect();
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let (start, end, step) = (seconds(start), seconds(end), seconds(step));
        let path = format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={step}");
        let (_, body) = self.get(&path).ok_or("no answer")?;
        let answer: serde_json::Value = serde_json::from_str(&body).map_err(|e| e.to_string())?;
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        let mut points = Points::new();
        for series in answer["data"]["result"].as_array().ok_or("no result")? {
            let pairs = series["metric"].as_object().ok_or("no labels")?.iter();
            let labels: Labels = pairs.map(|(n, v)| (n.clone(), v.as_str().unwrap_or("").to_owned())).collect();
            for value in series["values"].as_array().ok_or("no values")? {
                let t = (value[0].as_f64().ok_or("no time")? * 1000.0).round() as i64;
                let v = value[1].as_str().and_then(|v| v.trim_start_matches('+').parse().ok()).ok_or("no number")?;
                points.insert((labels.to_string(), t), v);
            }
        }
        Ok(points)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; nothing depends on its exit.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
