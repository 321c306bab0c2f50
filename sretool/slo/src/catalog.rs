//! Documents of many files, and the objectives that they make together.

mod references;
mod resolve;

use crate::calendar::Calendar;
use crate::duration::Window;
use crate::exclusions::Exclusion;
use crate::finding::{Collector, Finding, Position, Severity};
use crate::input::{self, LoadOptions};
use crate::model::{Alerting, Body, Budgeting, Document, NoData, Origin};
use crate::query::EventQuery;
use resolve::Resolver;
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
    /// The period of the error budget: it ends now, or it is the nominal length of a calendar's.
    pub period: Window,
    /// The calendar, where the period does not roll.
    pub calendar: Option<Calendar>,
    /// How the budget is counted.
    pub budgeting: Budgeting,
    /// Slices of time, where the budget is counted by them.
    pub slices: Option<Slices>,
    /// What is measured.
    pub sli: Sli,
    /// Labels by whose values the objective is divided.
    pub group_by: Vec<String>,
    /// How time without data counts.
    pub no_data: NoData,
    /// Times that do not count.
    pub exclusions: Vec<Exclusion>,
    /// What the format says about its alerts.
    pub alerting: Alerting,
    /// The format in which it was written.
    pub origin: Origin,
    /// Labels, each with one or more values.
    pub labels: Vec<(String, Vec<String>)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
    /// File of the document.
    pub file: Arc<str>,
    /// Where the document begins.
    pub at: Position,
}

/// Slices of time that a budget is counted by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slices {
    /// Length of one.
    pub window: Window,
    /// The ratio of good events that makes one good; 1 where slices count by their ratios.
    pub target: f64,
}

/// One objective made of several, each with an indicator of its own.
///
/// Its SLI is the weighted mean of theirs, and its error budget the weighted mean of their budgets.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    /// Service and name, joined by a hyphen.
    pub id: String,
    /// Name of the objective.
    pub name: String,
    /// The service.
    pub service: String,
    /// Each part's weight and the identifier of its [`Slo`].
    pub parts: Vec<(f64, String)>,
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

    /// The clause that keeps the labels of its groups in an aggregation: empty, or ` by (tenant) `.
    pub fn by(&self) -> String {
        if self.group_by.is_empty() { String::new() } else { format!(" by ({}) ", self.group_by.join(", ")) }
    }

    /// Every selector that its queries read, without duplicates.
    pub fn selectors(&self) -> Vec<String> {
        let queries = match &self.sli {
            Sli::GoodTotal(pair) | Sli::BadTotal(pair) => vec![&pair.part, &pair.total],
            Sli::Raw { query, .. } => vec![query],
        };
        let mut found: Vec<_> = queries.into_iter().flat_map(EventQuery::selectors).collect();
        found.sort_unstable();
        found.dedup();
        found
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
    /// Objectives made of several of [`Self::slos`].
    pub composites: Vec<Composite>,
    /// What is wrong, in order of file and place.
    pub findings: Vec<Finding>,
}

impl Catalog {
    /// Reads files given as pairs of name and text.
    pub fn load<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        Self::load_with(files, LoadOptions::default())
    }

    /// The same, reading documents in a certain way.
    pub fn load_with<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>, options: LoadOptions) -> Self {
        let files: Vec<_> = files.into_iter().collect();
        let mut catalog = Self::default();
        for (file, text) in &files {
            let (documents, findings) = input::parse(file, text, options);
            catalog.documents.extend(documents);
            catalog.findings.extend(findings);
        }
        catalog.resolve();
        for (file, text) in files {
            crate::finding::quote(&mut catalog.findings, file, text);
        }
        catalog.findings.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
        catalog
    }

    fn resolve(&mut self) {
        let resolver = Resolver::new(&self.documents);
        let (mut slos, mut composites, mut findings) = (Vec::<Slo>::new(), Vec::new(), Vec::new());
        for document in &self.documents {
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
            composites.extend(resolve::composite(document, spec, &slos));
            findings.append(&mut out.findings);
        }
        self.slos = slos;
        self.composites = composites;
        self.findings.append(&mut findings);
        self.findings.extend(references::check(&self.documents));
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
