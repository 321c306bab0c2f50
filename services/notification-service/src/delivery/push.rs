//! Push messages to browsers (RFC 8030), encrypted for the browser (RFC 8291) and signed by us (VAPID, RFC 8292).

use super::sender::{Message, SendError, Sender};
use super::sms::judge;
use async_trait::async_trait;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::json;
use service_common::{Client, StartError, clock};
use std::sync::Arc;
use std::time::Duration;

/// How long a push service keeps a message for a browser that is not there, in seconds.
const TTL_S: u32 = 86_400;
/// How long our signature holds, in seconds; push services accept at most a day.
const SIGNATURE_S: i64 = 12 * 3_600;
/// Size of a record: one is enough, and longer ones are not accepted everywhere.
const RECORD: u32 = 4_096;
/// The longest text that fits a record with its padding mark and tag.
const MAX_TEXT: usize = 3_900;

/// The key by which push services know us.
#[derive(Debug, Clone)]
pub struct Vapid {
    key: Arc<EcdsaKeyPair>,
    public: String,
    subject: String,
}

impl Vapid {
    /// A pair of keys in base64url, as the usual tools print them, and how we can be reached (`mailto:` or a URL).
    ///
    /// # Errors
    /// What is wrong with the keys.
    pub fn new(private: &str, public: &str, subject: String) -> Result<Self, String> {
        let decode = |text: &str| BASE64URL.decode(text).map_err(|_| "they are not in base64url".to_owned());
        let (private, public_bytes) = (decode(private)?, decode(public)?);
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &public_bytes)
            .map_err(|_| "they are no pair of P-256 keys".to_owned())?;
        Ok(Self { key: Arc::new(key), public: public.to_owned(), subject })
    }

    /// The value of `Authorization` for a push service.
    fn authorization(&self, endpoint: &Url, now_s: i64) -> Result<String, Unspecified> {
        let header = BASE64URL.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let claims =
            json!({ "aud": endpoint.origin().ascii_serialization(), "exp": now_s + SIGNATURE_S, "sub": self.subject });
        let signed = format!("{header}.{}", BASE64URL.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("vapid t={signed}.{}, k={}", BASE64URL.encode(signature), self.public))
    }
}

/// What a browser gives to be pushed to (`PushSubscription.toJSON()`).
#[derive(Debug, Deserialize)]
struct Subscription {
    endpoint: String,
    keys: Keys,
}

#[derive(Debug, Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    fn read(text: &str) -> Result<(Url, Keys), String> {
        let found: Self = serde_json::from_str(text).map_err(|error| format!("no push subscription: {error}"))?;
        let endpoint = Url::parse(&found.endpoint).map_err(|error| format!("its endpoint: {error}"))?;
        let loopback = matches!(endpoint.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if endpoint.scheme() != "https" && !loopback {
            return Err("its endpoint is not https".to_owned());
        }
        Ok((endpoint, found.keys))
    }
}

/// Pushes to browsers.
#[derive(Debug, Clone)]
pub struct PushSender {
    client: Client,
    vapid: Vapid,
}

impl PushSender {
    /// A sender with this key.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(vapid: Vapid, timeout: Duration) -> Result<Self, StartError> {
        Ok(Self { client: Client::new(timeout, None)?, vapid })
    }
}

#[async_trait]
impl Sender for PushSender {
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        let (endpoint, keys) = Subscription::read(message.to).map_err(SendError::Permanent)?;
        let text: String = message.body.chars().take(MAX_TEXT / 4).collect();
        let payload = json!({ "id": message.id, "title": message.subject, "body": text }).to_string();
        let refused = |_| SendError::Permanent("the keys of the subscription cannot be used".to_owned());
        let body = encrypt(&keys, payload.as_bytes()).map_err(refused)?;
        let now_s = clock::now() / 1_000;
        let authorization = self.vapid.authorization(&endpoint, now_s).map_err(refused)?;
        let request = self
            .client
            .request(Method::POST, endpoint.as_str())
            .header("authorization", authorization)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("ttl", TTL_S)
            // A service that still holds an earlier copy replaces it: a repeat is shown once.
            .header("topic", message.id.simple().to_string())
            .body(body);
        let answer = self.client.send(request).await.map_err(|error| SendError::Temporary(error.to_string()))?;
        judge(answer.status())
    }
}

/// Length of derived key material.
#[derive(Clone, Copy)]
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut derived = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(info, Length(N))?.fill(&mut derived)?;
    Ok(derived)
}

/// Encrypts for a browser: only it can read the text, not the push service.
fn encrypt(keys: &Keys, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let theirs = BASE64URL.decode(keys.p256dh.trim_end_matches('=')).map_err(|_| Unspecified)?;
    let auth = BASE64URL.decode(keys.auth.trim_end_matches('=')).map_err(|_| Unspecified)?;
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let ours = private.compute_public_key()?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, &theirs);
    let secret: [u8; 32] = agree_ephemeral(private, peer, Unspecified, |shared| {
        derive(&auth, shared, &[b"WebPush: info\0", &theirs, ours.as_ref()])
    })?;
    let salt: [u8; 16] = rand::random();
    let key: [u8; 16] = derive(&salt, &secret, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = derive(&salt, &secret, &[b"Content-Encoding: nonce\0"])?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    // The mark of the last record.
    let mut sealed = [text, &[2]].concat();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)?;
    let mut body = Vec::with_capacity(86 + sealed.len());
    body.extend_from_slice(&salt);
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(u8::try_from(ours.as_ref().len()).map_err(|_| Unspecified)?);
    body.extend_from_slice(ours.as_ref());
    body.append(&mut sealed);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::agreement::{PrivateKey, agree};
    use aws_lc_rs::signature::{self, KeyPair as _};

    /// What a browser does with what it receives.
    fn decrypt(private: &PrivateKey, auth: &[u8], body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        let (sender, sealed) = rest[5..].split_at(usize::from(rest[4]));
        let mine = private.compute_public_key().unwrap();
        let secret: [u8; 32] = agree(private, UnparsedPublicKey::new(&ECDH_P256, sender), Unspecified, |shared| {
            derive(auth, shared, &[b"WebPush: info\0", mine.as_ref(), sender])
        })
        .unwrap();
        let key: [u8; 16] = derive(salt, &secret, &[b"Content-Encoding: aes128gcm\0"]).unwrap();
        let nonce: [u8; 12] = derive(salt, &secret, &[b"Content-Encoding: nonce\0"]).unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut sealed = sealed.to_vec();
        key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap().to_vec()
    }

    #[test]
    fn only_the_browser_reads_the_text() {
        let private = PrivateKey::generate(&ECDH_P256).unwrap();
        let auth: [u8; 16] = rand::random();
        let keys = Keys {
            p256dh: BASE64URL.encode(private.compute_public_key().unwrap().as_ref()),
            auth: BASE64URL.encode(auth),
        };
        let body = encrypt(&keys, b"your order is confirmed").unwrap();
        assert!(!body.windows(5).any(|window| window == b"order"));
        assert_eq!(decrypt(&private, &auth, &body), b"your order is confirmed\x02");
        assert!(encrypt(&Keys { p256dh: "AAAA".into(), auth: "AAAA".into() }, b"x").is_err());
    }

    #[test]
    fn the_signature_names_the_push_service_and_can_be_checked() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public = BASE64URL.encode(pair.public_key().as_ref());
        let vapid = Vapid { key: Arc::new(pair), public: public.clone(), subject: "mailto:a@example.com".into() };
        let endpoint = Url::parse("https://push.example/send/abc").unwrap();
        let header = vapid.authorization(&endpoint, 1_000).unwrap();
        let token = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(token.1, public);
        let (signed, signature) = token.0.rsplit_once('.').unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&BASE64URL.decode(signed.split_once('.').unwrap().1).unwrap()).unwrap();
        assert_eq!(claims, json!({ "aud": "https://push.example", "exp": 44_200, "sub": "mailto:a@example.com" }));
        let key =
            signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, BASE64URL.decode(&public).unwrap());
        key.verify(signed.as_bytes(), &BASE64URL.decode(signature).unwrap()).unwrap();
    }

    #[test]
    fn a_subscription_is_https_or_local() {
        let text = |endpoint: &str| format!(r#"{{"endpoint":"{endpoint}","keys":{{"p256dh":"a","auth":"b"}}}}"#);
        assert!(Subscription::read(&text("https://push.example/x")).is_ok());
        assert!(Subscription::read(&text("http://127.0.0.1:9/x")).is_ok());
        assert!(Subscription::read(&text("http://push.example/x")).is_err());
        assert!(Subscription::read("token-1").is_err());
    }

    #[test]
    fn keys_that_are_no_pair_are_refused() {
        assert!(Vapid::new("AAAA", "AAAA", String::new()).unwrap_err().contains("no pair"));
        assert!(Vapid::new("?", "AAAA", String::new()).unwrap_err().contains("base64url"));
    }
}
