//! What the store knows about one certificate, how the log writes it down, and the seal by which a damaged row is known.

use core::fmt;
use core::str::FromStr;

use certvouch_crypto::digest;
use certvouch_responder::{Knowledge, StatusRecord};
use certvouch_types::{CrlReason, HashAlgorithm, Timestamp};

/// The status of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Issued, and neither revoked nor on hold.
    Issued,
    /// Revoked for good.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why. Nothing is unspecified; never [`CrlReason::CertificateHold`] or [`CrlReason::RemoveFromCrl`].
        reason: Option<CrlReason>,
    },
    /// On hold (RFC 5280 5.3.1): it may be released.
    Hold {
        /// Since when.
        since: Timestamp,
    },
}

impl Status {
    /// Its word in the log and in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Revoked { .. } => "revoked",
            Self::Hold { .. } => "hold",
        }
    }
}

/// What is known about one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "adapters and tests make records; a new field has to be thought of by each of them"
)]
pub struct Record {
    /// Its status.
    pub status: Status,
    /// When its key is believed to have been compromised (RFC 5280 5.3.2).
    pub invalidity_at: Option<Timestamp>,
    /// The last second of its validity.
    pub not_after: Option<Timestamp>,
    /// SHA-256 over the certificate (DER).
    pub certificate_sha256: Option<[u8; 32]>,
}

/// A record as it stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// What is known.
    pub record: Record,
    /// The change that said so last.
    pub change_id: u64,
}

impl Record {
    /// A record with this status and nothing else.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self {
            status,
            invalidity_at: None,
            not_after: None,
            certificate_sha256: None,
        }
    }
}

impl From<&Record> for StatusRecord {
    fn from(record: &Record) -> Self {
        let knowledge = match record.status {
            Status::Issued => Knowledge::Issued,
            Status::Revoked { at, reason } => Knowledge::Revoked { at, reason },
            Status::Hold { since } => Knowledge::Revoked {
                at: since,
                reason: Some(CrlReason::CertificateHold),
            },
        };
        let mut said = Self::new(knowledge);
        said.not_after = record.not_after;
        said.invalidity_date = record.invalidity_at;
        said.cert_hash = record.certificate_sha256;
        said
    }
}

/// The columns of a status: its code, its time and the code of its reason.
pub(super) fn status_columns(status: &Status) -> (i64, Option<i64>, Option<i64>) {
    match status {
        Status::Issued => (ISSUED, None, None),
        Status::Revoked { at, reason } => (
            REVOKED,
            Some(at.unix()),
            reason.map(|reason| i64::from(reason.code())),
        ),
        Status::Hold { since } => (HOLD, Some(since.unix()), None),
    }
}

/// The status of these columns; nothing if no version of ours wrote them.
pub(super) fn status_from_columns(
    code: i64,
    at: Option<i64>,
    reason: Option<i64>,
) -> Option<Status> {
    let time = || {
        let at = Timestamp::from_unix(at?);
        Some(at)
    };
    match (code, reason) {
        (ISSUED, None) if at.is_none() => Some(Status::Issued),
        (HOLD, None) => Some(Status::Hold { since: time()? }),
        (REVOKED, None) => Some(Status::Revoked {
            at: time()?,
            reason: None,
        }),
        (REVOKED, Some(code)) => Some(Status::Revoked {
            at: time()?,
            reason: Some(CrlReason::from_code(u8::try_from(code).ok()?)?),
        }),
        _ => None,
    }
}

/// The code of [`Status::Issued`] in the column `status`.
pub(super) const ISSUED: i64 = 0;
/// The code of [`Status::Revoked`].
pub(super) const REVOKED: i64 = 1;
/// The code of [`Status::Hold`].
pub(super) const HOLD: i64 = 2;

/// A row as octets, without ambiguity: what seals and the digests of imports are made of.
pub(super) fn encode(issuer: i64, serial: &[u8], stored: &Stored) -> Vec<u8> {
    let record = &stored.record;
    let (code, at, reason) = status_columns(&record.status);
    let mut octets = Vec::with_capacity(128);
    octets.extend(issuer.to_be_bytes());
    octets.extend(stored.change_id.to_be_bytes());
    octets.extend(code.to_be_bytes());
    for field in [
        at,
        reason,
        record.invalidity_at.map(Timestamp::unix),
        record.not_after.map(Timestamp::unix),
    ] {
        octets.push(u8::from(field.is_some()));
        octets.extend(field.unwrap_or_default().to_be_bytes());
    }
    octets.push(u8::from(record.certificate_sha256.is_some()));
    octets.extend(record.certificate_sha256.unwrap_or_default());
    // Everything before it has one length, so that the end needs none.
    octets.extend_from_slice(serial);
    octets
}

/// Four octets of SHA-256 over a row. SQLite has no checksums in its file: without a seal, an octet that a disk or a
/// hand changed could turn a revoked certificate good.
pub(super) fn seal(issuer: i64, serial: &[u8], stored: &Stored) -> i64 {
    let digest = sha256(&encode(issuer, serial, stored));
    let [a, b, c, d, ..] = digest;
    i64::from(u32::from_be_bytes([a, b, c, d]))
}

/// SHA-256.
pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
    let value = digest(HashAlgorithm::Sha256, octets);
    let mut array = [0; 32];
    // An algorithm that our own provider always knows: the value has 32 octets.
    array.copy_from_slice(&value.as_ref()[..32]);
    array
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The 32 octets of 64 hexadecimal digits.
pub(super) fn hex32(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (octet, at) in octets.iter_mut().zip((0..64).step_by(2)) {
        *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(octets)
}

impl fmt::Display for Record {
    /// As the log keeps it: `revoked 2026-11-23T09:00:00Z keyCompromise not_after=2027-…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.name())?;
        match self.status {
            Status::Issued => {}
            Status::Revoked { at, reason } => {
                write!(f, " {at}")?;
                if let Some(reason) = reason {
                    write!(f, " {reason}")?;
                }
            }
            Status::Hold { since } => write!(f, " {since}")?,
        }
        if let Some(at) = self.invalidity_at {
            write!(f, " invalidity_at={at}")?;
        }
        if let Some(at) = self.not_after {
            write!(f, " not_after={at}")?;
        }
        if let Some(hash) = &self.certificate_sha256 {
            write!(f, " certificate_sha256={}", hex(hash))?;
        }
        Ok(())
    }
}

/// Text that [`Record`]'s `Display` did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRecord;

impl fmt::Display for NoRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no record of the store")
    }
}

impl core::error::Error for NoRecord {}

impl FromStr for Record {
    type Err = NoRecord;

    fn from_str(text: &str) -> Result<Self, NoRecord> {
        let record = parse(text).ok_or(NoRecord)?;
        // One spelling for each record, or two logs could say the same.
        if record.to_string() == text {
            Ok(record)
        } else {
            Err(NoRecord)
        }
    }
}

fn parse(text: &str) -> Option<Record> {
    let mut words = text.split(' ').peekable();
    let time = Timestamp::from_rfc3339;
    let status = match words.next()? {
        "issued" => Status::Issued,
        "hold" => Status::Hold {
            since: time(words.next()?)?,
        },
        "revoked" => {
            let at = time(words.next()?)?;
            let reason = words.next_if(|word| !word.contains('='));
            let reason = match reason {
                Some(name) => Some(CrlReason::from_name(name)?),
                None => None,
            };
            Status::Revoked { at, reason }
        }
        _ => return None,
    };
    let mut record = Record::new(status);
    for word in words {
        match word.split_once('=')? {
            ("invalidity_at", at) => record.invalidity_at = Some(time(at)?),
            ("not_after", at) => record.not_after = Some(time(at)?),
            ("certificate_sha256", hash) => record.certificate_sha256 = Some(hex32(hash)?),
            _ => return None,
        }
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn records() -> Vec<Record> {
        let statuses = [
            Status::Issued,
            Status::Hold { since: at(5) },
            Status::Revoked {
                at: at(6),
                reason: None,
            },
            Status::Revoked {
                at: at(6),
                reason: Some(CrlReason::KeyCompromise),
            },
        ];
        let mut all = Vec::new();
        for status in statuses {
            all.push(Record::new(status));
            all.push(Record {
                invalidity_at: Some(at(1)),
                not_after: Some(at(1_800_000_000)),
                certificate_sha256: Some([0xAB; 32]),
                ..Record::new(status)
            });
        }
        all
    }

    #[test]
    fn record_comes_back_from_its_text_and_its_columns() {
        for record in records() {
            assert_eq!(record.to_string().parse(), Ok(record), "{record}");
            let (code, at, reason) = status_columns(&record.status);
            assert_eq!(status_from_columns(code, at, reason), Some(record.status));
        }
    }

    #[test]
    fn other_text_is_no_record() {
        for text in [
            "",
            "good",
            "revoked",
            "issued 1970-01-01T00:00:00Z",
            "revoked 1970-01-01T00:00:00Z keycompromise",
            "issued not_after=1970-01-01",
            "issued  not_after=1970-01-01T00:00:00Z",
            "issued certificate_sha256=AB",
        ] {
            assert_eq!(text.parse::<Record>(), Err(NoRecord), "{text}");
        }
    }

    #[test]
    fn columns_that_nobody_wrote_are_no_status() {
        for (code, at, reason) in [
            (3, None, None),
            (ISSUED, Some(1), None),
            (ISSUED, None, Some(1)),
            (REVOKED, None, None),
            (REVOKED, Some(1), Some(7)),
            (HOLD, Some(1), Some(6)),
        ] {
            assert_eq!(status_from_columns(code, at, reason), None);
        }
    }

    #[test]
    fn seal_differs_with_every_part_of_a_row() {
        let stored = |record, change_id| Stored { record, change_id };
        let mut seals = std::collections::BTreeSet::new();
        let mut rows = 0;
        for record in records() {
            for (issuer, serial, change) in [(1, 1_u8, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)] {
                seals.insert(seal(issuer, &[serial], &stored(record, change)));
                rows += 1;
            }
        }
        assert_eq!(seals.len(), rows);
    }
}
