//! Load-test pacing, latency statistics, thresholds and reports
