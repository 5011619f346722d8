//! Time: whether an entry counts at a moment, by the rules of a profile.
//!
//! Three moments are told apart: the one asked about, the one at which the response is known to have existed (for a
//! question about now they are the same), and what the response itself says.

use alloc::vec::Vec;

use certvouch_types::pkix::Validity;
use certvouch_types::{SingleResponse, Timestamp};

use crate::error::CurrencyFault;
use crate::profile::{Cited, Rule, rule};

/// The rules of a profile about time. All numbers are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FreshnessPolicy {
    /// How far thisUpdate may be ahead of the clock.
    pub early: Cited<i64>,
    /// How long after the end a response still counts.
    pub late: Cited<i64>,
    /// Whether the last second counts.
    pub end: Cited<EndBound>,
    /// What a response without nextUpdate is worth.
    pub missing_next_update: Cited<MissingNextUpdate>,
    /// How old thisUpdate may be.
    pub max_age: Cited<Option<i64>>,
    /// How long after thisUpdate a response ends at the latest, whatever its nextUpdate.
    pub max_lifetime: Cited<Option<i64>>,
    /// What is asked of producedAt.
    pub produced_at: Cited<ProducedAt>,
}

/// Twelve months in seconds, leap years among them.
const CA_CRL_AGE: i64 = 366 * 86_400;

/// Whether the second of nextUpdate itself still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndBound {
    /// It does.
    Inclusive,
    /// It does not.
    Exclusive,
}

/// What a response without nextUpdate is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingNextUpdate {
    /// It counts as long as its age allows.
    Accept,
    /// Nothing.
    Reject,
    /// It counts for so many seconds after thisUpdate.
    ValidFor(i64),
}

/// What is asked of producedAt. Never that it comes after thisUpdate: RFC 9919's own example breaks that
/// (requirements D-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProducedAt {
    /// Nothing.
    Ignore,
    /// Not ahead of the clock by more than `early`.
    NotInFuture,
    /// Inside the dates of the certificate asked about.
    WithinCertificate,
    /// Both.
    NotInFutureAndWithinCertificate,
}

/// The moment that a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    existed_by: Timestamp,
    past: bool,
}

impl Moment {
    /// Now.
    #[must_use]
    pub const fn now(now: Timestamp) -> Self {
        Self {
            at: now,
            existed_by: now,
            past: false,
        }
    }

    /// What was the status at `time`, by a response that is known to have existed at `existed_by` (a timestamp or an
    /// archive proves it)? The signer is judged at `existed_by`, so that a key which expired or leaked later can
    /// neither hide nor make evidence.
    #[must_use]
    pub const fn as_of(time: Timestamp, existed_by: Timestamp) -> Self {
        Self {
            at: time,
            existed_by,
            past: true,
        }
    }

    /// The moment asked about.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// When the response is known to have existed.
    #[must_use]
    pub const fn existed_by(&self) -> Timestamp {
        self.existed_by
    }

    /// Whether the question is about the past.
    #[must_use]
    pub const fn is_past(&self) -> bool {
        self.past
    }
}

impl FreshnessPolicy {
    /// Until when an entry counts, without tolerance. Nothing means that no end is set.
    pub(crate) fn end_of(&self, single: &SingleResponse<'_>, moment: Moment) -> Option<Timestamp> {
        self.end(single.this_update, single.next_update, moment)
    }

    fn end(
        &self,
        this_update: Timestamp,
        next_update: Option<Timestamp>,
        moment: Moment,
    ) -> Option<Timestamp> {
        let capped = |end: Timestamp| match self.max_lifetime.value {
            Some(lifetime) => end.min(this_update + lifetime),
            None => end,
        };
        match (next_update, self.missing_next_update.value) {
            (Some(next_update), _) => Some(capped(next_update)),
            // What was right at thisUpdate was right before; about later it says nothing.
            (None, _) if moment.past => Some(this_update),
            (None, MissingNextUpdate::ValidFor(seconds)) => Some(this_update + seconds),
            (None, _) => None,
        }
    }

    /// The rules for CRLs: how long a response may live at most is no rule about them, a nextUpdate is always needed
    /// (RFC 5280 5.1.2.5), and those about CAs may be older than those about end entities.
    pub(crate) fn for_crl(&self, is_ca: Option<bool>) -> Self {
        let mut policy = *self;
        policy.max_lifetime = Cited::new(None, "no rule for CRLs");
        policy.missing_next_update = Cited::new(MissingNextUpdate::Reject, "RFC 5280 5.1.2.5");
        if let (Some(true), Some(limit)) = (is_ca, policy.max_age.value)
            && !policy.max_age.is_callers()
        {
            policy.max_age = Cited::new(
                Some(limit.max(CA_CRL_AGE)),
                "CA/B BR 4.9.7: CRLs about CAs are renewed every twelve months",
            );
        }
        policy
    }

    /// Whether the entry counts at the moment.
    pub(crate) fn judge(
        &self,
        single: &SingleResponse<'_>,
        moment: Moment,
    ) -> Result<(), CurrencyFault> {
        self.judge_times(single.this_update, single.next_update, moment)
    }

    /// Whether thisUpdate is not ahead of the clock.
    pub(crate) fn judge_begin(
        &self,
        this_update: Timestamp,
        moment: Moment,
    ) -> Result<(), CurrencyFault> {
        let by = this_update.seconds_since(moment.existed_by);
        if by > self.early.value {
            return Err(CurrencyFault::NotYetValid { this_update, by });
        }
        Ok(())
    }

    /// Whether what was said at `this_update` counts at the moment.
    pub(crate) fn judge_times(
        &self,
        this_update: Timestamp,
        next_update: Option<Timestamp>,
        moment: Moment,
    ) -> Result<(), CurrencyFault> {
        self.judge_begin(this_update, moment)?;
        match self.end(this_update, next_update, moment) {
            Some(until) if self.is_over(until, moment.at) => {
                return Err(if moment.past {
                    let time = moment.at;
                    CurrencyFault::DoesNotCover { time, until }
                } else {
                    let by = moment.at.seconds_since(until);
                    CurrencyFault::Expired { until, by }
                });
            }
            None if self.missing_next_update.value == MissingNextUpdate::Reject => {
                return Err(CurrencyFault::NoNextUpdate);
            }
            _ => {}
        }
        let age = moment.at.seconds_since(this_update);
        match self.max_age.value {
            Some(limit) if !moment.past && age > limit => Err(CurrencyFault::TooOld { age, limit }),
            _ => Ok(()),
        }
    }

    fn is_over(&self, until: Timestamp, at: Timestamp) -> bool {
        let past = at.seconds_since(until) - self.late.value;
        match self.end.value {
            EndBound::Inclusive => past > 0,
            EndBound::Exclusive => past >= 0,
        }
    }

    /// Whether producedAt is plausible.
    pub(crate) fn judge_produced_at(
        &self,
        produced_at: Timestamp,
        moment: Moment,
        certificate: Option<Validity>,
    ) -> Result<(), CurrencyFault> {
        let (not_in_future, within_certificate) = match self.produced_at.value {
            ProducedAt::Ignore => (false, false),
            ProducedAt::NotInFuture => (true, false),
            ProducedAt::WithinCertificate => (false, true),
            ProducedAt::NotInFutureAndWithinCertificate => (true, true),
        };
        let by = produced_at.seconds_since(moment.existed_by);
        if not_in_future && by > self.early.value {
            return Err(CurrencyFault::ProducedInFuture { by });
        }
        match certificate {
            Some(validity) if within_certificate && !validity.contains(produced_at) => {
                Err(CurrencyFault::ProducedOutsideCertificate)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn rules(&self) -> Vec<Rule> {
        [
            rule("early", &self.early),
            rule("late", &self.late),
            rule("end", &self.end),
            rule("missing-next-update", &self.missing_next_update),
            rule("max-age", &self.max_age),
            rule("max-lifetime", &self.max_lifetime),
            rule("produced-at", &self.produced_at),
        ]
        .into()
    }
}
