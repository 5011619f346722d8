//! Which CRL, which entry of it and which line make an answer: for people.

use core::fmt;

use certvouch_responder::{Knowledge, SourceError, StatusRecord};
use certvouch_types::{CrlReason, Timestamp};

use crate::serial_key::SerialKey;

/// An entry that lists a serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The place the CRL came from.
    pub place: String,
    /// Its CRLNumber.
    pub number: Option<String>,
    /// Whether it is a delta.
    pub is_delta: bool,
    /// The octet of the CRL (DER) at which the entry begins.
    pub offset: usize,
    /// revocationDate.
    pub at: Timestamp,
    /// reasonCode.
    pub reason: Option<CrlReason>,
    /// nextUpdate of the CRL.
    pub next_update: Timestamp,
}

/// Why a serial number is answered as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The serial number; none for a negative one.
    pub serial: Option<SerialKey>,
    /// What the source says.
    pub outcome: Result<StatusRecord, SourceError>,
    /// The entries that list it, in every CRL in force.
    pub listings: Vec<Listing>,
    /// Whether the good-list has it; nothing without a good-list.
    pub in_good_list: Option<bool>,
    /// The CRLs in force, one line each.
    pub crls: Vec<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.serial {
            Some(serial) => writeln!(f, "serial number {serial}")?,
            None => f.write_str("a negative serial number\n")?,
        }
        for listing in &self.listings {
            let kind = if listing.is_delta { "delta CRL" } else { "CRL" };
            write!(f, "listed in the {kind} {}", listing.place)?;
            if let Some(number) = &listing.number {
                write!(f, ", number {number}")?;
            }
            write!(f, ", at octet {}: {}", listing.offset, listing.at)?;
            match listing.reason {
                Some(reason) => writeln!(f, ", {reason}")?,
                None => f.write_str(", no reason\n")?,
            }
        }
        if self.listings.is_empty() {
            f.write_str("listed in no CRL\n")?;
        }
        match self.in_good_list {
            Some(true) => f.write_str("in the good-list: issued\n")?,
            Some(false) => f.write_str("not in the good-list: never issued\n")?,
            None => f.write_str("no good-list: nobody knows whether it was issued\n")?,
        }
        for crl in &self.crls {
            writeln!(f, "{crl}")?;
        }
        match &self.outcome {
            Ok(record) => match record.knowledge {
                Knowledge::Revoked { .. } => f.write_str("so: revoked"),
                Knowledge::Issued => f.write_str("so: issued and not revoked"),
                Knowledge::NeverIssued => f.write_str("so: never issued"),
                Knowledge::NotRevoked => f.write_str("so: not revoked, which not_revoked decides"),
                // The responder may learn to know more.
                _ => f.write_str("so: something else"),
            },
            Err(error) => write!(f, "so: no answer (tryLater): {error}"),
        }
    }
}
