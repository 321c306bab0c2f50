//! One request of a scenario, and its answer.

use crate::account::Account;
use serde_json::Value;
use std::borrow::Cow;

/// What a request carries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    None,
    Json(Value),
    /// Sent as it is, whatever it is.
    Raw {
        content_type: String,
        text: String,
    },
}

/// One request, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// Method and path pattern: the name in reports.
    pub(crate) route: Cow<'static, str>,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Body,
    pub(crate) idempotent: bool,
    /// Statuses that are no error: conflicts are answers that a shop gives.
    pub(crate) expected: Cow<'static, [u16]>,
    /// How long the user thinks before the next request, as a multiple of the mean.
    pub(crate) think: f64,
}

impl Step {
    /// A request without a token that expects 200.
    pub(crate) fn new(route: impl Into<Cow<'static, str>>, base: &str, path: &str) -> Self {
        Self {
            route: route.into(),
            url: format!("{base}{path}"),
            token: None,
            body: Body::None,
            idempotent: false,
            expected: Cow::Borrowed(&[200]),
            think: 1.0,
        }
    }

    /// The method: the first word of the route.
    pub(crate) fn method(&self) -> &str {
        self.route.split(' ').next().unwrap_or("GET")
    }

    pub(crate) fn by(self, account: &Account) -> Self {
        self.token(account.access_token())
    }

    pub(crate) fn token(self, token: String) -> Self {
        Self { token: Some(token), ..self }
    }

    pub(crate) fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    pub(crate) fn expecting(self, expected: &'static [u16]) -> Self {
        Self { expected: Cow::Borrowed(expected), ..self }
    }

    pub(crate) fn thinking(self, think: f64) -> Self {
        Self { think, ..self }
    }

    /// With a key of its own, so that a repeat would change nothing.
    pub(crate) fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }
}

/// An answer. Its body is read as JSON only where a scenario needs it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body; null where it is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A text of the body's top level.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.json().get(key)?.as_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_says_what_is_sent_and_what_is_expected() {
        let step = Step::new("POST /v1/orders", "http://h:1", "/v1/orders?x=1").json(json!({"a": 1})).idempotent();
        assert_eq!((step.method(), step.url.as_str()), ("POST", "http://h:1/v1/orders?x=1"));
        assert_eq!((step.expected.as_ref(), step.token.clone(), step.idempotent), (&[200][..], None, true));
        let step = step.token("t".into()).expecting(&[201, 409]).thinking(0.2);
        assert_eq!((step.token.as_deref(), step.expected.as_ref(), step.think), (Some("t"), &[201, 409][..], 0.2));
    }

    #[test]
    fn an_answer_that_is_no_json_has_no_texts() {
        let answer = |body: &str| Answer { status: 200, body: body.into() };
        assert_eq!(answer("{\"id\":\"x\",\"n\":1}").text("id"), Some("x".to_owned()));
        assert_eq!(answer("{\"id\":\"x\",\"n\":1}").text("n"), None);
        assert_eq!(answer("<html>").text("id"), None);
    }
}
