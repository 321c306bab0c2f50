//! A URL to request.

use hyper::Uri;
use std::sync::Arc;

/// A URL, taken apart.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authority: String,
    pub(super) path: String,
    /// `GET` and the path without its query.
    pub route: Arc<str>,
}

/// Why a URL cannot be requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL.
    #[error("{0:?} is no URL: write http://HOST[:PORT]/PATH")]
    Malformed(String),
    /// Another scheme.
    #[error("{0:?}: only http:// is supported; put TLS termination between, or test the plain port behind it")]
    Scheme(String),
}

impl Target {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(TargetError::Scheme(url.to_owned())),
            None => return Err(malformed()),
        }
        let authority = uri.authority().ok_or_else(malformed)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(malformed());
        }
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            host,
            port: authority.port_u16().unwrap_or(80),
            authority: authority.as_str().rsplit('@').next().unwrap_or_default().to_owned(),
            path: path.to_owned(),
            route: format!("GET {}", uri.path()).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target = Target::parse("http://127.0.0.1:8080/a/b?c=d").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("127.0.0.1", 8080, "/a/b?c=d"));
        assert_eq!((&*target.route, target.authority.as_str()), ("GET /a/b", "127.0.0.1:8080"));
        let target = Target::parse("http://[::1]").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("::1", 80, "/"));
    }

    #[test]
    fn others_are_refused_with_a_remedy() {
        for url in ["", "localhost", "/path", "http://", "127.0.0.1:80", "http://a b/"] {
            assert!(matches!(Target::parse(url), Err(TargetError::Malformed(_))), "{url}");
        }
        assert!(Target::parse("https://localhost/").unwrap_err().to_string().contains("only http://"));
    }
}
