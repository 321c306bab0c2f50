//! `sretool alerts route`: who would hear of an alert, without an Alertmanager.

use crate::exit;
use crate::io::Io;
use alerts::route::{Config, Destination, Muted, Route};
use chrono::{DateTime, Utc};
use promql::Labels;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `sretool alerts route`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labels of the alert, as name=value; none prints the tree of routes
    #[arg(value_name = "LABEL=VALUE")]
    labels: Vec<String>,
    /// Alertmanager's configuration
    #[arg(long, value_name = "FILE", default_value = "alerts/alertmanager.yml")]
    config: PathBuf,
    /// The time to look at, RFC 3339 or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Another alert that fires and may inhibit this one: name=value,name=value
    #[arg(long, value_name = "LABELS")]
    firing: Vec<String>,
    /// Check the expectations of a file instead: a list of {labels, receivers, firing, at, muted, inhibited}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["labels", "firing", "at"])]
    tests: Option<PathBuf>,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// 0 when done, 1 when an expectation of `--tests` is not met, 2 for unreadable files or labels.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match answer(args, io) {
        Ok(true) => exit::good(),
        Ok(false) => exit::failed(),
        Err(message) => {
            io.note(message);
            exit::invalid()
        }
    }
}

fn answer(args: &Args, io: &mut Io<'_>) -> Result<bool, String> {
    let config = read(&args.config)?;
    if let Some(path) = &args.tests {
        return check(&config, path, io);
    }
    if args.labels.is_empty() {
        tree(&config.root, 0, io);
        return Ok(true);
    }
    let labels = args.labels.iter().map(|text| pair(text)).collect::<Result<Labels, _>>()?;
    let firing = args.firing.iter().map(|text| pairs(text)).collect::<Result<Vec<_>, _>>()?;
    let at = args.at.as_deref().map_or_else(|| Ok(Utc::now()), time)?;
    let destinations = config.destinations(&labels, at);
    let inhibited = config.inhibited(&labels, &firing);
    if args.format == Format::Json {
        let inhibited = inhibited.map(|(rule, source)| json!({"rule_line": rule.line, "by": source.to_string()}));
        let routes: Vec<_> = destinations.iter().map(destination_json).collect();
        io.line(json!({"labels": labels.to_string(), "at": at.to_rfc3339(), "routes": routes, "inhibited": inhibited}));
        return Ok(true);
    }
    for destination in &destinations {
        io.line(describe(destination));
    }
    if let Some((rule, source)) = inhibited {
        let file = args.config.display();
        io.line(format_args!("inhibited by {source} (rule at {file}:{}): nobody hears of it", rule.line));
    }
    Ok(true)
}

fn read(path: &Path) -> Result<Config, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    alerts::route::parse(&name, &text)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let bad = || format!("error: `{text}` is no label; write name=value");
    let (name, value) = text.split_once('=').ok_or_else(bad)?;
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    if promql::is_label_name(name) { Ok((name.to_owned(), value.to_owned())) } else { Err(bad()) }
}

fn pairs(text: &str) -> Result<Labels, String> {
    text.split(',').map(|part| pair(part.trim())).collect()
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let ms = crate::when::parse_time(text).map_err(|error| format!("error: --at: {error}"))?;
    DateTime::from_timestamp_millis(ms).ok_or_else(|| format!("error: --at: `{text}` is beyond the calendar"))
}

fn describe(destination: &Destination<'_>) -> String {
    let route = destination.route;
    let duration = rules::format_duration;
    let mut line = format!(
        "{}: grouped as {}, first after {}, changes after {}, repeated after {}",
        route.receiver,
        destination.group,
        duration(route.group_wait_ms),
        duration(route.group_interval_ms),
        duration(route.repeat_interval_ms)
    );
    match &destination.muted {
        Some(Muted::Interval(name)) => line.push_str(&format!("; muted now by {name}")),
        Some(Muted::NotActive) => {
            line.push_str(&format!("; muted now, being active only in {}", route.active_intervals.join(", ")));
        }
        None => {}
    }
    line
}

fn destination_json(destination: &Destination<'_>) -> serde_json::Value {
    let route = destination.route;
    let muted = destination.muted.as_ref().map(|muted| match muted {
        Muted::Interval(name) => name.clone(),
        Muted::NotActive => "not active".to_owned(),
    });
    json!({
        "receiver": route.receiver, "line": route.line, "group": destination.group.to_string(),
        "group_wait_s": seconds(route.group_wait_ms), "group_interval_s": seconds(route.group_interval_ms),
        "repeat_interval_s": seconds(route.repeat_interval_ms), "muted": muted,
    })
}

fn seconds(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "intervals are far below 2^53 ms")]
    let ms = ms as f64;
    ms / 1000.0
}

fn tree(route: &Route, depth: usize, io: &mut Io<'_>) {
    let matchers: Vec<_> = route.matchers.iter().map(ToString::to_string).collect();
    let matchers = if depth == 0 { "every alert".to_owned() } else { format!("{{{}}}", matchers.join(", ")) };
    let proceed = if route.proceed { ", then the next ones too" } else { "" };
    io.line(format_args!("{}{matchers} -> {}{proceed}", "  ".repeat(depth), route.receiver));
    for child in &route.routes {
        tree(child, depth + 1, io);
    }
}

/// What a line of a test file expects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    firing: Vec<BTreeMap<String, String>>,
    at: Option<String>,
    receivers: serde_saphyr::Spanned<Vec<String>>,
    muted: Option<bool>,
    inhibited: Option<bool>,
}

fn check(config: &Config, path: &Path, io: &mut Io<'_>) -> Result<bool, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let tests: Vec<Expectation> = serde_saphyr::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    let mut failed = 0;
    for test in &tests {
        let line = test.receivers.referenced.line();
        let at = test.at.as_deref().map_or_else(|| Ok(Utc::now()), time).map_err(|e| format!("{name}:{line}: {e}"))?;
        for message in unmet(config, test, at) {
            io.line(format_args!("{name}:{line}: {message}"));
            failed += 1;
        }
    }
    io.line(format_args!("{} expectations checked, {failed} not met", tests.len()));
    Ok(failed == 0)
}

fn unmet(config: &Config, test: &Expectation, at: DateTime<Utc>) -> Vec<String> {
    let labels: Labels = test.labels.iter().collect();
    let firing: Vec<Labels> = test.firing.iter().map(|labels| labels.iter().collect()).collect();
    let found = config.destinations(&labels, at);
    let receivers: Vec<_> = found.iter().map(|d| d.route.receiver.clone()).collect();
    let mut messages = Vec::new();
    if receivers != test.receivers.value {
        messages.push(format!("expected receivers {:?}, found {receivers:?}", test.receivers.value));
    }
    let muted = found.iter().all(|d| d.muted.is_some());
    if test.muted.is_some_and(|expected| expected != muted) {
        messages.push(format!("expected muted: {}, found {muted}", !muted));
    }
    let inhibited = config.inhibited(&labels, &firing).is_some();
    if test.inhibited.is_some_and(|expected| expected != inhibited) {
        messages.push(format!("expected inhibited: {}, found {inhibited}", !inhibited));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "receivers: [{name: a}, {name: b}]\nroute:\n  receiver: a\n  group_by: [alertname]\n  routes:\n  \
                          - {receiver: b, matchers: ['severity=\"page\"'], continue: true}\n  \
                          - {receiver: a, matchers: ['severity=~\"p.*\"']}\ninhibit_rules:\n\
                          - {source_matchers: [severity=page], target_matchers: [severity=ticket], equal: [service]}\n";

    fn asked(with: impl FnOnce(&Path, &mut Args)) -> (ExitCode, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("am.yml");
        std::fs::write(&config, CONFIG).unwrap();
        let mut args =
            Args { labels: Vec::new(), config, at: None, firing: Vec::new(), tests: None, format: Format::Text };
        with(folder.path(), &mut args);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&args, &mut Io { out: &mut out, err: &mut err, terminal: false });
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (code, text(out), text(err))
    }

    #[test]
    fn an_alert_goes_where_its_labels_say() {
        let (code, out, _) = asked(|_, args| args.labels = vec!["severity=page".into(), "alertname=X".into()]);
        assert_eq!(code, exit::good());
        let receivers: Vec<_> = out.lines().filter_map(|l| l.split(':').next()).collect();
        assert_eq!(receivers, ["b", "a"], "{out}");
        assert!(out.contains("grouped as {alertname=\"X\"}, first after 30s"), "{out}");
    }

    #[test]
    fn inhibition_is_told() {
        let (_, out, _) = asked(|_, args| {
            args.labels = vec!["severity=ticket".into(), "service=s".into()];
            args.firing = vec!["severity=page,service=s".into()];
        });
        assert!(out.contains("inhibited by {service=\"s\", severity=\"page\"}"), "{out}");
    }

    #[test]
    fn without_labels_the_tree_is_shown() {
        let (_, out, _) = asked(|_, _| {});
        assert_eq!(out.lines().count(), 3, "{out}");
        assert!(out.contains("  {severity=\"page\"} -> b, then the next ones too"), "{out}");
    }

    #[test]
    fn expectations_are_checked() {
        let tests = "- {labels: {severity: page}, receivers: [b, a]}\n- {labels: {severity: ticket, service: s}, \
                     firing: [{severity: page, service: s}], receivers: [a], inhibited: true}\n";
        let with = |text: String| {
            asked(move |folder, args| {
                std::fs::write(folder.join("t.yml"), text).unwrap();
                args.tests = Some(folder.join("t.yml"));
            })
        };
        let (code, out, err) = with(tests.to_owned());
        assert_eq!((code, out.as_str()), (exit::good(), "2 expectations checked, 0 not met\n"), "{err}");
        let (code, out, _) = with(tests.replace("[b, a]", "[b]").replace("inhibited: true", "inhibited: false"));
        assert_eq!(code, exit::failed());
        assert!(out.contains("t.yml:1: expected receivers [\"b\"], found [\"b\", \"a\"]"), "{out}");
        assert!(out.contains("expected inhibited: false, found true"), "{out}");
    }

    #[test]
    fn bad_input_is_invalid() {
        assert_eq!(asked(|_, args| args.labels = vec!["severity".into()]).0, exit::invalid());
        assert_eq!(asked(|_, args| args.config = "/nonexistent".into()).0, exit::invalid());
        let (code, _, err) = asked(|folder, args| {
            std::fs::write(folder.join("am.yml"), "route: {receiver: x}\n").unwrap();
            args.labels = vec!["a=b".into()];
        });
        assert_eq!(code, exit::invalid());
        assert!(err.contains("am.yml:1:"), "{err}");
    }
}
