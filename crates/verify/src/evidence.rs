//! What was checked, with which outcome, and why: one line per check, in a fixed order.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "users are promised these three words"
)]
pub enum Outcome {
    /// It held.
    Passed,
    /// It did not hold.
    Failed,
    /// It was not made; the detail says why.
    Skipped,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// One check of one verification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Which check.
    pub code: CheckCode,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, in a sentence without foreign text (numbers, times, hex and OBJECT IDENTIFIERs at most).
    pub detail: Cow<'static, str>,
    /// The rule behind it.
    pub citation: &'static str,
    /// Which CRL of a set it is about, counted from 1; nothing if it is about a response, or about all CRLs together.
    pub crl: Option<usize>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.outcome, self.code)?;
        if let Some(crl) = self.crl {
            write!(f, " of CRL {crl}")?;
        }
        write!(f, ": {} ({})", self.detail, self.citation)
    }
}

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $citation:literal;)*) => {
        /// The checks, in the order in which they are made and listed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum CheckCode {
            $($(#[$doc])* $name,)*
        }

        impl CheckCode {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The rule behind it, unless a profile brings its own.
            #[must_use]
            pub const fn citation(self) -> &'static str {
                match self {
                    $(Self::$name => $citation,)*
                }
            }
        }
    };
}

checks! {
    /// The issuer's certificate is one of a CA.
    IssuerIsCa = "issuer-is-ca", "RFC 5280 4.2.1.9";
    /// The issuer's key signed the certificate asked about.
    CertificateSignature = "certificate-signature", "RFC 6960 4.1.1, RFC 9919 4.2";
    /// The bytes are an OCSPResponse.
    Envelope = "envelope", "RFC 6960 4.2.1";
    /// Its status is successful.
    ResponseStatus = "response-status", "RFC 6960 4.2.1";
    /// It holds a basic response.
    ResponseType = "response-type", "RFC 6960 4.2.1";
    /// The basic response is well formed and answers something.
    BasicResponse = "basic-response", "RFC 6960 4.2.1";
    /// An entry is about the certificate asked about.
    CertId = "cert-id", "RFC 6960 3.2 (1)";
    /// The ResponderID names the issuer, an embedded certificate or a responder trusted locally.
    SignerFound = "signer-found", "RFC 6960 4.2.2.3";
    /// The signer is the issuer, or holds a certificate that the issuer's key signed.
    SignerIssuer = "signer-issuer", "RFC 6960 4.2.2.2";
    /// The signer's certificate allows it to sign OCSP responses.
    SignerPurpose = "signer-purpose", "RFC 6960 4.2.2.2";
    /// The signer's certificate is inside its dates.
    SignerDates = "signer-dates", "RFC 6960 3.2 (4)";
    /// The signer's certificate is not revoked.
    SignerRevocation = "signer-revocation", "RFC 6960 4.2.2.2.1";
    /// The signature of the response verifies over the bytes as received.
    Signature = "signature", "RFC 6960 3.2 (2)";
    /// No extension is critical that is not processed here.
    CriticalExtensions = "critical-extensions", "RFC 5280 4.2, RFC 6960 4.4";
    /// The nonce is the one that was sent.
    Nonce = "nonce", "RFC 9654 2.1, RFC 9919 5";
    /// The times of the entry make sense, and thisUpdate is not in the future.
    ThisUpdate = "this-update", "RFC 6960 4.2.2.1";
    /// nextUpdate has not passed.
    NextUpdate = "next-update", "RFC 6960 3.2 (6)";
    /// thisUpdate is recent enough.
    MaximumAge = "maximum-age", "RFC 6960 3.2 (5)";
    /// producedAt is plausible.
    ProducedAt = "produced-at", "RFC 6960 2.4";
    /// The entries about the certificate agree.
    EntriesAgree = "entries-agree", "RFC 6960 4.2.2.3";
    /// The responder still knows about a certificate that has expired.
    ArchiveCutoff = "archive-cutoff", "RFC 6960 4.4.4";
    /// The bytes are a CertificateList.
    CrlSyntax = "crl-syntax", "RFC 5280 5.1";
    /// No extension of the CRL is critical that is not processed here.
    CrlExtensions = "crl-extensions", "RFC 5280 5.2";
    /// The CRL is about the certificate: its issuer, its distribution point, its sort.
    CrlScope = "crl-scope", "RFC 5280 6.3.3 (b)";
    /// The issuer, or a CRL issuer whom the caller named, may sign CRLs.
    CrlSigner = "crl-signer", "RFC 5280 6.3.3 (f)";
    /// Its signature verifies over the bytes as received.
    CrlSignature = "crl-signature", "RFC 5280 6.3.3 (g)";
    /// Every entry is understood.
    CrlEntries = "crl-entries", "RFC 5280 5.3";
    /// thisUpdate is not in the future.
    CrlThisUpdate = "crl-this-update", "RFC 5280 5.1.2.4";
    /// nextUpdate is there and has not passed.
    CrlNextUpdate = "crl-next-update", "RFC 5280 5.1.2.5";
    /// thisUpdate is recent enough.
    CrlMaximumAge = "crl-maximum-age", "RFC 5280 6.3.3: local policy";
    /// No CRL of the same issuer and scope is newer.
    CrlNewest = "crl-newest", "RFC 5280 5.2.3";
    /// A delta is laid over the complete CRL that it belongs to.
    CrlDelta = "crl-delta", "RFC 5280 5.2.4";
    /// The certificate is not on the CRL.
    CrlEntry = "crl-entry", "RFC 5280 6.3.3 (i, j)";
    /// The CRLs in date together are about every reason.
    CrlReasons = "crl-reasons", "RFC 5280 6.3.3 (d, l)";
    /// The CRLs do not contradict each other.
    CrlsAgree = "crls-agree", "RFC 5280 5.3.1";
    /// The CRL still lists certificates that have expired.
    CrlExpiredCertificates = "crl-expired-certificates", "RFC 5280 3.3";
}

impl CheckCode {
    /// The checks of a response, in order.
    pub const RESPONSE: &'static [Self] = Self::ALL.split_at(Self::CRL_FROM).0;
    /// The checks of each CRL, in order.
    pub const CRL: &'static [Self] = Self::ALL
        .split_at(Self::CRL_FROM)
        .1
        .split_at(Self::CRL_COUNT)
        .0;
    /// The checks of a set of CRLs beside those of each.
    pub const CRLS: &'static [Self] = &[
        Self::IssuerIsCa,
        Self::CertificateSignature,
        Self::CrlReasons,
        Self::CrlsAgree,
        Self::CrlExpiredCertificates,
    ];
    /// How many checks of responses stand before those of CRLs.
    const CRL_FROM: usize = 21;
    /// How many checks are made of each CRL.
    const CRL_COUNT: usize = 12;
}

impl fmt::Display for CheckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// All checks of one verification, each exactly once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    checks: Vec<Check>,
}

impl Evidence {
    /// The checks in the order of [`CheckCode`].
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The line of one check.
    #[must_use]
    pub fn find(&self, code: CheckCode) -> Option<&Check> {
        self.checks.iter().find(|check| check.code == code)
    }

    /// What came of one check.
    #[must_use]
    pub fn outcome(&self, code: CheckCode) -> Option<Outcome> {
        self.find(code).map(|check| check.outcome)
    }

    pub(crate) fn with(checks: &[Check]) -> Self {
        let mut all = Vec::with_capacity(CheckCode::ALL.len());
        all.extend_from_slice(checks);
        Self { checks: all }
    }

    pub(crate) fn pass(&mut self, code: CheckCode, detail: impl Into<Cow<'static, str>>) {
        self.note(code, Outcome::Passed, detail, code.citation());
    }

    pub(crate) fn skip(&mut self, code: CheckCode, detail: impl Into<Cow<'static, str>>) {
        self.note(code, Outcome::Skipped, detail, code.citation());
    }

    pub(crate) fn fail(&mut self, code: CheckCode, detail: impl Into<Cow<'static, str>>) {
        self.note(code, Outcome::Failed, detail, code.citation());
    }

    /// Notes a check; one of the same code that is there already is replaced.
    pub(crate) fn note(
        &mut self,
        code: CheckCode,
        outcome: Outcome,
        detail: impl Into<Cow<'static, str>>,
        citation: &'static str,
    ) {
        let check = Check {
            code,
            outcome,
            detail: detail.into(),
            citation,
            crl: None,
        };
        match self.checks.iter_mut().find(|known| known.code == code) {
            Some(known) => *known = check,
            None => self.checks.push(check),
        }
    }

    pub(crate) fn extend(&mut self, checks: Self) {
        for check in checks.checks {
            self.note(check.code, check.outcome, check.detail, check.citation);
        }
    }

    /// Appends the checks of one CRL of a set.
    pub(crate) fn append(&mut self, crl: usize, checks: Self) {
        self.checks.extend(checks.checks.into_iter().map(|check| {
            let crl = Some(crl);
            Check { crl, ..check }
        }));
    }

    /// Lists what was not reached as skipped, and puts everything into order: what is asked of the certificate, each
    /// CRL by itself, all of them together.
    pub(crate) fn complete(mut self, codes: &[CheckCode]) -> Self {
        for code in codes {
            if self.find(*code).is_none() {
                self.skip(*code, "not reached: an earlier check failed");
            }
        }
        self.checks.sort_by_key(|check| {
            let of_all = check.code >= CheckCode::CrlReasons;
            (of_all, check.crl, check.code)
        });
        self
    }
}
