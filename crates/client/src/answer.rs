//! An answer: what a verified response or verified CRLs say, together with the octets that prove it.

use bytes::Bytes;
use certvouch_types::{CertStatus, Timestamp};
use certvouch_verify::{
    Binding, CurrencyFault, Evidence, Moment, Verdict, VerifiedCrls, VerifiedResponse,
};
use http::Uri;

use crate::policy::Source;

/// The octets that an answer rests on. Whoever holds them and the question can verify them again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// An OCSP response.
    Response {
        /// The response in DER, as it came.
        der: Bytes,
        /// The request that it answers, if it was one of ours.
        request: Option<Bytes>,
        /// The CRLs that say whether its signer is revoked, if that was asked.
        delegate_crls: Vec<Bytes>,
    },
    /// CRLs in DER, as they came.
    Crls(Vec<Bytes>),
}

/// A verified answer. Only this crate makes one, from what `certvouch-verify` verified.
#[derive(Clone, Debug)]
pub struct Answer {
    source: Source,
    url: Option<Uri>,
    checked: Checked,
    moment: Moment,
    verdict: Verdict,
    status: CertStatus,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    stale: Option<CurrencyFault>,
    contradiction: bool,
    binding: Binding,
    evidence: Evidence,
}

impl Answer {
    pub(crate) fn from_response(
        source: Source,
        url: Option<Uri>,
        checked: Checked,
        verified: &VerifiedResponse<'_>,
    ) -> Self {
        Self {
            source,
            url,
            checked,
            moment: verified.moment(),
            verdict: verified.verdict(),
            status: verified.status(),
            this_update: verified.this_update(),
            next_update: verified.next_update(),
            valid_until: verified.valid_until(),
            stale: verified.stale(),
            contradiction: verified.has_contradiction(),
            binding: verified.binding(),
            evidence: verified.evidence().clone(),
        }
    }

    pub(crate) fn from_crls(
        source: Source,
        url: Option<Uri>,
        crls: Vec<Bytes>,
        moment: Moment,
        verified: &VerifiedCrls<'_>,
    ) -> Self {
        Self {
            source,
            url,
            checked: Checked::Crls(crls),
            moment,
            verdict: verified.verdict(),
            status: verified.status(),
            this_update: verified.this_update(),
            next_update: verified.valid_until(),
            valid_until: verified.valid_until(),
            stale: verified.stale(),
            contradiction: verified.has_contradiction(),
            binding: verified.binding(),
            evidence: verified.evidence().clone(),
        }
    }

    /// Where it came from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Who gave it, if somebody was asked.
    #[must_use]
    pub const fn url(&self) -> Option<&Uri> {
        self.url.as_ref()
    }

    /// The octets that prove it.
    #[must_use]
    pub const fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The moment for which it was judged.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// The response, if it is one, byte for byte as it came.
    #[must_use]
    pub const fn response(&self) -> Option<&Bytes> {
        match &self.checked {
            Checked::Response { der, .. } => Some(der),
            Checked::Crls(_) => None,
        }
    }

    /// Good, revoked or unknown.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The status, with time and reason of a revocation.
    #[must_use]
    pub const fn status(&self) -> CertStatus {
        self.status
    }

    /// thisUpdate.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// nextUpdate; of several CRLs the first.
    #[must_use]
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Until when it counts, without tolerance.
    #[must_use]
    pub const fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Why it is out of date, if it is: then it is a final revocation (threats T-22).
    #[must_use]
    pub const fn stale(&self) -> Option<CurrencyFault> {
        self.stale
    }

    /// Whether entries contradicted each other; the strictest one counted.
    #[must_use]
    pub const fn has_contradiction(&self) -> bool {
        self.contradiction
    }

    /// By what the certificate was known.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        self.binding
    }

    /// Every check.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}
