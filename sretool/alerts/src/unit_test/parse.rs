//! Reads test files.

use super::raw::{RawAlert, RawExpectedAlert, RawExpr, RawFile, RawSample, RawTest};
use super::sequence;
use super::{AlertCase, ExpectedAlert, ExprCase, InputSeries, Test, TestFile};
use promql::Labels;
use rules::Problem;
use serde_saphyr::Spanned;

const DEFAULT_INTERVAL_MS: i64 = 60_000;

/// Parses a test file. `name` is how messages call it.
///
/// # Errors
/// Every [`Problem`] found; broken YAML and unknown keys end the search.
pub fn parse(name: &str, text: &str) -> Result<TestFile, Vec<Problem>> {
    let options = serde_saphyr::options! { with_snippet: false };
    let raw: RawFile = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| vec![crate::yaml_problem(name, &error, "test file")])?;
    let mut reader = Reader { file: name, problems: Vec::new() };
    let evaluation_interval_ms = reader.interval(raw.evaluation_interval.as_ref(), "evaluation_interval");
    let evaluation_interval_ms = evaluation_interval_ms.unwrap_or(DEFAULT_INTERVAL_MS);
    let group_eval_order = reader.order(raw.group_eval_order.unwrap_or_default());
    let tests = raw.tests.unwrap_or_default();
    let tests = tests.into_iter().map(|test| reader.test(test, evaluation_interval_ms)).collect();
    let file = TestFile {
        name: name.to_owned(),
        rule_files: raw.rule_files.unwrap_or_default(),
        evaluation_interval_ms,
        group_eval_order,
        fuzzy_compare: raw.fuzzy_compare,
        tests,
    };
    if reader.problems.is_empty() { Ok(file) } else { Err(reader.problems) }
}

struct Reader<'a> {
    file: &'a str,
    problems: Vec<Problem>,
}

fn line<T>(value: &Spanned<T>) -> usize {
    crate::position(value.referenced).0
}

impl Reader<'_> {
    fn report<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        let (line, column) = crate::position(at.referenced);
        self.problems.push(Problem { file: self.file.to_owned(), line, column, message: message.into() });
    }

    fn duration(&mut self, raw: Option<&Spanned<String>>, key: &str) -> Option<i64> {
        let raw = raw?;
        match rules::parse_duration(&raw.value) {
            Ok(ms) => Some(ms),
            Err(error) => {
                self.report(raw, format!("`{key}`: {error}"));
                None
            }
        }
    }

    /// A duration of which 0 means that it is not given.
    fn interval(&mut self, raw: Option<&Spanned<String>>, key: &str) -> Option<i64> {
        self.duration(raw, key).filter(|ms| *ms > 0)
    }

    fn order(&mut self, names: Vec<Spanned<String>>) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        for name in names {
            if order.contains(&name.value) {
                self.report(&name, format!("the group `{}` is named twice in group_eval_order", name.value));
            }
            order.push(name.value);
        }
        order
    }

    fn test(&mut self, spanned: Spanned<RawTest>, evaluation_interval_ms: i64) -> Test {
        let at = line(&spanned);
        let raw = spanned.value;
        let interval_ms = self.interval(raw.interval.as_ref(), "interval").unwrap_or(evaluation_interval_ms);
        let start_ms = raw.start_timestamp.as_ref().and_then(|raw| self.start(raw)).unwrap_or(0);
        let mut series = Vec::new();
        for input in raw.input_series.unwrap_or_default() {
            match (sequence::metric(&input.series.value), sequence::points(&input.values.value)) {
                (Ok(labels), Ok(points)) => series.push(InputSeries { labels, points }),
                (Err(message), _) => self.report(&input.series, message),
                (_, Err(message)) => self.report(&input.values, message),
            }
        }
        Test {
            name: raw.name.unwrap_or_default(),
            line: at,
            start_ms,
            interval_ms,
            external_labels: raw.external_labels.unwrap_or_default().into_iter().collect(),
            external_url: raw.external_url.unwrap_or_default(),
            series,
            alerts: raw.alert_rule_test.unwrap_or_default().into_iter().map(|case| self.alert(case)).collect(),
            exprs: raw.promql_expr_test.unwrap_or_default().into_iter().map(|case| self.expr(case)).collect(),
        }
    }

    fn start(&mut self, raw: &Spanned<String>) -> Option<i64> {
        let text = raw.value.trim();
        let unix = text.parse::<f64>().ok().filter(|s| s.is_finite());
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let ms = unix.map(|seconds| (seconds * 1000.0).round() as i64);
        let ms = ms.or_else(|| chrono::DateTime::parse_from_rfc3339(text).ok().map(|t| t.timestamp_millis()));
        if ms.is_none() {
            let message = "`start_timestamp` is no time; write seconds since 1970 or RFC 3339 (2026-01-01T00:00:00Z)";
            self.report(raw, message);
        }
        ms
    }

    fn alert(&mut self, spanned: Spanned<RawAlert>) -> AlertCase {
        if spanned.value.alertname.is_empty() {
            self.report(&spanned, "this `alert_rule_test` has no `alertname`; name the alert that it is about");
        }
        let (at, raw) = (line(&spanned), spanned.value);
        let mut expected: Vec<_> = raw.exp_alerts.unwrap_or_default();
        let expected = expected.drain(..).map(|alert| expected_alert(alert, &raw.alertname)).collect();
        let eval_time_ms = self.duration(raw.eval_time.as_ref(), "eval_time").unwrap_or(0);
        AlertCase { line: at, eval_time_ms, alertname: raw.alertname, expected }
    }

    fn expr(&mut self, spanned: Spanned<RawExpr>) -> ExprCase {
        let (at, raw) = (line(&spanned), spanned.value);
        let expected = raw.exp_samples.unwrap_or_default().iter().map(expected_sample).collect();
        let expr = promql::parse(&raw.expr).map_err(|error| error.render(&raw.expr).trim_end().to_owned());
        let eval_time_ms = self.duration(raw.eval_time.as_ref(), "eval_time").unwrap_or(0);
        ExprCase { line: at, eval_time_ms, text: raw.expr, expr, expected }
    }
}

fn expected_alert(raw: RawExpectedAlert, alertname: &str) -> ExpectedAlert {
    let labels: Labels = raw.exp_labels.unwrap_or_default().into_iter().collect();
    ExpectedAlert {
        labels: labels.with("alertname", alertname),
        annotations: raw.exp_annotations.unwrap_or_default().into_iter().collect(),
    }
}

fn expected_sample(raw: &RawSample) -> Result<(Labels, f64), String> {
    let labels = sequence::metric(&raw.labels).map_err(|message| format!("labels {:?}: {message}", raw.labels))?;
    if raw.histogram.as_ref().is_some_and(|h| !h.is_empty()) {
        return Err("native histograms cannot be compared here yet".to_owned());
    }
    let text = raw.value.as_deref().unwrap_or("0").trim();
    let value = yaml_float(text).ok_or_else(|| format!("the value `{text}` is no number"))?;
    Ok((labels, value))
}

/// A number as YAML writes it: `.inf` and `.nan` besides digits.
fn yaml_float(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        ".inf" | "+.inf" => Some(f64::INFINITY),
        "-.inf" => Some(f64::NEG_INFINITY),
        ".nan" => Some(f64::NAN),
        other => other.replace('_', "").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        parse("t.yml", text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn defaults_are_promtool_s() {
        let file = parse("t.yml", "tests:\n- {}\n").unwrap();
        assert_eq!((file.evaluation_interval_ms, file.tests.len()), (60_000, 1));
        assert_eq!((file.tests[0].interval_ms, file.tests[0].start_ms, file.tests[0].line), (60_000, 0, 2));
        assert!(parse("t.yml", "evaluation_interval: 0\n").unwrap().tests.is_empty());
    }

    #[test]
    fn a_start_is_unix_or_rfc3339() {
        let start = |text: &str| {
            let text = format!("tests:\n- start_timestamp: {text}\n");
            parse("t.yml", &text).map(|file| file.tests[0].start_ms)
        };
        assert_eq!(start("1609459200"), Ok(1_609_459_200_000));
        assert_eq!(start("\"2024-01-01T00:00:00Z\""), Ok(1_704_067_200_000));
        assert!(start("yesterday").unwrap_err()[0].to_string().starts_with("t.yml:2:"));
    }

    #[test]
    fn problems_name_line_and_cause() {
        let text = "evaluation_interval: 5min\ntests:\n- input_series:\n  - series: 'up{'\n    values: 1\n  \
                    - series: up\n    values: 1 x\n  alert_rule_test:\n  - eval_time: 1q\n    exp_alerts: []\n";
        let found = problems(text);
        let lines: Vec<_> = found.iter().map(|p| p.split(':').nth(1).unwrap().to_owned()).collect();
        assert_eq!(lines, ["1", "4", "7", "9", "9"], "{found:#?}");
        assert!(found[3].contains("alertname"), "{found:#?}");
        let unknown = problems("tests:\n- input: []\n");
        assert!(unknown[0].contains("`input` is unknown"), "{unknown:?}");
        assert!(problems("group_eval_order: [a, b, a]\n")[0].contains("twice"));
    }

    #[test]
    fn what_only_one_case_needs_fails_that_case() {
        let text = "tests:\n- promql_expr_test:\n  - expr: up +\n    eval_time: 1m\n    exp_samples:\n    \
                    - labels: 'a{'\n      value: 1\n";
        let file = parse("t.yml", text).unwrap();
        let case = &file.tests[0].exprs[0];
        assert!(case.expr.is_err() && case.expected.is_err());
        assert_eq!((case.line, case.eval_time_ms), (3, 60_000));
    }

    #[test]
    fn yaml_numbers() {
        assert_eq!(yaml_float(".inf"), Some(f64::INFINITY));
        assert_eq!(yaml_float("1_000"), Some(1000.0));
        assert!(yaml_float(".NaN").unwrap().is_nan());
        assert_eq!(yaml_float("x"), None);
    }
}
