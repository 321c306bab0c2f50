//! order-service through its API, with real databases and no sockets but those of fake peers.

mod concurrency;
mod payments;
mod recovery;
mod relay;
mod rig;
mod routes;
