//! What users of the services come for.

/// A reason to come: a sequence of requests, each of which uses what the answers before it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// Looks at products, stock, and an earlier order.
    Browse,
    /// Reads, and now and then changes, the own account and preferences.
    Account,
    /// Orders, pays, waits for the confirmation, and looks for the notification.
    Order,
    /// Orders, and cancels.
    Cancel,
    /// Registers; the second attempt with the same address must be refused.
    Register,
    /// Logs in, uses and refreshes the session, and logs out.
    LogIn,
    /// An administrator pages through the accounts, restocks a product, and looks at notifications.
    Admin,
    /// Requests that must be refused: their 4xx are the expected answers, and anything else is an error.
    Negative,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Browse,
        Self::Account,
        Self::Order,
        Self::Cancel,
        Self::Register,
        Self::LogIn,
        Self::Admin,
        Self::Negative,
    ];

    /// The name in a profile's mix and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Account => "account",
            Self::Order => "order",
            Self::Cancel => "cancel",
            Self::Register => "register",
            Self::LogIn => "log_in",
            Self::Admin => "admin",
            Self::Negative => "negative",
        }
    }

    /// The scenario of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Its requests out of 1,000 where a profile gives no mix. Hashing a password is slow by design: one request in
    /// four of `log_in` and one in two of `register` do, together half a percent of all.
    pub fn default_weight(self) -> u32 {
        match self {
            Self::Browse => 500,
            Self::Account => 200,
            Self::Order => 220,
            Self::Cancel => 30,
            Self::Register => 5,
            Self::LogIn => 10,
            Self::Admin => 10,
            Self::Negative => 25,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::from_name(scenario.name()), Some(scenario));
        }
        assert_eq!(Scenario::from_name("dance"), None);
    }

    #[test]
    fn default_weights_are_of_a_thousand_and_hash_half_a_percent() {
        assert_eq!(Scenario::ALL.into_iter().map(Scenario::default_weight).sum::<u32>(), 1000);
        let hashing =
            f64::from(Scenario::LogIn.default_weight()) / 4.0 + f64::from(Scenario::Register.default_weight()) / 2.0;
        assert!(hashing <= 5.0, "{hashing} of 1,000 requests hash a password");
    }
}
