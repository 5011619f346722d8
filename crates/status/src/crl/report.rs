//! What a CRL source is made from and what it tells: plain data.

use std::path::PathBuf;

use certvouch_responder::SourceError;
use certvouch_types::Timestamp;

use super::error::CrlError;
use super::location::{Declared, Location};
use super::signer::CrlSigners;
use super::snapshot::SubjectClass;
use crate::serial_key::SerialKey;

/// What a CRL source is made from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrlSettings {
    /// Who may sign.
    pub signers: CrlSigners,
    /// Complete CRLs, or folders of CRLs. Together they are the declared set.
    pub crls: Vec<Location>,
    /// Delta CRLs.
    pub deltas: Vec<Location>,
    /// Where marks and copies are kept; nowhere means that a restart forgets.
    pub state: Option<PathBuf>,
    /// What the issuer issues; none means by its pathLenConstraint: 0 is end-entity certificates only.
    pub class: Option<SubjectClass>,
}

impl CrlSettings {
    /// The settings for these CRLs, and nothing else.
    #[must_use]
    pub const fn new(signers: CrlSigners, crls: Vec<Location>) -> Self {
        Self {
            signers,
            crls,
            deltas: Vec::new(),
            state: None,
            class: None,
        }
    }
}

/// Which answers changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changes {
    /// So many that a list would cost more than it saves.
    All,
    /// These.
    Serials(Vec<SerialKey>),
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Serials(serials) if serials.is_empty())
    }
}

/// A CRL came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refreshed {
    /// Where it came from.
    pub place: String,
    /// Its CRLNumber.
    pub number: Option<String>,
    /// Whether it is a delta.
    pub is_delta: bool,
    /// Its thisUpdate.
    pub this_update: Timestamp,
    /// Its nextUpdate.
    pub next_update: Timestamp,
    /// Entries of our issuer.
    pub entries: usize,
    /// How many of them are on hold.
    pub holds: usize,
    /// Entries that are new or say something else.
    pub added: usize,
    /// Permanent revocations that are no longer listed: the CA's word, since the CRL is newer and its signature is
    /// good. CAs do so with expired certificates; anything else is worth a question.
    pub dropped: usize,
    /// The first few of them.
    pub first_dropped: Vec<SerialKey>,
    /// Holds that are no longer listed.
    pub released: usize,
    /// What caches have to forget.
    pub changes: Changes,
    /// Deltas that it announces (freshestCRL) at places that are neither named by the operator nor of its own origin:
    /// they are not fetched.
    pub announced: Vec<String>,
    /// It is in force, but the state folder could not be written.
    pub state_error: Option<CrlError>,
}

/// One place and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaceHealth {
    /// The place.
    pub place: String,
    /// What it was declared to hold.
    pub declared: Declared,
    /// CRLNumber, thisUpdate, nextUpdate and entries of what is in force.
    pub held: Option<(Option<String>, Timestamp, Timestamp, usize)>,
    /// Why the last attempt failed, or that nextUpdate has passed.
    pub error: Option<CrlError>,
}

/// How a source feels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlHealth {
    /// Every place.
    pub places: Vec<PlaceHealth>,
    /// Why "not revoked" cannot be said now, if it cannot.
    pub undecided: Option<SourceError>,
    /// Serial numbers of the good-list, if there is one.
    pub issued: Option<usize>,
    /// Octets of memory that the CRLs and their indexes take.
    pub octets: usize,
}

impl Refreshed {
    /// One line for the log.
    #[must_use]
    pub fn summary(&self) -> String {
        let kind = if self.is_delta { "delta CRL" } else { "CRL" };
        let number = self.number.as_deref().unwrap_or("none");
        format!(
            "{kind} {}: number {number}, {} to {}, {} entries ({} on hold), {} new or changed, {} dropped, {} released",
            self.place,
            self.this_update,
            self.next_update,
            self.entries,
            self.holds,
            self.added,
            self.dropped,
            self.released,
        )
    }
}
