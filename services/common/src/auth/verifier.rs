//! Verifying the credentials of a request.

use super::{AUDIENCE, Authenticated, Claims, ISSUER, Keys, Role};
use crate::problem::Problem;
use jsonwebtoken::{Algorithm, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// Longest credential that is looked at.
const MAX_LENGTH: usize = 4_096;

/// Why credentials were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There are none.
    #[error("give an access token in the header `Authorization: Bearer TOKEN`")]
    Missing,
    /// They are no token of ours.
    #[error("the access token is not valid")]
    Invalid,
    /// The token has ended.
    #[error("the access token has expired")]
    Expired,
    /// The token names a key that nobody published.
    #[error("the access token is signed with an unknown key")]
    UnknownKey,
    /// The published keys cannot be had at present.
    #[error("access tokens cannot be verified at present")]
    KeysUnavailable,
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::KeysUnavailable => Self::unavailable(error.to_string(), 1),
            refused => Self::unauthorized(refused.to_string()),
        }
    }
}

/// Verifies access tokens and the shared token of services.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: Keys,
    service_token: Option<SecretString>,
    validation: Validation,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.0.keys).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier of tokens signed with one of `keys`, and of the services' shared token when there is one.
    #[must_use]
    pub fn new(keys: Keys, service_token: Option<SecretString>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Skewed clocks would only shorten a token's life; no reason to lengthen it.
        validation.leeway = 0;
        Self(Arc::new(Inner { keys, service_token, validation }))
    }

    /// Verifies the credential after `Bearer `.
    ///
    /// # Errors
    /// When it is not acceptable, or the keys to verify it with cannot be had.
    pub async fn verify(&self, credential: &str) -> Result<Authenticated, AuthError> {
        if credential.is_empty() || credential.len() > MAX_LENGTH {
            return Err(AuthError::Invalid);
        }
        if self.0.service_token.as_ref().is_some_and(|token| same(token.expose_secret(), credential)) {
            return Ok(Authenticated::service());
        }
        let header = jsonwebtoken::decode_header(credential).map_err(|_| AuthError::Invalid)?;
        let kid = header.kid.filter(|_| header.alg == Algorithm::EdDSA).ok_or(AuthError::Invalid)?;
        let key = self.0.keys.find(&kid).await?;
        let token =
            jsonwebtoken::decode::<Claims>(credential, &key, &self.0.validation).map_err(|error| {
                match error.kind() {
                    jsonwebtoken::errors::ErrorKind::ExpiredSignature => AuthError::Expired,
                    _ => AuthError::Invalid,
                }
            })?;
        if token.claims.roles.contains(&Role::Service) {
            return Err(AuthError::Invalid);
        }
        Ok(Authenticated::user(token.claims))
    }
}

/// Compares two secrets in a time that depends on neither: digests have one length, and every byte is looked at.
fn same(left: &str, right: &str) -> bool {
    let (left, right) = (Sha256::digest(left), Sha256::digest(right));
    left.iter().zip(right.iter()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
