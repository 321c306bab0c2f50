//! The thread that hands out tickets at their moments.

use crate::run::Run;
use crate::schedule::Schedule;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A pause longer than this is slept in pieces, so that a stop is noticed.
const SLICE: Duration = Duration::from_millis(50);

/// Emits the tickets of a schedule at absolute deadlines from a thread of its own. A ticket that is late does not
/// delay the next, and none is dropped. The kernel's timer ends a sleep about 0.1 ms late, which costs less than
/// spinning would take from the server under test on the same machine.
#[derive(Debug)]
pub struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Starts at the run's time 0.
    pub fn start(schedule: &Schedule, run: Arc<Run>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, tickets) = (stop.clone(), schedule.tickets());
        let thread = std::thread::Builder::new().name("pacer".into()).spawn(move || {
            for (index, due) in tickets {
                sleep_until(run.started() + due, &stopped);
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                run.emit(index, due);
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Whether every ticket has been handed out.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Hands out no more tickets.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn sleep_until(deadline: Instant, stop: &AtomicBool) {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stop.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(left.min(SLICE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Stage;

    #[test]
    fn every_ticket_is_emitted_and_none_early() {
        let run = Run::new(Instant::now(), 1000);
        let schedule = Schedule::constant(1000.0, Duration::from_millis(300)).unwrap();
        let mut pacer = Pacer::start(&schedule, run.clone()).unwrap();
        pacer.thread.take().unwrap().join().unwrap();
        let last = run.finish();
        assert_eq!(last.delta.scheduled, 300);
        assert!(last.elapsed_s >= 0.299, "{}", last.elapsed_s);
    }

    #[test]
    fn it_stops_in_the_middle_of_a_pause() {
        let run = Run::new(Instant::now(), 1);
        let schedule = Schedule::new(vec![Stage::constant(0.01, 600.0)]).unwrap();
        let pacer = Pacer::start(&schedule, run.clone()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        drop(pacer);
        assert_eq!(run.finish().delta.scheduled, 1);
    }
}
