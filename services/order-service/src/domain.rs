//! What an order is and what may happen to it. Pure: no clock, no database, no network.

pub mod basket;
pub mod catalogue;
pub mod payment;
pub mod status;

pub use basket::{Basket, BasketError, Line, RequestedLine};
pub use catalogue::{Catalogue, Product};
pub use payment::{Method, PaymentStatus};
pub use service_common::backoff::Backoff;
pub use status::{Command, IllegalTransition, OrderStatus, StockEffect};
