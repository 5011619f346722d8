//! Whether one source may take the place of another for the same CA (threats T-1).
//!
//! A reload may name another index, or a store. What the old one said stands: whatever it knew as revoked for good must be revoked
//! for good in the new one, and whatever it knew at all must be known, unless the operator says `allow_unrevoke`. CRLs
//! have marks of their own in the state folder, which hold across their places.

use anyhow::bail;
use certvouch_responder::Knowledge;
use certvouch_status::embedded::{self, Query, Status};
use certvouch_types::{SerialNumber, Timestamp};

use super::Loaded;
use super::source::Source;

/// The certificates of a store that count, and whether they are revoked for good.
fn rows_of_store(
    source: &embedded::Source,
    counts: impl Fn(bool, Option<Timestamp>) -> bool,
) -> anyhow::Result<Vec<(Vec<u8>, bool)>> {
    let mut rows = Vec::new();
    let mut query = Query {
        limit: certvouch_status::limits::MAX_PAGE,
        ..Query::default()
    };
    loop {
        let page = source.store().search(source.name(), &query)?;
        for (serial, stored) in &page.found {
            let for_good = matches!(stored.record.status, Status::Revoked { .. });
            if counts(for_good, stored.record.not_after) {
                rows.push((serial.octets().to_vec(), for_good));
            }
        }
        query.after = page.next;
        if query.after.is_none() {
            return Ok(rows);
        }
    }
}

/// Serial numbers that are shown of those that speak against it.
const SHOWN: usize = 3;

/// Checks that `new` may follow `old`.
///
/// # Errors
/// It un-revokes or forgets certificates, and nobody said that this is meant.
pub(super) fn check(old: &Loaded, new: &Loaded, now: Timestamp) -> anyhow::Result<()> {
    if new.source().is_same(old.source()) || new.allows_unrevoke() {
        return Ok(());
    }
    // What knows all that was issued has to know what the old one knew.
    let is_whole = matches!(new.source(), Source::Index(_) | Source::Store(_));
    let (mut against, mut shown) = (0_usize, Vec::new());
    // The old rows as they are at one moment: the file may change meanwhile, and then its watch has the word.
    // A CRL may leave out what has expired (RFC 5280 3.3), and says nothing about what is only issued.
    let counts = |for_good: bool, not_after: Option<Timestamp>| {
        is_whole || for_good && not_after.is_none_or(|end| end >= now)
    };
    let rows: Vec<(Vec<u8>, bool)> = match old.source() {
        Source::Crl(_) => return Ok(()),
        Source::Index(index) => index.with_table(|table| {
            let each = table.iter().map(|row| {
                let revoked = row.revocation.as_ref();
                let for_good = revoked.is_some_and(|it| !it.is_hold());
                counts(for_good, Some(row.not_after)).then(|| (row.serial.to_vec(), for_good))
            });
            each.flatten().collect()
        }),
        Source::Store(store) => rows_of_store(&store.source, counts)?,
    };
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
