//! The keys that every service reads.

use super::{DatabaseUrl, Reader, database};
use crate::service::Spec;
use secrecy::SecretString;
use std::time::Duration;

/// What every service is configured with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST`: address to listen on, default 127.0.0.1.
    pub host: String,
    /// `PORT`: API port; 0 lets the system choose.
    pub port: u16,
    /// `ADMIN_PORT`: port of metrics, health and faults; 0 lets the system choose.
    pub admin_port: u16,
    /// `DATABASE_URL`: `sqlite:PATH`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST/NAME`, default in memory; and
    /// `DATABASE_CONNECTIONS`: most connections to PostgreSQL, default 10.
    pub database: DatabaseUrl,
    /// `REDIS_URL`: a cache that replicas share, such as `redis://127.0.0.1:6379`; without it each has its own.
    pub redis_url: Option<SecretString>,
    /// `AMQP_URL`: a RabbitMQ that carries events, such as `amqp://127.0.0.1:5672`; without it HTTP does.
    pub amqp_url: Option<SecretString>,
    /// `SERVICE_TOKEN`: shared secret by which another service authenticates itself.
    pub service_token: Option<SecretString>,
    /// `USER_SERVICE_URL`: where the keys of access tokens are published, default http://127.0.0.1:3001.
    pub user_service_url: String,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: collector that receives spans over gRPC; no spans leave without it.
    pub otlp_endpoint: Option<String>,
    /// `OTEL_TRACES_SAMPLER_ARG`: share of new traces to sample, 0 to 1, default 0.1.
    pub sample_ratio: f64,
    /// `RUST_LOG`: log filter, default `info`.
    pub log_filter: String,
    /// `REQUEST_TIMEOUT_MS`: longest time a handler may take, default 10 s.
    pub request_timeout: Duration,
    /// `MAX_IN_FLIGHT`: requests handled at once before load is shed, default 512.
    pub max_in_flight: usize,
    /// `MAX_BODY_BYTES`: largest request body, default 64 KiB.
    pub max_body_bytes: usize,
    /// `DRAIN_DELAY_MS`: time between "not ready" and refusing connections, default 200 ms.
    pub drain_delay: Duration,
    /// `DRAIN_DEADLINE_MS`: longest wait for running requests and tasks, default 10 s.
    pub drain_deadline: Duration,
    /// `EXIT_ON_STDIN_EOF`: stop when standard input ends, which is how a supervisor's death is noticed.
    pub exit_on_stdin_eof: bool,
}

impl Settings {
    /// Reads the common keys.
    #[must_use]
    pub fn read(reader: &mut Reader<'_>, spec: &Spec) -> Self {
        Self {
            host: host(reader),
            port: reader.number("PORT", spec.port, 0..=u16::MAX),
            admin_port: reader.number("ADMIN_PORT", spec.admin_port, 0..=u16::MAX),
            database: database::read(reader),
            redis_url: reader.secret_url("REDIS_URL", &["redis"]),
            amqp_url: reader.secret_url("AMQP_URL", &["amqp", "amqps"]),
            service_token: reader.secret_of("SERVICE_TOKEN", 16),
            user_service_url: reader.http_url("USER_SERVICE_URL").unwrap_or_else(|| "http://127.0.0.1:3001".to_owned()),
            otlp_endpoint: reader.http_url("OTEL_EXPORTER_OTLP_ENDPOINT"),
            sample_ratio: reader.number("OTEL_TRACES_SAMPLER_ARG", 0.1, 0.0..=1.0),
            log_filter: log_filter(reader),
            request_timeout: millis(reader, "REQUEST_TIMEOUT_MS", 10_000, 1..=600_000),
            max_in_flight: reader.number("MAX_IN_FLIGHT", 512, 1..=1_000_000),
            max_body_bytes: reader.number("MAX_BODY_BYTES", 65_536, 1_024..=67_108_864),
            drain_delay: millis(reader, "DRAIN_DELAY_MS", 200, 0..=60_000),
            drain_deadline: millis(reader, "DRAIN_DEADLINE_MS", 10_000, 0..=600_000),
            exit_on_stdin_eof: reader.flag("EXIT_ON_STDIN_EOF", false),
        }
    }

    /// Settings of a test: a system-chosen port, no exporter, no delay, a temporary database.
    #[must_use]
    pub fn for_test() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            admin_port: 0,
            database: DatabaseUrl::Memory,
            redis_url: None,
            amqp_url: None,
            service_token: Some(SecretString::from("test-service-token".to_owned())),
            user_service_url: "http://127.0.0.1:9".to_owned(),
            otlp_endpoint: None,
            sample_ratio: 0.0,
            log_filter: "off".to_owned(),
            request_timeout: Duration::from_secs(10),
            max_in_flight: 512,
            max_body_bytes: 65_536,
            drain_delay: Duration::ZERO,
            drain_deadline: Duration::from_secs(5),
            exit_on_stdin_eof: false,
        }
    }
}

fn millis(reader: &mut Reader<'_>, key: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Duration {
    Duration::from_millis(reader.number(key, default, range))
}

fn host(reader: &mut Reader<'_>) -> String {
    let value = reader.text_or("HOST", "127.0.0.1");
    if value.parse::<std::net::IpAddr>().is_err() {
        reader.reject("HOST", format!("`{value}` is not an IP address"), "give one such as 127.0.0.1 or 0.0.0.0");
    }
    value
}

fn log_filter(reader: &mut Reader<'_>) -> String {
    let value = reader.text_or("RUST_LOG", "info");
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&value) {
        reader.reject("RUST_LOG", format!("`{value}`: {error}"), "give a filter such as info or user_service=debug");
    }
    value
}
