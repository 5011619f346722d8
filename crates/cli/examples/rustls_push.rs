//! A rustls server that follows the change log of a certvouch responder in its own process: what was revoked there is in
//! the next handshake here. `bench/push.py` measures how soon.
//!
//!     rustls_push CHAIN KEY RESPONDER ADMIN TOKEN_FILE
//!
//! CHAIN is PEM, the certificate and then its issuer. It prints its port, and serves handshakes until it is ended.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use certvouch::clock::Clock;
use certvouch::staple::config::PushConfig;
use certvouch::staple::push::Push;
use certvouch_stapling::rustls_0_23::StapledKey;
use certvouch_stapling::{Options, Stapler, Subject};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [chain, key, responder, admin, token] = &arguments[..] else {
        anyhow::bail!("rustls_push CHAIN KEY RESPONDER ADMIN TOKEN_FILE");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(chain, key, responder, PushConfig::new(admin, token)))
}

async fn serve(chain: &str, key: &str, responder: &str, push: PushConfig) -> Result<()> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(chain)?.collect::<Result<_, _>>()?;
    let [certificate, issuer, ..] = &chain[..] else {
        anyhow::bail!("the chain has no issuer");
    };
    let mut subject = Subject::new(
        Bytes::copy_from_slice(certificate),
        Bytes::copy_from_slice(issuer),
    );
    subject.responders = Some(vec![responder.parse().context("RESPONDER is no URL")?]);
    let clock = Clock::system();
    let now = clock.clone();
    let stapler = Stapler::new(Options::new(Arc::new(move || now.now())))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = CertifiedKey::from_der(chain, PrivateKeyDer::from_pem_file(key)?, &provider)?;
    let key = StapledKey::new(&stapler, key, subject)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(key));
    let _ = stapler.refresh_due().await;
    let engine = stapler.clone();
    drop(tokio::spawn(async move { engine.run().await }));
    let push = Push::new(push, Vec::new(), stapler, clock, None, || {});
    drop(tokio::spawn(async move { push.run().await }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    out.flush()?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (stream, _) = listener.accept().await?;
        let handshake = acceptor.accept(stream);
        // Whoever hangs up half-way is nobody's trouble.
        drop(tokio::spawn(async move { drop(handshake.await) }));
    }
}
