//! The way from bytes to a verified response, check by check.
//!
//! The order is: what costs nothing first (syntax, whose certificate), then the signer and the signature over the
//! bytes as received, and only then what the response says. The first check that fails ends it; those behind it are
//! listed as not reached.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use certvouch_types::{
    BasicOcspResponse, Extensions, Nonce, OcspResponse, Oid, SingleResponse, Timestamp, oid,
};

use crate::authorize::{Search, Signed, Signer};
use crate::entries::{self, Entry, Selection};
use crate::error::{CurrencyFault, Level, Reason, VerifyError};
use crate::evidence::{CheckCode, Evidence, Outcome};
use crate::freshness::{Moment, ProducedAt};
use crate::profile::{EntryScope, NoncePolicy, Profile};
use crate::query::Query;
use crate::trusted::DelegateRevocation;
use crate::verified::{NonceOutcome, VerifiedResponse};

/// The check that failed, and why.
pub(crate) struct Failure {
    pub(crate) code: CheckCode,
    pub(crate) reason: Reason,
}

impl Failure {
    pub(crate) const fn new(code: CheckCode, reason: Reason) -> Self {
        Self { code, reason }
    }
}

impl Query<'_> {
    /// Verifies a response, as it came, now.
    ///
    /// # Errors
    /// [`VerifyError`]: why the response is not believed, with every check. Errors of the responder
    /// (`unauthorized`, `tryLater`, …) end here too: they are unsigned and say nothing about the certificate.
    pub fn verify<'r>(
        &self,
        response_der: &'r [u8],
        now: Timestamp,
        profile: &Profile,
    ) -> Result<VerifiedResponse<'r>, VerifyError> {
        self.verify_at(
            response_der,
            Moment::now(now),
            profile,
            DelegateRevocation::Unknown,
        )
    }

    /// Verifies a response for any moment, with what is known about the revocation of delegates.
    ///
    /// # Errors
    /// As [`Query::verify`].
    pub fn verify_at<'r>(
        &self,
        response_der: &'r [u8],
        moment: Moment,
        profile: &Profile,
        revocation: DelegateRevocation<'_>,
    ) -> Result<VerifiedResponse<'r>, VerifyError> {
        let mut run = Run {
            query: self,
            profile,
            moment,
            evidence: Evidence::with(self.evidence.checks()),
        };
        match run.verify(response_der, revocation) {
            Ok(mut verified) => {
                verified.evidence = run.evidence.complete(CheckCode::RESPONSE);
                Ok(verified)
            }
            Err(Failure { code, reason }) => {
                run.evidence.fail(code, reason.to_string());
                Err(VerifyError::new(
                    reason,
                    run.evidence.complete(CheckCode::RESPONSE),
                ))
            }
        }
    }
}

struct Run<'q> {
    query: &'q Query<'q>,
    profile: &'q Profile,
    moment: Moment,
    evidence: Evidence,
}

impl Run<'_> {
    fn verify<'r>(
        &mut self,
        response_der: &'r [u8],
        revocation: DelegateRevocation<'_>,
    ) -> Result<VerifiedResponse<'r>, Failure> {
        let basic = self.open(response_der)?;
        let singles = entries::matching(self.query, &basic.data).map_err(|reason| {
            let code = match reason {
                Reason::WrongCertificate { .. } => CheckCode::CertId,
                _ => CheckCode::BasicResponse,
            };
            Failure::new(code, reason)
        })?;
        self.evidence
            .pass(CheckCode::BasicResponse, "well formed DER");
        self.evidence.pass(
            CheckCode::CertId,
            format!(
                "{} of {} entries for serial {}",
                singles.len(),
                basic.data.responses.len(),
                self.query.serial_number
            ),
        );
        let signed = Search {
            query: self.query,
            basic: &basic,
            profile: self.profile,
            at: self.moment.existed_by(),
            revocation,
        }
        .run(&mut self.evidence)?;
        self.extensions(&basic, &singles)?;
        let nonce = self.nonce(&basic.data.extensions)?;
        let selection = self.entries(&singles)?;
        self.currency(&selection)?;
        if !selection.entry.is_final() {
            self.scope(&basic)?;
        }
        self.produced_at(basic.data.produced_at)?;
        self.archive_cutoff(&selection.entry)?;
        Ok(self.verified(response_der, &basic, signed, &selection, nonce))
    }

    fn verified<'r>(
        &self,
        raw: &'r [u8],
        basic: &BasicOcspResponse<'r>,
        (signer, signature_algorithm): Signed<'r>,
        selection: &Selection<'r>,
        nonce: NonceOutcome,
    ) -> VerifiedResponse<'r> {
        let single = selection.entry.single;
        let end = self.profile.freshness.end_of(&single, self.moment);
        // Once its signer's certificate has expired a response does not verify any more.
        let valid_until = match signer {
            Signer::Delegate { not_after, .. } => {
                Some(end.map_or(not_after, |end| end.min(not_after)))
            }
            _ => end,
        };
        VerifiedResponse {
            raw,
            single,
            status: selection.entry.status,
            stale: selection.entry.fault,
            valid_until,
            produced_at: basic.data.produced_at,
            signer,
            signature_algorithm,
            binding: self.query.binding,
            moment: self.moment,
            nonce,
            contradiction: selection.contradiction,
            entries: basic.data.responses.len(),
            certificates: basic.certs().count(),
            evidence: Evidence::default(),
        }
    }

    /// Envelope, status, type and syntax.
    fn open<'r>(&mut self, response_der: &'r [u8]) -> Result<BasicOcspResponse<'r>, Failure> {
        let envelope = OcspResponse::parse(response_der)
            .map_err(|error| Failure::new(CheckCode::Envelope, Reason::Malformed(error)))?;
        self.evidence.pass(CheckCode::Envelope, "well formed DER");
        let bytes = match envelope {
            OcspResponse::Error(status) => {
                let reason = Reason::ResponderError(status);
                return Err(Failure::new(CheckCode::ResponseStatus, reason));
            }
            OcspResponse::Successful(bytes) => bytes,
        };
        self.evidence.pass(CheckCode::ResponseStatus, "successful");
        if !bytes.is_basic() {
            let reason = Reason::UnknownResponseType;
            return Err(Failure::new(CheckCode::ResponseType, reason));
        }
        self.evidence
            .pass(CheckCode::ResponseType, "id-pkix-ocsp-basic");
        BasicOcspResponse::from_response_bytes(&bytes)
            .map_err(|error| Failure::new(CheckCode::BasicResponse, Reason::Malformed(error)))
    }

    /// Critical extensions of the response and of the entries about the certificate.
    fn extensions(
        &mut self,
        basic: &BasicOcspResponse<'_>,
        singles: &[SingleResponse<'_>],
    ) -> Result<(), Failure> {
        let code = CheckCode::CriticalExtensions;
        let fail = |level| Err(Failure::new(code, Reason::CriticalExtension(level)));
        if unknown_critical(&basic.data.extensions, &RESPONSE_EXTENSIONS) {
            return fail(Level::Response);
        }
        if singles
            .iter()
            .any(|single| unknown_critical(&single.extensions, &SINGLE_EXTENSIONS))
        {
            return fail(Level::Single);
        }
        self.evidence.pass(code, "none that is not processed here");
        Ok(())
    }

    fn nonce(&mut self, extensions: &Extensions<'_>) -> Result<NonceOutcome, Failure> {
        let code = CheckCode::Nonce;
        let rule = self.profile.nonce;
        let Some(sent) = &self.query.nonce else {
            let detail = "none was sent: one in the response would be ignored";
            self.evidence.skip(code, detail);
            return Ok(NonceOutcome::NotSent);
        };
        let skip = |evidence: &mut Evidence, detail: &'static str| {
            evidence.note(code, Outcome::Skipped, detail, rule.source);
        };
        if rule.value == NoncePolicy::Off {
            skip(&mut self.evidence, "this profile does not compare nonces");
            return Ok(NonceOutcome::NotCompared);
        }
        let Some(extension) = extensions.find(oid::OCSP_NONCE) else {
            if rule.value == NoncePolicy::Require {
                return Err(Failure::new(code, Reason::NonceMissing));
            }
            let detail =
                "the response has none, as pre-produced ones do: time alone vouches for it";
            skip(&mut self.evidence, detail);
            return Ok(NonceOutcome::Absent);
        };
        // A responder that echoes the octets without the inner OCTET STRING still proves that it saw them
        // (requirements D-16).
        let echoed = match Nonce::from_extn_value(extension.value) {
            Ok(nonce) => nonce.as_bytes(),
            Err(_) => extension.value,
        };
        if echoed != sent.as_slice() {
            return Err(Failure::new(code, Reason::NonceMismatch));
        }
        self.evidence.pass(code, "the one that was sent");
        Ok(NonceOutcome::Echoed)
    }

    fn produced_at(&mut self, produced_at: Timestamp) -> Result<(), Failure> {
        let code = CheckCode::ProducedAt;
        let policy = &self.profile.freshness;
        let validity = self
            .query
            .certificate
            .map(|certificate| certificate.validity);
        policy
            .judge_produced_at(produced_at, self.moment, validity)
            .map_err(|fault| Failure::new(code, Reason::NotCurrent(fault)))?;
        let (outcome, detail) = match policy.produced_at.value {
            ProducedAt::Ignore => (Outcome::Skipped, "this profile does not look at it"),
            ProducedAt::NotInFuture => (Outcome::Passed, "not in the future"),
            ProducedAt::WithinCertificate if validity.is_none() => {
                (Outcome::Skipped, "no certificate to compare with")
            }
            ProducedAt::WithinCertificate => {
                (Outcome::Passed, "inside the validity of the certificate")
            }
            ProducedAt::NotInFutureAndWithinCertificate if validity.is_none() => (
                Outcome::Passed,
                "not in the future; no certificate to compare with",
            ),
            ProducedAt::NotInFutureAndWithinCertificate => (
                Outcome::Passed,
                "not in the future, and inside the validity of the certificate",
            ),
        };
        self.evidence
            .note(code, outcome, detail, policy.produced_at.source);
        Ok(())
    }

    /// Judges the entries about the certificate, and picks the one that counts.
    fn entries<'r>(&mut self, singles: &[SingleResponse<'r>]) -> Result<Selection<'r>, Failure> {
        let judged = singles
            .iter()
            .map(|single| Entry::judge(*single, &self.profile.freshness, self.moment))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|reason| Failure::new(CheckCode::ThisUpdate, reason))?;
        let Some(selection) = entries::select(&judged) else {
            return Err(Failure::new(
                CheckCode::BasicResponse,
                Reason::EmptyResponses,
            ));
        };
        let outcome = match (selection.contradiction, judged.len()) {
            (true, _) => Outcome::Failed,
            (false, 1) => Outcome::Skipped,
            (false, _) => Outcome::Passed,
        };
        let code = CheckCode::EntriesAgree;
        let detail = entries::agreement(judged.len(), selection.contradiction);
        self.evidence.note(code, outcome, detail, code.citation());
        Ok(selection)
    }

    /// Times of all entries, for profiles that mind those about other certificates and duplicates too.
    fn scope(&self, basic: &BasicOcspResponse<'_>) -> Result<(), Failure> {
        if self.profile.entries.value == EntryScope::Matching {
            return Ok(());
        }
        for single in basic.data.responses.iter() {
            let entry = Entry::judge(single, &self.profile.freshness, self.moment)
                .map_err(|reason| Failure::new(CheckCode::ThisUpdate, reason))?;
            if let Some(fault) = entry.fault {
                return Err(Failure::new(code_of(fault), Reason::NotCurrent(fault)));
            }
        }
        Ok(())
    }

    /// Whether the entry that counts is in date. A final revocation that is out of date stays one (threats T-22).
    fn currency(&mut self, selection: &Selection<'_>) -> Result<(), Failure> {
        let policy = &self.profile.freshness;
        let entry = &selection.entry;
        let failed = entry.fault.map(code_of);
        for (code, source) in [
            (CheckCode::ThisUpdate, policy.early.source),
            (CheckCode::NextUpdate, policy.late.source),
            (CheckCode::MaximumAge, policy.max_age.source),
        ] {
            if failed.is_some_and(|failed| failed < code) {
                let detail = "not reached: an earlier check of time failed";
                self.evidence.skip(code, detail);
            } else if let (true, Some(fault)) = (failed == Some(code), entry.fault) {
                self.evidence
                    .note(code, Outcome::Failed, fault.to_string(), source);
            } else {
                let (outcome, detail) = self.time_line(code, entry);
                self.evidence.note(code, outcome, detail, source);
            }
        }
        match entry.fault {
            Some(_) if entry.is_final() => Ok(()),
            Some(fault) => Err(Failure::new(code_of(fault), Reason::NotCurrent(fault))),
            None => Ok(()),
        }
    }

    fn time_line(&self, code: CheckCode, entry: &Entry<'_>) -> (Outcome, alloc::string::String) {
        let policy = &self.profile.freshness;
        match code {
            CheckCode::ThisUpdate => (Outcome::Passed, entry.single.this_update.to_string()),
            CheckCode::NextUpdate => match policy.end_of(&entry.single, self.moment) {
                Some(until) => (Outcome::Passed, format!("counts until {until}")),
                None => (
                    Outcome::Skipped,
                    "there is none, which this profile allows".to_string(),
                ),
            },
            _ => match policy.max_age.value {
                Some(limit) => (Outcome::Passed, format!("at most {limit} s")),
                None => (Outcome::Skipped, "this profile sets no limit".to_string()),
            },
        }
    }

    /// A responder may forget expired certificates: then its good says nothing about them (RFC 6960 4.4.4).
    fn archive_cutoff(&mut self, entry: &Entry<'_>) -> Result<(), Failure> {
        let code = CheckCode::ArchiveCutoff;
        let cutoff =
            entries::archive_cutoff(&entry.single).map_err(|reason| Failure::new(code, reason))?;
        let not_after = self
            .query
            .certificate
            .map(|certificate| certificate.validity.not_after);
        let expired_before = not_after.is_some_and(|end| end < entry.single.this_update);
        let remembered = matches!((cutoff, not_after), (Some(cutoff), Some(end)) if cutoff <= end);
        let good = entry.single.cert_status == certvouch_types::CertStatus::Good;
        if expired_before && !remembered && good && self.moment.is_past() {
            let fault = CurrencyFault::BeyondArchiveCutoff;
            return Err(Failure::new(code, Reason::NotCurrent(fault)));
        }
        match cutoff {
            Some(cutoff) if remembered || not_after.is_none() => {
                let detail = format!("the responder remembers what expired since {cutoff}");
                self.evidence.pass(code, detail);
            }
            Some(cutoff) => {
                let detail = format!("the certificate expired before the cutoff {cutoff}");
                self.evidence.skip(code, detail);
            }
            None => self.evidence.skip(code, "no archive cutoff"),
        }
        Ok(())
    }
}

/// What is processed here, or means nothing for the status: critical or not, it does not hinder.
const RESPONSE_EXTENSIONS: [Oid<'static>; 2] = [oid::OCSP_NONCE, oid::OCSP_EXTENDED_REVOKE];
const SINGLE_EXTENSIONS: [Oid<'static>; 4] = [
    oid::OCSP_ARCHIVE_CUTOFF,
    oid::OCSP_CRL,
    oid::CRL_REASON,
    oid::INVALIDITY_DATE,
];

pub(crate) fn unknown_critical(extensions: &Extensions<'_>, processed: &[Oid<'_>]) -> bool {
    extensions
        .iter()
        .any(|extension| extension.critical && !processed.contains(&extension.oid))
}

/// The check that a fault of time belongs to.
const fn code_of(fault: CurrencyFault) -> CheckCode {
    match fault {
        CurrencyFault::NotYetValid { .. } => CheckCode::ThisUpdate,
        CurrencyFault::DoesNotCover { .. }
        | CurrencyFault::Expired { .. }
        | CurrencyFault::NoNextUpdate => CheckCode::NextUpdate,
        CurrencyFault::TooOld { .. } => CheckCode::MaximumAge,
        CurrencyFault::ProducedInFuture { .. } | CurrencyFault::ProducedOutsideCertificate => {
            CheckCode::ProducedAt
        }
        CurrencyFault::BeyondArchiveCutoff => CheckCode::ArchiveCutoff,
    }
}
