//! Every size draws, and none hides a firing alert.

use crate::world::{NOW, Source, frame, new_state, press, ready, tick};
use tui::ThemeName;

/// A small deterministic generator: the sizes are random, the test is not.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u16 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % below) as u16
    }
}

const KEYS: [&str; 12] = ["1", "2", "3", "4", "5", "3\n", "4\n", "?", ":", "/x", "r", "5/"];

#[test]
fn a_firing_alert_shows_at_every_size_on_every_screen() {
    let mut dice = Dice(7);
    for round in 0..360 {
        let mut state = ready();
        press(&mut state, Source::Full, KEYS[round % KEYS.len()]);
        let (width, height) = match round % 4 {
            0 => (40 + dice.roll(60), 10 + dice.roll(20)),
            _ => (40 + dice.roll(361), 10 + dice.roll(111)),
        };
        let text = frame(&state, width, height);
        assert!(text.lines().next().unwrap().contains("2 firing"), "{width}x{height}\n{text}");
    }
}

#[test]
fn sizes_too_small_still_show_it() {
    let state = ready();
    for width in 10..40 {
        for height in 1..10 {
            let text = frame(&state, width, height);
            assert!(text.contains("2 firing"), "{width}x{height}\n{text}");
        }
    }
}

#[test]
fn no_size_panics_in_any_state() {
    let mut dice = Dice(11);
    let sources = [Source::Full, Source::Empty, Source::Refusing, Source::Lost, Source::Silent];
    for round in 0..300 {
        let source = sources[round % sources.len()];
        let mut state = new_state(round % 2 == 0, ThemeName::ALL[round % 3]);
        tick(&mut state, source, NOW);
        press(&mut state, source, KEYS[round % KEYS.len()]);
        tick(&mut state, Source::Lost, NOW + 20_000);
        let (width, height) = (1 + dice.roll(120), 1 + dice.roll(50));
        let text = frame(&state, width, height);
        assert_eq!(text.lines().count(), usize::from(height));
    }
}
