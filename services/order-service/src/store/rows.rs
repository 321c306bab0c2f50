//! Orders and payments as the database holds them and as clients see them.

use crate::domain::{Line, Method, OrderStatus, PaymentStatus};
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_common::database::rows::{count, parsed, parsed_option, time, undecodable};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Order {
    /// Identifier (UUIDv7).
    pub id: Uuid,
    /// Who ordered.
    pub user_id: Uuid,
    /// Where the customer is told about it.
    #[serde(skip)]
    pub email: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was ordered, by SKU.
    pub items: Vec<Line>,
    /// What it costs, in minor units.
    pub total: i64,
    /// ISO 4217 currency code.
    pub currency: String,
    /// The latest payment, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Payment {
    /// Identifier (UUIDv7); also the key by which the provider recognises repeated attempts.
    pub id: Uuid,
    /// Which order is paid.
    pub order_id: Uuid,
    /// Where it stands.
    pub status: PaymentStatus,
    /// How the customer pays.
    pub method: Method,
    /// Amount in minor units.
    pub amount: i64,
    /// How often the provider was asked.
    pub attempts: u32,
    /// Why it was declined or has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Columns of an order with its latest payment, for [`Order::from_row`].
macro_rules! select_order {
    ($tail:literal) => {
        concat!(
            "SELECT o.id, o.user_id, o.email, o.status, o.items, o.total, o.currency, o.created_at, o.updated_at, ",
            "p.id AS p_id, p.status AS p_status, p.method AS p_method, p.amount AS p_amount, ",
            "p.attempts AS p_attempts, p.last_error AS p_error ",
            "FROM orders o LEFT JOIN payments p ON p.id = o.payment_id ",
            $tail
        )
    };
}
pub(super) use select_order;

impl<'r> FromRow<'r, AnyRow> for Order {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        let id = parsed(row, "id")?;
        let payment = match parsed_option(row, "p_id")? {
            Some(payment) => Some(Payment {
                id: payment,
                order_id: id,
                status: parsed(row, "p_status")?,
                method: parsed(row, "p_method")?,
                amount: row.try_get("p_amount")?,
                attempts: count(row, "p_attempts")?,
                reason: row.try_get("p_error")?,
            }),
            None => None,
        };
        let items: &str = row.try_get("items")?;
        Ok(Self {
            id,
            user_id: parsed(row, "user_id")?,
            email: row.try_get("email")?,
            status: parsed(row, "status")?,
            items: serde_json::from_str(items).map_err(|error| undecodable("items", error))?,
            total: row.try_get("total")?,
            currency: row.try_get("currency")?,
            payment,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
        })
    }
}
