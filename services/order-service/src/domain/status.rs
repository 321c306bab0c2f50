//! The life of an order as a state machine.
//!
//! ```text
//! pending ──reserve──> reserved ──pay──> paid ──confirm──> confirmed
//!    │                    │               │                    │
//!    └──────cancel────────┴──> cancelled  └──────refund────────┴──> refunded
//! ```

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Asked for; no stock is held yet.
    Pending,
    /// Stock is held for it until its reservation runs out.
    Reserved,
    /// The payment was captured; stock is still only held.
    Paid,
    /// The stock left the warehouse and the customer is told.
    Confirmed,
    /// Given up before it was paid; held stock is free again.
    Cancelled,
    /// The payment was returned; stock is back.
    Refunded,
}

/// What may be asked of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Hold stock.
    Reserve,
    /// Take note of a captured payment.
    Pay,
    /// Hand the held stock over.
    Confirm,
    /// Give up before payment.
    Cancel,
    /// Return the payment.
    Refund,
}

/// What a transition does to the stock of every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StockEffect {
    /// Nothing.
    None,
    /// Units on hand become reserved.
    Reserve,
    /// Reserved units leave: both numbers fall.
    Fulfil,
    /// Reserved units are free again.
    Release,
    /// Units that had left come back on hand.
    Restock,
}

/// A command that the present state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot {command} an order that is {from}")]
pub struct IllegalTransition {
    /// The present state.
    pub from: OrderStatus,
    /// What was asked.
    pub command: Command,
}

impl OrderStatus {
    /// All states, in the order of an order's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Reserved, Self::Paid, Self::Confirmed, Self::Cancelled, Self::Refunded];

    /// The name in JSON, in the database and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reserved => "reserved",
            Self::Paid => "paid",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    /// The state after a command, and what the command does to the stock.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the present state does not allow the command.
    pub const fn apply(self, command: Command) -> Result<(Self, StockEffect), IllegalTransition> {
        match (self, command) {
            (Self::Pending, Command::Reserve) => Ok((Self::Reserved, StockEffect::Reserve)),
            (Self::Reserved, Command::Pay) => Ok((Self::Paid, StockEffect::None)),
            (Self::Paid, Command::Confirm) => Ok((Self::Confirmed, StockEffect::Fulfil)),
            (Self::Pending, Command::Cancel) => Ok((Self::Cancelled, StockEffect::None)),
            (Self::Reserved, Command::Cancel) => Ok((Self::Cancelled, StockEffect::Release)),
            (Self::Paid, Command::Refund) => Ok((Self::Refunded, StockEffect::Release)),
            (Self::Confirmed, Command::Refund) => Ok((Self::Refunded, StockEffect::Restock)),
            (from, command) => Err(IllegalTransition { from, command }),
        }
    }

    /// Whether nothing can happen to the order any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        Command::ALL.into_iter().all(|command| self.apply(command).is_err())
    }
}

impl Command {
    /// All commands.
    pub const ALL: [Self; 5] = [Self::Reserve, Self::Pay, Self::Confirm, Self::Cancel, Self::Refund];
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserve => "reserve stock for",
            Self::Pay => "pay",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        })
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known status")]
pub struct UnknownStatus(pub String);

impl FromStr for OrderStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_command() -> impl Strategy<Value = Command> {
        proptest::sample::select(Command::ALL.to_vec())
    }

    /// Units of one SKU under the effects of transitions, as the database keeps them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Stock {
        on_hand: i64,
        reserved: i64,
    }

    impl Stock {
        fn after(self, effect: StockEffect, units: i64) -> Self {
            let Self { on_hand, reserved } = self;
            match effect {
                StockEffect::None => self,
                StockEffect::Reserve => Self { on_hand, reserved: reserved + units },
                StockEffect::Fulfil => Self { on_hand: on_hand - units, reserved: reserved - units },
                StockEffect::Release => Self { on_hand, reserved: reserved - units },
                StockEffect::Restock => Self { on_hand: on_hand + units, reserved },
            }
        }
    }

    #[test]
    fn the_happy_path_ends_confirmed() {
        let mut status = OrderStatus::Pending;
        for (command, expected) in [
            (Command::Reserve, OrderStatus::Reserved),
            (Command::Pay, OrderStatus::Paid),
            (Command::Confirm, OrderStatus::Confirmed),
            (Command::Refund, OrderStatus::Refunded),
        ] {
            status = status.apply(command).unwrap().0;
            assert_eq!(status, expected);
        }
    }

    #[test]
    fn exactly_seven_transitions_are_legal() {
        let legal = OrderStatus::ALL
            .into_iter()
            .flat_map(|status| Command::ALL.into_iter().map(move |command| status.apply(command)))
            .filter(Result::is_ok)
            .count();
        assert_eq!(legal, 7);
    }

    #[test]
    fn cancelled_and_refunded_are_final() {
        let finals: Vec<_> = OrderStatus::ALL.into_iter().filter(|status| status.is_final()).collect();
        assert_eq!(finals, [OrderStatus::Cancelled, OrderStatus::Refunded]);
    }

    #[test]
    fn the_refusal_names_state_and_command() {
        let refused = OrderStatus::Cancelled.apply(Command::Pay).unwrap_err();
        assert_eq!(refused.to_string(), "cannot pay an order that is cancelled");
    }

    #[test]
    fn names_survive_a_round_trip() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse::<OrderStatus>(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!("shipped".parse::<OrderStatus>(), Err(UnknownStatus("shipped".to_owned())));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_stock_is_conserved(
            commands in proptest::collection::vec(any_command(), 0..40), units in 1_i64..100
        ) {
            let start = Stock { on_hand: 1_000, reserved: 0 };
            let (mut status, mut stock) = (OrderStatus::Pending, start);
            for command in commands {
                match status.apply(command) {
                    Ok((next, effect)) => {
                        stock = stock.after(effect, units);
                        status = next;
                    }
                    Err(refused) => {
                        prop_assert_eq!(refused, IllegalTransition { from: status, command });
                    }
                }
                prop_assert!(stock.reserved >= 0 && stock.reserved <= stock.on_hand);
                let expected = match status {
                    OrderStatus::Pending | OrderStatus::Cancelled | OrderStatus::Refunded => start,
                    OrderStatus::Reserved | OrderStatus::Paid => Stock { on_hand: 1_000, reserved: units },
                    OrderStatus::Confirmed => Stock { on_hand: 1_000 - units, reserved: 0 },
                };
                prop_assert_eq!(stock, expected);
            }
        }

        #[test]
        fn a_final_state_refuses_every_sequence(commands in proptest::collection::vec(any_command(), 1..20)) {
            for status in [OrderStatus::Cancelled, OrderStatus::Refunded] {
                for command in &commands {
                    prop_assert_eq!(status.apply(*command), Err(IllegalTransition { from: status, command: *command }));
                }
            }
        }
    }
}
