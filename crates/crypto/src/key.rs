//! The kinds of public keys, read from a SubjectPublicKeyInfo.

use core::fmt;

use certvouch_types::der::{Reader, tag};
use certvouch_types::pkix::SubjectPublicKeyInfo;
use certvouch_types::{AlgorithmIdentifier, Parameters, oid};

/// A kind of key, as far as it decides which verification fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// id-ecPublicKey with secp256r1.
    EcP256,
    /// id-ecPublicKey with secp384r1.
    EcP384,
    /// id-ecPublicKey with secp521r1.
    EcP521,
    /// id-Ed25519.
    Ed25519,
    /// id-ml-dsa-44.
    MlDsa44,
    /// id-ml-dsa-65.
    MlDsa65,
    /// id-ml-dsa-87.
    MlDsa87,
    /// rsaEncryption, of any size.
    Rsa,
}

impl KeyKind {
    /// The kind that an AlgorithmIdentifier in a SubjectPublicKeyInfo names.
    ///
    /// id-RSASSA-PSS in the key restricts it to PSS (RFC 4055 1.2); such keys are not in use and not known here.
    /// Explicit curve parameters are forbidden (RFC 5480 2.1.1).
    #[must_use]
    pub fn from_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Option<Self> {
        let absent = algorithm.parameters == Parameters::Absent;
        match algorithm.oid {
            o if o == oid::RSA_ENCRYPTION => {
                algorithm.parameters_absent_or_null().then_some(Self::Rsa)
            }
            o if o == oid::EC_PUBLIC_KEY => curve(algorithm),
            o if o == oid::ED25519 && absent => Some(Self::Ed25519),
            o if o == oid::ML_DSA_44 && absent => Some(Self::MlDsa44),
            o if o == oid::ML_DSA_65 && absent => Some(Self::MlDsa65),
            o if o == oid::ML_DSA_87 && absent => Some(Self::MlDsa87),
            _ => None,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcP256 => "P-256",
            Self::EcP384 => "P-384",
            Self::EcP521 => "P-521",
            Self::Ed25519 => "Ed25519",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
            Self::Rsa => "RSA",
        })
    }
}

fn curve(algorithm: &AlgorithmIdentifier<'_>) -> Option<KeyKind> {
    let Parameters::Other(raw) = algorithm.parameters else {
        return None;
    };
    match Reader::new(raw).oid("namedCurve").ok()? {
        o if o == oid::SECP256R1 => Some(KeyKind::EcP256),
        o if o == oid::SECP384R1 => Some(KeyKind::EcP384),
        o if o == oid::SECP521R1 => Some(KeyKind::EcP521),
        _ => None,
    }
}

/// The bits of an RSA key's modulus; nothing if the key is not RSA or not an `RSAPublicKey` (RFC 8017 A.1.1).
#[must_use]
pub fn rsa_modulus_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    if KeyKind::from_algorithm(&key.algorithm) != Some(KeyKind::Rsa) {
        return None;
    }
    let mut outer = Reader::new(key.subject_public_key);
    let mut fields = outer
        .required(tag::SEQUENCE, "RSAPublicKey")
        .ok()?
        .contents();
    let modulus = fields.integer("RSAPublicKey.modulus").ok()?;
    let significant = match modulus {
        [0, rest @ ..] => rest,
        all => all,
    };
    let first = significant.first()?;
    let unused = usize::try_from(first.leading_zeros()).ok()?;
    Some(significant.len() * 8 - unused)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use certvouch_types::der::{push, tag};

    use super::*;

    fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
        let mut bits = vec![0];
        bits.extend_from_slice(key);
        let mut content = algorithm.to_vec();
        push(&mut content, tag::BIT_STRING, &bits);
        let mut out = Vec::new();
        push(&mut out, tag::SEQUENCE, &content);
        out
    }

    fn rsa(modulus: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        push(&mut content, tag::INTEGER, modulus);
        push(&mut content, tag::INTEGER, &[1, 0, 1]);
        let mut key = Vec::new();
        push(&mut key, tag::SEQUENCE, &content);
        let algorithm = [
            0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0,
        ];
        spki(&algorithm, &key)
    }

    fn bits(der: &[u8]) -> Option<usize> {
        rsa_modulus_bits(&SubjectPublicKeyInfo::read(&mut Reader::new(der)).unwrap())
    }

    // covers: ALG-1, T-23
    #[test]
    fn modulus_is_counted_in_bits() {
        let mut modulus = vec![0];
        modulus.extend([0x80; 256]);
        assert_eq!(bits(&rsa(&modulus)), Some(2048));
        assert_eq!(bits(&rsa(&[0x7F; 256])), Some(2047));
        assert_eq!(bits(&rsa(&[0x01, 0xFF])), Some(9));
        let ed25519 = [0x30, 5, 6, 3, 0x2B, 0x65, 0x70];
        assert_eq!(bits(&spki(&ed25519, &[1; 32])), None);
    }

    #[test]
    fn curve_without_a_name_is_no_kind() {
        let unnamed = [0x30, 9, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
        let algorithm = AlgorithmIdentifier::parse(&unnamed, "test").unwrap();
        assert_eq!(KeyKind::from_algorithm(&algorithm), None);
    }
}
