//! Goose scenarios of the reference services, and their load profiles.
//!
//! Goose installs signal handlers and a logger of its own and may end its process, so [`run_worker`] is meant for a
//! child process: it reads a [`Job`] from its input, and writes [`Message`]s, one JSON document a line, to its output.
//! The rate is exact because Goose does not set it: a pacer hands out tickets at their moments, and a Goose user sends
//! one request a ticket, for whichever user of a [`Scenario`] is next.

mod account;
mod attack;
mod data;
mod feeder;
mod job;
mod mix;
mod pool;
mod profile;
mod scenario;
mod session;
mod setup;
mod step;
mod worker;

pub use feeder::{Feeder, FeederError, Row};
pub use job::{Credentials, Job, Message, Services};
pub use mix::{Mix, MixError};
pub use profile::{BUILT_IN, Profile, ProfileError};
pub use scenario::Scenario;
pub use worker::{run_job, run_worker};
