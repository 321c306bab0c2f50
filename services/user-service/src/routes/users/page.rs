//! Pages of the list of accounts.

use super::UserBody;
use crate::store::Store;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use service_common::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::routes) struct Page {
    /// Accounts a page, 1 to 100, default 20.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct UserList {
    items: Vec<UserBody>,
    /// Cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

impl Page {
    /// Reads the page. One account more than asked for tells whether another page follows.
    pub(super) async fn fetch(self, store: &Store) -> Result<UserList, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request(format!("limit: {limit} is not from 1 to {MAX_LIMIT}")));
        }
        let after = self.cursor.as_deref().map(decode).transpose()?;
        let mut users = store.list(after, limit + 1).await?;
        let more = users.len() > limit as usize;
        users.truncate(limit as usize);
        let next_cursor = users.last().filter(|_| more).map(|user| URL_SAFE_NO_PAD.encode(user.id.as_bytes()));
        Ok(UserList { items: users.into_iter().map(UserBody::from).collect(), next_cursor })
    }
}

fn decode(cursor: &str) -> Result<Uuid, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::bad_request("cursor: give the next_cursor of an earlier page"))
}
