//! `process_*` metrics, read from `/proc/self` when they are scraped. Where that does not exist there are none.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fs;

/// Clock ticks a second in `/proc`: fixed by Linux's interface to programs on every architecture in use.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(super) struct ProcessCollector {
    start_time_s: Option<f64>,
}

impl ProcessCollector {
    pub(super) fn new() -> Self {
        Self { start_time_s: start_time_s() }
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            let help = "User and system CPU time, in seconds";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory, in bytes", resident_bytes(&status)),
            ("process_open_fds", "Open file descriptors", open_fds),
            ("process_max_fds", "Most file descriptors that may be open", max_fds(&limits)),
            ("process_start_time_seconds", "Start of the process, in seconds since 1970", self.start_time_s),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

/// Fields of `/proc/self/stat` after the command, which may itself hold blanks and brackets.
fn stat_fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields = stat_fields(stat)?;
    // utime and stime are fields 14 and 15 of proc(5), of which the first two are cut off.
    let user: f64 = fields.get(11)?.parse().ok()?;
    let system: f64 = fields.get(12)?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn start_time_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: f64 = stat_fields(&stat)?.get(19)?.parse().ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + ticks / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_files() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 95 0 0 0 150 50 0 0 20 0 1 0 12345 0 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(stat_fields(stat).unwrap()[19], "12345");
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!(
            max_fds("Max open files            1024                 4096                 files\n"),
            Some(1024.0)
        );
        assert_eq!(cpu_seconds("garbage"), None);
        assert_eq!(resident_bytes("VmRSS: many kB"), None);
        assert_eq!(max_fds("Max open files            unlimited            unlimited            files\n"), None);
    }

    #[test]
    fn this_process_started_in_the_past() {
        let start = start_time_s().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(start < now + 1.0 && start > now - 86_400.0, "{start} is not shortly before {now}");
    }
}
