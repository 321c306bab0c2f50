//! What must exist before the run: accounts with tokens, an order each, and the products' SKUs.

use crate::account::{Account, Tokens};
use crate::data::Data;
use crate::job::{Credentials, Job, Services};
use crate::scenario::Scenario;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Registrations at once: each costs the service a core for a moment.
const CONCURRENCY: usize = 4;

/// A request that gets a server error is sent so many times.
const ATTEMPTS: u32 = 8;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// What the users of a run share.
#[derive(Debug)]
pub(crate) struct World {
    /// At least one.
    pub(crate) accounts: Vec<Arc<Account>>,
    /// Where the scenario `admin` occurs.
    pub(crate) admin: Option<Arc<Account>>,
    /// At least one.
    pub(crate) skus: Vec<String>,
    pub(crate) data: Data,
}

/// Makes accounts, logs them in, and orders something for each.
pub(crate) async fn set_up(client: &reqwest::Client, job: &Job) -> Result<World, String> {
    let (services, data) = (&job.services, Data::built_in()?);
    let admin = admin(client, job).await?;
    let products = send(client.get(format!("{}/v1/products", services.orders)), "read the products", &[200]).await?;
    let skus = skus(&products);
    if skus.is_empty() {
        return Err(format!("{}/v1/products lists no product with a sku", services.orders));
    }
    let (run, slots) = (uuid::Uuid::now_v7().simple().to_string(), Arc::new(Semaphore::new(CONCURRENCY)));
    let tasks: Vec<_> = (0..job.accounts.max(1))
        .map(|i| {
            let (client, services, slots) = (client.clone(), services.clone(), slots.clone());
            let (email, sku) = (format!("load-{run}-{i}@example.com"), skus[i % skus.len()].clone());
            tokio::spawn(async move {
                // Never closed while a task holds it.
                let _slot = slots.acquire().await;
                account(&client, &services, email, &sku).await
            })
        })
        .collect();
    let mut world = World { accounts: Vec::new(), admin, skus, data };
    for task in tasks {
        let account = task.await.map_err(|error| format!("setting up an account: {error}"))??;
        world.accounts.push(Arc::new(account));
    }
    Ok(world)
}

/// Logs the administrator in, where one is needed.
async fn admin(client: &reqwest::Client, job: &Job) -> Result<Option<Arc<Account>>, String> {
    let Some(Credentials { email, password }) = job.admin.clone().filter(|_| job.mix.has(Scenario::Admin)) else {
        return match job.mix.without(Scenario::Admin) {
            Some(_) => Ok(None),
            None => Err("the scenario admin needs an administrator: set ADMIN_EMAIL and ADMIN_PASSWORD".to_owned()),
        };
    };
    let (tokens, id) = (log_in(client, &job.services, &email, &password).await?, String::new());
    Ok(Some(Arc::new(Account::new(id, email, password, tokens))))
}

async fn log_in(client: &reqwest::Client, services: &Services, email: &str, password: &str) -> Result<Tokens, String> {
    let users = &services.users;
    let body = json!({"email": email, "password": password});
    let session = send(client.post(format!("{users}/v1/sessions")).json(&body), "log users in", &[200]).await?;
    Tokens::read(&session, Instant::now())
        .ok_or_else(|| format!("cannot log users in: {users}/v1/sessions answered without an access_token"))
}

async fn account(client: &reqwest::Client, services: &Services, email: String, sku: &str) -> Result<Account, String> {
    let password = uuid::Uuid::new_v4().to_string();
    let (users, orders) = (&services.users, &services.orders);
    let body = json!({"email": email, "password": password, "name": "Load"});
    let registered = send(client.post(format!("{users}/v1/users")).json(&body), "register users", &[201]).await?;
    let id = registered.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let tokens = log_in(client, services, &email, &password).await?;
    let account = Account::new(id, email, password, tokens);
    let request = client
        .post(format!("{orders}/v1/orders"))
        .bearer_auth(account.access_token())
        .header("idempotency-key", uuid::Uuid::new_v4().to_string())
        .json(&json!({"items": [{"sku": sku, "quantity": 1}]}));
    // So that there is an order to look at. Neither an empty stock nor an injected fault is an obstacle.
    let _ = send(request, "create an order", &[201]).await;
    Ok(account)
}

/// Sends a request until it gets an expected answer; faults may be what the run is about, so that server errors are
/// tried again.
async fn send(request: reqwest::RequestBuilder, purpose: &str, expected: &[u16]) -> Result<Value, String> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| format!("cannot {purpose}: {error}"))?;
    let place = format!("{} {}", request.method(), request.url());
    let mut attempts = 0;
    loop {
        attempts += 1;
        // A body of JSON is in memory, and so can be sent again.
        let Some(copy) = request.try_clone() else { return Err(format!("cannot {purpose}: {place}: no copy")) };
        let cause = match answer(&client, copy).await {
            Ok((status, body)) if expected.contains(&status) => return Ok(body),
            Ok((status, body)) if status < 500 || attempts == ATTEMPTS => {
                let detail = body.get("detail").or(body.get("title")).and_then(Value::as_str).unwrap_or_default();
                format!("status {status} {detail}")
            }
            Ok(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(cause) => cause,
        };
        return Err(format!("cannot {purpose}: {place}: {}", cause.trim_end()));
    }
}

async fn answer(client: &reqwest::Client, request: reqwest::Request) -> Result<(u16, Value), String> {
    let response = client.execute(request).await.map_err(|error| crate::attack::cause(&error))?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| crate::attack::cause(&error))?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn skus(products: &Value) -> Vec<String> {
    let items = products.get("items").unwrap_or(products).as_array();
    items.into_iter().flatten().filter_map(|item| item.get("sku")?.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_found_in_both_shapes_of_a_list() {
        assert_eq!(skus(&json!({"items": [{"sku": "a"}, {"name": "b"}]})), ["a"]);
        assert_eq!(skus(&json!([{"sku": "c"}])), ["c"]);
        assert!(skus(&json!({"error": 1})).is_empty());
    }
}
