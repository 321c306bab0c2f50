//! What a user of the services does.

/// One thing that a user does: one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Looks at the products.
    BrowseProducts,
    /// Looks at one of the own orders.
    GetOrder,
    /// Lists the own orders.
    ListOrders,
    /// Orders one or two products.
    CreateOrder,
    /// Pays an order; creates one when none is unpaid.
    Pay,
    /// Looks whether the order that was paid last is confirmed.
    PollStatus,
    /// Cancels an unpaid order; creates one when none is unpaid.
    Cancel,
    /// Reads the own account.
    ReadMe,
    /// Changes the own name.
    PatchMe,
    /// Reads the notification preferences.
    ReadPreferences,
    /// Changes the notification preferences.
    PutPreferences,
    /// Looks for the notifications of an order.
    Notifications,
    /// Logs in again. Password hashing is slow by design: keep it rare.
    LogIn,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 13] = [
        Self::BrowseProducts,
        Self::GetOrder,
        Self::ListOrders,
        Self::CreateOrder,
        Self::Pay,
        Self::PollStatus,
        Self::Cancel,
        Self::ReadMe,
        Self::PatchMe,
        Self::ReadPreferences,
        Self::PutPreferences,
        Self::Notifications,
        Self::LogIn,
    ];

    /// The name in a profile's mix.
    pub fn name(self) -> &'static str {
        match self {
            Self::BrowseProducts => "browse_products",
            Self::GetOrder => "get_order",
            Self::ListOrders => "list_orders",
            Self::CreateOrder => "create_order",
            Self::Pay => "pay",
            Self::PollStatus => "poll_status",
            Self::Cancel => "cancel",
            Self::ReadMe => "read_me",
            Self::PatchMe => "patch_me",
            Self::ReadPreferences => "read_preferences",
            Self::PutPreferences => "put_preferences",
            Self::Notifications => "notifications",
            Self::LogIn => "log_in",
        }
    }

    /// The action of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Its weight where a profile gives no mix: out of 1,000 requests.
    pub fn default_weight(self) -> u32 {
        match self {
            Self::BrowseProducts => 300,
            Self::GetOrder => 170,
            Self::ListOrders => 60,
            Self::CreateOrder => 80,
            Self::Pay => 50,
            Self::PollStatus => 100,
            Self::Cancel => 15,
            Self::ReadMe => 100,
            Self::PatchMe => 10,
            Self::ReadPreferences => 60,
            Self::PutPreferences => 10,
            Self::Notifications => 40,
            Self::LogIn => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(action));
        }
        assert_eq!(Action::from_name("dance"), None);
    }

    #[test]
    fn default_weights_are_of_a_thousand_and_logins_half_a_percent() {
        assert_eq!(Action::ALL.into_iter().map(Action::default_weight).sum::<u32>(), 1000);
        assert_eq!(Action::LogIn.default_weight(), 5);
        let unpaid = Action::CreateOrder.default_weight();
        assert!(unpaid >= Action::Pay.default_weight() + Action::Cancel.default_weight());
    }
}
