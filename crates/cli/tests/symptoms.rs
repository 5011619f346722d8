//! docs/symptoms.md shows error texts as they are: each heading of its parts about certvouch is produced here, and so
//! are those of OpenSSL that our own answers lead to. A heading without a case and a case without a heading fail.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use certvouch_testkit::openssl_ca::OpensslCa;
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::KeyAlg;
use certvouch_testkit::process::{PATIENCE, Server, TempDir, free_port, temp_dir};

const PAGE: &str = include_str!("../../../docs/symptoms.md");
const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");

/// Headings of what only the world outside can produce.
const NOT_OURS: [&str; 4] = [
    // A source that cannot be read once the responder runs: the responder's own tests.
    "trylater (3)",
    // A cache in between.
    "nonce in response but not in request",
    // Clocks that differ.
    "Status times invalid",
    // Nobody there.
    "Error querying OCSP responder",
];

/// Two CAs of OpenSSL and what their responders need.
struct Tree {
    dir: TempDir,
    ca: OpensslCa,
    other: OpensslCa,
    cert: PathBuf,
    signer: (PathBuf, PathBuf),
}

impl Tree {
    fn new(openssl: &Peer) -> Self {
        let ca = OpensslCa::new(openssl, KeyAlg::P256);
        let other = OpensslCa::new(openssl, KeyAlg::P256);
        let cert = ca.issue("server", "1001").cert;
        let signer = ca.issue_ocsp_signer("OCSP", "1003");
        Self {
            dir: temp_dir(),
            ca,
            other,
            cert,
            signer: (signer.cert, signer.key),
        }
    }

    fn serve(&self, issuer: &Path, cert: Option<&Path>, key: &Path, index: &Path) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.dir.path());
        command.arg("serve").args(["--listen", "127.0.0.1:0"]);
        command
            .arg("--issuer")
            .arg(issuer)
            .arg("--signer-key")
            .arg(key);
        if let Some(cert) = cert {
            command.arg("--signer-cert").arg(cert);
        }
        command.arg("--index").arg(index);
        command
    }

    fn serve_crl(&self, place: &str) -> Command {
        let (cert, key) = &self.signer;
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.dir.path());
        command.arg("serve").args(["--listen", "127.0.0.1:0"]);
        command.arg("--issuer").arg(self.ca.cert());
        command.arg("--signer-cert").arg(cert);
        command.arg("--signer-key").arg(key);
        command.args(["--crl", place, "--crl-state", "state"]);
        command
    }

    /// What certvouch writes when it starts with this pair and refuses.
    fn refusal(&self, cert: Option<&Path>, key: &Path) -> String {
        refused(&mut self.serve(&self.ca.cert(), cert, key, &self.ca.index()))
    }

    /// A certificate of the CA for the signer's key, with these lines of extensions.
    fn signer_with(&self, openssl: &Peer, name: &str, extensions: &str, days: &str) -> PathBuf {
        let path = |kind: &str| self.dir.path().join(format!("{name}.{kind}"));
        fs::write(path("cnf"), format!("[x]\n{extensions}\n")).unwrap();
        let text = |path: PathBuf| path.display().to_string();
        let key = text(self.signer.1.clone());
        let (request, made) = (text(path("csr")), text(path("pem")));
        let _ = openssl
            .run(&[
                "req",
                "-new",
                "-key",
                &key,
                "-subj",
                "/CN=signer",
                "-out",
                &request,
            ])
            .expect_success("request");
        let (ca, ca_key, lines) = (text(self.ca.cert()), text(self.ca.key()), text(path("cnf")));
        let issue = [
            "x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key,
        ];
        let rest = [
            "-days",
            days,
            "-extfile",
            &lines,
            "-extensions",
            "x",
            "-out",
            &made,
        ];
        let serial = ["-set_serial", "0x2001"];
        let _ = openssl
            .run(&[&issue[..], &rest, &serial].concat())
            .expect_success("issue");
        path("pem")
    }
}

fn refused(command: &mut Command) -> String {
    let outcome = peer::run(command, &[], peer::PATIENCE);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.stdout.is_empty(), "{}", outcome.out());
    outcome.err()
}

/// The texts in headings `### …` below the heading `## …` that contains `part`.
fn headings(part: &str) -> BTreeSet<String> {
    let section = PAGE
        .split("\n## ")
        .find(|section| section.starts_with(part));
    let section = section.unwrap_or_else(|| panic!("no part {part}"));
    let lines = section
        .lines()
        .filter_map(|line| line.strip_prefix("### `"));
    lines
        .map(|line| line.trim_end_matches('`').to_owned())
        .collect()
}

/// Each text with what was really said.
fn assert_told(part: &str, told: &[(&str, String)]) {
    let mut wanted = headings(part);
    for (text, said) in told {
        assert!(said.contains(text), "{text:?} is not in\n{said}");
        assert!(wanted.remove(*text), "{text:?} is no heading of {part:?}");
    }
    wanted.retain(|text| !NOT_OURS.contains(&text.as_str()));
    assert!(wanted.is_empty(), "nothing says {wanted:?}");
}

#[test]
fn refusals_to_start_say_what_the_page_says() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let tree = Tree::new(&openssl);
    let (cert, key) = &tree.signer;
    let nocheck = "extendedKeyUsage = OCSPSigning\nkeyUsage = digitalSignature";
    let usage = "noCheck = ignored\nkeyUsage = digitalSignature";
    let whole = "extendedKeyUsage = OCSPSigning\nnoCheck = ignored\nkeyUsage = digitalSignature";
    let lacks_usage = tree.signer_with(&openssl, "usage", usage, "30");
    let lacks_nocheck = tree.signer_with(&openssl, "nocheck", nocheck, "30");
    let expired = tree.signer_with(&openssl, "expired", whole, "-1");

    // OpensslCa gives all its CAs one name, so that the other's delegate has the right issuer and the wrong key.
    let foreign = tree.other.issue_ocsp_signer("OCSP", "1003");
    let renamed = refused(&mut tree.serve(
        &renamed_ca(&openssl, &tree),
        Some(cert),
        key,
        &tree.ca.index(),
    ));

    let open_key = tree.dir.path().join("open.key");
    fs::copy(key, &open_key).unwrap();
    fs::set_permissions(&open_key, fs::Permissions::from_mode(0o644)).unwrap();

    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let mut taken = tree.serve(&tree.ca.cert(), Some(cert), key, &tree.ca.index());
    taken.args(["--listen", &address]);

    let with_index = |text: &str| {
        let index = tree.dir.path().join("broken.txt");
        fs::write(&index, text).unwrap();
        refused(&mut tree.serve(&tree.ca.cert(), Some(cert), key, &index))
    };
    let with_crl = |place: &str| refused(&mut tree.serve_crl(place));
    let foreign_folder = temp_dir();
    fs::write(foreign_folder.path().join("a"), "b").unwrap();
    let mut demo = Command::new(PROGRAM);
    demo.arg("demo").arg("--dir").arg(foreign_folder.path());

    assert_told(
        "What certvouch says when it refuses to start",
        &[
            (
                "lacks the extended key usage OCSPSigning",
                tree.refusal(Some(&lacks_usage), key),
            ),
            (
                "lacks id-pkix-ocsp-nocheck",
                tree.refusal(Some(&lacks_nocheck), key),
            ),
            (
                "another key signed it",
                tree.refusal(Some(&foreign.cert), &foreign.key),
            ),
            ("was issued by", renamed),
            (
                "does not belong to the certificate",
                tree.refusal(Some(cert), &foreign.key),
            ),
            (
                "is the key of the CA itself",
                tree.refusal(Some(&tree.ca.cert()), &tree.ca.key()),
            ),
            ("expired", tree.refusal(Some(&expired), key)),
            (
                "others than its owner may read or write it",
                tree.refusal(Some(cert), &open_key),
            ),
            ("address in use", refused(&mut taken)),
            ("the row has", with_index("V\t301231000000Z\t\t01\n")),
            (
                "the file ends within this line",
                with_index("V\t301231000000Z\t\t01\tunknown\t/CN=a"),
            ),
            ("no CRL to answer from", with_crl("absent.crl")),
            (
                "not connected to unless it is named",
                with_crl("http://127.1:1/ca.crl"),
            ),
            ("is not a demo folder", refused(&mut demo)),
        ],
    );
}

/// A self-signed CA of another name.
fn renamed_ca(openssl: &Peer, tree: &Tree) -> PathBuf {
    let made = tree.dir.path().join("renamed.pem");
    let (key, to) = (
        tree.ca.key().display().to_string(),
        made.display().to_string(),
    );
    let request = [
        "req", "-new", "-x509", "-key", &key, "-days", "30", "-out", &to,
    ];
    let subject = [
        "-subj",
        "/CN=Another CA",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    ];
    let _ = openssl
        .run(&[&request[..], &subject].concat())
        .expect_success("renamed CA");
    made
}

#[test]
fn words_of_openssl_are_those_of_the_page() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let tree = Tree::new(&openssl);
    let (cert, key) = &tree.signer;
    let mut command = tree.serve(&tree.ca.cert(), Some(cert), key, &tree.ca.index());
    let server = Server::start(command.args(["--nonce", "ignore"]));
    let address = server.listening_address();
    let url = format!("http://{address}/");
    let text = |path: PathBuf| path.display().to_string();
    let ask = |issuer: PathBuf, trusted: PathBuf| {
        let (issuer, trusted) = (text(issuer), text(trusted));
        let cert = text(tree.cert.clone());
        let files = [
            "ocsp", "-issuer", &issuer, "-cert", &cert, "-CAfile", &trusted,
        ];
        openssl.run(&[&files[..], &["-url", &url]].concat()).all()
    };
    let malformed = {
        let body = tree.dir.path().join("response.der");
        let mut connection = certvouch_testkit::http::Connection::open(address);
        let request = "GET /AAAA HTTP/1.1\r\nHost: localhost\r\n\r\n";
        connection.send(request.as_bytes()).unwrap();
        fs::write(&body, connection.read_response(false).unwrap().body).unwrap();
        openssl
            .run(&["ocsp", "-respin", &text(body), "-noverify"])
            .all()
    };
    assert_told(
        "What clients say",
        &[
            ("unauthorized (6)", ask(tree.other.cert(), tree.ca.cert())),
            ("malformedrequest (1)", malformed),
            ("no nonce in response", ask(tree.ca.cert(), tree.ca.cert())),
            (
                "Response Verify Failure",
                ask(tree.ca.cert(), tree.other.cert()),
            ),
        ],
    );
}

#[test]
fn words_of_a_running_server_are_those_of_the_page() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let tree = Tree::new(&openssl);
    let (cert, key) = &tree.signer;
    let index = tree.ca.index();
    let server = Server::start(&mut tree.serve(&tree.ca.cert(), Some(cert), key, &index));
    let _ = server.listening_address();
    fs::write(tree.dir.path().join("empty"), "").unwrap();
    fs::rename(tree.dir.path().join("empty"), &index).unwrap();
    let kept = server.wait_for_stderr("the rows read before stay in force");

    let place = tree.dir.path().join("ca.crl");
    fs::copy(tree.ca.crl(), &place).unwrap();
    let of_crl = Server::start(&mut tree.serve_crl("ca.crl"));
    let _ = of_crl.listening_address();
    let unknown = of_crl.wait_for_stderr("does not say what was issued");
    fs::write(tree.dir.path().join("cut"), "cut").unwrap();
    fs::rename(tree.dir.path().join("cut"), &place).unwrap();
    let refused = of_crl.wait_for_stderr("the CRL does not count");

    let home = temp_dir();
    let demo = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.current_dir(home.path()).arg("demo").args(arguments);
        command
    };
    let running = Server::start(&mut demo(&["--listen", "127.0.0.1:0"]));
    let _ = running.listening_address();
    let released = peer::run(&mut demo(&["release", "revoked"]), &[], peer::PATIENCE).err();
    assert_told(
        "What certvouch says while it runs",
        &[
            ("the rows read before stay in force", kept),
            ("the CRL does not count", refused),
            (
                "answered unknown, since a CRL does not say what was issued",
                unknown,
            ),
            ("revoked already, and that is final", released),
        ],
    );
}

#[test]
fn words_of_servers_that_staple_are_those_of_the_page() {
    let (Some(openssl), Some(nginx), Some(haproxy), Some(exim)) = (
        peer::require_or_skip("openssl"),
        peer::require_or_skip("nginx"),
        peer::require_or_skip("haproxy"),
        peer::require_or_skip("exim4"),
    ) else {
        return;
    };
    let tree = Tree::new(&openssl);
    let server = tree.ca.issue("host", "1009");
    let root = tree.dir.path();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let (leaf, ca, key) = (read(&server.cert), read(&tree.ca.cert()), read(&server.key));
    let by_nginx = |chain: &str| {
        fs::write(root.join("chain.pem"), chain).unwrap();
        fs::write(root.join("host.key"), &key).unwrap();
        let shown = root.display();
        let text = format!(
            "pid {shown}/pid; error_log stderr;\nevents {{ }}\nhttp {{ client_body_temp_path {shown}/t1;\n\
             proxy_temp_path {shown}/t2; fastcgi_temp_path {shown}/t3; uwsgi_temp_path {shown}/t4;\n\
             scgi_temp_path {shown}/t5; access_log off; server {{ listen 127.0.0.1:1 ssl; ssl_stapling on;\n\
             ssl_certificate {shown}/chain.pem; ssl_certificate_key {shown}/host.key; }} }}\n"
        );
        fs::write(root.join("nginx.conf"), text).unwrap();
        let (dir, conf) = (
            shown.to_string(),
            root.join("nginx.conf").display().to_string(),
        );
        nginx
            .run(&["-t", "-p", &dir, "-c", &conf, "-e", "stderr"])
            .all()
    };
    let by_haproxy = |staple: &[u8]| {
        fs::write(root.join("host.pem"), [leaf.as_str(), &ca, &key].concat()).unwrap();
        fs::write(root.join("host.pem.ocsp"), staple).unwrap();
        let text = format!(
            "global\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
             frontend a\n  bind 127.0.0.1:1 ssl crt {}/host.pem\n",
            root.display()
        );
        let conf = root.join("haproxy.cfg");
        fs::write(&conf, text).unwrap();
        haproxy
            .run(&["-c", "-f", &conf.display().to_string()])
            .all()
    };
    let signed = |more: &[&str]| {
        let text = |path: &Path| path.display().to_string();
        let (index, ca) = (text(&tree.ca.index()), text(&tree.ca.cert()));
        let (signer, signer_key) = (text(&tree.signer.0), text(&tree.signer.1));
        let (cert, to) = (text(&server.cert), text(&root.join("made.der")));
        let by = [
            "ocsp",
            "-index",
            &index,
            "-CA",
            &ca,
            "-rsigner",
            &signer,
            "-rkey",
            &signer_key,
        ];
        let about = ["-no_nonce", "-noverify", "-respout", &to, "-issuer", &ca];
        let words = [&by[..], &about, more, &["-cert", &cert]].concat();
        let _ = openssl.run(&words);
        fs::read(root.join("made.der")).unwrap()
    };
    assert_told(
        "What servers that staple say",
        &[
            (
                "\"ssl_stapling\" ignored, no OCSP responder URL in the certificate",
                by_nginx(&[leaf.as_str(), &ca].concat()),
            ),
            (
                "\"ssl_stapling\" ignored, issuer certificate not found",
                by_nginx(&leaf),
            ),
            ("Unable to parse OCSP response", by_haproxy(b"<html>")),
            (
                "OCSP response status not successful",
                by_haproxy(&[0x30, 3, 10, 1, 3]),
            ),
            (
                "Certificate ID does not match certificate and issuer",
                by_haproxy(&signed(&["-nmin", "5", "-sha256"])),
            ),
            ("missing nextupdate", by_haproxy(&signed(&[]))),
            (
                "gnutls_certificate_set_ocsp_status_request_file2",
                by_exim(&exim, &openssl, root),
            ),
        ],
    );
}

/// What Exim writes into its log when a client asks for TLS and the file of `tls_ocsp_file` is not there.
fn by_exim(exim: &Peer, openssl: &Peer, root: &Path) -> String {
    let id = |flag: &str| {
        let said = peer::run(Command::new("id").args([flag, "-n"]), b"", peer::PATIENCE).out();
        said.trim().to_owned()
    };
    let (user, group, shown, port) = (id("-u"), id("-g"), root.display(), free_port());
    fs::create_dir(root.join("spool")).unwrap();
    let text = format!(
        "exim_user = {user}\nexim_group = {group}\nnever_users =\nkeep_environment =\nprimary_hostname = host.test\n\
         spool_directory = {shown}/spool\nlog_file_path = {shown}/%slog\nlocal_interfaces = 127.0.0.1\n\
         daemon_smtp_ports = {port}\ntls_on_connect_ports = {port}\ntls_advertise_hosts = *\n\
         tls_certificate = {shown}/chain.pem\ntls_privatekey = {shown}/host.key\n\
         tls_ocsp_file = PEM {shown}/none.pem\n"
    );
    fs::write(root.join("exim.conf"), text).unwrap();
    let mut command = Command::new(&exim.program);
    let conf = root.join("exim.conf");
    let _server = Server::start(command.args(["-bdf", "-C"]).arg(conf));
    let address = format!("127.0.0.1:{port}");
    let log = || fs::read_to_string(root.join("mainlog")).unwrap_or_default();
    let began = Instant::now();
    while !log().contains("TLS error") && began.elapsed() < PATIENCE {
        let _ = openssl.run(&["s_client", "-connect", &address]);
        std::thread::sleep(Duration::from_millis(20));
    }
    log()
}
