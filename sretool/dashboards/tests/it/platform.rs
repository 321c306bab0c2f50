//! An hour of a platform in a store: every metric that the services, the rules and the load generator expose.

use promql::Labels;
use tsdb::{Store, StoreOptions};

/// End of the hour, milliseconds since the Unix epoch.
pub(crate) const NOW: i64 = 1_700_000_000_000;
const STEP: i64 = 15_000;
const STEPS: i64 = 240;

/// Requests a second to each route of each service.
pub(crate) const RATE: f64 = 20.0;
/// Share of them that fail.
pub(crate) const ERRORS: f64 = 0.05;
/// Error budget of the availability objective.
pub(crate) const BUDGET: f64 = 0.001;

pub(crate) const SERVICES: [&str; 3] = ["user-service", "order-service", "notification-service"];

struct Writer(Store);

impl Writer {
    /// A value at every step.
    fn series(&self, name: &str, labels: &[(&str, &str)], value: impl Fn(f64) -> f64) {
        let labels = Labels::new(labels.iter().copied().chain([("__name__", name)]));
        for step in 0..=STEPS {
            let seconds = (step * STEP / 1_000) as f64;
            self.0.append(&labels, NOW - (STEPS - step) * STEP, value(seconds)).unwrap();
        }
    }

    fn gauge(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.series(name, labels, |_| value);
    }

    /// A counter that grows by so much a second.
    fn counter(&self, name: &str, labels: &[(&str, &str)], rate: f64) {
        self.series(name, labels, |seconds| rate * seconds);
    }

    /// A histogram: cumulative shares of the events up to each bound.
    fn histogram(&self, name: &str, labels: &[(&str, &str)], rate: f64, shares: &[(&str, f64)]) {
        for (le, share) in shares {
            let labels: Vec<_> = labels.iter().copied().chain([("le", *le)]).collect();
            self.counter(&format!("{name}_bucket"), &labels, rate * share);
        }
        self.counter(&format!("{name}_count"), labels, rate);
        self.counter(&format!("{name}_sum"), labels, rate * 0.1);
    }
}

/// The platform at [`NOW`].
pub(crate) fn platform() -> Store {
    let options = StoreOptions { retention_ms: i64::MAX, max_series: 10_000, out_of_order_ms: 0 };
    let writer = Writer(Store::new(options));
    SERVICES.iter().for_each(|service| self::service(&writer, service));
    orders(&writer);
    notifications(&writer);
    objectives(&writer);
    load_test(&writer);
    writer.0
}

fn service(w: &Writer, name: &str) {
    let service = ("service", name);
    w.gauge("up", &[("job", name)], 1.0);
    w.gauge("service_info", &[service, ("version", "0.1.0")], 1.0);
    for route in ["/v1/a", "/v1/b"] {
        let at = [service, ("method", "GET"), ("route", route)];
        for (status, share) in [("200", 1.0 - ERRORS), ("500", ERRORS), ("503", 0.0)] {
            w.counter("http_requests_total", &[at.as_slice(), &[("status", status)]].concat(), RATE * share);
        }
        let shares = [("0.1", 0.5), ("0.2", 0.9), ("0.5", 0.99), ("1.0", 1.0), ("+Inf", 1.0)];
        w.histogram("http_request_duration_seconds", &at, RATE, &shares);
    }
    w.gauge("http_requests_in_flight", &[service], 3.0);
    w.gauge("db_pool_connections", &[service, ("state", "used")], 4.0);
    w.gauge("db_pool_connections", &[service, ("state", "idle")], 6.0);
    w.gauge("db_pool_max_connections", &[service], 16.0);
    w.counter("process_cpu_seconds_total", &[service], 0.25);
    w.gauge("process_resident_memory_bytes", &[service], 64e6);
    w.gauge("process_open_fds", &[service], 50.0);
    w.gauge("process_max_fds", &[service], 1_000.0);
    w.gauge("process_start_time_seconds", &[service], (NOW / 1_000 - 3_600) as f64);
    w.gauge("tokio_workers", &[service], 2.0);
    w.gauge("tokio_alive_tasks", &[service], 12.0);
    w.gauge("tokio_global_queue_depth", &[service], 0.0);
}

fn orders(w: &Writer) {
    let service = ("service", "order-service");
    for (status, rate) in [("pending", 2.0), ("confirmed", 1.5), ("rejected", 0.1)] {
        w.counter("orders_total", &[service, ("status", status)], rate);
    }
    for (outcome, rate) in [("success", 1.98), ("failure", 0.02)] {
        w.counter("order_pipeline_total", &[service, ("outcome", outcome)], rate);
    }
    for (outcome, rate) in [("captured", 1.8), ("declined", 0.2), ("error", 0.0)] {
        w.counter("payments_total", &[service, ("outcome", outcome)], rate);
    }
    w.counter("order_value_minor_total", &[service], 100.0);
    w.gauge("inventory_on_hand", &[service, ("sku", "A")], 10.0);
    w.gauge("inventory_reserved", &[service, ("sku", "A")], 4.0);
    w.gauge("outbox_pending", &[service], 2.0);
    w.gauge("outbox_oldest_seconds", &[service], 1.5);
    w.counter("logins_total", &[("service", "user-service"), ("outcome", "success")], 1.0);
    w.counter("users_registered_total", &[("service", "user-service")], 0.5);
}

fn notifications(w: &Writer) {
    let service = ("service", "notification-service");
    for (status, rate) in [("accepted", 2.0), ("delivered", 1.9), ("failed", 0.1)] {
        w.counter("notifications_total", &[service, ("channel", "email"), ("status", status)], rate);
    }
    let shares = [("1.0", 0.5), ("5.0", 0.9), ("30.0", 0.98), ("60.0", 1.0), ("+Inf", 1.0)];
    w.histogram("notification_delivery_seconds", &[service, ("channel", "email")], 1.9, &shares);
    w.gauge("notification_queue_depth", &[service], 7.0);
    w.gauge("notification_queue_oldest_seconds", &[service], 12.0);
}

/// The availability objective of one service: 99.9 % over 30 days, a quarter of the budget spent, burning twice as
/// fast as it may.
fn objectives(w: &Writer) {
    let id =
        [("sloth_id", "order-service-availability"), ("sloth_service", "order-service"), ("sloth_slo", "availability")];
    w.gauge("sloth_slo_info", &id, 1.0);
    w.gauge("slo:objective:ratio", &id, 1.0 - BUDGET);
    w.gauge("slo:error_budget:ratio", &id, BUDGET);
    w.gauge("slo:time_period:days", &id, 30.0);
    w.gauge("slo:current_burn_rate:ratio", &id, 2.0);
    w.gauge("slo:period_burn_rate:ratio", &id, 0.25);
    w.gauge("slo:period_error_budget_remaining:ratio", &id, 0.75);
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"] {
        let labels = [id.as_slice(), &[("sloth_window", window)]].concat();
        w.gauge(&format!("slo:sli_error:ratio_rate{window}"), &labels, 2.0 * BUDGET);
    }
    let alert = [
        ("alertname", "AvailabilityBudgetBurn"),
        ("alertstate", "firing"),
        ("severity", "page"),
        ("sloth_service", "order-service"),
    ];
    w.gauge("ALERTS", &alert, 1.0);
}

fn load_test(w: &Writer) {
    let run = ("run", "r1");
    for (name, value) in [
        ("sretool_load_running", 1.0),
        ("sretool_load_target_rps", 1_000.0),
        ("sretool_load_in_flight", 9.0),
        ("sretool_load_elapsed_seconds", 15.0),
        ("sretool_load_duration_seconds", 60.0),
    ] {
        w.gauge(name, &[run], value);
    }
    for (outcome, rate) in [("ok", 990.0), ("failed", 8.0), ("timed_out", 2.0)] {
        w.counter("sretool_load_requests_total", &[run, ("outcome", outcome)], rate);
    }
    for quantile in ["0.5", "0.95", "1"] {
        w.gauge("sretool_load_response_seconds", &[run, ("quantile", quantile)], 0.1);
        w.gauge("sretool_load_lag_seconds", &[run, ("quantile", quantile)], 0.001);
    }
    for (expr, ok) in [("p95<200ms", 1.0), ("p99<300ms", 0.0)] {
        w.gauge("sretool_load_threshold_ok", &[run, ("expr", expr)], ok);
        w.gauge("sretool_load_threshold_observed", &[run, ("expr", expr)], 250.0);
    }
}
