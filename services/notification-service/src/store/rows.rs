//! Notifications as the database holds them and as clients see them.

use super::{Millis, Store, StoreError};
use crate::domain::{Channel, Status, Template};
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_common::database::rows::{count, instant, parsed, parsed_option, time};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Notification {
    /// Identifier (UUIDv7).
    pub id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// How it is sent.
    pub channel: Channel,
    /// To whom.
    pub to: String,
    /// Which text it is.
    pub template: Template,
    /// The text's first line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The order that it is about.
    pub order_id: Option<String>,
    /// The user that it is for.
    pub user_id: Option<Uuid>,
    /// How often delivery was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Which notifications to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those about this order.
    pub order_id: Option<String>,
    /// Only those for this user.
    pub user_id: Option<Uuid>,
    /// Only those older than this one.
    pub before: Option<Uuid>,
    /// Most of them.
    pub limit: u32,
}

/// Columns of a notification, for [`Notification::from_row`].
macro_rules! select_notification {
    ($tail:literal) => {
        concat!(
            "SELECT id, status, channel, recipient, template, subject, body, order_id, user_id, attempts, ",
            "last_error, created_at, delivered_at FROM notifications ",
            $tail
        )
    };
}

impl<'r> FromRow<'r, AnyRow> for Notification {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        let delivered: Option<Millis> = row.try_get("delivered_at")?;
        Ok(Self {
            id: parsed(row, "id")?,
            status: parsed(row, "status")?,
            channel: parsed(row, "channel")?,
            to: row.try_get("recipient")?,
            template: parsed(row, "template")?,
            subject: row.try_get("subject")?,
            body: row.try_get("body")?,
            order_id: row.try_get("order_id")?,
            user_id: parsed_option(row, "user_id")?,
            attempts: count(row, "attempts")?,
            reason: row.try_get("last_error")?,
            created_at: time(row, "created_at")?,
            delivered_at: delivered.map(instant),
        })
    }
}

impl Store {
    /// One notification.
    ///
    /// # Errors
    /// [`StoreError::NoNotification`], or when the database fails.
    pub async fn notification(&self, id: Uuid) -> Result<Notification, StoreError> {
        sqlx::query_as(select_notification!("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(self.db.reader())
            .await?
            .ok_or(StoreError::NoNotification)
    }

    /// Notifications, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Notification>, StoreError> {
        // One statement for each combination, so that each is answered by an index; the expression keeps the planners
        // from searching all notifications of a user for those of one order.
        let sql = match (&filter.order_id, filter.user_id) {
            (Some(_), Some(_)) => {
                select_notification!("WHERE order_id = $1 AND user_id || '' = $2 AND id < $3 ORDER BY id DESC LIMIT $4")
            }
            (Some(_), None) => select_notification!("WHERE order_id = $1 AND id < $3 ORDER BY id DESC LIMIT $4"),
            (None, Some(_)) => select_notification!("WHERE user_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4"),
            (None, None) => select_notification!("WHERE id < $3 ORDER BY id DESC LIMIT $4"),
        };
        let notifications = sqlx::query_as(sql)
            .bind(&filter.order_id)
            .bind(filter.user_id.map(|user| user.to_string()))
            .bind(filter.before.unwrap_or(Uuid::max()).to_string())
            .bind(i64::from(filter.limit))
            .fetch_all(self.db.reader())
            .await?;
        Ok(notifications)
    }
}
