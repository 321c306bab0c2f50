//! The platform's dashboards, one module each.

mod load_test;
mod notifications;
mod orders;
mod overview;
mod runtime;
mod service;
mod slo;

use crate::model::{Dashboard, Row, Variable};

/// Every dashboard, in the order in which a newcomer should open them.
pub fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        service::dashboard(),
        slo::dashboard(),
        orders::dashboard(),
        notifications::dashboard(),
        load_test::dashboard(),
        runtime::dashboard(),
    ]
}

/// What the dashboards share: an hour back, a refresh every ten seconds.
fn board(uid: &str, title: &str, description: &str, tags: &[&str], rows: Vec<Row>) -> Dashboard {
    Dashboard {
        uid: uid.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        from: "now-1h".to_owned(),
        refresh: "10s".to_owned(),
        variables: Vec::new(),
        rows,
    }
}

fn variable(name: &str, label: &str, selector: &str, of_label: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        label: label.to_owned(),
        selector: selector.to_owned(),
        of_label: of_label.to_owned(),
        multi: false,
    }
}

fn service_variable() -> Variable {
    variable("service", "Service", "service_info", "service")
}

#[cfg(test)]
mod tests;
