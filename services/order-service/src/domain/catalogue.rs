//! What can be bought.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that can be bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Product {
    /// Stock keeping unit: the product's identifier.
    #[schema(example = "coffee-beans-1kg")]
    pub sku: String,
    /// Name for people.
    pub name: String,
    /// Price of one unit in minor units of the currency (cents).
    #[schema(example = 1_890)]
    pub price: i64,
    /// ISO 4217 currency code.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// The only currency that is sold in.
pub const CURRENCY: &str = "EUR";

/// SKU, name and price in cents of the products that a new database starts with.
pub const SEED: [(&str, &str, i64); 10] = [
    ("coffee-beans-1kg", "Coffee beans, 1 kg", 1_890),
    ("espresso-cups-4", "Espresso cups, set of 4", 2_450),
    ("filter-papers-100", "Filter papers, 100 pieces", 420),
    ("grinder-hand", "Hand grinder", 8_900),
    ("kettle-gooseneck", "Gooseneck kettle", 6_490),
    ("milk-frother", "Milk frother", 3_290),
    ("mug-travel", "Travel mug", 2_190),
    ("scale-digital", "Digital scale", 4_590),
    ("tea-green-250g", "Green tea, 250 g", 1_250),
    ("teapot-glass", "Glass teapot", 3_790),
];

/// All products by SKU.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue(BTreeMap<String, Product>);

impl Catalogue {
    /// A catalogue of these products.
    #[must_use]
    pub fn new(products: impl IntoIterator<Item = Product>) -> Self {
        Self(products.into_iter().map(|product| (product.sku.clone(), product)).collect())
    }

    /// The products that a new database starts with.
    #[must_use]
    pub fn seed() -> Self {
        Self::new(SEED.into_iter().map(|(sku, name, price)| Product {
            sku: sku.to_owned(),
            name: name.to_owned(),
            price,
            currency: CURRENCY.to_owned(),
        }))
    }

    /// The product of a SKU.
    #[must_use]
    pub fn get(&self, sku: &str) -> Option<&Product> {
        self.0.get(sku)
    }

    /// All products, by SKU.
    pub fn iter(&self) -> impl Iterator<Item = &Product> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_has_ten_products_with_a_price() {
        let catalogue = Catalogue::seed();
        assert_eq!(catalogue.iter().count(), 10);
        assert!(catalogue.iter().all(|product| product.price > 0 && product.currency == CURRENCY));
    }

    #[test]
    fn products_are_found_by_sku() {
        let catalogue = Catalogue::seed();
        assert_eq!(catalogue.get("mug-travel").unwrap().price, 2_190);
        assert_eq!(catalogue.get("unicorn"), None);
    }
}
