//! Random sequences of operations on the database against a model that holds every order in memory.

use order_service::domain::{Basket, Catalogue, Command, Method, OrderStatus, RequestedLine, StockEffect};
use order_service::schema::MIGRATIONS;
use order_service::store::{NewOrder, Settled, Store, StoreError, Verdict};
use proptest::prelude::*;
use serde_json::Value;
use service_common::Database;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

const SKUS: [&str; 2] = ["mug-travel", "milk-frother"];
const STOCK: i64 = 12;

/// One step of a sequence; `usize` picks one of the orders made so far.
#[derive(Debug, Clone)]
enum Step {
    Create { sku: usize, quantity: i64 },
    Cancel(usize),
    Pay(usize),
    Settle { captured: bool },
    Confirm,
    Refund(usize),
    SetStock { sku: usize, on_hand: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..SKUS.len(), 1_i64..6).prop_map(|(sku, quantity)| Step::Create { sku, quantity }),
        2 => (0_usize..8).prop_map(Step::Cancel),
        3 => (0_usize..8).prop_map(Step::Pay),
        2 => any::<bool>().prop_map(|captured| Step::Settle { captured }),
        2 => Just(Step::Confirm),
        2 => (0_usize..8).prop_map(Step::Refund),
        1 => (0..SKUS.len(), 0_i64..20).prop_map(|(sku, on_hand)| Step::SetStock { sku, on_hand }),
    ]
}

#[derive(Debug, Clone)]
struct ModelOrder {
    id: Uuid,
    sku: usize,
    quantity: i64,
    status: OrderStatus,
    paying: bool,
}

/// What the database should hold.
#[derive(Debug)]
struct Model {
    orders: Vec<ModelOrder>,
    /// On hand and reserved, by SKU.
    stock: [(i64, i64); SKUS.len()],
    events: usize,
}

impl Model {
    fn apply(&mut self, index: usize, command: Command) -> bool {
        let order = &mut self.orders[index];
        let Ok((next, effect)) = order.status.apply(command) else { return false };
        let (on_hand, reserved) = &mut self.stock[order.sku];
        match effect {
            StockEffect::None => {}
            StockEffect::Reserve => *reserved += order.quantity,
            StockEffect::Release => *reserved -= order.quantity,
            StockEffect::Restock => *on_hand += order.quantity,
            StockEffect::Fulfil => {
                *on_hand -= order.quantity;
                *reserved -= order.quantity;
            }
        }
        order.status = next;
        self.events +=
            usize::from(matches!(next, OrderStatus::Confirmed | OrderStatus::Cancelled | OrderStatus::Refunded));
        true
    }
}

/// The store, and the model that it is held against.
struct Pair {
    store: Store,
    catalogue: Catalogue,
    model: Model,
    now: i64,
}

impl Pair {
    async fn new() -> Self {
        let store = Store::new(Database::for_test(MIGRATIONS).await.unwrap(), Duration::from_secs(900));
        let catalogue = store.seed(&Catalogue::seed(), STOCK).await.unwrap();
        let model = Model { orders: Vec::new(), stock: [(STOCK, 0); SKUS.len()], events: 0 };
        Self { store, catalogue, model, now: 1_000 }
    }

    async fn step(&mut self, step: &Step) {
        self.now += 1;
        match step {
            Step::Create { sku, quantity } => self.create(*sku, *quantity).await,
            Step::Cancel(order) => self.cancel(*order).await,
            Step::Pay(order) => self.pay(*order).await,
            Step::Settle { captured } => self.settle(*captured).await,
            Step::Confirm => self.confirm().await,
            Step::Refund(order) => self.refund(*order).await,
            Step::SetStock { sku, on_hand } => self.set_stock(*sku, *on_hand).await,
        }
    }

    async fn create(&mut self, sku: usize, quantity: i64) {
        let line = RequestedLine { sku: SKUS[sku].to_owned(), quantity };
        let basket = Basket::new(&[line], &self.catalogue).unwrap();
        let new = NewOrder { user_id: Uuid::nil(), email: Some("ada@example.com".to_owned()), basket };
        let (on_hand, reserved) = self.model.stock[sku];
        match self.store.create_order(&new, None, self.now).await {
            Ok(reply) => {
                assert!(on_hand - reserved >= quantity, "oversold");
                let body: Value = serde_json::from_str(&reply.response.body).unwrap();
                let id = body["id"].as_str().unwrap().parse().unwrap();
                self.model.orders.push(ModelOrder { id, sku, quantity, status: OrderStatus::Pending, paying: false });
                assert!(self.model.apply(self.model.orders.len() - 1, Command::Reserve));
            }
            Err(StoreError::OutOfStock { .. }) => assert!(on_hand - reserved < quantity, "refused without need"),
            Err(other) => panic!("{other}"),
        }
    }

    async fn cancel(&mut self, pick: usize) {
        let Some(order) = self.model.orders.get(pick).cloned() else { return };
        match self.store.cancel(order.id, None, self.now).await {
            Ok(_) => assert!(!order.paying && self.model.apply(pick, Command::Cancel)),
            Err(StoreError::PaymentInTheWay { .. }) => assert!(order.paying),
            Err(StoreError::Illegal(_)) => assert!(order.status.apply(Command::Cancel).is_err()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn pay(&mut self, pick: usize) {
        let Some(order) = self.model.orders.get(pick).cloned() else { return };
        match self.store.request_payment(order.id, Method::Card, None, None, self.now).await {
            Ok(reply) => {
                assert_eq!(order.status, OrderStatus::Reserved);
                assert_eq!(reply.replayed, order.paying);
                self.model.orders[pick].paying = true;
            }
            Err(StoreError::Illegal(_)) => assert_ne!(order.status, OrderStatus::Reserved),
            Err(other) => panic!("{other}"),
        }
    }

    async fn settle(&mut self, captured: bool) {
        let tasks = self.store.claim_payments(100, 1_000, self.now).await.unwrap();
        let paying = self.model.orders.iter().filter(|order| order.paying).count();
        assert_eq!(tasks.len(), paying);
        let verdict = |captured| match captured {
            true => Verdict::Captured { reference: "r".to_owned() },
            false => Verdict::Failed { reason: "f".to_owned() },
        };
        let settled: Vec<Settled> = tasks.into_iter().map(|task| (task, verdict(captured))).collect();
        assert_eq!(self.store.settle_payments(&settled, self.now).await.unwrap().len(), paying);
        for index in 0..self.model.orders.len() {
            if std::mem::take(&mut self.model.orders[index].paying) {
                assert!(self.model.apply(index, if captured { Command::Pay } else { Command::Cancel }));
            }
        }
    }

    async fn confirm(&mut self) {
        let confirmed = self.store.confirm_paid(100, self.now).await.unwrap().len();
        let applied = (0..self.model.orders.len()).filter(|index| self.model.apply(*index, Command::Confirm)).count();
        assert_eq!(confirmed, applied);
    }

    async fn refund(&mut self, pick: usize) {
        let Some(order) = self.model.orders.get(pick).cloned() else { return };
        match self.store.refund(order.id, None, self.now).await {
            Ok(refunded) => {
                assert!(self.model.apply(pick, Command::Refund));
                assert_eq!(refunded.payment.unwrap().status.as_str(), "refunded");
            }
            Err(StoreError::Illegal(_)) => assert!(order.status.apply(Command::Refund).is_err()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn set_stock(&mut self, sku: usize, on_hand: i64) {
        let reserved = self.model.stock[sku].1;
        match self.store.set_on_hand(SKUS[sku], on_hand).await {
            Ok(_) => {
                assert!(on_hand >= reserved);
                self.model.stock[sku].0 = on_hand;
            }
            Err(StoreError::BelowReserved { .. }) => assert!(on_hand < reserved),
            Err(other) => panic!("{other}"),
        }
    }

    /// The database holds what the model says.
    async fn compare(&self) {
        for (sku, (on_hand, reserved)) in SKUS.into_iter().zip(self.model.stock) {
            let stock = self.store.inventory(sku).await.unwrap();
            assert_eq!((stock.on_hand, stock.reserved), (on_hand, reserved), "{sku}");
        }
        let found = self.store.orders_of(Uuid::nil(), None, 1_000).await.unwrap();
        let found: BTreeMap<Uuid, OrderStatus> = found.into_iter().map(|order| (order.id, order.status)).collect();
        let expected: BTreeMap<Uuid, OrderStatus> =
            self.model.orders.iter().map(|order| (order.id, order.status)).collect();
        assert_eq!(found, expected);
        assert_eq!(self.store.backlog().await.unwrap().pending, i64::try_from(self.model.events).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_database_behaves_as_the_model(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            for step in &steps {
                pair.step(step).await;
            }
            pair.compare().await;
        });
    }
}
