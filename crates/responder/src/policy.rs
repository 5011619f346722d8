//! What an operator decides for one issuer, as data.

use core::fmt;
use std::sync::Arc;

use certvouch_types::{HashAlgorithm, Timestamp};

use crate::profile::{Choice, Profile, RefreshRule, Rule};
use crate::requestor::Requestors;

/// The answer for a serial number that was never issued. Never `good` (requirements BR-4.9.9-10, D-6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unlisted {
    /// Signed `revoked`, on hold since 1970, with the extended-revoke extension (RFC 6960 2.2).
    Revoked,
    /// The unsigned error `unauthorized`: no authoritative record (RFC 9919 3.2.3).
    Unauthorized,
    /// Signed `unknown`.
    #[default]
    Unknown,
}

/// The answer where a source can only say that a certificate is not revoked: a CRL without a good-list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotRevoked {
    /// `good`, on the operator's word that nothing else is ever asked.
    Good,
    /// `unknown`.
    #[default]
    Unknown,
}

/// What becomes of the nonce in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoncePolicy {
    /// It is echoed, which costs a signature for each request (RFC 9654 2.1).
    #[default]
    Echo,
    /// It is ignored; every answer may come from the cache (RFC 9919 3.2.1).
    Ignore,
    /// A request without one is refused as `unauthorized`.
    Require,
}

/// Which encodings of a nonce are understood (requirements D-16, E-22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceForm {
    /// Raw octets in extnValue too, as old clients send them; they come back as they came.
    Raw,
    /// An OCTET STRING inside extnValue and nothing else.
    #[default]
    Strict,
}

/// What is answered about a certificate past its notAfter (requirements D-19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expired {
    /// Its status, as long as the source has it; archive-cutoff is the notBefore of the CA certificate.
    #[default]
    Answer,
    /// `unauthorized`, as if the record were gone (RFC 9919 3.2.3).
    Drop,
    /// Its status for this many seconds after notAfter, then `unauthorized`; archive-cutoff is producedAt minus the
    /// same seconds (RFC 6960 4.4.4).
    Retain {
        /// Seconds.
        seconds: i64,
    },
}

/// Whether a revocation out of a CRL says which CRL it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlReferencePolicy {
    /// It does not.
    #[default]
    Omit,
    /// URL, number and time of the CRL, as far as the source knows them.
    Send,
}

/// The decisions for one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The bounds that the decisions must keep.
    pub profile: &'static Profile,
    /// V: seconds from thisUpdate to nextUpdate, both ends counted (requirements §14).
    pub validity: i64,
    /// The most seconds that an HTTP cache may keep an answer; none means the whole way to the refresh deadline.
    pub max_age: Option<i64>,
    /// Seconds by which thisUpdate lies before producedAt, for clients whose clocks are slow (FRESH-7).
    pub backdate: i64,
    /// For serial numbers that were never issued.
    pub unlisted: Unlisted,
    /// For what only a CRL vouches for.
    pub not_revoked: NotRevoked,
    /// For nonces.
    pub nonce: NoncePolicy,
    /// For encodings of nonces.
    pub nonce_form: NonceForm,
    /// For expired certificates.
    pub expired: Expired,
    /// The CertID hash algorithms that are answered (requirements R9919-3.2.1-3).
    pub hashes: Vec<HashAlgorithm>,
    /// Who may ask; none is everybody, signed or not (RFC 9919 3.1.2).
    pub requestors: Option<Arc<Requestors>>,
    /// Whether a revocation out of a CRL says which CRL it was (RFC 6960 4.4.2).
    pub crl_reference: CrlReferencePolicy,
    /// Since when the CA's key is known to be compromised: everything it issued is answered `revoked`
    /// (RFC 6960 2.7).
    pub ca_compromised: Option<Timestamp>,
}

/// Why a policy is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyFault {
    /// `backdate` outside 0 to 1 h (FRESH-7), or not shorter than the validity.
    Backdate(i64),
    /// The profile forbids it.
    Forbidden {
        /// What was chosen.
        choice: Choice,
        /// The profile's name.
        profile: &'static str,
        /// The rule.
        rule: Rule,
    },
    /// No CertID hash algorithm is left.
    NoHashes,
    /// A retention below zero.
    Retention(i64),
    /// `validity` outside the bounds of the profile.
    Validity {
        /// What was asked for, in seconds.
        seconds: i64,
        /// The profile's name.
        profile: &'static str,
        /// The shortest that is allowed.
        least: i64,
        /// The longest that is allowed.
        most: i64,
        /// The rule of the bound that is broken.
        rule: Rule,
    },
}

impl Default for Policy {
    /// The profile `private`: an hour's validity and five minutes in HTTP caches, since real time is what its users
    /// come for (requirements §14).
    fn default() -> Self {
        Self::of(&Profile::PRIVATE)
    }
}

impl Policy {
    /// The longest back-dating (FRESH-7).
    pub const MOST_BACKDATE: i64 = 3600;

    /// The decisions that a profile makes where the operator makes none.
    #[must_use]
    pub fn of(profile: &'static Profile) -> Self {
        Self {
            profile,
            validity: profile.default_validity,
            max_age: profile.default_max_age,
            backdate: 0,
            unlisted: Unlisted::default(),
            not_revoked: NotRevoked::default(),
            nonce: profile.default_nonce,
            nonce_form: NonceForm::default(),
            expired: Expired::default(),
            hashes: HashAlgorithm::ALL.to_vec(),
            requestors: None,
            crl_reference: CrlReferencePolicy::default(),
            ca_compromised: None,
        }
    }
}

impl Policy {
    /// Checks the decisions against the profile's bounds.
    ///
    /// # Errors
    /// The first decision out of bounds.
    pub fn check(&self) -> Result<(), PolicyFault> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Every decision out of the profile's bounds.
    #[must_use]
    pub fn faults(&self) -> Vec<PolicyFault> {
        let mut faults: Vec<_> = self.check_validity().err().into_iter().collect();
        if !(0..=Self::MOST_BACKDATE).contains(&self.backdate) || self.backdate >= self.validity {
            faults.push(PolicyFault::Backdate(self.backdate));
        }
        if self.hashes.is_empty() {
            faults.push(PolicyFault::NoHashes);
        }
        if let Expired::Retain { seconds } = self.expired
            && seconds < 0
        {
            faults.push(PolicyFault::Retention(seconds));
        }
        let chosen = self.choices().into_iter();
        faults.extend(chosen.filter_map(|choice| self.check_choice(choice).err()));
        faults
    }

    /// Checks one choice that is made elsewhere than here, such as how a signer is named.
    ///
    /// # Errors
    /// The profile forbids it.
    pub fn check_choice(&self, choice: Choice) -> Result<(), PolicyFault> {
        match self.profile.forbids(choice) {
            Some(rule) => Err(PolicyFault::Forbidden {
                choice,
                profile: self.profile.name,
                rule,
            }),
            None => Ok(()),
        }
    }

    fn check_validity(&self) -> Result<(), PolicyFault> {
        let (least, most) = (self.profile.least_validity, self.profile.most_validity);
        let broken = if self.validity < least.seconds {
            least
        } else if self.validity > most.seconds {
            most
        } else {
            return Ok(());
        };
        Err(PolicyFault::Validity {
            seconds: self.validity,
            profile: self.profile.name,
            least: least.seconds,
            most: most.seconds,
            rule: broken.rule,
        })
    }

    /// What was chosen that a profile could forbid.
    fn choices(&self) -> Vec<Choice> {
        let chosen = [
            (self.unlisted == Unlisted::Revoked, Choice::ExtendedRevoke),
            (
                self.not_revoked == NotRevoked::Good,
                Choice::GoodWithoutIssuance,
            ),
            (self.nonce == NoncePolicy::Require, Choice::NonceRequired),
            (self.expired == Expired::Drop, Choice::DropExpired),
            (
                matches!(self.expired, Expired::Retain { .. }),
                Choice::RetainExpired,
            ),
            (
                !self.hashes.is_empty() && !self.hashes.contains(&HashAlgorithm::Sha256),
                Choice::WithoutSha256,
            ),
            (self.requestors.is_some(), Choice::SignatureRequired),
        ];
        chosen
            .into_iter()
            .filter_map(|(is_chosen, choice)| is_chosen.then_some(choice))
            .collect()
    }

    /// Seconds from the base to the refresh deadline of an answer that lives as long as policy says (FRESH-2).
    #[must_use]
    pub fn refresh_after(&self) -> i64 {
        refresh_after(self.profile.refresh, self.validity)
    }

    /// The moment from which on a newer answer is due (FRESH-2): half of its interval after its base, four days at
    /// most; under the BRs also eight hours before its end.
    ///
    /// Where a CRL is so old that this has passed already, the answer is renewed within the hour: nothing but a newer
    /// CRL makes it better, and each hour may bring one.
    pub(crate) fn refresh_deadline(
        &self,
        (this_update, next_update): (Timestamp, Timestamp),
        produced_at: Timestamp,
    ) -> Timestamp {
        if self.profile.refresh == RefreshRule::FromProducedAt {
            return produced_at + self.refresh_after();
        }
        let interval = next_update.seconds_since(this_update) + 1;
        let deadline = this_update + refresh_after(self.profile.refresh, interval);
        if deadline > produced_at {
            return deadline;
        }
        let left = next_update.seconds_since(produced_at);
        produced_at + (left / 2).clamp(1, AGAIN)
    }

    /// How long after a revocation a client may still hold a `good` answer: what was given out just before it
    /// lives until its nextUpdate (§14, worst-case exposure).
    #[must_use]
    pub fn worst_case_exposure(&self) -> i64 {
        self.validity - 1
    }
}

/// The longest between two answers from a CRL that is older than the profile likes.
const AGAIN: i64 = 3600;

fn refresh_after(rule: RefreshRule, validity: i64) -> i64 {
    let half = (validity / 2).min(4 * 86_400);
    match rule {
        // An answer that lives shorter than the margin is below every bound of the profile; half of it is all there is.
        RefreshRule::FromThisUpdate { margin } if validity > margin => half.min(validity - margin),
        _ => half,
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backdate(seconds) => write!(
                f,
                "backdate of {seconds} s: 0 to 3600 s are allowed, and less than the validity (FRESH-7)"
            ),
            Self::Forbidden {
                choice,
                profile,
                rule,
            } => write!(f, "profile {profile} forbids {choice} ({rule})"),
            Self::NoHashes => f.write_str("every CertID hash algorithm is switched off"),
            Self::Retention(seconds) => write!(f, "retention of {seconds} s is below zero"),
            Self::Validity {
                seconds,
                profile,
                least,
                most,
                rule,
            } => write!(
                f,
                "validity of {seconds} s: profile {profile} allows {least} s to {most} s ({rule})"
            ),
        }
    }
}

impl core::error::Error for PolicyFault {}
