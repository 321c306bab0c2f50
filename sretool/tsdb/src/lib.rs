//! Time series store and exposition-format parser
