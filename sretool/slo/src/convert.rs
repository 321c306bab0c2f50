//! Writes objectives in another format, and tells everything that the format cannot express.

mod measure;
mod openslo;
mod pyrra;
mod sloth;
mod writer;

use crate::catalog::Catalog;
use crate::finding::Position;
use crate::model::{Alerting, Body, Budgeting, Document, IndicatorSource, Objective, Origin, SloSpec};
use measure::Measure;
use std::fmt;
use std::sync::Arc;

/// Formats that objectives can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// OpenSLO v1.
    OpenSlo,
    /// Sloth's `prometheus/v1`.
    Sloth,
    /// Sloth's Kubernetes resource.
    SlothKubernetes,
    /// Pyrra's resource.
    Pyrra,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSlo => "OpenSLO",
            Self::Sloth | Self::SlothKubernetes => "sloth",
            Self::Pyrra => "Pyrra",
        })
    }
}

/// Something that the target cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// File of the document.
    pub file: Arc<str>,
    /// Where the objective begins.
    pub at: Position,
    /// The objective.
    pub slo: String,
    /// What is lost, and what is written instead.
    pub what: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, at, slo, what } = self;
        write!(f, "{file}:{}:{}: lost of {slo}: {what}", at.line, at.column)
    }
}

/// Documents in another format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversion {
    /// The documents.
    pub text: String,
    /// What they lack.
    pub losses: Vec<Loss>,
}

/// One target of one objective, as far as any format describes it.
struct Portable<'d> {
    document: &'d Document,
    spec: &'d SloSpec,
    objective: &'d Objective,
    name: String,
    measure: Measure,
}

impl Portable<'_> {
    fn alerting(&self) -> &Alerting {
        &self.spec.alerting
    }

    fn id(&self) -> String {
        format!("{}-{}", self.spec.service, self.name)
    }

    fn group_by(&self) -> Vec<String> {
        let annotated = self.document.metadata.annotations.iter().find(|(key, _)| key == "sretool.dev/group-by");
        match annotated {
            Some((_, value)) => value.split(',').map(|label| label.trim().to_owned()).collect(),
            None => self.spec.extras.group_by.clone(),
        }
    }

    /// The target in percent, as people write it.
    fn percent(&self) -> String {
        let text = format!("{:.10}", self.objective.target * 100.0);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Labels with one value each, with names that Prometheus allows.
    fn labels(&self, losses: &mut Losses<'_>) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        for (key, values) in &self.document.metadata.labels {
            let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let name = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name };
            if name != *key {
                losses.add(format!("the label {key:?} is named {name:?}"));
            }
            if values.len() != 1 {
                losses.add(format!("the label {key:?} has {} values, which become one", values.len()));
            }
            labels.push((name, values.join(",")));
        }
        labels
    }
}

/// Gathers what is lost of an objective.
struct Losses<'l> {
    file: Arc<str>,
    at: Position,
    slo: String,
    all: &'l mut Vec<Loss>,
}

impl Losses<'_> {
    fn add(&mut self, what: impl Into<String>) {
        self.all.push(Loss { file: Arc::clone(&self.file), at: self.at, slo: self.slo.clone(), what: what.into() });
    }
}

/// Writes the objectives of a catalog in a format. Documents with errors are not in a catalog.
pub fn convert(catalog: &Catalog, target: Target) -> Conversion {
    let mut conversion = Conversion::default();
    let portables: Vec<_> = catalog.documents.iter().flat_map(|document| portable(catalog, document)).collect();
    if target != Target::OpenSlo {
        unwritten(catalog, target, &mut conversion.losses);
    }
    match target {
        Target::OpenSlo => openslo::write(catalog, &portables, &mut conversion),
        Target::Sloth => sloth::write(&portables, false, &mut conversion),
        Target::SlothKubernetes => sloth::write(&portables, true, &mut conversion),
        Target::Pyrra => pyrra::write(&portables, &mut conversion),
    }
    conversion
}

/// Objects of OpenSLO that are no objectives and that no objective takes up.
fn unwritten(catalog: &Catalog, target: Target, losses: &mut Vec<Loss>) {
    for document in &catalog.documents {
        let kind = document.body.kind();
        // An indicator is written into the objectives that refer to it.
        if !matches!(document.body, Body::Slo(_) | Body::Sli(_)) {
            let what = format!("{target} has no object of kind {kind}");
            losses.push(Loss {
                file: Arc::clone(&document.file),
                at: document.at,
                slo: document.metadata.name.clone(),
                what,
            });
        }
    }
}

fn portable<'d>(catalog: &'d Catalog, document: &'d Document) -> Vec<Portable<'d>> {
    let Body::Slo(spec) = &document.body else { return Vec::new() };
    let several = spec.objectives.len() > 1;
    let one = |(i, objective): (usize, &'d Objective)| {
        let source = objective.indicator.as_ref().unwrap_or(&spec.indicator);
        let indicator = match source {
            IndicatorSource::Inline(indicator) => Some(indicator),
            IndicatorSource::Reference(name, _) => catalog.documents.iter().find_map(|other| match &other.body {
                Body::Sli(indicator) if other.metadata.name == *name => Some(indicator),
                _ => None,
            }),
            IndicatorSource::Composite(_) => None,
        };
        let name = &document.metadata.name;
        let name = if several { format!("{name}-{i}") } else { name.clone() };
        Some(Portable { document, spec, objective, name, measure: Measure::of(&indicator?.metric, objective) })
    };
    spec.objectives.iter().enumerate().filter_map(one).collect()
}

/// What neither sloth nor Pyrra has.
fn common_losses(portable: &Portable<'_>, losses: &mut Losses<'_>) {
    let spec = portable.spec;
    if spec.budgeting != Budgeting::Occurrences {
        losses.add(format!("budgetingMethod {:?}; events are counted instead", spec.budgeting));
    }
    if let Some(calendar) = spec.window.as_ref().and_then(|window| window.calendar.as_ref()) {
        losses.add(format!("the calendar that begins {} {}; the window rolls instead", calendar.start, calendar.zone));
    }
    if matches!(spec.indicator, IndicatorSource::Composite(_)) {
        losses.add(format!(
            "its weight {} in the composite {}",
            portable.objective.weight, portable.document.metadata.name
        ));
    }
    if !spec.alert_policies.is_empty() {
        losses.add(format!("{} alert policies", spec.alert_policies.len()));
    }
    for (what, name) in [
        ("display name", &portable.document.metadata.display_name),
        ("display name of the objective", &portable.objective.display_name),
    ] {
        if let Some(name) = name {
            losses.add(format!("the {what} {name:?}"));
        }
    }
    if let Some(rule) = spec.extras.no_data {
        losses.add(format!("no data counts as {}", rule.name()));
    }
    if !spec.extras.exclusions.is_empty() {
        losses.add(format!("{} excluded times", spec.extras.exclusions.len()));
    }
}

/// Plugins and the rest of a resource, which only their own format has.
fn own_losses(portable: &Portable<'_>, target: Target, losses: &mut Losses<'_>) {
    match &portable.spec.origin {
        Origin::OpenSlo => {}
        Origin::Sloth(own) => {
            if !matches!(target, Target::Sloth | Target::SlothKubernetes) && !own.plugins.is_empty() {
                losses.add(format!("{} SLO plugins", own.plugins.len()));
            }
            if let crate::sloth::SlothFormat::Kubernetes(resource) = &own.format
                && target != Target::SlothKubernetes
            {
                losses.add(format!("the resource's name {:?} and namespace {:?}", resource.name, resource.namespace));
            }
        }
        Origin::Pyrra(own) => {
            if target != Target::Pyrra {
                if !own.resource.namespace.is_empty() {
                    losses.add(format!("the resource's namespace {:?}", own.resource.namespace));
                }
                own.settings.iter().for_each(|(key, value)| losses.add(format!("{key}: {value}")));
            }
        }
    }
}

#[cfg(test)]
mod tests;
