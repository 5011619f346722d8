//! Kinds of keys, and what each of them signs with.

use core::fmt;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::der::{Reader, push, push_header, tag, tlv_length};
use certvouch_types::{AlgorithmIdentifier, Oid, Parameters, oid};

use crate::error::{ForeignFormat, KeyFault};

/// A kind of key that signs responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// NIST P-256.
    EcdsaP256,
    /// NIST P-384.
    EcdsaP384,
    /// NIST P-521.
    EcdsaP521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA-44 (FIPS 204, RFC 9881).
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
    /// RSA, of 2048 to 8192 bits.
    Rsa,
}

impl KeyKind {
    /// The algorithms that the key signs with; the first is the default.
    #[must_use]
    pub const fn algorithms(self) -> &'static [SignatureAlgorithm] {
        use SignatureAlgorithm as A;
        match self {
            Self::EcdsaP256 => &[A::EcdsaSha256],
            Self::EcdsaP384 => &[A::EcdsaSha384],
            Self::EcdsaP521 => &[A::EcdsaSha512, A::EcdsaSha384, A::EcdsaSha256],
            Self::Ed25519 => &[A::Ed25519],
            Self::MlDsa44 => &[A::MlDsa44],
            Self::MlDsa65 => &[A::MlDsa65],
            Self::MlDsa87 => &[A::MlDsa87],
            Self::Rsa => &[
                A::RsaPkcs1Sha256,
                A::RsaPkcs1Sha384,
                A::RsaPkcs1Sha512,
                A::RsaPssSha256,
                A::RsaPssSha384,
                A::RsaPssSha512,
            ],
        }
    }

    /// Whether it is one of the ML-DSA parameter sets.
    #[must_use]
    pub const fn is_ml_dsa(self) -> bool {
        matches!(self, Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87)
    }

    /// The kind that the AlgorithmIdentifier of a PrivateKeyInfo names.
    pub(crate) fn from_identifier(identifier: &AlgorithmIdentifier<'_>) -> Result<Self, KeyFault> {
        match identifier.oid {
            o if o == oid::RSA_ENCRYPTION => Ok(Self::Rsa),
            o if o == oid::ED25519 => Ok(Self::Ed25519),
            o if o == oid::ML_DSA_44 => Ok(Self::MlDsa44),
            o if o == oid::ML_DSA_65 => Ok(Self::MlDsa65),
            o if o == oid::ML_DSA_87 => Ok(Self::MlDsa87),
            o if o == oid::EC_PUBLIC_KEY => match identifier.parameters {
                Parameters::Other(parameters) => Self::from_ec_parameters(parameters),
                _ => Err(KeyFault::Malformed("an EC key without a curve".to_owned())),
            },
            other => Err(KeyFault::Unsupported(describe(other))),
        }
    }

    /// The kind that an ECParameters names (RFC 5480 2.1.1).
    pub(crate) fn from_ec_parameters(parameters: &[u8]) -> Result<Self, KeyFault> {
        let mut reader = Reader::new(parameters);
        if reader.peek() == Some(tag::SEQUENCE) {
            return Err(KeyFault::Foreign(ForeignFormat::ExplicitCurve));
        }
        let named = reader
            .oid("namedCurve")
            .map_err(|why| KeyFault::Malformed(why.to_string()))?;
        match named {
            o if o == oid::SECP256R1 => Ok(Self::EcdsaP256),
            o if o == oid::SECP384R1 => Ok(Self::EcdsaP384),
            o if o == oid::SECP521R1 => Ok(Self::EcdsaP521),
            other => Err(KeyFault::Unsupported(describe(other))),
        }
    }

    /// The SubjectPublicKeyInfo of a key of this kind with these bits.
    pub(crate) fn public_key_info(self, bits: &[u8]) -> Vec<u8> {
        let algorithm = self.identifier();
        let content = algorithm.len() + tlv_length(bits.len() + 1);
        let mut out = Vec::with_capacity(tlv_length(content));
        push_header(&mut out, tag::SEQUENCE, content);
        out.extend_from_slice(&algorithm);
        push_header(&mut out, tag::BIT_STRING, bits.len() + 1);
        out.push(0);
        out.extend_from_slice(bits);
        out
    }

    /// The AlgorithmIdentifier of its public key (RFC 3279 2.3.1, RFC 5480 2.1.1, RFC 8410 3, RFC 9881 4).
    fn identifier(self) -> Vec<u8> {
        let (algorithm, parameters) = match self {
            Self::EcdsaP256 => (oid::EC_PUBLIC_KEY, Some(oid::SECP256R1)),
            Self::EcdsaP384 => (oid::EC_PUBLIC_KEY, Some(oid::SECP384R1)),
            Self::EcdsaP521 => (oid::EC_PUBLIC_KEY, Some(oid::SECP521R1)),
            Self::Ed25519 => (oid::ED25519, None),
            Self::MlDsa44 => (oid::ML_DSA_44, None),
            Self::MlDsa65 => (oid::ML_DSA_65, None),
            Self::MlDsa87 => (oid::ML_DSA_87, None),
            Self::Rsa => (oid::RSA_ENCRYPTION, None),
        };
        let mut content = Vec::new();
        push(&mut content, tag::OID, algorithm.as_bytes());
        if let Some(curve) = parameters {
            push(&mut content, tag::OID, curve.as_bytes());
        }
        if self == Self::Rsa {
            push(&mut content, tag::NULL, &[]);
        }
        let mut out = Vec::new();
        push(&mut out, tag::SEQUENCE, &content);
        out
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
            Self::EcdsaP521 => "ECDSA P-521",
            Self::Ed25519 => "Ed25519",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
            Self::Rsa => "RSA",
        })
    }
}

/// Words for a kind of key or a curve that is not supported.
fn describe(found: Oid<'_>) -> String {
    let name = match found.as_bytes() {
        // 1.2.840.10040.4.1
        [0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1] => "DSA",
        // 1.3.101.110 to 113
        [0x2B, 0x65, 0x6E] => "X25519, which only agrees on keys",
        [0x2B, 0x65, 0x6F] => "X448, which only agrees on keys",
        [0x2B, 0x65, 0x71] => "Ed448",
        // 1.3.132.0.10
        [0x2B, 0x81, 4, 0, 0x0A] => "ECDSA on secp256k1",
        // 1.3.36.3.3.2.8.1.1.x
        [0x2B, 0x24, 3, 3, 2, 8, 1, 1, _] => "ECDSA on a Brainpool curve",
        // 2.16.840.1.101.3.4.3.20 and on
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x14..=0x1F] => "SLH-DSA",
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x20..=0x22] => {
            "HashML-DSA, which must not sign OCSP responses (RFC 9881 8.3)"
        }
        _ if found == oid::RSASSA_PSS => {
            "RSA restricted to PSS (id-RSASSA-PSS); a plain RSA key can sign with rsa-pss-sha256"
        }
        _ => return format!("of the kind {found}"),
    };
    name.to_owned()
}
