//! Snapshots of each screen, full and in its other states.

use crate::world::{NOW, Source, frame, new_state, press, ready, send, tick};
use tui::{LoadEvent, Msg, ThemeName};

/// Snapshots a screen at the two reference sizes.
#[track_caller]
fn check(name: &str, keys: &str) {
    let mut state = ready();
    press(&mut state, Source::Full, keys);
    for (width, height) in [(80, 24), (120, 40)] {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), frame(&state, width, height));
    }
}

#[test]
fn overview() {
    check("overview", "");
}

#[test]
fn service() {
    check("service", "ll\n");
}

#[test]
fn slos() {
    check("slos", "3");
}

#[test]
fn slo_alone() {
    check("slo-alone", "3j\n");
}

#[test]
fn alerts() {
    check("alerts", "4");
}

#[test]
fn load() {
    check("load", "5");
}

#[test]
fn help() {
    check("help", "?");
}

#[test]
fn palette() {
    check("palette", ":s");
}

#[test]
fn confirmation() {
    check("confirmation", "r");
}

#[test]
fn filter_while_typing() {
    check("filter", "/!order");
}

/// Snapshots a screen of a source that behaves otherwise.
#[track_caller]
fn check_source(name: &str, source: Source, keys: &str) {
    let mut state = new_state(false, ThemeName::Dark);
    tick(&mut state, source, NOW);
    press(&mut state, source, keys);
    tick(&mut state, source, NOW + 1_500);
    insta::assert_snapshot!(name, frame(&state, 80, 24));
}

#[test]
fn loading() {
    check_source("loading", Source::Silent, "");
}

#[test]
fn empty_source() {
    check_source("empty-overview", Source::Empty, "");
    check_source("empty-service", Source::Empty, "2");
    check_source("empty-slos", Source::Empty, "3");
    check_source("empty-alerts", Source::Empty, "4");
    check_source("empty-load", Source::Empty, "5");
}

#[test]
fn refused_queries() {
    check_source("refused", Source::Refusing, "3");
}

#[test]
fn no_source() {
    check_source("no-source", Source::Lost, "");
}

#[test]
fn a_lost_source_keeps_the_last_good_data() {
    let mut state = ready();
    for second in 1..30 {
        tick(&mut state, Source::Lost, NOW + second * 1_000);
    }
    insta::assert_snapshot!("lost", frame(&state, 120, 24));
}

#[test]
fn silence_makes_data_stale() {
    let mut state = ready();
    for second in 1..20 {
        tick(&mut state, Source::Silent, NOW + second * 1_000);
    }
    insta::assert_snapshot!("stale", frame(&state, 80, 24));
}

#[test]
fn frozen_shows_since_when() {
    let mut state = ready();
    press(&mut state, Source::Full, "f");
    tick(&mut state, Source::Full, NOW + 60_000);
    let text = frame(&state, 120, 40);
    assert!(text.contains("FROZEN 16:00:00"), "{text}");
    press(&mut state, Source::Full, "f");
    assert!(!frame(&state, 120, 40).contains("FROZEN"));
}

#[test]
fn ascii_is_ascii_on_every_screen() {
    let mut state = new_state(true, ThemeName::Mono);
    tick(&mut state, Source::Full, NOW);
    for key in ["1", "2", "3", "4", "5", "?", ":", "\u{1b}", "r"] {
        press(&mut state, Source::Full, key);
        let text = frame(&state, 120, 40);
        assert!(text.is_ascii(), "{key}: {text}");
    }
    press(&mut state, Source::Full, "n1");
    insta::assert_snapshot!("ascii", frame(&state, 100, 30));
}

#[test]
fn the_load_test_started_here_shows_its_output() {
    let mut state = ready();
    press(&mut state, Source::Full, "5");
    for event in [LoadEvent::Started, LoadEvent::Line("1000 req/s for 30 s".into()), LoadEvent::Ended(Some(1))] {
        send(&mut state, Source::Full, Msg::Load(event));
    }
    let text = frame(&state, 120, 40);
    assert!(text.contains("1000 req/s for 30 s") && text.contains("a threshold is broken"), "{text}");
}

#[test]
fn one_firing_runbook_is_shown_in_place() {
    let mut state = ready();
    press(&mut state, Source::Full, "4\n");
    let text = frame(&state, 80, 24);
    assert!(text.contains("First steps") && text.contains("Run sretool slo report"), "{text}");
    assert!(text.contains("Esc goes back"), "{text}");
}
