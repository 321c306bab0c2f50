//! Objectives made of several.

use super::{CURRENT, PastPeriod, SloReport, Status, Unit, burning};
use crate::catalog::Composite;
use crate::plan::Request;
use std::collections::BTreeMap;

/// Judges a composite from its parts' reports, one for each group that every part with data shares.
///
/// With weights `w`, its SLI is `Σ w·sli / Σ w`, its budget `Σ w·(1 − objective) / Σ w`, and what is left of it
/// `1 − Σ w·(1 − objective)·spent / Σ w·(1 − objective)`: each part spends its own share. A part without data has no
/// weight.
pub fn composite(composite: &Composite, reports: &[SloReport], request: &Request) -> Vec<SloReport> {
    let mut groups: Vec<_> = reports.iter().filter(|r| weight(composite, r).is_some()).map(|r| &r.group).collect();
    groups.sort();
    groups.dedup();
    groups.into_iter().filter_map(|group| judge(composite, reports, group, request)).collect()
}

fn weight(composite: &Composite, report: &SloReport) -> Option<f64> {
    composite.parts.iter().find(|(_, id)| *id == report.id).map(|(weight, _)| *weight)
}

fn judge(
    composite: &Composite,
    reports: &[SloReport],
    group: &BTreeMap<String, String>,
    request: &Request,
) -> Option<SloReport> {
    let own = reports.iter().filter(|report| report.group == *group);
    let parts: Vec<(f64, &SloReport)> = own.filter_map(|r| weight(composite, r).map(|weight| (weight, r))).collect();
    let first = parts.first()?.1;
    let shares: Vec<f64> = parts.iter().map(|(weight, part)| weight * (1.0 - part.objective)).collect();
    let left = |get: &dyn Fn(&SloReport) -> Option<f64>| {
        mean(parts.iter().zip(&shares).map(|((_, part), share)| (*share, get(part))))
    };
    let plain = |get: &dyn Fn(&SloReport) -> Option<f64>| mean(parts.iter().map(|(weight, part)| (*weight, get(part))));
    let remaining = left(&|part| part.error_budget_remaining);
    let windows = request.burn.all();
    let burn_rates: BTreeMap<_, _> =
        windows.into_iter().map(|w| (w, left(&|part| part.burn_rates.get(&w).copied().flatten()))).collect();
    let burns = burning(&request.burn, |window| burn_rates.get(&window).copied().flatten());
    let now = burn_rates.get(&CURRENT).copied().flatten();
    Some(SloReport {
        id: composite.id.clone(),
        name: composite.name.clone(),
        objective: plain(&|part| Some(part.objective)).unwrap_or(first.objective),
        sli: plain(&|part| part.sli),
        good: None,
        total: None,
        unit: Unit::Ratio,
        error_budget_remaining: remaining,
        time_to_exhaustion_s: remaining
            .zip(now)
            .and_then(|(left, rate)| (rate > 0.0).then(|| left.max(0.0) * first.window.as_secs_f64() / rate)),
        status: Status::judge(remaining, burns),
        parts: composite.parts.clone(),
        history: history(&parts, &shares),
        incidents: None,
        timeline: Vec::new(),
        burn_rates,
        ..first.clone()
    })
}

fn history(parts: &[(f64, &SloReport)], shares: &[f64]) -> Vec<PastPeriod> {
    let Some((_, first)) = parts.first() else { return Vec::new() };
    let one = |(i, past): (usize, &PastPeriod)| {
        let of = |get: &dyn Fn(&PastPeriod) -> Option<f64>, weights: &[f64]| {
            mean(parts.iter().zip(weights).map(|((_, part), w)| (*w, part.history.get(i).and_then(get))))
        };
        let weights: Vec<f64> = parts.iter().map(|(weight, _)| *weight).collect();
        let left = of(&|past| past.error_budget_remaining, shares);
        let status = match Status::judge(left, false) {
            Status::AtRisk => Status::Ok,
            status => status,
        };
        let sli = of(&|past| past.sli, &weights);
        PastPeriod { sli, total: None, error_budget_remaining: left, status, ..past.clone() }
    };
    first.history.iter().enumerate().map(one).collect()
}

/// The weighted mean of what there is.
fn mean(values: impl Iterator<Item = (f64, Option<f64>)>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (weight, value) in values {
        if let Some(value) = value {
            sum += weight * value;
            weights += weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}
