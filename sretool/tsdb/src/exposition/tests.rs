use super::*;
use proptest::prelude::*;

fn text(body: &str) -> Exposition {
    parse(body, Format::Text, 0).unwrap()
}

fn open_metrics(body: &str) -> Exposition {
    parse(&format!("{body}\n# EOF\n"), Format::OpenMetrics, 99).unwrap()
}

#[track_caller]
fn check(line: &str, series: &[(&str, &str)], value: f64) {
    let parsed = text(line);
    assert_eq!(parsed.samples.len(), 1, "{line}");
    assert_eq!(parsed.samples[0].labels, Labels::new(series.iter().copied()));
    assert_eq!(parsed.samples[0].value, value);
}

#[track_caller]
fn check_error(body: &str, format: Format, expected: &str) {
    assert_eq!(parse(body, format, 0).unwrap_err().to_string(), expected);
}

#[test]
fn series_in_every_spelling() {
    check("up 1", &[("__name__", "up")], 1.0);
    check("  job:x:rate5m\t2 ", &[("__name__", "job:x:rate5m")], 2.0);
    check("a{} 1", &[("__name__", "a")], 1.0);
    check("a { b = \"c\" , } -1.5e3", &[("__name__", "a"), ("b", "c")], -1500.0);
    check(r#"a{x="p,q",y="}{"} 0"#, &[("__name__", "a"), ("x", "p,q"), ("y", "}{")], 0.0);
    check(r#"a{x="\\n\n\"\t"} 1"#, &[("__name__", "a"), ("x", "\\n\n\"\\t")], 1.0);
    check(r#"{"my.metric","a.b"="ü",c=""} 1"#, &[("__name__", "my.metric"), ("a.b", "ü")], 1.0);
    check(r#"{a="1","späte"} +Inf"#, &[("__name__", "späte"), ("a", "1")], f64::INFINITY);
}

#[test]
fn nan_is_not_the_staleness_marker() {
    let value = text("a NaN").samples[0].value;
    assert_eq!(value.to_bits(), 0x7ff8_0000_0000_0001);
    assert!(!promql::is_stale(value));
}

#[test]
fn timestamps_by_format() {
    assert_eq!(text("a 1 1700000000123").samples[0].timestamp, Some(1_700_000_000_123));
    assert_eq!(text("a 1").samples[0].timestamp, None);
    assert_eq!(open_metrics("a 1 1.001").samples[0].timestamp, Some(1_001));
    assert_eq!(open_metrics("a 1 -2").samples[0].timestamp, Some(-2_000));
    check_error(
        "a 1 1.5",
        Format::Text,
        "line 1, column 5: `1.5` is no timestamp; the text format has integers of milliseconds (OpenMetrics has seconds)",
    );
    check_error(
        "a 1 NaN\n",
        Format::OpenMetrics,
        "line 1, column 5: `NaN` is no timestamp; OpenMetrics has seconds since the Unix epoch",
    );
}

#[test]
fn metadata_is_collected() {
    let parsed = open_metrics(
        "# HELP a_seconds Two\\nlines \\\"here\\\"\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\na_seconds_count 1",
    );
    let expected = Metadata { kind: MetricType::Histogram, help: "Two\nlines \"here\"".into(), unit: "seconds".into() };
    assert_eq!(parsed.metadata["a_seconds"], expected);
    let parsed = text("# a comment\n#HELP \"x.y\" help\n# TYPE \"x.y\" untyped\n\n#\n");
    assert_eq!(parsed.metadata["x.y"].help, "help");
    assert!(parsed.samples.is_empty());
}

#[test]
fn exemplars_have_a_time() {
    let body = "a_bucket{le=\"1\"} 3 5 # {trace_id=\"abc\",span_id=\"d\"} 0.7 4.5\nb 1 5 # {} 2\nc 1 # {x=\"y\"} 2";
    let exemplars: Vec<_> = open_metrics(body).samples.into_iter().filter_map(|s| s.exemplar).collect();
    assert_eq!(exemplars.iter().map(|e| e.t).collect::<Vec<_>>(), [4_500, 5_000, 99]);
    assert_eq!(exemplars[0].labels.get("trace_id"), "abc");
    assert_eq!(exemplars[0].value, 0.7);
    check_error("a 1 # {} 2", Format::Text, "line 1, column 5: unexpected `# {} 2` after the sample");
}

#[test]
fn bounds_are_normalised_within_their_family() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e6\"} 1\nh_bucket{le=\"+Inf\"} 1\n\
                h_bucket{le=\"0.00001\"} 1\nh_bucket{le=\"x\"} 1\nother{le=\"1\"} 1\n# TYPE s summary\n\
                s{quantile=\"1\",le=\"1\"} 1";
    let bounds = |name: &str| {
        text(body).samples.iter().map(|s| s.labels.get(name).to_owned()).filter(|b| !b.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(bounds("le"), ["1.0", "1e+06", "+Inf", "1e-05", "x", "1", "1"]);
    assert_eq!(bounds("quantile"), ["1.0"]);
}

#[test]
fn errors_name_line_column_and_cause() {
    let t = Format::Text;
    check_error("ok 1\na{b=\"c} 1", t, "line 2, column 6: the quoted string has no closing quote");
    check_error("a{b=c} 1", t, "line 1, column 5: expected a quoted label value, found `c`");
    check_error("a{b} 1", t, "line 1, column 4: expected `=`, found `}`");
    check_error("a{b=\"c\" d=\"e\"} 1", t, "line 1, column 9: expected `,` or `}`, found `d`");
    check_error("a{b=\"c\",b=\"d\"} 1", t, "line 1, column 9: the label `b` is given twice");
    check_error("a{b=\"c\"", t, "line 1, column 8: expected `,` or `}`, found the end of the line");
    check_error("é 1", t, "line 1, column 1: expected a metric name or `{`, found `é`");
    check_error("a", t, "line 1, column 2: expected a value, found the end of the line");
    check_error("a 1x", t, "line 1, column 3: `1x` is no value; write a number, +Inf, -Inf or NaN");
    check_error("a 1 2 3", t, "line 1, column 7: unexpected `3` after the sample");
    check_error(
        "a{\"b\"} 1",
        t,
        "line 1, column 1: the series has two metric names, one before the braces and one inside",
    );
    check_error("{b=\"c\"} 1", t, "line 1, column 1: the series has no metric name");
    check_error("# TYPE a thing", t, "line 1, column 10: `thing` is no metric type");
}

#[test]
fn open_metrics_is_strict() {
    let o = Format::OpenMetrics;
    check_error(
        "a 1\n",
        o,
        "line 2, column 1: the text does not end with `# EOF`: it was cut off, or is not OpenMetrics",
    );
    check_error("", o, "line 1, column 1: the text does not end with `# EOF`: it was cut off, or is not OpenMetrics");
    check_error("# EOF\na 1", o, "line 2, column 1: unexpected text after `# EOF`");
    check_error("a 1\n\n# EOF", o, "line 2, column 1: OpenMetrics has no blank lines");
    check_error("# hello\n# EOF", o, "line 1, column 1: OpenMetrics has no comments but HELP, TYPE, UNIT and EOF");
    check_error("# UNIT a bytes\n# EOF", o, "line 1, column 8: the name `a` does not end with its unit `_bytes`");
    assert!(parse("# EOF", o, 0).is_ok());
}

#[test]
fn a_repeated_series_is_parsed_as_the_first() {
    let body = "# TYPE h histogram\nh{le=\"1\"} 1 1\nh{le=\"1\"} 2 2\nh{le=\"1\"}\t3 3\nh{le=\"1\"}4 4\n";
    let parsed = text(body);
    assert!(parsed.samples.iter().all(|s| s.labels.get("le") == "1.0"));
    assert_eq!(parsed.samples.iter().map(|s| s.value).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
    let mixed =
        text("a 1\na{b=\"c\"} 2\na {b=\"c\"} 3\n# TYPE a histogram\na{le=\"1\"} 1\n# TYPE a gauge\na{le=\"1\"} 1\n");
    let labels: Vec<_> = mixed.samples.iter().map(|s| s.labels.to_string()).collect();
    assert_eq!(labels, ["a", "a{b=\"c\"}", "a{b=\"c\"}", "a{le=\"1.0\"}", "a{le=\"1\"}"]);
}

#[test]
fn content_types() {
    assert_eq!(Format::from_content_type("application/openmetrics-text; version=1.0.0"), Format::OpenMetrics);
    assert_eq!(Format::from_content_type("text/plain; version=0.0.4"), Format::Text);
    assert_eq!(Format::from_content_type(""), Format::Text);
}

/// A second parser must see the same samples, on input that it handles: bare names, plain values, labels present.
#[test]
fn agrees_with_prometheus_parse() {
    let mut body = String::from("# TYPE req counter\n# TYPE lat histogram\n# TYPE temp gauge\n");
    for i in 0..50 {
        body += &format!("req{{route=\"/v1/{i}\",status=\"200\"}} {i} 17000000000{i:02}\n");
        body += &format!("temp{{room=\"r{i}\"}} {}\n", f64::from(i) * -0.37);
    }
    let theirs = prometheus_parse::Scrape::parse(body.lines().map(|l| Ok(l.to_owned()))).unwrap();
    let ours = text(&body);
    assert_eq!(ours.samples.len(), theirs.samples.len());
    for (our, their) in ours.samples.iter().zip(&theirs.samples) {
        let labels = their.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        assert_eq!(our.labels, Labels::new(labels.chain([("__name__", their.metric.as_str())])));
        let (prometheus_parse::Value::Counter(v) | prometheus_parse::Value::Gauge(v)) = their.value else {
            panic!("{their:?}")
        };
        assert_eq!(our.value, v);
        if let Some(t) = our.timestamp {
            assert_eq!(t, their.timestamp.timestamp_millis());
        }
    }
}

fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

proptest! {
    #[test]
    fn never_panics(body in "([a-c{}\"=,# \\\\é\n0-9.]|# TYPE |# HELP |# EOF|NaN){0,40}") {
        let _ = parse(&body, Format::Text, 0);
        let _ = parse(&body, Format::OpenMetrics, 0);
    }

    #[test]
    fn never_panics_on_anything(body in any::<String>()) {
        let _ = parse(&body, Format::Text, 0);
        let _ = parse(&body, Format::OpenMetrics, 0);
    }

    #[test]
    fn reads_what_was_written(
        name in "[a-z_:][a-z0-9_:]{0,8}",
        // `\r` before `\n` would be part of the line end of the format.
        labels in prop::collection::btree_map("[a-z.é]{1,4}", "[a-z\"\\\\\n,{}é ]{1,5}", 0..4),
        bits in any::<u64>(),
        t in any::<i32>(),
    ) {
        let value = f64::from_bits(bits);
        let pairs: Vec<_> = labels.iter().map(|(n, v)| format!("{}={}", quote(n), quote(v))).collect();
        let body = format!("{name}{{{}}} {value} {t}", pairs.join(","));
        let parsed = text(&body);
        let expected = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("__name__", name.as_str())]);
        prop_assert_eq!(&parsed.samples[0].labels, &Labels::new(expected));
        prop_assert_eq!(parsed.samples[0].timestamp, Some(i64::from(t)));
        prop_assert!(value.is_nan() || parsed.samples[0].value.to_bits() == bits);
    }
}
