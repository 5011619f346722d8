//! The admin port over TLS: with its certificate, with those of its clients, and with a key that is its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::admin::{CONFIG, Started};
use crate::support::{Site, run};

const TLS: &str = "[admin]\ntls_certificate = \"admin.pem\"\ntls_key = \"admin.key\"\n";

/// Certificates of a CA of the operator's own.
struct Operator {
    ca: Cert,
    server: Cert,
    client: Cert,
    foreign: Cert,
}

impl Operator {
    fn new(now: i64) -> Self {
        let key = |label: &str| Key::cached(KeyAlg::P256, label);
        let day = 86_400;
        let ca = |name: &str| {
            CertBuilder::new(&[("CN", name)], &key(name))
                .serial(&[1])
                .validity(now - day, now + 30 * day)
                .basic_constraints(true, None)
                .key_usage(&[KeyUsage::KeyCertSign])
                .ski_sha1()
                .self_signed()
        };
        let own = ca("operator-ca");
        let leaf = |name: &str, purpose: &str, issuer: &Cert| {
            let name_of = der::tlv(0x82, b"status.example");
            CertBuilder::new(&[("CN", name)], &key(name))
                .serial(&[2])
                .validity(now - day, now + 20 * day)
                .key_usage(&[KeyUsage::DigitalSignature])
                .eku(&[purpose])
                .extension("2.5.29.17", false, &der::seq(&[&name_of]))
                .issued_by(issuer)
        };
        let (for_servers, for_clients) = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
        Self {
            server: leaf("admin-port", for_servers, &own),
            client: leaf("ansible", for_clients, &own),
            foreign: leaf("mallory", for_clients, &ca("another-ca")),
            ca: own,
        }
    }

    fn write(&self, folder: &Path) {
        self.server.write_pem(&folder.join("admin.pem"));
        self.server.write_key_pem(&folder.join("admin.key"));
        self.ca.write_pem(&folder.join("operator-ca.pem"));
    }

    /// A connection, with this client certificate or with none.
    fn connect(
        &self,
        address: SocketAddr,
        client: Option<&Cert>,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(self.ca.der.clone()))
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some(client) => {
                let key = PrivateKeyDer::from_pem_slice(&key_pem(client)).unwrap();
                let chain = vec![CertificateDer::from(client.der.clone())];
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        let name = ServerName::try_from("status.example").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(connection, TcpStream::connect(address).unwrap())
    }

    /// The status code of a request, or why there is none.
    fn ask(
        &self,
        address: SocketAddr,
        client: Option<&Cert>,
        line: &str,
    ) -> Result<u16, std::io::Error> {
        let mut stream = self.connect(address, client);
        let request =
            format!("{line} HTTP/1.1\r\nHost: status.example\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        // Some servers leave out close_notify; what came before it counts.
        let end = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        match text.split(' ').nth(1).and_then(|code| code.parse().ok()) {
            Some(code) => Ok(code),
            None => Err(end.err().unwrap_or_else(|| std::io::Error::other(text))),
        }
    }
}

fn key_pem(cert: &Cert) -> Vec<u8> {
    let dir = certvouch_testkit::process::temp_dir();
    let path = dir.path().join("key");
    cert.write_key_pem(&path);
    fs::read(path).unwrap()
}

fn site() -> (Site, Operator) {
    let site = Site::new();
    let operator = Operator::new(site.world.now);
    operator.write(site.path());
    (site, operator)
}

// covers: T-33
#[test]
fn admin_port_with_tls_is_itself_and_speaks_nothing_else() {
    let (site, operator) = site();
    let started = Started::on(site, &CONFIG.replace("[admin]\n", TLS));
    let ask = |line| operator.ask(started.admin, None, line);
    assert_eq!(ask("GET /health").unwrap(), 200);
    assert_eq!(ask("POST /v1/reload").unwrap(), 401);
    // In the clear there is no answer: the connection ends.
    let mut plain = TcpStream::connect(started.admin).unwrap();
    plain
        .write_all(b"GET /health HTTP/1.1\r\nHost: status.example\r\n\r\n")
        .unwrap();
    let mut said = Vec::new();
    drop(plain.read_to_end(&mut said));
    assert!(
        !said.starts_with(b"HTTP/"),
        "{}",
        String::from_utf8_lossy(&said)
    );
    // And the next one is served as before.
    assert_eq!(ask("GET /ready").unwrap(), 200);
}

// covers: T-33
#[test]
fn admin_port_with_a_client_ca_lets_in_its_certificates_alone() {
    let (site, operator) = site();
    let mutual = format!("{TLS}tls_client_ca = \"operator-ca.pem\"\n");
    let started = Started::on(site, &CONFIG.replace("[admin]\n", &mutual));
    let ask = |client, line| operator.ask(started.admin, client, line);
    assert_eq!(ask(Some(&operator.client), "GET /metrics").unwrap(), 200);
    // A certificate takes the place of no token.
    assert_eq!(ask(Some(&operator.client), "POST /v1/reload").unwrap(), 401);
    for stranger in [None, Some(&operator.foreign), Some(&operator.server)] {
        let outcome = ask(stranger, "GET /health");
        assert!(outcome.is_err(), "{outcome:?}");
    }
    assert_eq!(ask(Some(&operator.client), "GET /health").unwrap(), 200);
}

// covers: T-32
#[test]
fn admin_key_that_others_may_read_stops_the_start() {
    let (site, _) = site();
    site.configure(&CONFIG.replace("[admin]\n", TLS));
    let key = site.path().join("admin.key");
    let start = || run(site.path(), &["serve", "--config", "certvouch.toml"]);
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = start();
        assert_eq!(refused.code, Some(2), "{mode:o}");
        let said = refused.err();
        assert!(
            said.contains("admin.key") && said.contains("chmod 600"),
            "{said}"
        );
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    for (file, content) in [("admin.key", "nothing"), ("admin.pem", "")] {
        let path = site.path().join(file);
        let kept = fs::read(&path).unwrap();
        fs::write(&path, content).unwrap();
        let refused = start();
        assert_eq!(refused.code, Some(2), "{file}");
        assert!(refused.err().contains(file), "{}", refused.err());
        fs::write(&path, kept).unwrap();
    }
}
