use super::*;
use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: RunArgs,
}

fn args(line: &[&str]) -> RunArgs {
    Cli::try_parse_from([&["load"], line].concat()).unwrap_or_else(|error| panic!("{error}")).args
}

pub(in crate::load) fn settings(line: &[&str]) -> Settings {
    read(&args(line)).unwrap()
}

fn refused(line: &[&str]) -> UsageError {
    read(&args(line)).unwrap_err()
}

#[test]
fn without_arguments_goose_sends_a_thousand_a_second_for_a_minute() {
    let settings = settings(&[]);
    assert_eq!(settings.plan.target_rps(), Some(1000.0));
    assert_eq!((settings.plan.duration_s, settings.plan.executor.as_str()), (60.0, "goose"));
    assert_eq!(settings.drain, Duration::from_secs(3));
    let shown: Vec<_> = settings.plan.thresholds.iter().map(ToString::to_string).collect();
    assert_eq!(shown, DEFAULT_THRESHOLDS);
    let Executor::Goose(job) = settings.executor else { panic!("goose") };
    assert_eq!((job.users, job.accounts), (100, 50));
}

#[test]
fn a_url_asks_for_the_http_executor() {
    let settings = settings(&["--url", "http://127.0.0.1:1/", "--rps", "50", "--duration", "2s"]);
    let Executor::Http(config, Pace::Open(schedule)) = &settings.executor else { panic!("open http") };
    assert_eq!((config.targets.all().len(), config.connections, schedule.total()), (1, 512, 100));
}

#[test]
fn max_and_closed_let_the_server_set_the_pace() {
    for line in [&["--rps", "max"][..], &["--closed"][..]] {
        let line = [line, &["--url", "http://127.0.0.1:1/", "--duration", "5s"]].concat();
        let settings = settings(&line);
        let Executor::Http(config, pace) = &settings.executor else { panic!("http") };
        assert_eq!((config.connections, pace), (50, &Pace::Closed(Duration::from_secs(5))));
        assert_eq!(settings.plan.target_rps(), None);
        assert!(settings.plan.thresholds.iter().all(|threshold| !threshold.of_target));
    }
    assert!(matches!(refused(&["--closed"]), UsageError::ClosedGoose));
}

#[test]
fn the_command_line_wins_over_the_profile() {
    let smoke = settings(&["--profile", "smoke"]);
    assert_eq!((smoke.plan.target_rps(), smoke.plan.duration_s, smoke.plan.capacity), (Some(50.0), 30.0, 20));
    let shorter = settings(&["--profile", "spike", "--duration", "10s"]);
    assert_eq!(shorter.plan.duration_s, 10.0);
    assert_eq!(shorter.plan.schedule.as_ref().unwrap().stages().len(), 5);
    let faster = settings(&["--profile", "smoke", "--rps", "70", "--users", "7", "--threshold", "p50<1s"]);
    assert_eq!((faster.plan.target_rps(), faster.plan.duration_s, faster.plan.capacity), (Some(70.0), 30.0, 7));
    assert_eq!(faster.plan.thresholds.len(), 1);
}

#[test]
fn what_does_not_fit_is_refused_with_a_remedy() {
    let url = "http://127.0.0.1:1/";
    assert!(matches!(refused(&["--executor", "http"]), UsageError::NoUrl));
    assert!(matches!(refused(&["--executor", "goose", "--url", url]), UsageError::UrlForGoose));
    assert!(matches!(refused(&["--duration", "0s"]), UsageError::Schedule(ScheduleError::Duration(1))));
    assert!(matches!(
        refused(&["--url", url, "--closed", "--duration", "0s"]),
        UsageError::Schedule(ScheduleError::Empty)
    ));
    assert!(matches!(refused(&["--url", "ftp://127.0.0.1/"]), UsageError::Target(TargetError::Scheme(_))));
    assert!(matches!(refused(&["--user-service", "localhost"]), UsageError::Base(_)));
    assert!(matches!(refused(&["--profile", "no/such.toml"]), UsageError::Unreadable { .. }));
    assert!(matches!(refused(&["--report", "a.pdf"]), UsageError::Extension(_)));
    assert!(matches!(refused(&["--report", "no/such/a.html"]), UsageError::Directory { .. }));
}

#[test]
fn an_error_in_a_profile_names_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.toml");
    std::fs::write(&path, "description = 'x'\nuzers = 1\n").unwrap();
    let error = refused(&["--profile", path.to_str().unwrap()]).to_string();
    assert!(error.contains("p.toml:2:1: ") && error.contains("uzers"), "{error}");
}

#[test]
fn unreadable_values_are_usage_errors_of_their_own() {
    for line in [
        ["--rps", "fast"],
        ["--rps", "0"],
        ["--rps", "-5"],
        ["--duration", "60"],
        ["--threshold", "p95<200"],
        ["--connections", "0"],
        ["--executor", "k6"],
        ["--format", "yaml"],
    ] {
        let error = Cli::try_parse_from(["load", line[0], line[1]]).err().unwrap();
        assert!(error.use_stderr(), "{line:?}");
    }
    let error = Cli::try_parse_from(["load", "--threshold", "p95<200"]).err().unwrap().to_string();
    assert!(error.contains("  p95<200\n         ^\n"), "{error}");
}

#[test]
fn metrics_go_where_they_are_asked_to() {
    assert_eq!(settings(&["--no-push"]).push, Push::Nowhere);
    assert_eq!(settings(&["--push", "http://h:1"]).push, Push::To("http://h:1/api/v1/write".into()));
    assert_eq!(settings(&["--push", "http://h:1/x/y"]).push, Push::To("http://h:1/x/y".into()));
    assert_eq!(settings(&["--prometheus", "http://h:2"]).push, Push::IfAnswers("http://h:2".into()));
}

#[test]
fn reports_are_told_apart_by_extension() {
    let settings = settings(&["--report", "a.html", "--report", "b.json", "--report", "c.xml"]);
    let kinds: Vec<_> = settings.reports.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Html, Kind::Json, Kind::Junit]);
}

#[test]
fn requests_are_built_from_flags() {
    let url = "https://127.0.0.1:1/a";
    let line = ["--url", url, "--body", "{}", "--header", "X-A: 1", "--http", "2", "--insecure", "--trace-sample", "0"];
    let Executor::Http(config, _) = settings(&line).executor else { panic!("http") };
    assert_eq!((&*config.targets.all()[0].route, config.protocol), ("POST /a", load::http::Protocol::Http2));
    assert!(config.tls.is_some() && config.tracing.is_some());
    assert!(matches!(refused(&["--url", url, "--header", "nonsense"]), UsageError::Target(TargetError::Header(_))));
    assert!(matches!(refused(&["--url", url, "--method", "get"]), UsageError::Target(TargetError::Method(_))));
    assert!(matches!(refused(&["--url", url, "--body", "@no/such"]), UsageError::Unreadable { what: "body", .. }));
    assert!(matches!(refused(&["--url", url, "--ca", "no/such.pem"]), UsageError::Tls(_)));
    assert!(matches!(refused(&["--targets", "no/such"]), UsageError::Unreadable { .. }));
}

#[test]
fn a_list_of_targets_asks_for_the_http_executor_and_gets_the_common_headers() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("targets");
    std::fs::write(&list, "GET http://h/a weight=3\nGET http://h/b\n").unwrap();
    let found = settings(&["--targets", list.to_str().unwrap(), "--header", "X-A: 1"]);
    let Executor::Http(config, _) = &found.executor else { panic!("http") };
    assert_eq!(config.targets.all().len(), 2);
    assert_eq!(found.meta.targets, ["http://h/a", "http://h/b"]);
    std::fs::write(&list, "GET http://h/a weight=x\n").unwrap();
    let error = refused(&["--targets", list.to_str().unwrap()]).to_string();
    assert!(error.contains("targets:1: "), "{error}");
}

#[test]
fn arrivals_and_shares_shape_the_schedule() {
    let url = ["--url", "http://127.0.0.1:1/", "--rps", "100", "--duration", "10s"];
    let poisson = settings(&[&url[..], &["--arrival", "poisson", "--seed", "3", "--worker", "1/4"]].concat());
    let schedule = poisson.plan.schedule.unwrap();
    assert_eq!(schedule.arrival(), load::Arrival::Poisson { seed: 3 });
    assert_eq!((schedule.total(), schedule.share().unwrap().to_string()), (250, "1/4".to_owned()));
    let profile = settings(&["--profile", "breakpoint"]);
    assert_eq!(profile.plan.schedule.unwrap().arrival(), load::Arrival::Poisson { seed: 0 });
    assert_eq!(profile.abort_on.len(), 2);
    assert_eq!(settings(&["--profile", "breakpoint", "--abort-on", "errors>9%"]).abort_on.len(), 1);
}

#[test]
fn a_log_is_repeated_at_another_server() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let line = |second: u32, request: &str| {
        format!("10.0.0.1 - - [31/Jan/2026:12:00:{second:02} +0000] \"{request} HTTP/1.1\" 200 1\n")
    };
    let text = line(0, "GET /a") + &line(1, "POST /b") + &line(3, "GET /c?d=1") + &line(3, "GET /a");
    std::fs::write(&log, text).unwrap();
    let line = ["--replay-log", log.to_str().unwrap(), "--url", "http://127.0.0.1:1/"];
    let found = settings(&[&line[..], &["--replay-speed", "2"]].concat());
    assert_eq!((found.plan.duration_s, found.plan.schedule.unwrap().total()), (2.0, 3));
    assert!(found.notes[0].starts_with("1 of 4 logged requests"), "{:?}", found.notes);
    let Executor::Http(config, _) = found.executor else { panic!("http") };
    let routes: Vec<_> = config.targets.all().iter().map(|target| target.route.to_string()).collect();
    assert_eq!(routes, ["GET /a", "GET /c"]);
    assert!(matches!(refused(&line[..2]), UsageError::NoBase));
    std::fs::write(&log, "nonsense\n").unwrap();
    let error = refused(&line).to_string();
    assert!(error.contains("access.log: line 1: no [time]"), "{error}");
}

#[test]
fn scenarios_are_chosen_by_name() {
    let Executor::Goose(job) = settings(&["--scenario", "browse=3", "--think-time", "1s"]).executor else {
        panic!("goose")
    };
    assert_eq!(job.think_s, 1.0);
    assert!(matches!(refused(&["--scenario", "dance"]), UsageError::Mix(_)));
}
