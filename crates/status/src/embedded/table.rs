//! One row of the table of certificates: read with its seal, and written with it.

use certvouch_types::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::log;
use super::record::{Record, Stored, seal, status_columns, status_from_columns};

/// The columns that [`read`] wants, in its order.
pub(super) const COLUMNS: &str = "serial, status, revoked_at, reason, invalidity_at, not_after, certificate_sha256, \
                                  change_id, seal";

/// The row of a certificate, if there is one.
pub(super) fn get(
    connection: &Connection,
    issuer: i64,
    serial: &[u8],
) -> Result<Option<Stored>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT serial, status, revoked_at, reason, invalidity_at, not_after, certificate_sha256, change_id, seal
         FROM certificate WHERE issuer = ?1 AND serial = ?2",
    )?;
    let row = statement
        .query_row(params![issuer, serial], |row| Ok(read(issuer, row)))
        .optional()?;
    row.transpose()
}

/// The record in a row of [`COLUMNS`].
///
/// # Errors
/// The row is not as it was written.
pub(super) fn read(issuer: i64, row: &Row<'_>) -> Result<Stored, StoreError> {
    let serial = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
    let damaged = || {
        StoreError::Damaged(format!(
            "the row of serial number {} is not as it was written",
            crate::SerialKey::new(serial)
        ))
    };
    let status = status_from_columns(row.get(1)?, row.get(2)?, row.get(3)?).ok_or_else(damaged)?;
    let time = |column: usize| -> Result<Option<Timestamp>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_unix))
    };
    let stored = Stored {
        record: Record {
            status,
            invalidity_at: time(4)?,
            not_after: time(5)?,
            certificate_sha256: row.get(6)?,
        },
        change_id: log::to_id(row.get(7)?)?,
    };
    if seal(issuer, serial, &stored) == row.get::<_, i64>(8)? {
        Ok(stored)
    } else {
        Err(damaged())
    }
}

/// Writes the row of a certificate in the place of an older one.
pub(super) fn put(
    connection: &Connection,
    issuer: i64,
    serial: &[u8],
    stored: &Stored,
) -> Result<(), StoreError> {
    let record = &stored.record;
    let (status, at, reason) = status_columns(&record.status);
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO certificate
         (issuer, serial, status, revoked_at, reason, invalidity_at, not_after, certificate_sha256, change_id, seal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    statement.execute(params![
        issuer,
        serial,
        status,
        at,
        reason,
        record.invalidity_at.map(Timestamp::unix),
        record.not_after.map(Timestamp::unix),
        record.certificate_sha256,
        log::from_id(stored.change_id)?,
        seal(issuer, serial, stored),
    ])?;
    Ok(())
}
