//! What the generator used of the machine: whether it had the cores it needed.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Instant;

/// The kernel's unit in `/proc/stat`: a hundredth of a second on every Linux.
const TICK_US: u64 = 10_000;

/// What the generator's process used in a stretch of time. All is 0 where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Time on a CPU, in µs.
    pub cpu_us: u64,
    /// Time in which its threads could have run, and no CPU was free, in µs.
    pub waited_us: u64,
    /// Time in which the CPUs that it may use were busy, with whatever, in µs.
    pub busy_us: u64,
    /// The whole time of these CPUs, in µs.
    pub available_us: u64,
    /// Time for which its control group was stopped by a CPU limit, in µs.
    pub throttled_us: u64,
    /// CPUs that it may use.
    pub cores: u32,
    /// Most memory that it ever held, in KiB.
    pub peak_rss_kb: u64,
}

impl Usage {
    /// Adds another stretch, or another generator.
    pub fn merge(&mut self, other: &Self) {
        self.cpu_us += other.cpu_us;
        self.waited_us += other.waited_us;
        self.busy_us += other.busy_us;
        self.available_us += other.available_us;
        self.throttled_us += other.throttled_us;
        self.cores = self.cores.max(other.cores);
        self.peak_rss_kb = self.peak_rss_kb.max(other.peak_rss_kb);
    }

    /// How busy its CPUs were, 0 to 1; none where the system does not tell.
    pub fn busy(&self) -> Option<f64> {
        (self.available_us > 0).then(|| (self.busy_us as f64 / self.available_us as f64).min(1.0))
    }

    /// The share of the CPU time it asked for that it got, 0 to 1; none where the system does not tell.
    pub fn granted(&self) -> Option<f64> {
        (self.cpu_us > 0 && self.waited_us > 0).then(|| self.cpu_us as f64 / (self.cpu_us + self.waited_us) as f64)
    }
}

/// Reads the usage of this process from `/proc`, from one call to the next.
#[derive(Debug)]
pub struct Probe {
    last: Reading,
    waited: HashMap<String, u64>,
}

#[derive(Clone, Debug)]
struct Reading {
    at: Instant,
    cpu_us: u64,
    busy_us: u64,
    total_us: u64,
    throttled_us: u64,
    cores: u32,
}

impl Default for Probe {
    fn default() -> Self {
        let mut probe = Self { last: Reading::now(), waited: HashMap::new() };
        probe.waited();
        probe
    }
}

impl Probe {
    /// What was used since the last call.
    pub fn take(&mut self) -> Usage {
        let now = Reading::now();
        let last = std::mem::replace(&mut self.last, now.clone());
        let since = |new: u64, old: u64| new.saturating_sub(old);
        let busy_us = since(now.busy_us, last.busy_us);
        Usage {
            cpu_us: since(now.cpu_us, last.cpu_us),
            waited_us: self.waited(),
            busy_us,
            available_us: since(now.total_us, last.total_us).max(busy_us),
            throttled_us: since(now.throttled_us, last.throttled_us)
                .min(now.at.duration_since(last.at).as_micros() as u64),
            cores: now.cores,
            peak_rss_kb: field("/proc/self/status", "VmHWM:").and_then(|text| number(&text)).unwrap_or(0),
        }
    }

    /// Time that threads waited for a CPU since the last call, in µs.
    fn waited(&mut self) -> u64 {
        let mut now = HashMap::new();
        for entry in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path().join("schedstat")).unwrap_or_default();
            if let Some(waited_ns) = text.split_whitespace().nth(1).and_then(number) {
                now.insert(entry.file_name().to_string_lossy().into_owned(), waited_ns);
            }
        }
        let since = |(thread, ns): (&String, &u64)| ns.saturating_sub(self.waited.get(thread).copied().unwrap_or(0));
        let waited_ns: u64 = now.iter().map(since).sum();
        self.waited = now;
        waited_ns / 1000
    }
}

impl Reading {
    fn now() -> Self {
        let cpus = field("/proc/self/status", "Cpus_allowed_list:").map(|list| cpus(&list)).unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let (busy, total) = busy_and_total(&stat, &cpus);
        let own = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            at: Instant::now(),
            cpu_us: own_ticks(&own) * TICK_US,
            busy_us: busy * TICK_US,
            total_us: total * TICK_US,
            throttled_us: field("/sys/fs/cgroup/cpu.stat", "throttled_usec").and_then(|t| number(&t)).unwrap_or(0),
            cores: u32::try_from(cpus.len()).unwrap_or(u32::MAX),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The rest of the line of a file that starts with `name`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
}

/// `0-2,5` as numbers.
fn cpus(list: &str) -> Vec<u64> {
    let range = |part: &str| {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        Some(from.parse().ok()?..=to.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// Busy and all ticks of some CPUs, from `/proc/stat`.
fn busy_and_total(stat: &str, cpus: &[u64]) -> (u64, u64) {
    let (mut busy, mut total) = (0, 0);
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        let cpu = words.next().and_then(|name| name.strip_prefix("cpu")?.parse().ok());
        if cpu.is_some_and(|cpu| cpus.contains(&cpu)) {
            // user nice system idle iowait irq softirq steal; guest time is in user time already.
            let ticks: Vec<u64> = words.take(8).filter_map(number).collect();
            let all: u64 = ticks.iter().sum();
            total += all;
            busy += all - ticks.get(3).unwrap_or(&0) - ticks.get(4).unwrap_or(&0);
        }
    }
    (busy, total)
}

/// User and system ticks of `/proc/PID/stat`; the name before them may contain spaces.
fn own_ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(number).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(cpus("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cpus(""), [0u64; 0]);
        let stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 1 5 70 4 1 2 7 3 0\ncpu1 1 0 0 99 0 0 0 0 0 0\nintr 5\n";
        assert_eq!(busy_and_total(stat, &[0]), (26, 100));
        assert_eq!(busy_and_total(stat, &[0, 1]), (27, 200));
        assert_eq!(busy_and_total("", &[0]), (0, 0));
        assert_eq!(own_ticks("7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0"), 300);
    }

    #[test]
    fn work_shows_in_the_usage() {
        let mut probe = Probe::default();
        let begun = Instant::now();
        let mut x = 0u64;
        while begun.elapsed() < Duration::from_millis(100) {
            x = std::hint::black_box(x.wrapping_add(1));
        }
        let usage = probe.take();
        if cfg!(target_os = "linux") {
            assert!(usage.cores > 0 && usage.peak_rss_kb > 0, "{usage:?}");
            assert!(usage.busy().is_some_and(|busy| busy > 0.0), "{usage:?}");
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        assert_eq!((Usage::default().busy(), Usage::default().granted()), (None, None));
        let mut usage = Usage { cpu_us: 10, waited_us: 30, busy_us: 95, available_us: 100, ..Usage::default() };
        assert_eq!((usage.granted(), usage.busy()), (Some(0.25), Some(0.95)));
        usage.merge(&Usage { cpu_us: 30, waited_us: 10, cores: 2, ..Usage::default() });
        assert_eq!((usage.granted(), usage.cores), (Some(0.5), 2));
    }
}
