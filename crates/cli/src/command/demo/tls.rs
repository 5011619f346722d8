//! The demo's TLS server: it shows `good.pem` and staples what the responder says about it.
//!
//! It is what a program with rustls does in a few lines: a [`Stapler`] that keeps the staple fresh, and a [`StapledKey`]
//! for the handshakes. Whoever speaks HTTP with it gets a short page. It ends with the process.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use certvouch_stapling::rustls_0_23::StapledKey;
use certvouch_stapling::{Options, Stapler, Subject};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::folder::{Folder, INDEX, served_key};
use super::pki;
use crate::clock::Clock;

/// Connections at the same time; the others wait in the system's queue.
const CONNECTIONS: usize = 64;
/// For a handshake and a question.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first handshakes wait for the first staple.
const FIRST_STAPLE: Duration = Duration::from_secs(5);
/// How often the index is looked at.
const WATCH: Duration = Duration::from_millis(500);
/// How often the responder is asked anew, a watch apart, when the index has changed: it reads the index in its own time.
const ASKED: usize = 6;
/// Octets of a question that are read.
const QUESTION: usize = 4096;
const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 77\r\n\r\n\
    certvouch demo: the status of this certificate came with the TLS handshake.\r\n";

/// Starts the server on this socket, in a thread of its own.
///
/// # Errors
/// The certificate, its issuer or its key cannot be read, or the system has no threads.
pub(super) fn start(listener: TcpListener, folder: &Folder, url: &str, clock: Clock) -> Result<()> {
    let chain = vec![
        folder.certificate(&format!("{}.pem", pki::SERVED))?,
        folder.certificate("issuing-ca.pem")?,
    ];
    let mut subject = Subject::new(
        Bytes::copy_from_slice(&chain[0]),
        Bytes::copy_from_slice(&chain[1]),
    );
    // Where it listens now, which need not be what the certificate says.
    subject.responders = Some(vec![url.parse().context("the responder's URL")?]);
    let stapler = Stapler::new(Options::new(Arc::new(move || clock.now()))).context("TLS roots")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_file(folder.path(&served_key()))
        .with_context(|| format!("{} holds no key", served_key()))?;
    let key = CertifiedKey::from_der(chain, key, &provider).context("the key of good.pem")?;
    let key = StapledKey::new(&stapler, key, subject).context("good.pem")?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(key));
    listener.set_nonblocking(true)?;
    let index = folder.path(INDEX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("demo-tls".to_owned())
        .spawn(move || runtime.block_on(serve(listener, Arc::new(config), stapler, index)))
        .context("start a thread")?;
    Ok(())
}

async fn serve(listener: TcpListener, config: Arc<ServerConfig>, stapler: Stapler, index: PathBuf) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(why) => {
            tracing::error!(%why, "the TLS server did not start");
            return;
        }
    };
    // The first handshake has a staple already; without one in time it does without.
    if tokio::time::timeout(FIRST_STAPLE, stapler.refresh_due())
        .await
        .is_err()
    {
        tracing::warn!("the TLS server starts without a staple");
    }
    let engine = stapler.clone();
    drop(tokio::spawn(async move { engine.run().await }));
    drop(tokio::spawn(watch(stapler, index)));
    let acceptor = TlsAcceptor::from(config);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say; others end in a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let answering = answer(acceptor.clone(), stream);
        drop(tokio::spawn(async move {
            // Whoever hangs up or says something else is nobody's trouble.
            let _ = tokio::time::timeout(PATIENCE, answering).await;
            drop(place);
        }));
    }
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut question = Vec::new();
    let mut part = [0; 512];
    while question.len() < QUESTION && !question.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await? {
            0 => return Ok(()),
            length => question.extend_from_slice(&part[..length]),
        }
    }
    stream.write_all(PAGE.as_bytes()).await?;
    stream.shutdown().await
}

/// Has the responder asked anew when the index has changed, as a CA that revokes would.
async fn watch(stapler: Stapler, index: PathBuf) {
    let stamp = || -> Option<SystemTime> { std::fs::metadata(&index).ok()?.modified().ok() };
    let (mut last, mut left) = (stamp(), 0);
    loop {
        tokio::time::sleep(WATCH).await;
        let now = stamp();
        if now != last {
            (last, left) = (now, ASKED);
        }
        if left > 0 {
            left -= 1;
            stapler.hurry();
        }
    }
}
