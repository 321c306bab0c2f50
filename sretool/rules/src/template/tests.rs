//! Expansions, the expected texts taken from `promtool test rules`.

use super::*;

fn sample(a: &str, v: f64) -> VectorSample {
    VectorSample::new(Labels::new([("__name__", "x"), ("a", a)]), 0, v)
}

fn expand_with(text: &str, value: f64) -> Result<String, TemplateError> {
    let labels = Labels::new([("__name__", "x"), ("a", "1")]);
    let query = |expr: &str| match expr {
        "none" => Ok(vec![]),
        "fails" => Err("no such thing".to_owned()),
        _ => Ok(vec![sample("2", 1.0), sample("1", 1e6)]),
    };
    let external_labels = Labels::new([("cluster", "eu")]);
    let data = TemplateData {
        labels: &labels,
        value,
        external_labels: &external_labels,
        external_url: "http://sre:9090",
        query: &query,
    };
    Template::parse(text)?.expand(&data)
}

#[track_caller]
fn check(text: &str, value: f64, expected: &str) {
    assert_eq!(expand_with(text, value).unwrap(), expected, "{text}");
}

const HUMANIZED: &str = "{{ $value | humanize }} {{ humanize1024 $value }} {{ humanizeDuration $value }} \
                         {{ humanizePercentage $value }} {{ humanizeTimestamp $value }}";

#[test]
fn humanized_numbers() {
    for (value, expected) in [
        (1e6, "1M 976.6ki 11d 13h 46m 40s 1e+08% 1970-01-12 13:46:40 +0000 UTC"),
        (123_456_789.0, "123.5M 117.7Mi 1428d 21h 33m 9s 1.235e+10% 1973-11-29 21:33:09 +0000 UTC"),
        (0.000_012_34, "12.34u 1.234e-05 12.34us 0.001234% 1970-01-01 00:00:00 +0000 UTC"),
        (1234.5678, "1.235k 1.206ki 20m 34s 1.235e+05% 1970-01-01 00:20:34.567 +0000 UTC"),
        (-0.5, "-500m -0.5 -500ms -50% 1969-12-31 23:59:59.5 +0000 UTC"),
        (f64::NAN, "NaN NaN NaN NaN% NaN"),
        (95_062.0, "95.06k 92.83ki 1d 2h 24m 22s 9.506e+06% 1970-01-02 02:24:22 +0000 UTC"),
        (8.0, "8 8 8s 800% 1970-01-01 00:00:08 +0000 UTC"),
        (0.0, "0 0 0s 0% 1970-01-01 00:00:00 +0000 UTC"),
    ] {
        check(HUMANIZED, value, expected);
    }
    check(r#"{{ humanizeDuration "12.5" }} {{ humanize 12345 }}"#, 0.0, "12.5s 12.35k");
}

#[test]
fn texts_for_links_and_pages() {
    check(r#"{{ html "<a b='c'>&\"" }}"#, 0.0, "&lt;a b=&#39;c&#39;&gt;&amp;&#34;");
    check(r#"{{ urlquery "a b/c" }} {{ "x=y" | urlQueryEscape }}"#, 0.0, "a+b%2Fc x%3Dy");
    check(r#"[{{ pathPrefix }}] {{ slice "abcdef" 1 3 }} {{ slice "abc" 1 }}"#, 0.0, "[] bc bc");
    check(r#"{{ (index (query "x") 1) | value }}"#, 0.0, "1e+06");
    assert!(expand_with(r#"{{ slice "abc" 2 9 }}"#, 0.0).unwrap_err().to_string().contains("do not fit"));
}

#[test]
fn times_and_durations() {
    check(
        "{{ 1000 | toTime }} {{ toDuration 3723.5 }} {{ toDuration 90 }}",
        0.0,
        "1970-01-01 00:16:40 +0000 UTC 1h2m3.5s 1m30s",
    );
    check("{{ toDuration 0 }} {{ toDuration 0.0015 }} {{ toDuration -0.25 }}", 0.0, "0s 1.5ms -250ms");
    check("{{ toDuration 0.0000025 }} {{ toDuration 7200 }}", 0.0, "2.5µs 2h0m0s");
    assert!(expand_with("{{ toDuration 1e30 }}", 0.0).is_err());
}

#[test]
fn named_templates_see_only_their_value() {
    let text = concat!(
        r#"{{ define "row" }}[{{ . | value }}{{ with .Labels.a }} {{ . }}{{ end }}]{{ end }}"#,
        r#"{{ range query "x" }}{{ template "row" . }}{{ end }}"#
    );
    check(text, 0.0, "[1 2][1e+06 1]");
    check(r#"{{ block "b" $value }}<{{ . }}>{{ end }}{{ template "b" "again" }}"#, 7.0, "<7><again>");
    let endless = r#"{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" 1 }}"#;
    assert!(expand_with(endless, 0.0).unwrap_err().to_string().contains("without end"));
}

#[test]
fn ranges_can_be_left_and_elements_skipped() {
    check(r#"{{ range query "x" }}{{ . | value }}{{ break }}{{ end }}!"#, 0.0, "1!");
    let text = r#"{{ range query "x" }}{{ if eq .Value 1.0 }}{{ continue }}{{ end }}{{ . | value }}{{ end }}!"#;
    check(text, 0.0, "1e+06!");
    check(r#"{{ with $labels.none }}a{{ else with $labels.a }}b{{ . }}{{ else }}c{{ end }}"#, 0.0, "b1");
}

#[test]
fn labels_and_values() {
    check("[{{ $labels.nope }}] [{{ .Labels.a }}] {{ .Value }} {{ $labels }}", 1e6, "[] [1] 1e+06 map[__name__:x a:1]");
    check(
        "{{ $externalLabels.cluster }} {{ .ExternalLabels.cluster }} {{ $externalURL }}",
        0.0,
        "eu eu http://sre:9090",
    );
    check(r#"{{ index $labels "a" }}{{ len $labels }}"#, 0.0, "12");
    check("plain", 0.0, "plain");
}

#[test]
fn conditions() {
    let text = r#"{{ if eq $labels.a "2" }}two{{ else if eq $labels.a "9" "1" }}one{{ else }}other{{ end }}"#;
    check(text, 0.0, "one");
    check("{{ if gt $value 5.0 }}big{{ else }}small{{ end }}", 6.0, "big");
    check("{{ if and (ge $value 5.0) (le $value 5.0) }}same{{ end }}", 5.0, "same");
    check(r#"{{ and 1 0 }} {{ or 0 "z" }} {{ not true }} {{ ne 1 2 }} {{ lt "a" "b" }}"#, 0.0, "0 z false true true");
}

#[test]
fn queries() {
    let text = r#"{{ with query "x" }}{{ . | first | value | humanize }} {{ . | first | label "a" }}{{ end }}"#;
    check(text, 0.0, "1 2");
    check(
        r#"{{ range query "x" }}<{{ .Labels.a }}={{ .Value }}>{{ end }} {{ query "x" | len }}"#,
        0.0,
        "<2=1><1=1e+06> 2",
    );
    check(r#"{{ range $i, $e := query "x" | sortByLabel "a" }}{{ $i }}:{{ $e.Value }},{{ end }}"#, 0.0, "0:1e+06,1:1,");
    check(
        r#"{{ range query "none" }}x{{ else }}none{{ end }}{{ with query "none" }}x{{ else }}!{{ end }}"#,
        0.0,
        "none!",
    );
    check("{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}", 0.0, "__name__=x a=1 ");
}

#[test]
fn strings() {
    check(r#"{{ title "hello world-x" }} {{ toUpper "aBc" }} {{ toLower "aBc" }}"#, 0.0, "Hello World-X ABC abc");
    check(r#"{{ reReplaceAll "(.*):(.*)" "$2-${1}" "a:b" }} {{ match "a.c" "xabcx" }}"#, 0.0, "b-a true");
    check(
        r#"{{ stripPort "h:12" }} {{ stripDomain "a.b.c:80" }} {{ stripDomain "10.0.0.1:80" }}"#,
        0.0,
        "h a:80 10.0.0.1:80",
    );
    check(r#"{{ print 1 2 "a" 3 }} {{ "s" | printf "%s-%s" "t" }} {{ `raw\n` }}"#, 0.0, r"1 2a3 t-s raw\n");
    check(
        r#"{{ tableLink "up==1" }} {{ graphLink "up" }}"#,
        0.0,
        "/graph?g0.expr=up%3D%3D1&g0.tab=1 /graph?g0.expr=up&g0.tab=0",
    );
    check("{{ parseDuration \"1h5m\" }} {{ println 1 }}", 0.0, "3900 1\n");
}

#[test]
fn variables() {
    check("{{ $x := 3 }}{{ $x }}{{ $x = 4 }}{{ if true }}{{ $x := 5 }}{{ $x }}{{ end }}{{ $x }}", 0.0, "354");
    check("{{ if true }}{{ $value }}{{ end }}{{ (query \"x\" | first).Value }}", 2.0, "21");
}

#[test]
fn failures_name_the_function() {
    for (text, part) in [
        ("{{ if gt $value 5 }}x{{ end }}", "write 5.0"),
        ("{{ query \"none\" | first }}", "no elements"),
        ("{{ query \"fails\" }}", "calling query: no such thing"),
        ("{{ query \"x\" }}", "cannot be printed"),
        ("{{ $labels.a.b }}", "has no field `b`"),
        ("{{ range $value }}{{ end }}", "can't iterate"),
        ("{{ humanize }}", "calling humanize: it does not take"),
        ("{{ humanizeTimestamp 1e20 }}", "overflows"),
        ("{{ reReplaceAll \"(\" \"\" \"\" }}", "reReplaceAll"),
        ("{{ $value 1 }}", "no function"),
        ("{{ eq 1 \"a\" }}", "incompatible"),
    ] {
        let error = expand_with(text, 1.0).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn an_alert_goes_out_although_its_template_fails() {
    let labels = Labels::default();
    let query = |_: &str| Ok(vec![]);
    let data = TemplateData { labels: &labels, value: 0.0, external_labels: &labels, external_url: "", query: &query };
    let text = Template::parse("{{ query \"x\" | first }}").unwrap().expand_or_error(&data);
    assert!(text.starts_with("<error expanding template: error calling first"), "{text}");
}
