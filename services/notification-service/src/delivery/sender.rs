//! What a sender does.

use crate::domain::{Channel, Template};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// A text on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The notification. A receiver that sees the id twice has got a repeat.
    pub id: Uuid,
    /// How it is sent.
    pub channel: Channel,
    /// To whom.
    pub to: &'a str,
    /// Which text it is.
    pub template: Template,
    /// The text's first line.
    pub subject: &'a str,
    /// The text.
    pub body: &'a str,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Trying again may help.
    #[error("{0}")]
    Temporary(String),
    /// Trying again will not help.
    #[error("{0}")]
    Permanent(String),
}

/// Sends messages of one channel.
#[async_trait]
pub trait Sender: fmt::Debug + Send + Sync {
    /// Sends a message; success means that the next system in line is responsible for it.
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError>;
}

/// The sender of every channel.
#[derive(Debug, Clone)]
pub struct Senders {
    /// Sends e-mail.
    pub email: Arc<dyn Sender>,
    /// Sends text messages.
    pub sms: Arc<dyn Sender>,
    /// Sends push messages.
    pub push: Arc<dyn Sender>,
}

impl Senders {
    /// One sender for all channels.
    #[must_use]
    pub fn all(sender: Arc<dyn Sender>) -> Self {
        Self { email: Arc::clone(&sender), sms: Arc::clone(&sender), push: sender }
    }

    /// The sender of a channel.
    #[must_use]
    pub fn of(&self, channel: Channel) -> &dyn Sender {
        match channel {
            Channel::Email => self.email.as_ref(),
            Channel::Sms => self.sms.as_ref(),
            Channel::Push => self.push.as_ref(),
        }
    }
}
