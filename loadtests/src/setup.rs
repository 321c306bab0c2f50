//! What must exist before the run: accounts with tokens, an order each, and the products' SKUs.

use crate::account::{Account, Tokens};
use crate::job::Services;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Registrations at once: each costs the service a core for a moment.
const CONCURRENCY: usize = 4;

/// What the users of a run share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Vec<Arc<Account>>,
    pub(crate) skus: Vec<String>,
}

/// Makes accounts, logs them in, and orders something for each.
pub(crate) async fn set_up(client: &reqwest::Client, services: &Services, accounts: usize) -> Result<World, String> {
    let products = send(client.get(format!("{}/v1/products", services.orders)), "read the products", &[200]).await?;
    let skus = skus(&products);
    if skus.is_empty() {
        return Err(format!("{}/v1/products lists no product with a sku", services.orders));
    }
    let (run, slots) = (uuid::Uuid::now_v7().simple().to_string(), Arc::new(Semaphore::new(CONCURRENCY)));
    let tasks: Vec<_> = (0..accounts)
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
    let mut world = World { accounts: Vec::new(), skus };
    for task in tasks {
        let account = task.await.map_err(|error| format!("setting up an account: {error}"))??;
        world.accounts.push(Arc::new(account));
    }
    Ok(world)
}

async fn account(client: &reqwest::Client, services: &Services, email: String, sku: &str) -> Result<Account, String> {
    let password = uuid::Uuid::new_v4().to_string();
    let (users, orders) = (&services.users, &services.orders);
    let body = json!({"email": email, "password": password, "name": "Load"});
    let registered = send(client.post(format!("{users}/v1/users")).json(&body), "register users", &[201]).await?;
    let id = registered.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = json!({"email": email, "password": password});
    let session = send(client.post(format!("{users}/v1/sessions")).json(&body), "log users in", &[200]).await?;
    let tokens = Tokens::read(&session, Instant::now())
        .ok_or_else(|| format!("cannot log users in: {users}/v1/sessions answered without an access_token"))?;
    let mut account = Account::new(id, email, password, tokens);
    let request = client
        .post(format!("{orders}/v1/orders"))
        .bearer_auth(account.access_token())
        .header("idempotency-key", uuid::Uuid::new_v4().to_string())
        .json(&json!({"items": [{"sku": sku, "quantity": 1}]}));
    // Out of stock is no obstacle: orders are looked for in the list then.
    let order = send(request, "create an order", &[201, 409]).await?;
    account.first_order = order.get("id").and_then(Value::as_str).map(str::to_owned);
    Ok(account)
}

async fn send(request: reqwest::RequestBuilder, purpose: &str, expected: &[u16]) -> Result<Value, String> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| format!("cannot {purpose}: {error}"))?;
    let place = format!("{} {}", request.method(), request.url());
    let failed = |cause: String| format!("cannot {purpose}: {place}: {cause}");
    let response = client.execute(request).await.map_err(|error| failed(crate::attack::cause(&error)))?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| failed(crate::attack::cause(&error)))?;
    if expected.contains(&status) {
        return Ok(serde_json::from_slice(&body).unwrap_or_default());
    }
    let detail: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    Err(failed(format!("status {status} {detail}")))
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
