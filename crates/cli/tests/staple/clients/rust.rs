//! A rustls client with our verifier, in this process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use certvouch_stapling::rustls_0_23::OcspServerVerifier;
use certvouch_stapling::{Fail, Refused};
use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use super::look::{Door, Reason, Verdict};

/// What it makes of what stands behind a door.
pub(crate) fn look(door: Door<'_>, fail: Fail) -> Verdict {
    let ca = CertificateDer::from_pem_file(door.ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let inner = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let said = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&said);
    let verifier = OcspServerVerifier::new(inner.build().unwrap(), [ca], fail)
        .on_judgement(move |_, judged| *heard.lock().unwrap() = Some(judged.clone().map(drop)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let name = ServerName::try_from(door.name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", door.port)).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        door.name
    );
    let exchanged = stream.write_all(request.as_bytes()).and_then(|()| {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).map(|()| answer)
    });
    let judged = said.lock().unwrap().take();
    match (exchanged, judged) {
        (Ok(answer), Some(Ok(()))) if answer == *b"HTTP/1.1 200" => Verdict::Accepts,
        (Err(_), Some(Err(why))) => reason(&why),
        (exchanged, judged) => Verdict::Odd(format!("{exchanged:?} {judged:?}")),
    }
}

fn reason(why: &Refused) -> Verdict {
    Verdict::Refuses(match why {
        Refused::StapledRevoked => Reason::Revoked,
        Refused::Missing | Refused::MustStaple => Reason::NoStaple,
        Refused::Staple("expired", _) => Reason::OutOfDate,
        Refused::Staple("wrong-certificate", _) => Reason::AnotherCertificate,
        Refused::Staple("bad-signature", _) => Reason::BadSignature,
        _ => return Verdict::Odd(why.to_string()),
    })
}
