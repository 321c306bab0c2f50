//! Writes Pyrra's resource.

use super::measure::{Measure, counters};
use super::writer::{Writer, borrowed};
use super::{Conversion, Losses, Portable, Target, common_losses, own_losses};
use crate::model::{Alerting, Origin};
use crate::pyrra::{API_VERSION, KIND, PROPAGATED, matchers};
use std::sync::Arc;

/// One resource for each objective.
pub(super) fn write(portables: &[Portable<'_>], conversion: &mut Conversion) {
    let mut out = Writer::default();
    for portable in portables {
        let mut losses = Losses {
            file: Arc::clone(&portable.document.file),
            at: portable.document.at,
            slo: portable.id(),
            all: &mut conversion.losses,
        };
        resource(portable, &mut out, &mut losses);
    }
    conversion.text = out.text;
}

fn resource(portable: &Portable<'_>, out: &mut Writer, losses: &mut Losses<'_>) {
    let indicator = match indicator(&portable.measure) {
        Ok(indicator) => indicator,
        Err(why) => return losses.add(format!("the whole objective: {why}")),
    };
    let Some(window) = &portable.spec.window else { return losses.add("the whole objective: it has no period") };
    common_losses(portable, losses);
    own_losses(portable, Target::Pyrra, losses);
    alerting_losses(portable.alerting(), losses);
    out.document();
    out.text("apiVersion", API_VERSION);
    out.text("kind", KIND);
    metadata(portable, out, losses);
    let by = portable.group_by();
    out.map("spec", |out| {
        out.optional("description", portable.spec.description.as_deref());
        out.text("target", &portable.percent());
        out.text("window", &window.duration.to_string());
        out.map("indicator", |out| {
            out.map(indicator.kind, |out| {
                for (key, metric) in &indicator.metrics {
                    match key {
                        &"metric" => out.text(key, metric),
                        key => out.map(key, |out| out.text("metric", metric)),
                    }
                }
                out.optional("latency", indicator.latency.as_deref());
                out.list("grouping", &by);
            });
        });
        alerting(portable.alerting(), out);
        if let Origin::Pyrra(own) = &portable.spec.origin {
            own.settings.iter().for_each(|(key, value)| out.plain(key, value));
        }
    });
}

fn metadata(portable: &Portable<'_>, out: &mut Writer, losses: &mut Losses<'_>) {
    let labels = portable.labels(losses);
    out.map("metadata", |out| {
        out.text("name", &portable.id());
        if let Origin::Pyrra(own) = &portable.spec.origin
            && !own.resource.namespace.is_empty()
        {
            out.text("namespace", &own.resource.namespace);
        }
        let service = ("service".to_owned(), portable.spec.service.clone());
        let own = labels.into_iter().filter(|(key, _)| key != "service");
        let labels: Vec<_> = [service].into_iter().chain(own).map(|(k, v)| (format!("{PROPAGATED}{k}"), v)).collect();
        out.texts("labels", borrowed(&labels));
        let annotations = portable.document.metadata.annotations.iter();
        let kept = annotations.filter(|(key, _)| key != "sretool.dev/group-by");
        let annotations: Vec<_> = kept.map(|(key, value)| (format!("{PROPAGATED}{key}"), value.clone())).collect();
        out.texts("annotations", borrowed(&annotations));
    });
}

struct Indicator {
    kind: &'static str,
    metrics: Vec<(&'static str, String)>,
    latency: Option<String>,
}

fn indicator(measure: &Measure) -> Result<Indicator, &'static str> {
    let of = |kind, metrics| Ok(Indicator { kind, metrics, latency: None });
    match measure {
        Measure::Events { part, part_is_good, total, counter: true } => {
            let selectors = counters(part).zip(counters(total));
            let (part, total) = selectors.ok_or("Pyrra's metrics are bare counters, and its queries are more")?;
            let has_bound = matchers(&part).iter().any(|matcher| &*matcher.name == "le");
            match (part_is_good, has_bound) {
                (false, _) => of("ratio", vec![("errors", part), ("total", total)]),
                (true, true) => of("latency", vec![("success", part), ("total", total)]),
                (true, false) => Err("Pyrra counts bad events, and it names the good ones"),
            }
        }
        Measure::Events { .. } => Err("Pyrra's metrics only ever rise, and these do not"),
        Measure::Raw { .. } => Err("Pyrra has no indicator of a ratio that the source computes"),
        Measure::Threshold { .. } => Err("Pyrra has no indicator of a value and its limit"),
        Measure::BoolGauge(gauge) => of("bool_gauge", vec![("metric", gauge.query.clone().ok_or("it has no query")?)]),
        Measure::Native { histogram, limit } => Ok(Indicator {
            kind: "latencyNative",
            metrics: vec![("total", histogram.query.clone().ok_or("it has no query")?)],
            latency: Some(milliseconds(*limit).ok_or("Pyrra's latencies are whole milliseconds")?),
        }),
    }
}

/// Seconds as a duration of Prometheus.
fn milliseconds(seconds: f64) -> Option<String> {
    let ms = seconds * 1000.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small whole number")]
    ((1.0..=1e12).contains(&ms) && (ms - ms.round()).abs() < 1e-9)
        .then(|| crate::Window::from_millis(ms.round() as u64).to_string())
}

fn severity(labels: &[(String, String)]) -> Option<&str> {
    labels.iter().find(|(key, _)| key == "severity").map(|(_, value)| value.as_str())
}

fn alerting(own: &Alerting, out: &mut Writer) {
    let (page, ticket) = (severity(&own.page.labels), severity(&own.ticket.labels));
    let disabled = own.page.disabled && own.ticket.disabled;
    if !disabled && !own.absent_disabled && page.or(ticket).is_none() && own.name.is_none() && own.absent_name.is_none()
    {
        return;
    }
    out.map("alerting", |out| {
        out.optional("name", own.name.as_deref());
        out.optional("absentName", own.absent_name.as_deref());
        if disabled {
            out.plain("burnrates", false);
        }
        if own.absent_disabled {
            out.plain("absent", false);
        }
        if page.or(ticket).is_some() {
            out.map("severities", |out| {
                for (key, severity) in
                    [("fastBurn", page), ("mediumBurn", page), ("slowBurn", ticket), ("longTermBurn", ticket)]
                {
                    out.optional(key, severity);
                }
            });
        }
    });
}

fn alerting_losses(own: &Alerting, losses: &mut Losses<'_>) {
    if own.page.disabled != own.ticket.disabled {
        losses.add("that only one of page and ticket is disabled; both are written");
    }
    for (what, settings) in [("page", &own.page), ("ticket", &own.ticket)] {
        for (key, _) in settings.labels.iter().filter(|(key, _)| key != "severity") {
            losses.add(format!("the {what}'s label {key:?}"));
        }
        for (key, _) in &settings.annotations {
            losses.add(format!("the {what}'s annotation {key:?}"));
        }
    }
    for (key, _) in own.labels.iter().chain(&own.annotations) {
        losses.add(format!("{key:?} of its alerts"));
    }
}
