//! Leads a run from its first ticket to its end.

use crate::pacer::Pacer;
use crate::run::Run;
use crate::snapshot::Update;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the end and a stop are looked for.
const TICK: Duration = Duration::from_millis(20);

/// Calls `on_update` each second and when `duration` is over, and with `last` set at the end: when everything is
/// answered, at most `drain` after `duration`, or at once when `stop` is set. A closed run has no pacer.
pub async fn conduct(
    run: &Run,
    pacer: Option<Pacer>,
    (duration, drain): (Duration, Duration),
    stop: &AtomicBool,
    mut on_update: impl FnMut(Update),
) {
    let mut next = Duration::from_secs(1).min(duration);
    loop {
        tokio::time::sleep(TICK.min(next.saturating_sub(run.now()))).await;
        let now = run.now();
        if stop.load(Ordering::Relaxed) {
            run.interrupt();
            break;
        }
        let emitted = pacer.as_ref().is_none_or(Pacer::is_finished);
        if now >= duration + drain || (now >= duration && emitted && run.open() == 0) {
            break;
        }
        if now >= next {
            on_update(run.update());
            // After a stall of this process the missed seconds are one long one.
            next = Duration::from_secs(now.as_secs() + 1);
            if now < duration {
                next = next.min(duration);
            }
        }
    }
    drop(pacer);
    on_update(run.finish());
}
