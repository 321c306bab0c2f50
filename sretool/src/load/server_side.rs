//! What Prometheus saw of the server while it was loaded: panels of the report, beside the client's own view.

use super::session::Ended;
use super::settings::{Push, Settings};
use crate::source::{PrometheusHttp, Source};
use crate::{runtime, source::SourceError};
use load::Panel;
use promql::{Labels, Value};
use std::time::Duration;

/// A Prometheus that is slower than this is left out.
const LIMIT: Duration = Duration::from_secs(2);

/// At most so many points a line.
const POINTS: f64 = 240.0;

/// Rates are over this, or over a minute where scrapes are too far apart for it.
const WINDOWS: [&str; 2] = ["10s", "1m"];

/// Title, unit, and expression of each panel; `$w` stands for the window of rates.
const PANELS: [(&str, &str, &str); 9] = [
    ("Requests a second, by service", "/s", "sum by (service) (rate(http_requests_total{service!=\"\"}[$w]))"),
    (
        "p95 as the server measured it",
        "s",
        "histogram_quantile(0.95, sum by (service, le) \
         (rate(http_request_duration_seconds_bucket{service!=\"\"}[$w])))",
    ),
    (
        "Server errors of all requests",
        "ratio",
        "sum by (service) (rate(http_requests_total{service!=\"\",status=~\"5..\"}[$w])) / sum by (service) \
         (rate(http_requests_total{service!=\"\"}[$w]))",
    ),
    ("In flight at the server", "", "sum by (service) (http_requests_in_flight{service!=\"\"})"),
    ("CPU cores", "", "sum by (service) (rate(process_cpu_seconds_total{service!=\"\"}[$w]))"),
    ("Resident memory", "bytes", "sum by (service) (process_resident_memory_bytes{service!=\"\"})"),
    ("Database connections in use", "", "sum by (service) (db_pool_connections{service!=\"\",state=\"used\"})"),
    (
        "Waiting in queues",
        "",
        "sum by (service) ({__name__=~\"outbox_pending|notification_queue_depth\",service!=\"\"})",
    ),
    ("Faults injected", "", "sum by (service, kind) (fault_active{service!=\"\"}) > 0"),
];

/// The panels that have data; none where no Prometheus answers, which is no fault of the run.
pub(super) fn panels(settings: &Settings, ended: &Ended) -> Vec<Panel> {
    // Whose run was cut short waits for the report.
    let Some(started_ms) = ended.started_at_ms.filter(|_| !ended.interrupted && settings.push != Push::Nowhere) else {
        return Vec::new();
    };
    let Ok(client) = PrometheusHttp::new(&settings.prometheus) else { return Vec::new() };
    let source = Source::Http(client.with_limit(LIMIT));
    let end_ms = started_ms + (ended.totals.elapsed_s * 1000.0) as i64;
    runtime::block_on(async {
        for window in WINDOWS {
            match all(&source, window, (started_ms, end_ms)).await {
                Ok(panels) if panels.iter().any(|panel| panel.unit == "/s") => return panels,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Vec::new()
    })
}

async fn all(source: &Source, window: &str, span: (i64, i64)) -> Result<Vec<Panel>, SourceError> {
    let asked = PANELS.map(|(title, unit, expr)| panel(source, (title, unit, expr.replace("$w", window)), span));
    let panels = futures::future::try_join_all(asked).await?;
    Ok(panels.into_iter().filter(|panel| !panel.lines.is_empty()).collect())
}

async fn panel(
    source: &Source,
    (title, unit, query): (&str, &str, String),
    (start_ms, end_ms): (i64, i64),
) -> Result<Panel, SourceError> {
    let step_ms = (((end_ms - start_ms) as f64 / POINTS / 1000.0).ceil().max(1.0) * 1000.0) as i64;
    let answer = source.range(&query, start_ms, end_ms, step_ms).await?;
    let Value::Matrix(series) = answer.value else { return Ok(Panel::new(title, unit, query, Vec::new())) };
    let points = |samples: &[promql::Sample]| {
        let point = |sample: &promql::Sample| ((sample.t - start_ms) as f64 / 1e3, sample.v);
        samples.iter().filter(|sample| sample.v.is_finite()).map(point).collect::<Vec<_>>()
    };
    let lines = series.iter().map(|series| (name(&series.labels), points(&series.samples)));
    let lines = lines.filter(|(_, points)| !points.is_empty()).collect();
    Ok(Panel::new(title, unit, query, lines))
}

/// The values of a series' labels, which tell it from the others.
fn name(labels: &Labels) -> String {
    labels.iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::settings::tests::settings;
    use axum::routing::get;
    use axum::{Form, Json, Router};
    use load::Totals;
    use serde_json::json;
    use std::collections::HashMap;

    fn ended(interrupted: bool) -> Ended {
        let totals = Totals { elapsed_s: 30.0, ..Totals::default() };
        Ended { totals, interrupted, started_at_ms: Some(1_700_000_000_000), ..Ended::default() }
    }

    /// Answers range queries over a minute's rates only, as a Prometheus with distant scrapes does.
    fn prometheus() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = |Form(query): Form<HashMap<String, String>>| async move {
            let values = json!([[1_700_000_000, "2"], [1_700_000_015, "NaN"]]);
            let series = json!([{"metric": {"service": "user-service"}, "values": values}]);
            let known = query["query"].contains("[1m]") && query["query"].contains("http_requests_total");
            let result = if known { series } else { json!([]) };
            Json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}}))
        };
        std::thread::spawn(move || {
            crate::runtime::block_on(async {
                let app = Router::new().route("/api/v1/query_range", get(answer).post(answer));
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
            });
        });
        url
    }

    #[test]
    fn panels_without_data_are_left_out_and_times_are_of_the_run() {
        let settings = settings(&["--url", "http://127.0.0.1:1/", "--prometheus", &prometheus()]);
        let panels = panels(&settings, &ended(false));
        let titles: Vec<_> = panels.iter().map(|panel| panel.title.as_str()).collect();
        assert_eq!(titles, ["Requests a second, by service", "Server errors of all requests"]);
        assert_eq!(panels[0].lines, [("user-service".to_owned(), vec![(0.0, 2.0)])]);
        assert!(panels[0].query.contains("[1m]"));
    }

    #[test]
    fn nobody_waits_for_a_prometheus_that_is_not_there_or_not_wanted() {
        let silent = settings(&["--url", "http://127.0.0.1:1/", "--prometheus", "http://127.0.0.1:9"]);
        assert_eq!(panels(&silent, &ended(false)), []);
        assert_eq!(panels(&silent, &ended(true)), []);
        let unwanted = settings(&["--url", "http://127.0.0.1:1/", "--no-push", "--prometheus", &prometheus()]);
        assert_eq!(panels(&unwanted, &ended(false)), []);
    }
}
