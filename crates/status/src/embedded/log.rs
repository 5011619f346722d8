//! The change log: gapless, in commit order, each entry hashed together with the one before it.
//!
//! The hash of an entry is SHA-256 over the hash of the entry before it and over every column of its own, each with its
//! length. The first one stands on the identity of the store, so that no log passes for that of another store.

use core::fmt;

use certvouch_types::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::record::{Record, hex, sha256};
use crate::SerialKey;

/// The end of a log: whoever holds one can tell later whether the log before it is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is written down and read again elsewhere"
)]
pub struct Head {
    /// The last `change_id`; 0 in an empty log.
    pub change_id: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl fmt::Display for Head {
    /// `42:9f86d0…`, which [`Head::from_text`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.change_id, hex(&self.hash))
    }
}

impl Head {
    /// Reads what `Display` writes.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (id, hash) = text.split_once(':')?;
        let change_id = id.parse().ok()?;
        let hash = super::record::hex32(hash)?;
        let head = Self { change_id, hash };
        // One spelling: no sign, no leading zeros.
        (head.to_string() == text).then_some(head)
    }
}

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A certificate's record was made or changed.
    Certificate,
    /// New records out of an import, all in one entry with a digest.
    Import,
    /// An issuer was entered.
    Issuer,
    /// The configuration was taken.
    Configuration,
    /// A signing key or its certificate came or went.
    Key,
    /// A token was made, revoked or has expired.
    Token,
    /// The clock was not believed, or is again.
    Clock,
    /// Somebody was refused.
    Access,
    /// The store itself: made, compacted, migrated, its mark taken away.
    Store,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Certificate,
        Self::Import,
        Self::Issuer,
        Self::Configuration,
        Self::Key,
        Self::Token,
        Self::Clock,
        Self::Access,
        Self::Store,
    ];

    /// Its word in the column `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Import => "import",
            Self::Issuer => "issuer",
            Self::Configuration => "configuration",
            Self::Key => "key",
            Self::Token => "token",
            Self::Clock => "clock",
            Self::Access => "access",
            Self::Store => "store",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What an entry says, without its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// When it was written down.
    pub at: Timestamp,
    /// Who wanted it: the name of a token, or of a part of the program.
    pub who: String,
    /// What it tells of.
    pub kind: Kind,
    /// The issuer.
    pub issuer: Option<String>,
    /// The certificate.
    pub serial: Option<SerialKey>,
    /// What was known before.
    pub old: Option<Record>,
    /// What is known from then on.
    pub new: Option<Record>,
    /// The `change_id` of what was known before.
    pub previous: Option<u64>,
    /// Anything else, as text: counts and the digest of an import, what an event was.
    pub detail: Option<String>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its place: from 1 on, without gaps.
    pub change_id: u64,
    /// What it says.
    pub content: Content,
    /// Its link of the chain.
    pub hash: [u8; 32],
}

impl Content {
    pub(super) fn new(at: Timestamp, who: &str, kind: Kind) -> Self {
        Self {
            at,
            who: who.to_owned(),
            kind,
            issuer: None,
            serial: None,
            old: None,
            new: None,
            previous: None,
            detail: None,
        }
    }

    /// The hash of an entry with this content at this place.
    pub(super) fn hash(&self, before: &Head) -> [u8; 32] {
        let mut octets = Vec::with_capacity(256);
        octets.extend_from_slice(b"certvouch change 1\n");
        octets.extend(before.hash);
        octets.extend((before.change_id + 1).to_be_bytes());
        octets.extend(self.at.unix().to_be_bytes());
        let old = self.old.map(|record| record.to_string());
        let new = self.new.map(|record| record.to_string());
        let previous = self.previous.map(u64::to_be_bytes);
        let text = |text: &'_ Option<String>| text.clone().map(String::into_bytes);
        for field in [
            Some(self.who.clone().into_bytes()),
            Some(self.kind.name().as_bytes().to_vec()),
            text(&self.issuer),
            self.serial.as_ref().map(|serial| serial.octets().to_vec()),
            text(&old),
            text(&new),
            previous.map(|id| id.to_vec()),
            text(&self.detail),
        ] {
            // Absent and empty are two things; a length makes the border of every field plain.
            octets.push(u8::from(field.is_some()));
            let field = field.unwrap_or_default();
            octets.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            octets.extend(field);
        }
        sha256(&octets)
    }
}

/// Where the chain of this store begins.
pub(super) fn root(store_id: &str) -> Head {
    Head {
        change_id: 0,
        hash: sha256(format!("certvouch store {store_id}").as_bytes()),
    }
}

/// The end of the log.
pub(super) fn head(connection: &Connection, store_id: &str) -> Result<Head, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, hash FROM change ORDER BY id DESC LIMIT 1")?;
    let found = statement
        .query_row([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?))
        })
        .optional()?;
    match found {
        None => Ok(root(store_id)),
        Some((id, hash)) => Ok(Head {
            change_id: to_id(id)?,
            hash,
        }),
    }
}

/// Adds an entry after this end and gives the new one.
pub(super) fn append(
    connection: &Connection,
    before: &Head,
    content: &Content,
) -> Result<Head, StoreError> {
    let hash = content.hash(before);
    let change_id = before.change_id + 1;
    let mut statement = connection.prepare_cached(
        "INSERT INTO change (id, at, who, kind, issuer, serial, old, new, previous, detail, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    statement.execute(params![
        from_id(change_id)?,
        content.at.unix(),
        content.who,
        content.kind.name(),
        content.issuer,
        content.serial.as_ref().map(SerialKey::octets),
        content.old.map(|record| record.to_string()),
        content.new.map(|record| record.to_string()),
        content.previous.map(from_id).transpose()?,
        content.detail,
        hash,
    ])?;
    Ok(Head { change_id, hash })
}

/// The columns that [`read`] wants, in its order.
pub(super) const COLUMNS: &str =
    "id, at, who, kind, issuer, serial, old, new, previous, detail, hash";

/// The entry in a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<LogEntry, StoreError> {
    let change_id = to_id(row.get(0)?)?;
    let odd = |what: &str| StoreError::Damaged(format!("change {change_id}: {what}"));
    let kind: String = row.get(3)?;
    let record = |column: usize| -> Result<Option<Record>, StoreError> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| text.parse())
            .transpose()
            .map_err(|_| odd("a record that cannot be read"))
    };
    Ok(LogEntry {
        change_id,
        content: Content {
            at: Timestamp::from_unix(row.get(1)?),
            who: row.get(2)?,
            kind: Kind::from_name(&kind).ok_or_else(|| odd("of no known kind"))?,
            issuer: row.get(4)?,
            serial: row
                .get::<_, Option<Vec<u8>>>(5)?
                .map(|octets| SerialKey::new(&octets)),
            old: record(6)?,
            new: record(7)?,
            previous: row.get::<_, Option<i64>>(8)?.map(to_id).transpose()?,
            detail: row.get(9)?,
        },
        hash: row.get(10)?,
    })
}

pub(super) fn to_id(id: i64) -> Result<u64, StoreError> {
    u64::try_from(id).map_err(|_| StoreError::Damaged(format!("a change with the number {id}")))
}

pub(super) fn from_id(id: u64) -> Result<i64, StoreError> {
    i64::try_from(id).map_err(|_| StoreError::Full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_comes_back_from_its_text() {
        let head = root("x");
        assert_eq!(Head::from_text(&head.to_string()), Some(head));
        for text in ["", "0", "0:", "+1:00", "0:zz", " 0:00"] {
            assert_eq!(Head::from_text(text), None, "{text}");
        }
        let padded = format!("0{head}");
        assert_eq!(Head::from_text(&padded), None);
    }

    #[test]
    fn hash_differs_with_every_field_and_every_border() {
        let base = Content::new(Timestamp::from_unix(1), "ab", Kind::Token);
        let record = Record::new(super::super::record::Status::Issued);
        let with = |change: &dyn Fn(&mut Content)| {
            let mut content = base.clone();
            change(&mut content);
            content
        };
        let all = [
            base.clone(),
            with(&|c| c.at = Timestamp::from_unix(2)),
            with(&|c| c.who = "a".to_owned()),
            with(&|c| c.kind = Kind::Clock),
            with(&|c| c.issuer = Some(String::new())),
            with(&|c| c.issuer = Some("b".to_owned())),
            with(&|c| c.serial = Some(SerialKey::new(b"b"))),
            with(&|c| c.old = Some(record)),
            with(&|c| c.new = Some(record)),
            with(&|c| c.previous = Some(1)),
            with(&|c| c.detail = Some("b".to_owned())),
        ];
        let mut hashes = std::collections::BTreeSet::new();
        for content in &all {
            hashes.insert(content.hash(&root("x")));
        }
        hashes.insert(base.hash(&root("y")));
        hashes.insert(base.hash(&Head {
            change_id: 1,
            ..root("x")
        }));
        assert_eq!(hashes.len(), all.len() + 2);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
    }
}
