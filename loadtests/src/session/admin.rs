//! Administrators.

use super::{Go, Journey, Scene};
use crate::step::{Answer, Step};
use serde_json::{Value, json};

/// Pages of accounts that are looked at.
const PAGES: u32 = 3;

/// What a product is restocked by.
const DELIVERY: i64 = 1000;

#[derive(Debug)]
enum Stage {
    /// A page of accounts: how many were seen, and where the next begins.
    Accounts(u32, Option<String>),
    /// The stock of a product.
    Counting(String),
    /// The product and what it has.
    Restocking(String, i64),
    Notifications,
}

/// Pages through the accounts, adds a delivery to the stock of a product, and looks at everybody's notifications.
#[derive(Debug)]
pub(super) struct Admin {
    stage: Stage,
}

impl Default for Admin {
    fn default() -> Self {
        Self { stage: Stage::Accounts(0, None) }
    }
}

impl Journey for Admin {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        let (users, orders) = (&scene.services.users, &scene.services.orders);
        let step = match &self.stage {
            Stage::Accounts(_, cursor) => {
                let cursor = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                Step::new("GET /v1/users", users, &format!("/v1/users?limit=20{cursor}"))
            }
            Stage::Counting(sku) => Step::new("GET /v1/inventory/{sku}", orders, &format!("/v1/inventory/{sku}")),
            Stage::Restocking(sku, on_hand) => {
                let step = Step::new("PUT /v1/inventory/{sku}", orders, &format!("/v1/inventory/{sku}"));
                // Another administrator, or a customer, may have been faster.
                step.json(json!({"on_hand": on_hand + DELIVERY})).expecting(&[200, 409])
            }
            Stage::Notifications => {
                Step::new("GET /v1/notifications", &scene.services.notifications, "/v1/notifications?limit=20")
            }
        };
        step.by(scene.account)
    }

    fn learn(&mut self, answer: &Answer, scene: &mut Scene<'_>) -> Go {
        let body = answer.json();
        let next = match &self.stage {
            Stage::Accounts(seen, _) => match body.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) if seen + 1 < PAGES => Stage::Accounts(seen + 1, Some(cursor.to_owned())),
                _ => Stage::Counting(scene.sku().to_owned()),
            },
            Stage::Counting(sku) => match body.get("on_hand").and_then(Value::as_i64) {
                Some(on_hand) => Stage::Restocking(sku.clone(), on_hand),
                None => Stage::Notifications,
            },
            Stage::Restocking(..) => Stage::Notifications,
            Stage::Notifications => return Go::Over,
        };
        self.stage = next;
        Go::On
    }
}
