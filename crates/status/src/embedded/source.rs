//! The store as the responder asks it: for one issuer.

use certvouch_responder::{BoxFuture, Knowledge, SourceError, StatusRecord, StatusSource};
use certvouch_types::SerialNumber;
use rusqlite::Connection;

use super::error::StoreError;
use super::store::Store;
use super::table;
use crate::SerialKey;

/// What a store knows of one issuer.
///
/// It holds all that was issued: a serial number without a row was never issued. A store that cannot be read, or a row that
/// is not as it was written, is an error and never an answer.
#[derive(Clone, Debug)]
pub struct Source {
    store: Store,
    name: String,
    issuer: i64,
}

/// How many certificates an issuer has, by their status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Revoked for good.
    pub revoked: u64,
    /// On hold.
    pub on_hold: u64,
}

impl Source {
    pub(super) fn new(store: Store, name: &str, issuer: i64) -> Self {
        Self {
            store,
            name: name.to_owned(),
            issuer,
        }
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The issuer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many certificates are revoked or on hold. It reads an index of just those.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.store.reading(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT status, count(*) FROM certificate WHERE issuer = ?1 AND status <> 0 GROUP BY status",
            )?;
            let mut rows = statement.query([self.issuer])?;
            let mut counts = Counts::default();
            while let Some(row) = rows.next()? {
                let number = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
                match row.get::<_, i64>(0)? {
                    super::record::REVOKED => counts.revoked = number,
                    super::record::HOLD => counts.on_hold = number,
                    _ => {}
                }
            }
            Ok(counts)
        })
    }

    /// Whether nothing is known of this issuer yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.store.reading(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT 1 FROM certificate WHERE issuer = ?1 LIMIT 1")?;
            Ok(!statement.exists([self.issuer])?)
        })
    }

    /// Whether both are the same issuer of the same open store.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.store.is_same(&other.store) && self.issuer == other.issuer
    }

    fn records(&self, serials: &[SerialNumber<'_>]) -> Result<Vec<StatusRecord>, StoreError> {
        self.store.reading(|connection| match serials {
            // One statement sees one state by itself.
            [one] => Ok(vec![self.record(connection, one)?]),
            many => {
                connection.execute_batch("BEGIN")?;
                let records = many
                    .iter()
                    .map(|one| self.record(connection, one))
                    .collect();
                connection.execute_batch("COMMIT")?;
                records
            }
        })
    }

    fn record(
        &self,
        connection: &Connection,
        serial: &SerialNumber<'_>,
    ) -> Result<StatusRecord, StoreError> {
        let never = StatusRecord::new(Knowledge::NeverIssued);
        // A negative number is nobody's.
        let Some(key) = SerialKey::of(serial) else {
            return Ok(never);
        };
        let row = table::get(connection, self.issuer, key.octets())?;
        Ok(row.map_or(never, |stored| StatusRecord::from(&stored.record)))
    }
}

impl StatusSource for Source {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        // Some microseconds of this thread: less than handing it to another one costs.
        let records = self
            .records(serials)
            .map_err(|why| SourceError::Unavailable(why.to_string()));
        Box::pin(core::future::ready(records))
    }
}
