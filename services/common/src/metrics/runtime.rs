//! `tokio_*` metrics of the runtime that answers the scrape.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::runtime::Handle;

#[derive(Debug)]
pub(super) struct RuntimeCollector;

impl Collector for RuntimeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Ok(handle) = Handle::try_current() else { return Ok(()) };
        let metrics = handle.metrics();
        let gauges = [
            ("tokio_workers", "Worker threads of the runtime", metrics.num_workers()),
            ("tokio_alive_tasks", "Tasks that have not ended", metrics.num_alive_tasks()),
            ("tokio_global_queue_depth", "Tasks that wait in the global queue", metrics.global_queue_depth()),
        ];
        for (name, help, value) in gauges {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
