//! Whether a chain ends in a root that is trusted here: built and validated by webpki, which rustls uses too (signatures,
//! dates, constraints, names). The first thing that is done with a host's chain (threats T-21): an attacker's CA has a
//! responder of its own, and that says GOOD.

use std::time::Duration;

use bytes::Bytes;
use certvouch_client::Sha1Signatures;
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::Verdict;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::path::{issuer_of, purpose};

/// The roots that count.
#[derive(Debug)]
pub(super) struct Roots {
    certificates: Vec<Bytes>,
    /// Whether the caller named them.
    named: bool,
}

/// Why a chain does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Untrusted {
    pub(super) verdict: Verdict,
    pub(super) code: &'static str,
    /// For the brackets: holds nothing foreign.
    pub(super) text: String,
    pub(super) cause: &'static str,
}

impl Roots {
    /// Those that the caller named.
    pub(super) const fn named(certificates: Vec<Bytes>) -> Self {
        Self {
            certificates,
            named: true,
        }
    }

    /// Those of the operating system.
    pub(super) fn system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let certificates = found.certs.into_iter();
        Self {
            certificates: certificates
                .map(|der| Bytes::from(der.as_ref().to_vec()))
                .collect(),
            named: false,
        }
    }

    /// The chain from the leaf to a root, with the root, if it validates at this time.
    pub(super) fn validate(
        &self,
        leaf: &Bytes,
        others: &[Bytes],
        name: Option<&ServerName<'_>>,
        at: Timestamp,
    ) -> Result<Vec<Bytes>, Untrusted> {
        let ders: Vec<_> = self
            .certificates
            .iter()
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        // One that is no certificate vouches for nobody.
        let anchors: Vec<TrustAnchor<'_>> = ders
            .iter()
            .filter_map(|der| anchor_from_trusted_cert(der).ok())
            .collect();
        let others: Vec<_> = others
            .iter()
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let der = CertificateDer::from(leaf.as_ref());
        let usage = Certificate::parse(leaf).map(|leaf| purpose(&leaf));
        let usage = usage.map_or_else(|_| KeyUsage::server_auth(), KeyUsage::required_if_present);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let algorithms = provider.signature_verification_algorithms.all;
        let time = u64::try_from(at.unix()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(time));
        let untrusted = |why: Error| self.untrusted(&why);
        let end = EndEntityCert::try_from(&der).map_err(untrusted)?;
        let path = end
            .verify_for_usage(algorithms, &anchors, &others, time, usage, None, None)
            .map_err(untrusted)?;
        if let Some(name) = name {
            end.verify_is_valid_for_subject_name(name)
                .map_err(untrusted)?;
        }
        let mut chain = vec![leaf.clone()];
        for certificate in path.intermediate_certificates() {
            chain.push(Bytes::from(certificate.der().to_vec()));
        }
        // webpki names the root by name and key; its certificate is the one that signed the last of the chain.
        let last = chain.last().unwrap_or(leaf);
        if let Ok(root) = issuer_of(last, &self.certificates, Sha1Signatures::Allowed) {
            chain.push(root);
        }
        Ok(chain)
    }

    fn untrusted(&self, why: &Error) -> Untrusted {
        let (verdict, code, text, cause) = match why {
            Error::CertExpired { .. } => (
                Verdict::NotCurrent,
                "chain-expired",
                "a certificate of the chain has expired",
                "a certificate was not renewed, or the server was not reloaded; or this clock is fast",
            ),
            Error::CertNotValidYet { .. } => (
                Verdict::NotCurrent,
                "chain-not-yet-valid",
                "a certificate of the chain is not valid yet",
                "this clock is slow, or the certificate is deployed too early",
            ),
            Error::CertNotValidForName(_) => (
                Verdict::NotTrusted,
                "name-mismatch",
                "the certificate is for other names than the host's",
                "the server has the wrong certificate, or it was asked by a name that it is not known by",
            ),
            Error::UnknownIssuer if self.named => (
                Verdict::NotTrusted,
                "unknown-issuer",
                "the chain ends in no root that --trust names",
                "another CA issued the certificate than the one behind --trust, or the server does not send its \
                 intermediates",
            ),
            Error::UnknownIssuer | Error::CaUsedAsEndEntity => (
                Verdict::NotTrusted,
                "unknown-issuer",
                "the chain ends in no root that this system trusts",
                "a CA of your own issued it, the server does not send its intermediates, or somebody is in between; \
                 if the CA is yours, name its root",
            ),
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => (
                Verdict::NotTrusted,
                "purpose",
                "the certificate was issued for another purpose",
                "a certificate for something else was put into the server",
            ),
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => (
                Verdict::NotTrusted,
                "chain-algorithm",
                "the chain is signed with an algorithm that does not count",
                "a certificate of the chain is signed with SHA-1, or with something that TLS does not know",
            ),
            Error::UnsupportedCertVersion => (
                Verdict::NotTrusted,
                "chain-version",
                "a certificate of the chain is of version 1",
                "the certificate was made by hand, without extensions; nobody should trust such a one",
            ),
            _ => (
                Verdict::NotTrusted,
                "chain",
                "the chain does not validate",
                "a certificate of the chain breaks a rule of RFC 5280",
            ),
        };
        let text = match code {
            "chain" => format!("{text}: {why:?}"),
            _ => text.to_owned(),
        };
        Untrusted {
            verdict,
            code,
            text,
            cause,
        }
    }
}
