//! The API.

mod keys;
mod sessions;
mod users;

use crate::state::App;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// All routes with their descriptions.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(users::register, users::list))
        .routes(routes!(users::me))
        .routes(routes!(users::show, users::change, users::delete))
        .routes(routes!(sessions::login))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::logout))
        .routes(routes!(keys::jwks))
}
