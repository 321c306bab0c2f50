//! What a customer asks for, checked and priced.

use super::catalogue::Catalogue;
use serde::{Deserialize, Serialize};

/// Most lines of one order.
pub const MAX_LINES: usize = 50;
/// Most units of one line.
pub const MAX_QUANTITY: i64 = 1_000;

/// One line as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedLine {
    /// Which product.
    #[schema(example = "coffee-beans-1kg")]
    pub sku: String,
    /// How many units, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    pub quantity: i64,
}

/// One line with the price at the time of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Line {
    /// Which product.
    pub sku: String,
    /// How many units.
    pub quantity: i64,
    /// Price of one unit in minor units.
    pub unit_price: i64,
}

/// Lines that can be ordered, and what they cost together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    lines: Vec<Line>,
    total: i64,
}

/// Why lines cannot be ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BasketError {
    /// No line, or too many.
    #[error("has {0} lines; an order has 1 to {MAX_LINES}")]
    LineCount(usize),
    /// A SKU that is not sold.
    #[error("there is no product `{sku}`")]
    UnknownSku {
        /// Which line, from 0.
        line: usize,
        /// The SKU.
        sku: String,
    },
    /// The same SKU twice.
    #[error("`{sku}` stands in an earlier line; give one line with the sum")]
    Repeated {
        /// Which line, from 0.
        line: usize,
        /// The SKU.
        sku: String,
    },
    /// Too few or too many units.
    #[error("{quantity} is out of range; give 1 to {MAX_QUANTITY}")]
    Quantity {
        /// Which line, from 0.
        line: usize,
        /// What was asked for.
        quantity: i64,
    },
    /// The sum cannot be represented.
    #[error("the total is too large")]
    Total,
}

impl BasketError {
    /// The field of the request that is at fault.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::LineCount(_) | Self::Total => "items".to_owned(),
            Self::UnknownSku { line, .. } | Self::Repeated { line, .. } => format!("items[{line}].sku"),
            Self::Quantity { line, .. } => format!("items[{line}].quantity"),
        }
    }
}

impl Basket {
    /// Checks and prices what was asked for. Lines are sorted by SKU, so that two orders take stock in one order.
    ///
    /// # Errors
    /// [`BasketError`] for the first line that cannot be ordered.
    pub fn new(requested: &[RequestedLine], catalogue: &Catalogue) -> Result<Self, BasketError> {
        if requested.is_empty() || requested.len() > MAX_LINES {
            return Err(BasketError::LineCount(requested.len()));
        }
        let mut lines: Vec<Line> = Vec::with_capacity(requested.len());
        let mut total = 0_i64;
        for (index, RequestedLine { sku, quantity }) in requested.iter().enumerate() {
            let product =
                catalogue.get(sku).ok_or_else(|| BasketError::UnknownSku { line: index, sku: sku.clone() })?;
            if lines.iter().any(|line| line.sku == *sku) {
                return Err(BasketError::Repeated { line: index, sku: sku.clone() });
            }
            if !(1..=MAX_QUANTITY).contains(quantity) {
                return Err(BasketError::Quantity { line: index, quantity: *quantity });
            }
            let price = product.price.checked_mul(*quantity).ok_or(BasketError::Total)?;
            total = total.checked_add(price).ok_or(BasketError::Total)?;
            lines.push(Line { sku: sku.clone(), quantity: *quantity, unit_price: product.price });
        }
        lines.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(Self { lines, total })
    }

    /// The lines, by SKU.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What they cost together, in minor units.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Product;
    use proptest::prelude::*;

    fn line(sku: &str, quantity: i64) -> RequestedLine {
        RequestedLine { sku: sku.to_owned(), quantity }
    }

    #[track_caller]
    fn check_refused(requested: &[RequestedLine], field: &str, message: &str) {
        let error = Basket::new(requested, &Catalogue::seed()).unwrap_err();
        assert_eq!((error.field().as_str(), error.to_string().as_str()), (field, message));
    }

    #[test]
    fn lines_are_priced_and_sorted() {
        let basket = Basket::new(&[line("mug-travel", 2), line("grinder-hand", 1)], &Catalogue::seed()).unwrap();
        assert_eq!(basket.total(), 2 * 2_190 + 8_900);
        assert_eq!(
            basket.lines().iter().map(|line| line.sku.as_str()).collect::<Vec<_>>(),
            ["grinder-hand", "mug-travel"]
        );
    }

    #[test]
    fn the_field_at_fault_is_named() {
        check_refused(&[], "items", "has 0 lines; an order has 1 to 50");
        check_refused(&vec![line("mug-travel", 1); 51], "items", "has 51 lines; an order has 1 to 50");
        check_refused(&[line("mug-travel", 1), line("unicorn", 1)], "items[1].sku", "there is no product `unicorn`");
        check_refused(&[line("mug-travel", 0)], "items[0].quantity", "0 is out of range; give 1 to 1000");
        check_refused(&[line("mug-travel", -3)], "items[0].quantity", "-3 is out of range; give 1 to 1000");
        check_refused(
            &[line("mug-travel", 1), line("mug-travel", 1)],
            "items[1].sku",
            "`mug-travel` stands in an earlier line; give one line with the sum",
        );
    }

    #[test]
    fn a_total_that_overflows_is_refused() {
        let gold = Product { sku: "gold".into(), name: "Gold".into(), price: i64::MAX / 2, currency: "EUR".into() };
        assert_eq!(Basket::new(&[line("gold", 3)], &Catalogue::new([gold])), Err(BasketError::Total));
    }

    proptest! {
        #[test]
        fn any_request_is_refused_or_priced_exactly(
            requested in proptest::collection::vec((0_usize..12, -5_i64..1_500), 0..8)
        ) {
            let catalogue = Catalogue::seed();
            let skus: Vec<_> = catalogue.iter().map(|product| product.sku.clone()).collect();
            let lines: Vec<_> = requested
                .iter()
                .map(|(index, quantity)| line(skus.get(*index).map_or("unknown", String::as_str), *quantity))
                .collect();
            if let Ok(basket) = Basket::new(&lines, &catalogue) {
                let total: i64 = lines.iter().map(|line| catalogue.get(&line.sku).unwrap().price * line.quantity).sum();
                prop_assert_eq!(basket.total(), total);
                prop_assert!(total > 0);
                prop_assert!(basket.lines().windows(2).all(|pair| pair[0].sku < pair[1].sku));
            }
        }
    }
}
