//! Tokens as user-service would issue them.

use secrecy::SecretString;
use service_common::auth::{Claims, Issuer, Keys};
use service_common::{Role, Verifier};
use uuid::Uuid;

/// The token by which another service authenticates itself.
pub const SERVICE_TOKEN: &str = "test-service-token";

/// Issues tokens.
#[derive(Debug)]
pub struct Tokens {
    issuer: Issuer,
    email: &'static str,
}

impl Tokens {
    /// Tokens with a new key; users have this address.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn new(email: &'static str) -> Self {
        Self { issuer: Issuer::generate().unwrap(), email }
    }

    /// A verifier of these tokens and of [`SERVICE_TOKEN`].
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier::new(Keys::fixed(&self.issuer.jwks()), Some(SecretString::from(SERVICE_TOKEN)))
    }

    /// The key.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A token of a user.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn of(&self, user: Uuid, roles: &[Role]) -> String {
        let now = chrono::Utc::now().timestamp();
        self.issuer.sign(&Claims::new(user, self.email, roles, now, 900)).unwrap()
    }

    /// A token of some administrator.
    #[must_use]
    pub fn admin(&self) -> String {
        self.of(Uuid::now_v7(), &[Role::User, Role::Admin])
    }
}
