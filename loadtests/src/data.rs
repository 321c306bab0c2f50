//! What the scenarios are fed with.

use crate::feeder::{Feeder, FeederError, Row};

/// The feeders of all scenarios.
#[derive(Debug)]
pub(crate) struct Data {
    /// Who registers.
    pub(crate) people: Feeder,
    /// How many lines an order has, and how many units a line.
    pub(crate) baskets: Feeder,
    /// How orders are paid.
    pub(crate) cards: Feeder,
    /// What must be refused, and how.
    pub(crate) negative: Feeder,
}

impl Data {
    /// The files of the folder `data`, which are part of the program.
    pub(crate) fn built_in() -> Result<Self, String> {
        let read = |name: &str, text: &str| -> Result<Feeder, String> {
            Feeder::parse(text).map_err(|FeederError { line, cause }| format!("data/{name}:{line}: {cause}"))
        };
        Ok(Self {
            people: read("people.csv", include_str!("../data/people.csv"))?,
            baskets: read("baskets.csv", include_str!("../data/baskets.csv"))?,
            cards: read("cards.csv", include_str!("../data/cards.csv"))?,
            negative: read("negative.csv", include_str!("../data/negative.csv"))?,
        })
    }
}

/// Lines and units of a row of `baskets.csv`.
pub(crate) fn basket(row: Row<'_>) -> (usize, u32) {
    (row.number("lines").unwrap_or(1), row.number("quantity").unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_whole() {
        let data = Data::built_in().unwrap();
        assert!(data.people.rows().all(|row| !row.get("name").is_empty()));
        assert!(data.baskets.rows().all(|row| basket(row).0 >= 1 && row.number::<u32>("quantity").is_some()));
        assert!(data.cards.rows().any(|row| row.get("method") == "card"));
        for row in data.negative.rows() {
            assert!(["users", "orders", "notifications"].contains(&row.get("service")), "{row:?}");
            assert!(["user", "none", "forged"].contains(&row.get("auth")), "{row:?}");
            assert!(row.number::<u16>("expected").is_some_and(|status| (400..500).contains(&status)), "{row:?}");
            assert_eq!(row.get("content_type").is_empty(), row.get("body").is_empty(), "{row:?}");
        }
    }
}
