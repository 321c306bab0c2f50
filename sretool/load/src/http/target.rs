//! What to request: method, URL, headers, body.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Uri};
use std::sync::Arc;

/// Names this program to the servers that it loads.
const AGENT: &str = concat!("sretool-load/", env!("CARGO_PKG_VERSION"));

/// Where a URL leads to: connections to it are shared by all its targets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

/// One request that can be sent again and again.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) place: Place,
    pub(super) method: Method,
    /// Path and query: what HTTP/1 sends.
    pub(super) path: Uri,
    /// The whole URL: what HTTP/2 sends.
    pub(super) url: Uri,
    pub(super) authority: HeaderValue,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Its name in reports: the method, and the path without its query.
    pub route: Arc<str>,
    /// How often it is sent, compared with others.
    pub weight: u32,
    /// Statuses that are no error; empty where all below 400 are none.
    pub expected: Vec<u16>,
}

/// Why something cannot be requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL.
    #[error("{0:?} is no URL: write http://HOST[:PORT]/PATH or https://…")]
    Malformed(String),
    /// Another scheme.
    #[error("{0:?}: only http:// and https:// can be requested")]
    Scheme(String),
    /// Not a method.
    #[error("{0:?} is no HTTP method: write GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS")]
    Method(String),
    /// Not a header.
    #[error("{0:?} is no header: write NAME: VALUE")]
    Header(String),
}

impl Target {
    /// A GET request of a URL.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| malformed())?;
        let tls = match parsed.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(TargetError::Scheme(url.to_owned())),
            None => return Err(malformed()),
        };
        let authority = parsed.authority().ok_or_else(malformed)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(malformed());
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let without_user = authority.as_str().rsplit('@').next().unwrap_or_default();
        let path = parsed.path_and_query().map(|p| p.as_str()).filter(|p| !p.is_empty()).unwrap_or("/");
        let scheme = if tls { "https" } else { "http" };
        Ok(Self {
            place: Place { tls, host, port },
            method: Method::GET,
            path: path.parse().map_err(|_| malformed())?,
            url: format!("{scheme}://{without_user}{path}").parse().map_err(|_| malformed())?,
            authority: HeaderValue::from_str(without_user).map_err(|_| malformed())?,
            headers: HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(AGENT))]),
            body: Bytes::new(),
            route: format!("GET {}", parsed.path()).into(),
            weight: 1,
            expected: Vec::new(),
        })
    }

    /// The same URL with another method.
    ///
    /// # Errors
    /// When it is none.
    pub fn with_method(self, method: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError::Method(method.to_owned());
        // Extension methods are in capital letters as the known ones: a small letter is a slip.
        let known = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let method: Method = method.parse().ok().filter(|_| known).ok_or_else(wrong)?;
        let route = format!("{method} {}", self.url.path()).into();
        Ok(Self { method, route, ..self })
    }

    /// The same with a header more, `NAME: VALUE`; one of the same name is replaced.
    ///
    /// # Errors
    /// When the text is none.
    pub fn with_header(mut self, line: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError::Header(line.to_owned());
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        let value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
        if name == HOST {
            self.authority = value;
        } else {
            self.headers.insert(name, value);
        }
        Ok(self)
    }

    /// The same with a body. Without a content type it is JSON where it begins like JSON.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        let json = matches!(self.body.iter().find(|b| !b.is_ascii_whitespace()), Some(b'{' | b'['));
        if json && !self.headers.contains_key(CONTENT_TYPE) {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self
    }

    /// The same under another name in reports; the method is put before it.
    #[must_use]
    pub fn named(self, path: &str) -> Self {
        Self { route: format!("{} {path}", self.method).into(), ..self }
    }

    /// The URL.
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Whether the URL begins with `https://`.
    pub fn is_tls(&self) -> bool {
        self.place.tls
    }

    /// Whether an answer of this status is no error.
    pub(super) fn expects(&self, status: u16) -> bool {
        if self.expected.is_empty() { status < 400 } else { self.expected.contains(&status) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target = Target::parse("http://127.0.0.1:8080/a/b?c=d").unwrap();
        assert_eq!(target.place, Place { tls: false, host: "127.0.0.1".into(), port: 8080 });
        assert_eq!((target.path.to_string(), &*target.route), ("/a/b?c=d".into(), "GET /a/b"));
        let target = Target::parse("https://user:word@[::1]").unwrap();
        assert_eq!(target.place, Place { tls: true, host: "::1".into(), port: 443 });
        assert_eq!((target.url.to_string(), target.authority), ("https://[::1]/".into(), "[::1]".parse().unwrap()));
    }

    #[test]
    fn others_are_refused_with_a_remedy() {
        for url in ["", "localhost", "/path", "http://", "127.0.0.1:80", "http://a b/"] {
            assert!(matches!(Target::parse(url), Err(TargetError::Malformed(_))), "{url}");
        }
        assert!(Target::parse("ftp://localhost/").unwrap_err().to_string().contains("only http://"));
    }

    #[test]
    fn a_request_is_built_up() {
        let target = Target::parse("http://h/x").unwrap().with_method("POST").unwrap();
        let target = target.with_header("X-A: 1").unwrap().with_header("host: other").unwrap().with_body(" {\"a\":1}");
        assert_eq!((&*target.route, &target.headers["x-a"]), ("POST /x", &HeaderValue::from_static("1")));
        assert!(target.authority == "other" && !target.headers.contains_key(HOST));
        assert_eq!(target.headers[CONTENT_TYPE], "application/json");
        let target = target.with_header("content-type: text/plain").unwrap().with_body("[]");
        assert_eq!(target.headers[CONTENT_TYPE], "text/plain");
        assert_eq!(&*target.named("/x/{id}").route, "POST /x/{id}");
    }

    #[test]
    fn nonsense_is_refused() {
        let target = Target::parse("http://h/x").unwrap();
        for method in ["", "get", "G ET", "GET\n"] {
            assert!(matches!(target.clone().with_method(method), Err(TargetError::Method(_))), "{method:?}");
        }
        for header in ["", "a", "a b: c", "a: \u{1}"] {
            assert!(matches!(target.clone().with_header(header), Err(TargetError::Header(_))), "{header:?}");
        }
    }

    #[test]
    fn expected_statuses_replace_the_rule() {
        let mut target = Target::parse("http://h/x").unwrap();
        assert!(target.expects(302) && !target.expects(404));
        target.expected = vec![404];
        assert!(target.expects(404) && !target.expects(200));
    }
}
