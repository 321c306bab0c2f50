//! The results of the workers of one run as the result of the run.

mod seconds;

use crate::report::Report;
use crate::schedule::Schedule;
use crate::snapshot::Snapshot;
use crate::totals::Totals;
use crate::verdict::Plan;
use std::collections::BTreeSet;

/// Workers that start further apart than this did not load the server together.
const APART_MS: i64 = 5000;

/// What a merge accepts that is usually a mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// Workers may be missing: the result is of those that are there, against their part of the rate.
    pub missing: bool,
    /// Files may be of different runs of one plan, started at different times.
    pub runs: bool,
}

/// Why results are not of one run. Files count from 1 in the order given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Nothing to merge.
    #[error("no result to merge")]
    Nothing,
    /// A result that is not of a worker.
    #[error("file {0} is of a whole run, not of a worker: start workers with --worker INDEX/COUNT")]
    Whole(usize),
    /// Two results of one worker.
    #[error("file {file} is of worker {index}, as is file {other}: the same requests would count twice")]
    Twice {
        /// The second of them.
        file: usize,
        /// The first of them.
        other: usize,
        /// Which worker.
        index: u32,
    },
    /// Results that do not belong together.
    #[error("file {file} differs from file 1 in {what}: {theirs}, not {ours}{remedy}")]
    Mismatch {
        /// Which file.
        file: usize,
        /// In what.
        what: &'static str,
        /// Of the file.
        theirs: String,
        /// Of the first file.
        ours: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Not all workers are there.
    #[error("of {count} workers {} are missing: {}; --allow-missing merges the others", missing.len(), list(missing))]
    Missing {
        /// So many there are.
        count: u32,
        /// Those that are not there.
        missing: Vec<u32>,
    },
}

fn list(workers: &[u32]) -> String {
    workers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// Merges the results of workers. Counts and histograms add exactly: the result is what one worker that had sent every
/// request would have written, but for the lag of single seconds, which is the highest of the workers'.
///
/// # Errors
/// Where the results are not those of the workers of one run, each once.
pub fn merge(reports: &[Report], leniency: Leniency) -> Result<Report, MergeError> {
    let first = reports.first().ok_or(MergeError::Nothing)?;
    let present = workers(reports)?;
    for (i, report) in reports.iter().enumerate().skip(1) {
        belongs(first, report, leniency).map_err(|(what, theirs, ours, remedy)| MergeError::Mismatch {
            file: i + 1,
            what,
            theirs,
            ours,
            remedy,
        })?;
    }
    let plan = plan(reports, &present, leniency)?;
    let mut whole = Snapshot::default();
    reports.iter().for_each(|report| whole.merge(&report.whole));
    let seconds = seconds::merge(reports);
    let elapsed_s = seconds.last().map_or(0.0, |second| second.t);
    let totals = Totals { whole, latest: None, seconds, elapsed_s, ended: true };
    let mut merged = Report::new(&plan, &totals, reports.iter().any(|report| report.partial));
    merged.meta = first.meta.clone();
    merged.meta.started_at_ms = reports.iter().filter_map(|report| report.meta.started_at_ms).min();
    merged.server =
        reports.iter().map(|report| &report.server).find(|panels| !panels.is_empty()).cloned().unwrap_or_default();
    Ok(merged)
}

/// The workers that are there; each once.
fn workers(reports: &[Report]) -> Result<BTreeSet<u32>, MergeError> {
    let mut present = BTreeSet::new();
    let share = |report: &Report| report.plan.schedule.as_ref().and_then(Schedule::share);
    for (i, report) in reports.iter().enumerate() {
        let index = share(report).ok_or(MergeError::Whole(i + 1))?.index;
        if !present.insert(index) {
            let other = reports.iter().position(|other| share(other).is_some_and(|share| share.index == index));
            return Err(MergeError::Twice { file: i + 1, other: other.unwrap_or_default() + 1, index });
        }
    }
    Ok(present)
}

type Mismatch = (&'static str, String, String, &'static str);

fn belongs(first: &Report, other: &Report, leniency: Leniency) -> Result<(), Mismatch> {
    let same = |what, theirs: String, ours: String, remedy| {
        if theirs == ours { Ok(()) } else { Err((what, theirs, ours, remedy)) }
    };
    let count = |report: &Report| {
        report
            .plan
            .schedule
            .as_ref()
            .and_then(Schedule::share)
            .map_or_else(String::new, |share| share.count.to_string())
    };
    let whole = |report: &Report| report.plan.schedule.clone().map(Schedule::whole);
    let limits = |report: &Report| report.plan.thresholds.iter().map(|t| t.expr.clone()).collect::<Vec<_>>().join(", ");
    let profile = |report: &Report| report.meta.profile.clone().unwrap_or_else(|| "none".to_owned());
    same("the number of workers", count(other), count(first), "")?;
    same("the executor", other.executor.clone(), first.executor.clone(), "")?;
    same("the profile", profile(other), profile(first), "")?;
    same("the thresholds", limits(other), limits(first), "")?;
    if whole(other) != whole(first) {
        let show = |report: &Report| format!("{:?}", whole(report).map(|schedule| schedule.stages().to_vec()));
        return Err(("the schedule", show(other), show(first), ""));
    }
    if leniency.runs {
        return Ok(());
    }
    let (theirs, ours) = (other.meta.run.clone(), first.meta.run.clone());
    same("the run", theirs, ours, "; give all workers the same --run, or add --allow-different-runs")?;
    match (other.meta.started_at_ms, first.meta.started_at_ms) {
        (Some(theirs), Some(ours)) if (theirs - ours).abs() > APART_MS => {
            let at = |ms: i64| format!("{:.1} s", ms as f64 / 1e3);
            let remedy = "; the server never saw the whole load at once: start workers together, or add \
                          --allow-different-runs";
            Err(("the start (Unix time)", at(theirs), at(ours), remedy))
        }
        _ => Ok(()),
    }
}

/// What all workers together were asked.
fn plan(reports: &[Report], present: &BTreeSet<u32>, leniency: Leniency) -> Result<Plan, MergeError> {
    let Some(first) = reports.first() else { return Err(MergeError::Nothing) };
    let Some(schedule) = first.plan.schedule.clone() else { return Err(MergeError::Whole(1)) };
    let count = schedule.share().map_or(1, |share| share.count);
    let missing: Vec<u32> = (0..count).filter(|index| !present.contains(index)).collect();
    let schedule = match missing.len() {
        0 => schedule.whole(),
        _ if leniency.missing => schedule.of_shares(count - u32::try_from(missing.len()).unwrap_or(count)),
        _ => return Err(MergeError::Missing { count, missing }),
    };
    let capacity = reports.iter().map(|report| report.plan.capacity).sum();
    Ok(Plan { schedule: Some(schedule), capacity, ..first.plan.clone() })
}

#[cfg(test)]
mod tests;
