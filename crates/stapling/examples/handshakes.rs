//! Handshakes in memory between a server with `StapledKey` and a client with `OcspServerVerifier`, to be counted by
//! callgrind: `bench/handshake.py` runs it. The argument is the number of handshakes.
//!
//! Both sides do their work in functions of their own, so that their instructions can be told apart.

use std::sync::Arc;

use certvouch_stapling::rustls_0_23::{OcspServerVerifier, StapledKey};
use certvouch_stapling::{Fail, Options, Stapler, Subject};
use certvouch_testkit::clock::real_now;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage};
use certvouch_testkit::reply::{Reply, Single};
use certvouch_types::Timestamp;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const DAY: i64 = 86_400;

struct Pki {
    root: Cert,
    inter: Cert,
    signer: Cert,
    leaf: Cert,
}

fn main() -> Result<()> {
    let count: u32 = std::env::args()
        .nth(1)
        .map_or(Ok(10), |text| text.parse())?;
    let pki = pki(real_now());
    let (server, client) = configurations(&pki)?;
    for _ in 0..count {
        handshake(&server, &client)?;
    }
    Ok(())
}

/// A chain of two as the web has it, with P-256 throughout.
fn pki(now: i64) -> Pki {
    let ca = |name: &str| {
        CertBuilder::new(
            &[("CN", name), ("O", "certvouch bench")],
            &Key::generate(KeyAlg::P256),
        )
        .validity(now - DAY, now + 90 * DAY)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])
        .ski_sha1()
    };
    let ee = |name: &str| {
        CertBuilder::new(
            &[("CN", name), ("O", "certvouch bench")],
            &Key::generate(KeyAlg::P256),
        )
        .serial(&[
            0x4A, 0x1B, 0x2C, 0x3D, 0x4E, 0x5F, 0x60, 0x71, 0x02, 0x13, 0x24, 0x35,
        ])
        .validity(now - DAY, now + 60 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
    };
    let root = ca("Root").self_signed();
    let inter = ca("Issuing CA").issued_by(&root);
    let names = certvouch_testkit::der::seq(&[&certvouch_testkit::der::tlv(0x82, b"www.example")]);
    Pki {
        signer: ee("OCSP").ocsp_signing().ocsp_nocheck().issued_by(&inter),
        leaf: ee("www.example")
            .eku(&["1.3.6.1.5.5.7.3.1"])
            .extension("2.5.29.17", false, &names)
            .issued_by(&inter),
        inter,
        root,
    }
}

fn configurations(pki: &Pki) -> Result<(Arc<ServerConfig>, Arc<ClientConfig>)> {
    let now = Arc::new(|| Timestamp::from_unix(real_now()));
    let stapler = Stapler::new(Options::new(now))?;
    let (inter, signer, serial) = (
        pki.inter.clone(),
        pki.signer.clone(),
        pki.leaf.serial.clone(),
    );
    let responder = Misbehaving::start(move |_| {
        let now = real_now();
        let single = Single::about(&inter, &serial, now).next_update(now + DAY);
        Act::Ocsp(Reply::delegated(&signer, now).single(&single).build())
    });
    let mut subject = Subject::new(pki.leaf.der.clone(), pki.inter.der.clone());
    subject.responders = Some(vec![responder.url().parse()?]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![pki.leaf.der.clone().into(), pki.inter.der.clone().into()];
    let key = PrivatePkcs8KeyDer::from(pki.leaf.key.pkcs8_der());
    let key = CertifiedKey::from_der(chain, key.into(), &provider)?;
    let key = StapledKey::new(&stapler, key, subject)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let _ = runtime.block_on(stapler.refresh_due());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(key));
    server.send_tls13_tickets = 0;

    let anchor = CertificateDer::from(pki.root.der.clone());
    let mut roots = RootCertStore::empty();
    roots.add(anchor.clone())?;
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let inner = inner.build()?;
    let verifier = OcspServerVerifier::new(inner, [anchor], Fail::Hard);
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    Ok((Arc::new(server), Arc::new(client)))
}

fn handshake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Result<()> {
    let mut client = client_begin(client)?;
    let mut server = server_begin(server)?;
    let (mut there, mut back) = (Vec::new(), Vec::new());
    while client.is_handshaking() || server.is_handshaking() {
        client_side(&mut client, &mut back, &mut there)?;
        server_side(&mut server, &mut there, &mut back)?;
    }
    Ok(())
}

#[inline(never)]
fn client_begin(config: &Arc<ClientConfig>) -> Result<ClientConnection> {
    let name = ServerName::try_from("www.example")?;
    Ok(ClientConnection::new(Arc::clone(config), name)?)
}

#[inline(never)]
fn server_begin(config: &Arc<ServerConfig>) -> Result<ServerConnection> {
    Ok(ServerConnection::new(Arc::clone(config))?)
}

#[inline(never)]
fn client_side(client: &mut ClientConnection, from: &mut Vec<u8>, to: &mut Vec<u8>) -> Result<()> {
    let mut rest = &from[..];
    while !rest.is_empty() {
        let _ = client.read_tls(&mut rest)?;
        let _ = client.process_new_packets()?;
    }
    from.clear();
    while client.wants_write() {
        let _ = client.write_tls(to)?;
    }
    Ok(())
}

#[inline(never)]
fn server_side(server: &mut ServerConnection, from: &mut Vec<u8>, to: &mut Vec<u8>) -> Result<()> {
    let mut rest = &from[..];
    while !rest.is_empty() {
        let _ = server.read_tls(&mut rest)?;
        let _ = server.process_new_packets()?;
    }
    from.clear();
    while server.wants_write() {
        let _ = server.write_tls(to)?;
    }
    Ok(())
}
