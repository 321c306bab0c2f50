//! Questions to a server about the metrics of objectives.

use super::{about, counters};
use crate::catalog::{Catalog, Slo};
use crate::finding::Finding;
use crate::pyrra::matchers;
use promql::{METRIC_NAME, MatchOp, Matcher, VectorSelector};

/// One question, and what its answer means.
#[derive(Clone, Debug)]
pub struct LiveCheck {
    /// The instant query; its answer is one number or nothing.
    pub expr: String,
    slo: Slo,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Any series of the metric.
    Metric(String),
    /// Series of the part, which must exist before anything fails.
    Part(String),
    /// Series of the bucket.
    Bucket { metric: String, le: String },
    /// Events a day.
    Traffic,
}

/// The questions about the objectives of a catalog.
pub fn live_checks(catalog: &Catalog) -> Vec<LiveCheck> {
    let mut checks = Vec::new();
    for slo in &catalog.slos {
        let mut add = |expr: String, kind| checks.push(LiveCheck { expr, slo: slo.clone(), kind });
        let mut known: Vec<String> = Vec::new();
        for selector in slo.selectors() {
            if let Some(name) = metric_name(&selector).filter(|name| !known.contains(name)) {
                add(format!("count({name})"), Kind::Metric(name.clone()));
                known.push(name);
            }
        }
        let Some([part, total]) = counters(slo) else { continue };
        let bound = matchers(part).into_iter().find(|matcher| &*matcher.name == "le");
        match bound {
            Some(le) => {
                let metric = metric_name(part).unwrap_or_default();
                add(format!("count({metric}{{{le}}})"), Kind::Bucket { metric, le: le.to_string() });
            }
            None => add(format!("count({part})"), Kind::Part(part.to_owned())),
        }
        add(format!("sum(increase({total}[1d]))"), Kind::Traffic);
    }
    checks
}

fn metric_name(selector: &str) -> Option<String> {
    let found: Vec<Matcher> = matchers(selector);
    let name = found.into_iter().find(|m| &*m.name == METRIC_NAME && m.op == MatchOp::Equal)?;
    Some(VectorSelector { matchers: vec![name], ..VectorSelector::default() }.to_string())
}

impl LiveCheck {
    /// What an answer says against the objective: nothing where it is as it should be.
    pub fn judge(&self, answer: Option<f64>) -> Option<Finding> {
        let slo = &self.slo;
        let finding = |code, message, remedy: &str| Some(about(slo, slo.at, code, message, remedy.to_owned()));
        match (&self.kind, answer) {
            (Kind::Metric(name), None) => {
                finding("unknown-metric", format!("no series of {name}"), "check its spelling, and that it is scraped")
            }
            (Kind::Part(part), None) => finding(
                "not-initialised",
                format!("no series of {part}: a counter that is born at its first error loses that error"),
                "let the service start it at 0",
            ),
            (Kind::Bucket { metric, le }, None) => finding(
                "le-drift",
                format!("{metric} has no bucket with {le}"),
                "use a bound that the histogram has, or add the bucket",
            ),
            (Kind::Traffic, Some(events)) => {
                let allowed = events * slo.period.as_days() * slo.error_budget();
                (allowed < 1.0).then(|| {
                    let message = format!(
                        "{events:.0} events a day allow {allowed:.2} failures in {}: one failure breaks the objective",
                        slo.period
                    );
                    let remedy = "promise less, or take a longer period".to_owned();
                    about(slo, slo.at, "finer-than-traffic", message, remedy)
                })
            }
            _ => None,
        }
    }
}
