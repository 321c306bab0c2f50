//! Writes sloth's formats.

use super::writer::{Writer, borrowed};
use super::{Conversion, Losses, Portable, Target, common_losses, own_losses};
use crate::duration::Window;
use crate::model::{AlertSettings, Origin};
use crate::rules::alerts::name_of_burn;
use crate::sloth::{KUBERNETES_KIND, KUBERNETES_VERSION, PROMETHEUS_VERSION, SlothFormat};
use std::sync::Arc;

const RUNBOOK: &str = "runbook_url";

/// One document for each service.
pub(super) fn write(portables: &[Portable<'_>], kubernetes: bool, conversion: &mut Conversion) {
    let mut services: Vec<&str> = Vec::new();
    for portable in portables {
        if !services.contains(&portable.spec.service.as_str()) {
            services.push(&portable.spec.service);
        }
    }
    let mut out = Writer::default();
    for service in services {
        let own: Vec<_> = portables.iter().filter(|portable| portable.spec.service == service).collect();
        let mut slos = Writer::default();
        for portable in &own {
            let mut losses = Losses {
                file: Arc::clone(&portable.document.file),
                at: portable.document.at,
                slo: portable.id(),
                all: &mut conversion.losses,
            };
            slo(portable, kubernetes, &mut slos, &mut losses);
        }
        if slos.text.is_empty() {
            continue;
        }
        out.document();
        if kubernetes {
            resource(service, &own, &mut out);
        } else {
            out.text("version", PROMETHEUS_VERSION);
            out.text("service", service);
        }
        let indent = if kubernetes { "  " } else { "" };
        out.text.push_str(&format!("{indent}slos:\n"));
        slos.text.lines().for_each(|line| out.text.push_str(&format!("{indent}{line}\n")));
    }
    conversion.text = out.text;
}

fn resource(service: &str, own: &[&Portable<'_>], out: &mut Writer) {
    let resource = own.iter().find_map(|portable| match &portable.spec.origin {
        Origin::Sloth(slo) => match &slo.format {
            SlothFormat::Kubernetes(resource) => Some(resource),
            _ => None,
        },
        _ => None,
    });
    out.text("apiVersion", KUBERNETES_VERSION);
    out.text("kind", KUBERNETES_KIND);
    out.map("metadata", |out| match resource {
        None => out.text("name", service),
        Some(resource) => {
            out.text("name", &resource.name);
            if !resource.namespace.is_empty() {
                out.text("namespace", &resource.namespace);
            }
            out.texts("labels", borrowed(&resource.labels));
            out.texts("annotations", borrowed(&resource.annotations));
        }
    });
    out.map("spec", |out| out.text("service", service));
}

fn slo(portable: &Portable<'_>, kubernetes: bool, out: &mut Writer, losses: &mut Losses<'_>) {
    let target = if kubernetes { Target::SlothKubernetes } else { Target::Sloth };
    let keys = if kubernetes {
        ["errorQuery", "totalQuery", "errorRatioQuery", "pageAlert", "ticketAlert"]
    } else {
        ["error_query", "total_query", "error_ratio_query", "page_alert", "ticket_alert"]
    };
    let Some(sli) = queries(portable) else {
        return losses.add("the whole objective: sloth cannot measure it");
    };
    if portable.objective.target <= 0.0 {
        return losses.add("the whole objective: sloth has none of 0 %");
    }
    common_losses(portable, losses);
    own_losses(portable, target, losses);
    if let Origin::Sloth(own) = &portable.spec.origin
        && !own.plugins.is_empty()
    {
        losses.add(format!("{} SLO plugins, whose settings are not written", own.plugins.len()));
    }
    if let Some(window) = portable.spec.window.as_ref().filter(|window| window.duration != Window::days(30))
        && !matches!(portable.spec.origin, Origin::Sloth(_))
    {
        losses.add(format!("the period of {0}; run sloth with --default-slo-period {0}", window.duration));
    }
    let labels = portable.labels(losses);
    let runbook = annotations(portable, losses);
    out.item(|out| {
        out.text("name", &portable.name);
        out.optional("description", portable.spec.description.as_deref());
        out.plain("objective", portable.percent());
        out.texts("labels", borrowed(&labels));
        out.map("sli", |out| match &sli {
            Queries::Events(error, total) => out.map("events", |out| {
                out.text(keys[0], error);
                out.text(keys[1], total);
            }),
            Queries::Raw(ratio) => out.map("raw", |out| out.text(keys[2], ratio)),
        });
        alerting(portable, &runbook, [keys[3], keys[4]], out);
    });
    if portable.alerting().absent_disabled || portable.alerting().absent_name.is_some() {
        losses.add("what it says about the alert on missing metrics, which sloth has not");
    }
}

fn alerting(portable: &Portable<'_>, runbook: &[(String, String)], keys: [&str; 2], out: &mut Writer) {
    let own = portable.alerting();
    out.map("alerting", |out| {
        out.text("name", &name_of_burn(own, &portable.name));
        out.texts("labels", borrowed(&own.labels));
        let annotations: Vec<_> = runbook.iter().chain(&own.annotations).cloned().collect();
        out.texts("annotations", borrowed(&annotations));
        for (key, settings) in [(keys[0], &own.page), (keys[1], &own.ticket)] {
            if *settings != AlertSettings::default() {
                out.map(key, |out| {
                    if settings.disabled {
                        out.plain("disable", true);
                    }
                    out.texts("labels", borrowed(&settings.labels));
                    out.texts("annotations", borrowed(&settings.annotations));
                });
            }
        }
    });
}

/// The runbook becomes an annotation of the alerts; the objective's other annotations have no place.
fn annotations(portable: &Portable<'_>, losses: &mut Losses<'_>) -> Vec<(String, String)> {
    let mut kept = Vec::new();
    for (key, value) in &portable.document.metadata.annotations {
        match key.as_str() {
            RUNBOOK => {
                let alert = name_of_burn(portable.alerting(), &portable.name);
                kept.push((key.clone(), value.replace("{alert}", &alert)));
            }
            // Grouping goes into the queries.
            "sretool.dev/group-by" => {}
            _ => losses.add(format!("the annotation {key:?}")),
        }
    }
    kept
}

enum Queries {
    Events(String, String),
    Raw(String),
}

fn queries(portable: &Portable<'_>) -> Option<Queries> {
    if let Some((ratio, success)) = portable.measure.ratio() {
        return Some(Queries::Raw(if success { format!("1 - ({ratio})") } else { ratio }));
    }
    let (part, part_is_good, total) = portable.measure.counts(&portable.group_by())?;
    Some(if part_is_good {
        Queries::Events(format!("({total}) - ({part})"), total)
    } else {
        Queries::Events(part, total)
    })
}
