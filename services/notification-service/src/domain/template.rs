//! Texts with variables: `{{name}}`, `{{name|money}}` for minor units, `{{name?}}` for what may be missing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::str::FromStr;

/// A text that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// An order was confirmed. Needs `order_id` and `total`.
    OrderConfirmed,
    /// An order was cancelled. Needs `order_id`.
    OrderCancelled,
    /// An order was refunded. Needs `order_id` and `total`.
    OrderRefunded,
    /// An account was created. Needs `name`.
    Welcome,
    /// Anything else. Needs `subject` and `message`.
    Generic,
}

/// A text that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// A name that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a template; give one of order_confirmed, order_cancelled, order_refunded, welcome, generic")]
pub struct UnknownTemplate(pub String);

/// Why a variable cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The variable is not there.
    #[error("is missing")]
    Missing(String),
    /// The variable is no text, number or truth value.
    #[error("must be a text, a number or a truth value")]
    NotScalar(String),
    /// The variable is no amount.
    #[error("must be an amount in minor units, such as 1890 for 18.90")]
    NotMoney(String),
}

impl TemplateError {
    /// Name of the variable.
    #[must_use]
    pub fn variable(&self) -> &str {
        match self {
            Self::Missing(name) | Self::NotScalar(name) | Self::NotMoney(name) => name,
        }
    }
}

impl Template {
    /// All templates.
    pub const ALL: [Self; 5] =
        [Self::OrderConfirmed, Self::OrderCancelled, Self::OrderRefunded, Self::Welcome, Self::Generic];

    /// The name in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderCancelled => "order_cancelled",
            Self::OrderRefunded => "order_refunded",
            Self::Welcome => "welcome",
            Self::Generic => "generic",
        }
    }

    /// Subject and body, with their variables.
    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::OrderConfirmed => (
                "Your order {{order_id}} is confirmed",
                "Thank you.\n\nOrder: {{order_id}}\nTotal: {{total|money}} {{currency?}}\n\nIt is on its way.",
            ),
            Self::OrderCancelled => {
                ("Your order {{order_id}} is cancelled", "Your order {{order_id}} was cancelled. Nothing was charged.")
            }
            Self::OrderRefunded => (
                "Your order {{order_id}} is refunded",
                "We have returned {{total|money}} {{currency?}} for your order {{order_id}}.",
            ),
            Self::Welcome => ("Welcome, {{name}}", "Hello {{name}},\n\nyour account is ready."),
            Self::Generic => ("{{subject}}", "{{message}}"),
        }
    }

    /// Fills in the variables.
    ///
    /// # Errors
    /// One [`TemplateError`] for every variable that cannot be filled in.
    pub fn render(self, data: &Map<String, Value>) -> Result<Rendered, Vec<TemplateError>> {
        let (subject, body) = self.text();
        let mut errors = Vec::new();
        let subject = fill(subject, data, &mut errors);
        let body = fill(body, data, &mut errors);
        if errors.is_empty() { Ok(Rendered { subject: one_line(&subject), body }) } else { Err(errors) }
    }
}

/// A subject becomes a header: a line break in it could forge another one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn fill(text: &str, data: &Map<String, Value>, errors: &mut Vec<TemplateError>) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let (variable, tail) = after.split_once("}}").unwrap_or((after, ""));
        match value(variable, data) {
            Ok(value) => filled.push_str(&value),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

fn value(variable: &str, data: &Map<String, Value>) -> Result<String, TemplateError> {
    let (name, optional) = variable.strip_suffix('?').map_or((variable, false), |name| (name, true));
    let (name, money) = name.strip_suffix("|money").map_or((name, false), |name| (name, true));
    match data.get(name) {
        None | Some(Value::Null) if optional => Ok(String::new()),
        None | Some(Value::Null) => Err(TemplateError::Missing(name.to_owned())),
        Some(value) if money => value.as_i64().map(amount).ok_or_else(|| TemplateError::NotMoney(name.to_owned())),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(truth)) => Ok(truth.to_string()),
        Some(Value::Array(_) | Value::Object(_)) => Err(TemplateError::NotScalar(name.to_owned())),
    }
}

/// Minor units as people write them.
fn amount(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

impl FromStr for Template {
    type Err = UnknownTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|template| template.as_str() == text).ok_or_else(|| UnknownTemplate(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn data(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[track_caller]
    fn check_refused(template: Template, given: Value, expected: &[(&str, &str)]) {
        let errors = template.render(&data(given)).unwrap_err();
        let found: Vec<_> = errors.iter().map(|error| (error.variable().to_owned(), error.to_string())).collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn variables_are_filled_in() {
        let rendered = Template::OrderRefunded
            .render(&data(json!({ "order_id": "o-1", "total": 8_905, "currency": "EUR" })))
            .unwrap();
        assert_eq!(rendered.subject, "Your order o-1 is refunded");
        assert_eq!(rendered.body, "We have returned 89.05 EUR for your order o-1.");
    }

    #[test]
    fn every_missing_variable_is_named_once() {
        check_refused(Template::OrderConfirmed, json!({}), &[("order_id", "is missing"), ("total", "is missing")]);
        check_refused(
            Template::Generic,
            json!({ "subject": null, "message": [] }),
            &[("subject", "is missing"), ("message", "must be a text, a number or a truth value")],
        );
        check_refused(
            Template::OrderRefunded,
            json!({ "order_id": "o", "total": "12" }),
            &[("total", "must be an amount in minor units, such as 1890 for 18.90")],
        );
    }

    #[test]
    fn a_subject_is_one_line() {
        let given = json!({ "subject": "Hi\r\nBcc: all@example.com", "message": "a\nb" });
        let rendered = Template::Generic.render(&data(given)).unwrap();
        assert_eq!((rendered.subject.as_str(), rendered.body.as_str()), ("Hi  Bcc: all@example.com", "a\nb"));
    }

    #[test]
    fn values_are_not_templates() {
        let given = json!({ "subject": "{{message}}", "message": "{{subject}} {{" });
        let rendered = Template::Generic.render(&data(given)).unwrap();
        assert_eq!((rendered.subject.as_str(), rendered.body.as_str()), ("{{message}}", "{{subject}} {{"));
    }

    #[test]
    fn names_survive_a_round_trip() {
        for template in Template::ALL {
            assert_eq!(template.as_str().parse::<Template>(), Ok(template));
            assert_eq!(serde_json::to_value(template).unwrap(), template.as_str());
        }
        let message = "spam".parse::<Template>().unwrap_err().to_string();
        assert!(Template::ALL.iter().all(|template| message.contains(template.as_str())), "{message}");
    }

    #[test]
    fn amounts_have_two_decimals() {
        let amounts: Vec<_> = [0, 5, 1_890, -1_890, i64::MIN].into_iter().map(amount).collect();
        assert_eq!(amounts, ["0.00", "0.05", "18.90", "-18.90", "-92233720368547758.08"]);
    }

    proptest! {
        #[test]
        fn any_text_is_rendered_as_it_is(message in ".*") {
            let given = data(json!({ "subject": "s", "message": message.clone() }));
            prop_assert_eq!(Template::Generic.render(&given).unwrap().body, message);
        }
    }
}
