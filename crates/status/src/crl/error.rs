//! Why a CRL does not come into force. The old one stands in every case.

use core::fmt;
use std::io;

use certvouch_crypto::SignatureError;
use certvouch_fetch::FetchError;
use certvouch_types::crl::delta::DeltaMismatch;
use certvouch_types::crl::scope::Unusable;
use certvouch_types::{DecodeError, Timestamp};

use crate::index_txt::OpenError;

/// Why a CRL does not come into force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlError {
    /// It speaks of attribute certificates only.
    AttributeCertificates,
    /// It is not DER, or not a CRL.
    Decode(DecodeError),
    /// It is a delta and fits no complete CRL that is in force.
    Delta(DeltaMismatch),
    /// The complete CRL is newer than the one in force, but the delta in force would not apply to it, so that
    /// revocations would get lost.
    DeltaWouldBeLost(DeltaMismatch),
    /// It cannot be fetched.
    Fetch(FetchError),
    /// It cannot be read from its file.
    File(OpenError),
    /// Its issuer is neither ours nor one of the CRL issuers that the operator named.
    Issuer(String),
    /// A folder that holds no CRL.
    NoCrl,
    /// It is older than one that was accepted before.
    Older {
        /// What is older: `cRLNumber` or `thisUpdate`.
        what: &'static str,
        /// What the new one says.
        found: String,
        /// What was accepted before.
        known: String,
        /// The file that holds the mark, if there is a state folder.
        mark: Option<String>,
    },
    /// Its nextUpdate has passed, and no newer one has come.
    Outdated {
        /// Its nextUpdate.
        next_update: Timestamp,
    },
    /// The PEM text is broken, or holds something else or more than one CRL.
    Pem(&'static str),
    /// Its signature does not count.
    Signature(SignatureError),
    /// It is signed with SHA-1, which was not allowed.
    Sha1,
    /// The certificate of its issuer must not sign CRLs: keyUsage lacks cRLSign, or it is not valid now.
    Signer(&'static str),
    /// The state folder cannot be written or read; what was accepted is in force all the same.
    State {
        /// The file.
        path: String,
        /// The sort of the fault.
        kind: io::ErrorKind,
    },
    /// More than 4 GiB.
    TooLarge,
    /// Its thisUpdate lies in the future.
    TooNew {
        /// Its thisUpdate.
        this_update: Timestamp,
    },
    /// It must not be used, by RFC 5280.
    Unusable(String),
    /// A complete CRL where a delta was declared, or the other way round.
    WrongKind,
}

impl CrlError {
    pub(super) fn unusable(why: Unusable<'_>) -> Self {
        Self::Unusable(why.to_string())
    }
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttributeCertificates => {
                f.write_str("the CRL is about attribute certificates only")
            }
            Self::Decode(error) => write!(f, "not a CRL: {error}"),
            Self::Delta(why) => write!(f, "the delta fits no complete CRL in force: {why}"),
            Self::DeltaWouldBeLost(why) => {
                write!(
                    f,
                    "the delta in force does not fit the new complete CRL: {why}"
                )
            }
            Self::Fetch(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Issuer(name) => {
                write!(
                    f,
                    "its issuer {name} is neither the CA nor a named CRL issuer"
                )
            }
            Self::NoCrl => f.write_str("the folder holds no CRL (*.crl)"),
            Self::Older {
                what,
                found,
                known,
                mark,
            } => {
                write!(
                    f,
                    "{what} {found} is older than {known}, which was seen before"
                )?;
                match mark {
                    Some(mark) => write!(f, "; to accept it all the same, remove {mark}"),
                    None => Ok(()),
                }
            }
            Self::Outdated { next_update } => {
                write!(
                    f,
                    "its nextUpdate {next_update} has passed and no newer CRL has come"
                )
            }
            Self::Pem(why) => write!(f, "bad PEM: {why}"),
            Self::Sha1 => f.write_str("it is signed with SHA-1, which is not allowed"),
            Self::Signature(error) => error.fmt(f),
            Self::Signer(why) => write!(f, "the certificate of its issuer {why}"),
            Self::State { path, kind } => write!(
                f,
                "{path}: the state cannot be kept ({kind}), so that a restart may accept an older CRL"
            ),
            Self::TooLarge => f.write_str("a CRL of more than 4 GiB"),
            Self::TooNew { this_update } => {
                write!(f, "its thisUpdate {this_update} lies in the future")
            }
            Self::Unusable(why) => write!(f, "the CRL must not be used: {why}"),
            Self::WrongKind => {
                f.write_str("a complete CRL where a delta was declared, or the other way round")
            }
        }
    }
}

impl core::error::Error for CrlError {}

impl From<OpenError> for CrlError {
    fn from(error: OpenError) -> Self {
        Self::File(error)
    }
}

impl From<FetchError> for CrlError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}
