//! A running test on standard error: redrawn in place on a terminal, a line a second elsewhere.

use crate::io::Io;
use load::{Plan, Totals, progress_line, status_frame};

/// Where the width of the terminal is unknown.
const WIDTH: usize = 80;

/// Shorter stretches (the last one) make no line: their rate would mislead.
const SHORTEST_S: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Display {
    live: bool,
    color: bool,
    drawn: usize,
}

impl Display {
    pub(super) fn new(live: bool) -> Self {
        Self { live, color: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()), drawn: 0 }
    }

    /// Shows where the run stands.
    pub(super) fn show(&mut self, plan: &Plan, totals: &Totals, io: &mut Io<'_>) {
        if totals.seconds.last().is_some_and(|second| second.seconds < SHORTEST_S) {
            return;
        }
        if !self.live {
            io.note(progress_line(plan, totals));
            return;
        }
        let width = crossterm::terminal::size().map_or(WIDTH, |(columns, _)| usize::from(columns));
        self.clear(io);
        let frame = status_frame(plan, totals, width, self.color);
        self.drawn = frame.len();
        io.note(frame.join("\n"));
    }

    /// Removes what was drawn.
    pub(super) fn clear(&mut self, io: &mut Io<'_>) {
        if self.drawn > 0 {
            let _ = write!(io.err, "\x1b[{}A\x1b[0J", self.drawn);
            let _ = io.err.flush();
        }
        self.drawn = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use load::{Schedule, Snapshot, Update};
    use std::time::Duration;

    fn show(live: bool, times: &[f64]) -> String {
        let plan = Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(1.0, Duration::from_secs(3)).unwrap()),
            duration_s: 3.0,
            capacity: 1,
            thresholds: vec![],
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, terminal: live };
        let (mut display, mut totals) = (Display { live, color: false, drawn: 0 }, Totals::default());
        for &elapsed_s in times {
            totals.add(Update { elapsed_s, in_flight: 0, queued: 0, last: false, delta: Snapshot::default() });
            display.show(&plan, &totals, &mut io);
        }
        display.clear(&mut io);
        assert!(out.is_empty(), "progress is no result");
        String::from_utf8(err).unwrap()
    }

    #[test]
    fn a_log_gets_a_line_a_second_and_no_control_characters() {
        let log = show(false, &[1.0, 2.0, 3.0, 3.02]);
        assert_eq!(log.lines().count(), 3);
        assert!(!log.contains('\x1b'), "{log}");
    }

    #[test]
    fn a_terminal_is_redrawn_in_place_and_left_clean() {
        let screen = show(true, &[1.0, 2.0]);
        assert_eq!(screen.matches("\x1b[3A\x1b[0J").count(), 2, "{screen:?}");
        assert!(screen.ends_with("\x1b[0J"), "{screen:?}");
    }
}
