//! What the variables of a dashboard could be set to.

use super::Window;
use crate::source::{Source, SourceError};
use dashboards::template::{Bindings, substitute};
use dashboards::{Dashboard, Variable};
use promql::Value;
use std::collections::BTreeSet;

/// Combinations tried at most: the panels of the dashboard are the same for each.
const LIMIT: usize = 24;

/// Every combination of values that the source knows, in order. Where a variable has no values, its queries cannot
/// have data either, and the one combination left says so.
pub(super) async fn choices(
    source: &Source,
    dashboard: &Dashboard,
    window: Window,
) -> Result<Vec<Bindings>, SourceError> {
    let mut combinations = vec![built_in(window)];
    for variable in &dashboard.variables {
        let mut longer = Vec::new();
        for bindings in combinations {
            for value in values(source, variable, &bindings, window).await? {
                let mut with = bindings.clone();
                with.set(&variable.name, &value);
                longer.push(with);
            }
        }
        longer.truncate(LIMIT);
        combinations = longer;
    }
    Ok(combinations)
}

fn built_in(window: Window) -> Bindings {
    let range = format!("{}s", (window.since_ms / 1_000).max(1));
    Bindings::from_iter([("__rate_interval", "1m".to_owned()), ("__range", range)])
}

async fn values(
    source: &Source,
    variable: &Variable,
    bindings: &Bindings,
    window: Window,
) -> Result<BTreeSet<String>, SourceError> {
    if variable.multi {
        return Ok(BTreeSet::from([".*".to_owned()]));
    }
    let label = &variable.of_label;
    let expr = format!("group by ({label}) ({})", substitute(&variable.selector, bindings));
    let answer = match source.range(&expr, window.now_ms - window.since_ms, window.now_ms, window.step_ms()).await {
        Ok(answer) => answer,
        // A variable that the source refuses to fill is an empty choice, as in Grafana.
        Err(SourceError::Refused { .. }) => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let Value::Matrix(series) = answer.value else { return Ok(BTreeSet::new()) };
    Ok(series.iter().map(|s| s.labels.get(label).to_owned()).filter(|value| !value.is_empty()).collect())
}
