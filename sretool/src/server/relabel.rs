//! Relabelling: rules that keep, drop and rewrite label sets, as in Prometheus' `relabel_configs`.

use promql::{Labels, is_label_name};
use regex::Regex;
use std::collections::BTreeMap;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets a label where the expression matches.
    Replace,
    /// Drops everything that does not match.
    Keep,
    /// Drops everything that matches.
    Drop,
    /// Drops what is not equal to the target label.
    KeepEqual,
    /// Drops what is equal to the target label.
    DropEqual,
    /// Copies labels whose names match.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Sets a label to lower case.
    Lowercase,
    /// Sets a label to upper case.
    Uppercase,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Relabel {
    action: Action,
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    target_label: String,
    replacement: String,
}

impl PartialEq for Relabel {
    fn eq(&self, other: &Self) -> bool {
        let key = |r: &Self| (r.action, r.source_labels.clone(), r.separator.clone(), r.regex.as_str().to_owned());
        key(self) == key(other) && (&self.target_label, &self.replacement) == (&other.target_label, &other.replacement)
    }
}

impl Relabel {
    /// A rule with the usual separator `;`, expression `(.*)` and replacement `$1`.
    ///
    /// # Errors
    /// In words, where the action needs what it was not given.
    pub fn new(action: Action, source_labels: Vec<String>, target_label: &str) -> Result<Self, String> {
        use Action::{DropEqual, KeepEqual, Lowercase, Replace, Uppercase};
        let needs_target = matches!(action, Replace | KeepEqual | DropEqual | Lowercase | Uppercase);
        if needs_target && target_label.is_empty() {
            return Err("the action needs a `target_label`".to_owned());
        }
        let regex = anchored("(.*)")?;
        let (separator, replacement, target_label) = (";".to_owned(), "$1".to_owned(), target_label.to_owned());
        Ok(Self { action, source_labels, separator, regex, target_label, replacement })
    }

    /// The same with another expression; it is anchored at both ends.
    ///
    /// # Errors
    /// In words, where the expression cannot be read.
    pub fn with_regex(mut self, regex: &str) -> Result<Self, String> {
        self.regex = anchored(regex)?;
        Ok(self)
    }

    /// The same with another separator of source labels.
    #[must_use]
    pub fn with_separator(mut self, separator: &str) -> Self {
        separator.clone_into(&mut self.separator);
        self
    }

    /// The same with another replacement; `$1` stands for what the first group matched.
    #[must_use]
    pub fn with_replacement(mut self, replacement: &str) -> Self {
        replacement.clone_into(&mut self.replacement);
        self
    }

    /// Whether to keep the labels, which it rewrites.
    fn apply(&self, labels: &mut BTreeMap<String, String>) -> bool {
        let value = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let source = self.source_labels.iter().map(|name| value(name)).collect::<Vec<_>>().join(&self.separator);
        match self.action {
            Action::Keep => return self.regex.is_match(&source),
            Action::Drop => return !self.regex.is_match(&source),
            Action::KeepEqual => return value(&self.target_label) == source,
            Action::DropEqual => return value(&self.target_label) != source,
            Action::Replace => self.replace(&source, labels),
            Action::Lowercase => set(labels, &self.target_label, source.to_lowercase()),
            Action::Uppercase => set(labels, &self.target_label, source.to_uppercase()),
            Action::LabelMap => {
                let matching = labels.iter().filter(|(name, _)| self.regex.is_match(name));
                let renamed = |name| self.regex.replace_all(name, self.replacement.as_str()).into_owned();
                let copies: Vec<_> = matching.map(|(name, value)| (renamed(name), value.clone())).collect();
                copies.into_iter().for_each(|(name, value)| set(labels, &name, value));
            }
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        true
    }

    fn replace(&self, source: &str, labels: &mut BTreeMap<String, String>) {
        let Some(groups) = self.regex.captures(source) else { return };
        let (mut target, mut value) = (String::new(), String::new());
        groups.expand(&self.target_label, &mut target);
        groups.expand(&self.replacement, &mut value);
        if is_label_name(&target) {
            set(labels, &target, value);
        }
    }
}

fn set(labels: &mut BTreeMap<String, String>, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}

fn anchored(regex: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?s:{regex})$")).map_err(|e| format!("`{regex}` is no regular expression: {e}"))
}

/// Applies rules in order; `None` where one drops the labels or nothing is left of them.
pub fn relabel(labels: &Labels, rules: &[Relabel]) -> Option<Labels> {
    if rules.is_empty() {
        return Some(labels.clone());
    }
    let mut pairs: BTreeMap<_, _> = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let kept = rules.iter().all(|rule| rule.apply(&mut pairs)) && !pairs.is_empty();
    kept.then(|| Labels::new(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: Action, source: &[&str], target: &str) -> Relabel {
        Relabel::new(action, source.iter().map(|s| (*s).to_owned()).collect(), target).unwrap()
    }

    /// The labels `a="foo", b="Bar", c="baz"` after some rules.
    #[track_caller]
    fn check(rules: &[Relabel], expected: Option<&[(&str, &str)]>) {
        let labels = Labels::new([("a", "foo"), ("b", "Bar"), ("c", "baz")]);
        assert_eq!(relabel(&labels, rules), expected.map(|pairs| Labels::new(pairs.iter().copied())));
    }

    #[test]
    fn replacements() {
        use Action::Replace;
        let swap = rule(Replace, &["a", "b"], "d").with_regex("f(.*);(.*)r").unwrap();
        check(
            &[swap.clone().with_replacement("$2-${1}x")],
            Some(&[("a", "foo"), ("b", "Bar"), ("c", "baz"), ("d", "Ba-oox")]),
        );
        check(&[swap.with_separator("/")], Some(&[("a", "foo"), ("b", "Bar"), ("c", "baz")]));
        check(&[rule(Replace, &["none"], "a")], Some(&[("b", "Bar"), ("c", "baz")]));
        let into = rule(Replace, &["a"], "x_$1").with_regex("(.)oo").unwrap().with_replacement("y");
        check(&[into], Some(&[("a", "foo"), ("b", "Bar"), ("c", "baz"), ("x_f", "y")]));
        let invalid = rule(Replace, &["a"], "$1-").with_replacement("y");
        check(&[invalid], Some(&[("a", "foo"), ("b", "Bar"), ("c", "baz")]));
    }

    #[test]
    fn keeping_and_dropping() {
        let all: &[_] = &[("a", "foo"), ("b", "Bar"), ("c", "baz")];
        check(&[rule(Action::Keep, &["a"], "").with_regex("fo+").unwrap()], Some(all));
        check(&[rule(Action::Keep, &["a"], "").with_regex("o").unwrap()], None);
        check(&[rule(Action::Drop, &["a", "c"], "").with_regex("foo;b.*").unwrap()], None);
        check(&[rule(Action::KeepEqual, &["a"], "b")], None);
        check(&[rule(Action::DropEqual, &["a"], "b")], Some(all));
        check(&[rule(Action::LabelDrop, &[], "").with_regex("[abc]").unwrap()], None);
    }

    #[test]
    fn labels_by_name_and_case() {
        check(&[rule(Action::LabelDrop, &[], "").with_regex("a|b").unwrap()], Some(&[("c", "baz")]));
        check(&[rule(Action::LabelKeep, &[], "").with_regex("a|b").unwrap()], Some(&[("a", "foo"), ("b", "Bar")]));
        let map = rule(Action::LabelMap, &[], "").with_regex("(a)").unwrap().with_replacement("copy_$1");
        check(&[map], Some(&[("a", "foo"), ("b", "Bar"), ("c", "baz"), ("copy_a", "foo")]));
        check(&[rule(Action::Lowercase, &["b"], "b")], Some(&[("a", "foo"), ("b", "bar"), ("c", "baz")]));
        check(&[rule(Action::Uppercase, &["b"], "d")], Some(&[("a", "foo"), ("b", "Bar"), ("c", "baz"), ("d", "BAR")]));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(Relabel::new(Action::Replace, vec![], "").unwrap_err().contains("target_label"));
        let wrong = rule(Action::Keep, &["a"], "").with_regex("(").unwrap_err();
        assert!(wrong.contains("no regular expression"), "{wrong}");
    }
}
