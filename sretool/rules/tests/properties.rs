//! What must hold for every input: no panic, and places that exist.

use promql::{Labels, VectorSample};
use proptest::prelude::*;
use rules::{Template, TemplateData};

/// Texts made of the pieces that templates are made of, so that most of them get far into the parser.
fn template_text() -> impl Strategy<Value = String> {
    let pieces = [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "$value",
        "$labels.a",
        ".Labels.b",
        "| humanize",
        "if ",
        "else",
        "end",
        "range ",
        "with ",
        "query \"x\"",
        "first",
        "printf \"%.2f\"",
        "(",
        ")",
        "\"",
        "`",
        "é",
        "$x := ",
        "1.5",
        "-3",
        "é{{\"",
        "index",
        ".",
        ":=",
        "/* c */",
        "\n",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..14).prop_map(|parts| parts.concat())
}

fn rule_file_text() -> impl Strategy<Value = String> {
    let pieces = [
        "groups:\n",
        "- name: g\n",
        "  rules:\n",
        "  - alert: A\n",
        "    expr: up\n",
        "    expr: |\n",
        "      sum(\n",
        "        é\n",
        "    for: 5m\n",
        "    for: x\n",
        "    labels: {a: '{{ $é }}'}\n",
        "  - record: r\n",
        "    ",
        "'",
        "\"",
        "[",
        "{",
        "&a ",
        "*a",
        "<<: ",
        "\t",
        "---\n",
        "- ",
        "expr: 'sum('\n",
        "\u{feff}",
        "limit: -1\n",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn templates_never_panic(text in template_text(), value in any::<f64>()) {
        let labels = Labels::new([("a", "1"), ("b", "é")]);
        let query = |_: &str| Ok(vec![VectorSample::new(Labels::new([("a", "x")]), 0, value)]);
        let data =
            TemplateData { labels: &labels, value, external_labels: &labels, external_url: "", query: &query };
        match Template::parse(&text) {
            Ok(template) => drop(template.expand_or_error(&data)),
            Err(error) => prop_assert!(error.offset().is_some_and(|at| at <= text.len()), "{error:?}"),
        }
    }

    #[test]
    fn text_without_actions_stands_for_itself(text in "[^{]{0,40}") {
        let (labels, query) = (Labels::default(), |_: &str| Ok(vec![]));
        let data =
            TemplateData { labels: &labels, value: 0.0, external_labels: &labels, external_url: "", query: &query };
        prop_assert_eq!(Template::parse(&text).unwrap().expand(&data).unwrap(), text);
    }

    #[test]
    fn problems_of_rule_files_stand_within_the_file(text in rule_file_text()) {
        if let Err(problems) = rules::parse("r", &text) {
            let lines = text.split('\n').count();
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!((1..=lines + 1).contains(&problem.line), "{problem:?} of {lines} lines");
                prop_assert!(problem.column >= 1);
            }
        }
    }

    #[test]
    fn durations_survive_printing(ms in 1_i64..10_000_000_000_000) {
        prop_assert_eq!(rules::parse_duration(&rules::format_duration(ms)), Ok(ms));
    }
}
