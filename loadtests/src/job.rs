//! What the child process is told, and what it tells.

use crate::mix::Mix;
use load::{Schedule, Tracing, Update};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the services listen, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// user-service.
    pub users: String,
    /// order-service.
    pub orders: String,
    /// notification-service.
    pub notifications: String,
}

impl Default for Services {
    fn default() -> Self {
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        Self { users: at(3001), orders: at(3002), notifications: at(3003) }
    }
}

/// Who may administer the services.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("email", &self.email).finish_non_exhaustive()
    }
}

/// A run of the Goose executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Where to.
    pub services: Services,
    /// When.
    pub schedule: Schedule,
    /// Goose users: the most requests in flight.
    pub users: usize,
    /// Accounts that they share.
    pub accounts: usize,
    /// What they do.
    pub mix: Mix,
    /// Mean time that a user thinks between two requests, in seconds.
    #[serde(default)]
    pub think_s: f64,
    /// The administrator of the scenario `admin`.
    #[serde(default)]
    pub admin: Option<Credentials>,
    /// Of everything that is chosen by chance.
    #[serde(default)]
    pub seed: u64,
    /// The trace context of each request.
    #[serde(default)]
    pub tracing: Option<Tracing>,
    /// A request is given up after this many seconds.
    pub timeout_s: f64,
    /// Seconds for the last answers after the last request was due.
    pub drain_s: f64,
}

/// A line from the child process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", content = "data")]
pub enum Message {
    /// Accounts are being made.
    SettingUp {
        /// How many.
        accounts: usize,
    },
    /// Every user is ready, and the first request is due.
    Started,
    /// The run cannot start.
    Failed {
        /// Why, naming the URL.
        reason: String,
    },
    /// What happened in the last second, and with `last` set, at the end.
    Update(Box<Update>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn jobs_and_messages_survive_a_line_of_json() {
        let job = Job {
            services: Services::default(),
            schedule: Schedule::constant(1000.0, Duration::from_secs(60)).unwrap(),
            users: 10,
            accounts: 5,
            mix: Mix::default(),
            think_s: 0.5,
            admin: Some(Credentials { email: "a@example.com".into(), password: "secret".into() }),
            seed: 7,
            tracing: Some(Tracing::new(1, 0.5)),
            timeout_s: 10.0,
            drain_s: 3.0,
        };
        let line = serde_json::to_string(&job).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Job>(&line).unwrap(), job);
        assert!(!format!("{job:?}").contains("secret"));
        for message in [Message::Started, Message::Failed { reason: "x".into() }, Message::SettingUp { accounts: 3 }] {
            let line = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), message);
        }
    }
}
