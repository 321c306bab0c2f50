//! A comparison for people and for a comment on a change.

use super::{Change, Comparison, Difference, Measure};
use crate::format::{digits, percent};
use crate::markdown::cell;
use std::fmt::Write as _;

impl Comparison {
    /// The verdict in one sentence.
    pub fn sentence(&self) -> String {
        let named = |change| {
            let names = self.measures.iter().filter(|m| m.change == change).map(|m| m.measure.name());
            names.collect::<Vec<_>>().join(", ")
        };
        match self.verdict {
            Change::Worse if named(Change::Better).is_empty() => format!("B is worse than A: {}", named(Change::Worse)),
            Change::Worse => {
                format!("B is worse than A: {} (but better: {})", named(Change::Worse), named(Change::Better))
            }
            Change::Better => format!("B is better than A: {}", named(Change::Better)),
            Change::Same => "B is the same as A".to_owned(),
            Change::Unclear => format!("no significant difference; not enough data for {}", named(Change::Unclear)),
        }
    }

    /// A table for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.sentence());
        let _ = writeln!(text, "{:<12}{:>12}{:>12}{:>12}  {:<28}  verdict", "", "A", "B", "B − A", "interval");
        for measure in &self.measures {
            let [a, b, difference, interval] = cells(measure);
            let (name, change) = (measure.measure.name(), measure.change.name());
            let _ = writeln!(text, "{name:<12}{a:>12}{b:>12}{difference:>12}  {interval:<28}  {change}");
        }
        let (a, b) = self.seconds;
        let _ = writeln!(text, "\n{a} and {b} seconds compared by a moving-block bootstrap");
        text + &self.notes.iter().map(|note| format!("note: {note}\n")).collect::<String>()
    }

    /// A comment on a change.
    pub fn markdown(&self) -> String {
        let mark = match self.verdict {
            Change::Better | Change::Same => "✅",
            Change::Worse => "❌",
            Change::Unclear => "❔",
        };
        let mut page = format!(
            "### {mark} Load tests compared: {}\n\n| | A | B | B − A | Interval | |\n|---|---:|---:|---:|---|---|\n",
            cell(&self.sentence())
        );
        for measure in &self.measures {
            let cells = cells(measure).join(" | ");
            let _ = writeln!(page, "| {} | {cells} | {} |", measure.measure.name(), measure.change.name());
        }
        page + &self.notes.iter().map(|note| format!("\n> {}\n", cell(note))).collect::<String>()
    }
}

/// A, B, the difference and its interval in the unit of the measure.
fn cells(measure: &Difference) -> [String; 4] {
    let Difference { a, b, difference, low, high, .. } = *measure;
    let latency = |value: f64| format!("{} ms", digits(value * 1e3));
    let plain = |value: f64| match measure.measure {
        Measure::Errors => percent(value),
        Measure::Throughput => format!("{value:.1}/s"),
        _ => latency(value),
    };
    let signed = |value: f64| match measure.measure {
        Measure::Errors => format!("{:+.3} pp", value * 100.0),
        Measure::Throughput => format!("{value:+.1}/s"),
        _ if value < 0.0 => format!("-{}", latency(-value)),
        _ => format!("+{}", latency(value)),
    };
    [plain(a), plain(b), signed(difference), format!("{} … {}", signed(low), signed(high))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(change: Change) -> Comparison {
        let latency = Difference {
            measure: Measure::P95,
            a: 0.1,
            b: 0.125,
            difference: 0.025,
            low: 0.02,
            high: 0.03,
            minimum: 0.005,
            change,
        };
        let errors = Difference {
            measure: Measure::Errors,
            a: 0.01,
            b: 0.0,
            difference: -0.01,
            change: Change::Same,
            ..latency
        };
        Comparison {
            verdict: change,
            measures: vec![latency, errors],
            seconds: (30, 31),
            notes: vec!["a <note>".into()],
        }
    }

    #[test]
    fn text_has_values_with_units_and_the_verdict_first() {
        let text = comparison(Change::Worse).text();
        assert!(text.starts_with("B is worse than A: p95\n"), "{text}");
        assert!(text.contains("100 ms      125 ms    +25.0 ms  +20.0 ms … +30.0 ms           worse"), "{text}");
        assert!(text.contains("1%          0%   -1.000 pp"), "{text}");
        assert!(text.contains("30 and 31 seconds") && text.ends_with("note: a <note>\n"), "{text}");
    }

    #[test]
    fn markdown_is_a_table() {
        let page = comparison(Change::Better).markdown();
        assert!(page.starts_with("### ✅ Load tests compared: B is better than A: p95\n"), "{page}");
        assert!(page.contains("| p95 | 100 ms | 125 ms | +25.0 ms | +20.0 ms … +30.0 ms | better |"), "{page}");
        assert!(page.contains("> a &lt;note>"), "{page}");
    }

    #[test]
    fn what_is_not_significant_says_so() {
        assert!(comparison(Change::Unclear).sentence().contains("not enough data for p95"));
        assert_eq!(comparison(Change::Same).sentence(), "B is the same as A");
    }
}
