//! What keys and answers do.

use crate::world::{NOW, Source, alert, frame, new_state, press, ready, send, tick};
use promql::Value;
use tui::queries::QueryId as Q;
use tui::{AlertState, Cmd, Health, Key, LoadEvent, Mode, Msg, Problem, Screen, Span, ThemeName, update};

fn queries(cmds: &[Cmd]) -> Vec<(Q, Span)> {
    let query = |cmd: &Cmd| match cmd {
        Cmd::Query { id, span, .. } => Some((*id, *span)),
        _ => None,
    };
    cmds.iter().filter_map(query).collect()
}

#[test]
fn the_first_tick_asks_for_the_overview_and_the_alerts() {
    let mut state = new_state(false, ThemeName::Dark);
    let cmds = update(&mut state, Msg::Tick { now_ms: NOW });
    let asked: Vec<_> = queries(&cmds).into_iter().map(|(id, _)| id).collect();
    assert!(asked.contains(&Q::Rate) && asked.contains(&Q::P95ByService) && !asked.contains(&Q::RouteRate));
    assert!(cmds.iter().any(|cmd| matches!(cmd, Cmd::Alerts { .. })));
    assert!(queries(&update(&mut state, Msg::Tick { now_ms: NOW + 1_000 })).is_empty(), "each question once");
}

#[test]
fn answers_of_an_older_question_are_dropped() {
    let mut state = new_state(false, ThemeName::Dark);
    let cmds = update(&mut state, Msg::Tick { now_ms: NOW });
    let first = cmds.iter().find_map(|cmd| match cmd {
        Cmd::Query { id: Q::RateByService, generation, .. } => Some(*generation),
        _ => None,
    });
    let cmds = update(&mut state, Msg::Key(Key::Char('-')));
    let second = cmds.iter().find_map(|cmd| match cmd {
        Cmd::Query { id: Q::RateByService, generation, span: Span::Range { start, end, .. }, .. } => {
            assert_eq!(end - start, 1_800_000, "zoomed out");
            Some(*generation)
        }
        _ => None,
    });
    let answer = |generation| Msg::Answer { id: Q::RateByService, generation, result: Ok(Value::Matrix(Vec::new())) };
    update(&mut state, answer(first.unwrap()));
    assert_eq!(state.value(Q::RateByService), None);
    update(&mut state, answer(second.unwrap()));
    assert!(state.value(Q::RateByService).is_some());
}

#[test]
fn zooming_stops_at_both_ends() {
    let mut state = ready();
    press(&mut state, Source::Full, "++++++++");
    assert!(frame(&state, 80, 24).contains(" 5m "));
    press(&mut state, Source::Full, &"-".repeat(30));
    assert!(frame(&state, 80, 24).contains(" 28d "));
}

#[test]
fn filters_follow_the_typing_and_invert() {
    let mut state = ready();
    press(&mut state, Source::Full, "/order");
    assert!(matches!(state.mode(), Mode::Filter(text) if text == "order"));
    let text = frame(&state, 120, 40);
    assert!(text.contains("order-service") && !text.contains("user-service"), "{text}");
    press(&mut state, Source::Full, "\n\u{1b}");
    assert!(frame(&state, 120, 40).contains("user-service"), "Esc clears it");
    press(&mut state, Source::Full, "/!order\n");
    assert!(!frame(&state, 120, 9).contains("order-service"));
}

#[test]
fn a_wrong_filter_says_why_and_changes_nothing() {
    let mut state = ready();
    press(&mut state, Source::Full, "/a(\n");
    let text = frame(&state, 120, 40);
    assert!(text.contains("unclosed group") && !text.contains("of 3"), "{text}");
}

#[test]
fn enter_drills_into_the_selected_service_and_escape_returns() {
    let mut state = ready();
    press(&mut state, Source::Full, "j\n");
    assert_eq!(state.screen(), Screen::Service);
    let text = frame(&state, 120, 40);
    assert!(text.lines().nth(1).unwrap().contains("order-service"), "{text}");
    press(&mut state, Source::Full, "l");
    assert!(frame(&state, 120, 40).lines().nth(1).unwrap().contains("user-service"));
    press(&mut state, Source::Full, "\u{1b}");
    assert_eq!(state.screen(), Screen::Overview);
}

#[test]
fn another_service_forgets_the_charts_of_the_first() {
    let mut state = ready();
    press(&mut state, Source::Full, "2");
    assert!(state.value(Q::ServiceRate).is_some());
    press(&mut state, Source::Silent, "l");
    assert_eq!(state.value(Q::ServiceRate), None);
}

#[test]
fn selections_survive_a_new_order() {
    let mut state = ready();
    press(&mut state, Source::Full, "G");
    let selected = |text: &str| text.lines().find(|line| line.starts_with('▌')).unwrap().to_owned();
    assert!(selected(&frame(&state, 80, 24)).contains("user-service"));
    press(&mut state, Source::Full, "s");
    let text = frame(&state, 80, 24);
    assert!(selected(&text).contains("user-service") && text.contains("RATE↓"), "{text}");
}

#[test]
fn a_load_test_needs_a_yes() {
    let mut state = ready();
    press(&mut state, Source::Full, "r");
    assert_eq!(*state.mode(), Mode::ConfirmLoad);
    let cmds = send(&mut state, Source::Full, Msg::Key(Key::Char('n')));
    assert!(!cmds.iter().any(|cmd| matches!(cmd, Cmd::StartLoad { .. })));
    press(&mut state, Source::Full, "r");
    let cmds = send(&mut state, Source::Full, Msg::Key(Key::Char('y')));
    let started = Cmd::StartLoad { args: ["load", "--rps", "1000", "--duration", "30s"].map(Into::into).to_vec() };
    assert!(cmds.contains(&started), "{cmds:?}");
    assert_eq!(state.screen(), Screen::Load);
}

#[test]
fn only_one_load_test_runs_and_x_stops_it() {
    let mut state = ready();
    let stop = Msg::Key(Key::Char('x'));
    assert!(!send(&mut state, Source::Full, stop.clone()).contains(&Cmd::StopLoad));
    send(&mut state, Source::Full, Msg::Load(LoadEvent::Started));
    press(&mut state, Source::Full, "r");
    assert_eq!(*state.mode(), Mode::Normal);
    assert!(send(&mut state, Source::Full, stop).contains(&Cmd::StopLoad));
}

#[test]
fn while_frozen_only_alerts_are_asked_for() {
    let mut state = ready();
    press(&mut state, Source::Full, "f");
    let cmds = tick(&mut state, Source::Full, NOW + 10_000);
    assert_eq!(queries(&cmds), []);
    assert!(cmds.iter().any(|cmd| matches!(cmd, Cmd::Alerts { .. })));
    let cmds = send(&mut state, Source::Full, Msg::Key(Key::Char('3')));
    let times: Vec<_> = queries(&cmds).into_iter().map(|(_, span)| span).collect();
    assert!(times.contains(&Span::At(NOW)), "another screen is of the frozen time");
}

#[test]
fn a_lost_source_is_asked_again_and_comes_back() {
    let mut state = ready();
    tick(&mut state, Source::Lost, NOW + 2_000);
    assert!(matches!(state.health(), Health::Lost { since_ms, .. } if *since_ms == NOW + 2_000));
    tick(&mut state, Source::Lost, NOW + 4_000);
    assert!(matches!(state.health(), Health::Lost { since_ms, .. } if *since_ms == NOW + 2_000));
    tick(&mut state, Source::Full, NOW + 6_000);
    assert_eq!(*state.health(), Health::Good);
}

#[test]
fn a_refused_query_is_no_lost_source() {
    let mut state = new_state(false, ThemeName::Dark);
    let cmds = update(&mut state, Msg::Tick { now_ms: NOW });
    let Some(Cmd::Query { id, generation, .. }) = cmds.into_iter().find(|cmd| matches!(cmd, Cmd::Query { .. })) else {
        panic!("nothing asked")
    };
    let problem = Problem { message: "bad_data: parse error".into(), source_lost: false };
    update(&mut state, Msg::Answer { id, generation, result: Err(problem) });
    assert_eq!(*state.health(), Health::Good);
}

#[test]
fn the_palette_runs_commands_and_completes() {
    let mut state = ready();
    press(&mut state, Source::Full, ":slos\n");
    assert_eq!(state.screen(), Screen::Slos);
    press(&mut state, Source::Full, ":service order-service\n");
    assert!(frame(&state, 80, 24).lines().nth(1).unwrap().contains("order-service"));
    press(&mut state, Source::Full, ":range 6h\n");
    assert!(frame(&state, 80, 24).contains(" 6h "));
    press(&mut state, Source::Full, ":al\t");
    assert!(matches!(state.mode(), Mode::Palette(text) if text == "alerts"));
    press(&mut state, Source::Full, "\n:nonsense\n");
    assert!(frame(&state, 80, 24).contains("no command `nonsense`"));
}

#[test]
fn alerts_are_listed_by_urgency_and_open_their_runbook() {
    let mut state = ready();
    let cmds = send(&mut state, Source::Full, Msg::Key(Key::Char('4')));
    assert!(cmds.contains(&Cmd::Runbook { name: "ErrorBudgetBurn".into() }), "{cmds:?}");
    let text = frame(&state, 120, 40);
    let row = |name: &str| text.lines().position(|line| line.contains("order-service") && line.contains(name)).unwrap();
    assert!(row("ErrorBudgetBurn") < row("TargetDown") && row("TargetDown") < row("QueueGrows"), "{text}");
}

#[test]
fn pages_are_what_once_fails_for() {
    let mut state = ready();
    assert!(tui::once::page_fires(&state));
    let calm = vec![alert("A", "ticket", AlertState::Firing), alert("B", "page", AlertState::Pending)];
    let cmds = update(&mut state, Msg::Tick { now_ms: NOW + 2_000 });
    let generation = cmds.iter().find_map(|cmd| match cmd {
        Cmd::Alerts { generation } => Some(*generation),
        _ => None,
    });
    update(&mut state, Msg::Alerts { generation: generation.unwrap(), result: Ok(calm) });
    assert!(!tui::once::page_fires(&state));
}

#[test]
fn the_printed_overview_says_no_data_and_null() {
    let state = ready();
    let text = tui::once::text(&state);
    insta::assert_snapshot!("once", text);
    let json = tui::once::json(&state);
    let down = json["services"].as_array().unwrap().iter().find(|s| s["name"] == "notification-service").unwrap();
    assert!(down["error_ratio"].is_null() && down["error_budget_remaining"].is_null());
    assert_eq!(down["up"], 0.0);
    assert_eq!(json["alerts"][0]["name"], "ErrorBudgetBurn");
}

#[test]
fn leaving_and_suspending_work_while_typing() {
    let mut state = ready();
    press(&mut state, Source::Full, "/abc");
    assert_eq!(send(&mut state, Source::Full, Msg::Key(Key::Ctrl('z'))), [Cmd::Suspend]);
    assert!(matches!(state.mode(), Mode::Filter(_)));
    assert_eq!(update(&mut state, Msg::Key(Key::Ctrl('c'))), [Cmd::Quit]);
}

#[test]
fn only_changes_are_drawn() {
    let mut state = ready();
    assert!(state.take_dirty());
    assert!(!state.take_dirty());
    update(&mut state, Msg::Redraw);
    assert!(state.take_dirty());
}
