//! Changes of an account: who may change what.

use crate::state::App;
use crate::store::{Account, Change};
use crate::validate::{self, Fields};
use serde::Deserialize;
use service_common::{Authenticated, Problem, Role};
use utoipa::ToSchema;

/// What to change; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Patch {
    #[schema(format = Email)]
    email: Option<String>,
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The new password.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    password: Option<String>,
    /// The present password, required of an owner who changes it.
    #[schema(format = Password)]
    current_password: Option<String>,
    /// The roles, for administrators: `user`, or `user` and `admin`.
    roles: Option<Vec<Role>>,
}

impl Patch {
    /// Checks fields and rights, and hashes a new password.
    pub(super) async fn check(self, app: &App, caller: &Authenticated, account: Account) -> Result<Change, Problem> {
        let email = self.email.map(|email| email.trim().to_owned());
        let name = self.name.map(|name| name.trim().to_owned());
        let mut fields = Fields::default();
        fields.check("email", email.as_deref().map_or(Ok(()), validate::email));
        fields.check("name", name.as_deref().map_or(Ok(()), validate::name));
        fields.check("password", self.password.as_deref().map_or(Ok(()), validate::password));
        fields.check("roles", self.roles.as_deref().map_or(Ok(()), check_roles));
        fields.finish()?;
        let is_admin = self.roles.map(|roles| roles.contains(&Role::Admin));
        if is_admin.is_some() {
            caller.require(Role::Admin)?;
        }
        let is_owner = caller.subject() == Some(account.user.id);
        if is_owner && is_admin == Some(false) {
            return Err(Problem::conflict("you cannot take the role admin from yourself"));
        }
        let password_hash = match self.password {
            Some(password) => {
                if is_owner {
                    require_current(app, self.current_password, account.password_hash).await?;
                }
                Some(app.hasher().hash(password).await?)
            }
            None => None,
        };
        Ok(Change { email, name, password_hash, is_admin })
    }
}

fn check_roles(roles: &[Role]) -> Result<(), String> {
    if roles.contains(&Role::Service) || !roles.contains(&Role::User) {
        return Err("may be user, or user and admin".to_owned());
    }
    Ok(())
}

/// A token left behind must not be enough to take an account over.
async fn require_current(app: &App, given: Option<String>, stored: String) -> Result<(), Problem> {
    let Some(given) = given else {
        return Err(Problem::invalid_field("current_password", "is required to change the password"));
    };
    if app.hasher().verify(given, Some(stored)).await? {
        Ok(())
    } else {
        Err(Problem::forbidden("the present password is wrong"))
    }
}
