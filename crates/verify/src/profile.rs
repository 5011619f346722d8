//! Whose rules: profiles are data, and every rule says where it comes from.
//!
//! A profile decides about time, nonces, delegates and a few habits. What no profile moves: the signature, the
//! signer, the CertID, critical extensions, and that everything but a verified, matched, current *good* is not good.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::algorithms::AlgorithmPolicy;
use crate::freshness::{EndBound, FreshnessPolicy, MissingNextUpdate, ProducedAt};

/// A value with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cited<T> {
    /// The value.
    pub value: T,
    /// The document, file or clause that it comes from.
    pub source: &'static str,
}

impl<T> Cited<T> {
    pub(crate) const fn new(value: T, source: &'static str) -> Self {
        Self { value, source }
    }

    /// Whether the caller set it.
    pub(crate) fn is_callers(&self) -> bool {
        self.source == CALLER
    }
}

/// What the nonce of a response must be. It is looked at only if the query sent one: RFC 9919 5 has an unasked
/// nonce ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoncePolicy {
    /// Not compared.
    Off,
    /// Another nonce rejects; a missing one does not, since pre-produced answers have none.
    Try,
    /// Another or a missing nonce rejects.
    Require,
}

/// When a delegate without nocheck must be known not to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegateRevocationPolicy {
    /// Never: what is not known is let pass, and the evidence says so. A known revocation still rejects.
    Tolerate,
    /// If its certificate names a source (a CRL distribution point or an OCSP responder).
    IfNamed,
    /// Always.
    Require,
}

/// Whose times must be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryScope {
    /// The entries about the certificate.
    Matching,
    /// Every entry of the response.
    All,
}

/// Whether a CA that signs responses itself needs digitalSignature in its keyUsage (requirements D-39).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerKeyUsage {
    /// Its absence is noted.
    Tolerate,
    /// Its absence rejects.
    Require,
}

/// A set of rules with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    pub(crate) freshness: FreshnessPolicy,
    pub(crate) nonce: Cited<NoncePolicy>,
    pub(crate) delegate_revocation: Cited<DelegateRevocationPolicy>,
    pub(crate) entries: Cited<EntryScope>,
    pub(crate) issuer_key_usage: Cited<IssuerKeyUsage>,
    pub(crate) algorithms: AlgorithmPolicy,
}

/// One rule of a profile, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What it decides.
    pub name: &'static str,
    /// How.
    pub value: String,
    /// Where it comes from.
    pub source: &'static str,
}

const DAY: i64 = 86_400;

impl Profile {
    /// RFC 6960 with the demands of RFC 9919, and a small tolerance for clocks. The default.
    pub const RFC9919: Self = Self {
        name: "rfc9919",
        freshness: FreshnessPolicy {
            early: Cited::new(
                300,
                "a small tolerance, as RFC 9919 5 allows for the other end",
            ),
            late: Cited::new(
                300,
                "RFC 9919 5: a small configurable tolerance after nextUpdate",
            ),
            end: Cited::new(
                EndBound::Inclusive,
                "RFC 9919 5: thisUpdate <= now <= nextUpdate",
            ),
            missing_next_update: Cited::new(MissingNextUpdate::Reject, "RFC 9919 5"),
            max_age: Cited::new(None, "RFC 6960 3.2 (5): local policy"),
            max_lifetime: Cited::new(None, "no rule"),
            produced_at: Cited::new(ProducedAt::NotInFuture, "RFC 6960 2.4: the time of signing"),
        },
        nonce: Cited::new(NoncePolicy::Try, "RFC 9919 5"),
        delegate_revocation: Cited::new(
            DelegateRevocationPolicy::IfNamed,
            "RFC 6960 4.2.2.2.1: by the method that the CA named, else local policy",
        ),
        entries: Cited::new(EntryScope::Matching, "RFC 6960 4.2.2.3"),
        issuer_key_usage: Cited::new(IssuerKeyUsage::Tolerate, "RFC 6960 is silent"),
        algorithms: AlgorithmPolicy::FLOOR,
    };

    /// Everything that any verifier asks, without tolerance.
    pub const STRICT: Self = Self {
        name: "strict",
        freshness: FreshnessPolicy {
            early: Cited::new(0, "RFC 6960 4.2.2.1"),
            late: Cited::new(0, "RFC 6960 3.2 (6)"),
            end: Cited::new(
                EndBound::Inclusive,
                "RFC 9919 5: thisUpdate <= now <= nextUpdate",
            ),
            missing_next_update: Cited::new(MissingNextUpdate::Reject, "RFC 9919 5"),
            max_age: Cited::new(Some(10 * DAY), "CA/B BR 4.9.9: at most ten days"),
            max_lifetime: Cited::new(Some(10 * DAY), "CA/B BR 4.9.9: at most ten days"),
            produced_at: Cited::new(
                ProducedAt::NotInFutureAndWithinCertificate,
                "RFC 6960 2.4; BoringSSL pki/ocsp.cc CheckOCSP: inside the certificate's dates",
            ),
        },
        nonce: Cited::new(NoncePolicy::Require, "RFC 9919 5: known to be supported"),
        delegate_revocation: Cited::new(
            DelegateRevocationPolicy::Require,
            "CA/B BR 7.1.2.8: nocheck is required",
        ),
        entries: Cited::new(EntryScope::All, "as OpenJDK"),
        issuer_key_usage: Cited::new(IssuerKeyUsage::Require, "CA/B BR 7.1.2.10.7"),
        algorithms: AlgorithmPolicy::FLOOR,
    };

    /// As `openssl ocsp` without options would judge, had it made its warnings errors.
    pub const OPENSSL: Self = Self {
        name: "openssl",
        freshness: FreshnessPolicy {
            early: Cited::new(300, "OpenSSL apps/ocsp.c MAX_VALIDITY_PERIOD"),
            late: Cited::new(300, "OpenSSL apps/ocsp.c MAX_VALIDITY_PERIOD"),
            end: Cited::new(
                EndBound::Exclusive,
                "OpenSSL OCSP_check_validity: X509_cmp_time counts equal as earlier",
            ),
            missing_next_update: Cited::new(
                MissingNextUpdate::Accept,
                "OpenSSL OCSP_check_validity",
            ),
            max_age: Cited::new(None, "OpenSSL apps/ocsp.c: -status_age is off"),
            max_lifetime: Cited::new(None, "no rule"),
            produced_at: Cited::new(ProducedAt::Ignore, "OpenSSL does not look at it"),
        },
        nonce: Cited::new(
            NoncePolicy::Try,
            "OpenSSL OCSP_check_nonce: absence is a warning",
        ),
        delegate_revocation: Cited::new(
            DelegateRevocationPolicy::Tolerate,
            "OpenSSL OCSP_basic_verify: only by CRLs in the store",
        ),
        entries: Cited::new(EntryScope::Matching, "OpenSSL OCSP_resp_find_status"),
        issuer_key_usage: Cited::new(IssuerKeyUsage::Tolerate, "OpenSSL does not look at it"),
        algorithms: AlgorithmPolicy::FLOOR,
    };

    /// As the PKIX revocation checker of OpenJDK.
    pub const JAVA: Self = Self {
        name: "java",
        freshness: FreshnessPolicy {
            early: Cited::new(
                900,
                "OpenJDK sun.security.provider.certpath.OCSPResponse: 15 min",
            ),
            late: Cited::new(
                900,
                "OpenJDK sun.security.provider.certpath.OCSPResponse: 15 min",
            ),
            end: Cited::new(EndBound::Inclusive, "OpenJDK OCSPResponse: Date.after"),
            missing_next_update: Cited::new(
                MissingNextUpdate::ValidFor(0),
                "OpenJDK OCSPResponse: thisUpdate takes its place",
            ),
            max_age: Cited::new(None, "no rule"),
            max_lifetime: Cited::new(None, "no rule"),
            produced_at: Cited::new(ProducedAt::Ignore, "OpenJDK does not look at it"),
        },
        nonce: Cited::new(
            NoncePolicy::Try,
            "OpenJDK OCSPResponse: compared if both are there",
        ),
        delegate_revocation: Cited::new(DelegateRevocationPolicy::Tolerate, "OpenJDK OCSPResponse"),
        entries: Cited::new(
            EntryScope::All,
            "OpenJDK OCSPResponse: every SingleResponse",
        ),
        issuer_key_usage: Cited::new(IssuerKeyUsage::Tolerate, "OpenJDK does not look at it"),
        algorithms: AlgorithmPolicy::FLOOR,
    };

    /// As mozilla::pkix, the verifier of Firefox.
    pub const FIREFOX: Self = Self {
        name: "firefox",
        freshness: FreshnessPolicy {
            early: Cited::new(DAY, "mozilla::pkix pkixocsp.cpp SLOP_SECONDS: 24 h"),
            late: Cited::new(DAY, "mozilla::pkix pkixocsp.cpp SLOP_SECONDS: 24 h"),
            end: Cited::new(
                EndBound::Inclusive,
                "mozilla::pkix pkixocsp.cpp SingleResponse",
            ),
            missing_next_update: Cited::new(
                MissingNextUpdate::ValidFor(DAY),
                "mozilla::pkix pkixocsp.cpp SingleResponse",
            ),
            max_age: Cited::new(None, "no rule"),
            max_lifetime: Cited::new(
                Some(10 * DAY),
                "mozilla::pkix pkixocsp.cpp maxLifetimeInDays, 10 for an end entity",
            ),
            produced_at: Cited::new(ProducedAt::Ignore, "mozilla::pkix does not look at it"),
        },
        nonce: Cited::new(NoncePolicy::Off, "Firefox sends none"),
        delegate_revocation: Cited::new(
            DelegateRevocationPolicy::Tolerate,
            "mozilla::pkix pkixocsp.cpp CheckOCSPResponseSignerCert",
        ),
        entries: Cited::new(EntryScope::Matching, "mozilla::pkix pkixocsp.cpp"),
        issuer_key_usage: Cited::new(
            IssuerKeyUsage::Tolerate,
            "mozilla::pkix does not look at it",
        ),
        algorithms: AlgorithmPolicy::FLOOR,
    };

    /// As BoringSSL's verifier, the one of Chromium.
    pub const CHROMIUM: Self = Self {
        name: "chromium",
        freshness: FreshnessPolicy {
            early: Cited::new(0, "BoringSSL pki/revocation_util.cc"),
            late: Cited::new(0, "BoringSSL pki/revocation_util.cc"),
            end: Cited::new(
                EndBound::Exclusive,
                "BoringSSL pki/revocation_util.h: this_update <= verify_time < next_update",
            ),
            missing_next_update: Cited::new(
                MissingNextUpdate::Accept,
                "BoringSSL pki/revocation_util.cc: the age alone decides",
            ),
            max_age: Cited::new(
                Some(7 * DAY),
                "Chromium net/cert/internal/revocation_checker.h kMaxRevocationLeafUpdateAge",
            ),
            max_lifetime: Cited::new(None, "no rule"),
            produced_at: Cited::new(
                ProducedAt::WithinCertificate,
                "BoringSSL pki/ocsp.cc CheckOCSP",
            ),
        },
        nonce: Cited::new(NoncePolicy::Off, "Chromium sends none"),
        delegate_revocation: Cited::new(
            DelegateRevocationPolicy::Tolerate,
            "BoringSSL pki/ocsp.cc VerifyAuthorizedResponderCert",
        ),
        entries: Cited::new(EntryScope::Matching, "BoringSSL pki/ocsp.cc"),
        issuer_key_usage: Cited::new(IssuerKeyUsage::Tolerate, "BoringSSL does not look at it"),
        algorithms: AlgorithmPolicy::FLOOR,
    };

    /// All profiles, the default first.
    pub const ALL: [Self; 6] = [
        Self::RFC9919,
        Self::STRICT,
        Self::OPENSSL,
        Self::JAVA,
        Self::FIREFOX,
        Self::CHROMIUM,
    ];

    /// The profile of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// With other tolerances, in seconds, each between 0 and a day (requirements D-33): `early` for a thisUpdate
    /// ahead of the clock, `late` for a nextUpdate that has passed.
    #[must_use]
    pub fn with_skew(mut self, early: i64, late: i64) -> Self {
        self.freshness.early = Cited::new(early.clamp(0, DAY), CALLER);
        self.freshness.late = Cited::new(late.clamp(0, DAY), CALLER);
        self
    }

    /// With another limit on the age of thisUpdate, in seconds.
    #[must_use]
    pub fn with_max_age(mut self, seconds: Option<i64>) -> Self {
        self.freshness.max_age = Cited::new(seconds, CALLER);
        self
    }

    /// With another rule for responses without nextUpdate.
    #[must_use]
    pub fn with_missing_next_update(mut self, rule: MissingNextUpdate) -> Self {
        self.freshness.missing_next_update = Cited::new(rule, CALLER);
        self
    }

    /// With another rule for nonces.
    #[must_use]
    pub fn with_nonce(mut self, rule: NoncePolicy) -> Self {
        self.nonce = Cited::new(rule, CALLER);
        self
    }

    /// With another rule for delegates without nocheck.
    #[must_use]
    pub fn with_delegate_revocation(mut self, rule: DelegateRevocationPolicy) -> Self {
        self.delegate_revocation = Cited::new(rule, CALLER);
        self
    }

    /// Every rule with its source, for people.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = self.freshness.rules();
        rules.extend([
            rule("nonce", &self.nonce),
            rule("delegate-revocation", &self.delegate_revocation),
            rule("entries", &self.entries),
            rule("issuer-key-usage", &self.issuer_key_usage),
        ]);
        rules
    }
}

impl Default for Profile {
    /// [`Profile::RFC9919`].
    fn default() -> Self {
        Self::RFC9919
    }
}

/// The source of what the caller set.
const CALLER: &str = "set by the caller";

pub(crate) fn rule<T: core::fmt::Debug>(name: &'static str, cited: &Cited<T>) -> Rule {
    Rule {
        name,
        value: format!("{:?}", cited.value),
        source: cited.source,
    }
}
