//! The streams that a command writes to, passed in so that tests can read them.

use std::io::Write;

/// Standard output and error of a command.
pub struct Io<'a> {
    /// What was asked for, and nothing else.
    pub out: &'a mut (dyn Write + Send),
    /// Progress, warnings and errors.
    pub err: &'a mut (dyn Write + Send),
    /// Whether `out` is a terminal.
    pub terminal: bool,
}

impl std::fmt::Debug for Io<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Io<'_> {
    /// Writes a line to standard output. A closed pipe is not an error: the reader has seen enough.
    pub fn line(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    /// Writes a line to standard error.
    pub fn note(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Writes `error: …` to standard error.
    pub fn error(&mut self, text: impl std::fmt::Display) {
        self.note(format_args!("error: {text}"));
    }
}
