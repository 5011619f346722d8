//! AlgorithmIdentifier, and the hash algorithms of a CertID.

use core::fmt;

use crate::der::{Reader, tag};
use crate::error::DecodeError;
use crate::oid::{self, Oid};

/// `AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }` (RFC 5280 4.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlgorithmIdentifier<'a> {
    /// The algorithm.
    pub oid: Oid<'a>,
    /// What follows it.
    pub parameters: Parameters<'a>,
    /// The whole SEQUENCE as received.
    pub raw: &'a [u8],
}

/// The parameters field of an AlgorithmIdentifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parameters<'a> {
    /// Nothing stands there.
    Absent,
    /// NULL stands there.
    Null,
    /// Something else, as a whole triple.
    Other(&'a [u8]),
}

impl<'a> AlgorithmIdentifier<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// The bytes are not DER, or something follows the parameters.
    pub fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let element = reader.required(tag::SEQUENCE, what)?;
        let mut inner = element.contents();
        let oid = inner.oid(what)?;
        let parameters = if inner.is_empty() {
            Parameters::Absent
        } else {
            let parameters = inner.next(what)?;
            match parameters.raw {
                [tag::NULL, 0] => Parameters::Null,
                raw => Parameters::Other(raw),
            }
        };
        inner.finish(what)?;
        Ok(Self {
            oid,
            parameters,
            raw: element.raw,
        })
    }

    /// Reads one that stands alone.
    ///
    /// # Errors
    /// As [`AlgorithmIdentifier::read`].
    pub fn parse(input: &'a [u8], what: &'static str) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(input);
        let algorithm = Self::read(&mut reader, what)?;
        reader.finish(what)?;
        Ok(algorithm)
    }

    /// Whether the parameters are absent or NULL, which mean the same for digests (RFC 5754 2, RFC 4055 2.1).
    #[must_use]
    pub const fn parameters_absent_or_null(&self) -> bool {
        matches!(self.parameters, Parameters::Absent | Parameters::Null)
    }
}

/// The hash algorithms that a CertID is matched under (requirements D-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1, still what most clients send.
    Sha1,
    /// SHA-256, what RFC 9919 3.1.1 asks of clients.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// All of them, in the order of their length.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The algorithm with this OBJECT IDENTIFIER.
    #[must_use]
    pub fn from_oid(oid: Oid<'_>) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid() == oid)
    }

    /// Its OBJECT IDENTIFIER.
    #[must_use]
    pub const fn oid(self) -> Oid<'static> {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
        }
    }

    /// Octets of a digest.
    #[must_use]
    pub const fn output_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}
