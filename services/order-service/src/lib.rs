//! Orders, payments and inventory
