//! Every query that the dashboard asks, with the unit of its answer.
//!
//! Rates look back over the configured window (a minute unless told otherwise), and in a chart never over less than
//! the step between two points, so that no event falls between two points.

mod expressions;

use crate::units::Unit;
pub use expressions::expression;

/// A query of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table of specifications describes each of them")]
pub enum QueryId {
    UpTargets,
    AllTargets,
    Rate,
    ErrorRatio,
    P50,
    P95,
    P99,
    InFlight,
    Budget,
    Burn,
    RateByService,
    P95ByService,
    ErrorsByService,
    ServiceRate,
    ServiceErrors,
    ServiceErrorBudget,
    ServiceP50,
    ServiceP95,
    ServiceP99,
    ServiceInFlight,
    RouteRate,
    RouteErrors,
    RouteP50,
    RouteP95,
    RouteP99,
    SloObjective,
    SloPeriodDays,
    SloSli,
    SloBudget,
    SloBurn1h,
    SloBurn6h,
    SloExhaustion,
    SloBudgetOverTime,
    SloBurnOverTime,
    LoadRunning,
    LoadStarted,
    LoadElapsed,
    LoadDuration,
    LoadTarget,
    LoadRequests,
    LoadInFlight,
    LoadPercentiles,
    LoadLag,
    LoadThresholdOk,
    LoadThresholdObserved,
    LoadTargetOverTime,
    LoadRateOverTime,
    LoadErrorsOverTime,
    LoadPercentilesOverTime,
    LoadLagOverTime,
}

/// Whether a query asks for one moment or for a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The newest values.
    Instant,
    /// A chart.
    Range,
}

/// What is known of a query before it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Which.
    pub id: QueryId,
    /// Instant or range.
    pub shape: Shape,
    /// Unit of the answer.
    pub unit: Unit,
    /// What it tells.
    pub meaning: &'static str,
}

/// What the expressions of the detail screens depend on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'a> {
    /// Value of the label `service`.
    pub service: Option<&'a str>,
    /// Value of the label `sloth_id`.
    pub slo: Option<&'a str>,
    /// Value of the label `run`.
    pub run: Option<&'a str>,
    /// Step of range queries, seconds.
    pub step_s: i64,
    /// How far rates look back, seconds.
    pub window_s: i64,
    /// How far back to look for the last values of a load test, seconds.
    pub range_s: i64,
}

const fn spec(id: QueryId, shape: Shape, unit: Unit, meaning: &'static str) -> Spec {
    Spec { id, shape, unit, meaning }
}

use QueryId as Q;
use Shape::{Instant, Range};
use Unit::{BurnRate, Ratio, RequestsPerSecond, Seconds, Short};

/// Every query.
pub const SPECS: &[Spec] = &[
    spec(Q::UpTargets, Instant, Short, "targets that answer the scrape, by service"),
    spec(Q::AllTargets, Instant, Short, "targets, by service"),
    spec(Q::Rate, Instant, RequestsPerSecond, "request rate by service"),
    spec(Q::ErrorRatio, Instant, Ratio, "share of 5xx answers by service"),
    spec(Q::P50, Instant, Seconds, "median duration by service"),
    spec(Q::P95, Instant, Seconds, "95th percentile of duration by service"),
    spec(Q::P99, Instant, Seconds, "99th percentile of duration by service"),
    spec(Q::InFlight, Instant, Short, "requests being answered, by service"),
    spec(Q::Budget, Instant, Ratio, "availability budget remaining in the period, by service"),
    spec(Q::Burn, Instant, BurnRate, "availability burn rate by service, over 1 h"),
    spec(Q::RateByService, Range, RequestsPerSecond, "request rate by service over time"),
    spec(Q::P95ByService, Range, Seconds, "95th percentile of duration by service over time"),
    spec(Q::ErrorsByService, Range, Ratio, "share of 5xx answers by service over time"),
    spec(Q::ServiceRate, Range, RequestsPerSecond, "request rate of the service by class of status"),
    spec(Q::ServiceErrors, Range, Ratio, "share of 5xx answers of the service"),
    spec(Q::ServiceErrorBudget, Instant, Ratio, "share of failures that the availability objective allows"),
    spec(Q::ServiceP50, Range, Seconds, "median duration of the service"),
    spec(Q::ServiceP95, Range, Seconds, "95th percentile of duration of the service"),
    spec(Q::ServiceP99, Range, Seconds, "99th percentile of duration of the service"),
    spec(Q::ServiceInFlight, Range, Short, "requests that the service is answering"),
    spec(Q::RouteRate, Instant, RequestsPerSecond, "request rate by route"),
    spec(Q::RouteErrors, Instant, Ratio, "share of 5xx answers by route"),
    spec(Q::RouteP50, Instant, Seconds, "median duration by route"),
    spec(Q::RouteP95, Instant, Seconds, "95th percentile of duration by route"),
    spec(Q::RouteP99, Instant, Seconds, "99th percentile of duration by route"),
    spec(Q::SloObjective, Instant, Ratio, "objective"),
    spec(Q::SloPeriodDays, Instant, Short, "days of the budgeting period"),
    spec(Q::SloSli, Instant, Ratio, "share of good events in the period"),
    spec(Q::SloBudget, Instant, Ratio, "error budget remaining in the period"),
    spec(Q::SloBurn1h, Instant, BurnRate, "burn rate over 1 h"),
    spec(Q::SloBurn6h, Instant, BurnRate, "burn rate over 6 h"),
    spec(Q::SloExhaustion, Instant, Seconds, "time until the budget is gone at the burn rate of the last hour"),
    spec(Q::SloBudgetOverTime, Range, Ratio, "error budget remaining over time"),
    spec(Q::SloBurnOverTime, Range, BurnRate, "burn rate over time, over 5 min each"),
    spec(Q::LoadRunning, Instant, Short, "load tests, 1 while they run"),
    spec(Q::LoadStarted, Instant, Seconds, "when each load test started, Unix time"),
    spec(Q::LoadElapsed, Instant, Seconds, "time since the load test started"),
    spec(Q::LoadDuration, Instant, Seconds, "time that the load test shall take"),
    spec(Q::LoadTarget, Instant, RequestsPerSecond, "rate that the load test aims at"),
    spec(Q::LoadRequests, Instant, Short, "requests of the load test by outcome"),
    spec(Q::LoadInFlight, Instant, Short, "requests without an answer yet"),
    spec(Q::LoadPercentiles, Instant, Seconds, "percentiles of the response time, over 1 s"),
    spec(Q::LoadLag, Instant, Seconds, "percentiles of how late requests were sent, over 1 s"),
    spec(Q::LoadThresholdOk, Instant, Short, "thresholds, 1 while they hold"),
    spec(Q::LoadThresholdObserved, Instant, Short, "what the thresholds saw"),
    spec(Q::LoadTargetOverTime, Range, RequestsPerSecond, "rate that the load test aims at over time"),
    spec(Q::LoadRateOverTime, Range, RequestsPerSecond, "rate of finished requests over time"),
    spec(Q::LoadErrorsOverTime, Range, RequestsPerSecond, "rate of failed and timed-out requests over time"),
    spec(Q::LoadPercentilesOverTime, Range, Seconds, "percentiles of the response time over time"),
    spec(Q::LoadLagOverTime, Range, Seconds, "99th percentile of how late requests were sent, over time"),
];

impl QueryId {
    /// Its specification.
    pub fn spec(self) -> &'static Spec {
        // The table lists every identifier in order, which a test proves.
        &SPECS[self as usize]
    }

    /// Which part of [`Params`] it depends on.
    pub fn subject(self) -> Subject {
        match self {
            Q::ServiceRate
            | Q::ServiceErrors
            | Q::ServiceErrorBudget
            | Q::ServiceP50
            | Q::ServiceP95
            | Q::ServiceP99
            | Q::ServiceInFlight
            | Q::RouteRate
            | Q::RouteErrors
            | Q::RouteP50
            | Q::RouteP95
            | Q::RouteP99 => Subject::Service,
            Q::SloBudgetOverTime | Q::SloBurnOverTime => Subject::Slo,
            Q::LoadRunning | Q::LoadStarted => Subject::Everything,
            id if id >= Q::LoadElapsed => Subject::Run,
            _ => Subject::Everything,
        }
    }
}

/// What a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All services or SLOs.
    Everything,
    /// The selected service.
    Service,
    /// The selected SLO.
    Slo,
    /// The selected load test.
    Run,
}

/// The queries of the overview.
pub const OVERVIEW: &[QueryId] =
    &[Q::UpTargets, Q::AllTargets, Q::Rate, Q::ErrorRatio, Q::P50, Q::P95, Q::P99, Q::InFlight, Q::Budget, Q::Burn];
/// The charts of the overview.
pub const OVERVIEW_CHARTS: &[QueryId] = &[Q::RateByService, Q::P95ByService, Q::ErrorsByService];
/// The queries of the service screen.
pub const SERVICE: &[QueryId] = &[
    Q::AllTargets,
    Q::UpTargets,
    Q::Rate,
    Q::ServiceRate,
    Q::ServiceErrors,
    Q::ServiceErrorBudget,
    Q::ServiceP50,
    Q::ServiceP95,
    Q::ServiceP99,
    Q::ServiceInFlight,
    Q::RouteRate,
    Q::RouteErrors,
    Q::RouteP50,
    Q::RouteP95,
    Q::RouteP99,
];
/// The queries of the SLO screen.
pub const SLOS: &[QueryId] = &[
    Q::SloObjective,
    Q::SloPeriodDays,
    Q::SloSli,
    Q::SloBudget,
    Q::SloBurn1h,
    Q::SloBurn6h,
    Q::SloExhaustion,
    Q::SloBudgetOverTime,
    Q::SloBurnOverTime,
];
/// The queries of the load screen.
pub const LOAD: &[QueryId] = &[
    Q::LoadRunning,
    Q::LoadStarted,
    Q::LoadElapsed,
    Q::LoadDuration,
    Q::LoadTarget,
    Q::LoadRequests,
    Q::LoadInFlight,
    Q::LoadPercentiles,
    Q::LoadLag,
    Q::LoadThresholdOk,
    Q::LoadThresholdObserved,
    Q::LoadTargetOverTime,
    Q::LoadRateOverTime,
    Q::LoadErrorsOverTime,
    Q::LoadPercentilesOverTime,
    Q::LoadLagOverTime,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        for (index, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.id as usize, index, "{:?}", spec.id);
            assert!(!spec.meaning.is_empty());
        }
        assert_eq!(SPECS.last().map(|spec| spec.id), Some(QueryId::LoadLagOverTime));
    }

    #[test]
    fn every_query_is_asked_on_some_screen() {
        let asked: Vec<_> = [OVERVIEW, OVERVIEW_CHARTS, SERVICE, SLOS, LOAD].concat();
        for spec in SPECS {
            assert!(asked.contains(&spec.id), "{:?} is on no screen", spec.id);
        }
    }

    #[test]
    fn a_query_needs_its_subject_and_no_other() {
        let all = Params { service: Some("s"), slo: Some("o"), run: Some("r"), step_s: 5, window_s: 60, range_s: 900 };
        for spec in SPECS {
            let without = match spec.id.subject() {
                Subject::Everything => Params { step_s: 5, window_s: 60, range_s: 900, ..Params::default() },
                Subject::Service => Params { service: None, ..all },
                Subject::Slo => Params { slo: None, ..all },
                Subject::Run => Params { run: None, ..all },
            };
            assert!(expression(spec.id, &all).is_some(), "{:?}", spec.id);
            let needed = spec.id.subject() != Subject::Everything;
            assert_eq!(expression(spec.id, &without).is_none(), needed, "{:?}", spec.id);
        }
    }
}
