//! `sretool load bench`: this generator beside oha and wrk, on a server of its own; the peers are installed when
//! missing. Hidden, since it is for those who change the generator.

mod measure;
mod peers;
mod server;

pub use server::ServerArgs;
pub(super) use server::serve;

use crate::exit;
use crate::io::Io;
use measure::{Cost, Server, generator, peer};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// Connections of the comparison.
const CONNECTIONS: &str = "50";

/// What Goose users do: all that the bench's server, which refuses nothing, answers as expected.
const SCENARIOS: [&str; 8] =
    ["--scenario", "browse=60", "--scenario", "account=20", "--scenario", "order=18", "--scenario", "cancel=2"];

/// Arguments of `sretool load bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Length of each run that is compared
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = load::parse_duration)]
    duration: Duration,
    /// Leave out what takes minutes: exactness, the stall, the knee
    #[arg(long)]
    quick: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match bench(args, io) {
        Ok(()) => exit::good(),
        Err(error) => {
            io.error(error);
            exit::no_judgement()
        }
    }
}

fn bench(args: &Args, io: &mut Io<'_>) -> Result<(), String> {
    let oha = peers::oha(io)?;
    let wrk = peers::wrk(io)?;
    let server = Server::start(&[])?;
    let duration = format!("{}s", args.duration.as_secs().max(1));
    io.line(format_args!(
        "most throughput, {CONNECTIONS} connections, server on CPU 0, generator on CPU 1, {duration}"
    ));
    let line = ["--closed", "--connections", CONNECTIONS, "--duration", &duration, "--url", &server.url];
    let own = generator(&line)?;
    let of_oha = peer("oha", &oha, &["--no-tui", "-z", &duration, "-c", CONNECTIONS, &server.url])?;
    let of_wrk = peer("wrk", &wrk, &["-t1", "-c", CONNECTIONS, "-d", &duration, &server.url])?;
    for cost in [&own, &of_oha, &of_wrk] {
        io.line(cost);
    }
    ratios(&own, &[&of_oha, &of_wrk], io);
    for rate in ["1000", "5000"] {
        at_rate(rate, &duration, (&server, &oha), io)?;
    }
    if !args.quick {
        exactness(&server, io)?;
        drop(server);
        stall(io)?;
        knee(io)?;
    }
    Ok(())
}

fn ratios(own: &Cost, others: &[&Cost], io: &mut Io<'_>) {
    for other in others {
        io.line(format_args!(
            "  beside {}: {:.2}x its requests/s, {:.2}x its CPU a request",
            other.name,
            own.rps / other.rps,
            own.cpu_us() / other.cpu_us()
        ));
    }
}

fn at_rate(rate: &str, duration: &str, (server, oha): (&Server, &str), io: &mut Io<'_>) -> Result<(), String> {
    io.line(format_args!("\n{rate} requests/s for {duration}"));
    let own = generator(&["--rps", rate, "--duration", duration, "--url", &server.url])?;
    let flags = ["--no-tui", "--latency-correction", "-z", duration, "-c", CONNECTIONS, "-q", rate, &server.url];
    let other = peer("oha", oha, &flags)?;
    for cost in [&own, &other] {
        io.line(cost);
    }
    io.line(format_args!("  beside oha: {:.2}x its CPU a request", own.cpu_us() / other.cpu_us()));
    if let Some(report) = &own.report {
        let lag = |q: &str| report["lag_ms"][q].as_f64().unwrap_or(f64::NAN);
        io.line(format_args!("  lag p50 {:.3} ms, p99 {:.3} ms", lag("p50"), lag("p99")));
    }
    Ok(())
}

fn exactness(server: &Server, io: &mut Io<'_>) -> Result<(), String> {
    io.line("\nexactness over 20 s");
    let services = ["--user-service", "--order-service", "--notification-service"];
    let base = server.url.trim_end_matches('/');
    let goose: Vec<&str> = services.iter().flat_map(|flag| [*flag, base]).chain(SCENARIOS).collect();
    for (name, rate, target) in [
        ("http", "1000", vec!["--url", &server.url]),
        ("http", "5000", vec!["--url", &server.url]),
        ("goose", "1000", goose),
    ] {
        let line = [&["--rps", rate, "--duration", "20s", "--executor", name][..], &target].concat();
        let cost = generator(&line)?;
        let report = cost.report.as_ref().ok_or("no report")?;
        let (scheduled, finished) = (count(report, "scheduled"), count(report, "finished"));
        let asked: f64 = rate.parse().unwrap_or(f64::NAN);
        let achieved = report["achieved_rps"].as_f64().unwrap_or(f64::NAN);
        io.line(format_args!(
            "  {name:<6} {finished} of {scheduled} at {rate}/s, rate error {:.4} %, {:.2} s of CPU, {:.1} MB at most",
            (achieved / asked - 1.0).abs() * 100.0,
            cost.cpu_s,
            cost.rss_mb
        ));
    }
    Ok(())
}

fn count(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or(0)
}

fn stall(io: &mut Io<'_>) -> Result<(), String> {
    io.line("\na stall of 2 s in 10 s at 1000 requests/s (truth: p95 1500 ms, p99 1900 ms)");
    for name in ["http", "goose"] {
        // It freezes 4 s after the first request of the run; set-up requests are none.
        let server = Server::start(&["--freeze-after", "4s", "--freeze-for", "2s"])?;
        let base = server.url.trim_end_matches('/');
        let goose =
            ["--user-service", base, "--order-service", base, "--notification-service", base, "--users", "3000"];
        let http = ["--url", &server.url, "--connections", "3000"];
        let target: &[&str] = if name == "http" { &http } else { &goose };
        let mut line =
            [&["--rps", "1000", "--duration", "10s", "--drain", "5s", "--executor", name][..], target].concat();
        if name == "goose" {
            line.extend(SCENARIOS);
        }
        let cost = generator(&line)?;
        let report = cost.report.as_ref().ok_or("no report")?;
        let ms = |q: &str| report["response_ms"][q].as_f64().unwrap_or(f64::NAN);
        io.line(format_args!(
            "  {name:<6} p95 {:.1} ms ({:+.2} %), p99 {:.1} ms ({:+.2} %), {} of {} finished",
            ms("p95"),
            (ms("p95") / 1500.0 - 1.0) * 100.0,
            ms("p99"),
            (ms("p99") / 1900.0 - 1.0) * 100.0,
            count(report, "finished"),
            count(report, "scheduled")
        ));
    }
    Ok(())
}

fn knee(io: &mut Io<'_>) -> Result<(), String> {
    io.line("\nbreakpoint of a server with a capacity of 2000 requests/s, three times");
    for _ in 0..3 {
        let server = Server::start(&["--capacity", "2000"])?;
        let line = ["breakpoint", "--url", &server.url, "--from", "500", "--probe", "5s", "--format", "json"];
        // A core that others use too must not end the search: what it is about is the server.
        let held = ["--threshold", "p95<200ms", "--threshold", "errors<1%", "--threshold", "lag<1s"];
        let found = measure::own(&[&line[..], &held].concat())?;
        let knee = found["knee_rps"].as_f64().unwrap_or(f64::NAN);
        io.line(format_args!("  knee {knee:.1} requests/s ({:+.2} %)", (knee / 2000.0 - 1.0) * 100.0));
    }
    Ok(())
}
