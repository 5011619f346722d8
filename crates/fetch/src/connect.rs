//! From a URL to a connection: resolve, judge, connect, TLS.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::{AddressClass, Network};
use crate::error::FetchError;
use crate::meter::{Meter, Metered};
use crate::policy::{FetchPolicy, Roots};
use crate::resolve::Resolve;

/// Octets of a proxy's answer to CONNECT that are read at most.
const CONNECT_ANSWER: usize = 8 * 1024;

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) https: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Takes a URL apart: http or https, a host, no userinfo (threats T-24).
    pub(crate) fn of(uri: &Uri) -> Result<Self, FetchError> {
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => {
                return Err(FetchError::Url(
                    "only http and https are fetched".to_owned(),
                ));
            }
        };
        let authority = uri
            .authority()
            .ok_or_else(|| FetchError::Url("it has no host".to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(FetchError::Url(
                "it has a user name in front of the host".to_owned(),
            ));
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err(FetchError::Url("it has no host".to_owned()));
        }
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        Ok(Self { https, host, port })
    }

    /// Host and port as the Host header and messages have them.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.https, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether it is this machine by its literal address, or by the one name that means it.
    pub(crate) fn is_this_machine(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.address().is_some_and(|address| address.is_loopback())
    }

    /// The network that the operator names by writing this URL: its literal address, or the local machine if it says
    /// `localhost`.
    pub(crate) fn named_network(&self) -> Vec<Network> {
        if self.host.eq_ignore_ascii_case("localhost") {
            let local = [
                IpAddr::from([127, 0, 0, 1]),
                IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
            ];
            return local.into_iter().map(Network::from).collect();
        }
        self.address().map(Network::from).into_iter().collect()
    }
}

/// Makes connections by the policy.
#[derive(Debug)]
pub(crate) struct Connector {
    resolver: Arc<dyn Resolve>,
    tls: TlsConfig,
}

/// The configuration of TLS, which shows nothing of itself.
struct TlsConfig(Arc<rustls::ClientConfig>);

impl std::fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConfig")
    }
}

impl Connector {
    pub(crate) fn new(roots: &Roots, resolver: Arc<dyn Resolve>) -> Result<Self, FetchError> {
        let mut store = rustls::RootCertStore::empty();
        match roots {
            Roots::Named(certificates) => {
                for der in certificates {
                    store
                        .add(CertificateDer::from(der.as_slice()))
                        .map_err(|error| FetchError::Roots(error.to_string()))?;
                }
            }
            Roots::System => {
                // A system without roots can still fetch over http.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| FetchError::Roots(error.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self {
            resolver,
            tls: TlsConfig(Arc::new(config)),
        })
    }

    pub(crate) fn resolver(&self) -> &dyn Resolve {
        self.resolver.as_ref()
    }

    /// Connects to an origin. `named` are the networks named besides those of the policy.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        policy: &FetchPolicy,
        named: &[Network],
        meter: Option<&Arc<Meter>>,
    ) -> Result<(Stream, SocketAddr), FetchError> {
        let (tcp, address) = match &policy.proxy {
            None => self.direct(origin, policy, named).await?,
            Some(proxy) => self.through(proxy, origin, policy).await?,
        };
        let tcp = Metered::new(tcp, meter.cloned());
        if !origin.https {
            return Ok((Stream::Plain(tcp), address));
        }
        let tls = |why: String| FetchError::Tls {
            to: origin.authority(),
            why,
        };
        let name = ServerName::try_from(origin.host.clone()).map_err(|e| tls(e.to_string()))?;
        let handshake = TlsConnector::from(Arc::clone(&self.tls.0)).connect(name, tcp);
        let stream = tokio::time::timeout(policy.connect_timeout, handshake)
            .await
            .map_err(|_| tls("no handshake in time".to_owned()))?
            .map_err(|error| tls(error.to_string()))?;
        Ok((Stream::Tls(Box::new(stream)), address))
    }

    async fn direct(
        &self,
        origin: &Origin,
        policy: &FetchPolicy,
        named: &[Network],
    ) -> Result<(TcpStream, SocketAddr), FetchError> {
        let addresses = self.addresses(origin).await?;
        let mut refused = None;
        let mut failed = None;
        for address in addresses {
            let networks: Vec<Network> =
                policy.named_networks.iter().chain(named).copied().collect();
            if !policy.address_rule.allows(address.ip(), &networks) {
                refused = Some(address.ip());
                continue;
            }
            match dial(address, policy).await {
                Ok(stream) => return Ok((stream, address)),
                Err(why) => failed = Some(why),
            }
        }
        match (failed, refused) {
            (Some(why), _) => Err(FetchError::Connect {
                to: origin.authority(),
                why,
            }),
            (None, Some(address)) => Err(FetchError::AddressRefused {
                host: origin.host.clone(),
                address,
                class: AddressClass::of(address),
            }),
            (None, None) => Err(FetchError::Resolve {
                host: origin.host.clone(),
                why: "the name has no address".to_owned(),
            }),
        }
    }

    async fn addresses(&self, origin: &Origin) -> Result<Vec<SocketAddr>, FetchError> {
        if let Some(address) = origin.address() {
            return Ok(vec![SocketAddr::new(address, origin.port)]);
        }
        self.resolver
            .resolve(&origin.host, origin.port)
            .await
            .map_err(|error| FetchError::Resolve {
                host: origin.host.clone(),
                why: error.to_string(),
            })
    }

    /// Through a proxy: plain requests are sent to it as they are, TLS goes through a CONNECT tunnel.
    async fn through(
        &self,
        proxy: &Uri,
        origin: &Origin,
        policy: &FetchPolicy,
    ) -> Result<(TcpStream, SocketAddr), FetchError> {
        let proxy = Origin::of(proxy)?;
        let mut last = String::from("the name has no address");
        for address in self.addresses(&proxy).await? {
            match dial(address, policy).await {
                Ok(mut stream) => {
                    if origin.https {
                        let tunnel = open_tunnel(&mut stream, origin);
                        tokio::time::timeout(policy.connect_timeout, tunnel)
                            .await
                            .map_err(|_| FetchError::Timeout(policy.connect_timeout))??;
                    }
                    return Ok((stream, address));
                }
                Err(why) => last = why,
            }
        }
        Err(FetchError::Connect {
            to: proxy.authority(),
            why: last,
        })
    }
}

pub(crate) async fn dial(address: SocketAddr, policy: &FetchPolicy) -> Result<TcpStream, String> {
    match tokio::time::timeout(policy.connect_timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            // Small requests: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "no connection within {} ms",
            policy.connect_timeout.as_millis()
        )),
    }
}

/// CONNECT (RFC 9110 9.3.6), by hand since what follows on the connection is not HTTP.
async fn open_tunnel(stream: &mut TcpStream, origin: &Origin) -> Result<(), FetchError> {
    let host = if origin.host.contains(':') {
        format!("[{}]", origin.host)
    } else {
        origin.host.clone()
    };
    let to = format!("{host}:{}", origin.port);
    let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    let broken = |error: std::io::Error| FetchError::Http(error.to_string());
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= CONNECT_ANSWER {
            return Err(FetchError::Http(
                "the proxy's answer is too long".to_owned(),
            ));
        }
        // One octet at a time: not one of those behind the header may be taken from TLS.
        answer.push(stream.read_u8().await.map_err(broken)?);
    }
    let code = answer
        .get(9..12)
        .and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
    match code {
        Some(200..=299) => Ok(()),
        Some(code) => Err(FetchError::Status(code)),
        None => Err(FetchError::Http(
            "the proxy's answer is not HTTP".to_owned(),
        )),
    }
}

/// A connection, with TLS or without.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Metered),
    Tls(Box<tokio_rustls::client::TlsStream<Metered>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
