//! The accounts that the load is sent with.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a log-in gave.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) minted: Instant,
    pub(crate) valid: Duration,
}

impl Tokens {
    /// Reads the answer to a log-in or a refresh.
    pub(crate) fn read(body: &serde_json::Value, now: Instant) -> Option<Self> {
        let text = |key: &str| body.get(key)?.as_str().map(str::to_owned);
        let valid = body.get("expires_in").and_then(serde_json::Value::as_u64).unwrap_or(900);
        Some(Self {
            access: text("access_token")?,
            refresh: text("refresh_token").unwrap_or_default(),
            minted: now,
            valid: Duration::from_secs(valid),
        })
    }
}

/// A registered user of the services.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) password: String,
    tokens: Mutex<Tokens>,
}

impl Account {
    pub(crate) fn new(id: String, email: String, password: String, tokens: Tokens) -> Self {
        Self { id, email, password, tokens: Mutex::new(tokens) }
    }

    pub(crate) fn access_token(&self) -> String {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).access.clone()
    }

    /// The refresh token, once two thirds of the access token's life are over. It is given out once: the service
    /// rotates it, and would take a second use for theft.
    pub(crate) fn due_refresh(&self, now: Instant) -> Option<String> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let old = now.saturating_duration_since(tokens.minted) >= tokens.valid * 2 / 3;
        (old && !tokens.refresh.is_empty()).then(|| std::mem::take(&mut tokens.refresh))
    }

    pub(crate) fn renew(&self, tokens: Tokens) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_refreshed_once_when_it_ages() {
        let now = Instant::now();
        let tokens = Tokens::read(&json!({"access_token": "a", "refresh_token": "r", "expires_in": 900}), now).unwrap();
        let account = Account::new("id".into(), "e".into(), "p".into(), tokens);
        assert_eq!(account.due_refresh(now + Duration::from_secs(599)), None);
        assert_eq!(account.due_refresh(now + Duration::from_secs(601)).as_deref(), Some("r"));
        assert_eq!(account.due_refresh(now + Duration::from_secs(601)), None);
        let later = now + Duration::from_secs(602);
        account.renew(Tokens::read(&json!({"access_token": "b"}), later).unwrap());
        assert_eq!(account.access_token(), "b");
        assert_eq!(account.due_refresh(later + Duration::from_secs(899)), None, "no refresh token came with it");
    }

    #[test]
    fn an_answer_without_a_token_is_none() {
        assert!(Tokens::read(&json!({"error": "x"}), Instant::now()).is_none());
    }
}
