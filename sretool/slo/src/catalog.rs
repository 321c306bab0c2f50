//! Documents of many files, and the objectives that they make together.

use crate::duration::Window;
use crate::finding::{Collector, Finding, Position, Severity};
use crate::model::{
    Body, Budgeting, Document, Indicator, IndicatorSource, Kind, Metric, MetricSource, Objective, SloSpec,
};
use crate::openslo;
use crate::query::{EventQuery, QueryForm};
use crate::windows::BurnWindows;
use std::collections::HashMap;
use std::sync::Arc;

/// Code of findings about SLOs that are valid but left out.
const UNSUPPORTED: &str = "unsupported";

/// One target of one objective, every reference followed: what is evaluated and alerted on.
#[derive(Clone, Debug)]
pub struct Slo {
    /// Service and name, joined by a hyphen; sloth's identifier.
    pub id: String,
    /// Name of the objective, with the number of the target where there are several.
    pub name: String,
    /// The service.
    pub service: String,
    /// For people.
    pub description: Option<String>,
    /// The ratio of good events that is promised, in [0, 1).
    pub objective: f64,
    /// The period of the error budget, which ends now.
    pub period: Window,
    /// What is measured.
    pub sli: Sli,
    /// Labels, each with one or more values.
    pub labels: Vec<(String, Vec<String>)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
    /// File of the document.
    pub file: Arc<str>,
    /// Where the document begins.
    pub at: Position,
}

/// A measurement as queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sli {
    /// Good and all events.
    GoodTotal(MetricPair),
    /// Bad and all events.
    BadTotal(MetricPair),
    /// A ratio that the source computes.
    Raw {
        /// The ratio.
        query: EventQuery,
        /// Whether it is the ratio of good events; else of bad ones.
        success: bool,
    },
}

/// Two counts of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricPair {
    /// The good or the bad events.
    pub part: EventQuery,
    /// All events.
    pub total: EventQuery,
}

impl Slo {
    /// The share of events that may fail: 1 − objective, as the decimal that was meant.
    pub fn error_budget(&self) -> f64 {
        let budget = 1.0 - self.objective;
        format!("{budget:.12}").parse().unwrap_or(budget)
    }

    /// The objective in percent, as people write it.
    pub fn objective_percent(&self) -> String {
        let text = format!("{:.10}", self.objective * 100.0);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }
}

/// The documents of some files with everything that is wrong with them.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Valid documents, in order.
    pub documents: Vec<Document>,
    /// Objectives that can be evaluated, in order.
    pub slos: Vec<Slo>,
    /// What is wrong, in order of file and place.
    pub findings: Vec<Finding>,
}

impl Catalog {
    /// Reads files given as pairs of name and text.
    pub fn load<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let mut catalog = Self::default();
        for (file, text) in files {
            let (documents, findings) = openslo::parse(file, text);
            catalog.documents.extend(documents);
            catalog.findings.extend(findings);
        }
        let resolver = Resolver::new(&catalog.documents);
        let mut slos: Vec<Slo> = Vec::new();
        for document in &catalog.documents {
            let Body::Slo(spec) = &document.body else { continue };
            let mut out = Collector::new(&document.file);
            for slo in resolver.slos(document, spec, &mut out) {
                match slos.iter().find(|other| other.id == slo.id) {
                    Some(other) => {
                        let message = format!("{} is defined in {}:{} already", slo.id, other.file, other.at.line);
                        out.error(slo.at, "duplicate", message, Some("rename one of the two".into()));
                    }
                    None => slos.push(slo),
                }
            }
            catalog.findings.append(&mut out.findings);
        }
        catalog.slos = slos;
        catalog.findings.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
        catalog
    }

    /// Whether no document is invalid.
    pub fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    /// Whether every SLO can be evaluated: nothing is invalid, and nothing valid is unsupported.
    pub fn is_complete(&self) -> bool {
        self.is_valid() && self.findings.iter().all(|finding| finding.code != UNSUPPORTED)
    }
}

struct Resolver<'d> {
    indicators: HashMap<&'d str, &'d Indicator>,
    sources: HashMap<&'d str, &'d str>,
}

impl<'d> Resolver<'d> {
    fn new(documents: &'d [Document]) -> Self {
        let mut resolver = Self { indicators: HashMap::new(), sources: HashMap::new() };
        for document in documents {
            let name = document.metadata.name.as_str();
            match &document.body {
                Body::Sli(indicator) => {
                    resolver.indicators.insert(name, indicator);
                }
                Body::DataSource(kind) => {
                    resolver.sources.insert(name, kind);
                }
                _ => {}
            }
        }
        resolver
    }

    fn slos(&self, document: &Document, spec: &SloSpec, out: &mut Collector) -> Vec<Slo> {
        let Some(period) = period(document, spec, out) else { return Vec::new() };
        let Some(sli) = self.indicator(spec, out).and_then(|indicator| self.sli(indicator, out)) else {
            return Vec::new();
        };
        if spec.objectives.is_empty() {
            unsupported(out, document.at, "an SLO without objectives", "add one objective");
        }
        for objective in &spec.objectives {
            warn_unfireable(objective, out);
        }
        let several = spec.objectives.len() > 1;
        let one = |(i, objective): (usize, &Objective)| {
            let name = document.metadata.name.clone();
            let name = if several { format!("{name}-{i}") } else { name };
            Slo {
                id: format!("{}-{name}", spec.service),
                name,
                service: spec.service.clone(),
                description: spec.description.clone(),
                objective: objective.target,
                period,
                sli: sli.clone(),
                labels: document.metadata.labels.clone(),
                annotations: document.metadata.annotations.clone(),
                file: Arc::clone(&document.file),
                at: document.at,
            }
        };
        spec.objectives.iter().enumerate().map(one).collect()
    }

    fn indicator(&self, spec: &'d SloSpec, out: &mut Collector) -> Option<&'d Indicator> {
        match &spec.indicator {
            IndicatorSource::Inline(indicator) => Some(indicator),
            IndicatorSource::Composite(at) => {
                unsupported(out, *at, "a composite SLO", "write one SLO for each indicator");
                None
            }
            IndicatorSource::Reference(name, at) => {
                let found = self.indicators.get(name.as_str()).copied();
                if found.is_none() {
                    let names: Vec<_> = self.indicators.keys().copied().collect();
                    let remedy = match crate::finding::closest(name, &names) {
                        Some(meant) => format!("did you mean {meant:?}?"),
                        None => format!("give the file that holds this {} as well", Kind::Sli),
                    };
                    out.error(*at, "reference", format!("no SLI is named {name:?}"), Some(remedy));
                }
                found
            }
        }
    }

    fn sli(&self, indicator: &Indicator, out: &mut Collector) -> Option<Sli> {
        match &indicator.metric {
            Metric::Threshold(_) => {
                unsupported(out, indicator.at, "a thresholdMetric", "write a ratioMetric of good and total events");
                None
            }
            Metric::Raw { success, raw } => {
                Some(Sli::Raw { query: self.query(raw, QueryForm::Ratio, out)?, success: *success })
            }
            Metric::GoodTotal { counter, good, total } => self.pair(good, total, *counter, out).map(Sli::GoodTotal),
            Metric::BadTotal { counter, bad, total } => self.pair(bad, total, *counter, out).map(Sli::BadTotal),
        }
    }

    fn pair(
        &self,
        part: &MetricSource,
        total: &MetricSource,
        counter: bool,
        out: &mut Collector,
    ) -> Option<MetricPair> {
        let form = if counter { QueryForm::Counter } else { QueryForm::Delta };
        let (part, total) = (self.query(part, form, out), self.query(total, form, out));
        Some(MetricPair { part: part?, total: total? })
    }

    fn query(&self, source: &MetricSource, form: QueryForm, out: &mut Collector) -> Option<EventQuery> {
        let referenced = source.reference.as_deref().and_then(|name| self.sources.get(name).copied());
        let kind = source.kind.as_deref().or(referenced).unwrap_or("prometheus");
        if !kind.eq_ignore_ascii_case("prometheus") {
            let remedy = "use a metricSource of type prometheus";
            unsupported(out, source.at, &format!("a metric source of type {kind:?}"), remedy);
            return None;
        }
        let Some(query) = &source.query else {
            let remedy = "add the key \"query\" with a PromQL expression".to_owned();
            out.error(source.at, "query", "the metric source has no query".into(), Some(remedy));
            return None;
        };
        match EventQuery::new(query, form) {
            Ok(query) => Some(query),
            Err(error) => {
                out.error(source.at, "query", error.to_string(), error.remedy());
                None
            }
        }
    }
}

/// The period, where this crate can evaluate it.
fn period(document: &Document, spec: &SloSpec, out: &mut Collector) -> Option<Window> {
    let window = spec.window.as_ref()?;
    if spec.budgeting != Budgeting::Occurrences {
        let remedy = "write budgetingMethod: Occurrences";
        unsupported(out, document.at, &format!("budgetingMethod {:?}", spec.budgeting), remedy);
        return None;
    }
    if !window.rolling {
        unsupported(out, window.at, "a calendar window", "write isRolling: true");
        return None;
    }
    Some(window.duration)
}

/// Where a factor times the budget reaches 1, not even a full outage burns fast enough.
fn warn_unfireable(objective: &Objective, out: &mut Collector) {
    let budget = 1.0 - objective.target;
    for condition in BurnWindows::workbook().conditions.iter().filter(|c| c.factor * budget >= 1.0) {
        let (factor, long) = (condition.factor, condition.long);
        let message = format!(
            "no outage can burn a budget of {:.4} {factor} times too fast, so the {} over {long} never fires",
            budget, condition.urgency
        );
        let remedy = format!("promise more than {:.4}, or rely on the slower conditions", 1.0 - 1.0 / factor);
        out.warning(objective.at, "unfireable", message, Some(remedy));
    }
}

fn unsupported(out: &mut Collector, at: Position, what: &str, remedy: &str) {
    let message = format!("{what} is valid but is not supported yet, so this SLO is neither reported nor alerted on");
    out.warning(at, UNSUPPORTED, message, Some(remedy.to_owned()));
}
