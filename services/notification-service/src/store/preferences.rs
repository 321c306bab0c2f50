//! Which channels a user wants.

use super::{Millis, Store, StoreError};
use crate::domain::Channel;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which channels a user wants; all, as long as nothing else was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// E-mail.
    #[serde(default = "wanted")]
    pub email: bool,
    /// Text messages.
    #[serde(default = "wanted")]
    pub sms: bool,
    /// Push messages.
    #[serde(default = "wanted")]
    pub push: bool,
}

fn wanted() -> bool {
    true
}

impl Default for Preferences {
    fn default() -> Self {
        Self { email: true, sms: true, push: true }
    }
}

impl Preferences {
    /// Whether a channel is wanted.
    #[must_use]
    pub fn wants(self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Sms => self.sms,
            Channel::Push => self.push,
        }
    }
}

impl Store {
    /// What a user wants.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preferences(&self, user: Uuid) -> Result<Preferences, StoreError> {
        self.cache.get_or_load(&user.to_string(), async || self.read_preferences(user).await).await
    }

    async fn read_preferences(&self, user: Uuid) -> Result<Preferences, StoreError> {
        let found: Option<(i64, i64, i64)> =
            sqlx::query_as("SELECT email, sms, push FROM preferences WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_optional(self.db.reader())
                .await?;
        let wanted = |(email, sms, push)| Preferences { email: email != 0, sms: sms != 0, push: push != 0 };
        Ok(found.map(wanted).unwrap_or_default())
    }

    /// Keeps what a user wants.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_preferences(&self, user: Uuid, wanted: Preferences, now: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO preferences (user_id, email, sms, push, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (user_id) DO UPDATE SET email = $2, sms = $3, push = $4, updated_at = $5",
        )
        .bind(user.to_string())
        .bind(i64::from(wanted.email))
        .bind(i64::from(wanted.sms))
        .bind(i64::from(wanted.push))
        .bind(now)
        .execute(self.db.writer())
        .await?;
        self.cache.forget(&user.to_string()).await;
        Ok(())
    }
}
