//! What may be wrong with an expression that yields nothing.

use crate::source::{Source, Span};
use promql::{Expr, METRIC_NAME, MatchOp, VectorSelector};

/// Hints at most.
const MOST: usize = 3;
/// Values of a label that a hint lists.
const LISTED: usize = 5;

/// Names and label values in the expression that no series has, with those that may be meant. The source may be unable
/// to tell; then there are none.
pub(super) async fn why_empty(source: &Source, expr: &Expr, span: Span) -> Vec<String> {
    let Ok(metrics) = source.label_values(METRIC_NAME, None, span).await else { return Vec::new() };
    if metrics.is_empty() {
        return vec![format!("{} holds no series at that time", source.name())];
    }
    let mut hints = Vec::new();
    for reference in expr.selectors() {
        let selector = reference.selector;
        let Some(metric) = equal(selector, METRIC_NAME) else { continue };
        if !metrics.iter().any(|known| known == metric) {
            hints.push(unknown_metric(metric, &metrics));
            continue;
        }
        for matcher in selector.matchers.iter().filter(|m| m.op == MatchOp::Equal && &*m.name != METRIC_NAME) {
            let Ok(values) = source.label_values(&matcher.name, Some(metric), span).await else { continue };
            if !values.iter().any(|value| **value == *matcher.value) && !matcher.value.is_empty() {
                hints.push(unknown_value(metric, &matcher.name, &matcher.value, &values));
            }
        }
    }
    hints.sort();
    hints.dedup();
    hints.truncate(MOST);
    hints
}

fn equal<'a>(selector: &'a VectorSelector, label: &str) -> Option<&'a str> {
    selector.matchers.iter().find(|m| m.op == MatchOp::Equal && &*m.name == label).map(|m| &*m.value)
}

fn unknown_metric(metric: &str, metrics: &[String]) -> String {
    match nearest(metric, metrics) {
        Some(near) => format!("there is no metric {metric}; did you mean {near}?"),
        None => format!("there is no metric {metric}; sretool query --values __name__ lists those that exist"),
    }
}

fn unknown_value(metric: &str, label: &str, value: &str, values: &[String]) -> String {
    if values.is_empty() {
        return format!("{metric} has no label {label}");
    }
    let guess = nearest(value, values).map(|near| format!("did you mean \"{near}\"? "));
    let more = if values.len() > LISTED { ", …" } else { "" };
    let listed: Vec<_> = values.iter().take(LISTED).map(|value| format!("\"{value}\"")).collect();
    let guess = guess.unwrap_or_default();
    format!("no {metric} has {label}=\"{value}\"; {guess}the label has the values {}{more}", listed.join(", "))
}

/// The most similar of some words, where one is similar enough: by a few letters, or as the longer form of the word.
fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    let limit = (word.len() / 4).clamp(1, 4);
    let close = known.iter().map(|k| (distance(word, k), k)).filter(|(distance, _)| *distance <= limit).min();
    let longer = || known.iter().filter(|k| word.len() > 3 && k.contains(word)).min_by_key(|k| k.len());
    close.map(|(_, k)| k).or_else(longer).map(String::as_str)
}

/// Levenshtein's distance: letters to insert, remove or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Local;
    use promql::Labels;
    use std::sync::Arc;

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("up", "pu", 2), ("é", "e", 1)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["http_requests_total", "http_request_duration_seconds_bucket", "up"].map(str::to_owned);
        assert_eq!(nearest("http_request_total", &known), Some("http_requests_total"));
        assert_eq!(nearest("request_duration_seconds", &known), Some("http_request_duration_seconds_bucket"));
        assert_eq!(nearest("upp", &known), Some("up"));
        assert_eq!(nearest("something_else", &known), None);
    }

    async fn hints(expr: &str) -> Vec<String> {
        let store = tsdb::Store::default();
        for job in ["api", "web"] {
            store.append(&Labels::new([("__name__", "up"), ("job", job)]), 1000, 1.0).unwrap();
        }
        let source = Source::Local(Local::new("test", Arc::new(store), None));
        why_empty(&source, &promql::parse(expr).unwrap(), Span { start_ms: 0, end_ms: 2000 }).await
    }

    #[tokio::test]
    async fn each_mistake_has_its_hint() {
        assert_eq!(hints("rate(uq[5m])").await, ["there is no metric uq; did you mean up?"]);
        let values = "the label has the values \"api\", \"web\"";
        assert_eq!(hints("up{job='apu'}").await, [format!("no up has job=\"apu\"; did you mean \"api\"? {values}")]);
        assert_eq!(hints("up{job='x'} / up{zone='a'}").await.len(), 2);
        assert!(hints("up{zone='a'}").await[0].ends_with("up has no label zone"));
        assert_eq!(hints("up{job='api'} > 5").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_empty_source_says_so() {
        let source = Source::Local(Local::new("test", Arc::new(tsdb::Store::default()), None));
        let hints = why_empty(&source, &promql::parse("up").unwrap(), Span { start_ms: 0, end_ms: 1 }).await;
        assert_eq!(hints, ["test holds no series at that time"]);
    }
}
