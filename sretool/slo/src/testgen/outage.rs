//! A full outage and a stray error, from the counters on.

use super::Subject;
use super::document::{Case, Check, File};
use super::samples;
use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::model::Budgeting;
use crate::remarks::outage_bound;
use crate::rules::alerts::{burn_name, settings};
use crate::windows::Urgency;

const MINUTE: Window = Window::minutes(1);
/// Minutes before the outage, and its length.
const BEFORE: u64 = 60;
/// Requests a minute.
const RATE: f64 = 600.0;

/// Counters that an objective's queries read.
pub(super) struct Counters {
    /// Events that the part's query counts: good or bad ones.
    part: String,
    /// Events that only the total's query counts.
    rest: String,
    part_is_good: bool,
    /// Whether the part's events are among those that the total's query counts.
    nested: bool,
}

impl Counters {
    /// The series with the samples of errors, of good events and of all.
    pub(super) fn input(&self, errors: &str, good: &str, total: &str) -> Vec<(String, String)> {
        let (part, rest) = if self.part_is_good { (good, errors) } else { (errors, good) };
        let rest = if self.nested { rest } else { total };
        vec![(self.part.clone(), part.to_owned()), (self.rest.clone(), rest.to_owned())]
    }
}

/// Series for the queries of an objective, where both are bare counters.
pub(super) fn counters(slo: &Slo, group: &str) -> Option<Counters> {
    let (pair, part_is_good) = match &slo.sli {
        Sli::GoodTotal(pair) => (pair, true),
        Sli::BadTotal(pair) => (pair, false),
        Sli::Raw { .. } => return None,
    };
    let (part, total) = (pair.part.counters()?, pair.total.counters()?);
    let groups: Vec<_> = slo.group_by.iter().map(|label| (label.clone(), group.to_owned())).collect();
    let of_part = samples::series(part, &groups)?;
    let nested = samples::is_selected(total, &of_part);
    let rest = if nested { samples::series_outside(total, part, &groups)? } else { samples::series(total, &groups)? };
    if samples::is_selected(part, &rest) {
        return None;
    }
    Some(Counters { part: of_part, rest, part_is_good, nested })
}

/// A full outage pages within the bound and ends; a stray error is silent.
pub(super) fn file(subject: &Subject<'_>) -> Option<File> {
    let slo = subject.slo;
    if subject.drop_in || slo.budgeting != Budgeting::Occurrences || settings(slo, Urgency::Page).disabled {
        return None;
    }
    let series = counters(slo, "one")?;
    let page =
        format!("count(ALERTS{{alertname=\"{}\", alertstate=\"firing\", sloth_severity=\"page\"}})", burn_name(slo));
    let check = |minute: u64, value| Check { expr: page.clone(), at: Window::minutes(minute), value };
    let mut cases = Vec::new();
    if let Some(bound) = outage_bound(slo, &subject.burn, RATE / 60.0).filter(|bound| *bound <= Window::hours(2)) {
        let length = bound.as_millis().div_ceil(MINUTE.as_millis()) + 2;
        let samples = |errors: f64, good: f64| {
            let (before, during, after) = (BEFORE - 1, length - 1, 120);
            let mut text = format!("0+{good}x{before}");
            let mut value = good * before as f64 + if errors > 0.0 { errors } else { 0.0 };
            let rise = if errors > 0.0 { errors } else { 0.0 };
            text += &format!(" {value}+{rise}x{during}");
            value += rise * during as f64 + good;
            text + &format!(" {value}+{good}x{after}")
        };
        let input =
            series.input(&samples(RATE, 0.0), &samples(0.0, RATE), &format!("0+{RATE}x{}", BEFORE + length + 120));
        let quick = subject.burn.conditions.iter().filter(|condition| condition.urgency == Urgency::Page);
        let longest = quick.map(|condition| condition.short).max()?;
        let keep = subject.burn.page_keep.unwrap_or(Window::from_millis(0));
        let over = BEFORE + length + longest.plus(keep).plus(Window::minutes(3)).as_millis() / MINUTE.as_millis();
        let checks = vec![check(BEFORE - 1, None), check(BEFORE + length - 2, Some(1.0)), check(over, None)];
        cases.push(Case { name: format!("a full outage pages within {bound}"), interval: MINUTE, input, checks });
    }
    let quiet = |stray: bool| if stray { "0x30 1x60" } else { "0+1x91" };
    let guarded = subject.burn.conditions.iter().any(|condition| condition.minimum_failed_events > 1.0);
    if guarded {
        let input = series.input(quiet(true), quiet(false), "0+1x30 32+1x60");
        let checks = [31, 33, 40, 60, 90].map(|minute| check(minute, None)).into();
        cases.push(Case { name: "a stray error of a quiet service is silent".into(), interval: MINUTE, input, checks });
    }
    let about = "From the counters on: an outage pages within its bound, a stray error does not.";
    (!cases.is_empty()).then_some(File { about, evaluation_interval: MINUTE, cases })
}
