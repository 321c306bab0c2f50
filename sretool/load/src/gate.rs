//! A run held against SLOs: what the server counted in its time, beside what the client saw.

use crate::format;
use crate::route::{End, RouteStats};
use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize};

/// Counts that differ by less are equal: a scrape may fall between the two ends of a request.
const COUNT_TOLERANCE: f64 = 0.02;

/// So many requests may always be missed.
const COUNT_SLACK: f64 = 5.0;

/// Where an SLO stands after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateStatus {
    /// The run was within the budget.
    Ok,
    /// A period like this run would burn more than the budget.
    Burnt,
    /// The server counted no events in the run's time.
    NoData,
}

/// What makes an event bad, as far as a client can tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClientView {
    /// An answer with a status of 500 or above, or none.
    Availability,
    /// As availability, or slower than this many seconds.
    Latency(f64),
    /// Nothing that a client sees, such as what happens in a queue.
    Hidden,
}

/// Events of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Of them bad.
    pub bad: f64,
    /// All.
    pub total: f64,
}

impl Events {
    fn ratio(self) -> Option<f64> {
        (self.total > 0.0).then(|| self.bad / self.total)
    }
}

/// One SLO of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// Service and name.
    pub slo: String,
    /// The service.
    pub service: String,
    /// The ratio of good events that is promised.
    pub objective: f64,
    /// What the server counted.
    pub server: Option<Events>,
    /// What the client saw of the same service, where a client can tell.
    pub client: Option<Events>,
    /// How many times the budget's rate the run burnt; above 1 the budget would not last its period.
    pub burn_rate: Option<f64>,
    /// Where the SLO stands.
    pub status: GateStatus,
    /// Where client and server disagree, in a sentence.
    pub disagreement: Option<String>,
}

impl GateReport {
    /// Holds the events of a run against an objective.
    pub fn new(
        (slo, service, objective): (&str, &str, f64),
        server: Option<Events>,
        client: Option<(Events, ClientView)>,
    ) -> Self {
        let server = server.filter(|events| events.total > 0.0);
        let budget = 1.0 - objective;
        let burn_rate = server.and_then(Events::ratio).map(|ratio| if budget > 0.0 { ratio / budget } else { ratio });
        let status = match burn_rate {
            None => GateStatus::NoData,
            // A hair above 1 is the binary noise of 1 − objective.
            Some(rate) if rate > 1.0 + 1e-9 => GateStatus::Burnt,
            Some(_) => GateStatus::Ok,
        };
        let disagreement = client.and_then(|(client, view)| disagreement(server, client, view, budget));
        Self {
            slo: slo.to_owned(),
            service: service.to_owned(),
            objective,
            server,
            client: client.map(|(events, _)| events),
            burn_rate,
            status,
            disagreement,
        }
    }

    /// The result in a sentence.
    pub fn sentence(&self) -> String {
        let Self { slo, objective, .. } = self;
        let Some((events, rate)) = self.server.zip(self.burn_rate) else {
            return format!("{slo}: the server counted no events in the run's time");
        };
        format!(
            "{slo}: {} of {} events bad, objective {}: the budget burns {} times as fast as it may",
            format::digits(events.bad),
            format::digits(events.total),
            format::percent(*objective),
            format::digits(rate)
        )
    }
}

fn disagreement(server: Option<Events>, client: Events, view: ClientView, budget: f64) -> Option<String> {
    let server = server.unwrap_or_default();
    let (sent, counted) = (client.total, server.total);
    // The latency of a part of the routes may be what an SLO is about; then the counts are of different things.
    if view == ClientView::Availability && (sent - counted).abs() > (sent * COUNT_TOLERANCE).max(COUNT_SLACK) {
        let why = if sent > counted { "the rest did not reach it" } else { "others use it too" };
        let [sent, counted] = [sent, counted].map(format::digits);
        return Some(format!("the client sent {sent} requests, the server counted {counted}: {why}"));
    }
    let (seen, told) = (client.ratio()?, server.ratio()?);
    let material = (budget / 2.0).max(0.000_5);
    if (seen - told).abs() <= material {
        return None;
    }
    let [shown, counted] = [seen, told].map(format::percent);
    Some(if seen > told {
        format!(
            "the client saw {shown} bad, the server counted {counted}: the difference lies between them, in the \
             network, a proxy, a queue before the handlers or the client's timeout"
        )
    } else {
        format!("the server counted {counted} bad, the client saw {shown}: others use it too, or retries hide errors")
    })
}

/// What the client saw of the routes that `belongs` picks. Requests that were never sent say nothing about a server.
pub fn client_events(whole: &Snapshot, view: ClientView, belongs: impl Fn(&str) -> bool) -> Option<Events> {
    let mut events = Events::default();
    for (_, stats) in whole.routes.iter().filter(|(route, _)| *route != crate::snapshot::UNSENT && belongs(route)) {
        events.total += stats.counts.total() as f64;
        events.bad += match view {
            ClientView::Hidden => return None,
            ClientView::Availability => unavailable(stats),
            ClientView::Latency(limit) => unavailable(stats) + slow(stats, limit),
        };
    }
    (events.total > 0.0).then_some(events)
}

fn available(end: End) -> bool {
    matches!(end, End::Status(status) if status < 500)
}

fn unavailable(stats: &RouteStats) -> f64 {
    stats.ends.iter().filter(|(end, _)| !available(**end)).map(|(_, times)| times.count as f64).sum()
}

/// Measured from the actual start, as a server does.
fn slow(stats: &RouteStats, limit: f64) -> f64 {
    let limit_us = (limit * 1e6) as u64;
    let answers = stats.ends.iter().filter(|(end, _)| available(**end));
    let pairs = answers.flat_map(|(_, times)| times.service.pairs().collect::<Vec<_>>());
    pairs.filter(|(us, _)| *us > limit_us).map(|(_, count)| count as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Outcome, Recorder};
    use std::time::Duration;

    fn gate(server: Option<(f64, f64)>, client: Option<(f64, f64)>, view: ClientView) -> GateReport {
        let events = |(bad, total)| Events { bad, total };
        let client = client.map(|client| (events(client), view));
        GateReport::new(("shop-availability", "shop", 0.999), server.map(events), client)
    }

    #[test]
    fn a_budget_is_burnt_above_its_rate() {
        let within = gate(Some((1.0, 1000.0)), None, ClientView::Hidden);
        assert_eq!((within.status, within.disagreement), (GateStatus::Ok, None));
        assert!((within.burn_rate.unwrap() - 1.0).abs() < 1e-9);
        let burnt = gate(Some((20.0, 1000.0)), None, ClientView::Hidden);
        assert_eq!(burnt.status, GateStatus::Burnt);
        assert!(burnt.sentence().contains("20.0 of 1,000 events bad, objective 99.9%"), "{}", burnt.sentence());
        assert!(burnt.sentence().contains("20.0 times as fast"), "{}", burnt.sentence());
        for nothing in [None, Some((0.0, 0.0))] {
            let gate = gate(nothing, None, ClientView::Hidden);
            assert_eq!((gate.status, gate.burn_rate), (GateStatus::NoData, None));
            assert!(gate.sentence().contains("no events"));
        }
    }

    #[test]
    fn both_sides_are_compared() {
        let said = |server, client, view| gate(Some(server), Some(client), view).disagreement;
        let (all, latency) = (ClientView::Availability, ClientView::Latency(0.2));
        assert_eq!(said((1.0, 1000.0), (1.0, 1003.0), all), None);
        assert!(said((0.0, 900.0), (0.0, 1000.0), all).unwrap().contains("did not reach it"));
        assert!(said((0.0, 1500.0), (0.0, 1000.0), all).unwrap().contains("others use it too"));
        assert_eq!(said((0.0, 900.0), (0.0, 1000.0), latency), None, "a part of the routes");
        assert!(said((0.0, 1000.0), (50.0, 1000.0), latency).unwrap().contains("lies between them"));
        assert!(said((50.0, 1000.0), (0.0, 1000.0), all).unwrap().contains("retries hide errors"));
        assert!(gate(None, Some((0.0, 100.0)), all).disagreement.unwrap().contains("the server counted 0"));
    }

    #[test]
    fn the_client_counts_what_a_server_would_call_bad() {
        let ms = Duration::from_millis;
        let mut recorder = Recorder::default();
        let outcomes = [
            (10, Outcome::Finished { status: 200 }),
            (300, Outcome::Finished { status: 200 }),
            (10, Outcome::Refused { status: 404 }),
            (10, Outcome::Refused { status: 503 }),
            (10, Outcome::Broken { cause: "reset".into() }),
            (900, Outcome::TimedOut),
        ];
        for (i, (took, outcome)) in outcomes.into_iter().enumerate() {
            recorder.emitted(i as u64, ms(0), ms(0), true);
            recorder.sent(i as u64, ms(0), "GET /v1/orders".into());
            recorder.done(i as u64, ms(took), outcome);
        }
        recorder.emitted(6, ms(0), ms(0), true);
        recorder.censor(ms(1000), false);
        let whole = recorder.take();
        let events = |view| client_events(&whole, view, |route| route.contains("/v1/orders"));
        assert_eq!(events(ClientView::Availability), Some(Events { bad: 3.0, total: 6.0 }));
        assert_eq!(events(ClientView::Latency(0.2)), Some(Events { bad: 4.0, total: 6.0 }));
        assert_eq!(events(ClientView::Hidden), None);
        assert_eq!(client_events(&whole, ClientView::Availability, |_| false), None);
    }
}
