//! What the processes use, and how near that is to their limits (the USE method of B. Gregg).

use super::board;
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit};
use Color::{Green, Red, Yellow};

pub(super) fn dashboard() -> Dashboard {
    board(
        "runtime-saturation",
        "Runtime and saturation",
        "Processor, memory, files, the async runtime and the database pools of every service, and how full each is.",
        &["runtime"],
        vec![
            Row::new("Process", process()),
            Row::new("Async runtime", tokio()),
            Row::new("Database pool", pool()),
            Row::new("Versions and faults", versions()),
        ],
    )
}

fn process() -> Vec<Panel> {
    vec![
        Panel::new(Kind::TimeSeries, "CPU", Unit::None, "Processor cores in use.")
            .runbook("ProcessorSaturated")
            .query("sum by (service) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{service}}")
            .min(0.0),
        Panel::new(Kind::TimeSeries, "Memory", Unit::Bytes, "Resident memory; a line that only rises is a leak.")
            .runbook("MemoryNearLimit")
            .query("sum by (service) (process_resident_memory_bytes)", "{{service}}")
            .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Open files",
            Unit::Ratio,
            "Open file descriptors, of the limit; at 100 % no connection can be accepted.",
        )
        .runbook("FileDescriptorsNearLimit")
        .query("max by (service) (process_open_fds / process_max_fds)", "{{service}}")
        .min(0.0)
        .colors(Green, &[(0.8, Red)])
        .lines(),
        Panel::new(
            Kind::TimeSeries,
            "Uptime",
            Unit::Seconds,
            "Time since the start of each process; a fall to 0 is a restart.",
        )
        .runbook("RestartLoop")
        .query("time() - max by (service) (process_start_time_seconds)", "{{service}}")
        .min(0.0),
    ]
}

fn tokio() -> Vec<Panel> {
    vec![
        Panel::new(Kind::TimeSeries, "Tasks", Unit::Count, "Tasks that are alive; a line that only rises is a leak.")
            .query("sum by (service) (tokio_alive_tasks)", "{{service}}")
            .size(8, 8)
            .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Run queue",
            Unit::Count,
            "Tasks in the global queue that wait for a worker; more than a few, for long, is saturation.",
        )
        .query("sum by (service) (tokio_global_queue_depth)", "{{service}}")
        .size(8, 8)
        .min(0.0),
        Panel::new(Kind::TimeSeries, "Workers", Unit::Count, "Worker threads of the runtime.")
            .query("sum by (service) (tokio_workers)", "{{service}}")
            .size(8, 8)
            .min(0.0),
    ]
}

fn pool() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Pool in use",
            Unit::Ratio,
            "Connections in use, of the maximum; at 100 % requests wait for each other.",
        )
        .runbook("DatabasePoolSaturated")
        .query(
            r#"sum by (service) (db_pool_connections{state="used"}) / sum by (service) (db_pool_max_connections)"#,
            "{{service}}",
        )
        .min(0.0)
        .max(1.0)
        .colors(Green, &[(0.9, Red)])
        .lines(),
        Panel::new(Kind::Stacked, "Connections", Unit::Count, "Connections by state; areas add up.")
            .query("sum by (service, state) (db_pool_connections)", "{{service}} {{state}}")
            .min(0.0),
    ]
}

fn versions() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Table, "Versions", Unit::None, "What runs where.")
            .query("max by (service, version) (service_info)", "{{service}} {{version}}"),
        Panel::new(
            Kind::TimeSeries,
            "Faults switched on",
            Unit::Count,
            "Faults injected for drills and tests. Anything but 0 outside a drill is a mistake.",
        )
        .runbook("FaultLeftOn")
        .query("sum(fault_active) or vector(0)", "active")
        .size(12, 7)
        .min(0.0)
        .colors(Green, &[(1.0, Yellow)]),
    ]
}
