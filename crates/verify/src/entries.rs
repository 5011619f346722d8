//! The entries about the certificate, and which of them counts.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use certvouch_types::extension::values::time_value;
use certvouch_types::{
    CertStatus, CrlReason, ResponseData, RevokedInfo, SingleResponse, Timestamp, oid,
};

use crate::budget::{Limit, MAX_SINGLE_RESPONSES};
use crate::error::{CurrencyFault, Reason};
use crate::freshness::{FreshnessPolicy, Moment};
use crate::query::Query;

/// An entry about the certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'r> {
    pub(crate) single: SingleResponse<'r>,
    /// The status at the moment asked about.
    pub(crate) status: CertStatus,
    /// Why it does not count at that moment.
    pub(crate) fault: Option<CurrencyFault>,
}

/// The entries that name the certificate, all three fields of the CertID compared.
pub(crate) fn matching<'r>(
    query: &Query<'_>,
    data: &ResponseData<'r>,
) -> Result<Vec<SingleResponse<'r>>, Reason> {
    if data.responses.is_empty() {
        return Err(Reason::EmptyResponses);
    }
    if data.responses.len() > MAX_SINGLE_RESPONSES {
        return Err(Reason::BudgetExceeded(Limit::SingleResponses));
    }
    let mut hashes = query.hashes.clone();
    let mut found = Vec::new();
    let mut nearest = None;
    for single in data.responses.iter() {
        match query.compare(&single.cert_id, &mut hashes) {
            Ok(()) => found.push(single),
            Err(differs) => {
                let serial = single.cert_id.serial_number;
                if nearest.is_none_or(|(known, _)| known < differs) {
                    nearest = Some((differs, serial));
                }
            }
        }
    }
    match nearest {
        Some((differs, serial)) if found.is_empty() => Err(Reason::WrongCertificate {
            differs,
            serial: serial.to_string(),
        }),
        _ => Ok(found),
    }
}

impl<'r> Entry<'r> {
    /// Judges an entry at a moment.
    pub(crate) fn judge(
        single: SingleResponse<'r>,
        policy: &FreshnessPolicy,
        moment: Moment,
    ) -> Result<Self, Reason> {
        if let Some(next_update) = single.next_update
            && next_update < single.this_update
        {
            return Err(Reason::NegativeValidity {
                this_update: single.this_update,
                next_update,
            });
        }
        Ok(Self {
            single,
            status: status_at(&single, moment)?,
            fault: policy.judge(&single, moment).err(),
        })
    }

    /// A revocation that no later information can undo: not a hold, and not from the future. It outlives its own
    /// nextUpdate (threats T-22).
    pub(crate) fn is_final(&self) -> bool {
        let CertStatus::Revoked(info) = self.status else {
            return false;
        };
        info.revocation_reason != Some(CrlReason::CertificateHold)
            && !matches!(self.fault, Some(CurrencyFault::NotYetValid { .. }))
    }

    const fn strictness(&self) -> u8 {
        match self.status {
            CertStatus::Revoked(_) => 2,
            CertStatus::Unknown => 1,
            // CertStatus may grow; what is not known is not good.
            CertStatus::Good => 0,
            _ => 1,
        }
    }
}

/// The status at the moment asked about. Now it is what the entry says; in the past a certificate that was revoked
/// later was not revoked yet. An invalidityDate (RFC 5280 5.3.2) moves the revocation to an earlier moment.
fn status_at(single: &SingleResponse<'_>, moment: Moment) -> Result<CertStatus, Reason> {
    let CertStatus::Revoked(info) = single.cert_status else {
        return Ok(single.cert_status);
    };
    if !moment.is_past() {
        return Ok(single.cert_status);
    }
    let since = invalid_since(single, info)?;
    Ok(if moment.at() < since {
        CertStatus::Good
    } else {
        single.cert_status
    })
}

fn invalid_since(single: &SingleResponse<'_>, info: RevokedInfo) -> Result<Timestamp, Reason> {
    let Some(extension) = single.extensions.find(oid::INVALIDITY_DATE) else {
        return Ok(info.revocation_time);
    };
    let date = time_value(extension.contents(), "invalidityDate").map_err(Reason::Malformed)?;
    Ok(info.revocation_time.min(date))
}

/// What came of several entries about one certificate.
pub(crate) struct Selection<'r> {
    pub(crate) entry: Entry<'r>,
    /// Entries that hold at the same moment say different things.
    pub(crate) contradiction: bool,
}

/// The strictest entry: a final revocation, else of those in date revoked before unknown before good, else of those
/// out of date the same. Position never decides (lessons: three verifiers did, two CVEs). `entries` is not empty.
pub(crate) fn select<'r>(entries: &[Entry<'r>]) -> Option<Selection<'r>> {
    let in_date = |entry: &&Entry<'r>| entry.fault.is_none();
    let rank = |entry: &&Entry<'r>| {
        (
            entry.is_final(),
            entry.fault.is_none(),
            entry.strictness(),
            entry.single.this_update,
        )
    };
    let entry = *entries.iter().max_by_key(rank)?;
    let differs = |other: &Entry<'r>| other.strictness() != entry.strictness();
    let contradiction = entries.iter().filter(in_date).any(differs);
    Some(Selection {
        entry,
        contradiction,
    })
}

/// The sentence about the entries.
pub(crate) fn agreement(entries: usize, contradiction: bool) -> alloc::string::String {
    if contradiction {
        format!(
            "{entries} entries about the certificate contradict each other; the strictest counts"
        )
    } else {
        format!("{entries} about the certificate, no contradiction")
    }
}

/// The archive cutoff of an entry (RFC 6960 4.4.4): the responder remembers certificates that expired since then.
pub(crate) fn archive_cutoff(single: &SingleResponse<'_>) -> Result<Option<Timestamp>, Reason> {
    single
        .extensions
        .find(oid::OCSP_ARCHIVE_CUTOFF)
        .map(|extension| time_value(extension.contents(), "ArchiveCutoff"))
        .transpose()
        .map_err(Reason::Malformed)
}
