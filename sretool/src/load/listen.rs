//! The run's metrics for whoever scrapes them: `/metrics` on an address of the user's.

use super::series::series;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use load::{Plan, Totals};
use promql::{Labels, Sample};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The text format of Prometheus.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is being served.
#[derive(Debug)]
pub(super) struct Listener {
    plan: Plan,
    run: String,
    page: Arc<Mutex<String>>,
    /// Where it answers.
    pub(super) address: SocketAddr,
}

impl Listener {
    /// Answers from now until the process ends.
    ///
    /// # Errors
    /// When the address is taken.
    pub(super) fn start(address: SocketAddr, plan: &Plan, run: &str) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let page = Arc::new(Mutex::new(String::new()));
        let shown = page.clone();
        let answer = move || {
            let text = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async { ([(CONTENT_TYPE, FORMAT)], text) }
        };
        std::thread::Builder::new().name("load-listen".into()).spawn(move || {
            // One thread is enough for a scrape a second, and leaves the cores to the run.
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let app = Router::new().route("/metrics", get(answer));
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    let _ = axum::serve(listener, app).await;
                }
            });
        })?;
        let listener = Self { plan: plan.clone(), run: run.to_owned(), page, address };
        listener.show(&Totals::default(), true);
        Ok(listener)
    }

    /// Shows where the run stands.
    pub(super) fn show(&self, totals: &Totals, running: bool) {
        let text = text(&series(&self.plan, totals, &self.run, 0, running));
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// Series in the text format, those of one name together as it demands.
fn text(series: &[(Labels, Vec<Sample>)]) -> String {
    let mut families: BTreeMap<&str, Vec<(&Labels, f64)>> = BTreeMap::new();
    for (labels, samples) in series {
        let value = samples.last().map_or(f64::NAN, |sample| sample.v);
        families.entry(labels.metric_name()).or_default().push((labels, value));
    }
    let mut text = String::new();
    let mut last = "";
    for (name, rows) in families {
        let (family, kind) =
            match name.strip_suffix("_bucket").or(name.strip_suffix("_count")).or(name.strip_suffix("_sum")) {
                Some(family) => (family, "histogram"),
                None if name.ends_with("_total") => (name, "counter"),
                None => (name, "gauge"),
            };
        if family != last {
            let _ = writeln!(text, "# TYPE {family} {kind}");
            last = family;
        }
        for (labels, value) in rows {
            let _ = writeln!(text, "{labels} {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sample;
    use std::io::{Read, Write as _};

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let report = sample::report(1, 10.0);
        let (plan, totals) = (report.plan.clone(), report.totals());
        let listener = Listener::start(([127, 0, 0, 1], 0).into(), &plan, "r1").unwrap();
        listener.show(&totals, true);
        let mut stream = std::net::TcpStream::connect(listener.address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        let lines: Vec<_> = body.lines().map(|line| Ok(line.to_owned())).collect();
        let read = prometheus_parse::Scrape::parse(lines.into_iter()).unwrap();
        let ok =
            read.samples.iter().find(|s| s.metric == "sretool_load_requests_total" && &s.labels["outcome"] == "ok");
        assert!(matches!(ok.unwrap().value, prometheus_parse::Value::Counter(n) if n > 0.0), "{body}");
        assert!(body.contains("# TYPE sretool_load_request_duration_seconds histogram"), "{body}");
    }
}
