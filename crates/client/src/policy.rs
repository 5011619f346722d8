//! What a client looks at, in which order, and how much that may cost.

use std::path::PathBuf;
use std::time::Duration;

use certvouch_fetch::{AddressRule, FetchPolicy};
use certvouch_types::HashAlgorithm;
use certvouch_verify::{NoncePolicy, Profile, danger};

use crate::limits;

/// Where a status may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// The response that came with the certificate.
    Staple,
    /// What was verified before, in memory or on disk; CRLs that the caller holds.
    Cache,
    /// The responders.
    Ocsp,
    /// The CRLs of the distribution points.
    Crl,
}

impl Source {
    /// The stable word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staple => "staple",
            Self::Cache => "cache",
            Self::Ocsp => "ocsp",
            Self::Crl => "crl",
        }
    }
}

/// Whether a nonce is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceMode {
    /// None: what RFC 9919 3.1.1 prefers, since answers can then come from caches.
    #[default]
    Off,
    /// 32 octets; then 16, for responders that refuse more; then none. One that comes back must be the one that was sent.
    Try,
    /// As `Try`, and an answer without it is not believed.
    Require,
}

/// With which hash a CertID is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertIdHash {
    /// SHA-256 (RFC 9919 3.1.1); SHA-1 if the responder cannot make anything of that.
    #[default]
    Sha256ThenSha1,
    /// SHA-256 alone.
    Sha256,
    /// SHA-1 alone.
    Sha1,
}

impl CertIdHash {
    pub(crate) const fn first(self) -> HashAlgorithm {
        match self {
            Self::Sha256ThenSha1 | Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha1 => HashAlgorithm::Sha1,
        }
    }
}

/// Whether responders are asked about a certificate outside its dates (RFC 9919 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiredCertificates {
    /// They are not: it is not valid anyway.
    #[default]
    NotAsked,
    /// They are: for archives, with responders that remember (archive cutoff).
    Asked,
}

/// Whether signatures with SHA-1 count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sha1Signatures {
    /// They do not.
    #[default]
    Refused,
    /// They do, although they can be forged: see [`certvouch_verify::danger`].
    Allowed,
}

/// The policy of a [`crate::Client`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// What is looked at, in this order; what is not here is not looked at. By default staple, cache, OCSP, CRL: the
    /// download of a CRL is the fallback (RFC 9919 4.1).
    pub sources: Vec<Source>,
    /// Whether a nonce is sent.
    pub nonce: NonceMode,
    /// With which hash a CertID is made.
    pub cert_id_hash: CertIdHash,
    /// By which rules an answer is believed. The rule about nonces is set by [`Policy::nonce`].
    pub profile: Profile,
    /// Whether responders are asked about expired certificates.
    pub expired: ExpiredCertificates,
    /// Whether signatures with SHA-1 count.
    pub sha1_signatures: Sha1Signatures,
    /// Time for a question as a whole.
    pub total_time: Duration,
    /// After how long the next responder is asked beside one that has not answered.
    pub hedge_after: Duration,
    /// How single exchanges are bounded, and which addresses they may go to. Its size is for OCSP responses.
    pub fetch: FetchPolicy,
    /// Octets of a CRL.
    pub max_crl: u64,
    /// A folder where verified answers are kept for the next process; by default there is none. What is read from it is
    /// verified again.
    pub cache_folder: Option<PathBuf>,
}

impl Default for Policy {
    fn default() -> Self {
        let mut fetch = FetchPolicy::default();
        fetch.max_body = limits::MAX_RESPONSE;
        fetch.connect_timeout = limits::CONNECT_TIME;
        fetch.total_timeout = limits::EXCHANGE_TIME;
        // A client runs on its user's behalf, inside his own network; threats T-24 has the rest refused.
        fetch.address_rule = AddressRule::PublicAndPrivate;
        Self {
            sources: vec![Source::Staple, Source::Cache, Source::Ocsp, Source::Crl],
            nonce: NonceMode::default(),
            cert_id_hash: CertIdHash::default(),
            profile: Profile::RFC9919,
            expired: ExpiredCertificates::default(),
            sha1_signatures: Sha1Signatures::default(),
            total_time: limits::TOTAL_TIME,
            hedge_after: limits::HEDGE_AFTER,
            fetch,
            max_crl: limits::MAX_CRL,
            cache_folder: None,
        }
    }
}

impl Policy {
    /// Asks no responder, ever: it would learn who talks to whom. Staples, caches and CRLs say the same to everybody
    /// (threats T-27).
    #[must_use]
    pub fn private() -> Self {
        Self {
            sources: vec![Source::Staple, Source::Cache, Source::Crl],
            ..Self::default()
        }
    }

    pub(crate) fn allows(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    /// The profile with the rule about nonces that fits the request.
    /// The rules by which an answer is believed: the profile, with the rule about nonces that fits the request.
    #[must_use]
    pub fn profile_for_request(&self) -> Profile {
        let profile = self.profile.clone().with_nonce(match self.nonce {
            NonceMode::Require => NoncePolicy::Require,
            _ => NoncePolicy::Try,
        });
        match self.sha1_signatures {
            Sha1Signatures::Allowed => danger::allow_sha1_signatures(profile),
            Sha1Signatures::Refused => profile,
        }
    }
}
