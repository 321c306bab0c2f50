//! Series that a selector selects.

use promql::{ExprKind, MatchOp, Matcher};
use regex_syntax::hir::{Class, Hir, HirKind};

/// The labels of one series that a selector selects, in PromQL's notation; `None` where none can be made up.
pub(crate) fn series(selector: &str, more: &[(String, String)]) -> Option<String> {
    let ExprKind::Vector(parsed) = promql::parse(selector).ok()?.kind else { return None };
    labels(&parsed.matchers, more, None)
}

/// The same for a series that a second selector does not select.
pub(crate) fn series_outside(selector: &str, other: &str, more: &[(String, String)]) -> Option<String> {
    let ExprKind::Vector(parsed) = promql::parse(selector).ok()?.kind else { return None };
    let ExprKind::Vector(avoided) = promql::parse(other).ok()?.kind else { return None };
    labels(&parsed.matchers, more, Some(&avoided.matchers))
}

/// Whether a selector selects a series that is written as a selector.
pub(crate) fn is_selected(selector: &str, series: &str) -> bool {
    let kinds = [selector, series].map(|text| promql::parse(text).map(|expr| expr.kind));
    let [Ok(ExprKind::Vector(selector)), Ok(ExprKind::Vector(series))] = kinds else { return false };
    let value = |name: &str| series.matchers.iter().find(|m| &*m.name == name).map_or("", |m| &*m.value).to_owned();
    selector.matchers.iter().all(|matcher| matcher.matches(&value(&matcher.name)))
}

fn labels(matchers: &[Matcher], more: &[(String, String)], avoided: Option<&[Matcher]>) -> Option<String> {
    let mut names: Vec<&str> = matchers.iter().map(|matcher| &*matcher.name).collect();
    names.extend(avoided.into_iter().flatten().map(|matcher| &*matcher.name));
    names.sort_unstable();
    names.dedup();
    let mut found: Vec<(&str, String)> = Vec::new();
    for name in names {
        let own: Vec<_> = matchers.iter().filter(|matcher| &*matcher.name == name).collect();
        found.push((name, value(&own)?));
    }
    if let Some(avoided) = avoided {
        avoid(&mut found, matchers, avoided)?;
    }
    for (key, value) in more {
        found.retain(|(name, _)| name != key);
        found.push((key, value.clone()));
    }
    let metric = found.iter().find(|(name, _)| *name == promql::METRIC_NAME)?.1.clone();
    let pairs = found.iter().filter(|(name, value)| *name != promql::METRIC_NAME && !value.is_empty());
    let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={value:?}")).collect();
    Some(format!("{metric}{{{}}}", pairs.join(", ")))
}

/// Changes one label so that the series is not among those to avoid.
fn avoid(found: &mut [(&str, String)], matchers: &[Matcher], avoided: &[Matcher]) -> Option<()> {
    let matches = |found: &[(&str, String)]| {
        avoided
            .iter()
            .all(|m| m.matches(found.iter().find(|(name, _)| **name == *m.name).map_or("", |(_, value)| value)))
    };
    if !matches(found) {
        return Some(());
    }
    for i in 0..found.len() {
        if found[i].0 == promql::METRIC_NAME {
            continue;
        }
        let before = found[i].1.clone();
        for candidate in candidates() {
            found[i].1 = candidate;
            let own = matchers.iter().filter(|matcher| *matcher.name == *found[i].0);
            if own.clone().all(|matcher| matcher.matches(&found[i].1)) && !matches(found) {
                return Some(());
            }
        }
        found[i].1 = before;
    }
    None
}

fn candidates() -> impl Iterator<Item = String> {
    ["", "200", "ok", "other", "x", "0", "404"].into_iter().map(str::to_owned)
}

/// A value that all matchers of a label accept.
fn value(matchers: &[&Matcher]) -> Option<String> {
    let examples = matchers.iter().filter_map(|matcher| match matcher.op {
        MatchOp::Equal => Some(matcher.value.to_string()),
        MatchOp::Regex => example(&matcher.value),
        MatchOp::NotEqual | MatchOp::NotRegex => None,
    });
    examples.chain(candidates()).find(|value| matchers.iter().all(|matcher| matcher.matches(value)))
}

/// A text that a regular expression matches.
fn example(regex: &str) -> Option<String> {
    let hir = regex_syntax::parse(regex).ok()?;
    let mut out = String::new();
    write(&hir, &mut out)?;
    Some(out)
}

fn write(hir: &Hir, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(letter(class)?),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                write(&repetition.sub, out)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, out))?,
        HirKind::Alternation(parts) => write(parts.first()?, out)?,
    }
    Some(())
}

/// A digit or a letter where the class has one.
fn letter(class: &Class) -> Option<char> {
    let has = |c: char| match class {
        Class::Unicode(class) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c)),
        Class::Bytes(class) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&(c as u8))),
    };
    ('0'..='9').chain('a'..='z').chain('A'..='Z').chain(' '..='~').find(|c| has(*c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn series_are_those_that_are_selected() {
        for selector in [
            "up",
            "x{status=~\"5..\"}",
            "x{a=\"b\", c!=\"\", d!~\"x.*\", e=~\"foo|bar\"}",
            "x{code=~\"(5..|429)\", handler!~\"/(health|ready)z\"}",
            "{__name__=~\"http_.+\", le=~\"0\\\\.2\"}",
            "x{v=~\"[a-c]{2,3}[^a-z]\"}",
        ] {
            let text = series(selector, &[]).unwrap_or_else(|| panic!("{selector}"));
            assert!(is_selected(selector, &text), "{selector}: {text}");
        }
        assert_eq!(series("x{a=\"1\", a=\"2\"}", &[]), None);
        assert_eq!(series("x", &[("c".into(), "one".into())]).as_deref(), Some("x{c=\"one\"}"));
    }

    #[test]
    fn a_series_outside_is_selected_by_one_selector_only() {
        let (all, bad) = ("x{job=\"a\"}", "x{job=\"a\", status=~\"5..\"}");
        let text = series_outside(all, bad, &[]).unwrap();
        assert!(is_selected(all, &text) && !is_selected(bad, &text), "{text}");
        assert_eq!(series_outside(all, all, &[]), None);
        let good = "x{job=\"a\", status!~\"5..\"}";
        let text = series_outside(all, good, &[]);
        assert!(text.is_none_or(|text| is_selected(all, &text) && !is_selected(good, &text)));
    }

    proptest! {
        #[test]
        fn any_selector_has_a_series_or_none(regex in "[a-c.|()*+?\\[\\]0-9-]{0,8}") {
            let selector = format!("x{{l=~\"{regex}\"}}");
            if promql::parse(&selector).is_ok() && let Some(text) = series(&selector, &[]) {
                prop_assert!(is_selected(&selector, &text), "{}", text);
            }
        }
    }
}
