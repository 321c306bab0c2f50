//! The terminal: taken, given back, taken again.

use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, BufWriter, Stdout, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tui::State;

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static;

/// Whether the terminal is ours, shared with the panic hook.
#[derive(Debug, Clone, Default)]
struct Taken(Arc<AtomicBool>);

impl Taken {
    fn take(&self) -> io::Result<()> {
        self.0.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
    }

    /// Gives the terminal back, once, whoever asks: the end, a suspension, or a panic on any thread.
    fn give_back(&self) {
        if self.0.swap(false, Ordering::SeqCst) {
            // Nothing better can be done about a terminal that is gone.
            let _ = execute!(io::stdout(), EndSynchronizedUpdate, LeaveAlternateScreen, cursor::Show);
            let _ = disable_raw_mode();
        }
    }
}

/// The terminal while the dashboard has it. Dropping it restores the terminal and the panic hook.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    taken: Taken,
    previous_hook: Arc<Hook>,
    panicked: Arc<Notify>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        // The theme decides about colours; crossterm's own NO_COLOR would erase bold and reverse.
        crossterm::style::force_color_output(true);
        let (taken, panicked) = (Taken::default(), Arc::new(Notify::new()));
        let previous_hook: Arc<Hook> = Arc::from(std::panic::take_hook());
        let (hook_taken, hook_panicked, hook) = (taken.clone(), panicked.clone(), previous_hook.clone());
        std::panic::set_hook(Box::new(move |info| {
            hook_taken.give_back();
            hook(info);
            hook_panicked.notify_one();
        }));
        let writer = BufWriter::with_capacity(64 * 1024, io::stdout());
        // From here on dropping restores, should taking fail half way.
        let screen = Self { terminal: Terminal::new(CrosstermBackend::new(writer))?, taken, previous_hook, panicked };
        screen.taken.take()?;
        Ok(screen)
    }

    /// Draws one frame in one piece, where the terminal can.
    pub(super) fn draw(&mut self, state: &State) -> io::Result<()> {
        if !self.taken.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| tui::view(state, frame))?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }

    /// Gives the terminal back and stops this process until it is continued.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.taken.give_back();
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        self.resume()
    }

    /// Takes the terminal again and forgets what was on it.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        self.taken.take()?;
        // `clear` would ask the terminal for its cursor and wait for an answer that the event stream reads.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Ready when a thread has panicked, which has restored the terminal already.
    pub(super) async fn panicked(&self) {
        self.panicked.notified().await;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.taken.give_back();
        // Setting a hook while panicking would abort; the process is about to end anyway.
        if !std::thread::panicking() {
            let previous = self.previous_hook.clone();
            std::panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}
