//! From what a source knows to the ResponseData that gets signed: statuses, times, extensions.

use certvouch_types::extension::values::{
    push_cert_hash, push_crl_id, push_extension, push_nonce, push_time_extension,
};
use certvouch_types::{
    CertId, CertStatus, CrlReason, RevokedInfo, SingleResponseFields, Timestamp, oid,
};

use crate::error::AnswerError;
use crate::issuer::Issuer;
use crate::policy::{CrlReferencePolicy, Expired, NotRevoked, Unlisted};
use crate::profile::{ArchiveCutoff, Choice, RefreshRule};
use crate::signer::ResponseSigner;
use crate::source::{Knowledge, StatusRecord};

/// One SingleResponse in the making.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    cert_id: Vec<u8>,
    pub(crate) cert_status: CertStatus,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Timestamp,
    extensions: Vec<u8>,
    /// Whether this is the non-issued answer of RFC 6960 2.2, which needs the extended-revoke extension.
    extended_revoke: bool,
    /// Whether a stranger chose the serial number, so that the answer must not displace others in the cache.
    pub(crate) unassigned: bool,
}

impl Single {
    /// Its singleExtensions, one after the other.
    pub(crate) fn extensions(&self) -> &[u8] {
        &self.extensions
    }
}

/// What is to be said about one certificate, or why nothing signed is.
///
/// # Errors
/// Policy gives no signed answer, or no answer would be current.
pub(crate) fn single(
    issuer: &Issuer,
    signer: &ResponseSigner,
    cert_id: &CertId<'_>,
    record: &StatusRecord,
    now: Timestamp,
) -> Result<Single, AnswerError> {
    let policy = issuer.policy();
    let expired = record.not_after.is_some_and(|not_after| not_after < now);
    refuse_dropped(policy.expired, record, now)?;
    let (cert_status, extended_revoke) = status(issuer, record)?;
    refuse_hold(issuer, cert_status)?;

    let (this_update, next_update) = interval(issuer, signer, record, now)?;
    let mut extensions = Vec::new();
    if !extended_revoke {
        let known = cert_status != CertStatus::Unknown;
        push_archive_cutoff(&mut extensions, issuer, (expired, known), now);
        push_crl_entry_extensions(&mut extensions, record, cert_status);
        push_crl_reference(&mut extensions, issuer, record, cert_status);
        // The positive statement is about certificates that are known, revoked or not.
        if let Some(hash) = record.cert_hash.filter(|_| known) {
            push_cert_hash(&mut extensions, &hash);
        }
    }
    Ok(Single {
        cert_id: cert_id.raw.to_vec(),
        cert_status,
        this_update,
        next_update,
        extensions,
        extended_revoke,
        // What only a CRL vouches for may be any number that a stranger thought of.
        unassigned: match record.knowledge {
            Knowledge::NeverIssued => true,
            Knowledge::NotRevoked => cert_status == CertStatus::Unknown,
            _ => false,
        },
    })
}

/// What is to be said about each certificate of a request.
///
/// A request about several certificates of one CA is answered whole, with `unknown` for those that alone would get
/// no signed answer (requirements E-33); if all are such, the first one's error stands.
///
/// # Errors
/// As [`single`].
pub(crate) fn singles(
    issuer: &Issuer,
    signer: &ResponseSigner,
    cert_ids: &[CertId<'_>],
    records: &[StatusRecord],
    now: Timestamp,
) -> Result<Vec<Single>, AnswerError> {
    let made: Vec<_> = cert_ids
        .iter()
        .zip(records)
        .map(|(cert_id, record)| single(issuer, signer, cert_id, record, now))
        .collect();
    let any = made.iter().any(Result::is_ok);
    made.into_iter()
        .zip(cert_ids)
        .map(|(made, cert_id)| match made {
            Err(AnswerError::NeverIssued | AnswerError::ExpiredRecord) if any => {
                let (this_update, next_update) = interval(
                    issuer,
                    signer,
                    &StatusRecord::new(Knowledge::NeverIssued),
                    now,
                )?;
                Ok(Single {
                    cert_id: cert_id.raw.to_vec(),
                    cert_status: CertStatus::Unknown,
                    this_update,
                    next_update,
                    extensions: Vec::new(),
                    extended_revoke: false,
                    unassigned: true,
                })
            }
            made => made,
        })
        .collect()
}

/// Records that policy keeps no longer count as gone (RFC 9919 3.2.3).
fn refuse_dropped(
    expired: Expired,
    record: &StatusRecord,
    now: Timestamp,
) -> Result<(), AnswerError> {
    let Some(not_after) = record.not_after else {
        return Ok(());
    };
    let kept_until = match expired {
        Expired::Answer => return Ok(()),
        Expired::Drop => not_after,
        Expired::Retain { seconds } => not_after + seconds,
    };
    if now > kept_until {
        Err(AnswerError::ExpiredRecord)
    } else {
        Ok(())
    }
}

/// The status, and whether it is the non-issued answer. No answer is good unless the source said `Issued`, or the
/// operator allowed `NotRevoked`.
fn status(issuer: &Issuer, record: &StatusRecord) -> Result<(CertStatus, bool), AnswerError> {
    let policy = issuer.policy();
    let revoked = |at, reason| CertStatus::Revoked(RevokedInfo::new(at, reason));
    let on_hold = Some(CrlReason::CertificateHold);
    let status = match (record.knowledge, policy.ca_compromised) {
        (Knowledge::NeverIssued, _) => return non_issued(policy.unlisted),
        // RFC 6960 2.7: on known compromise of the CA's key, whatever it issued is revoked, and for good.
        (Knowledge::Issued | Knowledge::NotRevoked, Some(since)) => {
            revoked(since, Some(CrlReason::CaCompromise))
        }
        (Knowledge::Revoked { reason, .. }, Some(since)) if reason == on_hold => {
            revoked(since, Some(CrlReason::CaCompromise))
        }
        (Knowledge::Revoked { at, reason }, _) => revoked(at, reason),
        (Knowledge::Issued, None) => CertStatus::Good,
        (Knowledge::NotRevoked, None) => match policy.not_revoked {
            NotRevoked::Good => CertStatus::Good,
            NotRevoked::Unknown => CertStatus::Unknown,
        },
    };
    Ok((status, false))
}

/// RFC 6960 2.2: revoked, on hold, since the beginning of 1970.
fn non_issued(unlisted: Unlisted) -> Result<(CertStatus, bool), AnswerError> {
    match unlisted {
        Unlisted::Unknown => Ok((CertStatus::Unknown, false)),
        Unlisted::Unauthorized => Err(AnswerError::NeverIssued),
        Unlisted::Revoked => {
            let hold = RevokedInfo::new(Timestamp::EPOCH, Some(CrlReason::CertificateHold));
            Ok((CertStatus::Revoked(hold), true))
        }
    }
}

/// thisUpdate and nextUpdate (FRESH-3, FRESH-7). The first is the source's, or now minus the back-dating; the second
/// ends with the policy's interval, the signer's certificate, the CA's, or the source's own nextUpdate.
///
/// # Errors
/// The signer's certificate or the source's data ends before a moment after now.
fn interval(
    issuer: &Issuer,
    signer: &ResponseSigner,
    record: &StatusRecord,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), AnswerError> {
    let policy = issuer.policy();
    let this_update = match record.this_update {
        Some(known) => known.min(now),
        None => now - policy.backdate,
    };
    if !signer.is_valid_at(now) {
        return Err(AnswerError::SignerNotValid);
    }
    // FRESH-3: V counts both ends, hence minus one second; base is producedAt, which is now, or under the BRs
    // thisUpdate, unless that is a CRL's: a CRL goes on answering until its own end or the profile's ceiling. The CA's
    // own end counts where no certificate travels with the answer (MOZ-6-2).
    let base = match (policy.profile.refresh, record.this_update) {
        (RefreshRule::FromThisUpdate { .. }, None) => this_update,
        _ => now,
    };
    let ceilings = policy.profile.ceilings.iter();
    let mut ends = ceilings.map(|ceiling| this_update + (ceiling.seconds - 1));
    let by_ceiling = match (ends.clone().find(|end| *end > now), ends.next_back()) {
        (Some(end), _) | (None, Some(end)) => end,
        (None, None) => Timestamp::MAX,
    };
    let by_policy = (base + (policy.validity - 1)).min(by_ceiling);
    let by_issuer = if signer.certs().is_empty() {
        issuer.not_after()
    } else {
        Timestamp::MAX
    };
    let next_update = by_policy
        .min(signer.not_after())
        .min(by_issuer)
        .min(record.next_update.unwrap_or(Timestamp::MAX));
    if next_update <= now {
        Err(AnswerError::NotFresh)
    } else {
        Ok((this_update, next_update))
    }
}

/// RFC 6960 4.4.4: how far back revocation data reach. Where all of it is kept, that is the CA's own beginning
/// (EN 319 411-2 has it so); it is said about expired certificates, and about every one under a profile that says so.
fn push_archive_cutoff(
    out: &mut Vec<u8>,
    issuer: &Issuer,
    (expired, known): (bool, bool),
    now: Timestamp,
) {
    let always = issuer.policy().profile.archive_cutoff == ArchiveCutoff::Issued;
    match issuer.policy().expired {
        Expired::Retain { seconds } => {
            push_time_extension(out, oid::OCSP_ARCHIVE_CUTOFF, now - seconds);
        }
        Expired::Answer if expired || always && known => {
            push_time_extension(out, oid::OCSP_ARCHIVE_CUTOFF, issuer.not_before());
        }
        _ => {}
    }
}

/// RFC 6960 4.4.5 lets CRL entry extensions stand here; reasonCode never does, it has its own field (BR 7.3.2).
fn push_crl_entry_extensions(out: &mut Vec<u8>, record: &StatusRecord, status: CertStatus) {
    let CertStatus::Revoked(info) = status else {
        return;
    };
    let on_hold = info.revocation_reason == Some(CrlReason::CertificateHold);
    if let Some(instruction) = record.hold_instruction.filter(|_| on_hold) {
        let mut value = Vec::new();
        certvouch_types::der::push(
            &mut value,
            certvouch_types::der::tag::OID,
            instruction.oid().as_bytes(),
        );
        push_extension(out, oid::HOLD_INSTRUCTION_CODE, &value);
    }
    if let Some(date) = record.invalidity_date {
        push_time_extension(out, oid::INVALIDITY_DATE, date);
    }
}

/// RFC 6960 4.4.2: the CRL on which a revocation or a hold was found.
fn push_crl_reference(
    out: &mut Vec<u8>,
    issuer: &Issuer,
    record: &StatusRecord,
    status: CertStatus,
) {
    if issuer.policy().crl_reference != CrlReferencePolicy::Send {
        return;
    }
    if let (CertStatus::Revoked(_), Some(crl)) = (status, &record.crl) {
        push_crl_id(out, crl.number(), crl.time);
    }
}

/// A profile without holds says nothing about a certificate on hold: `good` would be wrong, and `revoked` would be
/// taken back later.
fn refuse_hold(issuer: &Issuer, status: CertStatus) -> Result<(), AnswerError> {
    let CertStatus::Revoked(info) = status else {
        return Ok(());
    };
    let on_hold = info.revocation_reason == Some(CrlReason::CertificateHold);
    match issuer
        .policy()
        .profile
        .forbids(Choice::Hold)
        .filter(|_| on_hold)
    {
        Some(rule) => Err(AnswerError::Forbidden(Choice::Hold, rule)),
        None => Ok(()),
    }
}

/// The DER of ResponseData. `nonce` is a whole extension list member, see [`NonceEcho`].
pub(crate) fn response_data(
    signer: &ResponseSigner,
    singles: &[Single],
    nonce: Option<NonceEcho<'_>>,
    produced_at: Timestamp,
) -> Vec<u8> {
    let fields: Vec<SingleResponseFields<'_>> = singles
        .iter()
        .map(|single| SingleResponseFields {
            cert_id: &single.cert_id,
            cert_status: single.cert_status,
            this_update: single.this_update,
            next_update: single.next_update,
            extensions: &single.extensions,
        })
        .collect();
    let mut extensions = Vec::new();
    match nonce {
        Some(NonceEcho::Octets(octets)) => push_nonce(&mut extensions, octets),
        Some(NonceEcho::Verbatim(value)) => {
            push_extension(&mut extensions, oid::OCSP_NONCE, value);
        }
        None => {}
    }
    if singles.iter().any(|single| single.extended_revoke) {
        // RFC 6960 4.4.8: NULL, in responseExtensions, not critical.
        push_extension(&mut extensions, oid::OCSP_EXTENDED_REVOKE, &[0x05, 0x00]);
    }
    signer.writer().write(produced_at, &fields, &extensions)
}

/// How a nonce goes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NonceEcho<'a> {
    /// Wrapped twice, as RFC 9654 has it.
    Octets(&'a [u8]),
    /// The extnValue as it came, for clients that do not wrap (requirements D-16).
    Verbatim(&'a [u8]),
}
