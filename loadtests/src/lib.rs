//! Goose scenarios of the reference services, and their load profiles.
//!
//! Goose installs signal handlers and a logger of its own and may end its process, so [`run_worker`] is meant for a
//! child process: it reads a [`Job`] from its input, and writes [`Message`]s, one JSON document a line, to its output.
//! The rate is exact because Goose does not set it: a pacer hands out tickets at their moments, and each Goose user
//! sends one request a ticket with its own HTTP client.

mod account;
mod action;
mod attack;
mod job;
mod mix;
mod profile;
mod setup;
mod step;
mod worker;

pub use action::Action;
pub use job::{Job, Message, Services};
pub use mix::{Mix, MixError};
pub use profile::{BUILT_IN, Profile, ProfileError};
pub use worker::{run_job, run_worker};
