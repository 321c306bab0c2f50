//! Expositions read one after the other.

use super::*;
use crate::server::relabel::{Action, Relabel};
use tsdb::exposition::Format;

fn cache_with(settings: ScrapeSettings) -> SeriesCache {
    SeriesCache::new(&Target { settings: Arc::new(settings), ..Target::new("api", "h:1", "/metrics") })
}

fn cache() -> SeriesCache {
    cache_with(ScrapeSettings::default())
}

/// A good scrape: samples as `series value`, without the target's labels.
#[track_caller]
fn read(cache: &mut SeriesCache, body: &str, at: i64) -> Vec<String> {
    let (outcome, error) = cache.read(&Body { text: body.to_owned(), format: Format::Text }, at);
    assert!(error.is_none(), "{error:?}");
    shown(&outcome.samples)
}

/// A broken scrape: what it ends, and why.
fn broken(cache: &mut SeriesCache, body: &str, at: i64) -> (Vec<String>, String) {
    let (outcome, error) = cache.read(&Body { text: body.to_owned(), format: Format::Text }, at);
    (shown(&outcome.samples), error.map(|e| e.to_string()).unwrap_or_default())
}

fn shown(samples: &Samples) -> Vec<String> {
    let mut lines: Vec<_> = samples
        .iter()
        .map(|(labels, t, v)| {
            let value = if promql::is_stale(*v) { "stale".to_owned() } else { v.to_string() };
            format!("{} {value} @{t}", labels.without(|n| n == "job" || n == "instance"))
        })
        .collect();
    lines.sort();
    lines
}

/// Scraped, after relabelling, added.
fn counts(cache: &SeriesCache) -> [usize; 3] {
    [cache.counts.scraped, cache.counts.kept, cache.counts.added]
}

#[test]
fn a_vanished_series_ends_once() {
    let mut cache = cache();
    assert_eq!(read(&mut cache, "a 1\nb 2\n", 10), ["a 1 @10", "b 2 @10"]);
    assert_eq!(read(&mut cache, "a 1\n", 20), ["a 1 @20", "b stale @20"]);
    assert_eq!(read(&mut cache, "a 1\n", 30), ["a 1 @30"]);
    assert_eq!(read(&mut cache, "a 1\nb 3\n", 40), ["a 1 @40", "b 3 @40"]);
}

#[test]
fn a_failure_ends_all_but_those_with_their_own_time() {
    let mut cache = cache();
    read(&mut cache, "a 1\nb 2 5\n", 10);
    assert_eq!(shown(&cache.fail(20).samples), ["a stale @20"]);
    assert_eq!(shown(&cache.fail(30).samples), Vec::<String>::new());
    let settings = ScrapeSettings { track_timestamps_staleness: true, ..Default::default() };
    let mut tracking = cache_with(settings);
    assert_eq!(read(&mut tracking, "b 2 5\n", 10), ["b 2 @5"]);
    assert_eq!(shown(&tracking.fail(20).samples), ["b stale @20"]);
    let mut ignoring = cache_with(ScrapeSettings { ignore_timestamps: true, ..Default::default() });
    assert_eq!(read(&mut ignoring, "b 2 5\n", 10), ["b 2 @10"]);
    assert_eq!(shown(&ignoring.fail(20).samples), ["b stale @20"]);
}

#[test]
fn series_before_a_break_end_one_scrape_later() {
    let mut cache = cache();
    read(&mut cache, "a 1\nb 2\n", 10);
    let (ended, error) = broken(&mut cache, "a 1\nc 1\nb {\n", 20);
    assert_eq!(ended, ["b stale @20"]);
    assert!(error.starts_with("line 3"), "{error}");
    assert_eq!(counts(&cache), [2, 2, 1]);
    assert_eq!(shown(&cache.fail(30).samples), ["a stale @30", "c stale @30"]);
}

#[test]
fn the_report_counts_new_series() {
    let mut cache = cache();
    read(&mut cache, "a 1\nb 2\n", 10);
    assert_eq!(
        shown(&cache.report(10, Duration::from_millis(1500), true)),
        [
            "scrape_duration_seconds 1.5 @10",
            "scrape_samples_post_metric_relabeling 2 @10",
            "scrape_samples_scraped 2 @10",
            "scrape_series_added 2 @10",
            "up 1 @10"
        ]
    );
    read(&mut cache, "a 1\nc 2\n", 20);
    assert_eq!(counts(&cache), [2, 2, 1]);
    cache.fail(30);
    assert_eq!(counts(&cache), [0, 0, 0]);
    assert!(shown(&cache.report(30, Duration::ZERO, false)).contains(&"up 0 @30".to_owned()));
    read(&mut cache, "a 1\nc 2\n", 40);
    assert_eq!(counts(&cache), [2, 2, 0], "what is back after a failure is not new");
}

#[test]
fn relabelling_drops_and_renames() {
    let names = |action, regex: &str| {
        Relabel::new(action, vec!["__name__".into()], "__name__").unwrap().with_regex(regex).unwrap()
    };
    let rules = vec![names(Action::Drop, "b"), names(Action::Replace, "c").with_replacement("d")];
    let mut cache = cache_with(ScrapeSettings { metric_relabel: rules, ..Default::default() });
    assert_eq!(read(&mut cache, "a 1\nb 2\nc 3\n", 10), ["a 1 @10", "d 3 @10"]);
    assert_eq!(counts(&cache), [3, 2, 2]);
    let nameless = Relabel::new(Action::LabelDrop, vec![], "").unwrap().with_regex("__name__").unwrap();
    let mut cache = cache_with(ScrapeSettings { metric_relabel: vec![nameless], ..Default::default() });
    assert!(broken(&mut cache, "a 1\n", 10).1.contains("missing metric name"));
}

#[test]
fn limits_fail_the_whole_scrape() {
    let mut cache = cache_with(ScrapeSettings { sample_limit: 2, ..Default::default() });
    read(&mut cache, "a 1\nb 2\n", 10);
    let (ended, error) = broken(&mut cache, "a 1\nb 2\nc 3\nd 4\n", 20);
    assert_eq!((ended, counts(&cache)), (Vec::new(), [4, 4, 0]));
    assert_eq!(error, "sample limit exceeded: more than 2 samples; raise sample_limit or drop some by relabelling");
    for settings in [
        ScrapeSettings { label_limit: 3, ..Default::default() },
        ScrapeSettings { label_name_length_limit: 8, ..Default::default() },
        ScrapeSettings { label_value_length_limit: 3, ..Default::default() },
    ] {
        let (_, error) = broken(&mut cache_with(settings), "a{long_name=\"long value\"} 1\n", 10);
        assert!(error.contains("exceeded"), "{error}");
    }
}

#[test]
fn samples_far_ahead_are_left_out() {
    let mut cache = cache();
    let body = format!("a 1 {}\nb 1 {}\n", 10 + FUTURE_MS, 11 + FUTURE_MS);
    assert_eq!(read(&mut cache, &body, 10), [format!("a 1 @{}", 10 + FUTURE_MS)]);
    assert_eq!(counts(&cache), [2, 2, 1]);
}

#[test]
fn a_removed_target_ends_with_its_own_series() {
    let mut cache = cache();
    read(&mut cache, "a 1\n", 10);
    let ended = shown(&cache.remove(20));
    assert_eq!(ended.len(), 6);
    assert!(ended.contains(&"a stale @20".into()) && ended.contains(&"up stale @20".into()), "{ended:?}");
}

#[test]
fn exemplars_stay_with_their_series() {
    let body = "# TYPE x counter\nx_total 1 # {trace_id=\"t\"} 0.5\n# EOF\n";
    let body = Body { text: body.to_owned(), format: Format::OpenMetrics };
    let (outcome, _) = cache().read(&body, 10);
    let (series, exemplar) = &outcome.exemplars[0];
    assert_eq!(series.get("job"), "api");
    assert_eq!((exemplar.labels.get("trace_id"), exemplar.value), ("t", 0.5));
    assert!(outcome.metadata.contains_key("x"), "{:?}", outcome.metadata);
}
