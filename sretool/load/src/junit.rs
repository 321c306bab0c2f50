//! The result of a run as JUnit XML: a test case a threshold and an SLO.

use crate::format::escape;
use crate::gate::GateStatus;
use crate::report::Report;
use crate::text::observed;
use crate::verdict::Verdict;
use std::fmt::Write as _;

/// A test suite with a case for each threshold; a run without judgement is an error of each.
pub fn junit(report: &Report) -> String {
    let invalid = report.verdict == Verdict::Invalid;
    let cases = (report.thresholds.len() + report.gate.len()).max(1);
    let broken = report.thresholds.iter().filter(|t| !t.ok).count();
    let burnt = report.gate.iter().filter(|slo| slo.status == GateStatus::Burnt).count();
    let failures = if invalid { 0 } else { broken + burnt };
    let errors = if invalid { cases } else { 0 };
    let time = report.duration_s;
    let counts = format!("tests=\"{cases}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time}\"");
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"load\" {counts}>\n"
    );
    let reason = escape(&report.reasons.join("; "));
    let error = format!("      <error message=\"{reason}\" type=\"invalid\"/>\n");
    for threshold in &report.thresholds {
        let _ = writeln!(xml, "    <testcase classname=\"load\" name=\"{}\">", escape(&threshold.expr));
        if invalid {
            xml.push_str(&error);
        } else if !threshold.ok {
            let message = format!("observed {}, limit {} {}", observed(threshold), threshold.limit, threshold.unit);
            let _ = writeln!(xml, "      <failure message=\"{}\" type=\"threshold\"/>", escape(&message));
        }
        xml.push_str("    </testcase>\n");
    }
    for slo in &report.gate {
        let _ = writeln!(xml, "    <testcase classname=\"slo\" name=\"{}\">", escape(&slo.slo));
        match slo.status {
            _ if invalid => xml.push_str(&error),
            GateStatus::Burnt => {
                let _ = writeln!(xml, "      <failure message=\"{}\" type=\"budget\"/>", escape(&slo.sentence()));
            }
            GateStatus::NoData => xml.push_str("      <skipped message=\"no data\"/>\n"),
            GateStatus::Ok => {}
        }
        xml.push_str("    </testcase>\n");
    }
    if report.thresholds.is_empty() && report.gate.is_empty() {
        let body = if invalid { error.as_str() } else { "" };
        let _ = write!(xml, "    <testcase classname=\"load\" name=\"run\">\n{body}    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn each_threshold_is_a_case() {
        let xml = junit(&report(&["p95<200ms", "errors<0.1%"]));
        assert!(xml.contains("<testsuite name=\"load\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"2\">"), "{xml}");
        assert!(xml.contains("<testcase classname=\"load\" name=\"p95&lt;200ms\">\n    </testcase>"), "{xml}");
        assert!(xml.contains("<failure message=\"observed 1%, limit 0.1 %\" type=\"threshold\"/>"), "{xml}");
    }

    #[test]
    fn each_slo_is_a_case() {
        let xml = junit(&crate::report::tests::gated());
        assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{xml}");
        assert!(xml.contains("<testcase classname=\"slo\" name=\"orders-availability\">\n      <failure"), "{xml}");
        assert!(xml.contains("<skipped message=\"no data\"/>"), "{xml}");
    }

    #[test]
    fn no_judgement_is_an_error_of_each_case() {
        let invalid = Report { verdict: Verdict::Invalid, reasons: vec!["no samples".into()], ..report(&["p95<1ms"]) };
        let xml = junit(&invalid);
        assert!(xml.contains("failures=\"0\" errors=\"1\""), "{xml}");
        assert!(xml.contains("<error message=\"no samples\" type=\"invalid\"/>"), "{xml}");
    }

    #[test]
    fn a_run_without_thresholds_is_one_case() {
        let xml = junit(&report(&[]));
        assert!(xml.contains("tests=\"1\" failures=\"0\""), "{xml}");
        assert_eq!(xml.matches("<testcase").count(), xml.matches("</testcase>").count());
    }
}
