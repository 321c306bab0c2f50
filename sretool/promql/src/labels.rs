//! Label sets and label matchers.

use crate::quote::Quoted;
use std::fmt;
use std::sync::Arc;

/// The label that holds a series' metric name.
pub const METRIC_NAME: &str = "__name__";

/// Whether a name is a label name that needs no quotes: letters, digits and `_`, no digit first.
pub fn is_label_name(name: &str) -> bool {
    is_name(name, false)
}

/// Whether a name is a metric name that needs no quotes: as a label name, with `:` allowed.
pub fn is_metric_name(name: &str) -> bool {
    is_name(name, true)
}

fn is_name(name: &str, colon: bool) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (colon && b == b':');
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(allowed)
}

/// A label name, between quotes where it needs them.
struct LabelName<'a>(&'a str);

impl fmt::Display for LabelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_label_name(self.0) { f.write_str(self.0) } else { write!(f, "{}", Quoted(self.0)) }
    }
}

/// An immutable label set, sorted by name, without empty values. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// Builds a label set. Pairs with an empty value are dropped; of two pairs with one name the last wins.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = pairs.into_iter().map(|(n, v)| (Arc::from(n.as_ref()), Arc::from(v.as_ref())));
        Self::from_shared(pairs.collect())
    }

    /// The same from strings that are already shared, so that an interning store pays no copy.
    pub fn from_shared(mut pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        // A stable sort over the reversed list puts the last of equal names first, which `dedup` then keeps.
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|next, kept| next.0 == kept.0);
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs.into())
    }

    /// The same from pairs that are in order of their names already, so that nothing is copied; others are sorted.
    pub fn from_sorted(pairs: Arc<[(Arc<str>, Arc<str>)]>) -> Self {
        let sorted = pairs.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if sorted && pairs.iter().all(|(_, value)| !value.is_empty()) {
            return Self(pairs);
        }
        Self::from_shared(pairs.to_vec())
    }

    /// The value of a label, or `""` where it is absent: PromQL does not tell the two apart.
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|(n, _)| (**n).cmp(name)).map_or("", |i| &self.0[i].1)
    }

    /// The metric name, or `""`.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// Pairs in order of name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    /// The shared pairs, in order of name.
    pub fn shared(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.0
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy without the labels for which `drop` is true.
    #[must_use]
    pub fn without(&self, mut drop: impl FnMut(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(n, _)| !drop(n)).cloned().collect())
    }

    /// A copy with one label set, or removed where `value` is empty.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs = self.0.to_vec();
        pairs.push((Arc::from(name), Arc::from(value)));
        Self::from_shared(pairs)
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(iter: T) -> Self {
        Self::new(iter)
    }
}

/// As Prometheus writes a series: `name{a="b"}`, or `{"a name", a="b"}` where the name needs quotes.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let bare = is_metric_name(name);
        let mut comma = "";
        if bare {
            f.write_str(name)?;
            if self.len() == 1 {
                return Ok(());
            }
        }
        f.write_str("{")?;
        if !bare && !name.is_empty() {
            write!(f, "{}", Quoted(name))?;
            comma = ", ";
        }
        for (name, value) in self.iter().filter(|(n, _)| *n != METRIC_NAME) {
            write!(f, "{comma}{}={}", LabelName(name), Quoted(value))?;
            comma = ", ";
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, fully anchored
    Regex,
    /// `!~`, fully anchored
    NotRegex,
}

impl MatchOp {
    /// The operator as written in PromQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One label matcher of a selector. An absent label matches as the empty string.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Label name.
    pub name: Arc<str>,
    /// Comparison.
    pub op: MatchOp,
    /// Literal value or regular expression source.
    pub value: Arc<str>,
    regex: Option<regex::Regex>,
}

impl Matcher {
    /// Builds a matcher; fails on an invalid regular expression.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, regex::Error> {
        let regex = match op {
            MatchOp::Regex | MatchOp::NotRegex => {
                Some(regex::RegexBuilder::new(&format!("^(?:{value})$")).dot_matches_new_line(true).build()?)
            }
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { name: name.into(), op, value: value.into(), regex })
    }

    /// Whether a label value matches.
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.regex) {
            (MatchOp::Equal, _) => value == &*self.value,
            (MatchOp::NotEqual, _) => value != &*self.value,
            (MatchOp::Regex, Some(r)) => r.is_match(value),
            (MatchOp::NotRegex, Some(r)) => !r.is_match(value),
            // `new` always compiles the expression for these two operators.
            (MatchOp::Regex | MatchOp::NotRegex, None) => false,
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", LabelName(&self.name), self.op.as_str(), Quoted(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_last_wins_and_empty_dropped() {
        let labels = Labels::new([("b", "1"), ("a", "x"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "x"), ("b", "2")]);
        assert_eq!(labels.get("c"), "");
        assert_eq!(labels.with("a", "").iter().collect::<Vec<_>>(), [("b", "2")]);
    }

    #[test]
    fn pairs_in_order_are_taken_as_they_are() {
        let pair = |n: &str, v: &str| (Arc::from(n), Arc::from(v));
        let sorted: Arc<[_]> = [pair("a", "1"), pair("b", "2")].into();
        assert!(std::ptr::eq(Labels::from_sorted(Arc::clone(&sorted)).shared(), &*sorted));
        for other in [vec![pair("b", "2"), pair("a", "1")], vec![pair("a", "1"), pair("b", "2"), pair("c", "")]] {
            assert_eq!(Labels::from_sorted(other.into()), Labels::new([("a", "1"), ("b", "2")]));
        }
    }

    #[test]
    fn displays_as_prometheus_does() {
        assert_eq!(Labels::new([("__name__", "up"), ("job", "a\"b")]).to_string(), r#"up{job="a\"b"}"#);
        assert_eq!(Labels::new([("__name__", "up")]).to_string(), "up");
        assert_eq!(Labels::default().to_string(), "{}");
        assert_eq!(Labels::new([("__name__", "a b"), ("x.y", "1")]).to_string(), r#"{"a b", "x.y"="1"}"#);
    }

    #[test]
    fn regexes_are_anchored_and_see_newlines() {
        let matcher = Matcher::new("a", MatchOp::Regex, "x.y").unwrap();
        assert!(matcher.matches("x\ny"));
        assert!(!matcher.matches("axyb"));
        assert!(Matcher::new("a", MatchOp::NotRegex, ".+").unwrap().matches(""));
    }
}
