//! TLS of the admin port: who it is, and, if the operator wants that, who may connect at all.
//!
//! The key is a secret like that of a signer: a file that others may read is refused (threats T-32). With
//! `tls_client_ca` nobody gets past the handshake without a certificate of those CAs; `/v1` needs a token all the same.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::config::Admin;
use crate::escape::escape_path;

/// Octets of a key file. An RSA key of 16,384 bits has 13 KiB as PEM.
const LARGEST_KEY: u64 = 64 * 1024;

/// What is configured, if TLS is.
///
/// # Errors
/// A file cannot be read or holds something else, or the key is open to others.
pub(super) fn configured(admin: &Admin) -> anyhow::Result<Option<Arc<ServerConfig>>> {
    let (Some(certificate), Some(key)) = (&admin.tls_certificate, &admin.tls_key) else {
        return Ok(None);
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = admin.tls_client_ca.as_deref();
    let verifier = clients.map(verifier).transpose()?;
    let octets =
        certvouch_signer::read_secret(key, LARGEST_KEY).context("the TLS of the admin port")?;
    let private = PrivateKeyDer::from_pem_slice(&octets).with_context(|| of(key))?;
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match verifier {
        Some(verifier) => config.with_client_cert_verifier(verifier),
        None => config.with_no_client_auth(),
    };
    let config = config
        .with_single_cert(certificates(certificate)?, private)
        .with_context(|| of(key))?;
    Ok(Some(Arc::new(config)))
}

/// Takes clients whose certificates these CAs issued.
fn verifier(file: &Path) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).with_context(|| of(file))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .with_context(|| of(file))
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| of(file))?;
    anyhow::ensure!(!all.is_empty(), "{}: no certificate", of(file));
    Ok(all)
}

fn of(file: &Path) -> String {
    format!("the TLS of the admin port: {}", escape_path(file))
}
