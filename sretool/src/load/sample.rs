//! Results for tests of the commands that read them.

use crate::io::Io;
use load::{Meta, Outcome, Plan, Random, Recorder, Report, Schedule, Totals, Update};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Thirty seconds at 100 requests a second, whose response times have `mean_ms` and an exponential tail.
pub(super) fn report(seed: u64, mean_ms: f64) -> Report {
    let (mut random, mut recorder, mut totals) = (Random::new(seed), Recorder::default(), Totals::default());
    for i in 0..3000u64 {
        let due = Duration::from_millis(i * 10);
        recorder.emitted(i, due, due, true);
        recorder.sent(i, due, if i % 2 == 0 { "GET /a" } else { "POST /b" }.into());
        let took = Duration::from_secs_f64(mean_ms / 1e3 * (0.5 + 0.5 * random.exponential()));
        recorder.done(i, due + took, Outcome::Finished { status: 200 });
        if i % 100 == 99 {
            let elapsed_s = (i as f64 + 1.0) / 100.0;
            totals.add(Update { elapsed_s, in_flight: 0, queued: 0, last: i == 2999, delta: recorder.take() });
        }
    }
    let plan = Plan {
        executor: "http".into(),
        schedule: Some(Schedule::constant(100.0, Duration::from_secs(30)).unwrap()),
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
