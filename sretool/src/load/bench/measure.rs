//! Runs a program and measures what it costs.

use serde_json::Value;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The kernel's unit of time in `/proc`: a hundredth of a second on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// What a run cost.
#[derive(Debug)]
pub(super) struct Cost {
    pub(super) name: &'static str,
    pub(super) rps: f64,
    pub(super) requests: f64,
    pub(super) cpu_s: f64,
    pub(super) rss_mb: f64,
    /// Most memory in the first third of the run, to tell a plateau from growth.
    pub(super) early_rss_mb: f64,
    /// Of this generator only.
    pub(super) report: Option<Value>,
}

impl Cost {
    /// CPU time a request, in µs.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu_s / self.requests * 1e6
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  {:<8} {:>9.0} requests/s  {:>6.2} s CPU  {:>6.1} us a request  {:>5.1} MB (early {:.1})",
            self.name,
            self.rps,
            self.cpu_s,
            self.cpu_us(),
            self.rss_mb,
            self.early_rss_mb
        )
    }
}

/// The server of the bench, on CPU 0; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) url: String,
}

impl Server {
    pub(super) fn start(flags: &[&str]) -> Result<Self, String> {
        let mut command = pinned(0, &own_path()?);
        let mut child = command
            .args(["load", "bench-server"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        match line.trim().strip_prefix("ready ") {
            Some(url) => Ok(Self { child, url: url.to_owned() }),
            None => {
                // It is of no use.
                let _ = child.kill();
                Err("the server does not answer".to_owned())
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own_path() -> Result<String, String> {
    std::env::current_exe().map(|path| path.display().to_string()).map_err(|error| error.to_string())
}

/// A command on one CPU, where there are several.
fn pinned(cpu: usize, program: &str) -> Command {
    let several = std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
    if !several {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &cpu.to_string(), program]);
    command
}

/// Runs this program's `load` and reads its JSON.
pub(super) fn own(line: &[&str]) -> Result<Value, String> {
    let (out, ..) = measured(pinned(1, &own_path()?).arg("load").args(line))?;
    serde_json::from_str(&out).map_err(|error| format!("load {}: {error}: {out}", line.join(" ")))
}

/// Runs this generator.
pub(super) fn generator(line: &[&str]) -> Result<Cost, String> {
    let always = ["load", "--no-push", "--format", "json", "--threshold", "lag<60s"];
    let (out, cpu_s, rss_mb, early_rss_mb) = measured(pinned(1, &own_path()?).args(always).args(line))?;
    let report: Value = serde_json::from_str(&out).map_err(|error| format!("load {}: {error}", line.join(" ")))?;
    let number = |key: &str| report[key].as_f64().unwrap_or(f64::NAN);
    let (rps, requests) = (number("achieved_rps"), number("scheduled"));
    Ok(Cost { name: "sretool", rps, requests, cpu_s, rss_mb, early_rss_mb, report: Some(report) })
}

/// Runs a peer; both say `Requests/sec: N`.
pub(super) fn peer(name: &'static str, program: &str, line: &[&str]) -> Result<Cost, String> {
    let begun = Instant::now();
    let (out, cpu_s, rss_mb, early_rss_mb) = measured(pinned(1, program).args(line))?;
    let took = begun.elapsed().as_secs_f64();
    let said = out.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    let rps: f64 = said.and_then(|n| n.trim().parse().ok()).ok_or_else(|| format!("{name} says no rate: {out}"))?;
    // Its own length is that of the run, without its start.
    let length = line.iter().find_map(|word| load::parse_duration(word).ok()).map_or(took, |d| d.as_secs_f64());
    Ok(Cost { name, rps, requests: rps * length, cpu_s, rss_mb, early_rss_mb, report: None })
}

/// Standard output, CPU time in seconds, most memory in MB, and that of the first third.
fn measured(command: &mut Command) -> Result<(String, f64, f64, f64), String> {
    let shown = format!("{command:?}");
    let failed = |error: std::io::Error| format!("{shown}: {error}");
    let before = children_cpu();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let (pid, over) = (child.id(), Arc::new(AtomicBool::new(false)));
    let ended = over.clone();
    let memory = std::thread::spawn(move || follow_memory(pid, &ended));
    let mut out = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut out).map_err(failed)?;
    }
    over.store(true, Ordering::Relaxed);
    child.wait().map_err(failed)?;
    let samples = memory.join().unwrap_or_default();
    let most = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max);
    Ok((out, children_cpu() - before, most(&samples), most(&samples[..samples.len() / 3])))
}

/// The resident memory of a process and of its children, in MB, ten times a second.
fn follow_memory(pid: u32, over: &AtomicBool) -> Vec<f64> {
    let mut samples = Vec::new();
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([pid]);
        let rss = pids.map(resident_kb).sum::<f64>();
        if rss > 0.0 {
            samples.push(rss / 1024.0);
        }
    }
    samples
}

fn resident_kb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

/// CPU time of all children that have ended, in seconds.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_A_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_measured() {
        let mut command = Command::new("sh");
        let (out, cpu_s, rss_mb, _) = measured(command.args(["-c", "sleep 0.4; echo done"])).unwrap();
        assert_eq!(out, "done\n");
        assert!((0.0..0.4).contains(&cpu_s), "sleeping costs nothing: {cpu_s}");
        assert!(rss_mb > 0.1, "{rss_mb}");
        assert!(measured(&mut Command::new("/no/such/program")).is_err());
    }

    #[test]
    fn a_cost_reads_by_the_request() {
        let cost = Cost {
            name: "x",
            rps: 1000.0,
            requests: 10_000.0,
            cpu_s: 0.5,
            rss_mb: 9.0,
            early_rss_mb: 8.0,
            report: None,
        };
        assert!((cost.cpu_us() - 50.0).abs() < 1e-9);
        assert!(cost.to_string().contains("50.0 us a request"), "{cost}");
    }
}
