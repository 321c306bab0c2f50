//! Recording and alerting rules: file format, templates and alert state machine

mod duration;
mod template;

pub use duration::{DurationError, format_duration, parse_duration};
pub use template::{Template, TemplateData, TemplateError, TemplateQuery};
