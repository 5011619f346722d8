//! Looking through the certificates of one issuer, page by page, in the order of the octets of their serial numbers.

use certvouch_types::Timestamp;
use rusqlite::types::Value;

use super::error::StoreError;
use super::record::{HOLD, ISSUED, REVOKED, Stored};
use super::store::Store;
use super::table;
use super::writer::issuer_id;
use crate::SerialKey;
use crate::limits::MAX_PAGE;

/// What is looked for. Everything that is said has to be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made with `..Query::default()`")]
pub struct Query {
    /// The first hexadecimal digits of the serial number, as [`SerialKey`] shows it: upper or lower case.
    pub prefix: String,
    /// The status.
    pub status: Option<StatusFilter>,
    /// Revoked or put on hold at this moment or later.
    pub revoked_from: Option<Timestamp>,
    /// Revoked or put on hold before this moment.
    pub revoked_until: Option<Timestamp>,
    /// Serial numbers after this one: the last one of the page before.
    pub after: Option<SerialKey>,
    /// At most so many; more than [`MAX_PAGE`] is as many.
    pub limit: usize,
}

/// A status without what comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusFilter {
    /// Neither revoked nor on hold.
    Issued,
    /// Revoked for good.
    Revoked,
    /// On hold.
    Hold,
}

/// Certificates that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Them, in the order of their octets.
    pub found: Vec<(SerialKey, Stored)>,
    /// Where the next page begins: [`Query::after`]. Nothing on the last one.
    pub next: Option<SerialKey>,
}

impl Store {
    /// A page of the certificates of an issuer; an empty one if there is no such issuer.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn search(&self, issuer: &str, query: &Query) -> Result<Page, StoreError> {
        let limit = query.limit.clamp(1, MAX_PAGE);
        let Some(prefix) = Prefix::of(&query.prefix) else {
            return Ok(Page::default());
        };
        self.reading(|connection| {
            let Some(issuer) = issuer_id(connection, issuer)? else {
                return Ok(Page::default());
            };
            let (sql, values) = statement(issuer, query, &prefix, limit);
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(values))?;
            let mut page = Page::default();
            while let Some(row) = rows.next()? {
                if page.found.len() == limit {
                    page.next = page.found.last().map(|(serial, _)| serial.clone());
                    break;
                }
                let serial = SerialKey::new(&row.get::<_, Vec<u8>>(0)?);
                page.found.push((serial, table::read(issuer, row)?));
            }
            Ok(page)
        })
    }
}

/// The serial numbers that begin with these digits: from the one on, up to before the other.
struct Prefix {
    from: Vec<u8>,
    until: Option<Vec<u8>>,
}

impl Prefix {
    /// Nothing if the text is no hexadecimal number.
    fn of(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|it| u8::try_from(it).ok()))
            .collect();
        let digits = digits?;
        let pack = |digits: &[u8]| -> Vec<u8> {
            digits
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0))
                .collect()
        };
        // The next number of as many digits; nothing if all of them are F.
        let mut next = digits.clone();
        while next.last() == Some(&15) {
            next.pop();
        }
        let until = next.last_mut().map(|last| *last += 1).map(|()| pack(&next));
        Some(Self {
            from: pack(&digits),
            until,
        })
    }
}

fn statement(issuer: i64, query: &Query, prefix: &Prefix, limit: usize) -> (String, Vec<Value>) {
    let mut values = vec![Value::Integer(issuer)];
    let mut sql = format!(
        "SELECT {} FROM certificate WHERE issuer = ?1",
        table::COLUMNS
    );
    let mut must = |condition: &str, value: Value| {
        values.push(value);
        sql.push_str(" AND ");
        sql.push_str(&condition.replace('?', &format!("?{}", values.len())));
    };
    if !prefix.from.is_empty() {
        must("serial >= ?", Value::Blob(prefix.from.clone()));
    }
    if let Some(until) = &prefix.until {
        must("serial < ?", Value::Blob(until.clone()));
    }
    if let Some(after) = &query.after {
        must("serial > ?", Value::Blob(after.octets().to_vec()));
    }
    // "status <> 0", word for word, is what lets SQLite take the index of those.
    let not_issued = match query.status {
        Some(StatusFilter::Issued) => {
            must("status = ?", Value::Integer(ISSUED));
            false
        }
        Some(StatusFilter::Revoked) => {
            must("status = ?", Value::Integer(REVOKED));
            true
        }
        Some(StatusFilter::Hold) => {
            must("status = ?", Value::Integer(HOLD));
            true
        }
        None => query.revoked_from.is_some() || query.revoked_until.is_some(),
    };
    if let Some(from) = query.revoked_from {
        must("revoked_at >= ?", Value::Integer(from.unix()));
    }
    if let Some(until) = query.revoked_until {
        must("revoked_at < ?", Value::Integer(until.unix()));
    }
    if not_issued {
        sql.push_str(" AND status <> 0");
    }
    // One more than wanted shows whether there is another page.
    sql.push_str(&format!(" ORDER BY serial LIMIT {}", limit + 1));
    (sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_a_range_of_octets() {
        for (text, from, until) in [
            ("", &[][..], None),
            ("0a", &[0x0A], Some(vec![0x0B])),
            ("A", &[0xA0], Some(vec![0xB0])),
            ("AbC", &[0xAB, 0xC0], Some(vec![0xAB, 0xD0])),
            ("0F", &[0x0F], Some(vec![0x10])),
            ("aFf", &[0xAF, 0xF0], Some(vec![0xB0])),
            ("ff", &[0xFF], None),
        ] {
            let prefix = Prefix::of(text).unwrap();
            assert_eq!((&*prefix.from, prefix.until), (from, until), "{text}");
        }
        assert!(Prefix::of("0x1").is_none());
    }
}
