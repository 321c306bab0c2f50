//! The past samples of what objectives read.

use super::super::JudgeError;
use crate::source::Source;
use promql::{Labels, Matcher, Queryable, SelectHints, Value};
use slo::{Slo, Window};
use std::sync::Arc;
use tsdb::{Store, StoreOptions};

const DAY: i64 = 86_400_000;

/// Samples in process.
pub(super) struct History {
    pub(super) storage: Arc<dyn Queryable>,
    /// Time of the first sample of the objectives.
    pub(super) first_ms: Option<i64>,
}

/// The history up to `to`, from `from` less the longest window on; from the first sample on where there is no `from`.
pub(super) async fn load(
    source: &Source,
    slos: &[Slo],
    from: Option<i64>,
    to: i64,
    longest: Window,
) -> Result<History, JudgeError> {
    let mut selectors: Vec<_> = slos.iter().flat_map(Slo::selectors).collect();
    selectors.sort_unstable();
    selectors.dedup();
    let before = i64::try_from(longest.as_millis()).unwrap_or(0);
    let storage = match source {
        Source::Local(local) => local.storage(),
        Source::Http(_) => {
            let store = Store::new(StoreOptions { retention_ms: i64::MAX / 4, ..StoreOptions::default() });
            // Without a begin, as far as anybody keeps samples at this resolution.
            let from = from.map_or(to - 60 * DAY, |from| from - before);
            for selector in &selectors {
                copy(source, selector, (from, to), &store).await?;
            }
            Arc::new(store)
        }
    };
    let first_ms = selectors.iter().filter_map(|selector| first(&*storage, selector, to)).min();
    Ok(History { storage, first_ms })
}

/// Copies a selector's samples, a day a query.
async fn copy(source: &Source, selector: &str, (from, to): (i64, i64), store: &Store) -> Result<(), JudgeError> {
    let mut end = from;
    while end < to {
        let start = end;
        end = (end + DAY).min(to);
        // One more, as ranges of Prometheus 3 exclude their left end; a sample that is read twice is stored once.
        let expr = format!("{selector}[{}ms]", end - start + 1);
        let answer = source.instant(&expr, end).await;
        let answer = answer.map_err(|source| JudgeError::Source { expr: expr.clone(), source })?;
        let Value::Matrix(series) = answer.value else { continue };
        for one in series {
            let labels: Labels = one.labels;
            for sample in one.samples {
                // Only a source that contradicts itself has another value at the same time; the first one stands.
                let _ = store.append(&labels, sample.t, sample.v);
            }
        }
    }
    Ok(())
}

fn first(storage: &dyn Queryable, selector: &str, to: i64) -> Option<i64> {
    let parsed = promql::parse(selector).ok()?;
    let matchers: Vec<Matcher> = parsed.selectors().first()?.selector.matchers.clone();
    let series = storage.select(&matchers, SelectHints { min_t: i64::MIN / 4, max_t: to }).ok()?;
    series.iter().filter_map(|series| series.samples.first().map(|sample| sample.t)).min()
}
