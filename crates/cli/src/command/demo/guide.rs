//! What the demo prints: where things are, and commands that run as they stand.
//!
//! Every command is one line behind two spaces and works in any POSIX shell from the folder in which the demo was
//! started. Paths and URLs are quoted where a shell would read them otherwise.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_crypto::digest;
use certvouch_types::{CertIdTemplate, Certificate, HashAlgorithm, RequestWriter, Timestamp};

use super::folder::{Folder, Prepared, served_key};
use crate::command::quote::{shell_path, shell_word};

/// How the demo's commands are written.
pub(super) struct Guide<'a> {
    /// Where the PKI lies.
    pub(super) folder: &'a Folder,
    /// Where the responder is, ending in `/`.
    pub(super) url: &'a str,
    /// How this program was called.
    pub(super) program: &'a str,
}

/// How the demo came up.
pub(super) struct Start {
    /// Where its PKI is from.
    pub(super) prepared: Prepared,
    /// Until when that PKI is valid.
    pub(super) until: Timestamp,
    /// The address that it would have listened on, had it been free.
    pub(super) taken: Option<SocketAddr>,
    /// Where the TLS server is, if there is one.
    pub(super) tls: Option<SocketAddr>,
}

impl Guide<'_> {
    /// The whole text behind the `listening on` line.
    ///
    /// # Errors
    /// A certificate of the folder cannot be read.
    pub(super) fn start(&self, start: &Start) -> Result<String> {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        line("");
        if let Some(taken) = start.taken {
            line(&format!("{taken} is taken, so the demo took a free port."));
        }
        line(&self.about(start));
        line(&format!(
            "The responder answers at {} and has a page for browsers there.",
            self.url
        ));
        line("Stop it with Ctrl-C; the folder stays.");
        line("");
        line("Ask it with OpenSSL, in another terminal here: good, revoked, unknown.");
        line("");
        for name in ["good", "revoked", "never-issued"] {
            line(&format!("  {}", self.openssl(name)));
        }
        line("");
        line("The same question with curl (GET, RFC 6960 A.1); OpenSSL checks the answer.");
        line("");
        for name in ["good", "revoked", "never-issued"] {
            line(&format!("  {}", self.curl(name)?));
        }
        line("");
        for text in self.tls(start.tls) {
            line(&text);
        }
        line("");
        line("Revoke the good one, then ask again:");
        line("");
        line(&format!("  {}", self.ours("revoke good")));
        line("");
        if let Some(note) = proxy_note() {
            line(&note);
            line("");
        }
        Ok(out)
    }

    /// About the TLS server, and how to look at what it staples.
    fn tls(&self, address: Option<SocketAddr>) -> Vec<String> {
        let Some(address) = address else {
            let key = shell_path(&self.folder.path(&served_key()));
            return vec![format!(
                "There is no {key}, so there is no TLS server: remove the folder to get a PKI that has one."
            )];
        };
        let root = shell_path(&self.folder.path("root.pem"));
        let program = shell_word(self.program);
        vec![
            format!(
                "A TLS server at {address} shows good.pem and staples its status. What clients see:"
            ),
            String::new(),
            format!("  {program} check {address} --trust {root} --private"),
            format!("  openssl s_client -connect {address} -CAfile {root} -status </dev/null"),
        ]
    }

    /// The command that asks for one certificate with OpenSSL.
    pub(super) fn openssl(&self, name: &str) -> String {
        format!(
            "openssl ocsp {} -url {}",
            self.files(name),
            shell_word(self.url)
        )
    }

    /// The command that asks for one certificate by GET.
    fn curl(&self, name: &str) -> Result<String> {
        let target = format!("{}{}", self.url, get_path(self.folder, name)?);
        Ok(format!(
            "curl -sS {} | openssl ocsp {} -respin -",
            shell_word(&target),
            self.files(name)
        ))
    }

    /// A `demo` command of this program for this folder.
    fn ours(&self, arguments: &str) -> String {
        let dir = dir_flag(self.folder.dir());
        format!("{} demo {arguments}{dir}", shell_word(self.program))
    }

    fn files(&self, name: &str) -> String {
        let path = |file: &str| shell_path(&self.folder.path(file));
        let (issuer, cert) = (path("issuing-ca.pem"), path(&format!("{name}.pem")));
        format!("-issuer {issuer} -cert {cert} -CAfile {}", path("root.pem"))
    }

    fn about(&self, start: &Start) -> String {
        let dir = shell_path(self.folder.dir());
        let until = minute(start.until);
        match &start.prepared {
            Prepared::Made => {
                format!("A throw-away PKI is in {dir}: NOT FOR PRODUCTION, valid until {until}.")
            }
            Prepared::Reused => format!(
                "The throw-away PKI in {dir} is used again: NOT FOR PRODUCTION, valid until {until}."
            ),
            Prepared::Replaced(shelf) => format!(
                "A new throw-away PKI is in {dir}: NOT FOR PRODUCTION, valid until {until}. \
                 The old one is in {shelf}."
            ),
        }
    }
}

/// The request for one certificate as a GET carries it: base64, percent-encoded (RFC 6960 A.1).
fn get_path(folder: &Folder, name: &str) -> Result<String> {
    let issuer = folder.certificate("issuing-ca.pem")?;
    let issuer = Certificate::parse(&issuer).context("issuing-ca.pem does not parse")?;
    let cert = folder.certificate(&format!("{name}.pem"))?;
    let cert = Certificate::parse(&cert).with_context(|| format!("{name}.pem does not parse"))?;
    let hash = HashAlgorithm::Sha1;
    let cert_id = CertIdTemplate {
        hash_algorithm: hash,
        issuer_name_hash: digest(hash, issuer.subject.as_bytes()).as_ref(),
        issuer_key_hash: digest(hash, issuer.subject_public_key_info.subject_public_key).as_ref(),
    }
    .write(cert.serial_number);
    let request = RequestWriter::new().cert_id(&cert_id).write();
    let text = STANDARD.encode(request);
    Ok(text
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D"))
}

/// ` --dir DIR`, or nothing for the default.
pub(super) fn dir_flag(dir: &Path) -> String {
    if dir == Path::new(super::DEFAULT_DIR) {
        return String::new();
    }
    format!(" --dir {}", shell_path(dir))
}

/// `2026-11-29 11:25 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(..16) {
        Some(short) => format!("{} UTC", short.replace('T', " ")),
        None => text,
    }
}

/// A word about a proxy that would be asked in place of the demo.
fn proxy_note() -> Option<String> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let proxied = set("http_proxy") || set("HTTP_PROXY");
    let excepted = set("no_proxy") || set("NO_PROXY");
    (proxied && !excepted).then(|| {
        "http_proxy is set: OpenSSL and curl would ask the proxy. First: export no_proxy=127.0.0.1"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_is_for_people() {
        let at = Timestamp::from_rfc3339("2026-11-29T11:25:59Z").unwrap();
        assert_eq!(minute(at), "2026-11-29 11:25 UTC");
    }
}
