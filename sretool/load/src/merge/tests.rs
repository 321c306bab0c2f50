//! Workers' results against the result of one worker that sent everything.

use super::*;
use crate::latency::Latency;
use crate::random::Random;
use crate::recorder::{Outcome, Recorder};
use crate::report::Meta;
use crate::schedule::Share;
use crate::snapshot::Update;
use crate::verdict::Verdict;
use proptest::prelude::*;
use std::time::Duration;

const RATE: f64 = 200.0;
const SECONDS: u64 = 3;

/// What the worker with this share sends and gets; the answer to a request depends on its number alone.
fn worker(seed: u64, share: Option<Share>) -> Report {
    let schedule = Schedule::constant(RATE, Duration::from_secs(SECONDS)).unwrap();
    let schedule = share.map_or(schedule.clone(), |share| schedule.shared(share));
    let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
    let mut tickets = schedule.tickets().peekable();
    for second in 1..=SECONDS {
        while let Some((number, due)) = tickets.next_if(|(_, due)| due.as_secs() < second) {
            let mut random = Random::new(seed ^ (number << 20));
            recorder.emitted(number, due, due, true);
            recorder.sent(number, due, if number % 3 == 0 { "GET /a" } else { "POST /b" }.into());
            let outcome = match random.below(20) {
                0 => Outcome::Refused { status: 503 },
                1 => Outcome::TimedOut,
                2 => Outcome::Broken { cause: "connection reset".into() },
                _ => Outcome::Finished { status: 200 },
            };
            recorder.done(number, due + Duration::from_micros(500 + random.below(300_000) as u64), outcome);
        }
        let (last, delta) = (second == SECONDS, recorder.take());
        totals.add(Update { elapsed_s: second as f64, in_flight: 2, queued: 1, last, delta });
    }
    let plan = Plan {
        executor: "http".into(),
        schedule: Some(schedule),
        duration_s: SECONDS as f64,
        capacity: 10,
        thresholds: vec!["p95<400ms".parse().unwrap(), "rate>=90%".parse().unwrap()],
    };
    let meta = Meta { run: "r".into(), started_at_ms: Some(1_700_000_000_000), ..Meta::default() };
    Report { meta, ..Report::new(&plan, &totals, false) }
}

fn workers(seed: u64, count: u32) -> Vec<Report> {
    (0..count).map(|index| worker(seed, Some(Share { index, count }))).collect()
}

fn strict(reports: &[Report]) -> Result<Report, MergeError> {
    merge(reports, Leniency::default())
}

#[test]
fn four_workers_are_one_histogram_of_all_samples() {
    let (one, merged) = (worker(5, None), strict(&workers(5, 4)).unwrap());
    assert_eq!(merged.scheduled, 600);
    assert_eq!(merged.whole, one.whole, "counts, statuses, causes and every histogram, to the last bucket");
    assert_eq!((&merged.response_ms, &merged.routes), (&one.response_ms, &one.routes));
    assert_eq!(merged.histograms, one.histograms);
    assert_eq!((merged.verdict, &merged.thresholds), (Verdict::Pass, &one.thresholds));
    assert_eq!((merged.target_rps, merged.achieved_rps), (Some(RATE), one.achieved_rps));
    assert_eq!(merged.plan.capacity, 40);
    for (merged, one) in merged.seconds.iter().zip(&one.seconds) {
        assert_eq!(
            (merged.finished, merged.errors, merged.p99, merged.max),
            (one.finished, one.errors, one.p99, one.max)
        );
        assert_eq!(merged.latency().count(), one.latency().count());
        assert_eq!((merged.in_flight, merged.queued), (8, 4));
    }
}

#[test]
fn what_was_written_to_files_merges_the_same() {
    let reports = workers(9, 3);
    let read: Vec<_> = reports.iter().map(|report| Report::read(&report.to_json()).unwrap()).collect();
    let (read, written) = (strict(&read).unwrap().to_json(), strict(&reports).unwrap().to_json());
    let differing = read.lines().zip(written.lines()).find(|(read, written)| read != written);
    assert_eq!(differing, None);
}

#[test]
fn a_missing_worker_is_named_and_may_be_allowed() {
    let mut reports = workers(5, 4);
    reports.remove(2);
    let error = strict(&reports).unwrap_err();
    assert_eq!(error, MergeError::Missing { count: 4, missing: vec![2] });
    assert!(error.to_string().contains("1 are missing: 2; --allow-missing"), "{error}");
    let partial = merge(&reports, Leniency { missing: true, runs: false }).unwrap();
    assert_eq!((partial.scheduled, partial.target_rps), (450, Some(150.0)));
    assert_eq!(partial.verdict, Verdict::Pass, "three of four were asked for three quarters of the rate");
}

#[test]
fn results_that_do_not_belong_together_are_refused_with_the_reason() {
    let [a, b] = &workers(5, 2)[..] else { panic!("two workers") };
    let refused = |change: &dyn Fn(&mut Report)| {
        let mut b = b.clone();
        change(&mut b);
        strict(&[a.clone(), b]).unwrap_err().to_string()
    };
    let error = refused(&|b| b.executor = "goose".into());
    assert_eq!(error, "file 2 differs from file 1 in the executor: goose, not http");
    assert!(refused(&|b| b.meta.run = "s".into()).contains("the run: s, not r; give all workers the same --run"));
    assert!(refused(&|b| b.meta.started_at_ms = Some(1_700_000_009_000)).contains("never saw the whole load at once"));
    assert!(refused(&|b| b.meta.profile = Some("soak".into())).contains("the profile: soak, not none"));
    assert!(refused(&|b| b.plan.thresholds.clear()).contains("the thresholds"));
    let longer = Schedule::constant(RATE, Duration::from_secs(9)).unwrap();
    assert!(
        refused(&|b| b.plan.schedule = Some(longer.clone().shared(Share { index: 1, count: 2 }))).contains("schedule")
    );
    assert!(refused(&|b| b.plan.schedule = Some(longer.clone())).contains("file 2 is of a whole run"));
    assert!(refused(&|b| b.plan.schedule = a.plan.schedule.clone()).contains("worker 0, as is file 1"));
    let three = Some(b.plan.schedule.clone().unwrap().shared(Share { index: 1, count: 3 }));
    assert!(refused(&|b| b.plan.schedule = three.clone()).contains("the number of workers: 3, not 2"));
    assert_eq!(strict(&[]), Err(MergeError::Nothing));
}

#[test]
fn seconds_are_those_of_the_clock() {
    let mut reports = workers(5, 2);
    reports[1].meta.started_at_ms = Some(1_700_000_002_000);
    let merged = strict(&reports).unwrap();
    let rows: Vec<_> = merged.seconds.iter().map(|second| (second.t, second.scheduled)).collect();
    assert_eq!(rows, [(1.0, 100), (2.0, 100), (3.0, 200), (4.0, 100), (5.0, 100)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_workers_in_any_order_is_one(seed in 0u64..1000, count in 1u32..7, turn in 0usize..7) {
        let mut reports = workers(seed, count);
        reports.rotate_left(turn % count as usize);
        let (one, merged) = (worker(seed, None), strict(&reports).unwrap());
        prop_assert_eq!(&merged.whole, &one.whole);
        let sum = |family: fn(&crate::RouteStats) -> &Latency| -> u64 {
            reports.iter().flat_map(|report| report.whole.routes.values()).map(|stats| family(stats).count()).sum()
        };
        prop_assert_eq!(merged.whole.overall().service.count(), sum(|stats| &stats.service));
    }
}
