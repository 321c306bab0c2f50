//! `--gate`: the run held against SLOs, with the events that Prometheus saw the server count.

use super::session::Ended;
use super::settings::Settings;
use crate::io::Io;
use crate::runtime;
use crate::slo::files;
use crate::source::{Source, SourceError};
use load::{ClientView, Events, GateReport, client_events};
use promql::Value;
use slo::{LoadOptions, Sli, Slo, Window};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Scrapes are awaited for so long; Prometheus' default interval is a minute.
const PATIENCE: Duration = Duration::from_secs(70);

const TICK: Duration = Duration::from_millis(250);

/// Where the paths of the reference services begin. Of other services the client's view is that of the whole run.
const PREFIXES: [(&str, &[&str]); 3] = [
    ("user-service", &["/v1/users", "/v1/sessions", "/.well-known"]),
    ("order-service", &["/v1/products", "/v1/orders", "/v1/inventory"]),
    ("notification-service", &["/v1/notifications", "/v1/preferences"]),
];

/// The SLOs of files and folders.
pub(super) fn slos(paths: &[PathBuf]) -> Result<Vec<Slo>, String> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let catalog = files::load(paths, LoadOptions::default())?;
    // An SLO that cannot be read must not silently be left out of the judgement.
    if !catalog.is_complete() {
        let findings: Vec<_> = catalog.findings.iter().map(slo::Finding::render).collect();
        return Err(findings.join("\n"));
    }
    if catalog.slos.is_empty() { Err("no SLO found".to_owned()) } else { Ok(catalog.slos) }
}

/// Asks Prometheus once it has seen the end of the run.
///
/// # Errors
/// When there is no judgement, in a sentence.
pub(super) fn judge(settings: &Settings, ended: &Ended, io: &mut Io<'_>) -> Result<Vec<GateReport>, String> {
    let Some(started_ms) = ended.started_at_ms else { return Ok(Vec::new()) };
    if ended.interrupted {
        return Err("the gate was not judged, since the run was cut short".to_owned());
    }
    let end_ms = started_ms + (ended.totals.elapsed_s * 1000.0) as i64;
    let source = Source::resolve(Some(&settings.prometheus)).map_err(|error| error.to_string())?;
    io.note(format_args!("waiting until {} has scraped the end of the run", source.name()));
    let asked = runtime::block_on(async {
        let now_ms = wait(&source, &settings.gate, end_ms).await?;
        let mut reports = Vec::new();
        for slo in &settings.gate {
            let server = server(&source, slo, (started_ms, now_ms)).await?;
            let view = view(slo);
            let belongs = |route: &str| of_service(&slo.service, route, settings);
            let client = client_events(&ended.totals.whole, view, belongs).map(|events| (events, view));
            let identity = (slo.id.as_str(), slo.service.as_str(), slo.objective);
            reports.push(GateReport::new(identity, server, client));
        }
        Ok(reports)
    });
    asked.map_err(|error: SourceError| format!("the gate was not judged: {error}"))
}

/// Waits until every counter has a sample of after the run; those that never get one have no data. The time to ask at.
async fn wait(source: &Source, slos: &[Slo], end_ms: i64) -> Result<i64, SourceError> {
    let selectors: Vec<String> = slos.iter().flat_map(Slo::selectors).collect();
    let begun = Instant::now();
    loop {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let mut behind = false;
        for selector in &selectors {
            let oldest = number(&source.instant(&format!("min(timestamp({selector}))"), now_ms).await?.value);
            behind |= oldest.is_some_and(|seconds| ((seconds * 1000.0) as i64) < end_ms);
        }
        if !behind || begun.elapsed() > PATIENCE {
            return Ok(now_ms);
        }
        tokio::time::sleep(TICK).await;
    }
}

/// What the server counted from the start of the run to now.
async fn server(source: &Source, slo: &Slo, (start_ms, now_ms): (i64, i64)) -> Result<Option<Events>, SourceError> {
    // Whole seconds, since the window's own end is no scrape either.
    let window = Window::from_millis((now_ms - start_ms).max(1000).unsigned_abs().div_ceil(1000) * 1000);
    let ask = async |expr: String| Ok::<_, SourceError>(number(&source.instant(&expr, now_ms).await?.value));
    let (part, total, good) = match &slo.sli {
        Sli::GoodTotal(pair) => (&pair.part, &pair.total, true),
        Sli::BadTotal(pair) => (&pair.part, &pair.total, false),
        Sli::Raw { query, success } => {
            let ratio = ask(query.over(window)).await?;
            let bad = ratio.map(|ratio| if *success { 1.0 - ratio } else { ratio });
            return Ok(bad.map(|bad| Events { bad, total: 1.0 }));
        }
    };
    let Some(total) = ask(total.tile(window)).await? else { return Ok(None) };
    let part = ask(part.tile(window)).await?.unwrap_or(0.0).clamp(0.0, total);
    Ok(Some(Events { bad: if good { total - part } else { part }, total }))
}

/// The sum of a vector; none where it is empty.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Scalar(sample) => Some(sample.v).filter(|v| v.is_finite()),
        Value::Vector(samples) => {
            let values: Vec<f64> = samples.iter().map(|sample| sample.v).filter(|v| v.is_finite()).collect();
            (!values.is_empty()).then(|| values.iter().sum())
        }
        Value::Matrix(_) | Value::String(..) => None,
    }
}

/// What a client can tell of the events of an SLO, from the metric that it counts.
fn view(slo: &Slo) -> ClientView {
    let selectors = slo.selectors();
    let requests = |name: &str| selectors.iter().any(|s| s.starts_with(name));
    let limit = selectors.iter().filter(|s| s.contains("http") && s.contains("_bucket")).find_map(|s| bound(s));
    match limit {
        Some(seconds) => ClientView::Latency(seconds),
        None if requests("http_requests") || requests("http_server_request") => ClientView::Availability,
        None => ClientView::Hidden,
    }
}

/// The bucket's bound of a selector.
fn bound(selector: &str) -> Option<f64> {
    let (_, after) = selector.split_once("le=\"")?;
    after.split('"').next()?.parse().ok()
}

fn of_service(service: &str, route: &str, settings: &Settings) -> bool {
    let path = route.split_once(' ').map_or(route, |(_, path)| path);
    let known = PREFIXES.iter().find(|(name, _)| *name == service);
    match known {
        Some((_, prefixes)) => prefixes.iter().any(|prefix| path.starts_with(prefix)),
        None => settings.plan.executor == "http",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::settings::tests::settings;

    const SLO: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: NAME}
spec:
  service: shop
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: ok}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: prometheus, spec: {query: 'GOOD'}}}
        total: {metricSource: {type: prometheus, spec: {query: requests_total}}}
"#;

    fn slo(good: &str) -> Slo {
        let text = SLO.replace("NAME", "n").replace("GOOD", good);
        slo::Catalog::load([("a.yaml", text.as_str())]).slos.remove(0)
    }

    #[test]
    fn the_clients_view_follows_from_the_metric() {
        let good = "http_request_duration_seconds_bucket{service=\"s\", le=\"0.2\"}";
        assert_eq!(view(&slo(good)), ClientView::Latency(0.2));
        assert_eq!(view(&slo("http_requests_total{status!~\"5..\"}")), ClientView::Availability);
        assert_eq!(view(&slo("order_pipeline_total{outcome=\"success\"}")), ClientView::Hidden);
    }

    #[test]
    fn routes_belong_to_the_service_that_serves_them() {
        let http = settings(&["--url", "http://127.0.0.1:1/"]);
        let goose = settings(&[]);
        assert!(of_service("order-service", "POST /v1/orders/{id}/payment", &goose));
        assert!(!of_service("order-service", "GET /v1/users/me", &goose));
        assert!(of_service("billing", "GET /anything", &http), "all of a run on one server");
        assert!(!of_service("billing", "GET /v1/orders", &goose));
    }

    #[test]
    fn documents_that_cannot_be_read_are_an_error_and_none_are_none() {
        assert_eq!(slos(&[]).unwrap().len(), 0);
        assert!(slos(&["no/such/folder".into()]).unwrap_err().contains("no/such/folder"));
    }
}
