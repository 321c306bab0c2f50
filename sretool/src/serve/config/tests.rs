//! Configurations and what becomes of them.

use super::*;

fn good(text: &str) -> Config {
    parse("p.yml", text, Path::new("folder")).unwrap()
}

#[track_caller]
fn check_bad(text: &str, expected: &str) {
    let error = parse("p.yml", text, Path::new("")).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn an_empty_file_says_nothing() {
    let config = good("");
    assert!(config.targets.is_empty() && config.scrape_interval.is_none());
}

#[test]
fn everything_at_the_top() {
    let config = good(
        "global: {scrape_interval: 15s, evaluation_interval: 1m, external_labels: {cluster: eu}}\n\
         rule_files: ['rules/*.yml', /abs.yml]\n\
         alerting: {alertmanagers: [{static_configs: [{targets: ['a:1', 'b:2']}]}, \
         {scheme: https, path_prefix: /am/, static_configs: [{targets: ['c:3']}]}]}\n\
         storage: {tsdb: {out_of_order_time_window: 30m}}\n",
    );
    let seconds = |duration: Option<Duration>| duration.map(|d| d.as_secs());
    assert_eq!((seconds(config.scrape_interval), seconds(config.eval_interval)), (Some(15), Some(60)));
    assert_eq!(seconds(config.out_of_order), Some(1800));
    assert_eq!(config.external_labels, Labels::new([("cluster", "eu")]));
    assert_eq!(config.rule_files, ["folder/rules/*.yml", "/abs.yml"]);
    assert_eq!(config.alertmanagers, ["http://a:1", "http://b:2", "https://c:3/am"]);
}

#[test]
fn targets_with_their_settings() {
    let config = good(
        "global: {scrape_timeout: 5s, sample_limit: 7}\n\
         scrape_configs:\n\
         - job_name: api\n  scrape_interval: 30s\n  metrics_path: /m\n  scheme: https\n  honor_labels: true\n  \
           honor_timestamps: false\n  params: {module: [x, y]}\n  body_size_limit: 2KB\n  label_limit: 9\n  \
           authorization: {credentials: token}\n  \
           static_configs: [{targets: ['h:1', 'h'], labels: {zone: a}}]\n\
         - job_name: plain\n  sample_limit: 0\n  basic_auth: {username: u, password: p}\n  \
           static_configs: [{targets: ['h:2']}]\n",
    );
    let [first, second, plain] = config.targets.as_slice() else { panic!("{:?}", config.targets) };
    assert_eq!(first.url, "https://h:1/m?module=x");
    assert_eq!(first.labels, Labels::new([("job", "api"), ("instance", "h:1"), ("zone", "a")]));
    assert_eq!(first.discovered.get("__scrape_interval__"), "30s");
    assert_eq!((second.url.as_str(), second.labels.get("instance")), ("https://h/m?module=x", "h:443"));
    let settings = &first.settings;
    assert_eq!((settings.interval, settings.timeout), (Some(Duration::from_secs(30)), Some(Duration::from_secs(5))));
    assert!(settings.honor_labels && settings.ignore_timestamps && !settings.track_timestamps_staleness);
    assert_eq!((settings.body_size_limit, settings.sample_limit, settings.label_limit), (Some(2048), 7, 9));
    assert_eq!(settings.authorization, Some(crate::server::Credentials::new("Bearer token".into())));
    assert_eq!(plain.url, "http://h:2/metrics");
    assert_eq!((plain.settings.sample_limit, plain.settings.interval), (0, None));
    assert_eq!(plain.settings.authorization, Some(crate::server::Credentials::new("Basic dTpw".into())));
}

#[test]
fn relabelling_changes_and_drops_targets() {
    let config = good(
        "scrape_configs:\n- job_name: api\n  static_configs: [{targets: ['a:1', 'b:2']}]\n  relabel_configs:\n  \
         - {source_labels: [__address__], regex: 'b:.*', action: drop}\n  \
         - {source_labels: [__address__], regex: '(.*):.*', target_label: instance}\n  \
         - {target_label: __metrics_path__, replacement: /other}\n  \
         metric_relabel_configs: [{regex: x, action: labeldrop}]\n",
    );
    assert_eq!(config.targets.len(), 1);
    assert_eq!((config.targets[0].url.as_str(), config.targets[0].labels.get("instance")), ("http://a:1/other", "a"));
    assert_eq!(config.targets[0].settings.metric_relabel.len(), 1);
    assert_eq!((config.dropped[0].0.as_str(), config.dropped[0].1.get("__address__")), ("api", "b:2"));
}

#[test]
fn secrets_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "from file\n").unwrap();
    let text = "scrape_configs: [{job_name: a, authorization: {type: T, credentials_file: token}, \
                static_configs: [{targets: ['h:1']}]}]";
    let config = parse("p.yml", text, folder.path()).unwrap();
    assert_eq!(config.targets[0].settings.authorization, Some(crate::server::Credentials::new("T from file".into())));
    check_bad(&text.replace("token", "none"), "p.yml:1:75: `none` cannot be read");
}

#[test]
fn mistakes_name_their_place() {
    check_bad("globl: {}", "p.yml:1:1: the key `globl` is unknown here; did you mean `global`?");
    check_bad("global: {scrape_interval: soon}", "p.yml:1:27: `scrape_interval`: `soon` is no duration");
    check_bad("scrape_configs: [{job_name: a, remote: x}]", "the key `remote` is unknown here");
    check_bad("scrape_configs: [{job_name: a}, {job_name: a}]", "p.yml:1:44: the job `a` is there twice");
    check_bad("scrape_configs: [{}]", "`job_name` is missing");
    check_bad("scrape_configs: 5", "p.yml:1:17: this is no configuration of Prometheus");
    let job = |rest: &str| format!("scrape_configs: [{{job_name: a, {rest}}}]");
    check_bad(&job("body_size_limit: big"), "`big` is no size");
    check_bad(&job("scrape_interval: 1s, scrape_timeout: 2s"), "longer than the interval");
    check_bad(&job("relabel_configs: [{action: hashmod}]"), "the action `hashmod` is unknown here; there are replace,");
    check_bad(&job("relabel_configs: [{regex: '('}]"), "target_label");
    check_bad(&job("relabel_configs: [{regex: '(', target_label: x}]"), "`(` is no regular expression");
    check_bad(&job("target_limit: 1, static_configs: [{targets: ['h:1', 'h:2']}]"), "2 targets");
    check_bad(&job("static_configs: [{targets: ['a b:1']}]"), "cannot be scraped");
    let both = "global: {scrape_interval: x, evaluation_interval: y}";
    assert_eq!(parse("p", both, Path::new("")).unwrap_err().lines().count(), 2, "all problems come at once");
}

#[test]
fn sizes_count_in_powers_of_1024() {
    for (text, expected) in [
        ("0", Some(0)),
        ("12", Some(12)),
        ("1KB", Some(1024)),
        ("2MiB", Some(2 << 20)),
        ("3 gb", Some(3 << 30)),
        ("", None),
        ("KB", None),
        ("1.5MB", None),
        ("1XB", None),
        ("99999999999999999999", None),
        ("99999999999TB", None),
    ] {
        assert_eq!(parse_bytes(text), expected, "{text}");
    }
}
