//! Signing access tokens with an Ed25519 key.

use super::Claims;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use std::fmt;

/// An Ed25519 private key in PKCS #8 (RFC 8410) is this, followed by the 32 bytes of the key.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a key cannot be used or a token not be signed.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The text is no Ed25519 private key.
    #[error("it is neither an Ed25519 private key in PKCS #8 PEM nor 32 bytes in base64")]
    Format,
    /// The cryptographic library refuses.
    #[error(transparent)]
    Crypto(#[from] jsonwebtoken::errors::Error),
}

/// Signs access tokens. Its public key is what other services verify them with.
#[derive(Clone)]
pub struct Issuer {
    seed: [u8; 32],
    key: EncodingKey,
    public: Jwk,
    kid: String,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Issuer {
    /// An issuer with a new random key.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn generate() -> Result<Self, IssuerError> {
        Self::from_seed(rand::random())
    }

    /// An issuer with a given private key of 32 bytes.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, IssuerError> {
        let key = EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &seed].concat());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { seed, key, public, kid })
    }

    /// An issuer with a private key as text: PKCS #8 PEM (as of `openssl genpkey -algorithm ed25519`) or the key's 32
    /// bytes in base64.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn from_text(text: &str) -> Result<Self, IssuerError> {
        let base64: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let bytes = STANDARD.decode(base64).map_err(|_| IssuerError::Format)?;
        let seed = bytes.strip_prefix(&PKCS8_PREFIX).unwrap_or(&bytes);
        Self::from_seed(seed.try_into().map_err(|_| IssuerError::Format)?)
    }

    /// The private key in base64, to be stored where only this service reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.seed)
    }

    /// Signs a token.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn sign(&self, claims: &Claims) -> Result<String, IssuerError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }

    /// The public key, as published under `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }

    /// The key's identifier (RFC 7638 thumbprint).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}
