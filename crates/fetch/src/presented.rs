//! What a TLS server presents: its certificates and the OCSP response that comes with them.
//!
//! The handshake is made to see them, not to speak: the server proves that it has the key of its certificate, and then the
//! connection is closed. Whether the chain is trusted is for the caller to judge, who wants to say why it is not.
//!
//! Known limit: rustls hands over the response of the server's own certificate, and not those that TLS 1.3 allows beside
//! the intermediates (RFC 8446 4.4.2.1).

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connect::dial;
use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::meter::{Meter, Metered};
use crate::starttls::{self, StartTls};

/// A server to look at. The caller wrote host and port, so that they may lead anywhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsServer {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name that is asked for, if it is another than the host.
    pub name: Option<String>,
    /// What is said before TLS.
    pub starttls: Option<StartTls>,
    /// The only version that is offered; otherwise 1.3 and 1.2 both are.
    pub version: Option<TlsVersion>,
}

/// A version of TLS: the two in which a staple travels in different messages (RFC 6066 8, RFC 8446 4.4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

impl TlsVersion {
    const fn supported(self) -> &'static rustls::SupportedProtocolVersion {
        match self {
            Self::V1_2 => &rustls::version::TLS12,
            Self::V1_3 => &rustls::version::TLS13,
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "TLS 1.2",
            Self::V1_3 => "TLS 1.3",
        })
    }
}

impl TlsServer {
    /// A server that speaks TLS from the first octet.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            name: None,
            starttls: None,
            version: None,
        }
    }

    fn to(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// What it presented.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Presented {
    /// Its certificate and what it sent behind it, in DER.
    pub certificates: Vec<Vec<u8>>,
    /// The OCSP response, in DER as it came.
    pub staple: Option<Vec<u8>>,
    /// The address that was connected to.
    pub address: SocketAddr,
    /// The version of TLS in which it came.
    pub version: TlsVersion,
}

impl Fetcher {
    /// Makes a handshake with a server, within [`crate::FetchPolicy::total_timeout`].
    ///
    /// # Errors
    /// No connection, no handshake, or a server without the key of its certificate.
    pub async fn presented(
        &self,
        server: &TlsServer,
        meter: &Arc<Meter>,
    ) -> Result<Presented, FetchError> {
        let limit = self.policy().total_timeout;
        tokio::time::timeout(limit, self.look(server, meter))
            .await
            .unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn look(&self, server: &TlsServer, meter: &Arc<Meter>) -> Result<Presented, FetchError> {
        let (tcp, address) = self.reach(server).await?;
        let mut stream = Metered::new(tcp, Some(Arc::clone(meter)));
        let to = server.to();
        if let Some(protocol) = server.starttls {
            let prepared = starttls::prepare(&mut stream, protocol).await;
            prepared.map_err(|why| FetchError::StartTls {
                to: to.clone(),
                why,
            })?;
        }
        let failed = |why: String| FetchError::Tls {
            to: to.clone(),
            why,
        };
        let name = server.name.as_ref().unwrap_or(&server.host).clone();
        let name = ServerName::try_from(name).map_err(|why| failed(why.to_string()))?;
        let recorder = Arc::new(Recorder::new());
        let config = recorder
            .config(server.version)
            .map_err(|why| failed(why.to_string()))?;
        let connector = TlsConnector::from(Arc::new(config));
        let ended = connector.connect(name, stream).await;
        let seen = recorder.take();
        match (ended, seen) {
            // A server that wants a certificate of ours ends the handshake when it has shown its own.
            (Err(why), Some(_)) if !is_alert(&why) => Err(failed(why.to_string())),
            (_, Some(seen)) => Ok(Presented {
                certificates: seen.certificates,
                staple: seen.staple,
                address,
                version: seen.version,
            }),
            (Err(why), None) => Err(failed(why.to_string())),
            (Ok(_), None) => Err(failed("the server sent no certificate".to_owned())),
        }
    }

    async fn reach(&self, server: &TlsServer) -> Result<(TcpStream, SocketAddr), FetchError> {
        let addresses = match server.host.parse() {
            Ok(address) => vec![SocketAddr::new(address, server.port)],
            Err(_) => {
                let found = self.resolver().resolve(&server.host, server.port).await;
                found.map_err(|why| FetchError::Resolve {
                    host: server.host.clone(),
                    why: why.to_string(),
                })?
            }
        };
        let mut last = String::from("the name has no address");
        for address in addresses {
            match dial(address, self.policy()).await {
                Ok(stream) => return Ok((stream, address)),
                Err(why) => last = why,
            }
        }
        Err(FetchError::Connect {
            to: server.to(),
            why: last,
        })
    }
}

fn is_alert(why: &std::io::Error) -> bool {
    let inner = why
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::AlertReceived(_)))
}

/// What came with one handshake.
#[derive(Debug)]
struct Seen {
    certificates: Vec<Vec<u8>>,
    staple: Option<Vec<u8>>,
    /// Said by the signature of the handshake, which comes behind the certificates.
    version: TlsVersion,
}

/// Notes what comes and lets it pass; the signatures of the handshake are verified.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Seen>>,
    /// Whether the server has proved that it has the key.
    signed: AtomicBool,
}

impl Recorder {
    fn new() -> Self {
        Self {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            seen: Mutex::default(),
            signed: AtomicBool::default(),
        }
    }

    fn config(
        self: &Arc<Self>,
        version: Option<TlsVersion>,
    ) -> Result<rustls::ClientConfig, Error> {
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Self>::clone(self);
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let only = version.map(|version| [version.supported()]);
        let versions = only.as_ref().map_or(rustls::DEFAULT_VERSIONS, |only| only);
        let mut config = builder
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // A handshake that is resumed shows no certificate.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    /// The server has proved that it has the key.
    fn signed(&self, version: TlsVersion) {
        self.signed.store(true, Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.as_mut() {
            seen.version = version;
        }
    }

    fn take(&self) -> Option<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.take().filter(|_| self.signed.load(Ordering::Relaxed))
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificates = std::iter::once(end_entity).chain(intermediates);
        let certificates = certificates.map(|der| der.as_ref().to_vec()).collect();
        let staple = (!ocsp_response.is_empty()).then(|| ocsp_response.to_vec());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(Seen {
            certificates,
            staple,
            version: TlsVersion::V1_3,
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let valid = verify_tls12_signature(message, cert, dss, algorithms)?;
        self.signed(TlsVersion::V1_2);
        Ok(valid)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let valid = verify_tls13_signature(message, cert, dss, algorithms)?;
        self.signed(TlsVersion::V1_3);
        Ok(valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
