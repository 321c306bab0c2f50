//! The platform as a real process on free ports, and a real Prometheus beside it.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const SRETOOL: &str = env!("CARGO_BIN_EXE_sretool");

/// Distinct ports that were free a moment ago.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A process that is killed when the test ends, however it ends.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct Platform {
    pub process: Process,
    pub ready: Vec<String>,
    pub administrator: String,
    pub prometheus: String,
    pub api: [u16; 3],
    pub admin: [u16; 3],
}

impl Platform {
    /// Starts `up` and waits for its four `ready` lines.
    pub fn start(data: &Path) -> Self {
        let [listen, u, ua, o, oa, n, na] = free_ports();
        let mut command = Command::new(SRETOOL);
        command.args(["up", "--no-tui", "--listen", &format!("127.0.0.1:{listen}")]);
        command.args(["--data", data.to_str().unwrap(), "--user-ports", &format!("{u},{ua}")]);
        command.args(["--order-ports", &format!("{o},{oa}"), "--notification-ports", &format!("{n},{na}")]);
        // The folders of the checkout, as a newcomer has them.
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut ready, mut administrator) = (Vec::new(), String::new());
        while ready.len() < 4 {
            let line = lines.next().expect("up ended before it was ready").unwrap();
            match line.strip_prefix("ready ") {
                Some(url) => ready.push(url.to_owned()),
                None => administrator = line,
            }
        }
        // Status lines keep coming; an unread pipe would block them.
        std::thread::spawn(move || lines.for_each(drop));
        let prometheus = format!("http://127.0.0.1:{listen}");
        Self { process: Process(child), ready, administrator, prometheus, api: [u, o, n], admin: [ua, oa, na] }
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Runs another `sretool` command against this platform.
    pub fn sretool(&self, args: &[&str]) -> Output {
        Command::new(SRETOOL)
            .args(args)
            .env("PROMETHEUS_URL", &self.prometheus)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .output()
            .unwrap()
    }

    /// Requests `count` times; returns how many were answered with each class of status, by first digit.
    pub fn request(&self, path: &str, count: usize) -> [usize; 6] {
        let url = format!("http://127.0.0.1:{}{path}", self.api[1]);
        let mut seen = [0; 6];
        for _ in 0..count {
            seen[usize::from(http_status(&url) / 100)] += 1;
        }
        seen
    }
}

/// GET; 0 where nothing answers.
pub fn http_status(url: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { reqwest::get(url).await.map_or(0, |response| response.status().as_u16()) })
}

/// An instant query; the `data` object.
pub fn query(prometheus: &str, expr: &str) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = reqwest::Client::new().post(format!("{prometheus}/api/v1/query")).form(&[("query", expr)]);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body["status"], "success", "{body}");
        body["data"].clone()
    })
}

/// The single value of an instant query.
pub fn number(prometheus: &str, expr: &str) -> Option<f64> {
    query(prometheus, expr)["result"][0]["value"][1].as_str()?.parse().ok()
}

/// Sets the faults of a service through its admin port.
pub fn set_faults(admin_port: u16, faults: &Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("http://127.0.0.1:{admin_port}/faults");
        let response = reqwest::Client::new().put(url).json(faults).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    });
}

/// Waits for a condition, at most `limit`.
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Process ids of a process' children.
pub fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    // `up` spawns from runtime threads, each of which has a list of its own.
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).map(|tasks| {
        tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok()).collect()
    });
    let lists: Vec<String> = tasks.unwrap_or_else(|_| std::fs::read_to_string(path).into_iter().collect());
    lists.iter().flat_map(|list| list.split_whitespace()).map(|pid| pid.parse().unwrap()).collect()
}

pub fn command_line(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
}

pub fn is_running(pid: u32) -> bool {
    // A zombie has ended, though its parent has not asked yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

pub fn kill9(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// A real Prometheus that scrapes the same admin ports every second; `None` where it is not installed.
pub fn real_prometheus(folder: &Path, admin: [u16; 3]) -> Option<(Process, String)> {
    if Command::new("prometheus").arg("--version").output().is_err() {
        return None;
    }
    let jobs = ["user-service", "order-service", "notification-service"];
    let mut config = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
    for (job, port) in jobs.iter().zip(admin) {
        config += &format!("- {{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n");
    }
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let [port] = free_ports();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--log.level=error")
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let process = Process(child);
    eventually("Prometheus answers", Duration::from_secs(20), || http_status(&format!("{url}/-/ready")) == 200);
    Some((process, url))
}
