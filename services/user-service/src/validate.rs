//! What e-mail addresses, names and passwords may be.

use service_common::Problem;
use service_common::problem::FieldError;

/// Fewest characters of a password (NIST SP 800-63B).
const MIN_PASSWORD: usize = 8;
/// Most characters of a password: longer input would only cost time to hash.
const MAX_PASSWORD: usize = 128;
const MAX_NAME: usize = 100;
/// Longest address that a mail server accepts (RFC 5321, 4.5.3.1.3).
const MAX_EMAIL: usize = 254;
const MAX_LOCAL_PART: usize = 64;

/// Collects the refused fields of a request.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    /// Notes a refused field.
    pub(crate) fn check(&mut self, field: &str, result: Result<(), String>) {
        if let Err(message) = result {
            self.0.push(FieldError { field: field.to_owned(), message });
        }
    }

    /// A 422 problem that names all of them, if there are any.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

/// Whether a text can be an e-mail address. Only a message to it can prove that it is one.
pub(crate) fn email(value: &str) -> Result<(), String> {
    let is_plausible = value.split_once('@').is_some_and(|(local, domain)| {
        (1..=MAX_LOCAL_PART).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&byte))
            && is_domain(domain)
    });
    if is_plausible && value.len() <= MAX_EMAIL { Ok(()) } else { Err("is no e-mail address".to_owned()) }
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

/// Whether a password has an acceptable length. Its composition is left to its owner.
pub(crate) fn password(value: &str) -> Result<(), String> {
    let length = value.chars().count();
    if (MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
        Ok(())
    } else {
        Err(format!("has {length} characters, {MIN_PASSWORD} to {MAX_PASSWORD} are allowed"))
    }
}

/// Whether a name has an acceptable length and can be printed.
pub(crate) fn name(value: &str) -> Result<(), String> {
    let length = value.trim().chars().count();
    if !(1..=MAX_NAME).contains(&length) {
        return Err(format!("has {length} characters, 1 to {MAX_NAME} are allowed"));
    }
    if value.chars().any(char::is_control) {
        return Err("contains control characters".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long_local = format!("{}@example.com", "a".repeat(64));
        for good in ["a@b.co", "first.last+tag@sub.example.com", "o'neil@example.org", &long_local] {
            assert_eq!(email(good), Ok(()), "{good}");
        }
        let too_long = format!("a@{}.com", "b.".repeat(130));
        let long_local = format!("{}@example.com", "a".repeat(65));
        let bad = [
            "",
            "a",
            "a@",
            "@b.co",
            "a@b",
            "a@b..co",
            "a@-b.co",
            "a b@c.de",
            "a@b@c.de",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.de",
            "a@b.c/d",
            "ä@b.co",
            "a\n@b.co",
            "<a@b.co>",
            &too_long,
            &long_local,
        ];
        for bad in bad {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_count_characters_not_bytes() {
        assert!(password("1234567").is_err());
        assert_eq!(password("12345678"), Ok(()));
        assert_eq!(password(&"ü".repeat(128)), Ok(()));
        assert!(password(&"x".repeat(129)).is_err());
    }

    #[test]
    fn names() {
        assert_eq!(name("Ada"), Ok(()));
        assert!(name("  ").is_err());
        assert!(name("a\u{0}b").is_err());
        assert!(name(&"x".repeat(101)).is_err());
    }
}
