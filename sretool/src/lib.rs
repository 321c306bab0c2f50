//! SLOs, load tests, alerts and dashboards for the people who keep services running
