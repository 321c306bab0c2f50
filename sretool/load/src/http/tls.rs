//! TLS of the HTTP executor.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that this machine trusts.
    #[default]
    System,
    /// Those signed by the certificates in a PEM file, and no others.
    Only(PathBuf),
    /// All: whoever is in between can read along. For servers under test with makeshift certificates.
    Anyone,
}

/// Why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file without certificates, or none at all.
    #[error("{file}: no certificate can be read from it: {cause}; give a file in PEM format")]
    Certificates {
        /// The file.
        file: String,
        /// The reason.
        cause: String,
    },
    /// The system's store.
    #[error("TLS is not available: {0}; name the trusted certificates with --ca FILE")]
    Unavailable(#[from] rustls::Error),
}

/// The protocol that the requests speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, and over TLS what the server prefers.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS by prior knowledge.
    Http2,
}

/// The TLS configuration for a protocol.
///
/// # Errors
/// When the trusted certificates cannot be read.
pub fn tls(trust: &Trust, protocol: Protocol) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match trust {
        Trust::System => builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier::new(provider)?)),
        Trust::Only(file) => builder.with_root_certificates(roots(file)?),
        Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone::new(&provider))),
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = match protocol {
        Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
}

fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let wrong = |cause: String| TlsError::Certificates { file: file.display().to_string(), cause };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() { Err(wrong("it holds none".to_owned())) } else { Ok(store) }
}

/// Trusts every certificate, but still checks that the server holds its key.
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl Anyone {
    fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_offered_as_asked() {
        let offered = |protocol| tls(&Trust::Anyone, protocol).unwrap().alpn_protocols.clone();
        assert_eq!(offered(Protocol::Http1), [b"http/1.1".to_vec()]);
        assert_eq!(offered(Protocol::Http2), [b"h2".to_vec()]);
        assert_eq!(offered(Protocol::Auto).len(), 2);
    }

    #[test]
    fn files_without_certificates_are_named() {
        let error = tls(&Trust::Only("no/such.pem".into()), Protocol::Auto).unwrap_err().to_string();
        assert!(error.contains("no/such.pem") && error.contains("PEM"), "{error}");
        let file = std::env::temp_dir().join(format!("empty-{}.pem", std::process::id()));
        std::fs::write(&file, "").unwrap();
        let error = tls(&Trust::Only(file.clone()), Protocol::Auto).unwrap_err().to_string();
        assert!(error.contains("holds none"), "{error}");
        std::fs::remove_file(file).unwrap();
    }
}
