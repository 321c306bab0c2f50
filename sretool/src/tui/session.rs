//! One stay of the dashboard: events in, commands out, a frame when something changed.

use super::fetch::Fetcher;
use super::load_child::LoadChild;
use super::screen::Screen;
use super::{Options, TuiError, keys};
use crossterm::event::EventStream;
use futures::StreamExt;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tui::{Cmd, Msg, State};

/// Answers wait for this long for others to share a frame with.
const GATHER: Duration = Duration::from_millis(40);
/// Messages under way; a full channel makes the fetchers wait, never the keyboard.
const MESSAGES: usize = 256;

struct Session {
    screen: Screen,
    state: State,
    fetcher: Fetcher,
    child: Option<LoadChild>,
    source: String,
    messages: mpsc::Sender<Msg>,
    draw_at: Option<Instant>,
    quit: bool,
}

/// Signals that end the dashboard, and the one that says that it continues.
struct Signals {
    terminate: Signal,
    hang_up: Signal,
    resume: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            resume: signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?,
        })
    }
}

/// What woke the loop.
enum Wake {
    Message(Msg),
    Draw,
    Resume,
    End,
    Panicked,
}

pub(super) async fn run(options: Options) -> Result<(), TuiError> {
    let (sender, mut receiver) = mpsc::channel(MESSAGES);
    let now_ms = options.source.default_time_ms();
    let mut session = Session {
        state: State::new(options.config(), options.theme, now_ms),
        fetcher: Fetcher::new(options.source.clone(), options.runbooks.clone(), sender.clone()),
        child: None,
        source: options.source.name().to_owned(),
        messages: sender,
        draw_at: None,
        quit: false,
        screen: Screen::take()?,
    };
    let mut signals = Signals::new()?;
    let mut events = EventStream::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !session.quit {
        let draw_at = session.draw_at;
        let wake = tokio::select! {
            biased;
            () = session.screen.panicked() => Wake::Panicked,
            event = events.next() => match event {
                Some(Ok(event)) => keys::message(&event).map_or(Wake::Draw, Wake::Message),
                // A terminal that cannot be read is gone, and with it everybody who could see the dashboard.
                Some(Err(_)) | None => Wake::End,
            },
            _ = signals.terminate.recv() => Wake::End,
            _ = signals.hang_up.recv() => Wake::End,
            _ = signals.resume.recv() => Wake::Resume,
            _ = tick.tick() => Wake::Message(Msg::Tick { now_ms: options.source.default_time_ms() }),
            () = tokio::time::sleep_until(draw_at.unwrap_or_else(Instant::now)), if draw_at.is_some() => Wake::Draw,
            Some(message) = receiver.recv() => Wake::Message(message),
        };
        session.handle(wake)?;
    }
    Ok(())
}

impl Session {
    fn handle(&mut self, wake: Wake) -> Result<(), TuiError> {
        match wake {
            Wake::Panicked => return Err(TuiError::Panicked),
            Wake::End => self.quit = true,
            Wake::Draw => self.draw()?,
            Wake::Resume => {
                self.screen.resume()?;
                self.message(Msg::Redraw)?;
                self.draw()?;
            }
            Wake::Message(message) => {
                let answer = matches!(message, Msg::Answer { .. } | Msg::Alerts { .. } | Msg::Load(_));
                self.message(message)?;
                // Keys and ticks are seen at once; answers come in bursts and are gathered.
                if answer {
                    self.draw_at.get_or_insert_with(|| Instant::now() + GATHER);
                } else {
                    self.draw()?;
                }
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        self.draw_at = None;
        if self.state.take_dirty() {
            self.screen.draw(&self.state)?;
        }
        Ok(())
    }

    fn message(&mut self, message: Msg) -> Result<(), TuiError> {
        for cmd in tui::update(&mut self.state, message) {
            self.carry_out(cmd)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, cmd: Cmd) -> Result<(), TuiError> {
        match cmd {
            Cmd::Query { id, generation, expr, span } => self.fetcher.query(id, generation, expr, span),
            Cmd::Alerts { generation } => self.fetcher.alerts(generation),
            Cmd::Server => self.fetcher.server(),
            Cmd::Runbook { name } => self.fetcher.runbook(name),
            Cmd::StartLoad { args } => {
                self.child = Some(LoadChild::start(&args, &self.source, self.messages.clone()));
            }
            Cmd::StopLoad => {
                if let Some(child) = &mut self.child {
                    child.stop();
                }
            }
            Cmd::Suspend => self.screen.suspend()?,
            Cmd::Quit => self.quit = true,
        }
        Ok(())
    }
}
