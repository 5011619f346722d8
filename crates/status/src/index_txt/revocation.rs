//! The third column: `time[,reason[,extra]]`.
//!
//! Reasons are compared without regard to case, as OpenSSL does. A reason that is not understood
//! costs the reason and never the revocation.

use certvouch_responder::HoldInstruction;
use certvouch_types::{CrlReason, Timestamp};

use super::report::ReportKind;
use super::table::Revocation;

/// Reads the column of a revoked row; nothing if its time is none.
pub(super) fn revocation(column: &[u8]) -> Option<(Revocation, Option<ReportKind>)> {
    let mut parts = column.splitn(3, |octet| *octet == b',');
    let at = time(parts.next()?)?;
    let mut revocation = Revocation::at(at);
    let Some(reason) = parts.next() else {
        return Some((revocation, None));
    };
    let oddity = apply(&mut revocation, reason, parts.next());
    Some((revocation, oddity))
}

/// UTCTime or GeneralizedTime text, both with seconds and `Z` (requirements W-TIME-2, W-TIME-3).
pub(super) fn time(text: &[u8]) -> Option<Timestamp> {
    Timestamp::from_utc_time(text).or_else(|| Timestamp::from_generalized_time(text))
}

/// `extra` means something after the last three words only; after a plain reason it is tolerated.
fn apply(revocation: &mut Revocation, reason: &[u8], extra: Option<&[u8]>) -> Option<ReportKind> {
    if let Some(plain) = plain(reason) {
        if plain == CrlReason::RemoveFromCrl {
            return Some(ReportKind::RemoveFromCrl);
        }
        revocation.reason = Some(plain);
        return None;
    }
    if reason.eq_ignore_ascii_case(b"holdInstruction") {
        revocation.reason = Some(CrlReason::CertificateHold);
        revocation.hold_instruction = extra.and_then(instruction);
        let known = revocation.hold_instruction.is_some();
        return (!known).then_some(ReportKind::HoldInstruction);
    }
    revocation.reason = Some(if reason.eq_ignore_ascii_case(b"keyTime") {
        CrlReason::KeyCompromise
    } else if reason.eq_ignore_ascii_case(b"CAkeyTime") {
        CrlReason::CaCompromise
    } else {
        return Some(ReportKind::UnknownReason);
    });
    revocation.invalidity_date = extra.and_then(time);
    let known = revocation.invalidity_date.is_some();
    (!known).then_some(ReportKind::InvalidityDate)
}

/// The words of `openssl ca -crl_reason`, and privilegeWithdrawn and AACompromise, which it refuses
/// to write.
fn plain(reason: &[u8]) -> Option<CrlReason> {
    core::str::from_utf8(reason)
        .ok()
        .and_then(CrlReason::from_name)
}

/// OpenSSL takes any name or number of an object here; only three mean something (RFC 3280 5.3.2).
fn instruction(extra: &[u8]) -> Option<HoldInstruction> {
    let is = |name: &str, long: &str, number: &str| {
        let names = [name, long, number].map(str::as_bytes);
        names.iter().any(|name| extra.eq_ignore_ascii_case(name))
    };
    if is(
        "holdInstructionNone",
        "Hold Instruction None",
        "1.2.840.10040.2.1",
    ) {
        Some(HoldInstruction::None)
    } else if is(
        "holdInstructionCallIssuer",
        "Hold Instruction Call Issuer",
        "1.2.840.10040.2.2",
    ) {
        Some(HoldInstruction::CallIssuer)
    } else if is(
        "holdInstructionReject",
        "Hold Instruction Reject",
        "1.2.840.10040.2.3",
    ) {
        Some(HoldInstruction::Reject)
    } else {
        None
    }
}
