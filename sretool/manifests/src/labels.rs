//! Labels and selectors of the Kubernetes API.

use serde_json::Value;
use std::collections::BTreeMap;

/// Labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// The texts of a mapping.
pub(crate) fn read_labels(value: Option<&Value>) -> Labels {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// `matchLabels` and `matchExpressions`; empty selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    labels: Labels,
    expressions: Vec<Expression>,
}

#[derive(Clone, Debug, PartialEq)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Selector {
    /// Reads a selector; what is absent selects everything.
    pub fn read(value: Option<&Value>) -> Self {
        let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let texts = |v: &Value| {
            let values = v.get("values").and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let expressions = value.and_then(|v| v.get("matchExpressions")).and_then(Value::as_array);
        Self {
            labels: read_labels(value.and_then(|v| v.get("matchLabels"))),
            expressions: expressions
                .into_iter()
                .flatten()
                .map(|v| Expression { key: text(v, "key"), operator: text(v, "operator"), values: texts(v) })
                .collect(),
        }
    }

    /// A selector that is a plain mapping, as a Service has it.
    pub(crate) fn plain(value: Option<&Value>) -> Self {
        Self { labels: read_labels(value), expressions: Vec::new() }
    }

    /// Whether labels fulfil all of it.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = |(key, wanted): (&String, &String)| labels.get(key) == Some(wanted);
        self.labels.iter().all(equal) && self.expressions.iter().all(|e| e.matches(labels))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }
}

impl Expression {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|v| self.values.contains(v)),
            "NotIn" => value.is_none_or(|v| !self.values.contains(v)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            // The API server refuses any other; here it selects nothing rather than too much.
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_parts_must_hold() {
        let labels = Labels::from([("app".to_owned(), "a".to_owned()), ("tier".to_owned(), "x".to_owned())]);
        let holds = |selector: Value| Selector::read(Some(&selector)).matches(&labels);
        assert!(holds(json!({})) && holds(json!({"matchLabels": {"app": "a"}})));
        assert!(!holds(json!({"matchLabels": {"app": "b"}})));
        let expression = |operator: &str, key: &str, values: &[&str]| json!({"matchLabels": {"app": "a"}, "matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        assert!(holds(expression("In", "tier", &["x", "y"])) && !holds(expression("In", "none", &["x"])));
        assert!(holds(expression("NotIn", "none", &["x"])) && !holds(expression("NotIn", "tier", &["x"])));
        assert!(holds(expression("Exists", "tier", &[])) && !holds(expression("DoesNotExist", "tier", &[])));
        assert!(!holds(expression("Like", "tier", &[])));
    }
}
