//! Which signatures count at all: the floor of strength that no profile goes below.

use core::fmt;

use certvouch_crypto::{Provider, SignatureAlgorithm, SignatureError, rsa_modulus_bits};
use certvouch_types::AlgorithmIdentifier;
use certvouch_types::pkix::SubjectPublicKeyInfo;

use crate::budget::MAX_RSA_BITS;

/// The smallest RSA modulus that counts (requirements ALG-1; CA/B BR 6.1.5).
const RSA_FLOOR_BITS: usize = 2048;

/// Algorithms that a signature may use: RSA of 2048 bits and more (PKCS#1 v1.5 and PSS), ECDSA on P-256, P-384 and
/// P-521, Ed25519, ML-DSA, with SHA-2. SHA-1 is let in by [`crate::danger`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmPolicy {
    sha1: Sha1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sha1 {
    Refused,
    LetIn,
}

/// Why an algorithm or a key does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlgorithmFault {
    /// The key does not fit the algorithm, or is of a kind that is not supported.
    KeyMismatch,
    /// An RSA modulus beyond [`MAX_RSA_BITS`].
    RsaTooLarge(usize),
    /// An RSA modulus below 2048 bits.
    RsaTooSmall(usize),
    /// A signature with SHA-1.
    Sha1,
    /// An algorithm outside the table.
    Unsupported,
}

impl fmt::Display for AlgorithmFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyMismatch => f.write_str("the key does not fit the signature algorithm"),
            Self::RsaTooLarge(bits) => {
                write!(f, "RSA key of {bits} bits, at most {MAX_RSA_BITS} are used")
            }
            Self::RsaTooSmall(bits) => {
                write!(
                    f,
                    "RSA key of {bits} bits, at least {RSA_FLOOR_BITS} are needed"
                )
            }
            Self::Sha1 => f.write_str("signature with SHA-1"),
            Self::Unsupported => f.write_str("unsupported signature algorithm"),
        }
    }
}

/// What came of one signature check.
pub(crate) enum SignatureFault {
    Algorithm(AlgorithmFault),
    Invalid,
}

impl AlgorithmPolicy {
    /// The floor of requirements ALG-1.
    pub(crate) const FLOOR: Self = Self {
        sha1: Sha1::Refused,
    };

    /// The floor without the bar on SHA-1; reached through [`crate::danger`].
    pub(crate) const WITH_SHA1: Self = Self { sha1: Sha1::LetIn };

    /// Whether this algorithm with this key may be tried.
    pub(crate) fn check(
        self,
        algorithm: &AlgorithmIdentifier<'_>,
        key: &SubjectPublicKeyInfo<'_>,
    ) -> Result<SignatureAlgorithm, AlgorithmFault> {
        let algorithm =
            SignatureAlgorithm::from_identifier(algorithm).ok_or(AlgorithmFault::Unsupported)?;
        let sha1 = matches!(
            algorithm,
            SignatureAlgorithm::EcdsaSha1 | SignatureAlgorithm::RsaPkcs1Sha1
        );
        if sha1 && self.sha1 == Sha1::Refused {
            return Err(AlgorithmFault::Sha1);
        }
        if algorithm.is_rsa() {
            match rsa_modulus_bits(key) {
                None => return Err(AlgorithmFault::KeyMismatch),
                Some(bits) if bits < RSA_FLOOR_BITS => {
                    return Err(AlgorithmFault::RsaTooSmall(bits));
                }
                Some(bits) if bits > MAX_RSA_BITS => return Err(AlgorithmFault::RsaTooLarge(bits)),
                Some(_) => {}
            }
        }
        Ok(algorithm)
    }

    /// Verifies a signature if its algorithm may be tried.
    pub(crate) fn verify(
        self,
        provider: &Provider,
        key: &SubjectPublicKeyInfo<'_>,
        algorithm: &AlgorithmIdentifier<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<SignatureAlgorithm, SignatureFault> {
        let checked = self
            .check(algorithm, key)
            .map_err(SignatureFault::Algorithm)?;
        match provider.verify_signature(key, algorithm, message, signature) {
            Ok(()) => Ok(checked),
            Err(SignatureError::KeyMismatch) => {
                Err(SignatureFault::Algorithm(AlgorithmFault::KeyMismatch))
            }
            Err(SignatureError::UnsupportedAlgorithm) => {
                Err(SignatureFault::Algorithm(AlgorithmFault::Unsupported))
            }
            Err(_) => Err(SignatureFault::Invalid),
        }
    }
}
