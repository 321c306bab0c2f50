//! Users on their way, answered by hand.

use super::*;
use crate::data::Data;
use crate::step::Body;
use serde_json::Value;

fn account(email: &str) -> Arc<Account> {
    let body = json!({"access_token": "a", "refresh_token": "r", "expires_in": 900});
    let tokens = Tokens::read(&body, Instant::now()).unwrap();
    Arc::new(Account::new("u1".into(), email.into(), "secret".into(), tokens))
}

/// Two accounts, an administrator and two products.
pub(crate) fn world() -> World {
    World {
        accounts: vec![account("u1@example.com"), account("u2@example.com")],
        admin: Some(account("admin@example.com")),
        skus: vec!["tea".into(), "cup".into()],
        data: Data::built_in().unwrap(),
    }
}

/// One user, and what it did so far.
struct Walk {
    world: World,
    session: Session,
    services: Services,
}

impl Walk {
    fn new(scenario: Scenario, seed: u64) -> Self {
        let world = world();
        let session = Session::start(scenario, world.accounts[0].clone(), seed);
        Self { world, session, services: Services::default() }
    }

    fn step(&mut self) -> Step {
        self.session.step(&self.services, &self.world, Instant::now())
    }

    /// The next request is expected to be this one, and gets this answer.
    #[track_caller]
    fn answer(&mut self, route: &str, status: u16, body: Value) -> (Step, Go) {
        let step = self.step();
        assert_eq!(step.route, route);
        let answer = Answer { status, body: body.to_string().into_bytes() };
        (step, self.session.learn(Some(&answer), &self.services, &self.world))
    }
}

const CREATE: &str = "POST /v1/orders";
const PAY: &str = "POST /v1/orders/{id}/payment";
const LOOK: &str = "GET /v1/orders/{id}";

#[test]
fn an_order_is_paid_polled_and_notified_with_the_id_that_came_back() {
    let mut walk = Walk::new(Scenario::Order, 1);
    let (create, go) = walk.answer(CREATE, 201, json!({"id": "o1", "status": "reserved"}));
    assert!(create.idempotent && create.expected.contains(&409) && go == Go::On);
    let Body::Json(body) = &create.body else { panic!("{create:?}") };
    assert!(body["items"].as_array().is_some_and(|items| (1..=2).contains(&items.len())), "two products at most");
    let (pay, _) = walk.answer(PAY, 202, json!({"status": "queued"}));
    assert!(pay.url.ends_with(":3002/v1/orders/o1/payment") && pay.idempotent);
    walk.answer(LOOK, 200, json!({"id": "o1", "status": "reserved", "payment": {"status": "processing"}}));
    walk.answer(LOOK, 500, json!({"title": "a fault is no reason to stop looking"}));
    walk.answer(LOOK, 200, json!({"id": "o1", "status": "confirmed", "payment": {"status": "captured"}}));
    let (look, go) = walk.answer("GET /v1/notifications", 200, json!({"items": []}));
    assert!(look.url.ends_with(":3003/v1/notifications?order_id=o1") && go == Go::On);
    let (_, go) = walk.answer("GET /v1/notifications", 200, json!({"items": [{"id": "n"}]}));
    assert_eq!(go, Go::Over);
}

#[test]
fn a_declined_card_is_replaced_once() {
    let mut walk = Walk::new(Scenario::Order, 1);
    walk.answer(CREATE, 201, json!({"id": "o1"}));
    walk.answer(PAY, 202, json!({}));
    let declined = json!({"id": "o1", "status": "reserved", "payment": {"status": "declined"}});
    walk.answer(LOOK, 200, declined.clone());
    let (pay, _) = walk.answer(PAY, 202, json!({}));
    assert_eq!(pay.body, Body::Json(json!({"method": "card"})));
    let (_, go) = walk.answer(LOOK, 200, declined);
    assert_eq!(go, Go::On, "the old payment's answer may still be there");
}

#[test]
fn patience_ends() {
    let mut walk = Walk::new(Scenario::Order, 1);
    walk.answer(CREATE, 201, json!({"id": "o1"}));
    walk.answer(PAY, 202, json!({}));
    let mut looks = 1;
    while walk.answer(LOOK, 200, json!({"status": "paid"})).1 == Go::On {
        looks += 1;
    }
    assert_eq!(looks, 20);
    let mut walk = Walk::new(Scenario::Order, 1);
    assert_eq!(walk.answer(CREATE, 409, json!({})).1, Go::Over, "out of stock");
}

#[test]
fn a_cancelled_order_is_looked_at() {
    let mut walk = Walk::new(Scenario::Cancel, 1);
    walk.answer(CREATE, 201, json!({"id": "o9"}));
    let (cancel, _) = walk.answer("POST /v1/orders/{id}/cancel", 200, json!({"status": "cancelled"}));
    assert!(cancel.url.ends_with("/v1/orders/o9/cancel"));
    let (_, go) = walk.answer(LOOK, 200, json!({"status": "cancelled"}));
    assert_eq!(go, Go::Over);
}

#[test]
fn browsing_ends_at_an_order_of_the_list() {
    let mut walk = Walk::new(Scenario::Browse, 1);
    let (products, _) = walk.answer("GET /v1/products", 200, json!({"items": []}));
    assert_eq!(products.token, None);
    let (stock, _) = walk.answer("GET /v1/inventory/{sku}", 200, json!({}));
    assert!(stock.url.ends_with("/tea") || stock.url.ends_with("/cup"));
    walk.answer("GET /v1/orders", 200, json!({"items": [{"id": "o1"}, {"id": "o2"}]}));
    let (order, go) = walk.answer(LOOK, 200, json!({}));
    assert!(order.url.ends_with("/o1") || order.url.ends_with("/o2"));
    assert_eq!((order.token.as_deref(), go), (Some("a"), Go::Over));
    let mut walk = Walk::new(Scenario::Browse, 1);
    walk.answer("GET /v1/products", 200, json!({}));
    walk.answer("GET /v1/inventory/{sku}", 200, json!({}));
    assert_eq!(walk.answer("GET /v1/orders", 200, json!({"items": []})).1, Go::Over);
}

#[test]
fn who_registers_twice_must_be_refused() {
    let mut walk = Walk::new(Scenario::Register, 1);
    let (first, _) = walk.answer("POST /v1/users", 201, json!({}));
    let (second, go) = walk.answer("POST /v1/users", 409, json!({}));
    let email = |step: &Step| if let Body::Json(body) = &step.body { body["email"].clone() } else { Value::Null };
    assert_eq!((email(&first), first.expected.as_ref()), (email(&second), &[201][..]));
    assert_eq!((second.expected.as_ref(), go), (&[409][..], Go::Over));
    let mut other = Walk::new(Scenario::Register, 1);
    assert_ne!(email(&other.step()), email(&first), "addresses are new in every session");
}

#[test]
fn a_session_of_its_own_is_used_refreshed_and_left() {
    let mut walk = Walk::new(Scenario::LogIn, 1);
    walk.answer("POST /v1/sessions", 200, json!({"access_token": "x", "refresh_token": "y"}));
    let (me, _) = walk.answer("GET /v1/users/me", 200, json!({}));
    assert_eq!(me.token.as_deref(), Some("x"));
    let (refresh, _) =
        walk.answer("POST /v1/sessions/refresh", 200, json!({"access_token": "z", "refresh_token": "w"}));
    assert_eq!(refresh.body, Body::Json(json!({"refresh_token": "y"})));
    let (leave, go) = walk.answer("DELETE /v1/sessions/current", 204, Value::Null);
    assert_eq!((leave.token.as_deref(), leave.expected.as_ref(), go), (Some("z"), &[204][..], Go::Over));
    assert_eq!(walk.world.accounts[0].access_token(), "a", "the account's own session is untouched");
    let mut refused = Walk::new(Scenario::LogIn, 1);
    assert_eq!(refused.answer("POST /v1/sessions", 503, json!({})).1, Go::Over);
}

#[test]
fn an_administrator_pages_and_restocks_what_was_counted() {
    let mut walk = Walk::new(Scenario::Admin, 1);
    let (first, _) = walk.answer("GET /v1/users", 200, json!({"items": [], "next_cursor": "c1"}));
    assert!(!first.url.contains("cursor"));
    let (second, _) = walk.answer("GET /v1/users", 200, json!({"items": [], "next_cursor": null}));
    assert!(second.url.ends_with("&cursor=c1"));
    walk.answer("GET /v1/inventory/{sku}", 200, json!({"on_hand": 41}));
    let (restock, _) = walk.answer("PUT /v1/inventory/{sku}", 200, json!({}));
    assert_eq!(restock.body, Body::Json(json!({"on_hand": 1041})));
    assert_eq!(walk.answer("GET /v1/notifications", 200, json!({})).1, Go::Over);
}

#[test]
fn some_change_their_settings() {
    let (mut changed, mut renamed) = (0, 0);
    for seed in 0..400 {
        let mut walk = Walk::new(Scenario::Account, seed);
        walk.answer("GET /v1/users/me", 200, json!({}));
        if walk.answer("GET /v1/preferences", 200, json!({})).1 == Go::On {
            changed += 1;
            if walk.answer("PUT /v1/preferences", 200, json!({})).1 == Go::On {
                renamed += 1;
                let (rename, go) = walk.answer("PATCH /v1/users/{id}", 200, json!({}));
                assert!(rename.url.ends_with("/v1/users/u1") && go == Go::Over);
            }
        }
    }
    assert!((60..140).contains(&changed) && (25..75).contains(&renamed), "{changed} {renamed}");
}

#[test]
fn what_must_be_refused_is_sent_as_the_table_says() {
    let world = world();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let mut session = Session::start(Scenario::Negative, world.accounts[0].clone(), seed);
        let step = session.step(&Services::default(), &world, Instant::now());
        assert!(!step.url.contains('{'), "{step:?}");
        assert!(step.expected.len() == 1 && (400..500).contains(&step.expected[0]), "{step:?}");
        seen.insert((step.route.to_string(), step.expected[0]));
    }
    assert!(seen.contains(&("GET /v1/users/me".to_owned(), 401)) && seen.contains(&("GET unmatched".to_owned(), 404)));
    assert!(seen.len() >= 15, "{seen:?}");
}

#[test]
fn an_ageing_token_is_refreshed_before_anything_else() {
    let mut walk = Walk::new(Scenario::Browse, 1);
    let later = Instant::now() + Duration::from_secs(700);
    let step = walk.session.step(&walk.services, &walk.world, later);
    assert_eq!((step.route.as_ref(), step.token), ("POST /v1/sessions/refresh", None));
    let answer = Answer { status: 200, body: br#"{"access_token":"b","refresh_token":"s"}"#.to_vec() };
    assert_eq!(walk.session.learn(Some(&answer), &walk.services, &walk.world), Go::On);
    assert_eq!(walk.world.accounts[0].access_token(), "b");
    assert_eq!(walk.step().route, "GET /v1/products", "the scenario goes on where it was");
}

#[test]
fn who_gets_no_answer_gives_up_and_who_thinks_takes_about_the_mean() {
    let mut walk = Walk::new(Scenario::Order, 1);
    walk.step();
    assert_eq!(walk.session.learn(None, &walk.services, &walk.world), Go::Over);
    let thoughts: Vec<f64> = (0..1000).map(|_| walk.session.think(1.0, 2.0).as_secs_f64()).collect();
    assert!(thoughts.iter().all(|thought| (1.0..=3.0).contains(thought)));
    assert!((thoughts.iter().sum::<f64>() / 1000.0 - 2.0).abs() < 0.1);
    assert_eq!(walk.session.think(0.0, 2.0), Duration::ZERO);
}
