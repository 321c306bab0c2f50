//! A time series store in memory and a parser of the text exposition formats.
//!
//! [`Store`] keeps series in XOR-compressed chunks behind a label index and answers `promql`'s [`promql::Queryable`].
//! [`exposition::parse`] reads Prometheus text 0.0.4 and OpenMetrics 1.0; [`load_openmetrics`] turns a whole file into
//! a store.
//!
//! [`DurableStore`] keeps a store in a folder besides, so that it outlives its process.
//!
//! Architecture invariant: nothing here reads a clock or a socket, and only `durable` touches files. Time is an
//! argument, so the same code serves a live server, a backtest and a unit test.

mod bits;
mod chunk;
mod durable;
mod exemplar;
pub mod exposition;
mod index;
mod literals;
mod loader;
mod metadata;
mod packed;
mod sealed;
mod series;
mod store;
mod windows;

pub use durable::{DurableStore, FlushError, Flushed, Flusher, OpenError};
pub use exemplar::{Exemplar, SeriesExemplars};
pub use loader::{LoadError, load, load_openmetrics};
pub use metadata::{Metadata, MetricType};
pub use store::{AppendError, BatchError, Rejected, Stats, Store, StoreOptions};
