use super::*;
use proptest::prelude::*;

#[test]
fn a_constant_rate_is_exact() {
    let schedule = Schedule::constant(500.0, Duration::from_secs(2)).unwrap();
    let dues: Vec<_> = schedule.dues().collect();
    assert_eq!(schedule.total(), 1000);
    assert_eq!(dues.len(), 1000);
    assert_eq!(dues[0], Duration::ZERO);
    assert_eq!(dues[500], Duration::from_secs(1));
    assert_eq!(dues[999], Duration::from_millis(1998));
}

#[test]
fn a_ramp_counts_the_area_under_it() {
    let schedule = Schedule::new(vec![Stage { from: 0.0, to: 100.0, seconds: 10.0 }]).unwrap();
    let dues: Vec<_> = schedule.dues().collect();
    assert_eq!(dues.len(), 500);
    // 125 requests are due once 10·t²/2 = 125, which is at 5 s.
    assert!((dues[125].as_secs_f64() - 5.0).abs() < 1e-9);
    assert_eq!(schedule.rate_at(Duration::from_secs(5)), 50.0);
    assert_eq!(schedule.rate_at(Duration::from_secs(11)), 0.0);
}

#[test]
fn stages_follow_each_other() {
    let stages = vec![Stage::constant(10.0, 1.0), Stage::constant(0.0, 2.0), Stage::constant(100.0, 1.0)];
    let schedule = Schedule::new(stages).unwrap();
    let dues: Vec<_> = schedule.dues().collect();
    assert_eq!(dues.len(), 110);
    assert_eq!(dues[9], Duration::from_millis(900));
    assert_eq!(dues[10], Duration::from_secs(3));
    assert_eq!(schedule.mean_rate(), 27.5);
}

#[test]
fn nonsense_is_refused() {
    assert_eq!(Schedule::new(vec![]), Err(ScheduleError::Empty));
    assert_eq!(Schedule::constant(0.0, Duration::from_secs(1)), Err(ScheduleError::Empty));
    assert_eq!(Schedule::constant(-1.0, Duration::from_secs(1)), Err(ScheduleError::Rate(1)));
    assert_eq!(Schedule::constant(f64::NAN, Duration::from_secs(1)), Err(ScheduleError::Rate(1)));
    assert_eq!(Schedule::constant(1.0, Duration::ZERO), Err(ScheduleError::Duration(1)));
}

proptest! {
    #[test]
    fn dues_never_go_back_and_stay_inside(
        stages in prop::collection::vec((0.0..200.0f64, 0.0..200.0f64, 0.1..5.0f64), 1..5)
    ) {
        let stages = stages.into_iter().map(|(from, to, seconds)| Stage { from, to, seconds }).collect();
        if let Ok(schedule) = Schedule::new(stages) {
            let dues: Vec<_> = schedule.dues().collect();
            prop_assert_eq!(dues.len() as u64, schedule.total());
            prop_assert!(dues.windows(2).all(|w| w[0] <= w[1]));
            prop_assert!(*dues.last().unwrap() <= schedule.duration() + Duration::from_micros(1));
        }
    }
}

fn of_share(schedule: &Schedule, index: u32, count: u32) -> Schedule {
    schedule.clone().shared(Share::new(index, count).unwrap())
}

#[test]
fn a_workers_rate_is_its_part() {
    let schedule = Schedule::constant(100.0, Duration::from_secs(10)).unwrap();
    let part = of_share(&schedule, 1, 3);
    assert_eq!((part.total(), of_share(&schedule, 0, 3).total()), (333, 334));
    assert!((part.mean_rate() - 100.0 / 3.0).abs() < 1e-9);
    assert!((part.rate_at(Duration::from_secs(1)) - 100.0 / 3.0).abs() < 1e-9);
    assert_eq!(part.tickets().next(), Some((1, Duration::from_millis(10))));
    assert_eq!(part.clone().whole(), schedule);
    assert_eq!(part.of_shares(3).mean_rate(), 100.0);
}

#[test]
fn more_workers_than_requests_leave_some_idle() {
    let schedule = Schedule::constant(2.0, Duration::from_secs(1)).unwrap();
    assert_eq!((0..4).map(|i| of_share(&schedule, i, 4).total()).collect::<Vec<_>>(), [1, 1, 0, 0]);
}

#[test]
fn a_recorded_series_becomes_ramps() {
    let points = [(0.0, 10.0), (15.0, 20.0), (30.0, f64::NAN), (45.0, -1.0)];
    let schedule = Schedule::from_points(&points).unwrap();
    assert_eq!(schedule.duration(), Duration::from_secs(45));
    assert_eq!(schedule.total(), 225 + 150);
    assert_eq!(schedule.rate_at(Duration::from_secs(15)), 20.0);
    assert_eq!(Schedule::from_points(&points[..1]), Err(ScheduleError::Empty));
}

#[test]
fn a_schedule_survives_json() {
    let schedule = Schedule::constant(5.0, Duration::from_secs(2)).unwrap().arriving(Arrival::Poisson { seed: 3 });
    let schedule = of_share(&schedule, 1, 2);
    let text = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
    let old: Schedule = serde_json::from_str(r#"{"stages":[{"from":1.0,"to":1.0,"seconds":1.0}]}"#).unwrap();
    assert_eq!((old.arrival(), old.share()), (Arrival::Even, None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn workers_together_send_exactly_the_whole(
        stages in prop::collection::vec((0.0..100.0f64, 0.0..100.0f64, 0.1..3.0f64), 1..4),
        count in 1u32..7,
        seed in prop::option::of(0u64..100),
    ) {
        let stages = stages.into_iter().map(|(from, to, seconds)| Stage { from, to, seconds }).collect();
        let Ok(schedule) = Schedule::new(stages) else { return Ok(()) };
        let schedule = schedule.arriving(seed.map_or(Arrival::Even, |seed| Arrival::Poisson { seed }));
        let mut union: Vec<_> = (0..count).flat_map(|i| of_share(&schedule, i, count).tickets()).collect();
        union.sort_unstable();
        prop_assert_eq!(union, schedule.tickets().collect::<Vec<_>>());
        let totals: u64 = (0..count).map(|i| of_share(&schedule, i, count).total()).sum();
        prop_assert_eq!(totals, schedule.total());
    }
}
