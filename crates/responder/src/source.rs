//! Who knows: the trait that adapters to indexes, CRLs and databases implement.

use core::fmt;

use certvouch_types::{CrlReason, Oid, SerialNumber, Timestamp, oid};

use crate::BoxFuture;
use crate::limits::MAX_CRL_NUMBER;

/// Knows the status of the certificates of one issuer.
///
/// A source is bound to its issuer when it is made: the key of a status is (issuer, serial number), never the
/// serial number alone. It says what it *knows*; what that means on the wire is decided by the issuer's policy.
pub trait StatusSource: fmt::Debug + Send + Sync {
    /// The records of these serial numbers, in their order, all from one state of the source (threats T-10).
    ///
    /// # Errors
    /// The source cannot say anything for the moment. An error is never the same as "not found".
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>>;
}

/// What a source knows about one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Knowledge {
    /// Issued and not revoked; also a precertificate.
    Issued,
    /// The source holds all that was issued, and this serial number is not among it.
    NeverIssued,
    /// Not revoked, which is all that a CRL can say: nobody knows whether it was issued.
    NotRevoked,
    /// Revoked for good, or on hold ([`CrlReason::CertificateHold`]).
    Revoked {
        /// When.
        at: Timestamp,
        /// Why, if that is known.
        reason: Option<CrlReason>,
    },
}

/// [`Knowledge`], and what comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusRecord {
    /// The status.
    pub knowledge: Knowledge,
    /// The last second of the certificate's validity, if the source knows it.
    pub not_after: Option<Timestamp>,
    /// When the key is believed to have been compromised (RFC 5280 5.3.2).
    pub invalidity_date: Option<Timestamp>,
    /// What to do about a certificate on hold (RFC 3280 5.3.2).
    pub hold_instruction: Option<HoldInstruction>,
    /// When this was last known to be right, if that is not now: the thisUpdate of a CRL.
    pub this_update: Option<Timestamp>,
    /// Until when it may be said, if the source sets an end: the nextUpdate of a CRL.
    pub next_update: Option<Timestamp>,
    /// SHA-256 over the certificate, if the source has it: proof that it is known (CertHash).
    pub cert_hash: Option<[u8; 32]>,
    /// The CRL that lists the certificate, if one does.
    pub crl: Option<CrlReference>,
}

/// Which CRL a revocation was found on (RFC 6960 4.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlReference {
    number: [u8; MAX_CRL_NUMBER],
    length: usize,
    /// Its thisUpdate.
    pub time: Timestamp,
}

impl CrlReference {
    /// A reference to the CRL that was issued at this time, with its number (minimal unsigned big-endian octets). A
    /// number of more than 20 octets, which RFC 5280 5.2.3 forbids, is left out.
    #[must_use]
    pub fn new(number: Option<&[u8]>, time: Timestamp) -> Self {
        let mut reference = Self {
            number: [0; MAX_CRL_NUMBER],
            length: 0,
            time,
        };
        if let Some(octets) = number.filter(|octets| octets.len() <= MAX_CRL_NUMBER) {
            // Zero has no octets of its own; one of them makes it a number all the same.
            reference.length = octets.len().max(1);
            reference.number[reference.length - octets.len()..reference.length]
                .copy_from_slice(octets);
        }
        reference
    }

    /// The number as unsigned big-endian octets, if there is one.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        (self.length > 0).then(|| &self.number[..self.length])
    }
}

impl StatusRecord {
    /// A record that says this and nothing else, and is right at the moment of the question.
    #[must_use]
    pub const fn new(knowledge: Knowledge) -> Self {
        Self {
            knowledge,
            not_after: None,
            invalidity_date: None,
            hold_instruction: None,
            this_update: None,
            next_update: None,
            cert_hash: None,
            crl: None,
        }
    }
}

/// The hold instructions of RFC 3280 5.3.2 (RFC 5280 dropped them; OpenSSL's index still has them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 3280 closes the list, and nobody will open it again"
)]
pub enum HoldInstruction {
    /// id-holdinstruction-none.
    None,
    /// id-holdinstruction-callissuer.
    CallIssuer,
    /// id-holdinstruction-reject.
    Reject,
}

impl HoldInstruction {
    /// Its OBJECT IDENTIFIER.
    #[must_use]
    pub const fn oid(self) -> Oid<'static> {
        match self {
            Self::None => oid::HOLD_INSTRUCTION_NONE,
            Self::CallIssuer => oid::HOLD_INSTRUCTION_CALL_ISSUER,
            Self::Reject => oid::HOLD_INSTRUCTION_REJECT,
        }
    }
}

/// Why a source cannot answer. The client is told `tryLater`; the text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// What the source holds is too old to be repeated (a CRL past its nextUpdate).
    Outdated(String),
    /// The source cannot be asked (a database that is down, an index that was never read).
    Unavailable(String),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outdated(why) => write!(f, "the status data is too old: {why}"),
            Self::Unavailable(why) => write!(f, "the status source cannot be asked: {why}"),
        }
    }
}

impl core::error::Error for SourceError {}
