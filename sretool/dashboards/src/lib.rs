//! Grafana dashboards as typed definitions
