//! An action as an HTTP request, and what a user learns from the answer.

use crate::account::Account;
use crate::action::Action;
use crate::job::Services;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Instant;

/// A user remembers so many orders.
const MEMORY: usize = 20;

/// What a Goose user knows of its own orders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) orders: VecDeque<String>,
    pub(crate) unpaid: VecDeque<String>,
    pub(crate) paid: Option<String>,
    pub(crate) turn: usize,
}

/// What an answer changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Ordered,
    Paid(String),
    Authenticated,
}

/// One request, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) method: &'static str,
    /// Method and path pattern: the name in reports.
    pub(crate) route: &'static str,
    pub(crate) url: String,
    pub(crate) body: Option<Value>,
    pub(crate) authenticated: bool,
    pub(crate) idempotent_key: bool,
    /// Statuses that are no error: conflicts are answers that a shop gives.
    pub(crate) expected: &'static [u16],
    pub(crate) effect: Effect,
}

impl Step {
    fn new(route: &'static str, base: &str, path: &str) -> Self {
        let method = route.split(' ').next().unwrap_or("GET");
        Self {
            method,
            route,
            url: format!("{base}{path}"),
            body: None,
            authenticated: true,
            idempotent_key: false,
            expected: &[200],
            effect: Effect::Nothing,
        }
    }

    fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    fn expecting(self, expected: &'static [u16]) -> Self {
        Self { expected, ..self }
    }
}

/// Refreshes the account's token when it is about to expire; otherwise carries the action out.
pub(crate) fn plan(
    action: Action,
    memory: &mut Memory,
    account: &Account,
    services: &Services,
    skus: &[String],
    now: Instant,
) -> Step {
    if let Some(token) = account.due_refresh(now) {
        let step = Step::new("POST /v1/sessions/refresh", &services.users, "/v1/sessions/refresh");
        let step = step.body(json!({"refresh_token": token})).effect(Effect::Authenticated);
        return Step { authenticated: false, ..step };
    }
    memory.turn = memory.turn.wrapping_add(1);
    match action {
        Action::BrowseProducts | Action::GetOrder | Action::ListOrders | Action::PollStatus => {
            read_orders(action, memory, services)
        }
        Action::CreateOrder | Action::Pay | Action::Cancel => change_orders(action, memory, services, skus),
        Action::ReadMe | Action::PatchMe | Action::LogIn => users(action, memory, account, services),
        Action::ReadPreferences | Action::PutPreferences | Action::Notifications => {
            notifications(action, memory, services)
        }
    }
}

fn read_orders(action: Action, memory: &Memory, services: &Services) -> Step {
    let base = &services.orders;
    let picked = match action {
        Action::PollStatus => memory.paid.as_ref().or(memory.orders.back()),
        _ => (!memory.orders.is_empty()).then(|| &memory.orders[memory.turn % memory.orders.len()]),
    };
    match (action, picked) {
        (Action::BrowseProducts, _) => {
            Step { authenticated: false, ..Step::new("GET /v1/products", base, "/v1/products") }
        }
        (Action::GetOrder | Action::PollStatus, Some(id)) => {
            Step::new("GET /v1/orders/{id}", base, &format!("/v1/orders/{id}"))
        }
        _ => Step::new("GET /v1/orders", base, "/v1/orders?limit=20"),
    }
}

fn change_orders(action: Action, memory: &mut Memory, services: &Services, skus: &[String]) -> Step {
    let base = &services.orders;
    let unpaid = if action == Action::CreateOrder { None } else { memory.unpaid.pop_front() };
    match (action, unpaid) {
        (Action::Pay, Some(id)) => Step::new("POST /v1/orders/{id}/payment", base, &format!("/v1/orders/{id}/payment"))
            .body(json!({"method": "card"}))
            .expecting(&[202, 409])
            .effect(Effect::Paid(id)),
        (Action::Cancel, Some(id)) => {
            Step::new("POST /v1/orders/{id}/cancel", base, &format!("/v1/orders/{id}/cancel")).expecting(&[200, 409])
        }
        _ => create(memory.turn, base, skus),
    }
}

fn create(turn: usize, base: &str, skus: &[String]) -> Step {
    let line = |i: usize| json!({"sku": skus[i % skus.len().max(1)], "quantity": 1 + i % 2});
    let lines =
        if turn.is_multiple_of(3) && skus.len() > 1 { vec![line(turn), line(turn + 1)] } else { vec![line(turn)] };
    let step = Step::new("POST /v1/orders", base, "/v1/orders").body(json!({"items": lines}));
    Step { idempotent_key: true, ..step.expecting(&[201, 409]).effect(Effect::Ordered) }
}

fn users(action: Action, memory: &Memory, account: &Account, services: &Services) -> Step {
    let base = &services.users;
    match action {
        Action::PatchMe => Step::new("PATCH /v1/users/{id}", base, &format!("/v1/users/{}", account.id))
            .body(json!({"name": format!("Load {}", memory.turn)})),
        Action::LogIn => {
            let step = Step::new("POST /v1/sessions", base, "/v1/sessions")
                .body(json!({"email": account.email, "password": account.password}))
                .effect(Effect::Authenticated);
            Step { authenticated: false, ..step }
        }
        _ => Step::new("GET /v1/users/me", base, "/v1/users/me"),
    }
}

fn notifications(action: Action, memory: &Memory, services: &Services) -> Step {
    let base = &services.notifications;
    match (action, memory.paid.as_ref().or(memory.orders.back())) {
        (Action::Notifications, Some(id)) => {
            Step::new("GET /v1/notifications", base, &format!("/v1/notifications?order_id={id}"))
        }
        (Action::PutPreferences, _) => {
            let sms = memory.turn.is_multiple_of(2);
            Step::new("PUT /v1/preferences", base, "/v1/preferences")
                .body(json!({"email": true, "sms": sms, "push": !sms}))
        }
        _ => Step::new("GET /v1/preferences", base, "/v1/preferences"),
    }
}

/// Takes in what the answer to a step says.
pub(crate) fn learn(memory: &mut Memory, account: &Account, effect: Effect, status: u16, body: &[u8]) {
    match effect {
        Effect::Ordered if status == 201 => {
            let id = serde_json::from_slice::<Value>(body).ok().and_then(|b| b.get("id")?.as_str().map(str::to_owned));
            if let Some(id) = id {
                remember(&mut memory.unpaid, id.clone());
                remember(&mut memory.orders, id);
            }
        }
        Effect::Paid(id) if status == 202 => memory.paid = Some(id),
        Effect::Authenticated if status == 200 => {
            let body = serde_json::from_slice(body).unwrap_or_default();
            if let Some(tokens) = crate::account::Tokens::read(&body, Instant::now()) {
                account.renew(tokens);
            }
        }
        _ => {}
    }
}

fn remember(list: &mut VecDeque<String>, id: String) {
    list.push_back(id);
    if list.len() > MEMORY {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Tokens;
    use std::time::Duration;

    fn account() -> Account {
        let body = json!({"access_token": "a", "refresh_token": "r", "expires_in": 900});
        Account::new("u1".into(), "u@example.com".into(), "secret".into(), Tokens::read(&body, Instant::now()).unwrap())
    }

    fn next(action: Action, memory: &mut Memory) -> Step {
        plan(action, memory, &account(), &Services::default(), &["a".into(), "b".into()], Instant::now())
    }

    #[test]
    fn every_action_goes_to_the_service_that_has_its_route() {
        let mut memory = Memory { orders: ["o1".to_owned()].into(), ..Memory::default() };
        for action in Action::ALL {
            memory.unpaid.push_back("o2".into());
            let step = next(action, &mut memory);
            let port = match step.route.split('/').nth(2).unwrap() {
                "users" | "sessions" => ":3001/",
                "orders" | "products" => ":3002/",
                _ => ":3003/",
            };
            assert!(step.url.contains(port), "{action:?}: {step:?}");
            assert!(step.route.starts_with(step.method));
            assert!(!step.url.contains('{'), "{step:?}");
        }
    }

    #[test]
    fn an_order_is_created_then_paid_then_polled() {
        let (mut memory, account) = (Memory::default(), account());
        let create = next(Action::Pay, &mut memory);
        assert_eq!((create.route, create.idempotent_key), ("POST /v1/orders", true), "nothing to pay yet");
        learn(&mut memory, &account, create.effect, 201, br#"{"id":"o1","status":"reserved"}"#);
        let pay = next(Action::Pay, &mut memory);
        assert!(pay.url.ends_with("/v1/orders/o1/payment"));
        learn(&mut memory, &account, pay.effect, 202, b"{}");
        let poll = next(Action::PollStatus, &mut memory);
        assert!(poll.url.ends_with("/v1/orders/o1"));
        let notifications = next(Action::Notifications, &mut memory);
        assert!(notifications.url.ends_with("?order_id=o1"));
        assert_eq!(next(Action::Cancel, &mut memory).route, "POST /v1/orders", "the only order is paid");
    }

    #[test]
    fn without_orders_reads_fall_back_to_the_list() {
        let mut memory = Memory::default();
        assert_eq!(next(Action::GetOrder, &mut memory).route, "GET /v1/orders");
        assert_eq!(next(Action::PollStatus, &mut memory).route, "GET /v1/orders");
        assert_eq!(next(Action::Notifications, &mut memory).route, "GET /v1/preferences");
    }

    #[test]
    fn an_ageing_token_is_refreshed_before_anything_else() {
        let (mut memory, account) = (Memory::default(), account());
        let later = Instant::now() + Duration::from_secs(700);
        let step = plan(Action::ReadMe, &mut memory, &account, &Services::default(), &[], later);
        assert_eq!((step.route, step.authenticated), ("POST /v1/sessions/refresh", false));
        learn(&mut memory, &account, step.effect, 200, br#"{"access_token":"b","refresh_token":"s"}"#);
        assert_eq!(account.access_token(), "b");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut memory, account) = (Memory::default(), account());
        for i in 0..100 {
            learn(&mut memory, &account, Effect::Ordered, 201, format!("{{\"id\":\"o{i}\"}}").as_bytes());
        }
        assert_eq!((memory.orders.len(), memory.unpaid.len()), (MEMORY, MEMORY));
        assert_eq!(memory.orders.back().unwrap(), "o99");
        learn(&mut memory, &account, Effect::Ordered, 409, b"{}");
        learn(&mut memory, &account, Effect::Ordered, 201, b"nonsense");
        assert_eq!(memory.orders.back().unwrap(), "o99");
    }
}
