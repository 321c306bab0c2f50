use super::replay::{Firing, Replay};
use super::*;
use clap::Parser;
use std::fmt::Write as _;
use std::process::Command;

const MINUTE: i64 = 60_000;

/// Minutes of traffic.
const END: i64 = 540;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn document(extra: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: availability\n{extra}spec:\n  service: shop\n  \
         timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
         objectives: [{{target: 0.99}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      ratioMetric:\n        \
         counter: true\n        bad: {{metricSource: {{spec: {{query: errors_total}}}}}}\n        \
         total: {{metricSource: {{spec: {{query: requests_total}}}}}}\n"
    )
}

/// Requests and failures of a minute, of which each cluster has its own: an outage, a slow burn with a restart in
/// the midst of it, an idle hour and a burst. Only the first cluster fails.
fn traffic(minute: i64, cluster: usize) -> (i64, i64) {
    let requests = if (350..380).contains(&minute) { 0 } else { 1_000 };
    let percent = match minute {
        60..90 => 60,
        150..330 => 5,
        400..404 => 90,
        460.. => 30,
        _ => 0,
    };
    (requests, if cluster == 0 { requests * percent / 100 } else { 0 })
}

/// The counters of a cluster, minute by minute.
fn counters(cluster: usize) -> [Vec<i64>; 2] {
    let (mut requests, mut errors) = (vec![0], vec![0]);
    for minute in 0..END {
        let (more, bad) = traffic(minute, cluster);
        let restarted = minute == 240;
        for (counter, add) in [(&mut requests, more), (&mut errors, bad)] {
            let last = if restarted { 0 } else { counter[counter.len() - 1] };
            counter.push(last + add);
        }
    }
    [requests, errors]
}

fn openmetrics() -> String {
    let mut text = String::new();
    for (which, name) in ["requests", "errors"].into_iter().enumerate() {
        writeln!(text, "# TYPE {name} counter").unwrap();
        for cluster in 0..2 {
            for (minute, value) in counters(cluster)[which].iter().enumerate() {
                writeln!(text, "{name}_total{{cluster=\"{cluster}\"}} {value} {}", minute * 60).unwrap();
            }
        }
    }
    text + "# EOF\n"
}

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("slo.yaml"), document(extra)).unwrap();
        std::fs::write(folder.path().join("metrics.txt"), openmetrics()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self.path(name)
    }

    /// Runs `sretool slo backtest` over the file and returns its status, standard output and standard error.
    fn run(&self, more: &[&str]) -> (ExitCode, String, String) {
        let (slo, metrics) = (self.path("slo.yaml"), self.path("metrics.txt"));
        let fixed = ["backtest", &slo, "--openmetrics", &metrics];
        let line = Line::try_parse_from(fixed.iter().chain(more)).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&line.args, &mut Io { out: &mut out, err: &mut err, terminal: false });
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    fn json(&self, more: &[&str]) -> serde_json::Value {
        let (code, out, err) = self.run(&[more, &["--format", "json"]].concat());
        assert_eq!((code, err.as_str()), (exit::good(), ""));
        serde_json::from_str(&out).unwrap()
    }
}

/// Groups of rules without annotations and intervals: promtool compares the one, and takes no notice of the other.
fn bare_rules(catalog: &Catalog) -> (String, Vec<String>) {
    let options = Options { style: Style::Exact, ..Options::new("1") };
    let mut file = slo::generate(&catalog.slos, &options).unwrap();
    for group in &mut file.groups {
        group.interval = None;
        for rule in &mut group.rules {
            if let slo::Action::Alert { annotations, .. } = &mut rule.action {
                annotations.clear();
            }
        }
    }
    let names = file.groups.iter().map(|group| group.name.clone()).collect();
    (file.to_string(), names)
}

fn replay(folder: &Folder, rules: &str) -> Vec<Firing> {
    let Source::Local(local) = Source::from_openmetrics(Path::new(&folder.path("metrics.txt"))).unwrap() else {
        panic!("a file is local");
    };
    let storage = local.storage();
    let replay = Replay { rules, base: &*storage, from: 0, to: END * MINUTE, interval_ms: MINUTE, compat: "2.42" };
    replay.run().unwrap()
}

/// A promtool test that names, for every alert and every minute, exactly the alerts that the replay had firing.
fn promtool_test(firings: &[Firing], alerts: &[String], groups: &[String]) -> String {
    let mut text = String::from("rule_files: [rules.yaml]\nevaluation_interval: 1m\n");
    writeln!(text, "group_eval_order: {}", serde_json::to_string(groups).unwrap()).unwrap();
    text += "tests:\n- interval: 1m\n  input_series:\n";
    for (which, name) in ["requests_total", "errors_total"].into_iter().enumerate() {
        for cluster in 0..2 {
            let values: Vec<_> = counters(cluster)[which].iter().map(ToString::to_string).collect();
            writeln!(text, "  - series: '{name}{{cluster=\"{cluster}\"}}'\n    values: '{}'", values.join(" "))
                .unwrap();
        }
    }
    text += "  alert_rule_test:\n";
    for alert in alerts {
        for minute in 0..=END {
            let now = minute * MINUTE;
            let fires =
                |f: &&Firing| f.alert == *alert && f.fired_ms <= now && f.ended_ms.is_none_or(|ended| now < ended);
            let expected: Vec<_> = firings
                .iter()
                .filter(fires)
                .map(|firing| {
                    let labels: BTreeMap<_, _> =
                        firing.labels.iter().filter(|(name, _)| *name != "alertname").collect();
                    serde_json::json!({ "exp_labels": labels })
                })
                .collect();
            let expected = serde_json::to_string(&expected).unwrap();
            writeln!(text, "  - {{eval_time: {minute}m, alertname: {alert}, exp_alerts: {expected}}}").unwrap();
        }
    }
    text
}

/// The oracle is the rule evaluator of Prometheus 2.42 itself, in `promtool test rules`, at every minute: recording
/// rules, `for` and all.
#[test]
fn alerts_fire_and_end_at_the_minute_at_which_prometheus_says_so() {
    for extra in ["", "  annotations: {sretool.dev/group-by: cluster}\n"] {
        let folder = Folder::new(extra);
        let catalog = Catalog::load([("slo.yaml", document(extra).as_str())]);
        let (rules, groups) = bare_rules(&catalog);
        let firings = replay(&folder, &rules);
        let severities: std::collections::BTreeSet<_> = firings.iter().map(|f| f.labels["severity"].as_str()).collect();
        assert!(severities.contains("page") && severities.contains("ticket"), "{firings:?}");
        let ended = firings.iter().filter(|firing| firing.ended_ms.is_some()).count();
        assert!(ended > 0 && ended < firings.len(), "some end and some do not: {firings:?}");
        let mut alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        alerts.sort_unstable();
        alerts.dedup();
        let alerts: Vec<_> = alerts.into_iter().map(str::to_owned).collect();
        folder.write("rules.yaml", &rules);
        let test = folder.write("test.yaml", &promtool_test(&firings, &alerts, &groups));
        let output = match Command::new("promtool").args(["test", "rules", &test]).output() {
            Ok(output) => output,
            Err(error) => {
                println!("skipped: promtool cannot be run: {error}");
                return;
            }
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}", said.chars().take(4_000).collect::<String>());
        // An alert that fires a minute later must make it fail, or nothing was compared.
        let mut later = firings.clone();
        later[0].fired_ms += MINUTE;
        let test = folder.write("test.yaml", &promtool_test(&later, &alerts, &groups));
        let output = Command::new("promtool").args(["test", "rules", &test]).output().unwrap();
        assert!(!output.status.success());
    }
}

const INCIDENTS: &str = "incidents:\n\
    - {name: outage, slo: shop-availability, start: '1970-01-01T01:00:00Z', end: '1970-01-01T01:30:00Z'}\n\
    - {name: nobody-noticed, start: '1970-01-01T00:10:00Z', end: '1970-01-01T00:20:00Z'}\n";

#[test]
fn episodes_are_held_against_incidents_and_sets_of_windows_compared() {
    let folder = Folder::new("");
    let incidents = folder.write("incidents.yaml", INCIDENTS);
    let windows = "conditions:\n- {severity: page, shortWindow: 5m, longWindow: 1h, factor: 40, minimumFailedEvents: 5}\n\
                   hold: {page: 2m, ticket: 15m}\n";
    let rare = folder.write("rare.yaml", windows);
    let often = folder.write("often.yaml", &windows.replace("factor: 40", "factor: 2"));
    let result = folder.json(&[
        "--interval",
        "5m",
        "--patience",
        "30m",
        "--incidents",
        &incidents,
        "--windows",
        &often,
        "--windows",
        &rare,
    ]);
    let [a, b] = [&result["sets"][0], &result["sets"][1]];
    assert_eq!((&a["score"]["recall"], &b["counts"]["page"]), (&0.5.into(), &serde_json::Value::Null), "{result}");
    let first = &a["episodes"][0];
    assert_eq!((&first["incidents"][0], &first["severity"]), (&"outage".into(), &"page".into()));
    assert!(first["error_budget_remaining"].as_f64().unwrap() < 1.0);
    let delay = a["score"]["detections"][0]["delay_s"].as_f64().unwrap();
    assert!((60.0..1_800.0).contains(&delay), "{delay}");
    let (_, text, _) = folder.run(&[
        "--interval",
        "5m",
        "--patience",
        "30m",
        "--incidents",
        &incidents,
        "--windows",
        &often,
        "--windows",
        &rare,
    ]);
    assert!(text.contains("mean delay") && text.contains("nobody-noticed at 1970-01-01T00:10:00Z: no alert"), "{text}");
    let (code, _, err) =
        folder.run(&["--interval", "5m", "--patience", "30m", "--incidents", &incidents, "--min-recall", "0.9"]);
    assert_eq!(code, exit::failed());
    assert!(err.contains("a recall of 0.50 is below 0.9"), "{err}");
}

#[test]
fn groups_have_episodes_of_their_own() {
    let folder = Folder::new("  annotations: {sretool.dev/group-by: cluster}\n");
    let result = folder.json(&["--interval", "5m"]);
    let episodes = result["sets"][0]["episodes"].as_array().unwrap();
    assert!(!episodes.is_empty() && episodes.iter().all(|episode| episode["group"]["cluster"] == "0"), "{result}");
    let (_, text, _) = folder.run(&["--interval", "5m"]);
    assert!(text.contains("{cluster=0}"), "{text}");
}

#[test]
fn wrong_input_exits_2_and_no_data_3() {
    let folder = Folder::new("");
    let bad = folder.write("bad.yaml", "incidents:\n- {name: a, start: yesterday, end: today}\n");
    let (code, _, err) = folder.run(&["--incidents", &bad]);
    assert_eq!(code, exit::invalid());
    assert!(err.contains("bad.yaml:2:20: error: no time: \"yesterday\"; write it as"), "{err}");
    let (code, _, err) = folder.run(&["--windows", "no/such.yaml"]);
    assert!(code == exit::invalid() && err.contains("no/such.yaml"), "{err}");
    let (code, ..) = folder.run(&["--windows", &bad]);
    assert_eq!(code, exit::invalid());
    let (code, _, err) = folder.run(&["--from", "5000", "--to", "4000"]);
    assert!(code == exit::invalid() && err.contains("is not after the begin"), "{err}");
    folder.write("metrics.txt", "# TYPE other counter\nother_total 1 100\n# EOF\n");
    let (code, _, err) = folder.run(&[]);
    assert!(code == exit::no_judgement() && err.contains("no data of these objectives"), "{err}");
}
