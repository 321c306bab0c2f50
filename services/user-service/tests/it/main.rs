//! Tests of user-service: every route, good and bad, without a socket; and the program itself.

mod accounts;
mod listing;
mod process;
mod rights;
mod sessions;
mod support;
