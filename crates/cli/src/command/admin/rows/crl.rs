//! The entries of a CRL: what it revokes. Nothing is verified here; whoever imports a CRL has chosen it.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use certvouch_types::crl::RevokedCertificate;
use certvouch_types::{Crl, CrlReason};

use super::{Row, Visitor};
use crate::api::{StatusWord, Update};
use crate::command::input;
use crate::escape::escape_path;
use crate::serial::Serial;

pub(super) fn visit(path: &Path, visitor: &mut Visitor<'_>) -> Result<()> {
    let crls = input::read_crls(path)?;
    let [der] = &crls[..] else {
        bail!(
            "{}: {} CRLs; import them one by one",
            escape_path(path),
            crls.len()
        );
    };
    let crl = Crl::parse(der).map_err(|why| anyhow!("{}: {why}", escape_path(path)))?;
    if crl.is_delta() {
        bail!(
            "{}: a delta CRL says what changed and not what is: import the complete one",
            escape_path(path)
        );
    }
    if crl.is_indirect() {
        bail!(
            "{}: an indirect CRL speaks of several issuers: this is about one",
            escape_path(path)
        );
    }
    for (entry, place) in crl.entries().zip(1..) {
        let entry = entry.map_err(|why| anyhow!("{}: {why}", escape_path(path)))?;
        let said = row(&entry);
        if visitor(Row { place, said }).is_break() {
            break;
        }
    }
    Ok(())
}

fn row(entry: &RevokedCertificate<'_>) -> Result<(Serial, Update), String> {
    if let Some(oid) = entry.unprocessable {
        return Err(format!("critical extension {oid} is not understood"));
    }
    let serial = entry.serial_number.unsigned();
    let serial = serial.ok_or_else(|| "serial: a negative number".to_owned())?;
    let mut update = Update::to(StatusWord::Revoked);
    update.revoked_at = Some(entry.revocation_date);
    match entry.reason {
        Some(CrlReason::CertificateHold) => update.status = Some(StatusWord::Hold),
        Some(CrlReason::RemoveFromCrl) => {
            return Err("reason: removeFromCRL in a complete CRL".to_owned());
        }
        reason => {
            update.reason = reason;
            update.invalidity_at = entry.invalidity_date;
        }
    }
    Ok((Serial::from_unsigned(serial), update))
}
