//! Writes the run's metrics to a Prometheus, beside the run: nothing here can slow it down or end it.

use super::series::series;
use super::settings::{Push, Settings, write_endpoint};
use crate::remote_write;
use crate::source::PrometheusHttp;
use load::{Plan, Totals};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A server that is slower than this misses a second of data.
const LIMIT: Duration = Duration::from_millis(800);

/// The end of the run waits so long for the last write.
const LAST: Duration = Duration::from_millis(300);

/// Hands bodies to a thread that writes them.
#[derive(Debug)]
pub(super) struct Pusher {
    plan: Plan,
    run: String,
    bodies: Sender<Vec<u8>>,
    thread: JoinHandle<()>,
    warnings: Receiver<String>,
}

impl Pusher {
    /// Starts the thread, where there is anywhere to write to.
    pub(super) fn start(settings: &Settings) -> Option<Self> {
        let endpoint = endpoint(&settings.push)?;
        let (bodies, inbox) = channel();
        let (complain, warnings) = channel();
        let thread = std::thread::Builder::new()
            .name("load-push".into())
            .spawn(move || {
                if let Some(warning) = write_all(&endpoint, &inbox) {
                    let _ = complain.send(warning);
                }
            })
            .ok()?;
        Some(Self { plan: settings.plan.clone(), run: settings.meta.run.clone(), bodies, thread, warnings })
    }

    /// Sends where the run stands.
    pub(super) fn send(&self, totals: &Totals) {
        self.write(totals, true);
    }

    /// Sends the end, and tells what went wrong, if anything did.
    pub(super) fn finish(self, totals: &Totals) -> Option<String> {
        self.write(totals, false);
        drop(self.bodies);
        let warning = self.warnings.recv_timeout(LAST).ok();
        // A server that hangs must not hold up the report.
        if self.thread.is_finished() {
            let _ = self.thread.join();
        }
        warning
    }

    fn write(&self, totals: &Totals, running: bool) {
        let body = remote_write::encode(&series(&self.plan, totals, &self.run, crate::server::now_ms(), running));
        // The thread ends early only by a panic; the run is more important than its metrics.
        let _ = self.bodies.send(body);
    }
}

fn endpoint(push: &Push) -> Option<String> {
    match push {
        Push::Nowhere => None,
        Push::To(endpoint) => Some(endpoint.clone()),
        Push::IfAnswers(prometheus) => {
            let client = PrometheusHttp::new(prometheus).ok()?.with_limit(LIMIT);
            let answers = crate::runtime::block_on(crate::source::Source::Http(client).build_info());
            answers.is_ok().then(|| write_endpoint(prometheus))
        }
    }
}

/// Writes until the sender is gone; returns the first failure, if any.
fn write_all(endpoint: &str, inbox: &Receiver<Vec<u8>>) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let client = reqwest::Client::builder().timeout(LIMIT).build().ok()?;
    let mut warning = None;
    for body in inbox {
        if let Err(cause) = runtime.block_on(write(&client, endpoint, body)) {
            warning.get_or_insert_with(|| format!("metrics of this run were not all written to {endpoint}: {cause}"));
        }
    }
    warning
}

async fn write(client: &reqwest::Client, endpoint: &str, body: Vec<u8>) -> Result<(), String> {
    let request = client
        .post(endpoint)
        .header("content-type", remote_write::CONTENT_TYPE)
        .header("content-encoding", "snappy")
        .header("x-prometheus-remote-write-version", remote_write::VERSION)
        .body(body);
    let response = request.send().await.map_err(|error| {
        if error.is_timeout() { format!("no answer within {} ms", LIMIT.as_millis()) } else { error.to_string() }
    })?;
    match response.status().as_u16() {
        200..=299 => Ok(()),
        404 => Err("status 404; a Prometheus needs --web.enable-remote-write-receiver".to_owned()),
        status => Err(format!("status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::StatusCode;
    use axum::routing::post;
    use std::net::SocketAddr;

    fn serve(app: Router) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            crate::runtime::block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        address
    }

    fn settings(push: Push) -> Settings {
        let settings = crate::load::settings::tests::settings(&["--url", "http://127.0.0.1:1/"]);
        Settings { push, ..settings }
    }

    #[test]
    fn every_body_arrives_and_decodes() {
        let (sender, bodies) = channel();
        let receive = move |body: Bytes| async move {
            sender.send(body).unwrap();
            StatusCode::NO_CONTENT
        };
        let address = serve(Router::new().route("/api/v1/write", post(receive)));
        let pusher = Pusher::start(&settings(Push::To(format!("http://{address}/api/v1/write")))).unwrap();
        pusher.send(&Totals::default());
        assert_eq!(pusher.finish(&Totals::default()), None);
        let running: Vec<f64> = (0..2)
            .map(|_| {
                let body = bodies.recv_timeout(Duration::from_secs(5)).unwrap();
                let request = remote_write::decode(&body, 1 << 20).unwrap();
                let named = |series: &&remote_write::TimeSeries| {
                    series.labels.iter().any(|label| label.value == "sretool_load_running")
                };
                request.timeseries.iter().find(named).unwrap().samples[0].value
            })
            .collect();
        assert_eq!(running, [1.0, 0.0]);
    }

    #[test]
    fn a_refusal_is_told_once_with_a_remedy() {
        let address = serve(Router::new());
        let pusher = Pusher::start(&settings(Push::To(format!("http://{address}/api/v1/write")))).unwrap();
        (0..3).for_each(|_| pusher.send(&Totals::default()));
        let warning = pusher.finish(&Totals::default()).unwrap();
        assert!(warning.contains("remote-write-receiver"), "{warning}");
    }

    #[test]
    fn a_prometheus_that_is_not_there_gets_nothing() {
        assert_eq!(endpoint(&Push::IfAnswers("http://127.0.0.1:9".into())), None);
        assert_eq!(endpoint(&Push::IfAnswers("nonsense".into())), None);
        assert_eq!(endpoint(&Push::Nowhere), None);
    }
}
