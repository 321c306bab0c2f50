//! Who calls: access tokens (EdDSA JWT), the shared token of services, and roles.

mod extractor;
mod issuer;
mod keys;
mod verifier;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use extractor::Authenticated;
pub use issuer::{Issuer, IssuerError};
pub use jsonwebtoken::jwk::JwkSet;
pub use keys::Keys;
pub use verifier::{AuthError, Verifier};

/// Who signs access tokens.
pub const ISSUER: &str = "user-service";
/// Whom access tokens are for.
pub const AUDIENCE: &str = "sre-platform";

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Anybody with an account.
    User,
    /// People who run the platform.
    Admin,
    /// Another service; never in an access token.
    Service,
}

impl Role {
    /// The role's name in tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

/// Contents of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// The user's e-mail address.
    pub email: String,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// Who signed: [`ISSUER`].
    pub iss: String,
    /// Whom it is for: [`AUDIENCE`].
    pub aud: String,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// The session it was issued in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
}

impl Claims {
    /// Claims of a user from `now` (seconds since 1970) for `ttl_s` seconds.
    #[must_use]
    pub fn new(sub: Uuid, email: &str, roles: &[Role], now: i64, ttl_s: i64) -> Self {
        Self {
            sub,
            email: email.to_owned(),
            roles: roles.to_vec(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: now,
            exp: now + ttl_s,
            sid: None,
        }
    }

    /// Claims of the same user within a session.
    #[must_use]
    pub fn in_session(mut self, session: Uuid) -> Self {
        self.sid = Some(session);
        self
    }
}
