//! Label sets from the labels of lines, at little cost where neighbouring lines are alike.

use super::line::Pairs;
use super::number;
use promql::{Labels, METRIC_NAME};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Builds label sets whose strings are shared between lines.
#[derive(Debug, Default)]
pub(super) struct LabelSets {
    /// The pairs of the last line as they were written, the metric's name first.
    pairs: Vec<(Arc<str>, Arc<str>)>,
    /// Places of the pairs in order of their names.
    order: Vec<usize>,
    strings: HashSet<Arc<str>>,
    /// Normal forms of the bounds of buckets and quantiles.
    bounds: HashMap<Box<str>, Arc<str>>,
}

impl LabelSets {
    /// The label set of a line. The value of the label `bound`, if it is not empty, is a number and gets its normal
    /// form.
    pub(super) fn get(&mut self, name: &str, labels: &Pairs<'_>, bound: &str) -> Labels {
        let mut same_names = self.pairs.len() == labels.len() + 1;
        self.set_value(0, METRIC_NAME, name, &mut same_names);
        for (at, (name, value)) in labels.iter().enumerate() {
            if !bound.is_empty() && name == bound {
                let value = self.normal(value);
                self.set_value(at + 1, name, &value, &mut same_names);
            } else {
                self.set_value(at + 1, name, value, &mut same_names);
            }
        }
        if !same_names {
            self.pairs.truncate(labels.len() + 1);
            self.order = (0..self.pairs.len()).collect();
            self.order.sort_by(|a, b| self.pairs[*a].0.cmp(&self.pairs[*b].0));
        }
        Labels::from_sorted(self.order.iter().map(|at| self.pairs[*at].clone()).collect())
    }

    /// Puts a pair at its place; nothing is to do where the last line had the same there.
    fn set_value(&mut self, place: usize, name: &str, value: &str, same_names: &mut bool) {
        if let Some((held_name, held_value)) = self.pairs.get(place) {
            let (name_differs, value_differs) = (**held_name != *name, **held_value != *value);
            if name_differs {
                *same_names = false;
                self.pairs[place].0 = self.shared(name);
            }
            if value_differs {
                self.pairs[place].1 = self.shared(value);
            }
        } else {
            *same_names = false;
            let pair = (self.shared(name), self.shared(value));
            self.pairs.push(pair);
        }
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(held) = self.strings.get(text) {
            return Arc::clone(held);
        }
        let shared: Arc<str> = text.into();
        self.strings.insert(Arc::clone(&shared));
        shared
    }

    fn normal(&mut self, written: &str) -> Arc<str> {
        if let Some(held) = self.bounds.get(written) {
            return Arc::clone(held);
        }
        let normal: Arc<str> = number::normalise(written).map_or_else(|| written.into(), Arc::from);
        self.bounds.insert(written.into(), Arc::clone(&normal));
        normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_shared_between_lines() {
        let mut sets = LabelSets::default();
        let pairs = |a: &'static str| vec![("route".into(), "/v1".into()), ("code".into(), a.into())];
        let first = sets.get("m", &pairs("200"), "");
        let second = sets.get("m", &pairs("500"), "");
        let third = sets.get("m", &pairs("200"), "");
        assert_eq!(first, third);
        assert_eq!(second.to_string(), r#"m{code="500", route="/v1"}"#);
        let pointers = |labels: &Labels| labels.shared().iter().map(|(_, v)| v.as_ptr()).collect::<Vec<_>>();
        assert_eq!(pointers(&first), pointers(&third));
    }

    #[test]
    fn only_the_bound_is_a_number() {
        let mut sets = LabelSets::default();
        let pairs = vec![("le".into(), "1".into()), ("x".into(), "1".into())];
        assert_eq!(sets.get("h", &pairs, "le").to_string(), r#"h{le="1.0", x="1"}"#);
        assert_eq!(sets.get("h", &pairs, "le").get("le"), "1.0");
        assert_eq!(sets.get("h", &pairs, "").get("le"), "1");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_set_does_not_depend_on_the_lines_before(
            lines in prop::collection::vec(("[ab]", prop::collection::btree_map("[a-dA]", "[xy]{0,1}", 0..4), any::<bool>()), 1..12),
        ) {
            let mut sets = LabelSets::default();
            for (name, labels, reversed) in lines {
                let mut pairs: Pairs<'_> = labels.iter().map(|(n, v)| (n.as_str().into(), v.as_str().into())).collect();
                if reversed {
                    pairs.reverse();
                }
                let all = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("__name__", name.as_str())]);
                prop_assert_eq!(sets.get(&name, &pairs, ""), Labels::new(all));
            }
        }
    }
}
