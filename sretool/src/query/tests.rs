//! The command over a file, with its exit status.

use super::*;
use clap::Parser;
use std::path::Path;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

const FILE: &str = "# TYPE http_requests counter\nhttp_requests_total{job=\"api\"} 10 100\n\
                    http_requests_total{job=\"api\"} 40 160\nhttp_requests_total{job=\"web\"} 5 160\n# EOF\n";

struct Outcome {
    code: ExitCode,
    out: String,
    err: String,
}

/// Runs the command over the file, unless the line names another source.
fn query(line: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.txt");
    std::fs::write(&path, FILE).unwrap();
    query_over(&path, line)
}

fn query_over(path: &Path, line: &[&str]) -> Outcome {
    let file = path.display().to_string();
    let source: &[&str] = if line.contains(&"--prometheus") { &[] } else { &["--openmetrics", &file] };
    let args = Command::try_parse_from([&["query"], line, source].concat()).unwrap().args;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(args, &mut Io { out: &mut out, err: &mut err, terminal: false });
    Outcome { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

#[track_caller]
fn check(line: &[&str], expected: &str) {
    let Outcome { code, out, err } = query(line);
    assert_eq!((out.as_str(), code), (expected, exit::good()), "{line:?}: {err}");
}

#[test]
fn instant_results_in_every_format() {
    check(&["sum(http_requests_total)"], "{}  45\n");
    check(
        &["sum by (job) (http_requests_total) > 9", "--format", "csv"],
        "time,value,series\n160.000,40,\"{job=\"\"api\"\"}\"\n",
    );
    let json = "{\"resultType\":\"scalar\",\"result\":[160,\"3\"]}\n";
    check(&["scalar(vector(3))", "--format", "json"], json);
    check(&["http_requests_total{job=\"api\"}", "--time", "120"], "http_requests_total{job=\"api\"}  10\n");
}

#[test]
fn ranges_are_drawn() {
    let line = ["sum(http_requests_total)", "--range", "1m", "--step", "30s"];
    check(&line, "{}  ▁▁█  last 45 min 10 max 45\n");
    let csv = "time,value,series\n100.000,10,{}\n160.000,45,{}\n";
    check(&["sum(http_requests_total)", "--range", "60s", "--step", "60s", "--format", "csv"], csv);
}

#[test]
fn what_exists_is_listed() {
    check(&["--series", "http_requests_total"], "http_requests_total{job=\"api\"}\nhttp_requests_total{job=\"web\"}\n");
    check(&["--labels"], "__name__\njob\n");
    check(&["--values", "job", "http_requests_total{job!=\"web\"}"], "api\n");
    check(&["--values", "__name__", "--format", "json"], "[\"http_requests_total\"]\n");
    let json = "[{\"__name__\":\"http_requests_total\",\"job\":\"web\"}]\n";
    check(&["--series", "http_requests_total{job=\"web\"}", "--format", "json"], json);
    assert_eq!(query(&["--values", "none"]).code, exit::no_judgement());
    assert_eq!(query(&["--series", "up{"]).code, exit::invalid());
}

#[test]
fn nothing_is_no_data_with_a_hint() {
    let Outcome { code, out, err } = query(&["rate(http_request_total[1m])"]);
    assert_eq!((code, out.as_str()), (exit::no_judgement(), ""));
    assert_eq!(err, "no data\nhint: there is no metric http_request_total; did you mean http_requests_total?\n");
    let json = query(&["up", "--format", "json"]);
    assert_eq!((json.code, json.out.as_str()), (exit::no_judgement(), "{\"resultType\":\"vector\",\"result\":[]}\n"));
}

#[test]
fn mistakes_show_a_caret_whether_or_not_anything_answers() {
    let unreachable = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for line in [vec!["sum(up"], vec!["sum(up", "--prometheus", &unreachable]] {
        let Outcome { code, out, err } = query(&line);
        assert_eq!((code, out.as_str()), (exit::invalid(), ""));
        assert!(err.contains("1 | sum(up") && err.contains('^'), "{err}");
    }
    let good = query(&["up", "--prometheus", &unreachable]);
    assert_eq!(good.code, exit::no_judgement());
    assert!(good.err.contains("does not answer"), "{}", good.err);
    assert_eq!(query(&["up", "--prometheus", "nowhere"]).code, exit::invalid());
    let missing = query_over(Path::new("no/such/file"), &["up"]);
    assert!(missing.code == exit::invalid() && missing.err.contains("no/such/file: cannot be read"), "{}", missing.err);
}

#[test]
fn a_dash_reads_standard_input() {
    let args = Command::try_parse_from(["query", "-"]).unwrap().args;
    assert_eq!(expression(&args, &mut "sum(\n  up\n)\n".as_bytes()).unwrap(), "sum(\n  up\n)");
    let unreadable = expression(&args, &mut [0xff_u8].as_slice());
    assert!(matches!(unreadable, Err(Failure::Expression(text)) if text.contains("standard input")));
    assert!(Command::try_parse_from(["query"]).is_err());
    assert!(Command::try_parse_from(["query", "--series", "up", "--labels"]).is_err());
}
