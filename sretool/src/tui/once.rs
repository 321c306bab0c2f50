//! `sretool tui --once`: the overview, printed.

use super::{Format, Options, fetch};
use crate::exit;
use crate::io::Io;
use std::process::ExitCode;
use tui::queries::{OVERVIEW, Shape};
use tui::{Cmd, Health, Msg, State};

pub(super) async fn run(options: &Options, format: Format, io: &mut Io<'_>) -> ExitCode {
    let now_ms = options.source.default_time_ms();
    let mut state = State::new(options.config(), options.theme, now_ms);
    let cmds = tui::update(&mut state, Msg::Tick { now_ms });
    let answers = cmds.into_iter().filter_map(|cmd| answer(options, cmd));
    for message in futures::future::join_all(answers).await {
        // What this answer makes the dashboard want next is for the next frame, which never comes.
        tui::update(&mut state, message);
    }
    if let Health::Lost { cause, .. } = state.health() {
        io.error(format_args!("{cause}; start the platform with `sretool up`, or name a server with --prometheus URL"));
        return exit::no_judgement();
    }
    let failed = OVERVIEW.iter().find(|id| state.value(**id).is_none());
    if let Some(id) = failed {
        io.note(format_args!("warning: no answer to the query of the {}", id.spec().meaning));
    }
    match format {
        Format::Text => io.line(tui::once::text(&state).trim_end()),
        Format::Json => io.line(tui::once::json(&state)),
    }
    if tui::once::page_fires(&state) { exit::failed() } else { exit::good() }
}

/// The answer to a command, as far as the printed overview needs it.
fn answer(options: &Options, cmd: Cmd) -> Option<impl Future<Output = Msg>> {
    let wanted = match &cmd {
        Cmd::Query { id, .. } => id.spec().shape == Shape::Instant,
        Cmd::Alerts { .. } => true,
        _ => false,
    };
    let source = &options.source;
    wanted.then_some(async move {
        match cmd {
            Cmd::Query { id, generation, expr, span } => {
                let result = fetch::query(source, &expr, span).await;
                Msg::Answer { id, generation, result: result.map(|a| a.value).map_err(fetch::problem) }
            }
            Cmd::Alerts { generation } => {
                Msg::Alerts { generation, result: fetch::alerts(source).await.map_err(fetch::problem) }
            }
            _ => Msg::Redraw,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Json, Router, routing};
    use serde_json::json;

    async fn serve(alerts: serde_json::Value) -> Options {
        let vector = json!({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"service": "order-service"}, "value": [1, "0.5"]}]}});
        let alerts = json!({"status": "success", "data": {"alerts": alerts}});
        let router = Router::new()
            .route("/api/v1/query", routing::post(move || async move { Json(vector) }))
            .route("/api/v1/alerts", routing::get(move || async move { Json(alerts) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Options::for_url(&url).unwrap()
    }

    async fn print(options: &Options, format: Format) -> (ExitCode, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, terminal: false };
        let status = run(options, format, &mut io).await;
        (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[tokio::test]
    async fn prints_the_overview_as_text_and_json() {
        let options = serve(json!([])).await;
        let (status, out, err) = print(&options, Format::Text).await;
        assert_eq!((status, err.as_str()), (exit::good(), ""));
        assert!(out.contains("order-service") && out.contains("500 ms") && out.contains("alerts: none"), "{out}");
        let (_, out, _) = print(&options, Format::Json).await;
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["services"][0]["p95_s"], 0.5);
        assert_eq!(json["alerts"], json!([]));
    }

    #[tokio::test]
    async fn a_firing_page_fails_and_a_ticket_does_not() {
        let alert = |severity| json!([{"labels": {"alertname": "A", "severity": severity}, "state": "firing"}]);
        assert_eq!(print(&serve(alert("page")).await, Format::Text).await.0, exit::failed());
        assert_eq!(print(&serve(alert("ticket")).await, Format::Text).await.0, exit::good());
    }

    #[tokio::test]
    async fn without_a_source_there_is_no_judgement() {
        let options = Options::for_url("http://127.0.0.1:1").unwrap();
        let (status, out, err) = print(&options, Format::Json).await;
        assert_eq!((status, out.as_str()), (exit::no_judgement(), ""));
        assert!(err.contains("127.0.0.1:1") && err.contains("sretool up"), "{err}");
    }
}
