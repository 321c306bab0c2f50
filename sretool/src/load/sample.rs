//! Results for tests of the commands that read them.

use crate::io::Io;
use load::{Meta, Outcome, Plan, Random, Recorder, Report, Schedule, Share, Totals, Update};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Thirty seconds at 100 requests a second, whose response times have `mean_ms` and an exponential tail.
pub(super) fn report(seed: u64, mean_ms: f64) -> Report {
    run(seed, mean_ms, None)
}

/// What one worker of such a run sent.
pub(super) fn worker(seed: u64, mean_ms: f64, share: Share) -> Report {
    run(seed, mean_ms, Some(share))
}

fn run(seed: u64, mean_ms: f64, share: Option<Share>) -> Report {
    let schedule = Schedule::constant(100.0, Duration::from_secs(30)).unwrap();
    let schedule = share.map_or(schedule.clone(), |share| schedule.shared(share));
    let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
    let mut tickets = schedule.tickets().peekable();
    for second in 1..=30u64 {
        while let Some((number, due)) = tickets.next_if(|(_, due)| due.as_secs() < second) {
            recorder.emitted(number, due, due, true);
            recorder.sent(number, due, if number % 2 == 0 { "GET /a" } else { "POST /b" }.into());
            // Of the number alone, so that workers see what one worker would have seen.
            let tail = Random::new(seed ^ (number << 20)).exponential();
            let took = Duration::from_secs_f64(mean_ms / 1e3 * (0.5 + 0.5 * tail));
            recorder.done(number, due + took, Outcome::Finished { status: 200 });
        }
        let (last, delta) = (second == 30, recorder.take());
        totals.add(Update { elapsed_s: second as f64, in_flight: 0, queued: 0, last, delta });
    }
    let plan = Plan {
        executor: "http".into(),
        schedule: Some(schedule),
        duration_s: 30.0,
        capacity: 10,
        thresholds: vec!["p95<200ms".parse().unwrap(), "errors<0.1%".parse().unwrap()],
    };
    let meta = Meta { run: "r1".into(), started_at_ms: Some(1_700_000_000_000), ..Meta::default() };
    Report { meta, ..Report::new(&plan, &totals, false) }
}

/// Writes a result and gives its path.
pub(super) fn write(directory: &Path, name: &str, report: &Report) -> String {
    let path = directory.join(name);
    std::fs::write(&path, report.to_json()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs `sretool load LINE` in process: status, standard output, standard error.
pub(super) fn command(line: &[&str]) -> (ExitCode, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io { out: &mut out, err: &mut err, terminal: false };
    let line = ["sretool", "load"].iter().chain(line);
    let code = crate::run(line.map(Into::into), &mut io);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}
