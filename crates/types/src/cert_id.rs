//! CertID: which certificate a question or an answer is about.

use core::fmt;

use crate::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use crate::der::{Reader, tag};
use crate::error::DecodeError;
use crate::serial::SerialNumber;

/// ```asn1
/// CertID ::= SEQUENCE {
///     hashAlgorithm   AlgorithmIdentifier,
///     issuerNameHash  OCTET STRING, -- hash of the issuer's DER Name
///     issuerKeyHash   OCTET STRING, -- hash of the issuer's subjectPublicKey bits
///     serialNumber    CertificateSerialNumber }
/// ```
/// RFC 6960 4.1.1. Parsing checks the syntax alone; [`CertId::check`] applies the rules of a responder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertId<'a> {
    /// The algorithm of both hashes.
    pub hash_algorithm: AlgorithmIdentifier<'a>,
    /// The hash over the whole DER `Name` of the issuer.
    pub issuer_name_hash: &'a [u8],
    /// The hash over the content of the issuer's subjectPublicKey BIT STRING, without the unused-bits octet.
    pub issuer_key_hash: &'a [u8],
    /// The serial number asked about.
    pub serial_number: SerialNumber<'a>,
    /// The whole SEQUENCE as received, to be echoed byte for byte (requirements R6960-4.2.2.3-5).
    pub raw: &'a [u8],
    /// The offset of the SEQUENCE in the outermost input.
    pub at: usize,
}

/// Why a well-formed CertID cannot be a question about a certificate (requirements E-19, threats T-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertIdFault {
    /// The hash algorithm has parameters other than NULL, with which a stranger could mint cache keys.
    HashParameters,
    /// A hash has another length than its algorithm gives. An empty issuerKeyHash is what certutil sends when
    /// the issuer is not in its machine store.
    HashLength {
        /// The length that the algorithm gives; for an unknown algorithm, that of the name hash.
        expected: usize,
        /// The length of issuerNameHash.
        name: usize,
        /// The length of issuerKeyHash.
        key: usize,
    },
    /// The serial number has more than 20 octets.
    SerialTooLong,
}

impl fmt::Display for CertIdFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HashParameters => {
                f.write_str("hashAlgorithm parameters are neither absent nor NULL")
            }
            Self::HashLength {
                expected,
                name,
                key: 0,
            } => write!(
                f,
                "issuerKeyHash is empty (issuerNameHash has {name} of {expected} octets): certutil sends this \
                 when the issuer is not in its certificate store"
            ),
            Self::HashLength {
                expected,
                name,
                key,
            } => write!(
                f,
                "issuerNameHash has {name} and issuerKeyHash {key} octets, the algorithm gives {expected}"
            ),
            Self::SerialTooLong => f.write_str("serialNumber has more than 20 octets"),
        }
    }
}

impl<'a> CertId<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// The bytes are not DER, or members are missing or left over.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let element = reader.required(tag::SEQUENCE, "CertID")?;
        let mut inner = element.contents();
        let hash_algorithm = AlgorithmIdentifier::read(&mut inner, "CertID.hashAlgorithm")?;
        let issuer_name_hash = inner.octet_string("CertID.issuerNameHash")?;
        let issuer_key_hash = inner.octet_string("CertID.issuerKeyHash")?;
        let serial_number = SerialNumber::from_content(inner.integer("CertID.serialNumber")?);
        inner.finish("CertID")?;
        Ok(Self {
            hash_algorithm,
            issuer_name_hash,
            issuer_key_hash,
            serial_number,
            raw: element.raw,
            at: element.at,
        })
    }

    /// The hash algorithm, if it is one that issuers are indexed under.
    #[must_use]
    pub fn hash(&self) -> Option<HashAlgorithm> {
        HashAlgorithm::from_oid(self.hash_algorithm.oid)
    }

    /// Applies the rules that make a CertID answerable at all: parameters absent or NULL, hashes of the right
    /// length (of one length, if the algorithm is unknown), a serial number of at most 20 octets.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn check(&self) -> Result<(), CertIdFault> {
        if !self.hash_algorithm.parameters_absent_or_null() {
            return Err(CertIdFault::HashParameters);
        }
        let (name, key) = (self.issuer_name_hash.len(), self.issuer_key_hash.len());
        let expected = self.hash().map_or(name, HashAlgorithm::output_length);
        if name != expected || key != expected {
            return Err(CertIdFault::HashLength {
                expected,
                name,
                key,
            });
        }
        if self.serial_number.fits() {
            Ok(())
        } else {
            Err(CertIdFault::SerialTooLong)
        }
    }

    /// Whether both name the same certificate: algorithm, both hashes and serial number are equal, NULL and
    /// absent hash parameters count as one (RFC 6960 3.2, RFC 5754 2).
    #[must_use]
    pub fn matches(&self, other: &CertId<'_>) -> bool {
        let parameters = self.hash_algorithm.parameters == other.hash_algorithm.parameters
            || self.hash_algorithm.parameters_absent_or_null()
                && other.hash_algorithm.parameters_absent_or_null();
        parameters
            && self.hash_algorithm.oid == other.hash_algorithm.oid
            && self.issuer_name_hash == other.issuer_name_hash
            && self.issuer_key_hash == other.issuer_key_hash
            && self.serial_number.content() == other.serial_number.content()
    }
}
