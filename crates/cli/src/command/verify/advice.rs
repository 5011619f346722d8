//! For every verdict but GOOD: what is probably behind it, and the command to run next.
//!
//! Causes are guesses, in the order of what the field reports; commands exist and read the files that were named. A
//! URL out of a certificate is shown as a word for a shell, escaped if it holds anything odd.

use std::path::{Path, PathBuf};

use certvouch_types::crl::distribution_point::distribution_points;
use certvouch_types::{
    CertStatus, Certificate, Crl, CrlReason, OcspResponse, OcspResponseStatus, oid,
};
use certvouch_verify::{
    CurrencyFault, Mismatch, QueryError, Reason, ResponderFault, VerifiedResponse,
};

use crate::command::quote::{shell_path, shell_word};

/// What is said below a verdict.
#[derive(Debug)]
pub(in crate::command) struct Advice {
    pub(in crate::command) cause: String,
    pub(in crate::command) next: String,
}

/// The files of the question, as words of a shell command.
#[derive(Debug)]
pub(in crate::command) struct Files<'a> {
    cert: &'a Path,
    issuer: &'a Path,
    response: Option<&'a Path>,
    crls: &'a [PathBuf],
    url: Option<&'a str>,
    crl_url: Option<&'a str>,
}

impl<'a> Files<'a> {
    pub(in crate::command) fn new(
        cert: &'a Path,
        issuer: &'a Path,
        response: Option<&'a Path>,
        crls: &'a [PathBuf],
        certificate: &Certificate<'a>,
    ) -> Self {
        let named = certificate.access_locations(oid::AD_OCSP).ok();
        let url = named.and_then(|mut urls| urls.find(|url| url.starts_with("http://")));
        let points = certificate.extensions.find(oid::CRL_DISTRIBUTION_POINTS);
        let points = points.and_then(|extension| distribution_points(&extension).ok());
        let crl_url = points
            .into_iter()
            .flatten()
            .filter_map(|point| point.name)
            .find_map(|name| name.uris().find(|url| url.starts_with("http://")));
        Self {
            cert,
            issuer,
            response,
            crls,
            url,
            crl_url,
        }
    }

    /// Whether a response was named.
    pub(super) const fn has_response(&self) -> bool {
        self.response.is_some()
    }

    /// Fetches the CRL again.
    fn fetch(&self) -> String {
        let url = self.crl_url.map_or_else(|| "URL".to_owned(), shell_word);
        format!("curl -o new.crl {url}")
    }

    /// Shows what the CRLs say.
    fn look_at_crls(&self) -> String {
        let shown = self
            .crls
            .iter()
            .map(|path| match crate::command::input::is_stdin(path) {
                true => "certvouch decode crl.der".to_owned(),
                false => format!("certvouch decode {}", shell_path(path)),
            });
        shown.collect::<Vec<_>>().join("; ")
    }

    /// On a status that CRLs gave; nothing for good.
    pub(in crate::command) fn on_listed(&self, status: CertStatus) -> Option<Advice> {
        let CertStatus::Revoked(info) = status else {
            return None;
        };
        Some(match info.revocation_reason {
            Some(CrlReason::CertificateHold) => Advice::new(
                "the CA put the certificate on hold, and may release it",
                self.fetch(),
            ),
            _ => Advice::new(
                "the CA revoked the certificate, and that is final",
                self.look_at_crls(),
            ),
        })
    }

    /// On CRLs that say nothing that is believed.
    pub(in crate::command) fn on_crl_reason<'c>(
        &self,
        reason: &Reason,
        given: impl Iterator<Item = &'c [u8]>,
    ) -> Advice {
        let (cause, next) = match reason {
            Reason::BadSignature => (
                "the CRL was changed on its way, or the CA signed it with another key: --crl-issuer names that one",
                self.look_at_crls(),
            ),
            Reason::UnauthorizedCrlIssuer(_) => (
                "somebody else than the issuer signed the CRL; --crl-issuer names a CRL issuer whom you trust",
                self.look_at_crls(),
            ),
            Reason::CrlOutOfScope(_) => (
                "the CRL is one of another CA, or another part of a CRL that is cut into several",
                self.look_at_crls(),
            ),
            Reason::CrlReasonsMissing => (
                "the CA splits its CRL by reason: all parts together decide, each with its own --crl",
                self.look_at_crls(),
            ),
            Reason::DeltaWithoutBase => (
                "a delta lists what changed since a complete CRL, which has to be given too",
                self.look_at_crls(),
            ),
            Reason::MalformedCrl(_) => (not_a_crl(given), self.look_at_crls()),
            Reason::CrlRule(_) | Reason::CriticalExtension(_) => (
                "the CRL has something that its readers must understand and do not; nothing in it counts then",
                self.look_at_crls(),
            ),
            Reason::NotCurrent(CurrencyFault::NotYetValid { .. }) => (
                "this clock is slow, or the CA's is fast",
                "date -u".to_owned(),
            ),
            Reason::NotCurrent(CurrencyFault::NoNextUpdate) => (
                "nobody knows how long a CRL without nextUpdate counts",
                self.look_at_crls(),
            ),
            Reason::NotCurrent(CurrencyFault::BeyondArchiveCutoff) => (
                "the certificate is past its date, and CAs drop such certificates from their CRLs",
                self.compare(),
            ),
            Reason::NotCurrent(_) => (
                "the file is older than it should be, the CA is late, or this clock is fast",
                self.fetch(),
            ),
            Reason::UnsupportedAlgorithm(_) => (
                "the CA signs its CRL with an algorithm or a key that is too weak, or not known here",
                self.look_at_crls(),
            ),
            _ => ("the evidence above names the check", self.look_at_crls()),
        };
        Advice::new(cause, next)
    }

    /// Asks the responder again.
    fn ask(&self) -> String {
        format!(
            "openssl ocsp -issuer {} -cert {} -url {} -noverify -respout new.der",
            shell_path(self.issuer),
            shell_path(self.cert),
            self.url.map_or_else(|| "URL".to_owned(), shell_word)
        )
    }

    /// Shows what the response says.
    fn look(&self) -> String {
        match self
            .response
            .filter(|path| !crate::command::input::is_stdin(path))
        {
            None => "certvouch decode response.der".to_owned(),
            Some(path) => format!("certvouch decode {}", shell_path(path)),
        }
    }

    /// Shows the two certificates.
    fn compare(&self) -> String {
        format!(
            "certvouch decode {}; certvouch decode {}",
            shell_path(self.cert),
            shell_path(self.issuer)
        )
    }

    /// On a status that verified; nothing for good.
    pub(in crate::command) fn on_status(&self, verified: &VerifiedResponse<'_>) -> Option<Advice> {
        let (cause, next) = match verified.status() {
            CertStatus::Good => return None,
            _ if verified.has_contradiction() => (
                "the responder says two things at once; the strictest counts until it is repaired",
                self.look(),
            ),
            CertStatus::Revoked(info)
                if info.revocation_reason == Some(CrlReason::CertificateHold) =>
            {
                (
                    "the CA put the certificate on hold, and may release it",
                    self.ask(),
                )
            }
            CertStatus::Revoked(_) if verified.stale().is_some() => (
                "the CA revoked the certificate; the response is old, and a revocation stays",
                self.ask(),
            ),
            CertStatus::Revoked(_) => (
                "the CA revoked the certificate, and that is final",
                self.look(),
            ),
            _ => (
                "the responder has no record of this serial number: its data are behind the CA, or the CA \
                 never issued it",
                self.ask(),
            ),
        };
        Some(Advice::new(cause, next))
    }

    /// On a response that is not believed.
    pub(in crate::command) fn on_reason(&self, reason: &Reason, response: &[u8]) -> Advice {
        let (cause, next) = match reason {
            Reason::BadSignature => (
                "the response was changed on its way, or signed with another key than its certificate's",
                self.look(),
            ),
            Reason::BudgetExceeded(_) => (
                "the response is made to cost work; no honest responder sends so much",
                self.look(),
            ),
            Reason::CriticalExtension(_) => (
                "the responder uses an extension that this program does not know, and forbids to ignore it",
                self.look(),
            ),
            Reason::EmptyResponses => (
                "the responder signed an empty list, as OpenSSL's does when its index has no such row",
                self.ask(),
            ),
            Reason::Malformed(_) => (not_a_response(response), self.look()),
            Reason::NegativeValidity { .. } => {
                ("the responder computes its times wrongly", self.look())
            }
            Reason::NonceMismatch => (
                "the response belongs to another request: a cache in between, or a replay",
                self.ask(),
            ),
            Reason::NonceMissing => (
                "the responder produces answers ahead of time, or does not know nonces",
                format!("{} -no_nonce", self.ask()),
            ),
            Reason::NotCurrent(fault) => self.on_currency(*fault),
            Reason::ResponderError(status) => (error_status(*status), self.ask()),
            Reason::UnauthorizedResponder(fault) => (responder(*fault), self.look()),
            Reason::UnsupportedAlgorithm(_) => (
                "the responder signs with an algorithm or a key that is too weak, or not known here",
                self.look(),
            ),
            Reason::UnknownResponseType => (
                "the responder sent something else than the basic response that every one must know",
                self.look(),
            ),
            Reason::WrongCertificate { differs, .. } => (mismatch(*differs), self.look()),
            _ => ("the evidence above names the check", self.look()),
        };
        Advice::new(cause, next)
    }

    fn on_currency(&self, fault: CurrencyFault) -> (&'static str, String) {
        match fault {
            CurrencyFault::BeyondArchiveCutoff => (
                "the certificate is past its date, and responders forget such certificates",
                self.compare(),
            ),
            CurrencyFault::DoesNotCover { .. } => (
                "the response was made before the moment asked about",
                self.ask(),
            ),
            CurrencyFault::NotYetValid { .. } | CurrencyFault::ProducedInFuture { .. } => (
                "this clock is slow, or the responder's is fast; nobody revoked anything",
                "date -u".to_owned(),
            ),
            CurrencyFault::NoNextUpdate => (
                "the responder sets no nextUpdate; the profiles openssl and chromium let that pass",
                self.look(),
            ),
            CurrencyFault::ProducedOutsideCertificate => (
                "the response was signed before the certificate began or after it ended",
                self.compare(),
            ),
            _ => (
                "the file, a cache or a staple is older than it should be, or this clock is fast",
                self.ask(),
            ),
        }
    }

    /// On a certificate that the issuer did not make.
    pub(in crate::command) fn on_question(&self, why: &QueryError) -> Advice {
        let cause = match why {
            QueryError::Algorithm(_) => {
                "the CA signed the certificate with an algorithm or a key that is too weak, or not known here"
            }
            QueryError::IssuerIsNoCa => {
                "the file behind --issuer holds an end entity's certificate; it must hold the CA's"
            }
            QueryError::NotSignedByIssuer => {
                "the certificate is forged, or the CA has a new key and --issuer names the old certificate"
            }
            _ => "the file behind --issuer belongs to another CA, such as the root of this one",
        };
        Advice::new(cause, self.compare())
    }
}

impl Advice {
    pub(in crate::command) fn new(cause: &str, next: String) -> Self {
        Self {
            cause: cause.to_owned(),
            next,
        }
    }
}

/// What octets that are no CRL look like.
fn not_a_crl<'c>(mut given: impl Iterator<Item = &'c [u8]>) -> &'static str {
    let broken = given.find(|octets| Crl::parse(octets).is_err());
    match broken.unwrap_or_default() {
        [] => "the file is empty: nothing was downloaded, or a disk was full",
        [b'<', ..] => "this is a page of HTML: a proxy or a web server answered in place of the CA",
        octets if OcspResponse::parse(octets).is_ok() => {
            "this is an OCSP response: it belongs behind --response"
        }
        octets if Certificate::parse(octets).is_ok() => "this is a certificate and no CRL",
        [0x30, ..] => "the CRL was cut or changed, or this is another kind of file",
        _ => "this is no DER: another file, or something in between changed the octets",
    }
}

/// What octets that are no response look like.
pub(in crate::command) fn not_a_response(octets: &[u8]) -> &'static str {
    match octets {
        [] => "nothing was received: the connection was closed, or the file is empty",
        [b'<', ..] => {
            "this is a page of HTML: a proxy or a web server answered in place of the responder"
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            "this is a whole HTTP message: the response is what stands behind its headers"
        }
        [b'-', b'-', b'-', ..] => "this is PEM of something else",
        octets if Crl::parse(octets).is_ok() => "this is a CRL: it belongs behind --crl",
        octets if Certificate::parse(octets).is_ok() => "this is a certificate and no response",
        [0x30, ..] => "the response was cut or changed, or this is another kind of message",
        _ => "this is no DER: another file, or something in between changed the octets",
    }
}

const fn error_status(status: OcspResponseStatus) -> &'static str {
    match status {
        OcspResponseStatus::MalformedRequest => {
            "the responder could not read the request: a proxy changed the URL, or a field that it does not take"
        }
        OcspResponseStatus::TryLater => "the responder is busy, or cannot reach its data",
        OcspResponseStatus::SigRequired => "the responder answers signed requests only",
        OcspResponseStatus::Unauthorized => {
            "the responder does not answer for this CA, or has no record of the certificate; it is not about passwords"
        }
        _ => "the responder failed; its log says why",
    }
}

pub(in crate::command) const fn responder(fault: ResponderFault) -> &'static str {
    match fault {
        ResponderFault::Algorithm(_) => {
            "the signer's certificate was signed with an algorithm or a key that does not count"
        }
        ResponderFault::CriticalExtension => {
            "the signer's certificate restricts its use in a way not known here"
        }
        ResponderFault::Expired { .. } => "the responder's certificate was not renewed in time",
        ResponderFault::IsCa => "the responder signs with the certificate of another CA",
        ResponderFault::IssuerKeyUsage => {
            "the CA signs responses with a key that it issued for certificates alone"
        }
        ResponderFault::KeyUsage => "the signer's certificate was issued for something else",
        ResponderFault::NotFound => {
            "the response does not carry its signer's certificate, or another CA's responder made it"
        }
        ResponderFault::NotIssuedByCa => {
            "another CA (the root, often) issued the signer's certificate; it must be the issuer itself"
        }
        ResponderFault::NotSignedByCa => {
            "the CA has several keys under one name, and the signer comes from another one; or it is forged"
        }
        ResponderFault::NotYetValid { .. } => {
            "this clock is slow, or the signer's certificate is deployed too early"
        }
        ResponderFault::Purpose => {
            "the signer's certificate was issued without the OCSPSigning purpose"
        }
        ResponderFault::RevocationUnknown => {
            "the signer's certificate lacks nocheck, and no CRL says that it is not revoked"
        }
        ResponderFault::Revoked => "the CA revoked the signer's certificate",
        _ => "the response carries a damaged certificate",
    }
}

pub(in crate::command) const fn mismatch(differs: Mismatch) -> &'static str {
    match differs {
        Mismatch::SerialNumber => {
            "the response is somebody else's: files or staples were mixed up, or a cache has a wrong key"
        }
        Mismatch::HashAlgorithm => "the responder names certificates by a hash that nobody uses",
        _ => "the response is about a certificate of another CA, or of another key of this CA",
    }
}
