//! Follows the references of documents, and turns what they measure into queries.

use super::{Composite, MetricPair, Sli, Slices, Slo, UNSUPPORTED};
use crate::calendar::Calendar;
use crate::duration::Window;
use crate::exclusions::Exclusion;
use crate::finding::{Collector, Position, closest};
use crate::model::{
    Body, Budgeting, Document, Extras, Indicator, IndicatorSource, Kind, Metric, MetricSource, NoData, Objective,
    SloSpec,
};
use crate::query::{EventQuery, QueryError, QueryForm};
use crate::windows::BurnWindows;
use std::collections::HashMap;
use std::sync::Arc;

/// Annotations that say what OpenSLO has no field for.
const PREFIX: &str = "sretool.dev/";
const GROUP_BY: &str = "group-by";
const NO_DATA: &str = "no-data";
const EXCLUDE: &str = "exclude";

/// The objects that others refer to by name.
pub(super) struct Resolver<'d> {
    indicators: HashMap<&'d str, &'d Indicator>,
    sources: HashMap<&'d str, &'d str>,
}

/// What the objectives of one document share.
struct Frame {
    period: Window,
    calendar: Option<Calendar>,
    extras: Extras,
}

impl<'d> Resolver<'d> {
    pub(super) fn new(documents: &'d [Document]) -> Self {
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

    /// The objectives of a document, one for each target.
    pub(super) fn slos(&self, document: &Document, spec: &'d SloSpec, out: &mut Collector) -> Vec<Slo> {
        let Some(frame) = frame(document, spec, out) else { return Vec::new() };
        if spec.objectives.is_empty() {
            unsupported(out, document.at, "an SLO without objectives", "add one objective");
        }
        let mut slos = Vec::new();
        for (i, objective) in spec.objectives.iter().enumerate() {
            let indicator = self.indicator(objective.indicator.as_ref().unwrap_or(&spec.indicator), out);
            let sli = indicator.and_then(|indicator| self.sli(indicator, objective, &frame.extras.group_by, out));
            if let (Some(sli), Some(slices)) = (sli, slices(spec.budgeting, objective, &frame, out)) {
                warn_unfireable(objective, out);
                slos.push(slo(document, spec, i, sli, slices, &frame));
            } else if objective.indicator.is_none() {
                // The others share the indicator, and would repeat what is wrong with it.
                break;
            }
        }
        slos
    }

    fn indicator(&self, source: &'d IndicatorSource, out: &mut Collector) -> Option<&'d Indicator> {
        match source {
            IndicatorSource::Inline(indicator) => Some(indicator),
            // Every objective of a composite has an indicator of its own, which the reader of the document saw to.
            IndicatorSource::Composite(_) => None,
            IndicatorSource::Reference(name, at) => {
                let found = self.indicators.get(name.as_str()).copied();
                if found.is_none() {
                    let names: Vec<_> = self.indicators.keys().copied().collect();
                    let remedy = match closest(name, &names) {
                        Some(meant) => format!("did you mean {meant:?}?"),
                        None => format!("give the file that holds this {} as well", Kind::Sli),
                    };
                    out.error(*at, "reference", format!("no SLI is named {name:?}"), Some(remedy));
                }
                found
            }
        }
    }

    fn sli(&self, indicator: &Indicator, objective: &Objective, by: &[String], out: &mut Collector) -> Option<Sli> {
        let pair = |part, total| Some(Sli::GoodTotal(MetricPair { part: part?, total: total? }));
        match &indicator.metric {
            Metric::Threshold(source) => {
                let Some((op, value)) = objective.op.zip(objective.value) else {
                    let remedy = "add op and value, such as op: lte and value: 0.2".to_owned();
                    let message = "a threshold metric needs a limit to compare with".to_owned();
                    out.error(objective.at, "required", message, Some(remedy));
                    return None;
                };
                let text = self.text(source, out)?;
                let [part, total] = found(EventQuery::threshold(text, op, value, by), source, out)?;
                Some(Sli::GoodTotal(MetricPair { part, total }))
            }
            Metric::BoolGauge(gauge) => {
                let part = self.query(gauge, QueryForm::Delta, by, out);
                pair(part, self.query(gauge, QueryForm::Samples, by, out))
            }
            Metric::NativeLatency { histogram, limit } => {
                let form = |le| QueryForm::Histogram(crate::model::HistogramUse { native: true, le });
                let part = self.query(histogram, form(Some(*limit)), by, out);
                pair(part, self.query(histogram, form(None), by, out))
            }
            Metric::Raw { success, raw } => {
                Some(Sli::Raw { query: self.query(raw, QueryForm::Ratio, by, out)?, success: *success })
            }
            Metric::GoodTotal { counter, good, total } => self.pair(good, total, *counter, by, out).map(Sli::GoodTotal),
            Metric::BadTotal { counter, bad, total } => self.pair(bad, total, *counter, by, out).map(Sli::BadTotal),
        }
    }

    fn pair(
        &self,
        part: &MetricSource,
        total: &MetricSource,
        counter: bool,
        by: &[String],
        out: &mut Collector,
    ) -> Option<MetricPair> {
        let form = |source: &MetricSource| match source.histogram {
            Some(how) => QueryForm::Histogram(how),
            None if counter => QueryForm::Counter,
            None => QueryForm::Delta,
        };
        let (part, total) = (self.query(part, form(part), by, out), self.query(total, form(total), by, out));
        Some(MetricPair { part: part?, total: total? })
    }

    fn query(&self, source: &MetricSource, form: QueryForm, by: &[String], out: &mut Collector) -> Option<EventQuery> {
        let text = self.text(source, out)?;
        found(EventQuery::new(text, form, by), source, out)
    }

    /// The text of a query to Prometheus.
    fn text<'s>(&self, source: &'s MetricSource, out: &mut Collector) -> Option<&'s str> {
        let referenced = source.reference.as_deref().and_then(|name| self.sources.get(name).copied());
        let kind = source.kind.as_deref().or(referenced).unwrap_or("prometheus");
        if !kind.eq_ignore_ascii_case("prometheus") {
            let remedy = "use a metricSource of type prometheus";
            unsupported(out, source.at, &format!("a metric source of type {kind:?}"), remedy);
            return None;
        }
        if source.query.is_none() {
            let remedy = "add the key \"query\" with a PromQL expression".to_owned();
            out.error(source.at, "query", "the metric source has no query".into(), Some(remedy));
        }
        source.query.as_deref()
    }
}

fn found<T>(query: Result<T, QueryError>, source: &MetricSource, out: &mut Collector) -> Option<T> {
    query.map_err(|error| out.error(source.at, "query", error.to_string(), error.remedy())).ok()
}

fn slo(document: &Document, spec: &SloSpec, i: usize, sli: Sli, slices: Option<Slices>, frame: &Frame) -> Slo {
    let name = part_name(document, spec, i);
    Slo {
        id: format!("{}-{name}", spec.service),
        name,
        service: spec.service.clone(),
        description: spec.description.clone(),
        objective: spec.objectives[i].target,
        period: frame.period,
        calendar: frame.calendar,
        budgeting: spec.budgeting,
        slices,
        sli,
        group_by: frame.extras.group_by.clone(),
        no_data: frame.extras.no_data.unwrap_or_default(),
        exclusions: frame.extras.exclusions.clone(),
        alerting: spec.alerting.clone(),
        origin: spec.origin.clone(),
        labels: document.metadata.labels.clone(),
        annotations: document.metadata.annotations.clone(),
        file: Arc::clone(&document.file),
        at: document.at,
    }
}

/// Name of the objective, with the number of the target where there are several.
fn part_name(document: &Document, spec: &SloSpec, i: usize) -> String {
    let name = &document.metadata.name;
    if spec.objectives.len() > 1 { format!("{name}-{i}") } else { name.clone() }
}

/// The composite that a document describes, once its parts are known to be usable.
pub(super) fn composite(document: &Document, spec: &SloSpec, slos: &[Slo]) -> Option<Composite> {
    if !matches!(spec.indicator, IndicatorSource::Composite(_)) {
        return None;
    }
    let part = |(i, objective): (usize, &Objective)| {
        let id = format!("{}-{}", spec.service, part_name(document, spec, i));
        slos.iter().any(|slo| slo.id == id).then_some((objective.weight, id))
    };
    let name = document.metadata.name.clone();
    Some(Composite {
        id: format!("{}-{name}", spec.service),
        name,
        service: spec.service.clone(),
        parts: spec.objectives.iter().enumerate().map(part).collect::<Option<_>>()?,
    })
}

fn frame(document: &Document, spec: &SloSpec, out: &mut Collector) -> Option<Frame> {
    let window = spec.window.as_ref()?;
    let calendar = match window.calendar.as_ref().map(Calendar::new) {
        None => None,
        Some(Ok(calendar)) => Some(calendar),
        Some(Err(error)) => {
            let remedy = match &error.meant {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => "write a name such as Europe/Berlin, or UTC".to_owned(),
            };
            out.error(window.at, "time-zone", error.to_string(), Some(remedy));
            return None;
        }
    };
    Some(Frame { period: window.duration, calendar, extras: extras(document, &spec.extras, out)? })
}

/// What the format says, and what annotations say over it.
fn extras(document: &Document, written: &Extras, out: &mut Collector) -> Option<Extras> {
    let mut extras = written.clone();
    let before = out.findings.len();
    let places = document.metadata.annotation_places.iter().copied().chain(std::iter::repeat(document.at));
    for ((key, value), at) in document.metadata.annotations.iter().zip(places) {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        match name {
            GROUP_BY => extras.group_by = group_by(value, at, out),
            NO_DATA => match NoData::from_name(value) {
                Some(rule) => extras.no_data = Some(rule),
                None => {
                    let remedy = format!("use one of {}", NoData::NAMES.join(", "));
                    out.error(at, "value", format!("{key:?} cannot be {value:?}"), Some(remedy));
                }
            },
            EXCLUDE => match Exclusion::parse_list(value) {
                Ok(list) => extras.exclusions.extend(list),
                Err(error) => out.error(at, "exclude", error.to_string(), Some(error.remedy())),
            },
            _ => {
                let known = [GROUP_BY, NO_DATA, EXCLUDE];
                let remedy = match closest(name, &known) {
                    Some(meant) => format!("did you mean \"{PREFIX}{meant}\"?"),
                    None => format!("known: {}", known.map(|name| format!("{PREFIX}{name}")).join(", ")),
                };
                out.error(at, "unknown-key", format!("unknown annotation {key:?}"), Some(remedy));
            }
        }
    }
    (out.findings.len() == before).then_some(extras)
}

fn group_by(value: &str, at: Position, out: &mut Collector) -> Vec<String> {
    let labels: Vec<_> = value.split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect();
    if let Some(bad) = labels.iter().find(|label| !promql::is_label_name(label)) {
        let remedy = "write label names separated by commas, such as cluster, tenant".to_owned();
        out.error(at, "value", format!("no label name: {bad:?}"), Some(remedy));
    }
    labels
}

/// The slices that a budget is counted by; `None` where they cannot be used.
fn slices(budgeting: Budgeting, objective: &Objective, frame: &Frame, out: &mut Collector) -> Option<Option<Slices>> {
    let target = match budgeting {
        Budgeting::Occurrences => return Some(None),
        Budgeting::Timeslices => objective.time_slice_target?,
        Budgeting::RatioTimeslices => 1.0,
    };
    let window = objective.time_slice_window?;
    if window >= frame.period {
        let message = format!("a slice of {window} is not shorter than the period, {}", frame.period);
        out.error(objective.at, "value", message, Some("write a shorter timeSliceWindow, such as 1m".into()));
        return None;
    }
    Some(Some(Slices { window, target }))
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
