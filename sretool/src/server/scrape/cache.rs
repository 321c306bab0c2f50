//! The series of a target from scrape to scrape: which are new, and which vanished.
//!
//! The bookkeeping is that of Prometheus, its peculiarities included: a body that breaks off counts as seen up to
//! where it broke, so that those series end only with the next scrape; after a failure the series are still known, so
//! that they do not count as added when they are back.

use promql::{Labels, METRIC_NAME};
use std::collections::HashMap;

/// An entry whose series would otherwise be forgotten is kept while failures are fewer than this, beside twice the
/// number of the last good scrape.
const SPARE: usize = 1000;

/// A series as the target exposes it.
#[derive(Debug)]
pub(super) struct Known {
    /// With the target's labels; `None` where relabelling drops it.
    pub labels: Option<Labels>,
    seen_in: u64,
    /// Whether the scrape before had it without a time of its own.
    before: bool,
    /// Whether this scrape has.
    now: bool,
}

/// Series by their labels as exposed.
#[derive(Debug, Default)]
pub(super) struct Cache {
    known: HashMap<Labels, Known>,
    scrape: u64,
    good: usize,
}

impl Cache {
    /// Looks up a series, which counts as seen. Without one, `make` tells its labels.
    pub(super) fn find<E>(
        &mut self,
        exposed: &Labels,
        make: impl FnOnce() -> Result<Option<Labels>, E>,
    ) -> Result<(&mut Known, bool), E> {
        let scrape = self.scrape;
        match self.known.entry(exposed.clone()) {
            std::collections::hash_map::Entry::Occupied(entry) => {
                let known = entry.into_mut();
                known.seen_in = scrape;
                Ok((known, false))
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                let known = Known { labels: make()?, seen_in: scrape, before: false, now: false };
                Ok((entry.insert(known), true))
            }
        }
    }

    /// Series that the scrape before had and this one has not.
    pub(super) fn vanished(&self) -> impl Iterator<Item = &Labels> {
        self.known.values().filter(|known| known.before && !known.now).filter_map(|known| known.labels.as_ref())
    }

    /// Ends a scrape. One that yielded something forgets the series that it had not.
    pub(super) fn end_scrape(&mut self, yielded: bool) {
        let scrape = self.scrape;
        let too_many = self.known.len() > self.good * 2 + SPARE;
        if yielded {
            self.good = self.known.len();
        }
        if yielded || too_many {
            self.known.retain(|_, known| known.seen_in == scrape);
        }
        for known in self.known.values_mut() {
            (known.before, known.now) = (known.now, false);
        }
        self.scrape += 1;
    }

    /// Series that have not ended.
    pub(super) fn live(&self) -> impl Iterator<Item = &Labels> {
        self.known.values().filter(|known| known.before).filter_map(|known| known.labels.as_ref())
    }
}

impl Known {
    /// The series ends when a scrape does not have it any more.
    pub(super) fn track(&mut self) {
        self.now = true;
    }
}

/// The exposed labels with the target's. Of an exposed label that clashes the target's stays, and the exposed one gets
/// the prefix `exported_` as often as it takes to be free; with `honor` the exposed one stays.
pub(super) fn with_target(exposed: &Labels, target: &Labels, honor: bool) -> Labels {
    let clash = |name: &str| !target.get(name).is_empty();
    if honor {
        return target.iter().chain(exposed.iter()).collect();
    }
    let mut clashes: Vec<_> = exposed.iter().filter(|(name, _)| clash(name)).collect();
    if clashes.is_empty() {
        return exposed.iter().chain(target.iter()).collect();
    }
    let taken = |name: &str, renamed: &[(String, String)]| {
        clash(name) || !exposed.get(name).is_empty() || renamed.iter().any(|(n, _)| n == name)
    };
    // Shorter names first, so that `exported_job` keeps being what `job` becomes.
    clashes.sort_by_key(|(name, _)| name.len());
    let mut renamed: Vec<(String, String)> = Vec::with_capacity(clashes.len());
    for (name, value) in clashes {
        let mut new = format!("exported_{name}");
        while taken(&new, &renamed) {
            new.insert_str(0, "exported_");
        }
        renamed.push((new, value.to_owned()));
    }
    let kept = exposed.iter().filter(|(name, _)| !clash(name));
    let owned = kept.chain(target.iter()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.chain(renamed).collect()
}

/// The labels of a sample about the scrape itself.
pub(super) fn about(target: &Labels, name: &str) -> Labels {
    target.with(METRIC_NAME, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(cache: &mut Cache, name: &str) -> bool {
        let labels = Labels::new([(METRIC_NAME, name)]);
        let (known, new) = cache.find::<()>(&labels, || Ok(Some(labels.clone()))).unwrap();
        known.track();
        new
    }

    fn vanished(cache: &Cache) -> Vec<String> {
        let mut names: Vec<_> = cache.vanished().map(|labels| labels.metric_name().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn series_vanish_once_and_come_back_as_new() {
        let mut cache = Cache::default();
        assert!(see(&mut cache, "a") && see(&mut cache, "b") && !see(&mut cache, "a"));
        cache.end_scrape(true);
        assert!(!see(&mut cache, "a"));
        assert_eq!(vanished(&cache), ["b"]);
        cache.end_scrape(true);
        assert_eq!((see(&mut cache, "b"), vanished(&cache)), (true, vec!["a".to_owned()]));
    }

    #[test]
    fn after_a_failure_series_are_known_but_ended() {
        let mut cache = Cache::default();
        see(&mut cache, "a");
        cache.end_scrape(true);
        assert_eq!((vanished(&cache), cache.live().count()), (vec!["a".to_owned()], 1));
        cache.end_scrape(false);
        assert_eq!((vanished(&cache), cache.live().count()), (vec![], 0));
        assert!(!see(&mut cache, "a"), "it does not count as added");
    }

    #[test]
    fn failures_that_name_ever_new_series_do_not_fill_the_memory() {
        let mut cache = Cache::default();
        for i in 0..5000 {
            see(&mut cache, &format!("a{i}"));
            cache.end_scrape(false);
        }
        assert!(cache.known.len() <= SPARE + 1, "{}", cache.known.len());
    }

    #[test]
    fn clashing_labels_are_exported() {
        let target = Labels::new([("job", "api"), ("instance", "h:1")]);
        let merged = |pairs: &[(&str, &str)], honor| {
            with_target(&Labels::new(pairs.iter().copied()), &target, honor).to_string()
        };
        assert_eq!(merged(&[("__name__", "a"), ("x", "1")], false), r#"a{instance="h:1", job="api", x="1"}"#);
        let own = [("__name__", "a"), ("job", "own")];
        assert_eq!(merged(&own, false), r#"a{exported_job="own", instance="h:1", job="api"}"#);
        assert_eq!(merged(&own, true), r#"a{instance="h:1", job="own"}"#);
        assert_eq!(
            merged(&[("job", "own"), ("exported_job", "older")], false),
            r#"{exported_exported_job="own", exported_job="older", instance="h:1", job="api"}"#
        );
    }
}
