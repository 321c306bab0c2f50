//! Ways to reach people.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest address.
const MAX_ADDRESS: usize = 254;
/// Longest push token.
const MAX_TOKEN: usize = 2_048;

/// A way to reach people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail; the recipient is an address.
    Email,
    /// Text message; the recipient is a number in E.164 form.
    Sms,
    /// Push message; the recipient is a browser's subscription as JSON, or a device's token.
    Push,
}

/// A name that is no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a channel; give one of email, sms, push")]
pub struct UnknownChannel(pub String);

/// A recipient that cannot be reached on the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// Not an address.
    #[error("must be an e-mail address")]
    Email,
    /// Not a number.
    #[error("must be a phone number such as +4930123456")]
    Sms,
    /// Not a token.
    #[error("must be a device token of 1 to {MAX_TOKEN} printable characters without blanks")]
    Push,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 3] = [Self::Email, Self::Sms, Self::Push];

    /// The name in JSON, in the database and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }

    /// Checks that a recipient has the form that the channel needs.
    ///
    /// # Errors
    /// [`RecipientError`] with the form that is needed.
    pub fn check(self, to: &str) -> Result<(), RecipientError> {
        match self {
            Self::Email if is_address(to) => Ok(()),
            Self::Email => Err(RecipientError::Email),
            Self::Sms if is_number(to) => Ok(()),
            Self::Sms => Err(RecipientError::Sms),
            Self::Push if (1..=MAX_TOKEN).contains(&to.len()) && is_graphic(to) => Ok(()),
            Self::Push => Err(RecipientError::Push),
        }
    }

    /// A recipient as logs may show it: recognisable for those who know it, useless for others.
    #[must_use]
    pub fn masked(self, to: &str) -> String {
        let keep = |text: &str, count: usize| text.chars().take(count).collect::<String>();
        match (self, to.rsplit_once('@')) {
            (Self::Email, Some((local, domain))) => format!("{}***@{domain}", keep(local, 1)),
            (Self::Sms, _) => format!("{}***", keep(to, 4)),
            (Self::Email | Self::Push, _) => format!("{}***", keep(to, 2)),
        }
    }
}

/// Enough of RFC 5321 to refuse what cannot be delivered or would break a header; the rest is for the mail server.
fn is_address(to: &str) -> bool {
    let Some((local, domain)) = to.rsplit_once('@') else { return false };
    to.len() <= MAX_ADDRESS
        && is_graphic(to)
        && !to.contains([',', ';', '<', '>', '"'])
        && (1..=64).contains(&local.len())
        && !local.contains('@')
        && domain.split('.').count() >= 2
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

fn is_number(to: &str) -> bool {
    to.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

fn is_graphic(text: &str) -> bool {
    text.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text).ok_or_else(|| UnknownChannel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(channel: Channel, good: &[&str], bad: &[&str]) {
        for to in good {
            assert_eq!(channel.check(to), Ok(()), "{to}");
        }
        for to in bad {
            assert!(channel.check(to).is_err(), "{to}");
        }
    }

    #[test]
    fn recipients_have_the_form_of_their_channel() {
        let long = format!("{}@example.com", "a".repeat(65));
        check(
            Channel::Email,
            &["ada@example.com", "a.b+c@mail.example.org", "ü@example.com"],
            &[
                "",
                "ada",
                "ada@",
                "@example.com",
                "ada@host",
                "a b@example.com",
                "a@b.com\r\nBcc: x@y.z",
                "a@x..y",
                &long,
            ],
        );
        check(
            Channel::Sms,
            &["+4930123456"],
            &["", "030123456", "+0123456", "+49 30 123456", "+123", "+1234567890123456"],
        );
        check(Channel::Push, &["token-1"], &["", "a b", &"a".repeat(2_049)]);
    }

    #[test]
    fn masks_hide_the_recipient() {
        assert_eq!(Channel::Email.masked("ada@example.com"), "a***@example.com");
        assert_eq!(Channel::Sms.masked("+4930123456"), "+493***");
        assert_eq!(Channel::Push.masked("secret-token"), "se***");
    }

    #[test]
    fn names_survive_a_round_trip() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse::<Channel>(), Ok(channel));
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.as_str());
        }
        let message = "fax".parse::<Channel>().unwrap_err().to_string();
        assert!(Channel::ALL.iter().all(|channel| message.contains(channel.as_str())), "{message}");
    }

    proptest! {
        #[test]
        fn no_accepted_recipient_can_break_a_header(to in "\\PC*|.*[\r\n\t ].*") {
            for channel in Channel::ALL {
                if channel.check(&to).is_ok() {
                    prop_assert!(!to.contains(['\r', '\n', ' ', '\t']));
                }
                let _ = channel.masked(&to);
            }
        }
    }
}
