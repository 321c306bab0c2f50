//! The embedded Prometheus: scraper, rules and HTTP API.
