//! `Idempotency-Key`, and responses that can be given again.

use crate::store::{KeyedRequest, Reply};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use service_common::Problem;
use uuid::Uuid;

/// Names the request, so that repeating it has no second effect.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks a response that an earlier request has got already.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;

/// The key of a request, bound to who sent it, what it asks and its body; `None` when it has none.
///
/// # Errors
/// 400 when the key is empty, too long or not printable.
pub fn keyed<B: Serialize>(
    headers: &HeaderMap,
    subject: Uuid,
    operation: &str,
    body: &B,
) -> Result<Option<KeyedRequest>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len())).ok_or_else(|| {
        Problem::bad_request(format!("Idempotency-Key must have 1 to {MAX_KEY} printable characters"))
    })?;
    let canonical = serde_json::to_vec(body).map_err(Problem::internal)?;
    Ok(Some(KeyedRequest::new(&subject.to_string(), operation, key, &canonical)))
}

/// The reply as a response: repeats differ from the first one in a header only.
pub fn respond(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.response.status).unwrap_or(StatusCode::OK);
    let mut response = (status, reply.response.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(location) = HeaderValue::from_str(&reply.response.location) {
        headers.insert(header::LOCATION, location);
    }
    if reply.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_must_be_short_and_printable() {
        let with = |value: &[u8]| HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap())]);
        let user = Uuid::now_v7();
        assert_eq!(keyed(&HeaderMap::new(), user, "order", &1).unwrap(), None);
        assert!(keyed(&with(b"a"), user, "order", &1).unwrap().is_some());
        assert!(keyed(&with(&[b'a'; 255]), user, "order", &1).unwrap().is_some());
        for bad in [b"".as_slice(), &[b'a'; 256], "ü".as_bytes()] {
            assert_eq!(keyed(&with(bad), user, "order", &1).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
    }
}
