//! Rules from sloth's input equal those that sloth itself generates. Its inputs and outputs are read from the folder
//! in `SRETOOL_REFERENCE`; `cargo test -p slo --test sloth -- --nocapture` prints how many agree.

use promql::{Expr, ExprKind, Literal};
use serde_json::Value;
use slo::{AlertWindows, Catalog, LoadOptions, Options, Origin, Style, Window, WindowFile};
use std::path::{Path, PathBuf};

/// Where sloth's files are, or a line that says why nothing is compared.
fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("SRETOOL_REFERENCE").map(|folder| PathBuf::from(folder).join("sloth"));
    if folder.is_none() {
        println!("skipped: SRETOOL_REFERENCE is not set");
    }
    folder
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One command line of sloth's own tests.
struct Case {
    input: &'static str,
    golden: &'static str,
    change: fn(&mut Options, &mut LoadOptions, &Path),
}

fn unchanged(_: &mut Options, _: &mut LoadOptions, _: &Path) {}

/// Sloth's examples were generated with one label more.
fn example(options: &mut Options, _: &mut LoadOptions, _: &Path) {
    options.extra_labels.push(("cmd".into(), "examplesgen.sh".into()));
}

const CASES: [Case; 14] = [
    Case { input: "cli/in-base.yaml", golden: "cli/out-base.yaml.tpl", change: unchanged },
    Case {
        input: "cli/in-base.yaml",
        golden: "cli/out-base-28d.yaml.tpl",
        change: |_, load, _| load.period = Window::days(28),
    },
    Case {
        input: "cli/in-base.yaml",
        golden: "cli/out-base-custom-windows-7d.yaml.tpl",
        change: |options, load, folder| {
            load.period = Window::days(7);
            let file = WindowFile::parse("7d.yaml", &read(&folder.join("cli/windows/7d.yaml")));
            let Ok(WindowFile::Shares(windows)) = file else { panic!("{file:?}") };
            options.by_period = windows;
        },
    },
    Case {
        input: "cli/in-base.yaml",
        golden: "cli/out-base-extra-labels.yaml.tpl",
        change: |options, _, _| {
            options.extra_labels = vec![("exk1".into(), "exv1".into()), ("exk2".into(), "exv2".into())];
        },
    },
    Case {
        input: "cli/in-base.yaml",
        golden: "cli/out-base-no-alerts.yaml.tpl",
        change: |options, _, _| options.alerts = false,
    },
    Case {
        input: "cli/in-base.yaml",
        golden: "cli/out-base-no-recordings.yaml.tpl",
        change: |options, _, _| options.recordings = false,
    },
    Case { input: "cli/in-multifile.yaml", golden: "cli/out-multifile.yaml.tpl", change: unchanged },
    Case { input: "cli/in-openslo.yaml", golden: "cli/out-openslo.yaml.tpl", change: unchanged },
    Case { input: "examples/getting-started.yml", golden: "examples/_gen/getting-started.yml", change: example },
    Case { input: "examples/home-wifi.yml", golden: "examples/_gen/home-wifi.yml", change: example },
    Case {
        input: "examples/k8s-getting-started.yml",
        golden: "examples/_gen/k8s-getting-started.yml",
        change: example,
    },
    Case { input: "examples/multifile.yml", golden: "examples/_gen/multifile.yml", change: example },
    Case { input: "examples/no-alerts.yml", golden: "examples/_gen/no-alerts.yml", change: example },
    Case { input: "examples/raw-home-wifi.yml", golden: "examples/_gen/raw-home-wifi.yml", change: example },
];

const MORE: [Case; 1] = [Case {
    input: "examples/openslo-getting-started.yml",
    golden: "examples/_gen/openslo-getting-started.yml",
    change: example,
}];

/// The groups of a rule file, whether bare or in a resource.
fn groups(text: &str) -> Vec<Value> {
    let mut groups = Vec::new();
    for document in serde_saphyr::from_multiple::<Value>(text).expect("the file is YAML") {
        let found = document.get("groups").or_else(|| document.pointer("/spec/groups"));
        groups.extend(found.and_then(Value::as_array).cloned().unwrap_or_default());
    }
    groups
}

/// What a template of sloth's tests stands for.
fn filled(golden: &str) -> String {
    let mut text = golden.replace("{{ .version }}", "dev");
    while let Some((before, rest)) = text.split_once("{{\"{{") {
        let (inner, after) = rest.split_once("}}\"}}").expect("the template ends");
        text = format!("{before}{{{{{inner}}}}}{after}");
    }
    text
}

/// Every difference between two lists of groups.
fn differences(ours: &[Value], theirs: &[Value]) -> Vec<String> {
    let name = |group: &Value| group["name"].as_str().unwrap_or_default().to_owned();
    let names = |groups: &[Value]| groups.iter().map(name).collect::<Vec<_>>();
    if names(ours) != names(theirs) {
        return vec![format!("groups {:?}, not {:?}", names(ours), names(theirs))];
    }
    let mut found = Vec::new();
    for (a, b) in ours.iter().zip(theirs) {
        let (x, y) = (a["rules"].as_array().expect("rules"), b["rules"].as_array().expect("rules"));
        if x.len() != y.len() || a.get("interval") != b.get("interval") {
            found.push(format!("{}: {} rules, not {}", name(a), x.len(), y.len()));
        }
        found.extend(x.iter().zip(y).filter_map(|(x, y)| difference(x, y)).map(|d| format!("{}: {d}", name(a))));
    }
    found
}

fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    for key in ["record", "alert", "labels", "annotations", "for", "keep_firing_for"] {
        if ours.get(key) != theirs.get(key) {
            return Some(format!("{key} {:?}, not {:?}", ours.get(key), theirs.get(key)));
        }
    }
    let [a, b] = [ours, theirs].map(|rule| rule["expr"].as_str().unwrap_or_default());
    let [x, y] = [a, b].map(|expr| promql::parse(expr).unwrap_or_else(|error| panic!("{expr}\n{error}")));
    (!same(&x, &y)).then(|| format!("{a}\n  is not\n{b}"))
}

/// Whether two expressions say the same, their numbers within 1e-12.
fn same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Number(Literal(a)), ExprKind::Number(Literal(b))) => (a - b).abs() <= 1e-12,
        (ExprKind::Binary(x), ExprKind::Binary(y)) => {
            (x.op, x.return_bool, &x.matching) == (y.op, y.return_bool, &y.matching)
                && same(&x.lhs, &y.lhs)
                && same(&x.rhs, &y.rhs)
        }
        (ExprKind::Aggregate(x), ExprKind::Aggregate(y)) => {
            (x.op, &x.grouping, &x.param) == (y.op, &y.grouping, &y.param) && same(&x.expr, &y.expr)
        }
        (ExprKind::Call(x), ExprKind::Call(y)) => {
            x.function == y.function
                && x.args.len() == y.args.len()
                && x.args.iter().zip(&y.args).all(|(x, y)| same(x, y))
        }
        (ExprKind::Paren(x), ExprKind::Paren(y)) => same(x, y),
        (ExprKind::Unary(o, x), ExprKind::Unary(p, y)) => o == p && same(x, y),
        _ => a == b,
    }
}

#[test]
fn rules_equal_sloths_own() {
    let Some(folder) = reference() else { return };
    let (mut matched, mut failures) = (0, Vec::new());
    let cases = CASES.iter().chain(&MORE);
    let total = cases.clone().count();
    for case in cases {
        let (mut options, mut load) = (Options::new("dev"), LoadOptions::default());
        (case.change)(&mut options, &mut load, &folder);
        let text = read(&folder.join(case.input));
        let catalog = Catalog::load_with([(case.input, text.as_str())], load);
        assert_eq!(catalog.findings, [], "{}", case.input);
        let ours = slo::generate(&catalog.slos, &options).expect("sloth has such rules").to_string();
        let found = differences(&groups(&ours), &groups(&filled(&read(&folder.join(case.golden)))));
        matched += usize::from(found.is_empty());
        failures.extend(found.into_iter().map(|difference| format!("{}: {difference}", case.golden)));
    }
    println!("rules equal to sloth's own: {matched}/{total}");
    assert_eq!(failures, Vec::<String>::new(), "{matched}/{total}");
}

/// Sloth's verdicts on its own files, but for unknown keys: sloth overlooks them, this crate only when it is asked to.
#[test]
fn verdicts_equal_sloths_own() {
    let Some(folder) = reference() else { return };
    let (mut verdicts, mut strict) = (0, Vec::new());
    for (kind, valid) in [("good", true), ("bad", false)] {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder.join("validate").join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = read(&path);
            let load = |lenient| {
                Catalog::load_with([(name.as_str(), text.as_str())], LoadOptions { lenient, ..LoadOptions::default() })
            };
            let lenient = load(true);
            assert_eq!(lenient.is_valid(), valid, "{name}: {:?}", lenient.findings);
            if valid && !load(false).is_valid() {
                assert!(load(false).findings.iter().all(|finding| finding.code == "unknown-key"), "{name}");
                strict.push(name.clone());
            }
            for finding in lenient.findings {
                let rendered = finding.render();
                assert!(rendered.contains('^') && finding.remedy.is_some(), "{rendered}");
            }
            verdicts += 1;
        }
    }
    let text = read(&folder.join("cli/in-invalid-version.yaml"));
    assert!(!Catalog::load([("a.yaml", text.as_str())]).is_valid());
    println!("verdicts equal to sloth's own: {verdicts}/{verdicts}");
    assert_eq!((verdicts, strict), (14, vec!["good-aa.yaml".into(), "good-ab.yaml".into(), "good-ba.yaml".into()]));
}

const SLOTH: &str = r#"
version: "prometheus/v1"
service: "shop"
labels: {team: shop}
slos:
  - name: "availability"
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(errors_total[{{.window}}]))
        total_query: sum(rate(requests_total[{{.window}}]))
    alerting:
      name: ShopErrors
      annotations: {runbook: here}
      page_alert: {labels: {severity: wake}}
"#;

fn load(text: &str) -> Vec<slo::Slo> {
    let catalog = Catalog::load([("a.yaml", text)]);
    assert_eq!(catalog.findings, []);
    catalog.slos
}

#[test]
fn exact_rules_keep_what_the_document_says_about_alerts() {
    let slos = load(SLOTH);
    assert!(matches!(slos[0].origin, Origin::Sloth(_)));
    let options = Options { style: Style::Exact, ..Options::new("dev") };
    let text = slo::generate(&slos, &options).unwrap().to_string();
    assert!(text.contains("alert: ShopErrors") && text.contains("severity: wake") && text.contains("runbook: here"));
    assert!(text.contains("increase(errors_total[5m])") && !text.contains("count_over_time(slo:"), "{text}");
    assert!(text.contains("sloth_spec: prometheus/v1"));
    let own = slo::generate(&slos, &Options::new("dev")).unwrap().to_string();
    assert!(own.contains("count_over_time(slo:sli_error:ratio_rate5m") && !own.contains("for:"), "{own}");
}

#[test]
fn plugins_change_rules_as_sloths_do() {
    let plugins = r#"
    plugins:
      chain:
        - id: sloth.dev/contrib/rule_intervals/v1
          config: {interval: {default: 2m, alert: 1m}}
        - id: sloth.dev/contrib/info_labels/v1
          config: {labels: {tier: gold}}
        - id: sloth.dev/contrib/remove_labels/v1
          config: {}
        - id: sloth.dev/contrib/error_budget_exhausted_alert/v1
          config: {threshold: 0.1, alert_labels: {severity: mail}}
        - id: sloth.dev/core/sli_rules/v1
          config: {disableOptimized: true}
"#;
    let text = SLOTH.replace("    sli:\n", &format!("{}    sli:\n", &plugins[1..]));
    let rules = groups(&slo::generate(&load(&text), &Options::new("dev")).unwrap().to_string());
    let intervals: Vec<_> = rules.iter().map(|group| group["interval"].as_str().unwrap()).collect();
    assert_eq!(intervals, ["2m", "2m", "1m"]);
    let info = rules[1]["rules"].as_array().unwrap().last().unwrap();
    assert_eq!((&info["labels"]["tier"], &info["labels"]["team"]), (&"gold".into(), &"shop".into()));
    assert_eq!(rules[0]["rules"][0]["labels"].get("team"), None);
    assert_eq!(rules[0]["rules"][7]["expr"], "(sum(rate(errors_total[30d])))\n/\n(sum(rate(requests_total[30d])))\n");
    let exhausted = rules[2]["rules"].as_array().unwrap().last().unwrap();
    assert_eq!((&exhausted["alert"], &exhausted["for"]), (&"ErrorBudgetExhausted".into(), &"5m".into()));
    assert!(exhausted["expr"].as_str().unwrap().ends_with("team=\"shop\"} <= 0.1\n"), "{exhausted}");
}

#[test]
fn what_only_sloth_can_run_is_refused() {
    let text = SLOTH.replace("    sli:\n", "    plugins: {chain: [{id: example.org/own/v1}]}\n    sli:\n");
    let catalog = Catalog::load([("a.yaml", text.as_str())]);
    assert_eq!(catalog.findings.len(), 1);
    assert!(catalog.findings[0].render().contains("which only sloth can run"), "{:?}", catalog.findings);
    let slos = load(SLOTH);
    let options = Options { by_period: AlertWindows::built_in(), ..Options::new("dev") };
    let mut quarter = slos[0].clone();
    quarter.period = Window::days(90);
    let error = slo::generate(&[quarter], &options).unwrap_err().to_string();
    assert!(error.contains("no alert windows for a period of 90d") && error.contains("--windows"), "{error}");
}
