//! Whether the log, and the certificates that it tells of, are still what was written (threats T-8), and whether the file
//! is whole.
//!
//! The chain finds a changed octet, a lost entry and a changed row by itself. What it cannot find alone is a log that was
//! cut or made anew from some entry on by somebody who knows how it is made: that takes a [`Head`] from outside, out of a
//! checkpoint, the metrics or the log of the process. A head finds everything that was changed before it, and nothing
//! after it.

use core::fmt;
use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::Connection;

use super::error::StoreError;
use super::import;
use super::log::{self, Head, Kind, LogEntry};
use super::mark;
use super::record::{Record, Stored};
use super::store::Store;
use super::table;
use crate::SerialKey;
use crate::limits::SHOWN_FINDINGS;

/// What is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// SQLite says that the file is damaged.
    File(String),
    /// Entries between these two are missing.
    Gap {
        /// The last one before the gap; 0 is the beginning.
        after: u64,
        /// The next one that is there.
        found: u64,
    },
    /// The entry, or one before it, is not as it was written.
    Entry(u64),
    /// The entry cannot be read.
    Unreadable(String),
    /// The log ends before this head: its tail was cut, or a backup was restored.
    Cut {
        /// The head that was given.
        head: Box<Head>,
        /// Where the log ends.
        end: u64,
    },
    /// The log has another entry at this head: it was made anew, or a backup was restored and written to.
    Rewritten(Box<Head>),
    /// The record of a certificate is not the one that the log has last.
    Row {
        /// The issuer's name.
        issuer: String,
        /// The certificate.
        serial: SerialKey,
    },
    /// The mark beside the store is not its own.
    Mark(String),
    /// An issuer is not the one that was entered.
    Issuer(String),
    /// A row cannot be read.
    DamagedRow(String),
    /// Records are missing, or too many: so many by the log, and so many in the table.
    Count {
        /// By the log.
        log: u64,
        /// In the table.
        table: u64,
    },
    /// The records out of this import are not those that were imported.
    Import(u64),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(what) => write!(f, "the file is damaged: {}", what.escape_debug()),
            Self::Gap { after, found } => {
                write!(f, "after change {after} the log goes on with {found}")
            }
            Self::Entry(id) => write!(
                f,
                "change {id} does not follow from what is before it: it, or its hash, was changed"
            ),
            Self::Unreadable(what) => write!(
                f,
                "an entry of the log cannot be read: {}",
                what.escape_debug()
            ),
            Self::Cut { head, end } => write!(
                f,
                "the log ends with change {end} and had come to {}: its tail was cut, or a backup was restored",
                head.change_id
            ),
            Self::Rewritten(head) => write!(
                f,
                "change {} has another hash than it had: the log was made anew, or a backup was restored and written to",
                head.change_id
            ),
            Self::Row { issuer, serial } => write!(
                f,
                "serial number {serial} of issuer \"{}\" is not what the log says of it",
                issuer.escape_debug()
            ),
            Self::Mark(what) => write!(f, "the mark beside the store: {}", what.escape_debug()),
            Self::Issuer(name) => write!(
                f,
                "issuer \"{}\" is not entered in the log as it stands in the table",
                name.escape_debug()
            ),
            Self::DamagedRow(what) => f.write_str(&what.escape_debug().to_string()),
            Self::Count { log, table } => write!(
                f,
                "by the log there are {log} certificates, and {table} are in the table"
            ),
            Self::Import(id) => write!(
                f,
                "the records that change {id} imported are not those that are there"
            ),
        }
    }
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Where the log ends.
    pub head: Head,
    /// Entries that were read.
    pub entries: u64,
    /// Certificates that were compared.
    pub certificates: u64,
    /// What is wrong, the first ones.
    pub findings: Vec<Finding>,
    /// How many things are wrong.
    pub total: u64,
}

impl Verified {
    fn find(&mut self, finding: Finding) {
        self.total += 1;
        if self.findings.len() < SHOWN_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.total == 0
    }
}

impl Store {
    /// Walks the whole log, compares every certificate with it, sees that the log still contains these heads and what the
    /// mark beside the store says, and has SQLite look at every page.
    ///
    /// # Errors
    /// The store cannot be read for another reason than that it is damaged, which is a finding.
    pub fn verify(&self, heads: &[Head]) -> Result<Verified, StoreError> {
        // Before the log: it only grows.
        let mark = mark::beside_store(self.path());
        let mut heads = heads.to_vec();
        let strange = match mark {
            Ok(Some((id, head))) if id == self.id() => {
                heads.push(head);
                None
            }
            Ok(Some((id, _))) => Some(format!("it is of another store, {id}")),
            Ok(None) => None,
            Err(why) => Some(why),
        };
        self.reading(|connection| {
            // One state from the beginning to the end, while others write.
            connection.execute_batch("BEGIN")?;
            let mut verified = examine(connection, self.id(), &heads)?;
            connection.execute_batch("COMMIT")?;
            if let Some(strange) = strange {
                verified.find(Finding::Mark(strange));
            }
            Ok(verified)
        })
    }

    /// The same without heads from outside.
    ///
    /// # Errors
    /// As with [`Self::verify`].
    pub fn check(&self) -> Result<Verified, StoreError> {
        self.verify(&[])
    }
}

/// What SQLite says about the pages.
fn pages(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let lines = statement.query_map([], |row| row.get(0))?;
    let mut lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}

fn examine(
    connection: &Connection,
    store_id: &str,
    heads: &[Head],
) -> Result<Verified, StoreError> {
    let mut walk = Walk {
        verified: Verified {
            head: log::root(store_id),
            entries: 0,
            certificates: 0,
            findings: Vec::new(),
            total: 0,
        },
        imports: BTreeMap::new(),
        superseded: HashSet::new(),
        replaced: HashMap::new(),
        issuers: HashSet::new(),
        expected: 0,
    };
    // Where a page cannot be read, the rest is looked at all the same.
    for outcome in [walk.log(connection, heads), walk.table(connection)] {
        walk.damage(outcome)?;
    }
    match pages(connection) {
        Ok(lines) => lines
            .into_iter()
            .for_each(|line| walk.verified.find(Finding::File(line))),
        Err(why) => walk.damage(Err(why))?,
    }
    Ok(walk.verified)
}

/// Records of one import that are not in the table any more, by their serial numbers.
type Replaced = BTreeMap<Vec<u8>, Record>;

struct Walk {
    verified: Verified,
    /// What the log says of each import, and the digest of what is found.
    imports: BTreeMap<u64, (String, u64, [u8; 32])>,
    /// Changes of single certificates that a later one replaced.
    superseded: HashSet<u64>,
    /// What an import brought and a later change replaced.
    replaced: HashMap<u64, Replaced>,
    /// Names and identities of issuers.
    issuers: HashSet<(String, String)>,
    /// Certificates that there must be by the log.
    expected: u64,
}

impl Walk {
    /// Makes a finding of damage that ended a part of the examination.
    fn damage(&mut self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        match outcome {
            Err(StoreError::Damaged(what)) => {
                self.verified.find(Finding::File(what));
                Ok(())
            }
            other => other,
        }
    }

    fn log(&mut self, connection: &Connection, heads: &[Head]) -> Result<(), StoreError> {
        let sql = format!("SELECT {} FROM change ORDER BY id", log::COLUMNS);
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut wanted: Vec<&Head> = heads.iter().collect();
        wanted.retain(|head| head.change_id != 0 || **head != self.verified.head);
        while let Some(row) = rows.next()? {
            let entry = match log::read(row) {
                Ok(entry) => entry,
                Err(why) => {
                    self.verified.find(Finding::Unreadable(why.to_string()));
                    continue;
                }
            };
            let before = self.verified.head;
            if entry.change_id != before.change_id + 1 {
                self.verified.find(Finding::Gap {
                    after: before.change_id,
                    found: entry.change_id,
                });
            } else if entry.content.hash(&before) != entry.hash {
                self.verified.find(Finding::Entry(entry.change_id));
            }
            // On from what stands there, so that one changed entry is one finding.
            self.verified.head = Head {
                change_id: entry.change_id,
                hash: entry.hash,
            };
            self.verified.entries += 1;
            wanted.retain(|head| {
                if head.change_id != entry.change_id {
                    return true;
                }
                if head.hash != entry.hash {
                    self.verified.find(Finding::Rewritten(Box::new(**head)));
                }
                false
            });
            self.note(entry);
        }
        for head in wanted {
            let end = self.verified.head.change_id;
            self.verified.find(if head.change_id > end {
                Finding::Cut {
                    head: Box::new(*head),
                    end,
                }
            } else {
                Finding::Rewritten(Box::new(*head))
            });
        }
        Ok(())
    }

    /// Remembers what an entry says about the table.
    fn note(&mut self, entry: LogEntry) {
        let content = entry.content;
        match content.kind {
            Kind::Issuer => {
                let name = content.issuer.unwrap_or_default();
                self.issuers
                    .insert((name, content.detail.unwrap_or_default()));
            }
            Kind::Import => {
                let detail = content.detail.unwrap_or_default();
                self.expected += rows_of(&detail).unwrap_or(0);
                self.imports
                    .insert(entry.change_id, (detail, 0, import::digest_start()));
            }
            Kind::Certificate => {
                let Some(previous) = content.previous else {
                    self.expected += 1;
                    return;
                };
                if self.imports.contains_key(&previous) {
                    if let (Some(serial), Some(old)) = (content.serial, content.old) {
                        self.replaced
                            .entry(previous)
                            .or_default()
                            .insert(serial.octets().to_vec(), old);
                    }
                } else {
                    self.superseded.insert(previous);
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut issuers =
            connection.prepare("SELECT id, name, identity FROM issuer ORDER BY id")?;
        let issuers: Vec<(i64, String, [u8; 32])> = issuers
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let sql = format!(
            "SELECT {} FROM certificate WHERE issuer = ?1 ORDER BY serial",
            table::COLUMNS
        );
        let mut statement = connection.prepare(&sql)?;
        for (issuer, name, identity) in issuers {
            let entered = (name.clone(), super::writer::identity_detail(&identity));
            if !self.issuers.contains(&entered) {
                self.verified.find(Finding::Issuer(name.clone()));
            }
            let mut rows = statement.query([issuer])?;
            while let Some(row) = rows.next()? {
                self.verified.certificates += 1;
                let serial: Vec<u8> = row.get(0)?;
                match table::read(issuer, row) {
                    Ok(stored) => self.row(connection, (issuer, &name), &serial, &stored)?,
                    Err(why) => self.verified.find(Finding::DamagedRow(why.to_string())),
                }
            }
            self.finish_imports(connection, issuer, &name)?;
        }
        let all: i64 =
            connection.query_row("SELECT count(*) FROM certificate", [], |row| row.get(0))?;
        let all = u64::try_from(all).unwrap_or(0);
        if all != self.expected || all != self.verified.certificates {
            self.verified.find(Finding::Count {
                log: self.expected,
                table: all,
            });
        }
        Ok(())
    }

    fn row(
        &mut self,
        connection: &Connection,
        (issuer, name): (i64, &str),
        serial: &[u8],
        stored: &Stored,
    ) -> Result<(), StoreError> {
        let id = stored.change_id;
        let stands = if self.imports.contains_key(&id) {
            self.feed(id, issuer, Some(serial));
            let replaced = self.replaced.get(&id);
            let is_replaced = replaced.is_some_and(|all| all.contains_key(serial));
            if let Some((_, rows, digest)) = self.imports.get_mut(&id) {
                *rows += 1;
                *digest = import::digest_next(digest, issuer, serial, stored);
            }
            !is_replaced
        } else {
            !self.superseded.contains(&id) && said(connection, id, name, serial, &stored.record)?
        };
        if !stands {
            self.verified.find(Finding::Row {
                issuer: name.to_owned(),
                serial: SerialKey::new(serial),
            });
        }
        Ok(())
    }

    /// Takes what an import brought and what is replaced by now into its digest, as far as it stands before this serial
    /// number; all of it, if there is none.
    fn feed(&mut self, id: u64, issuer: i64, until: Option<&[u8]>) {
        let (Some(replaced), Some((_, rows, digest))) =
            (self.replaced.get_mut(&id), self.imports.get_mut(&id))
        else {
            return;
        };
        while let Some(first) = replaced.first_entry() {
            if until.is_some_and(|until| &**first.key() >= until) {
                return;
            }
            let (serial, record) = first.remove_entry();
            let stored = Stored {
                record,
                change_id: id,
            };
            *rows += 1;
            *digest = import::digest_next(digest, issuer, &serial, &stored);
        }
    }

    /// Compares the imports of an issuer with their digests.
    fn finish_imports(
        &mut self,
        connection: &Connection,
        issuer: i64,
        name: &str,
    ) -> Result<(), StoreError> {
        let mut statement = connection
            .prepare_cached("SELECT id FROM change WHERE kind = 'import' AND issuer = ?1")?;
        let ids: Vec<i64> = statement
            .query_map([name], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in ids {
            let id = log::to_id(id)?;
            self.feed(id, issuer, None);
            if let Some((said, rows, digest)) = self.imports.get(&id)
                && *said != import::detail(*rows, digest)
            {
                self.verified.find(Finding::Import(id));
            }
        }
        Ok(())
    }
}

/// Whether the log has this record for this certificate at this place.
fn said(
    connection: &Connection,
    id: u64,
    issuer: &str,
    serial: &[u8],
    record: &Record,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT {} FROM change WHERE id = ?1", log::COLUMNS);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([log::from_id(id)?])?;
    let Some(row) = rows.next()? else {
        return Ok(false);
    };
    // One that cannot be read was found already.
    let Ok(entry) = log::read(row) else {
        return Ok(false);
    };
    let content = entry.content;
    Ok(content.issuer.as_deref() == Some(issuer)
        && content.serial.is_some_and(|it| it.octets() == serial)
        && content.new == Some(*record))
}

/// The number of rows in the detail of an import.
fn rows_of(detail: &str) -> Option<u64> {
    detail
        .strip_prefix("rows=")?
        .split(' ')
        .next()?
        .parse()
        .ok()
}
