//! Prometheus remote write: protobuf messages in snappy blocks.
