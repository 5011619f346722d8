//! A CRL of a real CA behind a real web server, and the OpenSSL client in front: revoked and unknown rightly, good only
//! on somebody's word.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use certvouch_testkit::openssl_ca::{OpensslCa, Revocation};
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::KeyAlg;
use certvouch_testkit::process::{Server, TempDir, free_port, temp_dir};

use crate::support::until;

struct Nginx {
    dir: TempDir,
    port: u16,
    _process: Server,
}

impl Nginx {
    fn start() -> Option<Self> {
        let usual = PathBuf::from("/usr/sbin/nginx");
        let found = peer::on_path("nginx").or_else(|| usual.is_file().then_some(usual));
        let Some(program) = found else {
            // Says aloud that it is absent, or fails where peers are demanded.
            let _ = peer::require_or_skip("nginx");
            return None;
        };
        let (dir, port) = (temp_dir(), free_port());
        let root = dir.path().display();
        let configuration = format!(
            "daemon off; master_process off; pid {root}/pid; error_log stderr;
             events {{ worker_connections 32; }}
             http {{
               access_log {root}/access.log; default_type application/pkix-crl;
               client_body_temp_path {root}/t1; proxy_temp_path {root}/t2;
               fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
               server {{ listen 127.0.0.1:{port}; root {root}/www; etag on; }}
             }}"
        );
        fs::create_dir(dir.path().join("www")).unwrap();
        fs::write(dir.path().join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(dir.path().join("nginx.conf"));
        command.arg("-p").arg(dir.path());
        let process = Server::start(&mut command);
        until("nginx listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self {
            dir,
            port,
            _process: process,
        })
    }

    fn put(&self, crl: &std::path::Path) {
        let www = self.dir.path().join("www");
        fs::copy(crl, www.join("new")).unwrap();
        fs::rename(www.join("new"), www.join("ca.crl")).unwrap();
    }

    fn accesses(&self) -> String {
        fs::read_to_string(self.dir.path().join("access.log")).unwrap_or_default()
    }
}

struct Tree {
    ca: OpensslCa,
    certs: [PathBuf; 3],
    signer: (PathBuf, PathBuf),
    state: TempDir,
}

impl Tree {
    fn new(openssl: &Peer) -> Self {
        let ca = OpensslCa::new(openssl, KeyAlg::P256);
        let good = ca.issue("good", "1001");
        let gone = ca.issue("gone", "00F2");
        let held = ca.issue("held", "7FAB01");
        ca.revoke(&gone, Revocation::Reason("keyCompromise"));
        ca.revoke(&held, Revocation::Reason("certificateHold"));
        let signer = ca.issue_ocsp_signer("OCSP", "1003");
        Self {
            certs: [good.cert, gone.cert, held.cert],
            signer: (signer.cert, signer.key),
            ca,
            state: temp_dir(),
        }
    }

    fn serve(&self, url: &str, further: &[&str]) -> (Server, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
        command.arg("serve").args(["--listen", "127.0.0.1:0"]);
        command.arg("--issuer").arg(self.ca.cert());
        command.arg("--signer-cert").arg(&self.signer.0);
        command.arg("--signer-key").arg(&self.signer.1);
        command.args(["--crl", url, "--crl-refresh", "1s"]);
        command.arg("--crl-state").arg(self.state.path());
        command.args(further).env_remove("CERTVOUCH_LOG");
        let server = Server::start(&mut command);
        let address = server.listening_address();
        (server, format!("http://{address}/"))
    }

    /// What the OpenSSL client says about the three certificates and a serial number that was never issued.
    fn ask(&self, openssl: &Peer, url: &str) -> [String; 4] {
        let text = |path: PathBuf| path.display().to_string();
        let ca = text(self.ca.cert());
        let base = [
            "ocsp",
            "-issuer",
            &ca,
            "-CAfile",
            &ca,
            "-url",
            url,
            "-no_nonce",
        ];
        let said = |which: &[&str], label: &str| {
            let outcome = openssl
                .run(&[&base[..], which].concat())
                .expect_success("openssl ocsp");
            assert!(
                outcome.err().contains("Response verify OK"),
                "{}",
                outcome.all()
            );
            let all = outcome.out();
            let line = all.lines().find_map(|line| line.strip_prefix(label));
            line.unwrap_or_else(|| panic!("{all}")).trim().to_owned()
        };
        let cert = |path: &PathBuf| {
            let name = text(path.clone());
            said(&["-cert", &name], &format!("{name}: "))
        };
        let [good, gone, held] = &self.certs;
        let unissued = said(&["-serial", "0x0DEFACED"], "0x0DEFACED: ");
        [cert(good), cert(gone), cert(held), unissued]
    }
}

// covers: CRLSRC-1, R5280-6.3.3-z
#[test]
fn openssl_client_agrees_and_good_needs_a_good_list_or_a_word() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let Some(nginx) = Nginx::start() else {
        return;
    };
    let tree = Tree::new(&openssl);
    nginx.put(&tree.ca.crl());
    let url = format!("http://127.0.0.1:{}/ca.crl", nginx.port);

    let (mut server, at) = tree.serve(&url, &[]);
    let log = server.wait_for_stderr("--not-revoked good");
    assert!(log.contains("--good-list"), "{log}");
    assert_eq!(
        tree.ask(&openssl, &at),
        ["unknown", "revoked", "revoked", "unknown"]
    );
    // The server says that nothing has changed, and is believed.
    until("nginx has answered 304", || {
        nginx.accesses().contains("\" 304 ")
    });
    assert!(server.terminate().success());

    let list = tree.ca.dir().join("new").display().to_string();
    let (mut server, at) = tree.serve(&url, &["--good-list", &list]);
    assert_eq!(
        tree.ask(&openssl, &at),
        ["good", "revoked", "revoked", "unknown"]
    );
    assert!(
        !server.stderr().contains("answered unknown"),
        "{}",
        server.stderr()
    );
    assert!(server.terminate().success());

    // The index only says what was issued; the CRL says who is revoked.
    let index = tree.ca.index().display().to_string();
    let (mut server, at) = tree.serve(&url, &["--good-list", &index]);
    assert_eq!(
        tree.ask(&openssl, &at),
        ["good", "revoked", "revoked", "unknown"]
    );
    assert!(server.terminate().success());

    let (mut server, at) = tree.serve(&url, &["--not-revoked", "good"]);
    assert_eq!(
        tree.ask(&openssl, &at),
        ["good", "revoked", "revoked", "good"]
    );
    assert!(server.terminate().success());
}
