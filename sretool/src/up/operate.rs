//! The platform while it runs: readiness, events, status lines, the end.

use super::platform::{Platform, Service};
use super::supervisor::Event;
use super::{Running, STATUS_INTERVAL, status};
use crate::io::Io;
use crate::{exit, tui};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// How long the services together may take to become ready.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often readiness is asked for while a service starts.
const READINESS_INTERVAL: Duration = Duration::from_millis(50);

/// How far rates look back: services are scraped every second, so that a change shows at once.
const DASHBOARD_RATE_WINDOW_S: i64 = 15;
/// How often the dashboard asks for new values.
const DASHBOARD_REFRESH_MS: i64 = 1_000;

/// Waits until each service is ready and prints its `ready` line. `Some` when the platform cannot come up.
pub(super) async fn announce(platform: &Platform, running: &mut Running, io: &mut Io<'_>) -> Option<ExitCode> {
    let deadline = Instant::now() + START_LIMIT;
    for service in Service::ALL {
        let ready = wait_ready(platform.admin_address(service));
        tokio::pin!(ready);
        loop {
            tokio::select! {
                () = &mut ready => break,
                Some(event) = running.events.recv() => if let Some(status) = report(&event, io) { return Some(status) },
                () = running.signal.wait() => return Some(exit::good()),
                () = tokio::time::sleep_until(deadline) => {
                    io.error(format_args!("{} is not ready after {START_LIMIT:?}", service.name()));
                    return Some(exit::no_judgement());
                }
            }
        }
        io.line(format_args!("ready {}", platform.api_url(service)));
    }
    None
}

async fn wait_ready(admin_address: String) {
    let client = reqwest::Client::new();
    let url = format!("http://{admin_address}/readyz");
    loop {
        let answer = client.get(&url).timeout(Duration::from_secs(1)).send().await;
        if answer.is_ok_and(|response| response.status().is_success()) {
            return;
        }
        tokio::time::sleep(READINESS_INTERVAL).await;
    }
}

/// Tells people about an event. `Some` when the platform cannot go on.
fn report(event: &Event, io: &mut Io<'_>) -> Option<ExitCode> {
    match event {
        Event::Started { name, pid } => io.note(format_args!("{name} started, process {pid}")),
        Event::Died { name, status, restart_in } => {
            io.note(format_args!("{name} died ({status}); it starts again in {restart_in:?}"));
        }
        Event::Failed { name, cause } => {
            io.error(format_args!("{name} cannot run: {cause}"));
            return Some(exit::invalid());
        }
    }
    None
}

/// Prints events and status lines until a signal or a failure ends the platform.
pub(super) async fn watch_over(running: &mut Running, io: &mut Io<'_>) -> ExitCode {
    let names = Service::ALL.map(Service::name);
    let mut ticks = tokio::time::interval_at(Instant::now() + STATUS_INTERVAL, STATUS_INTERVAL);
    loop {
        tokio::select! {
            () = running.signal.wait() => return exit::good(),
            Some(event) = running.events.recv() => if let Some(status) = report(&event, io) { return status },
            _ = ticks.tick() => {
                for line in status::lines(&running.source, &names, chrono::Utc::now().timestamp_millis()).await {
                    io.line(line);
                }
            }
        }
    }
}

/// Shows the dashboard until the user quits. What happens to the services meanwhile is told afterwards, since the
/// dashboard owns the screen.
pub(super) async fn show(running: &mut Running, io: &mut Io<'_>) -> ExitCode {
    let options = match tui::Options::for_url(&running.server.url()) {
        Ok(options) => {
            tui::Options { refresh_ms: DASHBOARD_REFRESH_MS, rate_window_s: DASHBOARD_RATE_WINDOW_S, ..options }
        }
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let shown = tui::run_with(options);
    tokio::pin!(shown);
    let mut missed = Vec::new();
    let result = loop {
        tokio::select! {
            result = &mut shown => break result,
            Some(event) = running.events.recv() => missed.push(event),
        }
    };
    let failed = missed.iter().filter_map(|event| report(event, io)).next_back();
    match result {
        Ok(()) => failed.unwrap_or_else(exit::good),
        Err(error) => {
            io.error(error);
            exit::failed()
        }
    }
}

/// Drains the services, then stops the server.
pub(super) async fn shut_down(running: Running, io: &mut Io<'_>) {
    // Receivers may be gone already; then there is nothing left to stop.
    let _ = running.stop.send(true);
    for child in running.children {
        let _ = child.await;
    }
    if let Err(error) = running.server.join().await {
        io.error(error);
    }
}
