//! For every verdict but GOOD: what is probably behind it, and the command to run next.
//!
//! Where octets came, the causes are those of `certvouch verify`, and so are its commands, on the files that `--save`
//! writes. Where none came, the cause is in the network.

use std::path::PathBuf;

use certvouch_client::{Answer, Checked, Failure, NoAnswer, Outcome};
use certvouch_fetch::FetchError;
use certvouch_types::{CertStatus, Certificate, CrlReason};
use certvouch_verify::{CurrencyFault, Reason};
use http::Uri;

use super::trust::Untrusted;
use crate::command::quote::{shell_path, shell_word};
pub(super) use crate::command::verify::advice::Advice;
use crate::command::verify::advice::Files;

/// Knows how the program was called, and on which certificate.
#[derive(Debug)]
pub(super) struct Advisor<'a> {
    pub(super) call: &'a Call,
    /// Its place in the report, from 1.
    pub(super) number: usize,
    pub(super) certificate: Option<&'a Certificate<'a>>,
}

/// How the program was called.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The command line, as words for a shell.
    pub(super) words: String,
    /// The folder of `--save`.
    pub(super) folder: Option<PathBuf>,
    pub(super) private: bool,
    /// The certificate's file, if it is one.
    pub(super) file: Option<PathBuf>,
    /// Milliseconds of `--timeout`.
    pub(super) timeout: u64,
}

impl Call {
    /// The same call with more flags.
    pub(super) fn again(&self, more: &str) -> String {
        format!("{} {more}", self.words)
    }

    fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| "evidence".into())
    }

    /// A command on saved files, with the call that saves them if it was not this one.
    fn on_saved(&self, command: &str) -> String {
        match self.folder {
            Some(_) => command.to_owned(),
            None => format!("{}; {command}", self.again("--save evidence")),
        }
    }
}

impl Advisor<'_> {
    pub(super) const fn is_private(&self) -> bool {
        self.call.private
    }

    /// On a status that was verified; nothing for good.
    pub(super) fn on_answer(&self, answer: &Answer) -> Option<Advice> {
        let cause = match answer.status() {
            CertStatus::Good => return None,
            _ if answer.has_contradiction() => {
                "the responder says two things at once; the strictest counts until it is repaired"
            }
            CertStatus::Revoked(info)
                if info.revocation_reason == Some(CrlReason::CertificateHold) =>
            {
                "the CA put the certificate on hold, and may release it"
            }
            CertStatus::Revoked(_) if answer.stale().is_some() => {
                "the CA revoked the certificate; the answer is old, and a revocation stays"
            }
            CertStatus::Revoked(_) => {
                "the CA revoked the certificate, and that is final: replace it"
            }
            _ => {
                "the responder has no record of this serial number: its data are behind the CA, or the CA never \
                 issued it"
            }
        };
        let next = match answer.checked() {
            Checked::Crls(_) => self.call.again("--explain"),
            _ => self.call.again("--replay"),
        };
        Some(Advice::new(cause, next))
    }

    /// On a chain that does not count.
    pub(super) fn on_chain(&self, why: &Untrusted) -> Advice {
        let next = match why.code {
            "unknown-issuer" => self.call.again("--trust ca.pem"),
            "chain-not-yet-valid" => "date -u".to_owned(),
            _ => self.look_at_certificate(),
        };
        Advice::new(why.cause, next)
    }

    /// On a question that nobody answered.
    pub(super) fn on_no_answer(
        &self,
        outcome: &Outcome,
        why: &NoAnswer,
        basis: Option<&Checked>,
    ) -> Advice {
        match why {
            NoAnswer::Question(why) => self.with_files(&[], |files| files.on_question(why)),
            NoAnswer::Expired { .. } => Advice::new(
                "the certificate was not renewed in time, or this clock is fast; responders forget such certificates",
                self.call.again("--ask-expired"),
            ),
            NoAnswer::NotYetValid { .. } => Advice::new(
                "this clock is slow, or the certificate is deployed too early",
                "date -u".to_owned(),
            ),
            NoAnswer::NoSource => self.on_no_source(outcome),
            NoAnswer::Failed(Failure::Refused(why)) => self.on_reason(why.reason(), basis),
            NoAnswer::Failed(failure) => self.on_failure(outcome, failure),
            _ => Advice::new("the lines above tell more", self.call.again("--explain")),
        }
    }

    fn on_no_source(&self, outcome: &Outcome) -> Advice {
        let locations = outcome.locations();
        if self.is_private() {
            return Advice::new(
                "--private looks at staples and CRLs only, and there is none",
                self.call.again("--crl ca.crl"),
            );
        }
        if !locations.unusable.is_empty() {
            return Advice::new(
                "what the certificate names cannot be fetched, ldap say; ask the CA for an http URL",
                self.look_at_certificate(),
            );
        }
        Advice::new(
            "the CA names no status source in its certificates; its manual says whether there is a responder or a CRL",
            self.call.again("--crl ca.crl"),
        )
    }

    fn on_reason(&self, reason: &Reason, basis: Option<&Checked>) -> Advice {
        match basis {
            Some(Checked::Crls(crls)) => self.with_files(crls, |files| {
                files.on_crl_reason(reason, crls.iter().map(AsRef::as_ref))
            }),
            Some(Checked::Response { der, .. }) => {
                let advice = self.with_files(&[], |files| files.on_reason(reason, der));
                match reason {
                    Reason::NotCurrent(CurrencyFault::NotYetValid { .. }) => advice,
                    Reason::NonceMissing => Advice {
                        next: self.call.again("--nonce off"),
                        ..advice
                    },
                    Reason::ResponderError(_) => Advice {
                        next: self.call.again("--replay"),
                        ..advice
                    },
                    _ => advice,
                }
            }
            _ => Advice::new("the checks tell more", self.call.again("--explain")),
        }
    }

    /// The advice of `certvouch verify`, on the files that are saved.
    fn with_files(&self, crls: &[bytes::Bytes], advise: impl Fn(&Files<'_>) -> Advice) -> Advice {
        let Some(certificate) = self.certificate else {
            return Advice::new("the checks tell more", self.call.again("--explain"));
        };
        let folder = self.call.folder();
        let file = |name: &str| folder.join(format!("{}-{name}", self.number));
        let (cert, issuer) = (file("certificate.pem"), file("issuer.pem"));
        let response = file("response.der");
        let crls: Vec<PathBuf> = (1..=crls.len())
            .map(|crl| file(&format!("crl-{crl}.der")))
            .collect();
        let files = Files::new(&cert, &issuer, Some(&response), &crls, certificate);
        let advice = advise(&files);
        let next = match advice.next.contains(shell_path(&folder).trim_matches('\'')) {
            true => self.call.on_saved(&advice.next),
            false => advice.next,
        };
        Advice { next, ..advice }
    }

    /// Shows the certificate.
    pub(super) fn look_at_certificate(&self) -> String {
        match &self.call.file {
            Some(path) => format!("certvouch decode {}", shell_path(path)),
            None => {
                let file = self.call.folder().join("1-certificate.pem");
                self.call
                    .on_saved(&format!("certvouch decode {}", shell_path(&file)))
            }
        }
    }

    /// On a source that could not be reached.
    fn on_failure(&self, outcome: &Outcome, failure: &Failure) -> Advice {
        let failed = outcome
            .attempts()
            .iter()
            .rev()
            .find(|attempt| attempt.result.as_ref().err() == Some(failure));
        let url = failed.and_then(|attempt| attempt.url.clone());
        let is_crl = failed.is_some_and(|attempt| attempt.source == certvouch_client::Source::Crl);
        match failure {
            Failure::Fetch(why) => self.on_fetch(why, url.as_ref(), is_crl),
            Failure::NotOcsp { .. } => Advice::new(
                "a proxy, a login page or a web server answered in place of the responder",
                curl(url.as_ref()),
            ),
            Failure::OutOfTime(_) => self.on_silence(),
            _ => Advice::new(
                "the machine is at fault, and no responder",
                self.call.words.clone(),
            ),
        }
    }

    pub(super) fn on_fetch(&self, why: &FetchError, url: Option<&Uri>, is_crl: bool) -> Advice {
        match why {
            FetchError::AddressRefused { address, .. } => Advice::new(
                "the certificate names a URL inside your network or on this machine; such a URL is asked only if \
                 you name it yourself",
                match url {
                    Some(url) if !is_crl => self
                        .call
                        .again(&format!("--url {}", shell_word(&url.to_string()))),
                    _ => self.call.again(&format!("--allow-address {address}")),
                },
            ),
            FetchError::Connect { .. } => Advice::new(
                "nobody listens there: the responder is down or moved, or a firewall is in between",
                curl(url),
            ),
            FetchError::Resolve { .. } => {
                let host = url.and_then(Uri::host).unwrap_or("HOST");
                Advice::new(
                    "DNS does not know the name: the responder was shut down or moved, or this network has its own \
                     names",
                    format!("getent hosts {}", shell_word(host)),
                )
            }
            FetchError::Status(code @ 500..) => Advice::new(
                &format!("the server behind the URL is broken: HTTP status {code}"),
                curl(url),
            ),
            FetchError::Status(_) => Advice::new(
                "a web server is there, and no responder at this path; or a proxy refuses",
                curl(url),
            ),
            FetchError::Timeout(_) | FetchError::HeaderTimeout(_) | FetchError::TooSlow { .. } => {
                self.on_silence()
            }
            FetchError::TooManyRedirects { .. } => Advice::new(
                "the server redirects in a circle: a proxy or a web server is in place of the responder",
                curl(url),
            ),
            FetchError::BodyTooLarge { .. } => Advice::new(
                "that is no OCSP response: they have a few kilobytes",
                curl(url),
            ),
            FetchError::Tls { .. } => Advice::new(
                "the server's own certificate is not trusted, or it speaks no TLS; responders are asked by http",
                curl(url),
            ),
            _ => Advice::new(
                "something in between, or the server, breaks the exchange off",
                curl(url),
            ),
        }
    }

    fn on_silence(&self) -> Advice {
        let longer = self.call.timeout.saturating_mul(2);
        Advice::new(
            "the responder accepts connections and is silent: it is overloaded or stuck, or a firewall swallows the \
             answer",
            self.call.again(&format!("--timeout {longer}ms")),
        )
    }
}

/// Shows what a server really says.
fn curl(url: Option<&Uri>) -> String {
    let url = url.map_or_else(|| "URL".to_owned(), |url| shell_word(&url.to_string()));
    format!("curl -sSi -o - {url}")
}
