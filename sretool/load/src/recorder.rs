//! Follows every request from the moment it is due to its end.

use crate::route::{End, RouteStats};
use crate::slowest::Slow;
use crate::snapshot::{Snapshot, UNSENT};
use crate::trace::Tracing;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// How one request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An expected answer.
    Finished {
        /// HTTP status.
        status: u16,
    },
    /// An answer that counts as an error.
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// No answer: the connection could not be made or broke.
    Broken {
        /// Why, in a few words without varying parts.
        cause: String,
    },
    /// No answer within the request timeout.
    TimedOut,
}

#[derive(Debug)]
struct Open {
    due: Duration,
    emitted: Duration,
    slot_free: bool,
    sent: Option<(Duration, Arc<str>)>,
}

impl Open {
    /// The generator's part of the delay. Waiting for a busy connection or user is not: it is the server's slowness,
    /// or a limit that the verdict looks at separately.
    fn own_lag(&self, until: Duration) -> Duration {
        let from = if self.slot_free { self.sent.as_ref().map_or(until, |(at, _)| *at) } else { self.emitted };
        from.saturating_sub(self.due)
    }
}

/// Spreads the consecutive numbers of requests; nobody chooses them to collide, so that a cheap hash is enough.
#[derive(Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

/// Accounts for every request. All times are since the start of the run.
#[derive(Debug, Default)]
pub struct Recorder {
    delta: Snapshot,
    open: HashMap<u64, Open, BuildHasherDefault<NumberHasher>>,
    in_flight: u64,
    tracing: Option<Tracing>,
}

impl Recorder {
    /// A recorder of requests that carry the contexts of `tracing`.
    pub fn traced(tracing: Tracing) -> Self {
        Self { tracing: Some(tracing), ..Self::default() }
    }

    /// A request became due and was handed out at `now`; `slot_free` tells whether a connection or user was idle.
    pub fn emitted(&mut self, index: u64, due: Duration, now: Duration, slot_free: bool) {
        self.delta.scheduled += 1;
        self.delta.crowded += u64::from(!slot_free);
        self.open.insert(index, Open { due, emitted: now, slot_free, sent: None });
    }

    /// It is being sent.
    pub fn sent(&mut self, index: u64, now: Duration, route: Arc<str>) {
        if let Some(open) = self.open.get_mut(&index)
            && open.sent.replace((now, route)).is_none()
        {
            self.in_flight += 1;
        }
    }

    /// It ended. A request that is not open (censored before, say) is not counted twice.
    pub fn done(&mut self, index: u64, now: Duration, outcome: Outcome) {
        let Some(open) = self.open.remove(&index) else { return };
        self.in_flight -= u64::from(open.sent.is_some());
        let stats = stats_of(&mut self.delta, &open);
        let (answered, end, cause) = match outcome {
            Outcome::Finished { status } => {
                stats.counts.finished += 1;
                *stats.statuses.entry(status).or_default() += 1;
                (true, End::Status(status), None)
            }
            Outcome::Refused { status } => {
                stats.counts.failed += 1;
                *stats.statuses.entry(status).or_default() += 1;
                (true, End::Status(status), Some(format!("status {status}")))
            }
            Outcome::Broken { cause } => {
                stats.counts.failed += 1;
                (false, End::Broken, Some(cause))
            }
            Outcome::TimedOut => {
                stats.counts.timed_out += 1;
                (true, End::TimedOut, Some("timeout".to_owned()))
            }
        };
        self.time((index, &open), now, end, answered);
        if let Some(cause) = cause {
            self.delta.count_cause(&cause, 1);
        }
    }

    /// Ends everything that is open. Where the run was cut short by its user (`interrupted`) the time waited so far
    /// says nothing about the server and is left out of the distributions.
    pub fn censor(&mut self, now: Duration, interrupted: bool) {
        for (index, open) in std::mem::take(&mut self.open) {
            let stats = stats_of(&mut self.delta, &open);
            stats.counts.censored += 1;
            if interrupted {
                stats.record(End::Censored, (None, None, None));
            } else {
                self.time((index, &open), now, End::Censored, true);
            }
        }
        self.in_flight = 0;
    }

    /// What happened since the last call.
    pub fn take(&mut self) -> Snapshot {
        std::mem::take(&mut self.delta)
    }

    /// Requests sent and unanswered.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Requests due and not sent.
    pub fn queued(&self) -> u64 {
        self.open.len() as u64 - self.in_flight
    }

    /// Requests due and not ended.
    pub fn open(&self) -> u64 {
        self.open.len() as u64
    }

    fn time(&mut self, (index, open): (u64, &Open), now: Duration, end: End, answered: bool) {
        let response = now.saturating_sub(open.due);
        let own = open.own_lag(now);
        let sent = open.sent.as_ref().map(|(sent, _)| *sent);
        let service = sent.filter(|_| answered).map(|sent| now.saturating_sub(sent));
        let lag = sent.map(|sent| sent.saturating_sub(open.due));
        stats_of(&mut self.delta, open).record(end, (answered.then_some(response), service, lag));
        self.delta.own_lag.record(own);
        if answered {
            self.delta.net.record(response.saturating_sub(own));
            self.keep_if_slow((index, open), end, (response, service, lag));
        }
    }

    fn keep_if_slow(
        &mut self,
        (index, open): (u64, &Open),
        end: End,
        (response, service, lag): (Duration, Option<Duration>, Option<Duration>),
    ) {
        let response_us = micros(response);
        let context = self.tracing.filter(|_| open.sent.is_some()).map(|tracing| tracing.context(index));
        let sampled = context.is_some_and(|context| context.sampled);
        if !self.delta.slowest.wants(response_us, sampled) {
            return;
        }
        self.delta.slowest.add(Slow {
            // Whole µs: JSON keeps every bit of them, and a sum of seconds and nanoseconds has noise in the last.
            at_s: open.due.as_micros() as f64 / 1e6,
            route: open.sent.as_ref().map_or(UNSENT, |(_, route)| route).to_owned(),
            end,
            response_us,
            service_us: service.map_or(0, micros),
            lag_us: lag.map_or(response_us, micros),
            trace_id: context.map(|context| context.trace_id()).unwrap_or_default(),
            sampled,
        });
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn stats_of<'a>(delta: &'a mut Snapshot, open: &Open) -> &'a mut RouteStats {
    let route = open.sent.as_ref().map_or(UNSENT, |(_, route)| route);
    if !delta.routes.contains_key(route) {
        delta.routes.insert(route.to_owned(), RouteStats::default());
    }
    delta.routes.get_mut(route).expect("inserted above when it was absent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn times_run_from_the_intended_and_the_actual_start() {
        let mut recorder = Recorder::default();
        recorder.emitted(0, ms(100), ms(101), true);
        assert_eq!((recorder.queued(), recorder.in_flight()), (1, 0));
        recorder.sent(0, ms(110), "GET /".into());
        assert_eq!((recorder.queued(), recorder.in_flight()), (0, 1));
        recorder.done(0, ms(150), Outcome::Finished { status: 200 });
        let snapshot = recorder.take();
        let stats = &snapshot.routes["GET /"];
        assert_eq!(stats.response.max(), Some(0.05));
        assert_eq!(stats.service.max(), Some(0.04));
        assert_eq!(stats.lag.max(), Some(0.01));
        assert_eq!(snapshot.own_lag.max(), Some(0.01));
        assert_eq!(snapshot.net.max(), Some(0.04));
        assert_eq!(stats.statuses[&200], 1);
    }

    #[test]
    fn waiting_for_a_busy_connection_is_not_the_generators_lag() {
        let mut recorder = Recorder::default();
        recorder.emitted(0, ms(0), ms(2), false);
        recorder.sent(0, ms(500), "GET /".into());
        recorder.done(0, ms(510), Outcome::Finished { status: 200 });
        let snapshot = recorder.take();
        assert_eq!(snapshot.own_lag.max(), Some(0.002));
        assert_eq!(snapshot.net.max(), Some(0.508));
        assert_eq!(snapshot.routes["GET /"].lag.max(), Some(0.5));
    }

    #[test]
    fn a_broken_connection_has_no_response_time() {
        let mut recorder = Recorder::default();
        recorder.emitted(0, ms(0), ms(0), true);
        recorder.sent(0, ms(0), "GET /".into());
        recorder.done(0, ms(1), Outcome::Broken { cause: "connection refused".into() });
        let snapshot = recorder.take();
        assert_eq!(snapshot.counts().failed, 1);
        assert_eq!(snapshot.overall().response.count(), 0);
        assert_eq!(snapshot.causes["connection refused"], 1);
    }

    #[test]
    fn what_is_open_at_the_end_is_censored_with_the_time_it_waited() {
        let mut recorder = Recorder::default();
        for i in 0..3 {
            recorder.emitted(i, ms(i * 10), ms(i * 10), true);
        }
        recorder.sent(0, ms(0), "GET /".into());
        recorder.sent(1, ms(10), "GET /".into());
        recorder.done(0, ms(5), Outcome::Finished { status: 200 });
        recorder.censor(ms(1000), false);
        // A late answer changes nothing.
        recorder.done(1, ms(1001), Outcome::Finished { status: 200 });
        let snapshot = recorder.take();
        assert_eq!(snapshot.counts().total(), 3);
        assert_eq!(snapshot.counts().censored, 2);
        assert_eq!(snapshot.routes[UNSENT].response.max(), Some(0.98));
        assert_eq!(snapshot.routes["GET /"].response.max(), Some(0.99));
        assert_eq!((recorder.open(), recorder.in_flight(), recorder.queued()), (0, 0, 0));
    }

    #[test]
    fn the_slowest_are_kept_with_the_traces_they_carried() {
        let tracing = Tracing::new(9, 1.0);
        let mut recorder = Recorder::traced(tracing);
        for i in 0..30 {
            recorder.emitted(i, ms(0), ms(0), true);
            recorder.sent(i, ms(1), "GET /".into());
            recorder.done(i, ms(10 + i), Outcome::Finished { status: 200 });
        }
        recorder.emitted(30, ms(0), ms(0), true);
        recorder.censor(ms(500), false);
        let snapshot = recorder.take();
        let slowest: Vec<_> = snapshot.slowest.iter().collect();
        let unsent = slowest[0];
        assert_eq!((unsent.end, unsent.response_us, unsent.trace_id.as_str()), (End::Censored, 500_000, ""));
        let next = slowest[1];
        assert_eq!((next.response_us, next.service_us, next.lag_us), (39_000, 38_000, 1000));
        assert_eq!((next.trace_id.clone(), next.sampled), (tracing.context(29).trace_id(), true));
        assert_eq!((next.end, next.route.as_str()), (End::Status(200), "GET /"));
    }

    #[test]
    fn an_interruption_adds_no_times() {
        let mut recorder = Recorder::default();
        recorder.emitted(0, ms(0), ms(0), true);
        recorder.censor(ms(1000), true);
        let snapshot = recorder.take();
        assert_eq!(snapshot.counts().censored, 1);
        assert_eq!(snapshot.overall().response.count(), 0);
    }

    proptest! {
        #[test]
        fn every_request_is_counted_once(ends in prop::collection::vec(0u8..6, 0..100), taken in 0usize..100) {
            let mut recorder = Recorder::default();
            let mut whole = Snapshot::default();
            for (i, end) in ends.iter().enumerate() {
                let i = i as u64;
                recorder.emitted(i, ms(i), ms(i), end % 2 == 0);
                if *end > 0 {
                    recorder.sent(i, ms(i + 1), "GET /".into());
                }
                match end {
                    2 => recorder.done(i, ms(i + 9), Outcome::Finished { status: 200 }),
                    3 => recorder.done(i, ms(i + 9), Outcome::Refused { status: 500 }),
                    4 => recorder.done(i, ms(i + 9), Outcome::TimedOut),
                    5 => recorder.done(i, ms(i + 9), Outcome::Broken { cause: "reset".into() }),
                    _ => {}
                }
                if i as usize == taken {
                    whole.merge(&recorder.take());
                }
            }
            recorder.censor(ms(10_000), false);
            whole.merge(&recorder.take());
            prop_assert_eq!(whole.scheduled, ends.len() as u64);
            prop_assert_eq!(whole.counts().total(), whole.scheduled);
        }
    }
}
