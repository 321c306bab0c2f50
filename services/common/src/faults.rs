//! Faults on demand: a drill or a test makes a service fail or slow down, for some routes, some requests, some time.

mod effects;

use crate::problem::{FieldError, Problem};
use axum::http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

pub(crate) use effects::Effects;

/// Fault kind: the process leaks memory, 5 MiB a second at a ratio of 1, until the fault ends.
pub const MEMORY_LEAK: &str = "memory_leak";
/// Fault kind: one processor is kept busy for this share of the time.
pub const CPU_BURN: &str = "cpu_burn";
/// Fault kind: all database connections are taken.
pub const POOL_EXHAUSTION: &str = "pool_exhaustion";
/// Fault kind: calls to other services wait for `latency_ms` first.
pub const SLOW_DEPENDENCY: &str = "slow_dependency";
/// Fault kind: the cache does not answer.
pub const CACHE_DOWN: &str = "cache_down";
/// Fault kind: what waits in a queue stays there.
pub const QUEUE_STALL: &str = "queue_stall";
/// Fault kind: the clock is ahead by `latency_ms`.
pub const CLOCK_SKEW: &str = "clock_skew";
/// The kinds that every service knows.
const COMMON_KINDS: [&str; 9] =
    ["error", "latency", MEMORY_LEAK, CPU_BURN, POOL_EXHAUSTION, SLOW_DEPENDENCY, CACHE_DOWN, QUEUE_STALL, CLOCK_SKEW];
/// Those that say nothing without `latency_ms`.
const WITH_LATENCY: [&str; 3] = ["latency", SLOW_DEPENDENCY, CLOCK_SKEW];
/// The route that stands for all of them.
const ANY_ROUTE: &str = "*";
/// Longest lifetime of a fault: a forgotten drill must not outlive the day.
const MAX_TTL_S: u64 = 86_400;
/// Longest delay that a fault may add.
const MAX_LATENCY_MS: u64 = 60_000;

/// One fault, as in the body of `PUT /faults`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `error` (answer 500), `latency` (wait first) or a kind of the service's own.
    pub kind: String,
    /// Route pattern such as `/v1/orders/{id}`, or `*` for every route.
    #[serde(default = "any_route")]
    pub route: String,
    /// Share of the requests concerned, more than 0 and at most 1.
    #[serde(default = "always")]
    pub ratio: f64,
    /// Delay in milliseconds, for `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Seconds until it ends by itself.
    #[serde(default = "one_minute")]
    pub ttl_s: u64,
}

/// The body of `GET /faults` and `PUT /faults`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultList {
    /// The faults; `PUT` replaces all earlier ones.
    pub faults: Vec<Fault>,
}

fn any_route() -> String {
    ANY_ROUTE.to_owned()
}

fn always() -> f64 {
    1.0
}

fn one_minute() -> u64 {
    60
}

/// What is to be done to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// Wait this long first.
    pub delay: Duration,
    /// Then fail instead of calling the handler.
    pub fail: bool,
}

/// The faults of a service.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kinds: Vec<&'static str>,
    active: RwLock<Vec<(Fault, Instant)>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self::with_kinds(&[])
    }
}

impl Faults {
    /// No faults yet; the service also knows the kinds given, and asks for them with [`Faults::strikes`].
    #[must_use]
    pub fn with_kinds(own: &[&'static str]) -> Self {
        let kinds = COMMON_KINDS.iter().chain(own).copied().collect();
        Self(Arc::new(Inner { kinds, active: RwLock::default() }))
    }

    /// Replaces all faults. The route must be `*` or one of `routes`, when those are known.
    ///
    /// # Errors
    /// A 400 problem that names each wrong field; the earlier faults then stay.
    pub fn replace(&self, faults: Vec<Fault>, routes: &[String], now: Instant) -> Result<(), Problem> {
        let mut errors = Vec::new();
        for (index, fault) in faults.iter().enumerate() {
            self.validate(fault, index, routes, &mut errors);
        }
        if !errors.is_empty() {
            let mut problem = Problem::invalid(errors);
            problem.set_status(StatusCode::BAD_REQUEST);
            return Err(problem);
        }
        let active = faults.into_iter().map(|fault| {
            let end = now + Duration::from_secs(fault.ttl_s);
            (fault, end)
        });
        *self.0.active.write().unwrap_or_else(PoisonError::into_inner) = active.collect();
        Ok(())
    }

    fn validate(&self, fault: &Fault, index: usize, routes: &[String], errors: &mut Vec<FieldError>) {
        let mut refuse = |field: &str, message: String| {
            errors.push(FieldError { field: format!("faults[{index}].{field}"), message });
        };
        if !self.0.kinds.contains(&fault.kind.as_str()) {
            let known = self.0.kinds.join(", ");
            refuse("kind", format!("`{}` is unknown; this service knows {known}", fault.kind));
        }
        if fault.route != ANY_ROUTE && !routes.is_empty() && !routes.contains(&fault.route) {
            refuse("route", format!("`{}` is not a route; give * or one of {}", fault.route, routes.join(", ")));
        }
        if !(fault.ratio > 0.0 && fault.ratio <= 1.0) {
            refuse("ratio", format!("{} is not above 0 and at most 1", fault.ratio));
        }
        if !(1..=MAX_TTL_S).contains(&fault.ttl_s) {
            refuse("ttl_s", format!("{} is not from 1 to {MAX_TTL_S}", fault.ttl_s));
        }
        match (fault.kind.as_str(), fault.latency_ms) {
            (kind, None) if WITH_LATENCY.contains(&kind) => {
                refuse("latency_ms", format!("is required for {kind}"));
            }
            (_, Some(ms)) if !(1..=MAX_LATENCY_MS).contains(&ms) => {
                refuse("latency_ms", format!("{ms} is not from 1 to {MAX_LATENCY_MS}"));
            }
            _ => {}
        }
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.0.active.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The faults that have not ended at `now`, each with the seconds it has left.
    #[must_use]
    pub fn list(&self, now: Instant) -> FaultList {
        let active = self.0.active.read().unwrap_or_else(PoisonError::into_inner);
        let faults = active.iter().filter(|(_, end)| *end > now).map(|(fault, end)| {
            let left = end.duration_since(now).as_secs_f64().ceil();
            // A lifetime is at most a day, so that the conversion is exact.
            Fault { ttl_s: left as u64, ..fault.clone() }
        });
        FaultList { faults: faults.collect() }
    }

    /// What to do to a request of `route`; `draw` gives a new number from 0 to below 1 for each fault concerned.
    #[must_use]
    pub fn effect(&self, route: &str, now: Instant, mut draw: impl FnMut() -> f64) -> Effect {
        let mut effect = Effect::default();
        let active = self.0.active.read().unwrap_or_else(PoisonError::into_inner);
        for (fault, _) in active.iter().filter(|(fault, end)| *end > now && fault.concerns(route)) {
            match fault.kind.as_str() {
                "error" if draw() < fault.ratio => effect.fail = true,
                "latency" if draw() < fault.ratio => {
                    effect.delay += Duration::from_millis(fault.latency_ms.unwrap_or_default());
                }
                _ => {}
            }
        }
        effect
    }

    /// Whether a fault of the service's own kind strikes now, and how many milliseconds it names, if any.
    #[must_use]
    pub fn strikes(&self, kind: &str, route: &str) -> Option<Fault> {
        let active = self.0.active.read().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        active
            .iter()
            .filter(|(fault, end)| *end > now && fault.kind == kind && fault.concerns(route))
            .find(|(fault, _)| rand::random::<f64>() < fault.ratio)
            .map(|(fault, _)| fault.clone())
    }

    /// The fault of a kind that is in force for a route, whatever its ratio.
    #[must_use]
    pub fn active(&self, kind: &str, route: &str) -> Option<Fault> {
        let active = self.0.active.read().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let found = active.iter().find(|(fault, end)| *end > now && fault.kind == kind && fault.concerns(route));
        found.map(|(fault, _)| fault.clone())
    }

    /// The metrics `fault_active{kind,route}`, 1 for every fault that has not ended.
    #[must_use]
    pub fn collector(&self) -> Box<dyn Collector> {
        Box::new(FaultCollector(self.clone()))
    }
}

impl Fault {
    fn concerns(&self, route: &str) -> bool {
        self.route == ANY_ROUTE || self.route == route
    }
}

#[derive(Debug)]
struct FaultCollector(Faults);

impl Collector for FaultCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        // Every kind exists at 0 for `*`, so that "no fault" and "no data" can be told apart.
        let mut active: BTreeMap<(String, String), i64> =
            self.0.0.kinds.iter().map(|kind| (((*kind).to_owned(), ANY_ROUTE.to_owned()), 0)).collect();
        for fault in self.0.list(Instant::now()).faults {
            active.insert((fault.kind, fault.route), 1);
        }
        let help = "1 while a fault of this kind is injected into this route";
        let mut family = encoder.encode_descriptor("fault_active", help, None, MetricType::Gauge)?;
        for ((kind, route), value) in &active {
            let labels = [("kind", kind.as_str()), ("route", route.as_str())];
            ConstGauge::new(*value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
