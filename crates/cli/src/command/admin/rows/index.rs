//! The rows of an OpenSSL index.

use std::path::Path;

use anyhow::{Result, anyhow};
use certvouch_status::index_txt::{Row as IndexRow, parse};

use super::{Row, Visitor};
use crate::api::{StatusWord, Update};
use crate::command::input;
use crate::escape::{escape_display, escape_path};
use crate::serial::Serial;

pub(super) fn visit(path: &Path, visitor: &mut Visitor<'_>) -> Result<()> {
    let octets = input::read_bulk(path)?;
    let table =
        parse(&octets).map_err(|why| anyhow!("{}: {}", escape_path(path), escape_display(&why)))?;
    // The text is not needed any more, and it may be a gigabyte.
    drop(octets);
    for (row, place) in table.iter().zip(1..) {
        let said = Ok((Serial::from_unsigned(row.serial), update(&row)));
        if visitor(Row { place, said }).is_break() {
            break;
        }
    }
    Ok(())
}

fn update(row: &IndexRow<'_>) -> Update {
    let mut update = match row.revocation {
        None => Update::to(StatusWord::Issued),
        Some(revocation) if revocation.is_hold() => {
            let mut update = Update::to(StatusWord::Hold);
            update.revoked_at = Some(revocation.at);
            update
        }
        Some(revocation) => {
            let mut update = Update::to(StatusWord::Revoked);
            update.revoked_at = Some(revocation.at);
            update.reason = revocation.reason;
            update.invalidity_at = revocation.invalidity_date;
            update
        }
    };
    update.not_after = Some(row.not_after);
    update
}
