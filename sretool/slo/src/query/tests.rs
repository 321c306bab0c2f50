use super::*;
use proptest::prelude::*;

#[track_caller]
fn over_an_hour(query: &str, form: QueryForm) -> String {
    EventQuery::new(query, form, &[]).unwrap().over(Window::hours(1))
}

fn tenants() -> Vec<String> {
    vec!["cluster".to_owned(), "tenant".to_owned()]
}

#[test]
fn selectors_are_wrapped() {
    assert_eq!(over_an_hour("jobs_total", QueryForm::Counter), "sum(increase(jobs_total[1h]))");
    assert_eq!(
        over_an_hour(" http_requests_total{status=~\"5..\", route!=\"{{x\"}\n", QueryForm::Counter),
        "sum(increase(http_requests_total{status=~\"5..\", route!=\"{{x\"}[1h]))"
    );
    assert_eq!(over_an_hour("jobs", QueryForm::Delta), "sum(sum_over_time(jobs[1h]))");
    assert_eq!(over_an_hour("probe_success", QueryForm::Samples), "sum(count_over_time(probe_success[1h]))");
}

#[test]
fn templates_are_filled_and_summed_once() {
    assert_eq!(over_an_hour("increase(a[{{ .window }}])", QueryForm::Counter), "sum(increase(a[1h]))");
    assert_eq!(over_an_hour("sum(increase(a[$window]))", QueryForm::Counter), "sum(increase(a[1h]))");
    let twice = "sum(increase(a[{{.window}}])) + sum(increase(b[$window]))";
    assert_eq!(over_an_hour(twice, QueryForm::Counter), "sum(sum(increase(a[1h])) + sum(increase(b[1h])))");
    assert!(is_one_sum(r#"sum(a{x=")\")"})"#) && !is_one_sum("sum(a) by (b)") && !is_one_sum("sum(a"));
    let ratio = "1 - avg_over_time(ok[{{.window}}])";
    assert_eq!(over_an_hour(ratio, QueryForm::Ratio), "1 - avg_over_time(ok[1h])");
}

#[test]
fn groups_are_kept() {
    let grouped =
        |query: &str, form| EventQuery::new(query, form, &tenants()).map(|query| query.over(Window::hours(1)));
    assert_eq!(grouped("a_total", QueryForm::Counter).unwrap(), "sum by (cluster, tenant) (increase(a_total[1h]))");
    assert_eq!(
        grouped("sum by (tenant, cluster) (increase(a[$window]))", QueryForm::Counter).unwrap(),
        "sum by (cluster, tenant) (sum by (tenant, cluster) (increase(a[1h])))"
    );
    let error = grouped("sum(increase(a[$window]))", QueryForm::Counter).unwrap_err();
    assert!(error.to_string().contains("cluster, tenant"), "{error}");
    assert_eq!(error.remedy().as_deref(), Some("write sum by (cluster, tenant) (...)"));
}

#[test]
fn classic_histograms_are_read_through_their_buckets_however_the_bound_is_written() {
    let classic = |query: &str, le| over_an_hour(query, QueryForm::Histogram(HistogramUse { native: false, le }));
    assert_eq!(
        classic("rpc_seconds{job=\"a\"}", Some(0.2)),
        "sum(increase(rpc_seconds_bucket{job=\"a\", le=~\"0\\\\.2\"}[1h]))"
    );
    assert_eq!(classic("rpc_seconds", Some(30.0)), "sum(increase(rpc_seconds_bucket{le=~\"30(\\\\.0)?\"}[1h]))");
    assert_eq!(classic("rpc_seconds", None), "sum(increase(rpc_seconds_count[1h]))");
    for bad in ["rate(a[5m])", "{job=\"a\"}", "a_bucket", "sum(increase(a[$window]))"] {
        let form = QueryForm::Histogram(HistogramUse { native: true, le: None });
        assert!(matches!(EventQuery::new(bad, form, &[]), Err(QueryError::NotAHistogram)), "{bad}");
    }
}

#[test]
fn native_histograms_are_asked_for_a_fraction() {
    let native = |le| over_an_hour("rpc_seconds{job=\"a\"}", QueryForm::Histogram(HistogramUse { native: true, le }));
    assert_eq!(native(None), "histogram_count(sum(increase(rpc_seconds{job=\"a\"}[1h])))");
    let increase = "sum(increase(rpc_seconds{job=\"a\"}[1h]))";
    assert_eq!(
        native(Some(0.2)),
        format!("(histogram_fraction(0, 0.2, {increase}) * histogram_count({increase})) >= 0")
    );
}

#[test]
fn values_are_looked_at_once_a_minute() {
    let [good, all] = EventQuery::threshold("queue_depth", Operator::Lte, 100.0, &[]).unwrap();
    assert_eq!(good.over(Window::hours(1)), "sum(sum_over_time((((queue_depth) >= -Inf) <= bool 100)[1h:1m]))");
    assert_eq!(all.over(Window::hours(1)), "sum(count_over_time(((queue_depth) >= -Inf)[1h:1m]))");
    let [_, all] = EventQuery::threshold("max by (tenant) (lag)", Operator::Lt, 1.5, &tenants()[1..]).unwrap();
    assert!(all.over(Window::hours(1)).starts_with("sum by (tenant) (count_over_time("));
    let error = EventQuery::threshold("rate(a[$window])", Operator::Lt, 1.0, &[]).unwrap_err();
    assert!(error.remedy().unwrap().contains("[5m]"), "{error}");
}

#[test]
fn tiles_telescope_and_read_the_same_series() {
    let query = EventQuery::new("a_total{x=\"1\"}", QueryForm::Counter, &[]).unwrap();
    let tile = query.tile(Window::minutes(5));
    promql::parse(&tile).unwrap();
    assert!(tile.contains("a_total{x=\"1\"} - a_total{x=\"1\"} offset 5m"), "{tile}");
    assert_eq!(query.selectors(), ["a_total{x=\"1\"}"]);
    let template = EventQuery::new("increase(a[$window]) + increase(b[$window])", QueryForm::Counter, &[]).unwrap();
    assert_eq!(template.tile(Window::hours(1)), template.over(Window::hours(1)));
    assert_eq!(template.selectors(), ["a", "b"]);
}

#[test]
fn what_cannot_be_used_says_why() {
    let error = |query: &str, form| EventQuery::new(query, form, &[]).unwrap_err().to_string();
    assert!(error("sum(jobs_total)", QueryForm::Counter).contains("neither a bare selector"));
    assert!(error("jobs_total{", QueryForm::Counter).contains("not valid PromQL"));
    assert!(error("sum(rate(a[{{.window}}]))", QueryForm::Counter).contains("events a second"));
    assert!(error("a[{{.interval}}]", QueryForm::Counter).contains("{{.interval}}"));
    assert!(error("a", QueryForm::Ratio).contains("must name its window"));
    assert!(EventQuery::new("my_rate(", QueryForm::Ratio, &[]).is_err());
    assert!(!calls("request_rate (x)", "rate") && calls("1 - rate (x)", "rate"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splitting_loses_nothing(query in "[a-z{}$. é]{0,30}") {
        if let Ok(pieces) = split_at_windows(&query)
            && let [whole] = pieces.as_slice()
        {
            prop_assert_eq!(whole, &query);
        }
    }

    #[test]
    fn every_query_that_is_accepted_is_valid_over_any_window(minutes in 1_u64..1_000_000, le in 0.001_f64..100.0) {
        let native = QueryForm::Histogram(HistogramUse { native: true, le: Some(le) });
        let classic = QueryForm::Histogram(HistogramUse { native: false, le: Some(le) });
        for form in [native, classic, QueryForm::Counter, QueryForm::Delta, QueryForm::Samples] {
            let query = EventQuery::new("a{b=\"c\"}", form, &tenants()).unwrap();
            for text in [query.over(Window::minutes(minutes)), query.tile(Window::minutes(minutes))] {
                prop_assert!(parse(&text).is_ok(), "{text}");
            }
        }
    }
}
