//! The API's own description (OpenAPI 3.1), and what metrics and faults learn from it.

use crate::metrics::Operation;
use crate::problem::{FieldError, ProblemBody};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder};

/// Where an API's description is served.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// Completes a description: title, version, the bearer scheme (name `token`), and the shape of problems.
pub fn complete(api: &mut OpenApi, title: &str, version: &str) {
    api.info = InfoBuilder::new().title(title).version(version).build();
    let components = api.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    add_schema::<ProblemBody>(components);
    add_schema::<FieldError>(components);
}

fn add_schema<T: utoipa::ToSchema>(components: &mut Components) {
    components.schemas.insert(T::name().into_owned(), T::schema());
}

/// All operations that a description names, and the description's own.
#[must_use]
pub fn operations(api: &OpenApi) -> Vec<Operation> {
    let mut operations = vec![Operation { method: "GET", route: OPENAPI_PATH.to_owned(), statuses: vec![200] }];
    for (route, item) in &api.paths.paths {
        for (method, operation) in methods(item) {
            let Some(operation) = operation else { continue };
            let statuses = operation.responses.responses.keys().filter_map(|status| status.parse().ok()).collect();
            operations.push(Operation { method, route: route.clone(), statuses });
        }
    }
    operations
}

fn methods(item: &PathItem) -> [(&'static str, Option<&utoipa::openapi::path::Operation>); 5] {
    [
        ("GET", item.get.as_ref()),
        ("POST", item.post.as_ref()),
        ("PUT", item.put.as_ref()),
        ("PATCH", item.patch.as_ref()),
        ("DELETE", item.delete.as_ref()),
    ]
}
