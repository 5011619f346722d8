//! A private key in the hands of the cryptographic library, bound to one signature algorithm.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::AlgorithmIdentifier;
use certvouch_types::der::{Reader, tag};

use super::PlainKey;
use super::kind::KeyKind;
use crate::error::KeyFault;
use crate::limits::{MAX_RSA_BITS, MIN_RSA_BITS};

/// A private key.
pub(crate) enum KeyPair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// The library failed where it must not; it says no more.
pub(crate) struct SigningFailed;

impl KeyPair {
    /// Takes over a key: its kind, its algorithm (the given one or the kind's own), and the pair.
    pub(crate) fn new(
        key: &PlainKey,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<(Self, KeyKind, SignatureAlgorithm), KeyFault> {
        let kind = kind_of(key)?;
        let algorithm = algorithm.unwrap_or_else(|| kind.algorithms()[0]);
        if !kind.algorithms().contains(&algorithm) {
            return Err(KeyFault::Algorithm { algorithm, kind });
        }
        let pair = match kind {
            KeyKind::Rsa => rsa(key, algorithm)?,
            KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => {
                let pair = match key {
                    PlainKey::Pkcs8(der) => EcdsaKeyPair::from_pkcs8(ecdsa(kind, algorithm), der),
                    PlainKey::Sec1(der) | PlainKey::Pkcs1(der) => {
                        EcdsaKeyPair::from_private_key_der(ecdsa(kind, algorithm), der)
                    }
                };
                Self::Ecdsa(pair.map_err(rejected)?)
            }
            KeyKind::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.der());
                Self::Ed25519(pair.map_err(rejected)?)
            }
            KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => {
                let pair = PqdsaKeyPair::from_pkcs8(ml_dsa(kind), key.der());
                Self::MlDsa(pair.map_err(rejected)?)
            }
        };
        Ok((pair, kind, algorithm))
    }

    /// The content of the subjectPublicKey BIT STRING.
    pub(crate) fn public_bits(&self) -> &[u8] {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
            Self::MlDsa(pair) => pair.public_key().as_ref(),
            Self::Rsa(pair, _) => pair.public_key().as_ref(),
        }
    }

    /// Signs; ECDSA signatures come as DER (RFC 5758 3.2), those of EdDSA and ML-DSA raw.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        match self {
            Self::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SigningFailed),
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SigningFailed),
            Self::MlDsa(pair) => {
                let mut out = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut out).map_err(|_| SigningFailed)?;
                out.truncate(length);
                Ok(out)
            }
            Self::Rsa(pair, encoding) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut out)
                    .map_err(|_| SigningFailed)?;
                Ok(out)
            }
        }
    }
}

impl PlainKey {
    /// The octets, in whichever form.
    pub(crate) fn der(&self) -> &[u8] {
        match self {
            Self::Pkcs1(der) | Self::Pkcs8(der) | Self::Sec1(der) => der,
        }
    }

    /// A new key as PKCS#8; `rsa` is the size for the kind RSA.
    pub(crate) fn generate(kind: KeyKind, rsa: KeySize) -> Result<Self, SigningFailed> {
        let der = match kind {
            KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => {
                EcdsaKeyPair::generate(ecdsa(kind, kind.algorithms()[0]))
                    .and_then(|pair| pair.to_pkcs8v1())
                    .map(|document| document.as_ref().to_vec())
            }
            KeyKind::Ed25519 => Ed25519KeyPair::generate()
                .and_then(|pair| pair.to_pkcs8v1())
                .map(|document| document.as_ref().to_vec()),
            KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => {
                PqdsaKeyPair::generate(ml_dsa(kind))
                    .and_then(|pair| pair.to_pkcs8v1())
                    .map(|document| document.as_ref().to_vec())
            }
            KeyKind::Rsa => RsaKeyPair::generate(rsa).and_then(|pair| {
                let document: Pkcs8V1Der<'_> = pair.as_der()?;
                Ok(document.as_ref().to_vec())
            }),
        };
        der.map(|der| Self::Pkcs8(Zeroizing::new(der)))
            .map_err(|_| SigningFailed)
    }
}

fn rejected(why: KeyRejected) -> KeyFault {
    KeyFault::Rejected(why.to_string())
}

/// The kind of a key, read from its own structure.
fn kind_of(key: &PlainKey) -> Result<KeyKind, KeyFault> {
    match key {
        PlainKey::Pkcs1(_) => Ok(KeyKind::Rsa),
        PlainKey::Pkcs8(der) => KeyKind::from_identifier(&pkcs8_parts(der)?.0),
        PlainKey::Sec1(der) => {
            // ECPrivateKey ::= SEQUENCE { version, privateKey, parameters [0]?, publicKey [1]? }
            let what = "ECPrivateKey";
            let mut outer = Reader::new(der);
            let mut members = outer.sequence(what).map_err(malformed)?;
            members.integer(what).map_err(malformed)?;
            members.octet_string(what).map_err(malformed)?;
            let parameters = members
                .optional(tag::constructed(0), what)
                .map_err(malformed)?;
            match parameters {
                Some(explicit) => KeyKind::from_ec_parameters(explicit.value),
                None => Err(KeyFault::Malformed("an EC key without a curve".to_owned())),
            }
        }
    }
}

/// The algorithm and the privateKey of a PrivateKeyInfo.
fn pkcs8_parts(der: &[u8]) -> Result<(AlgorithmIdentifier<'_>, &[u8]), KeyFault> {
    let what = "PrivateKeyInfo";
    let mut outer = Reader::new(der);
    let mut members = outer.sequence(what).map_err(malformed)?;
    outer.finish(what).map_err(malformed)?;
    members.integer(what).map_err(malformed)?;
    let algorithm = AlgorithmIdentifier::read(&mut members, what).map_err(malformed)?;
    let private = members.octet_string(what).map_err(malformed)?;
    Ok((algorithm, private))
}

fn malformed(why: certvouch_types::DecodeError) -> KeyFault {
    KeyFault::Malformed(why.to_string())
}

fn rsa(key: &PlainKey, algorithm: SignatureAlgorithm) -> Result<KeyPair, KeyFault> {
    let private = match key {
        PlainKey::Pkcs8(der) => pkcs8_parts(der)?.1,
        PlainKey::Pkcs1(der) | PlainKey::Sec1(der) => der,
    };
    // RSAPrivateKey ::= SEQUENCE { version, modulus, … }; asked here for an error that tells the size.
    let mut outer = Reader::new(private);
    let mut members = outer.sequence("RSAPrivateKey").map_err(malformed)?;
    members
        .integer("RSAPrivateKey.version")
        .map_err(malformed)?;
    let bits = bit_length(
        members
            .integer("RSAPrivateKey.modulus")
            .map_err(malformed)?,
    );
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(KeyFault::RsaSize { bits });
    }
    let pair = RsaKeyPair::from_der(private).map_err(rejected)?;
    Ok(KeyPair::Rsa(pair, rsa_encoding(algorithm)))
}

/// The bits of a positive INTEGER by its content octets.
fn bit_length(content: &[u8]) -> usize {
    let skip = content.iter().take_while(|octet| **octet == 0).count();
    let Some(first) = content.get(skip) else {
        return 0;
    };
    let leading = usize::try_from(first.leading_zeros()).unwrap_or(0);
    (content.len() - skip) * 8 - leading
}

/// Called only with an algorithm out of the list of [`KeyKind::Rsa`].
fn rsa_encoding(algorithm: SignatureAlgorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
        SignatureAlgorithm::RsaPssSha256 => &signature::RSA_PSS_SHA256,
        SignatureAlgorithm::RsaPssSha384 => &signature::RSA_PSS_SHA384,
        SignatureAlgorithm::RsaPssSha512 => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

/// Called only with a curve and an algorithm out of its list.
fn ecdsa(kind: KeyKind, algorithm: SignatureAlgorithm) -> &'static EcdsaSigningAlgorithm {
    match (kind, algorithm) {
        (KeyKind::EcdsaP384, _) => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        (KeyKind::EcdsaP521, SignatureAlgorithm::EcdsaSha256) => {
            &signature::ECDSA_P521_SHA256_ASN1_SIGNING
        }
        (KeyKind::EcdsaP521, SignatureAlgorithm::EcdsaSha384) => {
            &signature::ECDSA_P521_SHA384_ASN1_SIGNING
        }
        (KeyKind::EcdsaP521, _) => &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
    }
}

/// Called only with a parameter set of ML-DSA.
fn ml_dsa(kind: KeyKind) -> &'static PqdsaSigningAlgorithm {
    match kind {
        KeyKind::MlDsa65 => &signature::ML_DSA_65_SIGNING,
        KeyKind::MlDsa87 => &signature::ML_DSA_87_SIGNING,
        _ => &signature::ML_DSA_44_SIGNING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_modulus_do_not_count_leading_zeros() {
        assert_eq!(bit_length(&[0, 0x80, 0]), 16);
        assert_eq!(bit_length(&[0x01, 0xFF]), 9);
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0]), 0);
    }
}
