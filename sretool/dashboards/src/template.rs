//! Grafana's variables in PromQL.

use std::collections::BTreeMap;

/// Values of variables, without the built-in ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings(BTreeMap<String, String>);

impl Bindings {
    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a variable, built-in ones included.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).or(match name {
            "__rate_interval" => Some("5m"),
            "__interval" => Some("1m"),
            "__interval_ms" => Some("60000"),
            "__range" => Some("1h"),
            "__range_s" => Some("3600"),
            "__range_ms" => Some("3600000"),
            "__from" => Some("0"),
            "__to" => Some("0"),
            _ => None,
        })
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Bindings {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect())
    }
}

/// A reference to a variable in an expression.
struct Reference<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

/// Replaces `$name`, `${name}`, `${name:format}` and `[[name]]`; unknown names stay as they are.
pub fn substitute(expr: &str, bindings: &Bindings) -> String {
    let mut out = String::with_capacity(expr.len());
    let mut done = 0;
    for reference in references(expr) {
        if let Some(value) = bindings.get(reference.name) {
            out.push_str(&expr[done..reference.start]);
            out.push_str(value);
            done = reference.end;
        }
    }
    out.push_str(&expr[done..]);
    out
}

/// Names of the variables that an expression uses, in order of appearance.
pub fn variables(expr: &str) -> Vec<&str> {
    references(expr).map(|r| r.name).collect()
}

fn references(expr: &str) -> impl Iterator<Item = Reference<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(offset) = expr[from..].find(['$', '[']) {
            let start = from + offset;
            from = start + 1;
            if let Some(reference) = reference_at(expr, start) {
                from = reference.end;
                return Some(reference);
            }
        }
        None
    })
}

fn reference_at(expr: &str, start: usize) -> Option<Reference<'_>> {
    let (open, close) = match &expr[start..] {
        rest if rest.starts_with("${") => ("${", "}"),
        rest if rest.starts_with("[[") => ("[[", "]]"),
        _ => ("$", ""),
    };
    let inner = expr[start..].strip_prefix(open)?;
    let length = inner.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(inner.len());
    let name = &inner[..length];
    let closing = if close.is_empty() { 0 } else { inner[length..].find(close)? + close.len() };
    // `$1` in label_replace is a capture group, no variable.
    let is_variable = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    is_variable.then(|| Reference { name, start, end: start + open.len() + length + closing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expr: &str, expected: &str) {
        let bindings = Bindings::from_iter([("service", "user-service"), ("x", "$service")]);
        assert_eq!(substitute(expr, &bindings), expected);
    }

    #[test]
    fn every_spelling_is_replaced() {
        check(r#"a{s="$service"}"#, r#"a{s="user-service"}"#);
        check(r#"a{s="${service}_${service:regex}"}"#, r#"a{s="user-service_user-service"}"#);
        check(r#"a{s="[[service]]"}"#, r#"a{s="user-service"}"#);
        check("rate(a[$__rate_interval])", "rate(a[5m])");
        check("a[$__range:$__interval]", "a[1h:1m]");
    }

    #[test]
    fn what_is_no_variable_stays() {
        check("a[5m] + b[$unknown]", "a[5m] + b[$unknown]");
        check(r#"label_replace(a, "b", "$1", "c", "(.*)$")"#, r#"label_replace(a, "b", "$1", "c", "(.*)$")"#);
        check("${unfinished", "${unfinished");
        check("$serviceless é$", "$serviceless é$");
        check("$x", "$service");
    }

    #[test]
    fn names_are_listed() {
        assert_eq!(variables(r#"a{b=~"$b",c="${c:pipe}"}[$__range]"#), ["b", "c", "__range"]);
    }
}
