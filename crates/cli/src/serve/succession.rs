//! Whether one source may take the place of another for the same CA (threats T-1).
//!
//! A reload may name another index. What the old one said stands: whatever it knew as revoked for good must be revoked
//! for good in the new one, and whatever it knew at all must be known, unless the operator says `allow_unrevoke`. CRLs
//! have marks of their own in the state folder, which hold across their places.

use anyhow::bail;
use certvouch_responder::Knowledge;
use certvouch_types::{SerialNumber, Timestamp};

use super::Loaded;
use super::source::Source;

/// Serial numbers that are shown of those that speak against it.
const SHOWN: usize = 3;

/// Checks that `new` may follow `old`.
///
/// # Errors
/// It un-revokes or forgets certificates, and nobody said that this is meant.
pub(super) fn check(old: &Loaded, new: &Loaded, now: Timestamp) -> anyhow::Result<()> {
    let Source::Index(old_index) = old.source() else {
        return Ok(());
    };
    if new.source().is_same(old.source()) || new.allows_unrevoke() {
        return Ok(());
    }
    let is_index = matches!(new.source(), Source::Index(_));
    let (mut against, mut shown) = (0_usize, Vec::new());
    // The old rows as they are at one moment: the file may change meanwhile, and then its watch has the word.
    let rows: Vec<(Vec<u8>, bool)> = old_index.with_table(|table| {
        let each = table.iter().map(|row| {
            let revoked = row.revocation.as_ref();
            let for_good = revoked.is_some_and(|it| !it.is_hold());
            // A CRL may leave out what has expired (RFC 5280 3.3), and says nothing about what is only issued.
            let counts = is_index || for_good && row.not_after >= now;
            counts.then(|| (row.serial.to_vec(), for_good))
        });
        each.flatten().collect()
    });
    let source = new.source().as_status_source();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for (serial, for_good) in rows {
        let content = certvouch_types::der::integer_from_unsigned(&serial);
        let number = SerialNumber::from_content(&content);
        let records = runtime.block_on(source.lookup(&[number]));
        let stands = match records.as_deref() {
            Ok([record]) => match record.knowledge {
                Knowledge::Revoked { reason, .. } => {
                    !for_good || reason != Some(certvouch_types::CrlReason::CertificateHold)
                }
                Knowledge::NeverIssued => false,
                _ => !for_good,
            },
            _ => false,
        };
        if !stands {
            against += 1;
            if shown.len() < SHOWN {
                shown.push(number.to_string());
            }
        }
    }
    if against > 0 {
        bail!(
            "the new source forgets or un-revokes {against} certificates that the one in force knows, such as {}; if \
             that is meant: allow_unrevoke = true",
            shown.join(", ")
        );
    }
    Ok(())
}
