//! A run from its start to its last word: executor, display and metrics together.

use super::child::Worker;
use super::display::Display;
use super::listen::Listener;
use super::push::Pusher;
use super::settings::{Executor, Settings};
use crate::io::Io;
use load::{Totals, Update};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often a signal and the deadlines are looked for.
const TICK: Duration = Duration::from_millis(50);

/// An executor that was asked to stop has this long for its last word; the user waits for the report.
const LAST_WORD: Duration = Duration::from_millis(450);

/// An executor that should have ended by itself has this long.
const OVERTIME: Duration = Duration::from_secs(2);

/// What an executor says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Note(String),
    Started,
    Failed(String),
    Update(Box<Update>),
}

/// How a session ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) totals: Totals,
    /// Cut short by the user.
    pub(super) interrupted: bool,
    /// Cut short by a condition of the user's, in a sentence.
    pub(super) aborted: Option<String>,
    /// Why there was no run.
    pub(super) failure: Option<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub(super) started_at_ms: Option<i64>,
}

/// The executor at work; dropping it ends it.
#[derive(Debug)]
enum Running {
    Thread,
    Process(Worker),
}

#[derive(Debug)]
struct Session<'a> {
    settings: &'a Settings,
    running: Running,
    display: Display,
    pusher: Option<Pusher>,
    listener: Option<Listener>,
    ended: Ended,
    started: Option<Instant>,
    give_up: Option<Instant>,
}

/// Runs to the end, or until `stop` is set.
pub(super) fn run(settings: &Settings, stop: &Arc<AtomicBool>, live: bool, io: &mut Io<'_>) -> Ended {
    let mut ended = Ended::default();
    settings.notes.iter().for_each(|note| io.note(note));
    let listener = match settings.listen.map(|address| Listener::start(address, &settings.plan, &settings.meta.run)) {
        Some(Ok(listener)) => {
            io.note(format_args!("metrics of this run at http://{}/metrics", listener.address));
            Some(listener)
        }
        Some(Err(error)) => {
            ended.failure = Some(format!("cannot listen on {:?}: {error}", settings.listen));
            return ended;
        }
        None => None,
    };
    if !wait_for_start(settings.start_at_ms, stop, io) {
        ended.failure = Some("stopped before the run began".to_owned());
        return ended;
    }
    let pusher = Pusher::start(settings);
    let (events, inbox) = channel();
    let running = match start(&settings.executor, stop, events) {
        Ok(running) => running,
        Err(error) => {
            ended.failure = Some(format!("cannot start the load generator: {error}"));
            return ended;
        }
    };
    let display = Display::new(live);
    let mut session = Session { settings, running, display, pusher, listener, ended, started: None, give_up: None };
    session.follow(&inbox, stop, io);
    let Session { running, mut display, pusher, listener, ended, .. } = session;
    drop(running);
    if let Some(listener) = listener {
        listener.show(&ended.totals, false);
    }
    display.clear(io);
    if let Some(pusher) = pusher
        && let Some(warning) = pusher.finish(&ended.totals)
    {
        io.note(format_args!("warning: {warning}"));
    }
    ended
}

/// Workers of one run begin together. False where the user does not want to wait.
fn wait_for_start(start_at_ms: Option<i64>, stop: &AtomicBool, io: &mut Io<'_>) -> bool {
    let left = || start_at_ms.map_or(0, |at| at - chrono::Utc::now().timestamp_millis());
    if left() > 0 {
        io.note(format_args!("waiting {:.1} s for the start", left() as f64 / 1000.0));
    }
    while left() > 0 {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::sleep(TICK.min(Duration::from_millis(left().max(0).unsigned_abs())));
    }
    true
}

fn start(executor: &Executor, stop: &Arc<AtomicBool>, events: Sender<Event>) -> std::io::Result<Running> {
    match executor {
        Executor::Goose(job) => Worker::start(job, events).map(Running::Process),
        Executor::Http(config, pace) => {
            let (config, pace, stop) = (config.clone(), pace.clone(), stop.clone());
            std::thread::Builder::new().name("load".into()).spawn(move || {
                let _ = events.send(Event::Started);
                let send = |update| drop(events.send(Event::Update(Box::new(update))));
                if let Err(error) = load::http::execute(*config, &pace, &stop, send) {
                    let _ = events.send(Event::Failed(format!("the HTTP executor: {error}")));
                }
            })?;
            Ok(Running::Thread)
        }
    }
}

impl Session<'_> {
    fn follow(&mut self, inbox: &Receiver<Event>, stop: &AtomicBool, io: &mut Io<'_>) {
        while !self.ended.totals.ended && self.ended.failure.is_none() {
            match inbox.recv_timeout(TICK) {
                Ok(event) => self.handle(event, stop, io),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if self.started.is_none() && !self.ended.interrupted {
                        self.ended.failure = Some("the load generator ended before the run began".to_owned());
                    }
                    break;
                }
            }
            if stop.load(Ordering::Relaxed) && !self.ended.interrupted {
                self.interrupt();
            }
            if self.give_up.is_some_and(|at| Instant::now() >= at) {
                break;
            }
        }
        if !self.ended.totals.ended {
            self.ended.totals.end_without_word(self.started.map_or(0.0, |at| at.elapsed().as_secs_f64()));
        }
    }

    fn handle(&mut self, event: Event, stop: &AtomicBool, io: &mut Io<'_>) {
        match event {
            Event::Note(text) => io.note(text),
            Event::Failed(reason) => self.ended.failure = Some(reason),
            Event::Started => {
                let length = Duration::from_secs_f64(self.settings.plan.duration_s) + self.settings.drain;
                self.started = Some(Instant::now());
                self.ended.started_at_ms = Some(crate::server::now_ms());
                self.give_up = self.give_up.or(Some(Instant::now() + length + OVERTIME));
                self.push();
            }
            Event::Update(update) => {
                self.ended.totals.add(*update);
                self.display.show(&self.settings.plan, &self.ended.totals, io);
                self.push();
                self.abort(stop);
            }
        }
    }

    /// Ends the run where a condition of the user's is so; the executor hands over its last numbers as on Ctrl-C.
    fn abort(&mut self, stop: &AtomicBool) {
        if self.ended.totals.ended || self.ended.interrupted {
            return;
        }
        self.ended.aborted = load::met(&self.settings.plan, &self.ended.totals, &self.settings.abort_on);
        if self.ended.aborted.is_some() {
            stop.store(true, Ordering::Relaxed);
        }
    }

    fn push(&self) {
        // The end is sent on its own, once it is known.
        if let Some(pusher) = self.pusher.as_ref().filter(|_| !self.ended.totals.ended) {
            pusher.send(&self.ended.totals);
        }
        if let Some(listener) = &self.listener {
            listener.show(&self.ended.totals, !self.ended.totals.ended);
        }
    }

    fn interrupt(&mut self) {
        self.ended.interrupted = true;
        self.give_up = Some(Instant::now() + LAST_WORD);
        if let Running::Process(worker) = &mut self.running {
            worker.stop();
        }
    }
}

#[cfg(test)]
mod tests;
