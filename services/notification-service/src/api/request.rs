//! The body of `POST /v1/notifications`, checked as a whole: every wrong field is named.

use crate::domain::{Channel, Rendered, Template};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_common::problem::FieldError;
use uuid::Uuid;

/// Longest order id; they are UUIDs, other callers may have other ones.
const MAX_ORDER_ID: usize = 64;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationRequest {
    /// `email`, `sms` or `push`.
    #[schema(value_type = Channel)]
    pub channel: String,
    /// An address, a phone number such as +4930123456, or a device's token.
    #[schema(example = "ada@example.com")]
    pub to: String,
    /// `order_confirmed`, `order_cancelled`, `order_refunded`, `welcome` or `generic`.
    #[schema(value_type = Template)]
    pub template: String,
    /// Variables of the template; `order_id` and `user_id` also say what it is about and for whom.
    #[serde(default)]
    #[schema(value_type = HashMap<String, Value>)]
    pub data: Map<String, Value>,
}

/// A request whose fields are all good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How it is sent.
    pub channel: Channel,
    /// Which text it is.
    pub template: Template,
    /// The text.
    pub text: Rendered,
    /// The order that it is about.
    pub order_id: Option<String>,
    /// The user that it is for.
    pub user_id: Option<Uuid>,
}

impl NotificationRequest {
    /// Checks all fields.
    ///
    /// # Errors
    /// One entry for every field that is wrong.
    pub fn check(&self) -> Result<Checked, Vec<FieldError>> {
        let mut errors = Vec::new();
        let channel = self.channel.parse::<Channel>().map_err(|error| refuse(&mut errors, "channel", &error)).ok();
        if let Some(Err(error)) = channel.map(|channel| channel.check(&self.to)) {
            refuse(&mut errors, "to", &error);
        }
        let template = self.template.parse::<Template>().map_err(|error| refuse(&mut errors, "template", &error)).ok();
        let text = template.and_then(|template| self.render(template, &mut errors));
        let order_id = self.order_id(&mut errors);
        let user_id = self.user_id(&mut errors);
        match (channel, template, text) {
            (Some(channel), Some(template), Some(text)) if errors.is_empty() => {
                Ok(Checked { channel, template, text, order_id, user_id })
            }
            _ => Err(errors),
        }
    }

    fn render(&self, template: Template, errors: &mut Vec<FieldError>) -> Option<Rendered> {
        let missing = match template.render(&self.data) {
            Ok(text) => return Some(text),
            Err(missing) => missing,
        };
        for error in &missing {
            refuse(errors, &format!("data.{}", error.variable()), error);
        }
        None
    }

    fn order_id(&self, errors: &mut Vec<FieldError>) -> Option<String> {
        match self.data.get("order_id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) if (1..=MAX_ORDER_ID).contains(&id.len()) => Some(id.clone()),
            Some(_) => {
                refuse(errors, "data.order_id", &format_args!("must be a text of 1 to {MAX_ORDER_ID} characters"));
                None
            }
        }
    }

    fn user_id(&self, errors: &mut Vec<FieldError>) -> Option<Uuid> {
        match self.data.get("user_id") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let id = value.as_str().and_then(|text| text.parse().ok());
                if id.is_none() {
                    refuse(errors, "data.user_id", &"must be a UUID");
                }
                id
            }
        }
    }
}

fn refuse(errors: &mut Vec<FieldError>, field: &str, message: &dyn std::fmt::Display) {
    errors.push(FieldError { field: field.to_owned(), message: message.to_string() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(body: Value) -> NotificationRequest {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_good_request_tells_what_it_is_about() {
        let user = Uuid::now_v7();
        let checked = request(json!({
            "channel": "email", "to": "ada@example.com", "template": "order_cancelled",
            "data": { "order_id": "o-1", "user_id": user }
        }))
        .check()
        .unwrap();
        assert_eq!((checked.channel, checked.template), (Channel::Email, Template::OrderCancelled));
        assert_eq!((checked.order_id.as_deref(), checked.user_id), (Some("o-1"), Some(user)));
        assert_eq!(checked.text.subject, "Your order o-1 is cancelled");
    }

    #[test]
    fn all_wrong_fields_are_named_at_once() {
        let errors = request(json!({
            "channel": "fax", "to": "", "template": "spam", "data": { "order_id": 7, "user_id": "ada" }
        }))
        .check()
        .unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["channel", "template", "data.order_id", "data.user_id"]);
        let errors = request(json!({ "channel": "sms", "to": "ada", "template": "welcome" })).check().unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["to", "data.name"]);
    }
}
