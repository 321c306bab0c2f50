//! The program: exit statuses, messages, signals, the end of standard input.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program with system-chosen ports and quick hashes.
fn program(env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_user-service"));
    command
        .env_clear()
        .envs([("PORT", "0"), ("ADMIN_PORT", "0"), ("DRAIN_DELAY_MS", "0"), ("ARGON2_MEMORY_KIB", "8")])
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts the program and waits until it listens; returns it with the addresses of API and admin port.
fn start(env: &[(&str, &str)]) -> (Child, String, String) {
    let mut child = program(env).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines
        .by_ref()
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
        .find(|line| line["message"] == "listening")
        .expect("it says where it listens");
    // Keeps the pipe open: a closed one would fail the program's later log lines.
    std::thread::spawn(move || lines.count());
    let address = |key: &str| ready[key].as_str().unwrap().to_owned();
    (child, address("api"), address("admin"))
}

fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path}"), "")
}

fn ask(address: &str, line: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    let headers = format!("host: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}");
    write!(stream, "{line} HTTP/1.1\r\n{headers}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status_of(mut child: Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// Runs the program to its end and returns exit status and standard error.
fn run(env: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = program(env).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn send(signal: &str, child: &Child) {
    let kill = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

#[test]
fn one_signal_waits_for_a_running_request_and_a_second_one_does_not() {
    for (signals, status) in [(1, 0), (2, 70)] {
        let (child, api, admin) = start(&[]);
        let fault = r#"{"faults":[{"kind":"latency","route":"*","latency_ms":1500}]}"#;
        assert!(ask(&admin, "PUT /faults", fault).starts_with("HTTP/1.1 200"));
        let slow = std::thread::spawn(move || get(&api, "/.well-known/jwks.json"));
        std::thread::sleep(Duration::from_millis(300));
        for _ in 0..signals {
            send("TERM", &child);
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(status_of(child), Some(status), "after {signals} signals");
        let answered = slow.join().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"));
        assert_eq!(answered, signals == 1);
    }
}

#[test]
fn it_serves_and_a_signal_ends_it_with_status_0() {
    for signal in ["TERM", "INT"] {
        let (child, api, admin) = start(&[]);
        assert!(get(&admin, "/readyz").starts_with("HTTP/1.1 200"));
        assert!(get(&api, "/.well-known/jwks.json").contains("Ed25519"));
        assert!(get(&admin, "/metrics").contains(r#"service_info{service="user-service",version="#));
        send(signal, &child);
        assert_eq!(status_of(child), Some(0), "SIG{signal}");
    }
}

#[test]
fn the_end_of_standard_input_ends_it_only_when_asked() {
    let (mut child, _, _) = start(&[("EXIT_ON_STDIN_EOF", "1")]);
    child.stdin.as_mut().unwrap().write_all(b"ignored\n").unwrap();
    drop(child.stdin.take());
    assert_eq!(status_of(child), Some(0));
    let (mut child, api, _) = start(&[]);
    drop(child.stdin.take());
    std::thread::sleep(Duration::from_millis(200));
    assert!(get(&api, "/openapi.json").starts_with("HTTP/1.1 200"), "it still runs");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_wrong_environment_is_one_line_a_mistake_and_status_78() {
    let (status, stderr) = run(&[
        ("PORT", "http"),
        ("ADMIN_PASSWORD", "secret-password"),
        ("JWT_SIGNING_KEY", "bm9wZQ=="),
        ("DATABASE_URL", "postgres://sre:hunter2@db"),
    ]);
    assert_eq!(status, Some(78));
    let lines: Vec<_> = stderr.lines().collect();
    let expected = [
        "user-service: PORT: `http` is not a number of the right kind; \
         give a number from 0 to 65535, or unset it for 3001",
        "user-service: DATABASE_URL: names no database; \
         give sqlite:PATH, such as sqlite:data/users.db, or postgres://USER:PASSWORD@HOST/NAME",
        "user-service: ADMIN_EMAIL: is not set although ADMIN_PASSWORD is; set both or neither",
        "user-service: JWT_SIGNING_KEY: it is neither an Ed25519 private key in PKCS #8 PEM nor 32 bytes in base64; \
         make one with `openssl genpkey -algorithm ed25519`",
    ];
    assert_eq!(lines, expected);
    assert!(!stderr.contains("hunter2") && !stderr.contains("secret-password"));
}

#[test]
fn wrong_administrators_are_refused() {
    for (email, password, expected) in [
        ("nobody", "long enough", "ADMIN_EMAIL: `nobody` is no e-mail address"),
        ("a@example.com", "short", "ADMIN_PASSWORD: has 5 characters, 8 to 128 are allowed"),
        ("a@example.com", "", "ADMIN_PASSWORD: is not set although ADMIN_EMAIL is"),
    ] {
        let (status, stderr) = run(&[("ADMIN_EMAIL", email), ("ADMIN_PASSWORD", password)]);
        assert_eq!(status, Some(78));
        assert!(stderr.contains(expected) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn a_taken_port_is_one_line_and_status_78() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for key in ["PORT", "ADMIN_PORT"] {
        let (status, stderr) = run(&[(key, &port)]);
        assert_eq!(status, Some(78));
        assert!(
            stderr.starts_with(&format!("user-service: {key}: cannot listen on 127.0.0.1:{port}: the port is in use"))
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_one_line_and_status_78() {
    let (status, stderr) = run(&[("DATABASE_URL", "sqlite:/dev/null/users.db")]);
    assert_eq!(status, Some(78));
    assert!(stderr.starts_with("user-service: cannot open the database /dev/null/users.db"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}
