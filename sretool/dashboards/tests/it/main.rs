//! The dashboards against a platform whose numbers are known.

mod contract;
mod json;
mod platform;
mod values;
