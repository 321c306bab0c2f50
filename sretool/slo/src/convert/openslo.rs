//! Writes OpenSLO v1.

use super::measure::Measure;
use super::writer::{Writer, borrowed};
use super::{Conversion, Losses, Portable, Target, own_losses};
use crate::catalog::Catalog;
use crate::model::{Body, Budgeting, IndicatorSource, MetricSource, Origin};
use crate::openslo::{API_VERSION, is_dns_label};
use std::sync::Arc;

/// One SLO for each objective, and a Service for each service that has none.
pub(super) fn write(catalog: &Catalog, portables: &[Portable<'_>], conversion: &mut Conversion) {
    let mut out = Writer::default();
    let mut services: Vec<String> = Vec::new();
    let described = |name: &str| {
        catalog.documents.iter().find_map(|document| match &document.body {
            Body::Service(description) if document.metadata.name == name => Some(description.clone()),
            _ => None,
        })
    };
    for portable in portables {
        let mut losses = Losses {
            file: Arc::clone(&portable.document.file),
            at: portable.document.at,
            slo: portable.id(),
            all: &mut conversion.losses,
        };
        let service = dns_label(&portable.spec.service, "service", &mut losses);
        if !services.contains(&service) {
            out.document();
            head("Service", &service, &mut out);
            match described(&portable.spec.service).flatten() {
                Some(description) => out.map("spec", |out| out.text("description", &description)),
                None => out.map("spec", |out| out.text("description", &service)),
            }
            services.push(service.clone());
        }
        slo(portable, &service, &mut out, &mut losses);
    }
    conversion.text = out.text;
}

fn head(kind: &str, name: &str, out: &mut Writer) {
    out.text("apiVersion", API_VERSION);
    out.text("kind", kind);
    out.map("metadata", |out| out.text("name", name));
}

/// A name as OpenSLO allows it.
fn dns_label(name: &str, what: &str, losses: &mut Losses<'_>) -> String {
    if is_dns_label(name) {
        return name.to_owned();
    }
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let changed: String = name.chars().map(allowed).take(63).collect();
    let changed = changed.trim_matches('-').to_owned();
    losses.add(format!("the {what} {name:?} is named {changed:?}"));
    changed
}

fn slo(portable: &Portable<'_>, service: &str, out: &mut Writer, losses: &mut Losses<'_>) {
    let Some(window) = &portable.spec.window else { return losses.add("the whole objective: it has no period") };
    own_losses(portable, Target::OpenSlo, losses);
    alerting_losses(portable, losses);
    out.document();
    let name = dns_label(&portable.name, "objective", losses);
    metadata(portable, &name, out);
    out.map("spec", |out| {
        out.optional("description", portable.spec.description.as_deref());
        out.text("service", service);
        out.map("indicator", |out| {
            out.map("metadata", |out| out.text("name", &name));
            out.map("spec", |out| measure(&portable.measure, &portable.group_by(), out));
        });
        let item = |out: &mut Writer| match &window.calendar {
            None => {
                out.text("duration", &shorthand(window.duration));
                out.plain("isRolling", true);
            }
            Some(calendar) => {
                out.text("duration", &format!("{}{}", calendar.count, calendar.unit.letter()));
                out.plain("isRolling", false);
                out.map("calendar", |out| {
                    out.text("startTime", &calendar.start.format("%Y-%m-%d %H:%M:%S").to_string());
                    out.text("timeZone", &calendar.zone);
                });
            }
        };
        out.map("timeWindow", |out| out.item(item));
        out.text("budgetingMethod", &format!("{:?}", portable.spec.budgeting));
        out.map("objectives", |out| out.item(|out| objective(portable, out)));
    });
}

fn metadata(portable: &Portable<'_>, name: &str, out: &mut Writer) {
    let own = &portable.document.metadata;
    out.text("apiVersion", API_VERSION);
    out.text("kind", "SLO");
    out.map("metadata", |out| {
        out.text("name", name);
        out.optional("displayName", own.display_name.as_deref());
        if !own.labels.is_empty() {
            out.map("labels", |out| {
                own.labels.iter().for_each(|(key, values)| match values.as_slice() {
                    [one] => out.text(key, one),
                    several => out.list(key, several),
                })
            });
        }
        let mut annotations = own.annotations.clone();
        let by = portable.group_by();
        if !by.is_empty() && !annotations.iter().any(|(key, _)| key == "sretool.dev/group-by") {
            annotations.push(("sretool.dev/group-by".into(), by.join(", ")));
        }
        if let Some(rule) = portable.spec.extras.no_data {
            annotations.push(("sretool.dev/no-data".into(), rule.name().into()));
        }
        out.texts("annotations", borrowed(&annotations));
    });
}

fn objective(portable: &Portable<'_>, out: &mut Writer) {
    let own = portable.objective;
    out.optional("displayName", own.display_name.as_deref());
    if let Measure::Threshold { limit: Some((op, value)), .. } = &portable.measure {
        out.text("op", op.name());
        out.plain("value", value);
    }
    out.plain("target", own.target);
    if portable.spec.budgeting == Budgeting::Timeslices
        && let Some(target) = own.time_slice_target
    {
        out.plain("timeSliceTarget", target);
    }
    if portable.spec.budgeting != Budgeting::Occurrences
        && let Some(window) = own.time_slice_window
    {
        out.text("timeSliceWindow", &shorthand(window));
    }
}

/// A duration in OpenSLO's shorthand.
fn shorthand(window: crate::Window) -> String {
    let ms = window.as_millis();
    let units = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000)];
    let found = units.into_iter().find(|(_, length)| ms.is_multiple_of(*length));
    found.map_or_else(|| format!("{}m", ms / 60_000), |(unit, length)| format!("{}{unit}", ms / length))
}

fn measure(measure: &Measure, by: &[String], out: &mut Writer) {
    match measure {
        Measure::Events { part, part_is_good, total, counter } => out.map("ratioMetric", |out| {
            out.plain("counter", counter);
            source(if *part_is_good { "good" } else { "bad" }, part, out);
            source("total", total, out);
        }),
        Measure::Raw { query, success } => out.map("ratioMetric", |out| {
            out.text("rawType", if *success { "success" } else { "failure" });
            source("raw", query, out);
        }),
        Measure::Threshold { query, .. } => source("thresholdMetric", query, out),
        Measure::BoolGauge(_) | Measure::Native { .. } => out.map("ratioMetric", |out| {
            // OpenSLO has no field for either; their counts say the same.
            if let Some((good, _, total)) = measure.counts(by) {
                out.plain("counter", true);
                query("good", &good, out);
                query("total", &total, out);
            }
        }),
    }
}

fn query(key: &str, text: &str, out: &mut Writer) {
    out.map(key, |out| {
        out.map("metricSource", |out| {
            out.text("type", "prometheus");
            out.map("spec", |out| out.text("query", text));
        });
    });
}

fn source(key: &str, source: &MetricSource, out: &mut Writer) {
    out.map(key, |out| {
        out.map("metricSource", |out| {
            out.optional("metricSourceRef", source.reference.as_deref());
            out.optional("type", source.kind.as_deref());
            out.map("spec", |out| {
                out.text("query", source.query.as_deref().unwrap_or_default());
                if let Some(how) = source.histogram {
                    out.text("histogram", if how.native { "native" } else { "classic" });
                    if let Some(le) = how.le {
                        out.plain("le", le);
                    }
                }
            });
        });
    });
}

fn alerting_losses(portable: &Portable<'_>, losses: &mut Losses<'_>) {
    let own = portable.alerting();
    if let Some(name) = &own.name
        && !matches!(portable.spec.origin, Origin::OpenSlo)
        && !name.is_empty()
    {
        losses.add(format!("the alerts' name {name:?}"));
    }
    for (what, settings) in [("page", &own.page), ("ticket", &own.ticket)] {
        if settings.disabled {
            losses.add(format!("that there is no {what}"));
        }
        for (key, _) in settings.labels.iter().chain(&settings.annotations) {
            losses.add(format!("{key:?} of the {what}"));
        }
    }
    for (key, _) in own.labels.iter().chain(&own.annotations) {
        losses.add(format!("{key:?} of its alerts"));
    }
    if own.absent_disabled {
        losses.add("that missing metrics do not alert");
    }
    if let Some(name) = &own.absent_name {
        losses.add(format!("the name {name:?} of the alert on missing metrics"));
    }
    if !portable.spec.alert_policies.is_empty() {
        losses.add(format!("{} alert policies", portable.spec.alert_policies.len()));
    }
    if matches!(portable.spec.indicator, IndicatorSource::Composite(_)) {
        losses.add(format!("its weight {} in the composite", portable.objective.weight));
    }
    if !portable.spec.extras.exclusions.is_empty() {
        losses.add(format!("{} excluded times", portable.spec.extras.exclusions.len()));
    }
}
