//! The profiles themselves. Numbers and rule IDs are those of requirements §14 and of the rows they cite.

use certvouch_crypto::{KeyKind, SignatureAlgorithm};

use super::{
    Algorithms, ArchiveCutoff, Bound, CertificateShape, Choice, Profile, RefreshRule, Rule,
};
use crate::policy::NoncePolicy;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

const FRESH: Rule = rule("FRESH-1", "requirements §14");
/// Both ends count (BR-4.9.9-1).
const BR_CEILING: Bound = bound(10 * DAY, "FRESH-3", "TLS BR 4.9.9, Mozilla RSP 6");
/// What is configured stays a second below, so that nobody who counts otherwise finds it too long.
const BR_MOST: Bound = bound(10 * DAY - 1, "BR-4.9.9-9", "TLS BR 4.9.9, Mozilla RSP 6");
const BR_LEAST: Bound = bound(8 * HOUR, "BR-4.9.9-9", "TLS BR 4.9.9");
const MICROSOFT_MOST: Bound = bound(7 * DAY, "MS-3.2.2-1", "Microsoft TRP 3.2.2");

const fn rule(id: &'static str, clause: &'static str) -> Rule {
    Rule { id, clause }
}

const fn bound(seconds: i64, id: &'static str, clause: &'static str) -> Bound {
    Bound {
        seconds,
        rule: rule(id, clause),
    }
}

/// The AlgorithmIdentifiers of TLS BR 7.1.3.2: a curve goes with the hash of its size and with no other.
const BR_ALGORITHMS: Algorithms = Algorithms {
    allowed: &[
        (KeyKind::Rsa, SignatureAlgorithm::RsaPkcs1Sha256),
        (KeyKind::Rsa, SignatureAlgorithm::RsaPkcs1Sha384),
        (KeyKind::Rsa, SignatureAlgorithm::RsaPkcs1Sha512),
        (KeyKind::Rsa, SignatureAlgorithm::RsaPssSha256),
        (KeyKind::Rsa, SignatureAlgorithm::RsaPssSha384),
        (KeyKind::Rsa, SignatureAlgorithm::RsaPssSha512),
        (KeyKind::EcP256, SignatureAlgorithm::EcdsaSha256),
        (KeyKind::EcP384, SignatureAlgorithm::EcdsaSha384),
        (KeyKind::EcP521, SignatureAlgorithm::EcdsaSha512),
    ],
    rule: rule("BR-7.1.3.2-1", "TLS BR 7.1.3.2"),
};

impl Profile {
    /// A PKI of one's own: real time is what its users come for, so answers are short-lived.
    pub const PRIVATE: Self = Self {
        name: "private",
        least_validity: Bound {
            seconds: 60,
            rule: FRESH,
        },
        most_validity: Bound {
            seconds: 7 * DAY,
            rule: FRESH,
        },
        default_validity: HOUR,
        default_max_age: Some(300),
        default_nonce: NoncePolicy::Echo,
        refresh: RefreshRule::FromProducedAt,
        ceilings: &[],
        algorithms: None,
        certificate: CertificateShape::Pkix,
        archive_cutoff: ArchiveCutoff::Expired,
        forbidden: &[],
    };

    /// A publicly trusted CA: the TLS Baseline Requirements 2.2.6 with the programmes of Mozilla and Microsoft.
    pub const BR: Self = Self {
        name: "br",
        least_validity: bound(16 * HOUR, "FRESH-1", "TLS BR 4.9.9, Microsoft TRP 3.2.2"),
        most_validity: bound(7 * DAY, "FRESH-1", "TLS BR 4.9.9, Microsoft TRP 3.2.2"),
        default_validity: 4 * DAY,
        default_max_age: None,
        default_nonce: NoncePolicy::Ignore,
        // Microsoft TRP 3.2.2: the next answer is there 8 hours before the end of this one.
        refresh: RefreshRule::FromThisUpdate { margin: 8 * HOUR },
        ceilings: &[MICROSOFT_MOST, BR_CEILING],
        algorithms: Some(BR_ALGORITHMS),
        certificate: CertificateShape::Br,
        archive_cutoff: ArchiveCutoff::Expired,
        forbidden: &[
            (
                Choice::CrlWithoutGoodList,
                rule("BR-4.9.9-4", "TLS BR 4.9.9"),
            ),
            (Choice::ExtendedRevoke, rule("D-7", "TLS BR 4.9.13 and 7.3")),
            (
                Choice::GoodWithoutIssuance,
                rule("BR-4.9.9-10", "TLS BR 4.9.10"),
            ),
            (Choice::Hold, rule("BR-4.9.13-1", "TLS BR 4.9.13")),
            (Choice::NonceRequired, rule("BR-4.9.9-4", "TLS BR 4.9.9")),
            (
                Choice::SignatureRequired,
                rule("BR-4.9.9-4", "TLS BR 4.9.9"),
            ),
        ],
    };

    /// High volume (RFC 9919): everything may come from a cache, and every client gets an answer.
    pub const LIGHTWEIGHT: Self = Self {
        name: "lightweight",
        least_validity: BR_LEAST,
        most_validity: BR_MOST,
        default_validity: 4 * DAY,
        default_max_age: None,
        default_nonce: NoncePolicy::Ignore,
        refresh: RefreshRule::FromProducedAt,
        ceilings: &[],
        algorithms: None,
        certificate: CertificateShape::Pkix,
        archive_cutoff: ArchiveCutoff::Expired,
        forbidden: &[
            (Choice::ByName, rule("R9919-3.2.2-2", "RFC 9919 3.2.2")),
            (
                Choice::ExtendedRevoke,
                rule("R9919-3.2.1-4", "RFC 9919 3.2.1"),
            ),
            (
                Choice::NoCertificate,
                rule("R9919-3.2.2-1", "RFC 9919 3.2.2"),
            ),
            (
                Choice::NonceRequired,
                rule("R9919-3.2.1-5", "RFC 9919 3.2.1"),
            ),
            (
                Choice::SignatureRequired,
                rule("R9919-3.2.1-5", "RFC 9919 3.2.1"),
            ),
            (Choice::WithoutSha256, rule("D-1", "RFC 9919 3.1.1")),
        ],
    };

    /// Trust services of EN 319 411-1 and -2: status outlives the certificate.
    pub const ETSI: Self = Self {
        name: "etsi",
        least_validity: BR_LEAST,
        most_validity: BR_MOST,
        default_validity: 4 * DAY,
        default_max_age: None,
        default_nonce: NoncePolicy::Echo,
        refresh: RefreshRule::FromProducedAt,
        ceilings: &[],
        algorithms: None,
        certificate: CertificateShape::Pkix,
        archive_cutoff: ArchiveCutoff::Issued,
        forbidden: &[
            (
                Choice::DropExpired,
                rule("ETSI1-CSS-6.3.10-04", "EN 319 411-1 6.3.10"),
            ),
            (
                Choice::RetainExpired,
                rule("ETSI2-CSS-6.3.10-10", "EN 319 411-2 6.3.10"),
            ),
            (
                Choice::SignatureRequired,
                rule("ETSI1-CSS-6.3.10-10", "EN 319 411-1 6.3.10"),
            ),
        ],
    };
}
