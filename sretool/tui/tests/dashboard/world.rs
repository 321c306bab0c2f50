//! A source that answers every query of the dashboard with synthetic data.

use promql::{Labels, MatrixSeries, Sample, Value, VectorSample};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tui::queries::QueryId as Q;
use tui::{Alert, AlertState, Cmd, Config, Key, Msg, Problem, Span, State, ThemeName, update, view};

pub const NOW: i64 = 1_764_000_000_000;
pub const SERVICES: [&str; 3] = ["user-service", "order-service", "notification-service"];

pub fn new_state(ascii: bool, theme: ThemeName) -> State {
    let config = Config { source: "http://127.0.0.1:9090".into(), ascii, ..Config::default() };
    State::new(config, theme, NOW)
}

fn vector(items: &[(&[(&str, &str)], f64)]) -> Value {
    let sample = |(labels, v): &(&[(&str, &str)], f64)| VectorSample::new(Labels::new(labels.iter().copied()), NOW, *v);
    Value::Vector(items.iter().map(sample).collect())
}

fn by_service(values: [f64; 3]) -> Value {
    let labels: Vec<[(&str, &str); 1]> = SERVICES.iter().map(|name| [("service", *name)]).collect();
    vector(&labels.iter().map(|l| &l[..]).zip(values).collect::<Vec<_>>())
}

fn by_label(name: &str, values: &[(&str, f64)]) -> Value {
    let labels: Vec<_> = values.iter().map(|(value, v)| ([(name, *value)], *v)).collect();
    vector(&labels.iter().map(|(l, v)| (&l[..], *v)).collect::<Vec<_>>())
}

fn by_slo(values: [f64; 4]) -> Value {
    let slos = ["availability", "latency", "order-pipeline", "freshness"];
    let services = ["user-service", "order-service", "order-service", "notification-service"];
    let ids: Vec<String> = services.iter().zip(slos).map(|(service, slo)| format!("{service}-{slo}")).collect();
    let labels: Vec<[(&str, &str); 3]> = (0..4)
        .map(|i| [("sloth_id", ids[i].as_str()), ("sloth_service", services[i]), ("sloth_slo", slos[i])])
        .collect();
    vector(&labels.iter().map(|l| &l[..]).zip(values).collect::<Vec<_>>())
}

fn by_route(values: [f64; 3]) -> Value {
    let routes: [&[(&str, &str)]; 3] = [
        &[("method", "POST"), ("route", "/v1/orders")],
        &[("method", "GET"), ("route", "/v1/orders/{id}")],
        &[("method", "GET"), ("route", "unmatched")],
    ];
    vector(&routes.into_iter().zip(values).collect::<Vec<_>>())
}

/// A smooth series with a spike near its end, different for each seed.
fn wave(span: Span, seed: f64, scale: f64) -> Vec<Sample> {
    let Span::Range { start, end, step } = span else { return Vec::new() };
    let value = |t: i64| {
        let minutes = t as f64 / 60_000.0;
        let spike = if (end - t) / step == 20 { 1.5 } else { 0.0 };
        (1.0 + 0.3 * (minutes / (1.0 + seed)).sin() + spike) * scale
    };
    (start..=end).step_by(step as usize).map(|t| Sample { t, v: value(t) }).collect()
}

fn matrix(name: &str, values: &[&str], span: Span, scale: f64) -> Value {
    let series = values.iter().enumerate().map(|(i, value)| {
        MatrixSeries::new(Labels::new([(name, *value)]), wave(span, i as f64, scale * (i + 1) as f64))
    });
    Value::Matrix(series.collect())
}

/// The answer to a query of the overview, if it is one.
fn overview(id: Q, span: Span) -> Option<Value> {
    Some(match id {
        Q::UpTargets => by_service([1.0, 1.0, 0.0]),
        Q::AllTargets => by_service([1.0; 3]),
        Q::Rate => by_service([120.4, 1_034.0, 0.0]),
        Q::ErrorRatio => by_service([0.0, 0.0132, f64::NAN]),
        Q::P50 => by_service([0.0043, 0.0121, f64::NAN]),
        Q::P95 => by_service([0.0182, 0.187, f64::NAN]),
        Q::P99 => by_service([0.0451, 1.204, f64::NAN]),
        Q::InFlight => by_service([3.0, 41.0, 0.0]),
        Q::Budget => by_service([0.973, 0.18, f64::NAN]),
        Q::Burn => by_service([0.4, 15.2, f64::NAN]),
        Q::RateByService => matrix("service", &SERVICES, span, 100.0),
        Q::P95ByService => matrix("service", &SERVICES, span, 0.02),
        Q::ErrorsByService => matrix("service", &SERVICES, span, 0.003),
        _ => return None,
    })
}

fn detail(id: Q, span: Span) -> Option<Value> {
    Some(match id {
        Q::ServiceRate => matrix("class", &["2xx", "4xx", "5xx"], span, 30.0),
        Q::ServiceErrors => matrix("service", &["order-service"], span, 0.004),
        Q::ServiceErrorBudget => vector(&[(&[], 0.005)]),
        Q::ServiceP50 => matrix("service", &["order-service"], span, 0.01),
        Q::ServiceP95 => matrix("service", &["order-service"], span, 0.09),
        Q::ServiceP99 => matrix("service", &["order-service"], span, 0.2),
        Q::ServiceInFlight => matrix("service", &["order-service"], span, 12.0),
        Q::RouteRate => by_route([300.0, 700.5, 0.0]),
        Q::RouteErrors => by_route([0.04, 0.0, f64::NAN]),
        Q::RouteP50 => by_route([0.02, 0.004, f64::NAN]),
        Q::RouteP95 => by_route([0.21, 0.011, f64::NAN]),
        Q::RouteP99 => by_route([0.9, 0.03, f64::NAN]),
        Q::SloObjective => by_slo([0.999, 0.99, 0.995, 0.95]),
        Q::SloPeriodDays => by_slo([28.0; 4]),
        Q::SloSli => by_slo([0.999_97, 0.982, 0.994_9, f64::NAN]),
        Q::SloBudget => by_slo([0.973, -0.8, 0.18, f64::NAN]),
        Q::SloBurn1h => by_slo([0.4, 20.1, 7.5, f64::NAN]),
        Q::SloBurn6h => by_slo([0.2, 8.0, 3.5, f64::NAN]),
        Q::SloExhaustion => by_slo([5_884_704.0, 0.0, 58_060.0, f64::NAN]),
        Q::SloBudgetOverTime => matrix("sloth_id", &["x"], span, 0.4),
        Q::SloBurnOverTime => matrix("sloth_id", &["x"], span, 5.0),
        _ => return None,
    })
}

fn load(id: Q, span: Span) -> Value {
    let quantiles = ["0.5", "0.9", "0.95", "0.99", "1"];
    match id {
        Q::LoadRunning => by_label("run", &[("a1", 0.0), ("b2", 1.0)]),
        Q::LoadStarted => by_label("run", &[("a1", (NOW / 1000 - 900) as f64), ("b2", (NOW / 1000 - 18) as f64)]),
        Q::LoadElapsed => by_label("run", &[("b2", 18.0)]),
        Q::LoadDuration => by_label("run", &[("b2", 30.0)]),
        Q::LoadTarget => by_label("run", &[("b2", 1_000.0)]),
        Q::LoadRequests => by_label("outcome", &[("ok", 17_950.0), ("failed", 12.0), ("timed_out", 0.0)]),
        Q::LoadInFlight => by_label("run", &[("b2", 9.0)]),
        Q::LoadPercentiles => {
            by_label("quantile", &[("0.5", 0.004), ("0.9", 0.02), ("0.95", 0.041), ("0.99", 0.2), ("1", 0.61)])
        }
        Q::LoadLag => by_label("quantile", &[("0.5", 0.0001), ("0.99", 0.0021)]),
        Q::LoadThresholdOk => by_label("expr", &[("p95<200ms", 1.0), ("errors<0.05%", 0.0)]),
        Q::LoadThresholdObserved => by_label("expr", &[("p95<200ms", 0.041), ("errors<0.05%", 0.000_67)]),
        Q::LoadTargetOverTime => matrix("run", &["b2"], span, 700.0),
        Q::LoadRateOverTime => matrix("run", &["b2"], span, 690.0),
        Q::LoadErrorsOverTime => matrix("outcome", &["failed", "timed_out"], span, 2.0),
        Q::LoadPercentilesOverTime => matrix("quantile", &quantiles, span, 0.02),
        _ => matrix("quantile", &["0.99"], span, 0.001),
    }
}

pub fn answer(id: Q, span: Span) -> Value {
    overview(id, span).or_else(|| detail(id, span)).unwrap_or_else(|| load(id, span))
}

/// An empty answer of the right type.
pub fn nothing(span: Span) -> Value {
    match span {
        Span::At(_) => Value::Vector(Vec::new()),
        Span::Range { .. } => Value::Matrix(Vec::new()),
    }
}

pub fn alert(name: &str, severity: &str, state: AlertState) -> Alert {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Alert {
        labels: map(&[("alertname", name), ("severity", severity), ("service", "order-service")]),
        annotations: map(&[
            ("summary", "order-service burns its availability budget 15 times too fast"),
            ("runbook_url", "alerts/runbooks/ErrorBudgetBurn.md"),
        ]),
        state,
        active_at_ms: Some(NOW - 185_000),
        value: "1.52e+01".into(),
    }
}

pub fn alerts() -> Vec<Alert> {
    vec![
        alert("TargetDown", "ticket", AlertState::Firing),
        alert("ErrorBudgetBurn", "page", AlertState::Firing),
        alert("QueueGrows", "ticket", AlertState::Pending),
    ]
}

pub const RUNBOOK: &str = "# ErrorBudgetBurn\n\nUsers see errors.\n\n## First steps\n\n1. Run `sretool slo report`.\n";

/// How the source behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    Full,
    Empty,
    Refusing,
    Lost,
    Silent,
}

fn reply(source: Source, cmd: Cmd) -> Option<Msg> {
    let problem = |lost| Problem {
        message: if lost {
            "http://127.0.0.1:9090 does not answer: Connection refused"
        } else {
            "execution: too many samples"
        }
        .to_owned(),
        source_lost: lost,
    };
    let failure = match source {
        Source::Silent => return None,
        Source::Refusing => Some(problem(false)),
        Source::Lost => Some(problem(true)),
        Source::Full | Source::Empty => None,
    };
    Some(match (cmd, failure) {
        (Cmd::Query { id, generation, .. }, Some(failure)) => Msg::Answer { id, generation, result: Err(failure) },
        (Cmd::Query { id, generation, span, .. }, None) => {
            let value = if source == Source::Empty { nothing(span) } else { answer(id, span) };
            Msg::Answer { id, generation, result: Ok(value) }
        }
        (Cmd::Alerts { generation }, Some(failure)) => Msg::Alerts { generation, result: Err(failure) },
        (Cmd::Alerts { generation }, None) => {
            let alerts = if source == Source::Empty { Vec::new() } else { alerts() };
            Msg::Alerts { generation, result: Ok(alerts) }
        }
        (Cmd::Server, None) => Msg::Server("sretool 0.1.0".into()),
        (Cmd::Runbook { name }, _) => Msg::Runbook { name, result: Ok(RUNBOOK.to_owned()) },
        _ => return None,
    })
}

/// Sends a message and answers every command until nothing is asked any more; returns all commands.
pub fn send(state: &mut State, source: Source, msg: Msg) -> Vec<Cmd> {
    let mut all = Vec::new();
    let mut waiting = update(state, msg);
    while let Some(cmd) = waiting.pop() {
        all.push(cmd.clone());
        if let Some(msg) = reply(source, cmd) {
            waiting.extend(update(state, msg));
        }
    }
    all
}

pub fn tick(state: &mut State, source: Source, now_ms: i64) -> Vec<Cmd> {
    send(state, source, Msg::Tick { now_ms })
}

pub fn press(state: &mut State, source: Source, keys: &str) {
    for c in keys.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '\t' => Key::Tab,
            '\u{1b}' => Key::Esc,
            c => Key::Char(c),
        };
        send(state, source, Msg::Key(key));
    }
}

pub fn ready() -> State {
    let mut state = new_state(false, ThemeName::Dark);
    tick(&mut state, Source::Full, NOW);
    state
}

/// The characters of a frame, without trailing blanks.
pub fn frame(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}
