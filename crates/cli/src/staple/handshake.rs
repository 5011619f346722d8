//! A TLS handshake that shows what a server sends: its certificates and its staple.
//!
//! Nothing is believed here: the certificates are taken as they come, only the signature of the handshake is checked, so
//! that whoever answers holds the key. Nothing is sent over the connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::escape::escape_display;

/// What a server sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its certificates in DER, its own first.
    pub(crate) chain: Vec<Vec<u8>>,
    /// The response that came with them.
    pub(crate) staple: Option<Vec<u8>>,
}

/// Why nothing was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LookError {
    /// Nobody listens.
    Connect(String),
    /// No handshake came about; the text is escaped.
    Handshake(String),
    /// It took too long.
    TooLong(Duration),
}

impl fmt::Display for LookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Handshake(why) => write!(f, "no handshake: {why}"),
            Self::TooLong(limit) => write!(f, "no handshake within {} s", limit.as_secs()),
        }
    }
}

/// Makes a handshake as a client that asks for a staple and for this name.
///
/// # Errors
/// [`LookError`].
pub(crate) async fn look(
    address: SocketAddr,
    name: &str,
    limit: Duration,
) -> Result<Seen, LookError> {
    let looking = look_without_limit(address, name);
    let looked = tokio::time::timeout(limit, looking).await;
    looked.unwrap_or(Err(LookError::TooLong(limit)))
}

async fn look_without_limit(address: SocketAddr, name: &str) -> Result<Seen, LookError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let eyes = Arc::new(Eyes {
        provider: Arc::clone(&provider),
        seen: Mutex::default(),
    });
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Eyes>::clone(&eyes);
    let handshake = |why: &dyn fmt::Display| LookError::Handshake(escape_display(why));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| handshake(&why))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // A resumed session would show nothing.
    config.resumption = rustls::client::Resumption::disabled();
    let name = match name.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => ServerName::try_from(name.to_owned()).map_err(|why| handshake(&why))?,
    };
    let stream = TcpStream::connect(address)
        .await
        .map_err(|why| LookError::Connect(why.to_string()))?;
    let done = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let seen = eyes.take();
    match (done, seen) {
        // A server that wants a client's certificate has shown its own by then.
        (_, Some(seen)) => Ok(seen),
        (Err(why), None) => Err(handshake(&why)),
        (Ok(_), None) => Err(handshake(&"the server showed no certificate")),
    }
}

/// Takes every certificate, and remembers what came.
#[derive(Debug)]
struct Eyes {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Seen>>,
}

impl Eyes {
    fn take(&self) -> Option<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.take()
    }
}

impl ServerCertVerifier for Eyes {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let seen = Seen {
            chain: chain.map(|der| der.to_vec()).collect(),
            staple: (!ocsp_response.is_empty()).then(|| ocsp_response.to_vec()),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
