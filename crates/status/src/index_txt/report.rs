//! What is odd about a file without making it unusable: said to the operator, and never to a
//! client.

use core::fmt;

use crate::limits::MAX_REPORTS;
use crate::serial_key::SerialKey;

/// One odd row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The line of the row, from 1.
    pub line: u64,
    /// Its serial number; of a negative one, the number without its sign.
    pub serial: SerialKey,
    /// What is odd.
    pub kind: ReportKind,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, serial, kind } = self;
        write!(f, "line {line}: serial number {serial} {kind}")
    }
}

/// What is odd about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportKind {
    /// An earlier row has the same serial number; the stricter of the two counts.
    Duplicate,
    /// The hold instruction is missing or none of RFC 3280 5.3.2: on hold without one.
    HoldInstruction,
    /// The time of the compromise is missing or unreadable: revoked without an invalidity date.
    InvalidityDate,
    /// More than 20 octets: no request may ask for it (RFC 5280 4.1.2.2).
    LongSerial,
    /// Below zero: RFC 5280 4.1.2.2 forbids it, and no request for it finds this row.
    NegativeSerial,
    /// The reason is removeFromCRL, which belongs to delta CRLs: revoked without a reason.
    RemoveFromCrl,
    /// A row `S`: taken as certificateHold.
    Suspended,
    /// A row `S` without a time: on hold since 1970.
    SuspendedWithoutTime,
    /// The reason is none of RFC 5280 5.3.1: revoked without a reason.
    UnknownReason,
}

impl fmt::Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "is in an earlier row too; the stricter row counts",
            Self::HoldInstruction => "has no hold instruction that is known; on hold without one",
            Self::InvalidityDate => "has no readable time of compromise; revoked without one",
            Self::LongSerial => "has more than 20 octets; nobody can ask for it",
            Self::NegativeSerial => "is negative; nobody can ask for it",
            Self::RemoveFromCrl => "has the reason removeFromCRL; revoked without a reason",
            Self::Suspended => "is suspended; answered as certificateHold",
            Self::SuspendedWithoutTime => "is suspended without a time; on hold since 1970",
            Self::UnknownReason => "has an unknown reason; revoked without a reason",
        })
    }
}

/// The oddities of one file: the first hundred of them, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    listed: Vec<Report>,
    total: usize,
}

impl Reports {
    /// At most [`MAX_REPORTS`] of them, in the order of their lines.
    #[must_use]
    pub fn listed(&self) -> &[Report] {
        &self.listed
    }

    /// How many there are, listed or not.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Puts them in the order of their lines.
    pub(super) fn sort(&mut self) {
        self.listed.sort_by_key(|report| report.line);
    }

    pub(super) fn push(&mut self, line: u64, serial: &[u8], kind: ReportKind) {
        self.total += 1;
        if self.listed.len() < MAX_REPORTS {
            let serial = SerialKey::new(serial);
            self.listed.push(Report { line, serial, kind });
        }
    }
}
