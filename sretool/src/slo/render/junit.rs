//! A report as JUnit XML: a failure is a breach, an error is no data.

use super::{escaped, sentence};
use slo::{Report, Status};

pub(super) fn render(report: &Report) -> String {
    let count = |status| report.slos.iter().filter(|slo| slo.status == status).count();
    let (tests, failures, errors) = (report.slos.len(), count(Status::Breached), count(Status::NoData));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!("<testsuites tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">\n"));
    out.push_str(&format!(
        "<testsuite name=\"slo\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" timestamp=\"{}\">\n",
        escaped(&report.at)
    ));
    for slo in &report.slos {
        let group = slo.group_text();
        let name = if group.is_empty() { slo.name.clone() } else { format!("{} {{{group}}}", slo.name) };
        let open = format!("  <testcase classname=\"{}\" name=\"{}\"", escaped(&slo.service), escaped(&name));
        let detail = escaped(&sentence(slo));
        out.push_str(&match slo.status {
            Status::Breached => format!("{open}><failure message=\"{detail}\"/></testcase>\n"),
            Status::NoData => format!("{open}><error message=\"{detail}\"/></testcase>\n"),
            Status::Ok | Status::AtRisk => format!("{open}><system-out>{detail}</system-out></testcase>\n"),
        });
    }
    out + "</testsuite>\n</testsuites>\n"
}
