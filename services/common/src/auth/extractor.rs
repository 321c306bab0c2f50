//! The caller as an argument of a handler.

use super::{AuthError, Claims, Role, Verifier};
use crate::problem::Problem;
use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use uuid::Uuid;

/// A caller whose credentials were verified. As an argument of a handler it answers 401 to everybody else;
/// `Option<Authenticated>` lets callers without credentials pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    subject: Option<Uuid>,
    email: Option<String>,
    roles: Vec<Role>,
    session: Option<Uuid>,
}

impl Authenticated {
    /// Another service.
    #[must_use]
    pub fn service() -> Self {
        Self { subject: None, email: None, roles: vec![Role::Service], session: None }
    }

    /// A user with these claims.
    #[must_use]
    pub fn user(claims: Claims) -> Self {
        Self { subject: Some(claims.sub), email: Some(claims.email), roles: claims.roles, session: claims.sid }
    }

    /// The user; `None` for a service.
    #[must_use]
    pub fn subject(&self) -> Option<Uuid> {
        self.subject
    }

    /// The user's e-mail address; `None` for a service.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The session that the token was issued in, if it names one.
    #[must_use]
    pub fn session(&self) -> Option<Uuid> {
        self.session
    }

    /// Whether the caller has a role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The user.
    ///
    /// # Errors
    /// 403 for a service.
    pub fn require_user(&self) -> Result<Uuid, Problem> {
        self.subject.ok_or_else(|| Problem::forbidden("only a user may do this"))
    }

    /// Refuses a caller without this role.
    ///
    /// # Errors
    /// 403.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        self.require_any(&[role])
    }

    /// Refuses a caller that has none of these roles.
    ///
    /// # Errors
    /// 403.
    pub fn require_any(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.iter().any(|role| self.has(*role)) {
            return Ok(());
        }
        let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        Err(Problem::forbidden(format!("this needs the role {}", names.join(" or "))))
    }

    /// Whether the caller is this user, an administrator or a service.
    #[must_use]
    pub fn may_read(&self, owner: Uuid) -> bool {
        self.subject == Some(owner) || self.has(Role::Admin) || self.has(Role::Service)
    }
}

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).ok_or(AuthError::Missing)?;
        let value = header.to_str().map_err(|_| AuthError::Invalid)?;
        let (scheme, credential) = value.split_once(' ').ok_or(AuthError::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(AuthError::Missing.into());
        }
        Ok(Verifier::from_ref(state).verify(credential.trim()).await?)
    }
}

impl<S> OptionalFromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}
