//! Configuration by environment, read through a trait, with every mistake reported in one line.

mod database;
mod settings;

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

pub use database::{DatabaseUrl, PostgresUrl};
pub use settings::Settings;

/// Where configuration comes from.
pub trait Env {
    /// The value of a key; `None` when it is not set. An empty value counts as not set.
    fn get(&self, key: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn get(&self, key: &str) -> Option<String> {
        std::env::var(key).ok()
    }
}

impl Env for BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<String> {
        BTreeMap::get(self, key).cloned()
    }
}

impl Env for [(&str, &str)] {
    fn get(&self, key: &str) -> Option<String> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
    }
}

impl<const N: usize> Env for [(&str, &str); N] {
    fn get(&self, key: &str) -> Option<String> {
        Env::get(self.as_slice(), key)
    }
}

/// One key that is missing or wrong: what is wrong with it, and what to set instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}; {remedy}")]
pub struct ConfigError {
    /// Name of the environment variable.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
    /// What to set instead.
    pub remedy: String,
}

/// All mistakes of a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// Reads typed values and collects mistakes instead of stopping at the first one.
///
/// Each method returns a usable value even for a wrong key; [`Reader::finish`] tells whether to use them.
pub struct Reader<'a> {
    env: &'a dyn Env,
    errors: Vec<ConfigError>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("errors", &self.errors).finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    /// A reader of one environment.
    #[must_use]
    pub fn new(env: &'a dyn Env) -> Self {
        Self { env, errors: Vec::new() }
    }

    /// The value of a key, without surrounding blanks; `None` when it is not set or empty.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.env.get(key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value of a key, or a default.
    #[must_use]
    pub fn text_or(&self, key: &str, default: &str) -> String {
        self.text(key).unwrap_or_else(|| default.to_owned())
    }

    /// A secret: its value never appears in an error, a log or a `Debug` output.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    /// A secret of at least `shortest` characters, when it is set.
    pub fn secret_of(&mut self, key: &str, shortest: usize) -> Option<SecretString> {
        let value = self.text(key)?;
        let length = value.chars().count();
        if length < shortest {
            self.reject(key, format!("has {length} characters"), format!("give at least {shortest}"));
            return None;
        }
        Some(SecretString::from(value))
    }

    /// A number within a range.
    pub fn number<T>(&mut self, key: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let Some(value) = self.text(key) else { return default };
        match value.parse::<T>() {
            Ok(number) if range.contains(&number) => number,
            Ok(_) => {
                let remedy = format!("give a number from {} to {}", range.start(), range.end());
                self.reject(key, format!("`{value}` is out of range"), remedy);
                default
            }
            Err(_) => {
                let remedy =
                    format!("give a number from {} to {}, or unset it for {default}", range.start(), range.end());
                self.reject(key, format!("`{value}` is not a number of the right kind"), remedy);
                default
            }
        }
    }

    /// A switch: `1`/`true` or `0`/`false`.
    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.text(key).as_deref() {
            None => default,
            Some("1" | "true") => true,
            Some("0" | "false") => false,
            Some(other) => {
                let problem = format!("`{other}` is not a switch");
                self.reject(key, problem, "give 1 or 0");
                default
            }
        }
    }

    /// The base URL of an HTTP service, without a trailing slash.
    pub fn http_url(&mut self, key: &str) -> Option<String> {
        let value = self.text(key)?;
        match reqwest::Url::parse(&value) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Some(value.trim_end_matches('/').to_owned())
            }
            Ok(url) => {
                let problem = format!("`{value}` has the scheme `{}`", url.scheme());
                self.reject(key, problem, "give a URL such as http://127.0.0.1:3001");
                None
            }
            Err(error) => {
                self.reject(key, format!("`{value}`: {error}"), "give a URL such as http://127.0.0.1:3001");
                None
            }
        }
    }

    /// A URL of one of these schemes that may hold a password: it is never repeated.
    pub fn secret_url(&mut self, key: &str, schemes: &[&str]) -> Option<SecretString> {
        let value = self.text(key)?;
        match reqwest::Url::parse(&value) {
            Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => Some(SecretString::from(value)),
            _ => {
                let remedy = format!("give one such as {}://HOST", schemes.join(":// or "));
                self.reject(key, "is no URL of the right kind", remedy);
                None
            }
        }
    }

    /// Records a mistake that the caller found.
    pub fn reject(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.errors.push(ConfigError { key: key.to_owned(), problem: problem.into(), remedy: remedy.into() });
    }

    /// The mistakes found, if any.
    ///
    /// # Errors
    /// [`ConfigErrors`] with one entry for every wrong key.
    pub fn finish(self) -> Result<(), ConfigErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(ConfigErrors(self.errors)) }
    }
}
