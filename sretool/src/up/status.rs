//! One status line a service, for runs without a terminal.

use crate::source::Source;
use promql::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A heading, its query, and how a value reads.
type Column = (&'static str, &'static str, fn(f64) -> String);

/// What a status line shows.
const COLUMNS: [Column; 4] = [
    ("rate", "sum by (service) (rate(http_requests_total[30s]))", |v| format!("{v:.1} req/s")),
    (
        "errors",
        r#"sum by (service) (rate(http_requests_total{status=~"5.."}[30s]))
           / (sum by (service) (rate(http_requests_total[30s])) > 0)"#,
        |v| format!("{:.2} %", v * 100.0),
    ),
    ("p95", "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[30s])))", |v| {
        format!("{:.1} ms", v * 1000.0)
    }),
    (
        "availability budget",
        r#"label_replace(slo:period_error_budget_remaining:ratio{sloth_slo="availability"},
                         "service", "$1", "sloth_service", "(.*)")"#,
        |v| format!("{:.1} %", v * 100.0),
    ),
];

/// The status of each service now; what has no data says so.
pub async fn lines(source: &Source, services: &[&str], now_ms: i64) -> Vec<String> {
    let mut lines: Vec<String> = services.iter().map(|service| format!("{service:<20}")).collect();
    for (heading, expr, show) in COLUMNS {
        let values = by_service(source, expr, now_ms).await;
        for (line, service) in lines.iter_mut().zip(services) {
            let value = values.get(*service).filter(|v| v.is_finite());
            let _ = write!(line, "  {heading} {}", value.map_or_else(|| "no data".to_owned(), |v| show(*v)));
        }
    }
    lines
}

async fn by_service(source: &Source, expr: &str, now_ms: i64) -> BTreeMap<String, f64> {
    let Ok(answer) = source.instant(expr, now_ms).await else { return BTreeMap::new() };
    let Value::Vector(vector) = answer.value else { return BTreeMap::new() };
    vector.iter().map(|sample| (sample.labels.get("service").to_owned(), sample.v)).collect()
}
