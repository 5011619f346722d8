//! Profiles: the bounds that an operator's decisions about one issuer must keep, as data.
//!
//! A [`Profile`] is a table of numbers and of forbidden [`Choice`]s, each with the [`Rule`] it comes from. Nothing here
//! decides by a profile's name. What breaks a profile stops the start; what a source brings later and the profile
//! forbids gets no signed answer.

mod certificate;
mod table;

use core::fmt;

use certvouch_crypto::{KeyKind, SignatureAlgorithm};

use crate::policy::NoncePolicy;

pub(crate) use certificate::check_signer;

/// A rule by its ID in the project's requirements, and the clause that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an ID and a clause are all that a rule is cited by"
)]
pub struct Rule {
    /// The ID, such as `BR-4.9.13-1`.
    pub id: &'static str,
    /// The document and clause, such as `TLS BR 4.9.13`.
    pub clause: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.clause)
    }
}

/// A number with the rule that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// Seconds.
    pub seconds: i64,
    /// Where it comes from.
    pub rule: Rule,
}

/// Something that an operator or a source can choose and a profile can forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// Answers name their signer by its subject.
    ByName,
    /// A CRL is the source and nothing says what was issued.
    CrlWithoutGoodList,
    /// Records of expired certificates are dropped.
    DropExpired,
    /// `revoked` for what was never issued.
    ExtendedRevoke,
    /// `good` for what only a CRL vouches for.
    GoodWithoutIssuance,
    /// certificateHold.
    Hold,
    /// The delegate's certificate does not travel with the answer.
    NoCertificate,
    /// A request without a nonce is refused.
    NonceRequired,
    /// Records of expired certificates end some time after the certificate.
    RetainExpired,
    /// A request without a signature is refused.
    SignatureRequired,
    /// CertIDs made with SHA-256 are not answered.
    WithoutSha256,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByName => "a signer named by its subject (responder_id = \"by-name\")",
            Self::CrlWithoutGoodList => {
                "a CRL as the only source, which cannot say what was issued; name a good_list"
            }
            Self::DropExpired => "dropping expired certificates (expired = \"drop\")",
            Self::ExtendedRevoke => {
                "\"revoked\" about what was never issued (unlisted = \"revoked\")"
            }
            Self::GoodWithoutIssuance => {
                "\"good\" about what nobody says was issued (not_revoked = \"good\")"
            }
            Self::Hold => "certificates on hold",
            Self::NoCertificate => {
                "an answer without the delegate's certificate (embed_certificate = \"never\")"
            }
            Self::NonceRequired => "refusing requests without a nonce (nonce = \"require\")",
            Self::RetainExpired => {
                "forgetting expired certificates after a time (expired = \"retain=…\")"
            }
            Self::SignatureRequired => {
                "refusing requests without a signature (request_signatures = \"require\")"
            }
            Self::WithoutSha256 => "hashes without \"sha256\"",
        })
    }
}

/// From when on a newer answer is due (FRESH-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshRule {
    /// producedAt plus half of the validity, at most four days.
    FromProducedAt,
    /// thisUpdate plus half of the validity, at most four days, and so many seconds before nextUpdate.
    FromThisUpdate {
        /// Seconds.
        margin: i64,
    },
}

/// What archive-cutoff is sent about, where all records are kept (RFC 6960 4.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveCutoff {
    /// About certificates past their end.
    Expired,
    /// About every certificate that was issued.
    Issued,
}

/// The shape that the signer's certificate must have beyond what every client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateShape {
    /// RFC 6960 and RFC 9919, which the signer's own checks hold.
    Pkix,
    /// TLS BR 7.1.2.8.
    Br,
}

/// The signature algorithms that a profile allows, each with the key that it goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Algorithms {
    /// The pairs.
    pub allowed: &'static [(KeyKind, SignatureAlgorithm)],
    /// Where they come from.
    pub rule: Rule,
}

/// A set of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// Its name in the configuration.
    pub name: &'static str,
    /// The shortest validity.
    pub least_validity: Bound,
    /// The longest validity.
    pub most_validity: Bound,
    /// The validity where the operator says none.
    pub default_validity: i64,
    /// The most time in HTTP caches where the operator says none; none is until the refresh.
    pub default_max_age: Option<i64>,
    /// What becomes of nonces where the operator says nothing.
    pub default_nonce: NoncePolicy,
    /// From when on a newer answer is due.
    pub refresh: RefreshRule,
    /// The longest that nextUpdate may lie after the thisUpdate of a source, the strictest first: the first that still
    /// leaves an answer counts.
    pub ceilings: &'static [Bound],
    /// The signature algorithms; none is every one that certvouch signs with.
    pub algorithms: Option<Algorithms>,
    /// The shape of the signer's certificate.
    pub certificate: CertificateShape,
    /// What archive-cutoff is sent about.
    pub archive_cutoff: ArchiveCutoff,
    /// What is forbidden, each with its rule.
    pub forbidden: &'static [(Choice, Rule)],
}

impl Profile {
    /// Every profile, the default one first.
    pub const ALL: [&'static Self; 4] =
        [&Self::PRIVATE, &Self::BR, &Self::LIGHTWEIGHT, &Self::ETSI];

    /// The profile of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// The rule that forbids this, if one does.
    #[must_use]
    pub fn forbids(&self, choice: Choice) -> Option<Rule> {
        let found = self
            .forbidden
            .iter()
            .find(|(forbidden, _)| *forbidden == choice);
        found.map(|(_, rule)| *rule)
    }

    /// The rule that keeps this key from signing with this algorithm, if one does.
    #[must_use]
    pub fn forbids_algorithm(
        &self,
        key: Option<KeyKind>,
        algorithm: SignatureAlgorithm,
    ) -> Option<Rule> {
        let algorithms = self.algorithms?;
        let pair = |allowed: &(KeyKind, SignatureAlgorithm)| {
            allowed.1 == algorithm && key.is_none_or(|key| key == allowed.0)
        };
        (!algorithms.allowed.iter().any(pair)).then_some(algorithms.rule)
    }
}

/// A signer that breaks the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The profile's name.
    pub profile: &'static str,
    /// The rule.
    pub rule: Rule,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            profile,
            rule,
            what,
        } = self;
        write!(f, "profile {profile} forbids {what} ({rule})")
    }
}

impl core::error::Error for Violation {}
