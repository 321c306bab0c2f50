//! What every service shares: configuration, telemetry, metrics, health, faults, errors, drain
