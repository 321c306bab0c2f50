//! Configuration: defaults, and one line for every mistake.

use secrecy::ExposeSecret as _;
use service_common::config::DatabaseUrl;
use service_common::{Env, Reader, Settings, Spec};
use std::path::PathBuf;
use std::time::Duration;

const SPEC: Spec = Spec { name: "user-service", version: "0", port: 3001, admin_port: 9001 };

fn read(env: &dyn Env) -> (Settings, Vec<String>) {
    let mut reader = Reader::new(env);
    let settings = Settings::read(&mut reader, &SPEC);
    let errors = reader.finish().err().map(|errors| errors.to_string()).unwrap_or_default();
    (settings, errors.lines().map(str::to_owned).collect())
}

/// The one mistake of a configuration with one key.
#[track_caller]
fn check(key: &str, value: &str, expected: &str) {
    let (_, errors) = read(&[(key, value)]);
    assert_eq!(errors, [expected], "{key}={value}");
}

#[test]
fn nothing_needs_to_be_set() {
    let (settings, errors) = read(&[("UNRELATED", "x")]);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!((settings.port, settings.admin_port, settings.host.as_str()), (3001, 9001, "127.0.0.1"));
    assert_eq!(settings.database, DatabaseUrl::Memory);
    assert_eq!(settings.otlp_endpoint, None);
    assert!((settings.sample_ratio - 0.1).abs() < f64::EPSILON);
    assert!(!settings.exit_on_stdin_eof);
    assert_eq!(settings.request_timeout, Duration::from_secs(10));
}

#[test]
fn every_key_is_read() {
    let (settings, errors) = read(&[
        ("HOST", "0.0.0.0"),
        ("PORT", "0"),
        ("ADMIN_PORT", "65535"),
        ("DATABASE_URL", "sqlite://data/users.db?mode=rwc"),
        ("SERVICE_TOKEN", " 0123456789abcdef "),
        ("USER_SERVICE_URL", "http://users:3001/"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"),
        ("OTEL_TRACES_SAMPLER_ARG", "1"),
        ("EXIT_ON_STDIN_EOF", "1"),
        ("DRAIN_DELAY_MS", "0"),
    ]);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!((settings.port, settings.admin_port, settings.host.as_str()), (0, 65_535, "0.0.0.0"));
    assert_eq!(settings.database, DatabaseUrl::File(PathBuf::from("data/users.db")));
    assert_eq!(settings.service_token.unwrap().expose_secret(), "0123456789abcdef");
    assert_eq!(settings.user_service_url, "http://users:3001");
    assert_eq!(settings.drain_delay, Duration::ZERO);
    assert!(settings.exit_on_stdin_eof);
}

#[test]
fn a_mistake_names_key_problem_and_remedy() {
    check(
        "PORT",
        "http",
        "PORT: `http` is not a number of the right kind; give a number from 0 to 65535, or unset it for 3001",
    );
    check(
        "PORT",
        "70000",
        "PORT: `70000` is not a number of the right kind; give a number from 0 to 65535, or unset it for 3001",
    );
    check("OTEL_TRACES_SAMPLER_ARG", "2", "OTEL_TRACES_SAMPLER_ARG: `2` is out of range; give a number from 0 to 1");
    check("HOST", "localhost", "HOST: `localhost` is not an IP address; give one such as 127.0.0.1 or 0.0.0.0");
    check("EXIT_ON_STDIN_EOF", "yes", "EXIT_ON_STDIN_EOF: `yes` is not a switch; give 1 or 0");
    check(
        "USER_SERVICE_URL",
        "ftp://x",
        "USER_SERVICE_URL: `ftp://x` has the scheme `ftp`; give a URL such as http://127.0.0.1:3001",
    );
    check(
        "DATABASE_URL",
        "users.db",
        "DATABASE_URL: has no scheme; give sqlite:PATH, such as sqlite:data/users.db, or postgres://USER:PASSWORD@HOST/NAME",
    );
    check(
        "DATABASE_URL",
        "mysql://x",
        "DATABASE_URL: the scheme `mysql` is not supported; give sqlite:PATH, such as sqlite:data/users.db, or postgres://USER:PASSWORD@HOST/NAME",
    );
    check(
        "DATABASE_URL",
        "sqlite:",
        "DATABASE_URL: names no file; give sqlite:PATH, such as sqlite:data/users.db, or postgres://USER:PASSWORD@HOST/NAME",
    );
    let (_, errors) = read(&[("RUST_LOG", "a=b=c")]);
    assert!(errors[0].starts_with("RUST_LOG: `a=b=c`: ") && errors[0].ends_with("user_service=debug"), "{errors:?}");
}

#[test]
fn passwords_and_tokens_are_never_repeated() {
    check(
        "DATABASE_URL",
        "postgres://sre:hunter2@db",
        "DATABASE_URL: names no database; \
         give sqlite:PATH, such as sqlite:data/users.db, or postgres://USER:PASSWORD@HOST/NAME",
    );
    let (settings, errors) = read(&[("DATABASE_URL", "postgres://sre:hunter2@db/users")]);
    assert!(errors.is_empty(), "{errors:?}");
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(settings.database.to_string(), "db:5432/users");
    check("SERVICE_TOKEN", "hunter2", "SERVICE_TOKEN: has 7 characters; give at least 16");
    let (settings, _) = read(&[("SERVICE_TOKEN", "0123456789abcdef")]);
    assert!(!format!("{settings:?}").contains("0123456789abcdef"));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let (_, errors) = read(&[("PORT", "x"), ("ADMIN_PORT", "y"), ("MAX_IN_FLIGHT", "0"), ("USER_SERVICE_URL", "::")]);
    assert_eq!(errors.len(), 4, "{errors:?}");
}
