//! Customers of order-service.

use super::{Go, Journey, Scene};
use crate::data::basket;
use crate::step::{Answer, Step};
use serde_json::{Value, json};

/// Looks at an order that is not confirmed yet, or for a notification that is not there yet, so many times.
const PATIENCE: u32 = 20;

/// Between two looks people wait less than between two decisions.
const LOOK: f64 = 0.3;

fn order(scene: &Scene<'_>, id: &str) -> Step {
    Step::new("GET /v1/orders/{id}", &scene.services.orders, &format!("/v1/orders/{id}")).by(scene.account)
}

/// Orders what the next basket says: different products, so that no line is refused.
fn create(scene: &mut Scene<'_>) -> Step {
    let (lines, quantity) = basket(scene.world.data.baskets.next());
    let skus = &scene.world.skus;
    let first = scene.random.below(skus.len());
    let line = |i: usize| json!({"sku": skus[(first + i) % skus.len()], "quantity": quantity});
    let items: Vec<_> = (0..lines.min(skus.len())).map(line).collect();
    let step = Step::new("POST /v1/orders", &scene.services.orders, "/v1/orders").by(scene.account);
    step.json(json!({"items": items})).idempotent().expecting(&[201, 409])
}

/// Products, the stock of one, the own orders, and one of them.
#[derive(Debug, Default)]
pub(super) struct Browse {
    seen: u32,
    order: Option<String>,
}

impl Journey for Browse {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        let base = &scene.services.orders;
        match (self.seen, &self.order) {
            (0, _) => Step::new("GET /v1/products", base, "/v1/products"),
            (1, _) => {
                let path = format!("/v1/inventory/{}", scene.sku());
                Step::new("GET /v1/inventory/{sku}", base, &path)
            }
            (_, Some(id)) => order(scene, id),
            _ => Step::new("GET /v1/orders", base, "/v1/orders?limit=20").by(scene.account),
        }
    }

    fn learn(&mut self, answer: &Answer, scene: &mut Scene<'_>) -> Go {
        self.seen += 1;
        if self.seen == 3 && answer.status == 200 {
            let body = answer.json();
            let items = body.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let picked = items.get(scene.random.below(items.len()));
            self.order = picked.and_then(|item| item.get("id")?.as_str().map(str::to_owned));
        }
        if self.seen < 3 || (self.seen == 3 && self.order.is_some()) { Go::On } else { Go::Over }
    }
}

/// Where an order stands, seen from its customer.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Choosing,
    Paying(String),
    /// Paid, and looked at so many times.
    Waiting(String, u32),
    /// Confirmed, and the notifications looked at so many times.
    Informed(String, u32),
}

/// Order → pay → poll until it is confirmed → the notification.
#[derive(Debug, Default)]
pub(super) struct Order {
    stage: Stage,
    declined: bool,
}

impl Journey for Order {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        match &self.stage {
            Stage::Choosing => create(scene),
            Stage::Paying(id) => {
                // Whose card was declined has another one.
                let method = if self.declined { "card" } else { scene.world.data.cards.next().get("method") };
                let path = format!("/v1/orders/{id}/payment");
                let step = Step::new("POST /v1/orders/{id}/payment", &scene.services.orders, &path);
                let step = step.by(scene.account).json(json!({"method": method})).idempotent();
                step.expecting(&[202, 409]).thinking(LOOK)
            }
            Stage::Waiting(id, _) => order(scene, id).thinking(LOOK),
            Stage::Informed(id, _) => {
                let path = format!("/v1/notifications?order_id={id}");
                let step = Step::new("GET /v1/notifications", &scene.services.notifications, &path);
                step.by(scene.account).thinking(LOOK)
            }
        }
    }

    fn learn(&mut self, answer: &Answer, _: &mut Scene<'_>) -> Go {
        let next = match std::mem::take(&mut self.stage) {
            Stage::Choosing if answer.status == 201 => answer.text("id").map(Stage::Paying),
            Stage::Paying(id) if answer.status == 202 => Some(Stage::Waiting(id, 0)),
            Stage::Waiting(id, looks) => self.waited(answer, id, looks + 1),
            Stage::Informed(id, looks) => {
                let body = answer.json();
                let told = body.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty());
                (!told && looks < PATIENCE).then_some(Stage::Informed(id, looks + 1))
            }
            _ => None,
        };
        match next {
            Some(stage) => {
                self.stage = stage;
                Go::On
            }
            None => Go::Over,
        }
    }
}

impl Order {
    fn waited(&mut self, answer: &Answer, id: String, looks: u32) -> Option<Stage> {
        // A fault is no reason to stop looking.
        if answer.status >= 500 {
            return (looks < PATIENCE).then_some(Stage::Waiting(id, looks));
        }
        let body = answer.json();
        let payment = body.get("payment").and_then(|payment| payment.get("status")?.as_str());
        match (body.get("status").and_then(Value::as_str), payment) {
            (Some("confirmed"), _) => Some(Stage::Informed(id, 0)),
            (_, Some("declined")) if !self.declined => {
                self.declined = true;
                Some(Stage::Paying(id))
            }
            (Some("pending" | "reserved" | "paid"), _) if looks < PATIENCE => Some(Stage::Waiting(id, looks)),
            _ => None,
        }
    }
}

/// Order → cancel → look.
#[derive(Debug, Default)]
pub(super) struct Cancel {
    order: Option<String>,
    cancelled: bool,
}

impl Journey for Cancel {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        match &self.order {
            None => create(scene),
            Some(id) if self.cancelled => order(scene, id),
            Some(id) => {
                let path = format!("/v1/orders/{id}/cancel");
                Step::new("POST /v1/orders/{id}/cancel", &scene.services.orders, &path).by(scene.account)
            }
        }
    }

    fn learn(&mut self, answer: &Answer, _: &mut Scene<'_>) -> Go {
        match (&self.order, answer.status) {
            (None, 201) => self.order = answer.text("id"),
            (Some(_), 200) if !self.cancelled => self.cancelled = true,
            _ => return Go::Over,
        }
        if self.order.is_some() { Go::On } else { Go::Over }
    }
}
