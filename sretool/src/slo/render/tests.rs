use super::*;
use promql::{Labels, MatrixSeries, Sample, Value};
use slo::{Answers, Catalog, Part, Policy, Request, When};

/// 2023-11-14T22:13:20Z
const AT: i64 = 1_700_000_000_000;

fn document(name: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: {name}}}\nspec:\n  service: shop\n  \
         timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
         objectives: [{{target: 0.99}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      \
         ratioMetric:\n        counter: true\n        bad: {{metricSource: {{spec: {{query: e}}}}}}\n        \
         total: {{metricSource: {{spec: {{query: r}}}}}}\n"
    )
}

/// One objective of each status; the second has no data.
fn example(timeline: bool, past: u32) -> Report {
    let documents = ["checkout", "idle", "search"].map(document);
    let catalog = Catalog::load(documents.iter().map(|text| ("a.yaml", text.as_str())));
    let request = Request { timeline, past, ..Request::at(AT) };
    let counts = [Some((2_000.0, 100_000.0)), None, Some((1.0, 1_000.0))];
    let judged = catalog.slos.iter().zip(counts).map(|(slo, counts)| {
        let mut answers = Answers::default();
        for query in slo::plan(slo, &request) {
            let Some((bad, total)) = counts else { continue };
            let v = if query.part == Part::Bad { bad } else { total };
            let value = match query.when {
                When::At(t) => Value::Scalar(Sample { t, v }),
                When::Steps { start_ms, end_ms, step_ms } => {
                    // All that fails, fails in the first hour of a day.
                    let v = |t: i64| match query.part {
                        Part::Bad if t % 86_400_000 > 3_600_000 => 0.0,
                        Part::Bad => v / 360.0,
                        _ => v / 8_640.0,
                    };
                    let steps = (start_ms..=end_ms).step_by(usize::try_from(step_ms).unwrap());
                    let samples = steps.map(|t| Sample { t, v: v(t) }).collect();
                    Value::Matrix(vec![MatrixSeries::new(Labels::default(), samples)])
                }
            };
            answers.record(slo, &query, &value).unwrap();
        }
        slo::evaluate(slo, &answers, &request).remove(0)
    });
    Report::new(AT, "http://127.0.0.1:9090/<a&b>", judged.collect())
}

fn printed(format: Format) -> String {
    super::report(&example(false, 0), format).unwrap()
}

#[test]
fn text_is_a_table() {
    insta::assert_snapshot!(printed(Format::Text));
}

#[test]
fn markdown_is_a_comment() {
    insta::assert_snapshot!(printed(Format::Markdown));
}

#[test]
fn junit_has_a_case_for_each_objective() {
    insta::assert_snapshot!(printed(Format::Junit));
}

#[test]
fn incidents_history_and_policy_are_shown_in_every_format_for_people() {
    let report = example(true, 2).with_policy(&Policy::default());
    let text = super::report(&report, Format::Text).unwrap();
    assert!(text.contains("shop/checkout 2023-10: SLI 98 %, budget left -100 %, breached"), "{text}");
    assert!(text.contains("shop/checkout incident 2023-10-1"), "{text}");
    let markdown = super::report(&report, Format::Markdown).unwrap();
    assert!(markdown.contains("**holds this change back**") && markdown.contains("shop-checkout"), "{markdown}");
    assert!(markdown.contains("incidents spent budget") && markdown.contains("| SLO | 2023-09 | 2023-10 |"));
    let json: serde_json::Value = serde_json::from_str(&super::report(&report, Format::Json).unwrap()).unwrap();
    assert_eq!(json["policy"]["gate"], "fail");
    assert_eq!(json["slos"][0]["history"][0]["name"], "2023-10");
    assert!(json["slos"][0]["incidents"].as_array().unwrap().len() > 20);
    let html = super::report(&report, Format::Html).unwrap();
    assert_eq!(html.matches("<svg").count(), 4, "two plots for each objective with data");
    assert!(
        html.contains("Where the budget went")
            && html.contains("Earlier periods")
            && html.contains("class=\"incident\"")
    );
}

#[test]
fn a_page_loads_nothing_and_escapes_everything() {
    let mut report = example(true, 1).with_policy(&Policy::default());
    let nasty = "\"><script>alert(1)</script>'&\u{0}";
    for slo in &mut report.slos {
        slo.name = nasty.to_owned();
        slo.id = nasty.to_owned();
        slo.service = nasty.to_owned();
        slo.group.insert(nasty.to_owned(), nasty.to_owned());
        slo.history.iter_mut().for_each(|past| past.name = nasty.to_owned());
    }
    report.source = nasty.to_owned();
    if let Some(policy) = &mut report.policy {
        policy.name = nasty.to_owned();
        policy.reached.iter_mut().for_each(|reached| {
            (reached.id, reached.group) = (nasty.to_owned(), nasty.to_owned());
            reached.step.text = nasty.to_owned();
        });
    }
    for format in [Format::Html, Format::Junit] {
        let page = super::report(&report, format).unwrap();
        assert!(!page.contains("<script") && !page.contains('\u{0}') && page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("='&") && !page.contains("\"\">"), "{page}");
    }
    let markdown = super::report(&report, Format::Markdown).unwrap();
    assert!(!markdown.contains("<script"), "{markdown}");
    let html = super::report(&report, Format::Html).unwrap();
    for from_elsewhere in ["http://", "https://", "<link", "@import", "url(", "<img", "src="] {
        assert!(!html.contains(from_elsewhere), "{from_elsewhere}");
    }
}

#[test]
fn groups_are_named() {
    let mut report = example(false, 0);
    report.slos[0].group.insert("tenant".to_owned(), "a|b".to_owned());
    let text = super::report(&report, Format::Text).unwrap();
    assert!(text.contains("shop/checkout {tenant=a|b}"), "{text}");
    let markdown = super::report(&report, Format::Markdown).unwrap();
    assert!(markdown.contains("{tenant=a\\|b}"), "{markdown}");
    assert!(super::report(&report, Format::Junit).unwrap().contains("name=\"checkout {tenant=a|b}\""));
}
