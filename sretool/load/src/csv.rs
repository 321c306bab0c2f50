//! The seconds of a run as comma-separated values (RFC 4180 without quotes: there are only numbers).

use crate::report::Report;
use std::fmt::Write as _;

/// The columns, in order. Times are in milliseconds, `t_s` and `seconds` in seconds.
const COLUMNS: &str = "t_s,seconds,scheduled,finished,errors,answered,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,lag_p99_ms,\
                       in_flight,queued";

/// A header and a row a second; cells without a value are empty.
pub fn csv(report: &Report) -> String {
    let mut text = String::from(COLUMNS);
    text.push('\n');
    let ms = |seconds: Option<f64>| seconds.map_or_else(String::new, |s| format!("{:.3}", s * 1e3));
    for second in &report.seconds {
        let crate::Second { t, seconds, scheduled, finished, errors, answered, in_flight, queued, .. } = second;
        let _ = writeln!(
            text,
            "{t:.3},{seconds:.3},{scheduled},{finished},{errors},{answered},{},{},{},{},{},{},{in_flight},{queued}",
            ms(second.p50),
            ms(second.p90),
            ms(second.p95),
            ms(second.p99),
            ms(second.max),
            ms(second.lag_p99)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn every_second_is_a_row_of_all_columns() {
        let report = report(&[]);
        let text = csv(&report);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + report.seconds.len());
        let columns = lines[0].split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == columns));
        assert_eq!(lines[2], "2.000,1.000,50,49,1,50,10.000,10.000,10.000,10.000,10.000,0.000,0,0");
    }

    #[test]
    fn nothing_is_an_empty_cell() {
        let mut report = report(&[]);
        report.seconds[0].p95 = None;
        assert!(csv(&report).lines().nth(1).unwrap().contains(",10.000,,10.000,"));
    }
}
