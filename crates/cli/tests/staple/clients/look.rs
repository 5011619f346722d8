//! The clients: each makes a handshake, and its words are read for whether it goes on, and if not, for the reason.

use std::fmt;
use std::path::Path;

use certvouch_stapling::Fail;
use certvouch_testkit::peer::{self, Outcome, PATIENCE, Peer};

use super::rust;

/// What a client makes of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Accepts,
    /// It ends the connection, for this reason.
    Refuses(Reason),
    /// It verifies no staple and goes on; it prints the status that it saw.
    Shows(String),
    /// Words that nobody expected.
    Odd(String),
}

/// Why a client ends the connection, as far as its words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Revoked,
    NoStaple,
    OutOfDate,
    AnotherCertificate,
    BadSignature,
    /// It says that the response is not right, and no more.
    NotRight,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepts => f.write_str("accepts"),
            Self::Refuses(reason) => write!(f, "refuses: {reason}"),
            Self::Shows(status) => write!(f, "shows {status}"),
            Self::Odd(words) => write!(f, "?? {words}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "revoked",
            Self::NoStaple => "no staple",
            Self::OutOfDate => "out of date",
            Self::AnotherCertificate => "another certificate",
            Self::BadSignature => "bad signature",
            Self::NotRight => "not right",
        })
    }
}

/// What a client connects to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    pub(crate) port: u16,
    /// The server name.
    pub(crate) name: &'a str,
    /// The trusted CA, PEM.
    pub(crate) ca: &'a Path,
}

/// All clients, ready to be used.
pub(crate) struct Clients {
    openssl: Peer,
    gnutls: Peer,
    curl: Peer,
    java: Peer,
}

impl Clients {
    /// Their names, in the order of [`Clients::look`].
    pub(crate) const NAMES: [&'static str; 7] = [
        "openssl s_client",
        "gnutls-cli",
        "gnutls-cli --ocsp",
        "curl --cert-status",
        "Java",
        "rustls, soft",
        "rustls, hard",
    ];

    /// Nothing if one is absent. `folder` takes the compiled Java.
    pub(crate) fn new(folder: &Path) -> Option<Self> {
        let (compiler, java) = (
            peer::require_or_skip("javac")?,
            peer::require_or_skip("java")?,
        );
        let clients = Self {
            openssl: peer::require_or_skip("openssl")?,
            gnutls: peer::require_or_skip("gnutls-cli")?,
            curl: peer::require_or_skip("curl")?,
            java,
        };
        std::fs::write(folder.join("Stapled.java"), include_str!("Stapled.java")).unwrap();
        let _ = compiler
            .run_in(folder, &["Stapled.java"])
            .expect_success("javac");
        Some(clients)
    }

    /// What each makes of what stands behind a door.
    pub(crate) fn look(&self, folder: &Path, door: Door<'_>) -> Vec<Verdict> {
        vec![
            self.s_client(door),
            self.gnutls(door, &[]),
            self.gnutls(door, &["--ocsp"]),
            self.curl(door),
            self.java(folder, door),
            rust::look(door, Fail::Soft),
            rust::look(door, Fail::Hard),
        ]
    }

    fn s_client(&self, door: Door<'_>) -> Verdict {
        let outcome = self.openssl.run(&[
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", door.port),
            "-servername",
            door.name,
            "-verify_hostname",
            door.name,
            "-CAfile",
            &door.ca.to_string_lossy(),
            "-status",
            "-verify_return_error",
        ]);
        let text = outcome.out();
        if !outcome.success() || !text.contains("Verify return code: 0 (ok)") {
            return odd(&outcome);
        }
        if text.contains("OCSP response: no response sent") {
            return Verdict::Shows("no staple".to_owned());
        }
        let status = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Cert Status: "));
        status.map_or_else(
            || odd(&outcome),
            |status| Verdict::Shows(status.trim().to_owned()),
        )
    }

    /// GnuTLS looks at a staple by itself; with `--ocsp` it asks a responder where none came.
    fn gnutls(&self, door: Door<'_>, further: &[&str]) -> Verdict {
        let (ca, port) = (door.ca.to_string_lossy(), door.port.to_string());
        let mut arguments = vec!["--x509cafile", &ca, "--sni-hostname", door.name];
        arguments.extend(["--verify-hostname", door.name, "-p", &port, "127.0.0.1"]);
        let outcome = self.gnutls.run(&[further, &arguments].concat());
        if outcome.success() && outcome.out().contains("Handshake was completed") {
            return Verdict::Accepts;
        }
        // The more exact words first: the rest of the status line comes with every refusal.
        read(
            &outcome,
            &[
                ("was revoked via OCSP", Reason::Revoked),
                (
                    "Got OCSP response with an unrelated certificate",
                    Reason::AnotherCertificate,
                ),
                (
                    "OCSP data are old and have been superseded",
                    Reason::OutOfDate,
                ),
                ("but the OCSP status is missing", Reason::NoStaple),
                (
                    "Cannot find OCSP server URI in certificate",
                    Reason::NoStaple,
                ),
                ("OCSP status response is invalid", Reason::NotRight),
            ],
        )
    }

    fn curl(&self, door: Door<'_>) -> Verdict {
        let host = format!("{}:{}", door.name, door.port);
        let outcome = self.curl.run(&[
            "--silent",
            "--show-error",
            "--cert-status",
            "--noproxy",
            "*",
            "--cacert",
            &door.ca.to_string_lossy(),
            "--resolve",
            &format!("{host}:127.0.0.1"),
            &format!("https://{host}/"),
        ]);
        match outcome.code {
            Some(0) => Verdict::Accepts,
            // "Invalid certificate status"
            Some(91) => read(
                &outcome,
                &[
                    ("SSL certificate revocation reason", Reason::Revoked),
                    ("No OCSP response received", Reason::NoStaple),
                    ("OCSP response has expired", Reason::OutOfDate),
                    ("Could not find certificate ID", Reason::AnotherCertificate),
                    ("OCSP response verification failed", Reason::BadSignature),
                ],
            ),
            _ => odd(&outcome),
        }
    }

    fn java(&self, folder: &Path, door: Door<'_>) -> Verdict {
        let mut command = self.java.command();
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"]);
        command.arg(folder).arg("Stapled").arg(door.ca);
        command.args([&door.port.to_string(), door.name]);
        let outcome = peer::run(&mut command, b"", PATIENCE);
        if outcome.success() && outcome.out().trim() == "accepts" {
            return Verdict::Accepts;
        }
        read(
            &outcome,
            &[
                ("refuses: REVOKED: ", Reason::Revoked),
                (
                    "Certificate does not specify OCSP responder",
                    Reason::NoStaple,
                ),
                ("validity interval is out-of-date", Reason::OutOfDate),
                (
                    "does not include a response for a certificate",
                    Reason::AnotherCertificate,
                ),
                (
                    "Error verifying OCSP Response's signature",
                    Reason::BadSignature,
                ),
            ],
        )
    }
}

/// The first reason whose words were said.
fn read(outcome: &Outcome, words: &[(&str, Reason)]) -> Verdict {
    let said = outcome.all();
    let found = words.iter().find(|(words, _)| said.contains(words));
    found.map_or_else(|| odd(outcome), |(_, reason)| Verdict::Refuses(*reason))
}

fn odd(outcome: &Outcome) -> Verdict {
    let code = outcome.code.unwrap_or(-1);
    Verdict::Odd(format!("exit {code}: {}", outcome.all()))
}
