//! The entries of one CRL as a table: the octets of the CRL, and an index into them.
//!
//! Entries are put into buckets by a hash of their serial numbers (a counting sort, two passes over eight octets per
//! entry); a bucket holds one entry on average. Nothing of an entry is copied.

use core::hash::BuildHasher as _;

use bytes::Bytes;
use certvouch_responder::HoldInstruction;
use certvouch_types::crl::RevokedCertificate;
use certvouch_types::crl::scope::check_entry;
use certvouch_types::der::Reader;
use certvouch_types::pkix::Name;
use certvouch_types::{Crl, CrlReason, SerialNumber, Timestamp, oid};
use foldhash::fast::RandomState;

use super::error::CrlError;
use crate::serial_key::minimal;

/// What one entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) reason: Option<CrlReason>,
    pub(super) invalidity_date: Option<Timestamp>,
    pub(super) hold_instruction: Option<HoldInstruction>,
}

impl Entry {
    fn of(entry: &RevokedCertificate<'_>) -> Self {
        Self {
            at: entry.revocation_date,
            reason: entry.reason,
            invalidity_date: entry.invalidity_date,
            hold_instruction: entry
                .hold_instruction
                .and_then(|instruction| match instruction {
                    o if o == oid::HOLD_INSTRUCTION_NONE => Some(HoldInstruction::None),
                    o if o == oid::HOLD_INSTRUCTION_CALL_ISSUER => {
                        Some(HoldInstruction::CallIssuer)
                    }
                    o if o == oid::HOLD_INSTRUCTION_REJECT => Some(HoldInstruction::Reject),
                    _ => None,
                }),
        }
    }

    /// Whether this takes a certificate off the base CRL (RFC 5280 5.3.1).
    pub(super) fn removes(&self) -> bool {
        self.reason == Some(CrlReason::RemoveFromCrl)
    }

    pub(super) fn is_hold(&self) -> bool {
        self.reason == Some(CrlReason::CertificateHold)
    }

    /// How strict it is: removed, on hold, revoked; of two alike the earlier one.
    pub(super) fn strictness(&self) -> (u8, i64) {
        let kind = match self.reason {
            Some(CrlReason::RemoveFromCrl) => 0,
            Some(CrlReason::CertificateHold) => 1,
            _ => 2,
        };
        (kind, -self.at.unix())
    }
}

/// An entry and where it begins in the CRL.
pub(super) type Found = (Entry, usize);

/// The entries of our issuer in one CRL.
pub(super) struct Table {
    der: Bytes,
    /// Where in `places` each bucket begins; one more than there are buckets.
    starts: Vec<u32>,
    /// Offsets of the entries, bucket by bucket.
    places: Vec<u32>,
    /// By how much a hash is shifted to give its bucket.
    shift: u32,
    hasher: RandomState,
    pub(super) holds: usize,
}

impl Table {
    /// Walks over every entry of a CRL, refuses what must not be used, and indexes those that belong to `issuer`.
    pub(super) fn build(der: Bytes, issuer: Name<'_>) -> Result<Self, CrlError> {
        if u32::try_from(der.len()).is_err() {
            return Err(CrlError::TooLarge);
        }
        let crl = Crl::parse(&der).map_err(CrlError::Decode)?;
        let hasher = RandomState::default();
        let mut indexed: Vec<(u32, u32)> = Vec::with_capacity(expected(&crl));
        let mut holds = 0;
        let mut owner = Owner::new(issuer);
        for entry in crl.entries() {
            let entry = entry.map_err(CrlError::Decode)?;
            check_entry(&crl, &entry).map_err(CrlError::unusable)?;
            if !owner.is_ours(entry.certificate_issuer) {
                continue;
            }
            // Nobody can ask for a negative number.
            let Some(serial) = entry.serial_number.unsigned() else {
                continue;
            };
            holds += usize::from(entry.reason == Some(CrlReason::CertificateHold));
            indexed.push((short_hash(&hasher, serial), offset(entry.at)));
        }
        let (starts, places, shift) = sort(&indexed);
        Ok(Self {
            der,
            starts,
            places,
            shift,
            hasher,
            holds,
        })
    }

    /// The octets of the CRL.
    pub(super) fn der(&self) -> &Bytes {
        &self.der
    }

    /// The head and the tail of the CRL.
    ///
    /// # Panics
    /// Never: [`Table::build`] read the same octets.
    pub(super) fn crl(&self) -> Option<Crl<'_>> {
        Crl::parse(&self.der).ok()
    }

    /// How many entries belong to our issuer.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Octets of memory beside the CRL itself.
    pub(super) fn index_octets(&self) -> usize {
        4 * (self.starts.capacity() + self.places.capacity())
    }

    /// The entry of the serial number with these unsigned big-endian octets; of several the strictest.
    pub(super) fn get(&self, unsigned: &[u8]) -> Option<Found> {
        let mut places = self.find(unsigned).peekable();
        places.peek()?;
        let crl = self.crl()?;
        places
            .filter_map(|place| {
                let entry = crl.entry_at(place).ok()?;
                Some((Entry::of(&entry), entry.at))
            })
            .max_by_key(|(entry, _)| entry.strictness())
    }

    /// Whether there is an entry of this serial number.
    pub(super) fn contains(&self, unsigned: &[u8]) -> bool {
        self.find(unsigned).next().is_some()
    }

    fn find<'a>(&'a self, unsigned: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let serial = minimal(unsigned);
        let bucket = bucket(short_hash(&self.hasher, serial), self.shift);
        let start = |at: usize| self.starts.get(at).map_or(0, |start| index(*start));
        let places = self
            .places
            .get(start(bucket)..start(bucket + 1))
            .unwrap_or_default();
        let places = places.iter().map(|place| index(*place));
        places.filter(move |place| self.serial_at(*place) == Some(serial))
    }

    fn serial_at(&self, at: usize) -> Option<&[u8]> {
        let mut entry = Reader::new(self.der.get(at..)?)
            .sequence("revokedCertificates")
            .ok()?;
        let content = entry.integer("userCertificate").ok()?;
        SerialNumber::from_content(content).unsigned()
    }

    /// Our entries in the order of the CRL.
    pub(super) fn walk<'a>(&'a self, issuer: Name<'a>) -> impl Iterator<Item = (&'a [u8], Entry)> {
        let entries = self.crl().map(|crl| crl.entries());
        let mut owner = Owner::new(issuer);
        entries.into_iter().flatten().filter_map(move |entry| {
            let entry = entry.ok()?;
            let serial = entry.serial_number.unsigned()?;
            owner
                .is_ours(entry.certificate_issuer)
                .then(|| (serial, Entry::of(&entry)))
        })
    }
}

impl core::fmt::Debug for Table {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Table")
            .field("octets", &self.der.len())
            .field("entries", &self.places.len())
            .finish_non_exhaustive()
    }
}

/// Compares names once per change of the issuer, since millions of entries share one.
struct Owner<'a> {
    wanted: Name<'a>,
    last: Option<(*const u8, bool)>,
}

impl<'a> Owner<'a> {
    fn new(wanted: Name<'a>) -> Self {
        Self { wanted, last: None }
    }

    fn is_ours(&mut self, name: Name<'_>) -> bool {
        // Both lie in the same CRL, so that the same place is the same name.
        let place = name.as_bytes().as_ptr();
        match self.last {
            Some((known, ours)) if known == place => ours,
            _ => {
                let ours = name.matches(&self.wanted);
                self.last = Some((place, ours));
                ours
            }
        }
    }
}

/// How many entries to make room for: as if all were as long as the first, and a little more.
fn expected(crl: &Crl<'_>) -> usize {
    let mut rest = Reader::new(crl.entries_octets());
    let first = rest
        .next("revokedCertificates")
        .map_or(0, |element| element.raw.len());
    let count = crl.entries_length().checked_div(first).unwrap_or(0);
    count + count / 16
}

/// A counting sort by bucket: the beginnings of the buckets, the places in them, and the shift that gives a bucket.
fn sort(indexed: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>, u32) {
    let bits = indexed.len().max(2).ilog2();
    let shift = u32::BITS - bits;
    let mut starts = vec![0_u32; (1 << bits) + 1];
    for (hash, _) in indexed {
        starts[bucket(*hash, shift) + 1] += 1;
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut places = vec![0_u32; indexed.len()];
    // Filled from the back of each bucket, so that afterwards each beginning stands where it should.
    let mut ends = starts.clone();
    for (hash, place) in indexed.iter().rev() {
        let end = &mut ends[bucket(*hash, shift) + 1];
        *end -= 1;
        places[index(*end)] = *place;
    }
    (starts, places, shift)
}

fn bucket(hash: u32, shift: u32) -> usize {
    index(hash >> shift)
}

fn short_hash(hasher: &RandomState, serial: &[u8]) -> u32 {
    let [high, _] = halves(hasher.hash_one(serial));
    high
}

fn halves(hash: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    [
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    ]
}

fn offset(at: usize) -> u32 {
    // The whole CRL is shorter than 4 GiB, which was checked first.
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn index(place: u32) -> usize {
    // usize has at least 32 bits wherever this compiles to anything useful.
    usize::try_from(place).unwrap_or(usize::MAX)
}
