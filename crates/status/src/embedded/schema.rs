//! The tables, their versions, and how connections to the file are made.

use core::time::Duration;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::mark::beside;

/// `CVst`: what makes a SQLite file one of ours.
const APPLICATION_ID: i64 = 0x4356_7374;

/// The steps from an empty file to the newest version; a file of version N has had the first N.
const MIGRATIONS: [&str; 1] = [V1];

/// The version that this program writes.
pub(super) fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Serial numbers are minimal unsigned big-endian octets. Times are seconds since 1970. `status` is 0 issued,
/// 1 revoked, 2 on hold; `reason` is a CRLReason. `seal` is four octets of SHA-256 over the row.
const V1: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('store_id', lower(hex(randomblob(16))));
CREATE TABLE issuer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    identity BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE certificate (
    issuer INTEGER NOT NULL,
    serial BLOB NOT NULL,
    status INTEGER NOT NULL,
    revoked_at INTEGER,
    reason INTEGER,
    invalidity_at INTEGER,
    not_after INTEGER,
    certificate_sha256 BLOB,
    change_id INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (issuer, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_revoked ON certificate (issuer, serial, status, revoked_at) WHERE status <> 0;
CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    issuer TEXT,
    serial BLOB,
    old TEXT,
    new TEXT,
    previous INTEGER,
    detail TEXT,
    hash BLOB NOT NULL
) STRICT;
";

/// How long the writer waits for a lock that another program holds.
const WRITER_PATIENCE: Duration = Duration::from_secs(2);
/// How long a reader does: it holds up a thread that answers. In WAL mode nobody but a recovery keeps it waiting.
const READER_PATIENCE: Duration = Duration::from_millis(100);

/// The connection of the writer. Every commit is on the disk when it returns: a write-ahead log, and an fdatasync of it
/// (`synchronous=FULL`).
pub(super) fn writer(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fault = |error| OpenError::sqlite(path, error);
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(WRITER_PATIENCE).map_err(fault)?;
    if connection.is_readonly("main").map_err(fault)? {
        return Err(OpenError::ReadOnly(path.to_owned()));
    }
    // Before anything is written into a file that is not ours.
    recognise(&connection, path)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA cell_size_check = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cache_size = -32768;",
        )
        .map_err(fault)?;
    migrate(&connection).map_err(fault)?;
    Ok(connection)
}

/// A connection that reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match configured(Connection::open_with_flags(path, flags)?) {
        // Beside a file in WAL mode SQLite makes shared memory, which a read-only medium has no place for. Where there is no
        // write-ahead log, nobody writes, and the file alone is the whole truth.
        Err(why)
            if matches!(
                why.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
            ) && path.is_file()
                && std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len()) == 0 =>
        {
            let uri = format!("file:{}?immutable=1", encoded(path));
            configured(Connection::open_with_flags(
                uri,
                flags | OpenFlags::SQLITE_OPEN_URI,
            )?)
        }
        done => done,
    }
}

/// The path in a URI.
fn encoded(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let octets = path.as_os_str().as_bytes();
    let each = octets.iter().map(|octet| match octet {
        b'/' | b'.' | b'-' | b'_' => char::from(*octet).to_string(),
        plain if plain.is_ascii_alphanumeric() => char::from(*plain).to_string(),
        other => format!("%{other:02X}"),
    });
    each.collect()
}

fn configured(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(READER_PATIENCE)?;
    connection.execute_batch(
        "PRAGMA query_only = ON;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -8192;",
    )?;
    // SQLite opens nothing before it is asked something.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether it is a store that this program knows; an empty file may become one. Gives its version.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let fault = |error| OpenError::sqlite(path, error);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(fault)?;
    let found = number("PRAGMA user_version").map_err(fault)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(fault)?;
    if application != APPLICATION_ID && (application, found, tables) != (0, 0, 0) {
        return Err(OpenError::NotAStore(path.to_owned()));
    }
    let known = version();
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

/// Takes the steps that a file has not had, all or none.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let steps = || -> rusqlite::Result<()> {
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let found = usize::try_from(found).unwrap_or(0);
        if found >= MIGRATIONS.len() {
            return Ok(());
        }
        for step in &MIGRATIONS[found..] {
            connection.execute_batch(step)?;
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", version())
    };
    match steps() {
        Ok(()) => connection.execute_batch("COMMIT"),
        Err(why) => {
            // A failure may have rolled it back already.
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            Err(why)
        }
    }
}
