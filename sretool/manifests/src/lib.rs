//! Kubernetes manifests, read and questioned without a cluster.
//!
//! [`Cluster::parse`] reads the output of `kubectl kustomize` or of `kubectl get -o yaml`. [`Network`] answers who may
//! reach whom, and [`diagnose`] lists what would keep the platform from working, each finding with its remedy.
//!
//! Architecture invariant: nothing here reads a clock, a file or a socket.

mod cluster;
mod diagnosis;
mod labels;
mod network;
mod workload;

pub use cluster::{Cluster, Manifest, ReadError};
pub use diagnosis::{Finding, Severity, diagnose};
pub use labels::Selector;
pub use network::{Endpoint, Network, Refusal};
pub use workload::{Container, Port, Probe, Workload};
