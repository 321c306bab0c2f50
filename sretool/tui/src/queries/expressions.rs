//! The PromQL of each query.

use super::{Params, QueryId as Q};

const REQUESTS: &str = "http_requests_total";
const BUCKETS: &str = "http_request_duration_seconds_bucket";
const SLO_MATCH: &str = "on (sloth_id, sloth_service, sloth_slo)";

/// The PromQL of a query, or `None` while the service, SLO or load test that it is about is unknown.
pub fn expression(id: Q, params: &Params<'_>) -> Option<String> {
    if id >= Q::LoadRunning {
        return load(id, params);
    }
    if id >= Q::SloObjective {
        return slo(id, params);
    }
    if id >= Q::ServiceRate {
        return service(id, params);
    }
    Some(overview(id, params))
}

/// A PromQL string literal.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// No chart's step may be longer than its window, or events would fall between two points.
fn window(params: &Params<'_>) -> String {
    format!("{}s", params.step_s.max(params.window_s))
}

fn error_ratio(by: &str, matchers: &str, window: &str) -> String {
    let and = if matchers.is_empty() { "" } else { "," };
    let all = format!("sum by ({by}) (rate({REQUESTS}{{{matchers}}}[{window}]))");
    let bad = format!("sum by ({by}) (rate({REQUESTS}{{{matchers}{and}status=~\"5..\"}}[{window}]))");
    // Without any 5xx series there were no errors; without requests there is no ratio.
    format!("({bad} or 0 * {all}) / ({all} > 0)")
}

fn quantile(q: &str, by: &str, matchers: &str, window: &str) -> String {
    format!("histogram_quantile({q}, sum by ({by}, le) (rate({BUCKETS}{{{matchers}}}[{window}])))")
}

/// The series of a label by another name: scrape and SLO series know a service as `job` or `sloth_service`.
fn as_service(label: &str, expr: &str) -> String {
    format!("max by (service) (label_replace({expr}, \"service\", \"$1\", \"{label}\", \"(.+)\"))")
}

fn overview(id: Q, params: &Params<'_>) -> String {
    let (step, now) = (window(params), format!("{}s", params.window_s));
    match id {
        Q::UpTargets => as_service("job", "sum by (job) (up)"),
        Q::AllTargets => as_service("job", "count by (job) (up)"),
        Q::Rate => format!("sum by (service) (rate({REQUESTS}[{now}]))"),
        Q::ErrorRatio => error_ratio("service", "", &now),
        Q::P50 => quantile("0.5", "service", "", &now),
        Q::P95 => quantile("0.95", "service", "", &now),
        Q::P99 => quantile("0.99", "service", "", &now),
        Q::InFlight => "sum by (service) (http_requests_in_flight)".to_owned(),
        Q::Budget => as_service("sloth_service", "slo:period_error_budget_remaining:ratio{sloth_slo=\"availability\"}"),
        Q::Burn => as_service("sloth_service", &burn("1h", "{sloth_slo=\"availability\"}")),
        Q::RateByService => format!("sum by (service) (rate({REQUESTS}[{step}]))"),
        Q::P95ByService => quantile("0.95", "service", "", &step),
        _ => error_ratio("service", "", &step),
    }
}

fn service(id: Q, params: &Params<'_>) -> Option<String> {
    let name = quote(params.service?);
    let only = format!("service={name}");
    let (step, now) = (window(params), format!("{}s", params.window_s));
    Some(match id {
        Q::ServiceRate => format!(
            "sum by (class) (label_replace(rate({REQUESTS}{{{only}}}[{step}]), \
             \"class\", \"${{1}}xx\", \"status\", \"(.)..\"))"
        ),
        Q::ServiceErrors => error_ratio("service", &only, &step),
        Q::ServiceErrorBudget => {
            format!("max(slo:error_budget:ratio{{sloth_service={name}, sloth_slo=\"availability\"}})")
        }
        Q::ServiceP50 => quantile("0.5", "service", &only, &step),
        Q::ServiceP95 => quantile("0.95", "service", &only, &step),
        Q::ServiceP99 => quantile("0.99", "service", &only, &step),
        Q::ServiceInFlight => {
            format!("sum(max_over_time(http_requests_in_flight{{{only}}}[{}s]))", params.step_s.max(1))
        }
        Q::RouteRate => format!("sum by (method, route) (rate({REQUESTS}{{{only}}}[{now}]))"),
        Q::RouteErrors => error_ratio("method, route", &only, &now),
        Q::RouteP50 => quantile("0.5", "method, route", &only, &now),
        Q::RouteP95 => quantile("0.95", "method, route", &only, &now),
        _ => quantile("0.99", "method, route", &only, &now),
    })
}

/// How many times faster than sustainable the budget is used, over one of the recorded windows.
fn burn(window: &str, matchers: &str) -> String {
    format!("slo:sli_error:ratio_rate{window}{matchers} / {SLO_MATCH} group_left () slo:error_budget:ratio{matchers}")
}

fn by_slo(expr: &str) -> String {
    format!("max by (sloth_id, sloth_service, sloth_slo) ({expr})")
}

fn slo(id: Q, params: &Params<'_>) -> Option<String> {
    let one = |metric: &str| Some(format!("max({metric}{{sloth_id={}}})", quote(params.slo?)));
    Some(match id {
        Q::SloObjective => by_slo("slo:objective:ratio"),
        Q::SloPeriodDays => by_slo("slo:time_period:days"),
        Q::SloSli => by_slo(&format!("1 - slo:period_burn_rate:ratio * {SLO_MATCH} slo:error_budget:ratio")),
        Q::SloBudget => by_slo("slo:period_error_budget_remaining:ratio"),
        Q::SloBurn1h => by_slo(&burn("1h", "")),
        Q::SloBurn6h => by_slo(&burn("6h", "")),
        Q::SloExhaustion => by_slo(&format!(
            "clamp_min(slo:period_error_budget_remaining:ratio, 0) * {SLO_MATCH} slo:time_period:days * 86400 \
             / {SLO_MATCH} ({} > 0)",
            by_slo(&burn("1h", ""))
        )),
        Q::SloBudgetOverTime => one("slo:period_error_budget_remaining:ratio")?,
        _ => one("slo:current_burn_rate:ratio")?,
    })
}

fn load(id: Q, params: &Params<'_>) -> Option<String> {
    let lookback = params.range_s.max(3_600);
    if id == Q::LoadRunning {
        return Some(format!("max by (run) (last_over_time(sretool_load_running[{lookback}s]))"));
    }
    if id == Q::LoadStarted {
        let started = "timestamp(sretool_load_elapsed_seconds) - sretool_load_elapsed_seconds";
        return Some(format!("min by (run) (min_over_time(({started})[{lookback}s:10s]))"));
    }
    let run = format!("run={}", quote(params.run?));
    let last =
        |by: &str, metric: &str| format!("max by ({by}) (last_over_time(sretool_load_{metric}{{{run}}}[{lookback}s]))");
    // A push a second: five of them make a rate, and no chart's step may be longer than its window.
    let (window, step) = (params.step_s.max(5), params.step_s.max(1));
    let peak = |by: &str, metric: &str, more: &str| {
        format!("max by ({by}) (max_over_time(sretool_load_{metric}{{{run}{more}}}[{step}s]))")
    };
    let rate = |more: &str| format!("(rate(sretool_load_requests_total{{{run}{more}}}[{window}s]))");
    Some(match id {
        Q::LoadElapsed => last("run", "elapsed_seconds"),
        Q::LoadDuration => last("run", "duration_seconds"),
        Q::LoadTarget => last("run", "target_rps"),
        Q::LoadRequests => last("outcome", "requests_total"),
        Q::LoadInFlight => last("run", "in_flight"),
        Q::LoadPercentiles => last("quantile", "response_seconds"),
        Q::LoadLag => last("quantile", "lag_seconds"),
        Q::LoadThresholdOk => last("expr", "threshold_ok"),
        Q::LoadThresholdObserved => last("expr", "threshold_observed"),
        Q::LoadTargetOverTime => peak("run", "target_rps", ""),
        Q::LoadRateOverTime => format!("sum by (run) {}", rate("")),
        Q::LoadErrorsOverTime => format!("sum by (outcome) {}", rate(",outcome!=\"ok\"")),
        Q::LoadPercentilesOverTime => peak("quantile", "response_seconds", ""),
        _ => peak("quantile", "lag_seconds", ",quantile=\"0.99\""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_escape_their_quotes() {
        let params = Params { service: Some("a\"} or vector(1) #\\"), ..Params::default() };
        let expr = expression(Q::RouteRate, &params).unwrap();
        assert!(expr.contains(r#"service="a\"} or vector(1) #\\""#), "{expr}");
    }

    #[test]
    fn windows_cover_the_step() {
        let expr =
            |step_s| expression(Q::RateByService, &Params { step_s, window_s: 60, ..Params::default() }).unwrap();
        assert!(expr(5).contains("[60s]"));
        assert!(expr(300).contains("[300s]"));
    }

    #[test]
    fn errors_are_a_ratio_only_where_there_are_requests() {
        let expr = expression(Q::ErrorRatio, &Params::default()).unwrap();
        assert!(expr.ends_with("> 0)") && expr.contains("or 0 *"), "{expr}");
    }
}
