//! How alerts would have done: their episodes held against the incidents that people remember.

use crate::duration::Window;
use crate::evaluate::rfc3339;
use crate::fields::{Fields, Text};
use crate::finding::{Collector, Finding};
use crate::yaml::{self, Node};
use serde::Serialize;
use std::collections::BTreeMap;

/// An incident that people know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Name.
    pub name: String,
    /// Identifier of the objective that it hurt; any where it names none.
    pub slo: Option<String>,
    /// Begin, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// End, milliseconds since the Unix epoch.
    pub end_ms: i64,
}

impl Labelled {
    /// Reads `incidents: [{name, slo, start, end}]`.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn parse(file: &str, text: &str) -> Result<Vec<Self>, Vec<Finding>> {
        let mut out = Collector::new(file);
        let incidents = match yaml::parse(text) {
            Err(error) => {
                out.error(error.at, "yaml", error.message, None);
                None
            }
            Ok(nodes) => nodes.first().and_then(|node| read(node, &mut out)),
        };
        match incidents {
            Some(incidents) if out.findings.is_empty() => Ok(incidents),
            None if out.findings.is_empty() => {
                let at = crate::Position { line: 1, column: 1 };
                out.error(at, "required", "the file is empty".into(), Some("write incidents: [...]".into()));
                Err(out.findings)
            }
            _ => {
                crate::finding::quote(&mut out.findings, file, text);
                Err(out.findings)
            }
        }
    }
}

fn read(node: &Node, out: &mut Collector) -> Option<Vec<Labelled>> {
    let fields = Fields::open(node, "", &["incidents"], out)?;
    fields.required_node("incidents", out)?;
    let items = fields.list("incidents", out);
    Some(items.iter().enumerate().filter_map(|(i, node)| labelled(node, &format!("incidents[{i}]"), out)).collect())
}

fn labelled(node: &Node, path: &str, out: &mut Collector) -> Option<Labelled> {
    let fields = Fields::open(node, path, &["name", "slo", "start", "end"], out)?;
    let name = fields.required_text("name", out);
    let slo = fields.text("slo", out).map(|text| text.value.to_owned());
    let (start, end) = (fields.required_text("start", out), fields.required_text("end", out));
    let mut time = |text: Option<Text<'_>>| {
        let text = text?;
        let parsed = chrono::DateTime::parse_from_rfc3339(text.value);
        if parsed.is_err() {
            let message = format!("no time: {:?}", text.value);
            out.error(text.at, "value", message, Some("write it as 2026-01-31T12:00:00Z".into()));
        }
        parsed.ok().map(|time| time.timestamp_millis())
    };
    let (start_ms, end_ms) = (time(start)?, time(end)?);
    if start_ms >= end_ms {
        let remedy = "write the earlier time under start".to_owned();
        out.error(fields.place_of("end"), "value", "the incident ends before it begins".into(), Some(remedy));
    }
    Some(Labelled { name: name?.value.to_owned(), slo, start_ms, end_ms })
}

/// An alert from the time at which it began to fire to the time at which it stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Episode {
    /// Name of the alert.
    pub alert: String,
    /// `page` or `ticket`.
    pub severity: String,
    /// Identifier of the objective.
    pub slo: String,
    /// Values of the labels that it is grouped by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub group: BTreeMap<String, String>,
    /// When its expression began to hold, RFC 3339.
    pub pending: String,
    /// When it fired, RFC 3339.
    pub start: String,
    /// When it stopped, RFC 3339; `None` where it fires to the end.
    pub end: Option<String>,
    /// How long it fired within the replay, in seconds.
    pub duration_s: f64,
    /// Share of the period's error budget that was left when it fired.
    pub error_budget_remaining: Option<f64>,
    /// Names of the incidents that it belongs to.
    pub incidents: Vec<String>,
    /// When it fired, milliseconds since the Unix epoch.
    #[serde(skip)]
    pub start_ms: i64,
    /// When it stopped, milliseconds since the Unix epoch.
    #[serde(skip)]
    pub end_ms: i64,
}

/// How an incident was noticed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Name of the incident.
    pub name: String,
    /// Begin, RFC 3339.
    pub start: String,
    /// End, RFC 3339.
    pub end: String,
    /// The alert that fired first.
    pub alert: Option<String>,
    /// Seconds from the begin to that alert.
    pub delay_s: Option<f64>,
}

/// How well alerts told of incidents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Share of the episodes that belong to an incident; `None` without episodes.
    pub precision: Option<f64>,
    /// Share of the incidents that an alert told of; `None` without incidents.
    pub recall: Option<f64>,
    /// Mean seconds from an incident's begin to its first alert.
    pub mean_delay_s: Option<f64>,
    /// Each incident.
    pub detections: Vec<Detection>,
}

/// Holds episodes against incidents, and notes in each episode which it belongs to. An episode belongs to an incident
/// if it began between the incident's begin and `patience` after its end: long windows notice late.
pub fn score(episodes: &mut [Episode], incidents: &[Labelled], patience: Window) -> Score {
    let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX / 4);
    let belongs = |episode: &Episode, incident: &Labelled| {
        incident.slo.as_ref().is_none_or(|slo| *slo == episode.slo)
            && (incident.start_ms..=incident.end_ms + patience).contains(&episode.start_ms)
    };
    for episode in episodes.iter_mut() {
        let own = incidents.iter().filter(|incident| belongs(episode, incident)).map(|incident| incident.name.clone());
        episode.incidents = own.collect();
    }
    let detect = |incident: &Labelled| {
        let first = episodes.iter().filter(|episode| belongs(episode, incident)).min_by_key(|e| e.start_ms);
        Detection {
            name: incident.name.clone(),
            start: rfc3339(incident.start_ms),
            end: rfc3339(incident.end_ms),
            alert: first.map(|episode| format!("{} ({})", episode.alert, episode.severity)),
            delay_s: first.map(|episode| crate::evaluate::seconds(episode.start_ms - incident.start_ms)),
        }
    };
    let detections: Vec<_> = incidents.iter().map(detect).collect();
    let delays: Vec<f64> = detections.iter().filter_map(|detection| detection.delay_s).collect();
    Score {
        precision: share(episodes.iter().filter(|episode| !episode.incidents.is_empty()).count(), episodes.len()),
        recall: share(delays.len(), detections.len()),
        mean_delay_s: (!delays.is_empty()).then(|| delays.iter().sum::<f64>() / count(delays.len())),
        detections,
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| count(part) / count(whole))
}

fn count(n: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer episodes than 2^53")]
    let n = n as f64;
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episode(slo: &str, start_ms: i64) -> Episode {
        Episode {
            alert: "AvailabilityBudgetBurn".into(),
            severity: "page".into(),
            slo: slo.into(),
            group: BTreeMap::new(),
            pending: rfc3339(start_ms),
            start: rfc3339(start_ms),
            end: None,
            duration_s: 60.0,
            error_budget_remaining: Some(0.9),
            incidents: Vec::new(),
            start_ms,
            end_ms: start_ms + 60_000,
        }
    }

    fn incident(name: &str, slo: Option<&str>, start_ms: i64, end_ms: i64) -> Labelled {
        Labelled { name: name.into(), slo: slo.map(str::to_owned), start_ms, end_ms }
    }

    #[test]
    fn precision_counts_episodes_and_recall_counts_incidents() {
        let mut episodes = [episode("a", 130_000), episode("a", 160_000), episode("b", 150_000), episode("a", 900_000)];
        let incidents = [
            incident("one", Some("a"), 100_000, 200_000),
            incident("two", None, 500_000, 600_000),
            incident("three", None, 850_000, 890_000),
        ];
        let score = score(&mut episodes, &incidents, Window::minutes(1));
        assert_eq!(score.precision, Some(0.75));
        assert_eq!(score.recall, Some(2.0 / 3.0));
        assert_eq!(score.mean_delay_s, Some(40.0));
        assert_eq!(episodes[0].incidents, ["one"]);
        assert_eq!(episodes[2].incidents, [""; 0], "it is another objective's");
        assert_eq!(episodes[3].incidents, ["three"], "within the patience after its end");
        assert_eq!(score.detections[1].alert, None);
    }

    #[test]
    fn without_episodes_or_incidents_there_is_no_share() {
        let score = score(&mut [], &[], Window::minutes(1));
        assert_eq!((score.precision, score.recall, score.mean_delay_s), (None, None, None));
    }

    #[test]
    fn incidents_are_read_and_mistakes_have_places() {
        let text =
            "incidents:\n- {name: db, slo: shop-a, start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:00:00Z'}\n";
        let read = Labelled::parse("i.yaml", text).unwrap();
        assert_eq!(read[0].end_ms - read[0].start_ms, 3_600_000);
        let wrong = |from: &str, to: &str| {
            let findings = Labelled::parse("i.yaml", &text.replacen(from, to, 1)).unwrap_err();
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(wrong("01:00:00Z", "00:00:00Z").contains("ends before it begins"));
        assert!(
            wrong("2026-01-01T00:00:00Z", "yesterday").contains("i.yaml:2:34"),
            "{}",
            wrong("2026-01-01T00:00:00Z", "yesterday")
        );
        assert!(wrong("start", "begin").contains("unknown key"));
        assert!(Labelled::parse("i.yaml", "").is_err() && Labelled::parse("i.yaml", "[").is_err());
    }
}
