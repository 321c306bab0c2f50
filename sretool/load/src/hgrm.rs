//! A percentile distribution in the text form that HdrHistogram's plotting tools read (`.hgrm`).

use crate::latency::Latency;
use std::fmt::Write as _;

/// Lines for each halving of the distance to 100 %; the value that the reference tools use.
const TICKS: u32 = 5;

/// The distribution in milliseconds, with the columns and footers of HdrHistogram's `outputPercentileDistribution`.
pub fn hgrm(latency: &Latency) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let ms = |seconds: f64| seconds * 1e3;
    for (seconds, quantile, count) in latency.steps(TICKS) {
        let _ = write!(text, "{:12.3} {quantile:2.12} {count:10}", ms(seconds));
        // At 100 % the reciprocal is infinite, and the reference leaves it out.
        let _ = if quantile < 1.0 { writeln!(text, " {:14.2}", 1.0 / (1.0 - quantile)) } else { writeln!(text) };
    }
    let of = |value: Option<f64>| value.map_or(0.0, ms);
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n#[Max     = {:12.3}, Total count    = {:12}]",
        of(latency.mean()),
        of(latency.deviation()),
        of(latency.max()),
        latency.count()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_columns_are_those_of_the_reference() {
        let mut latency = Latency::default();
        (1..=100).for_each(|ms| latency.record(Duration::from_millis(ms)));
        let text = hgrm(&latency);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
        let half = lines.iter().find(|line| line.contains(" 0.500000000000 ")).unwrap();
        assert!(half.trim_start().starts_with("50.0"), "{half}");
        assert!(half.ends_with("        50           2.00"), "{half}");
        let rows: Vec<_> = lines[2..].iter().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(*rows[rows.len() - 1], "     100.000 1.000000000000        100");
        assert!(lines.iter().any(|line| line.starts_with("#[Max     =      100.000, Total count    =          100]")));
    }

    #[test]
    fn nothing_has_no_rows() {
        let text = hgrm(&Latency::default());
        assert!(text.lines().skip(2).all(|line| line.starts_with("#[")), "{text}");
        assert!(!text.contains("NaN"));
    }
}
