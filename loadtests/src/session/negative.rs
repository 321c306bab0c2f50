//! Requests that must be refused.

use super::{Go, Journey, Scene};
use crate::step::{Answer, Body, Step};
use std::borrow::Cow;

/// Three letters and dots, as a token has them, and nobody's signature.
const FORGED: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwIn0.AAAA";

/// One row of `negative.csv`.
#[derive(Debug)]
pub(super) struct Negative;

impl Journey for Negative {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        let row = scene.world.data.negative.next();
        let base = match row.get("service") {
            "users" => &scene.services.users,
            "notifications" => &scene.services.notifications,
            _ => &scene.services.orders,
        };
        let path = row.get("path").replace("{uuid}", &uuid::Uuid::now_v7().to_string());
        let path = path.replace("{sku}", scene.sku());
        let step = Step::new(format!("{} {}", row.get("method"), row.get("route")), base, &path);
        let body = match (row.get("content_type"), row.get("body")) {
            ("", _) => Body::None,
            (content_type, text) => Body::Raw { content_type: content_type.to_owned(), text: text.to_owned() },
        };
        let expected = Cow::Owned(row.number("expected").into_iter().collect());
        let step = Step { body, expected, ..step };
        match row.get("auth") {
            "user" => step.by(scene.account),
            "forged" => step.token(FORGED.to_owned()),
            _ => step,
        }
    }

    fn learn(&mut self, _: &Answer, _: &mut Scene<'_>) -> Go {
        Go::Over
    }
}
