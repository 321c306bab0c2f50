//! `info`: enriches series with labels of info metrics.

use super::EvalError;
use super::data::{Grid, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::select::Reading;
use crate::ast::{At, Call, Expr, ExprKind, VectorSelector};
use crate::labels::{Labels, METRIC_NAME, MatchOp, Matcher};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// The labels by which a series and its info metric find each other.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What the second argument asks for.
struct Wanted<'a> {
    /// Matchers of the info metric's name, at least one.
    names: Vec<Matcher>,
    /// Matchers of the labels to copy; all labels where there is none.
    data: Vec<&'a Matcher>,
}

impl Evaluator<'_> {
    pub fn info(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Series>> {
        let base = self.vector(&call.args[0], grid)?;
        let matchers = match call.args.get(1).map(|arg| &arg.unparenthesized().kind) {
            Some(ExprKind::Vector(VectorSelector { matchers, .. })) => &matchers[..],
            _ => &[],
        };
        let wanted = wanted(matchers)?;
        let is_info = |s: &Series| wanted.names.iter().all(|m| m.matches(s.labels.metric_name()));
        let ids: Vec<&Series> = base.iter().filter(|s| !is_info(s)).collect();
        let found = match identity_matchers(&ids)? {
            Some(identity) => self.info_series(&call.args[0], &wanted, identity, grid)?,
            None => Vec::new(),
        };
        let mut result: Vec<Series> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::new();
        for i in 0..grid.len {
            let newest = newest(&found, i)?;
            for series in base.iter().filter(|s| s.there(i)) {
                let labels = if is_info(series) {
                    Some(series.labels.clone())
                } else {
                    enriched(&series.labels, &newest, &wanted)?
                };
                let Some(labels) = labels else { continue };
                let place = *places.entry(labels.clone()).or_insert_with(|| {
                    result.push(Series { labels, ..series.blank() });
                    result.len() - 1
                });
                if result[place].there(i) {
                    return Err(EvalError::DuplicateLabels);
                }
                result[place].copy(i, series);
            }
        }
        Ok(result)
    }

    /// The info series, each value being the time of its sample in milliseconds.
    fn info_series(
        &mut self,
        base: &Expr,
        wanted: &Wanted<'_>,
        identity: Vec<Matcher>,
        grid: Grid,
    ) -> Evaluated<Vec<Series>> {
        let reading = self.info_reading(base)?;
        let data = wanted.data.iter().copied().cloned();
        let matchers: Vec<_> = wanted.names.iter().cloned().chain(identity).chain(data).collect();
        let selector = VectorSelector { matchers, ..VectorSelector::default() };
        let found = self.read_live(&selector, reading, grid)?;
        if let Some(series) = found.iter().find(|s| s.has_histograms()) {
            let message = format!("this should be an info metric, with float samples: {}", series.labels);
            return Err(EvalError::Argument(message));
        }
        Ok(found)
    }

    /// When the info series are read: at the time of the first selector of the base, modifiers of subqueries around it
    /// included until one of them fixes the time.
    fn info_reading(&self, base: &Expr) -> Evaluated<Reading> {
        let mut path = Vec::new();
        let mut reading = Reading { at: None, offset: 0 };
        if !first_selector(base, &mut path) {
            return Ok(reading);
        }
        let mut at: Option<At> = None;
        for expr in path.iter().rev() {
            let (fixed, offset) = match &expr.kind {
                ExprKind::Vector(v) => (v.at, v.offset.as_ref()),
                ExprKind::Matrix(m) => (m.selector.at, m.selector.offset.as_ref()),
                ExprKind::Subquery(s) => (s.at, s.offset.as_ref()),
                _ => continue,
            };
            let more = self.reading(None, offset, expr.span)?.offset;
            reading.offset = reading.offset.saturating_add(more);
            at = fixed;
            if at.is_some() {
                break;
            }
        }
        reading.at = self.fixed_time(at);
        Ok(reading)
    }
}

/// The way to the first selector from the left.
fn first_selector<'a>(expr: &'a Expr, path: &mut Vec<&'a Expr>) -> bool {
    path.push(expr);
    if matches!(expr.kind, ExprKind::Vector(_) | ExprKind::Matrix(_)) {
        return true;
    }
    if expr.children().into_iter().any(|child| first_selector(child, path)) {
        return true;
    }
    path.pop();
    false
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Evaluated<Matcher> {
    Matcher::new(name, op, value).map_err(|e| EvalError::Argument(e.to_string()))
}

fn wanted(matchers: &[Matcher]) -> Evaluated<Wanted<'_>> {
    let (names, data): (Vec<&Matcher>, Vec<&Matcher>) = matchers.iter().partition(|m| &*m.name == METRIC_NAME);
    let mut names: Vec<Matcher> = names.into_iter().cloned().collect();
    if names.is_empty() {
        names.push(matcher(METRIC_NAME, MatchOp::Equal, "target_info")?);
    } else if names.iter().all(|m| matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)) {
        names.insert(0, matcher(METRIC_NAME, MatchOp::Regex, ".+_info")?);
    }
    Ok(Wanted { names, data })
}

/// Matchers for the identifying labels that the series have; none where they have none of them.
fn identity_matchers(series: &[&Series]) -> Evaluated<Option<Vec<Matcher>>> {
    let mut matchers = Vec::new();
    for label in IDENTIFYING {
        let mut values: Vec<&str> = series.iter().map(|s| s.labels.get(label)).filter(|v| !v.is_empty()).collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            continue;
        }
        let mut pattern = String::new();
        for (i, value) in values.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(pattern, "{}{}", if i == 0 { "" } else { "|" }, regex::escape(value));
        }
        matchers.push(matcher(label, MatchOp::Regex, &pattern)?);
    }
    Ok(Some(matchers).filter(|m| !m.is_empty()))
}

/// Which info series describes what: by its name and the identifying labels.
fn identity(labels: &Labels) -> [&str; 2] {
    IDENTIFYING.map(|label| labels.get(label))
}

/// Info series by what they describe and by their names, each with the time of its sample.
type Newest<'a> = HashMap<[&'a str; 2], BTreeMap<&'a str, (&'a Series, f64)>>;

/// Of each info metric and identity the series with the newest sample.
fn newest(found: &[Series], i: usize) -> Evaluated<Newest<'_>> {
    let mut newest = Newest::new();
    for series in found.iter().filter(|s| s.there(i)) {
        let t = series.values[i];
        let of_one = newest.entry(identity(&series.labels)).or_default();
        match of_one.get(series.labels.metric_name()) {
            Some((_, known)) if *known > t => {}
            Some((known, at)) if *at == t => {
                let message = format!(
                    "found duplicate series for info metric: existing {} @ {at}, new {} @ {t}",
                    known.labels, series.labels
                );
                return Err(EvalError::Matching(message));
            }
            _ => {
                of_one.insert(series.labels.metric_name(), (series, t));
            }
        }
    }
    Ok(newest)
}

/// The labels of a series with those of its info metrics; none where a label was asked for that no info metric has.
fn enriched(base: &Labels, newest: &Newest<'_>, wanted: &Wanted<'_>) -> Evaluated<Option<Labels>> {
    let mut extra: BTreeMap<&str, &str> = BTreeMap::new();
    let mut any = false;
    for (info, _) in newest.get(&identity(base)).into_iter().flat_map(BTreeMap::values) {
        any = true;
        for (name, value) in info.labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            if !wanted.data.is_empty() && !wanted.data.iter().any(|m| &*m.name == name) {
                continue;
            }
            if extra.get(name).is_some_and(|known| *known != value) {
                return Err(EvalError::Matching(format!("conflicting label: {name}")));
            }
            if base.get(name).is_empty() {
                extra.insert(name, value);
            }
        }
    }
    if !any && wanted.data.iter().any(|m| !m.matches("")) {
        return Ok(None);
    }
    Ok(Some(base.iter().chain(extra).collect()))
}
