//! A backtest as tables.

use super::super::render::{NO_DATA, duration, percent, table};
use super::{Backtest, SetResult};
use slo::Episode;

pub(super) fn lines(result: &Backtest) -> Vec<String> {
    let mut lines = Vec::new();
    for set in &result.sets {
        lines.push(format!("windows {}", set.windows));
        if set.episodes.is_empty() {
            lines.push("no alert would have fired".to_owned());
        } else {
            let rows: Vec<_> = set.episodes.iter().map(row).collect();
            let headings = ["fired", "severity", "for", "budget left", "incident", "alert"];
            lines.extend(table(&headings, &rows));
        }
        lines.extend(detections(set));
        lines.push(String::new());
    }
    if result.sets.len() > 1 {
        lines.extend(comparison(&result.sets));
        lines.push(String::new());
    }
    let interval = duration(result.interval_s);
    lines.push(format!("{} to {} every {interval} by {}", result.from, result.to, result.source));
    lines
}

fn row(episode: &Episode) -> [String; 6] {
    let group: Vec<_> = episode.group.iter().map(|(label, value)| format!("{label}={value}")).collect();
    let group = if group.is_empty() { String::new() } else { format!(" {{{}}}", group.join(", ")) };
    let length = duration(episode.duration_s);
    [
        episode.start.clone(),
        episode.severity.clone(),
        if episode.end.is_some() { length } else { format!("{length}, still") },
        episode.error_budget_remaining.map_or_else(|| NO_DATA.to_owned(), |left| percent(left, 1)),
        if episode.incidents.is_empty() { "-".to_owned() } else { episode.incidents.join(", ") },
        format!("{} of {}{group}", episode.alert, episode.slo),
    ]
}

fn detections(set: &SetResult) -> Vec<String> {
    let Some(score) = &set.score else { return Vec::new() };
    let mut lines = Vec::new();
    for detection in &score.detections {
        lines.push(match (&detection.alert, detection.delay_s) {
            (Some(alert), Some(delay)) => {
                format!("incident {} at {}: {alert} after {}", detection.name, detection.start, duration(delay))
            }
            _ => format!("incident {} at {}: no alert", detection.name, detection.start),
        });
    }
    let [precision, recall] = [score.precision, score.recall].map(share);
    lines.push(format!("precision {precision}, recall {recall}"));
    lines
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| NO_DATA.to_owned(), |share| percent(share, 1))
}

fn comparison(sets: &[SetResult]) -> Vec<String> {
    let row = |set: &SetResult| {
        let count = |severity: &str| set.counts.get(severity).copied().unwrap_or(0).to_string();
        let firing: f64 = set.episodes.iter().map(|episode| episode.duration_s).sum();
        let score = set.score.as_ref();
        let delay = score.and_then(|score| score.mean_delay_s);
        [
            set.windows.clone(),
            count("page"),
            count("ticket"),
            duration(firing),
            share(score.and_then(|score| score.precision)),
            share(score.and_then(|score| score.recall)),
            delay.map_or_else(|| NO_DATA.to_owned(), duration),
        ]
    };
    let rows: Vec<_> = sets.iter().map(row).collect();
    table(&["windows", "pages", "tickets", "firing", "precision", "recall", "mean delay"], &rows)
}
