//! A tree made by `openssl ca`, changed by it while the responder runs: OpenSSL, Go and Python ask about every
//! certificate, and agree with the index.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use certvouch_testkit::answer::{Answer, CertStatus, CertView};
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id_from};
use certvouch_testkit::clock::real_now;
use certvouch_testkit::http;
use certvouch_testkit::openssl_ca::{Issued, OpensslCa, Revocation};
use certvouch_testkit::peer::{Peer, require_or_skip};
use certvouch_testkit::pki::{KeyAlg, from_pem};
use certvouch_testkit::process::Server;

use crate::{go, python};

/// A certificate of the tree, and what the index says of it.
struct Member {
    issued: Issued,
    status: &'static str,
    row: char,
}

/// Small, with zeros in front, at and above 2^127, 2^128 - 1, and the longest that a CA may use.
const SERIALS: [&str; 8] = [
    "01",
    "000A",
    "00000000000000FF",
    "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    "80000000000000000000000000000000",
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    "F1E2D3C4B5A697887960514233241506",
    "7A0102030405060708090A0B0C0D0E0F10111213",
];

// covers: R6960-4.1.1-1, R6960-2.2-4, E-41, E-42, E-51
#[test]
fn peers_agree_with_the_index_of_a_real_tree_on_every_certificate() {
    let peers = ["openssl", "go", "python-cryptography"].map(require_or_skip);
    let [Some(openssl), go, python] = peers else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let signer = ca.issue_ocsp_signer("ocsp", "1000");
    let mut members: Vec<Member> = SERIALS
        .into_iter()
        .enumerate()
        .map(|(index, serial)| Member {
            issued: ca.issue(&format!("member-{index}"), serial),
            status: "good",
            row: 'V',
        })
        .collect();
    let (from, to) = (real_now() - 20 * 86_400, real_now() - 86_400);
    members.push(Member {
        issued: ca.issue_between("expired", "2000", from, to),
        status: "good",
        row: 'V',
    });

    let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    command.arg("serve").arg("--issuer").arg(ca.cert());
    command
        .arg("--signer-cert")
        .arg(&signer.cert)
        .arg("--signer-key")
        .arg(&signer.key);
    command
        .arg("--index")
        .arg(ca.index())
        .args(["--listen", "127.0.0.1:0"]);
    let server = Server::start(&mut command);
    let address = server.listening_address();
    let judges = Judges {
        ca: &ca,
        address,
        openssl: &openssl,
        go,
        python,
    };
    judges.agree(&members);

    let ways = [
        Revocation::Reason("keyCompromise"),
        Revocation::NoReason,
        Revocation::Hold("holdInstructionReject"),
        Revocation::KeyCompromisedAt("20260101000000Z"),
        Revocation::Reason("superseded"),
    ];
    for (member, way) in members.iter_mut().step_by(2).zip(ways) {
        ca.revoke(&member.issued, way);
        (member.status, member.row) = ("revoked", 'R');
    }
    members.push(Member {
        issued: ca.issue("late", "0BADCAFE"),
        status: "good",
        row: 'V',
    });
    judges.wait_for(&members);
    judges.agree(&members);

    // `openssl ocsp` signs an empty answer about an `E` row; ours says what the row says.
    ca.update_db();
    for member in &mut members {
        if member.issued.serial_hex == "2000" && member.row == 'V' {
            member.row = 'E';
        }
    }
    judges.wait_for(&members);
    judges.agree(&members);
}

struct Judges<'a> {
    ca: &'a OpensslCa,
    address: SocketAddr,
    openssl: &'a Peer,
    go: Option<Peer>,
    python: Option<Peer>,
}

impl Judges<'_> {
    /// The index has the rows that the test thinks it has, and the responder has seen them.
    fn wait_for(&self, members: &[Member]) {
        let index = self.ca.index_text();
        for member in members {
            let row = index
                .lines()
                .find(|row| row.contains(&format!("\t{}\t", member.issued.serial_hex)));
            let row = row.expect("a row for every certificate");
            assert!(row.starts_with(member.row), "{row}");
        }
        let began = Instant::now();
        while members
            .iter()
            .any(|member| self.status(member) != member.status)
        {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "FRESH-5 gives a minute"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the responder says, read by the test kit.
    fn status(&self, member: &Member) -> &'static str {
        let text = std::fs::read_to_string(self.ca.cert()).expect("the CA's certificate");
        let der = from_pem("CERTIFICATE", &text).expect("a PEM certificate");
        let issuer = CertView::parse(&der).expect("a certificate");
        let id = cert_id_from(
            &HashAlg::Sha256.identifier(&Params::Null),
            &HashAlg::Sha256.digest(&issuer.subject),
            &HashAlg::Sha256.digest(&issuer.key_bits),
            &content(&member.issued.serial_hex),
        );
        let response = http::post(self.address, "/", &Ask::new().entry(&id).build());
        match Answer::successful(&response.body).single().status {
            CertStatus::Good => "good",
            CertStatus::Revoked { .. } => "revoked",
            CertStatus::Unknown => "unknown",
        }
    }

    /// Every peer asks about every certificate, by GET and POST where it can, and about one that was never issued.
    fn agree(&self, members: &[Member]) {
        let mut asked: Vec<(String, &str)> = members
            .iter()
            .map(|member| (member.issued.serial_hex.clone(), member.status))
            .collect();
        asked.push(("3E55".to_owned(), "unknown"));
        let mut wrong = String::new();
        let mut note = |peer: &str, serial: &str, problem: Option<String>| {
            if let Some(problem) = problem {
                writeln!(wrong, "{peer} {serial}: {problem}").expect("a String takes everything");
            }
        };
        for (serial, status) in &asked {
            note("openssl", serial, self.ask_openssl(serial, status));
        }
        let jobs = |python: bool| {
            let mut out = String::new();
            for (id, (serial, status)) in asked.iter().enumerate() {
                let method = if id % 2 == 0 { "GET" } else { "POST" };
                let (address, ca) = (self.address, self.ca.cert());
                let ca = ca.display();
                let tail = if python {
                    format!("no-nonce\t{status}")
                } else {
                    format!("{status}\t")
                };
                writeln!(
                    out,
                    "{id}\t{method}\t{address}\t{ca}\t{serial}\tsha1\t{tail}"
                )
                .expect("a String takes everything");
            }
            out
        };
        let answers = [
            (
                "go",
                self.go
                    .as_ref()
                    .map(|peer| go::run_jobs(peer, &jobs(false))),
            ),
            (
                "python",
                self.python
                    .as_ref()
                    .map(|peer| python::run_jobs(peer, &jobs(true))),
            ),
        ];
        for (name, text) in answers {
            let Some(text) = text else {
                continue;
            };
            let lines = go::verdicts(&text);
            assert_eq!(lines.len(), asked.len(), "{name}");
            for (id, problem) in lines {
                note(name, &asked[id].0, problem);
            }
        }
        assert!(wrong.is_empty(), "{wrong}\n{}", self.ca.index_text());
    }

    fn ask_openssl(&self, serial: &str, status: &str) -> Option<String> {
        let ca = self.ca.cert();
        let ca = ca.to_string_lossy();
        let url = format!("http://{}/", self.address);
        let serial = format!("0x{serial}");
        let outcome = self.openssl.run(&[
            "ocsp", "-issuer", &ca, "-serial", &serial, "-url", &url, "-CAfile", &ca,
        ]);
        let text = outcome.all();
        let right = outcome.success()
            && text.contains("Response verify OK")
            && text.contains(&format!("{serial}: {status}"));
        (!right).then(|| text.replace('\n', " | "))
    }
}

/// The content octets of the INTEGER with this value in hex.
fn content(hex: &str) -> Vec<u8> {
    let octets = certvouch_testkit::der::hex(hex);
    certvouch_testkit::der::uint_content(&octets)
}
