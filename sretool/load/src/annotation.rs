//! A run as an annotation of Grafana's dashboards.

use crate::format::{count, digits, ms};
use crate::report::{Meta, Report};
use crate::verdict::Plan;
use serde_json::{Value, json};

/// By these tags dashboards find annotations of runs.
fn tags(meta: &Meta, state: &str) -> Vec<String> {
    let mut tags = vec!["load-test".to_owned(), state.to_owned()];
    tags.extend(meta.profile.iter().map(|profile| format!("profile:{profile}")));
    tags
}

/// The body that Grafana's `POST /api/annotations` takes at the start of a run; times are in ms since the Unix epoch.
pub fn annotation_start(meta: &Meta, plan: &Plan, now_ms: i64) -> Value {
    let rate = plan.target_rps().map_or_else(|| "as fast as answered".to_owned(), |rps| format!("{}/s", digits(rps)));
    let text =
        format!("Load test {} began: {rate} for {} s, {} executor", meta.run, digits(plan.duration_s), plan.executor);
    json!({"time": now_ms, "tags": tags(meta, "running"), "text": text})
}

/// The body that turns it into a region with the verdict (`PATCH /api/annotations/ID`, or `POST` where the start was
/// not taken).
pub fn annotation_end(report: &Report, ended_ms: i64) -> Value {
    let overall = report.whole.overall();
    let mut text = format!(
        "Load test {}: {}. {} requests/s, p95 {}, {} of {} requests failed",
        report.meta.run,
        report.verdict,
        digits(report.achieved_rps),
        ms(overall.response.quantile(0.95)),
        count(report.errors()),
        count(report.scheduled)
    );
    for reason in &report.reasons {
        text.push('\n');
        text.push_str(reason);
    }
    let started_ms = report.meta.started_at_ms.unwrap_or(ended_ms);
    let tags = tags(&report.meta, &report.verdict.to_string());
    json!({"time": started_ms, "timeEnd": ended_ms.max(started_ms), "tags": tags, "text": text})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn the_start_says_what_is_asked() {
        let report = report(&[]);
        let meta = Meta { run: "r1".into(), profile: Some("smoke".into()), ..Meta::default() };
        let body = annotation_start(&meta, &report.plan, 5000);
        assert_eq!((&body["time"], &body["tags"]), (&5000.into(), &json!(["load-test", "running", "profile:smoke"])));
        assert_eq!(body["text"], "Load test r1 began: 50.0/s for 2.00 s, http executor");
        assert!(body.get("timeEnd").is_none());
    }

    #[test]
    fn the_end_is_a_region_with_the_verdict_and_its_reasons() {
        let mut report = report(&["errors<0.1%"]);
        report.meta = Meta { run: "r1".into(), started_at_ms: Some(1000), ..Meta::default() };
        let body = annotation_end(&report, 4000);
        assert_eq!((&body["time"], &body["timeEnd"]), (&1000.into(), &4000.into()));
        assert_eq!(body["tags"], json!(["load-test", "fail"]));
        let text = body["text"].as_str().unwrap();
        assert!(
            text.starts_with("Load test r1: fail. 50.0 requests/s, p95 10.0 ms, 1 of 100 requests failed\n"),
            "{text}"
        );
        assert!(text.contains("errors<0.1% broken"), "{text}");
    }
}
