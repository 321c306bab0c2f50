//! The label index: which series have which value of which label.

use crate::literals::{Shape, shape};
use promql::{Labels, MatchOp, Matcher};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// A series' place in the store.
pub(crate) type SeriesId = u32;

type Postings = Vec<SeriesId>;

/// Posting lists, sorted by series, of every label value.
#[derive(Debug, Default)]
pub(crate) struct Index {
    labels: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Postings>>,
}

impl Index {
    /// Adds a series and returns its labels made of strings that the index already holds.
    pub(crate) fn insert(&mut self, id: SeriesId, labels: &Labels) -> Labels {
        let mut interned = Vec::with_capacity(labels.len());
        for (name, value) in labels.shared() {
            let name = self.labels.get_key_value(name).map_or(name, |(held, _)| held).clone();
            let values = self.labels.entry(name.clone()).or_default();
            let value = values.get_key_value(value).map_or(value, |(held, _)| held).clone();
            let postings = values.entry(value.clone()).or_default();
            let at = postings.partition_point(|other| *other < id);
            postings.insert(at, id);
            interned.push((name, value));
        }
        Labels::from_shared(interned)
    }

    /// Removes series, all at once because a list is as costly to shorten by one as by many.
    pub(crate) fn remove<'a>(&mut self, gone: impl Iterator<Item = (SeriesId, &'a Labels)>) {
        let mut by_label: HashMap<(&str, &str), Postings> = HashMap::new();
        for (id, labels) in gone {
            labels.iter().for_each(|pair| by_label.entry(pair).or_default().push(id));
        }
        for ((name, value), mut ids) in by_label {
            ids.sort_unstable();
            let Some(values) = self.labels.get_mut(name) else { continue };
            let Some(postings) = values.get_mut(value) else { continue };
            postings.retain(|id| ids.binary_search(id).is_err());
            if postings.is_empty() {
                values.remove(value);
            }
            if values.is_empty() {
                self.labels.remove(name);
            }
        }
    }

    /// The smallest set that holds every match of the matchers that a lookup can answer; `None` is "every series".
    /// The caller checks the matchers in `rest` on each.
    pub(crate) fn candidates<'m>(&self, matchers: &'m [Matcher]) -> (Option<Cow<'_, [SeriesId]>>, Vec<&'m Matcher>) {
        let (mut lists, mut rest) = (Vec::new(), Vec::new());
        for matcher in matchers {
            match self.lookup(matcher) {
                Some(Lookup { postings, exact }) => {
                    lists.push(postings);
                    if !exact {
                        rest.push(matcher);
                    }
                }
                None => rest.push(matcher),
            }
        }
        lists.sort_by_key(|list| list.len());
        let found = lists.into_iter().reduce(|small, large| Cow::Owned(intersect(&small, &large)));
        (found, rest)
    }

    fn lookup(&self, matcher: &Matcher) -> Option<Lookup<'_>> {
        // A matcher that accepts an absent label cannot be answered by what is present.
        if matcher.matches("") {
            return None;
        }
        match matcher.op {
            MatchOp::Equal => Some(Lookup { postings: self.union(&matcher.name, [&*matcher.value]), exact: true }),
            MatchOp::Regex => Some(match shape(&matcher.value) {
                Shape::Words(words) => {
                    Lookup { postings: self.union(&matcher.name, words.iter().map(String::as_str)), exact: true }
                }
                Shape::Prefix(prefix) if prefix.is_empty() => return None,
                Shape::Prefix(prefix) => Lookup {
                    postings: self.union(&matcher.name, self.with_prefix(&matcher.name, &prefix)),
                    exact: false,
                },
            }),
            MatchOp::NotEqual | MatchOp::NotRegex => None,
        }
    }

    fn with_prefix<'a>(&'a self, name: &str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.labels.get(name);
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let range = values.into_iter().flat_map(move |values| values.range::<str, _>(from));
        range.map(|(value, _)| &**value).take_while(move |value| value.starts_with(prefix))
    }

    fn union<'a>(&self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Cow<'_, [SeriesId]> {
        let Some(held) = self.labels.get(name) else { return Cow::Borrowed(&[]) };
        let mut lists = values.into_iter().filter_map(|value| held.get(value));
        let Some(first) = lists.next() else { return Cow::Borrowed(&[]) };
        let Some(second) = lists.next() else { return Cow::Borrowed(first) };
        let mut all: Postings = first.iter().chain(second).chain(lists.flatten()).copied().collect();
        all.sort_unstable();
        // A word may be listed twice.
        all.dedup();
        Cow::Owned(all)
    }

    /// Values of a label, in order, with the series that have them.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &[SeriesId])> {
        self.labels.get(name).into_iter().flatten().map(|(value, postings)| (value, postings.as_slice()))
    }

    /// Memory of names, values and lists, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let values = self.labels.values().flatten();
        let of_values: usize = values.map(|(v, p)| v.len() + 48 + size_of_val(p.as_slice())).sum();
        of_values + self.labels.keys().map(|name| name.len() + 48).sum::<usize>()
    }
}

struct Lookup<'a> {
    postings: Cow<'a, [SeriesId]>,
    exact: bool,
}

/// What two sorted lists share. The lists differ much in length in practice, so the short one is looked up in the long.
fn intersect(small: &[SeriesId], mut large: &[SeriesId]) -> Postings {
    let mut shared = Vec::with_capacity(small.len());
    for id in small {
        let at = large.partition_point(|other| other < id);
        large = &large[at..];
        if large.first() == Some(id) {
            shared.push(*id);
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let mut index = Index::default();
        for (id, (name, status)) in [("a", "200"), ("a", "500"), ("b", "503"), ("a", "")].into_iter().enumerate() {
            index.insert(id as SeriesId, &Labels::new([("__name__", name), ("status", status)]));
        }
        index
    }

    #[track_caller]
    fn check(matchers: &[(&str, MatchOp, &str)], expected: Option<&[SeriesId]>, rest: usize) {
        let index = index();
        let matchers: Vec<_> = matchers.iter().map(|(n, op, v)| Matcher::new(n, *op, v).unwrap()).collect();
        let (found, left) = index.candidates(&matchers);
        assert_eq!((found.as_deref(), left.len()), (expected, rest));
    }

    #[test]
    fn lookups_answer_words_and_prefixes() {
        use MatchOp::*;
        check(&[("__name__", Equal, "a")], Some(&[0, 1, 3]), 0);
        check(&[("status", Regex, "200|503|200")], Some(&[0, 2]), 0);
        check(&[("status", Regex, "5..")], Some(&[1, 2]), 1);
        check(&[("__name__", Equal, "a"), ("status", Regex, "5..")], Some(&[1]), 1);
        check(&[("nothing", Equal, "x"), ("__name__", Equal, "a")], Some(&[]), 0);
    }

    #[test]
    fn what_accepts_an_absent_label_is_left_to_the_caller() {
        use MatchOp::*;
        check(&[("status", Equal, "")], None, 1);
        check(&[("status", NotEqual, "200"), ("__name__", Equal, "a")], Some(&[0, 1, 3]), 1);
        check(&[("status", Regex, "200|")], None, 1);
        check(&[("status", Regex, ".+")], None, 1);
        check(&[], None, 0);
    }

    #[test]
    fn removal_leaves_no_empty_lists() {
        let mut index = index();
        let gone = [Labels::new([("__name__", "b"), ("status", "503")]), Labels::new([("__name__", "a")])];
        index.remove([2, 3].into_iter().zip(&gone));
        assert_eq!(index.values("__name__").map(|(v, p)| (&**v, p.to_vec())).collect::<Vec<_>>(), [("a", vec![0, 1])]);
        assert_eq!(index.values("status").count(), 2);
        index.remove([(0, &Labels::new([("__name__", "a"), ("status", "200")]))].into_iter());
        index.remove([(1, &Labels::new([("__name__", "a"), ("status", "500")]))].into_iter());
        assert!(index.labels.is_empty());
    }

    #[test]
    fn strings_are_interned() {
        let mut index = index();
        let labels = index.insert(9, &Labels::new([("__name__", "a"), ("status", "200")]));
        let again = index.insert(10, &Labels::new([("__name__", "a"), ("status", "200")]));
        assert!(labels.shared().iter().zip(again.shared()).all(|(a, b)| Arc::ptr_eq(&a.1, &b.1)));
    }
}
