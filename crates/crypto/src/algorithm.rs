//! The signature algorithms, and their exact identifiers.

use core::fmt;

use certvouch_types::{AlgorithmIdentifier, Parameters, oid};

/// A signature algorithm with everything that its AlgorithmIdentifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA1; verification of old data only.
    EcdsaSha1,
    /// ecdsa-with-SHA256.
    EcdsaSha256,
    /// ecdsa-with-SHA384.
    EcdsaSha384,
    /// ecdsa-with-SHA512.
    EcdsaSha512,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA-44, pure mode, empty context (RFC 9881).
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
    /// sha1WithRSAEncryption; verification of old data only.
    RsaPkcs1Sha1,
    /// sha256WithRSAEncryption.
    RsaPkcs1Sha256,
    /// sha384WithRSAEncryption.
    RsaPkcs1Sha384,
    /// sha512WithRSAEncryption.
    RsaPkcs1Sha512,
    /// RSASSA-PSS, SHA-256, MGF1 with SHA-256, salt of 32 octets.
    RsaPssSha256,
    /// RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt of 48 octets.
    RsaPssSha384,
    /// RSASSA-PSS, SHA-512, MGF1 with SHA-512, salt of 64 octets.
    RsaPssSha512,
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::EcdsaSha1,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::RsaPkcs1Sha1,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
    ];

    /// The algorithm that an AlgorithmIdentifier names, with the leniency of the standards: RSA identifiers with
    /// absent parameters (RFC 4055 5), PSS with absent parameters of the hashes inside (RFC 4055 2.1). ECDSA, EdDSA
    /// and ML-DSA must have none (RFC 5758 3.2, RFC 8410 3, RFC 9881 2).
    #[must_use]
    pub fn from_identifier(identifier: &AlgorithmIdentifier<'_>) -> Option<Self> {
        let found = match identifier.oid {
            o if o == oid::RSASSA_PSS => return pss(identifier.parameters),
            o if o == oid::SHA1_WITH_RSA => Self::RsaPkcs1Sha1,
            o if o == oid::SHA256_WITH_RSA => Self::RsaPkcs1Sha256,
            o if o == oid::SHA384_WITH_RSA => Self::RsaPkcs1Sha384,
            o if o == oid::SHA512_WITH_RSA => Self::RsaPkcs1Sha512,
            o if o == oid::ECDSA_WITH_SHA1 => Self::EcdsaSha1,
            o if o == oid::ECDSA_WITH_SHA256 => Self::EcdsaSha256,
            o if o == oid::ECDSA_WITH_SHA384 => Self::EcdsaSha384,
            o if o == oid::ECDSA_WITH_SHA512 => Self::EcdsaSha512,
            o if o == oid::ED25519 => Self::Ed25519,
            o if o == oid::ML_DSA_44 => Self::MlDsa44,
            o if o == oid::ML_DSA_65 => Self::MlDsa65,
            o if o == oid::ML_DSA_87 => Self::MlDsa87,
            _ => return None,
        };
        let allowed = match identifier.parameters {
            Parameters::Absent => true,
            Parameters::Null => found.is_rsa(),
            _ => false,
        };
        allowed.then_some(found)
    }

    /// The whole AlgorithmIdentifier in DER, byte for byte as requirements §1.6 has it.
    #[must_use]
    pub const fn identifier(self) -> &'static [u8] {
        match self {
            Self::EcdsaSha1 => &[0x30, 9, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1],
            Self::EcdsaSha256 => &[0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2],
            Self::EcdsaSha384 => &[0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3],
            Self::EcdsaSha512 => &[0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4],
            Self::Ed25519 => &[0x30, 5, 6, 3, 0x2B, 0x65, 0x70],
            Self::MlDsa44 => &[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x11],
            Self::MlDsa65 => &[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x12],
            Self::MlDsa87 => &[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x13],
            Self::RsaPkcs1Sha1 => const { &rsa_pkcs1(5) },
            Self::RsaPkcs1Sha256 => const { &rsa_pkcs1(11) },
            Self::RsaPkcs1Sha384 => const { &rsa_pkcs1(12) },
            Self::RsaPkcs1Sha512 => const { &rsa_pkcs1(13) },
            Self::RsaPssSha256 => &PSS_SHA256,
            Self::RsaPssSha384 => &PSS_SHA384,
            Self::RsaPssSha512 => &PSS_SHA512,
        }
    }

    /// Whether the key is an RSA key.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(
            self,
            Self::RsaPkcs1Sha1
                | Self::RsaPkcs1Sha256
                | Self::RsaPkcs1Sha384
                | Self::RsaPkcs1Sha512
                | Self::RsaPssSha256
                | Self::RsaPssSha384
                | Self::RsaPssSha512
        )
    }

    /// Whether it rests on SHA-1, with which nothing new is signed (requirements D-17).
    #[must_use]
    pub const fn uses_sha1(self) -> bool {
        matches!(self, Self::EcdsaSha1 | Self::RsaPkcs1Sha1)
    }

    /// The name for people and configuration, such as `ecdsa-sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha1 => "ecdsa-sha1",
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
            Self::EcdsaSha512 => "ecdsa-sha512",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
            Self::RsaPkcs1Sha1 => "rsa-sha1",
            Self::RsaPkcs1Sha256 => "rsa-sha256",
            Self::RsaPkcs1Sha384 => "rsa-sha384",
            Self::RsaPkcs1Sha512 => "rsa-sha512",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPssSha384 => "rsa-pss-sha384",
            Self::RsaPssSha512 => "rsa-pss-sha512",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// RSASSA-PKCS1-v1_5 identifiers carry NULL (RFC 8017 A.2.4).
const fn rsa_pkcs1(last_arc: u8) -> [u8; 15] {
    [
        0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, last_arc, 5, 0,
    ]
}

const PSS_SHA256: [u8; 67] = pss_identifier(1, 0x20);
const PSS_SHA384: [u8; 67] = pss_identifier(2, 0x30);
const PSS_SHA512: [u8; 67] = pss_identifier(3, 0x40);

/// id-RSASSA-PSS with explicit hash, MGF1 with the same hash, and a salt as long as the hash.
#[rustfmt::skip]
const fn pss_identifier(hash: u8, salt: u8) -> [u8; 67] {
    [
        0x30, 0x41, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0A,
        0x30, 0x34,
        0xA0, 0x0F, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash, 5, 0,
        0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 8,
        0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash, 5, 0,
        0xA2, 0x03, 0x02, 0x01, salt,
    ]
}

/// Reads RSASSA-PSS-params. The defaults (SHA-1 throughout) are nothing that is signed with today, so a
/// missing hash, MGF or salt gives nothing (requirements R8017-A.2.3-1).
fn pss(parameters: Parameters<'_>) -> Option<SignatureAlgorithm> {
    use certvouch_types::der::{Reader, tag};
    let Parameters::Other(raw) = parameters else {
        return None;
    };
    let what = "RSASSA-PSS-params";
    let mut outer = Reader::new(raw);
    let mut fields = outer.sequence(what).ok()?;
    outer.finish(what).ok()?;

    let mut hash = fields.required(tag::constructed(0), what).ok()?.contents();
    let hash_algorithm = AlgorithmIdentifier::read(&mut hash, what).ok()?;
    hash.finish(what).ok()?;

    let mut mgf = fields.required(tag::constructed(1), what).ok()?.contents();
    let mgf_algorithm = AlgorithmIdentifier::read(&mut mgf, what).ok()?;
    mgf.finish(what).ok()?;
    let Parameters::Other(mgf_parameters) = mgf_algorithm.parameters else {
        return None;
    };
    let mgf_hash = AlgorithmIdentifier::parse(mgf_parameters, what).ok()?;

    let mut salt = fields.required(tag::constructed(2), what).ok()?.contents();
    let salt_length = salt.integer(what).ok()?;
    salt.finish(what).ok()?;
    if let Some(trailer) = fields.optional(tag::constructed(3), what).ok()? {
        // trailerField DEFAULT 1: DER leaves it out, some signers write it.
        if trailer.value != [2, 1, 1] {
            return None;
        }
    }
    fields.finish(what).ok()?;

    let consistent = mgf_algorithm.oid == oid::MGF1
        && mgf_hash.oid == hash_algorithm.oid
        && mgf_hash.parameters_absent_or_null()
        && hash_algorithm.parameters_absent_or_null();
    match (hash_algorithm.oid, salt_length) {
        _ if !consistent => None,
        (o, [32]) if o == oid::SHA256 => Some(SignatureAlgorithm::RsaPssSha256),
        (o, [48]) if o == oid::SHA384 => Some(SignatureAlgorithm::RsaPssSha384),
        (o, [64]) if o == oid::SHA512 => Some(SignatureAlgorithm::RsaPssSha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn named(der: &[u8]) -> Option<SignatureAlgorithm> {
        SignatureAlgorithm::from_identifier(&AlgorithmIdentifier::parse(der, "test").unwrap())
    }

    // covers: R8017-A.2.4-1
    #[test]
    fn identifier_of_every_algorithm_names_it_again() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(
                named(algorithm.identifier()),
                Some(algorithm),
                "{algorithm}"
            );
            assert_eq!(
                SignatureAlgorithm::from_name(algorithm.name()),
                Some(algorithm)
            );
        }
    }

    // covers: R4055-5-1
    #[test]
    fn rsa_identifier_without_parameters_is_accepted() {
        let der = [0x30, 11, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11];
        assert_eq!(named(&der), Some(SignatureAlgorithm::RsaPkcs1Sha256));
    }

    // covers: R5758-3.2-1, R8410-3-1, R9881-2-1
    #[test]
    fn parameters_where_none_may_be_are_refused() {
        let ecdsa = [0x30, 12, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2, 5, 0];
        let ed25519 = [0x30, 7, 6, 3, 0x2B, 0x65, 0x70, 5, 0];
        let ml_dsa = [
            0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x11, 5, 0,
        ];
        for der in [&ecdsa[..], &ed25519, &ml_dsa] {
            assert_eq!(named(der), None);
        }
    }

    // covers: R9881-8.3-1
    #[test]
    fn algorithms_outside_the_table_are_unknown() {
        // id-hash-ml-dsa-44-with-sha512 (…3.32) and md5WithRSAEncryption.
        assert_eq!(
            named(&[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x20]),
            None
        );
        let md5 = [
            0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 4, 5, 0,
        ];
        assert_eq!(named(&md5), None);
    }

    // covers: R8017-A.2.3-1, R4055-2.1-1
    #[test]
    fn pss_parameters_are_read_and_the_sha1_defaults_are_not_ours() {
        let empty = [
            0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0A, 0x30, 0,
        ];
        assert_eq!(named(&empty), None);
        let mut wrong_salt = PSS_SHA256;
        wrong_salt[66] = 0x14;
        assert_eq!(named(&wrong_salt), None);
        let mut other_mgf_hash = PSS_SHA256;
        other_mgf_hash[59] = 2;
        assert_eq!(named(&other_mgf_hash), None);
        // The same with absent parameters of both hashes: four octets less at each level.
        let mut absent = Vec::from(&[0x30, 0x3D, 6, 9][..]);
        absent.extend(&PSS_SHA256[4..13]);
        absent.extend([0x30, 0x30, 0xA0, 0x0D, 0x30, 0x0B]);
        absent.extend(&PSS_SHA256[19..30]);
        absent.extend([0xA1, 0x1A, 0x30, 0x18]);
        absent.extend(&PSS_SHA256[36..47]);
        absent.extend([0x30, 0x0B]);
        absent.extend(&PSS_SHA256[49..60]);
        absent.extend(&PSS_SHA256[62..]);
        assert_eq!(named(&absent), Some(SignatureAlgorithm::RsaPssSha256));
    }
}
