//! What an operator decides for one issuer, as data.

use core::fmt;

use certvouch_types::{HashAlgorithm, Timestamp};

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

/// The decisions for one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
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
    /// No CertID hash algorithm is left.
    NoHashes,
    /// A retention below zero.
    Retention(i64),
    /// `validity` outside the bounds of the profile.
    Validity {
        /// What was asked for, in seconds.
        seconds: i64,
        /// The shortest that is allowed.
        least: i64,
        /// The longest that is allowed.
        most: i64,
    },
}

impl Default for Policy {
    /// The profile `private`: an hour's validity and five minutes in HTTP caches, since real time is what its users
    /// come for (requirements §14).
    fn default() -> Self {
        Self {
            validity: 3600,
            max_age: Some(300),
            backdate: 0,
            unlisted: Unlisted::default(),
            not_revoked: NotRevoked::default(),
            nonce: NoncePolicy::default(),
            nonce_form: NonceForm::default(),
            expired: Expired::default(),
            hashes: HashAlgorithm::ALL.to_vec(),
            ca_compromised: None,
        }
    }
}

impl Policy {
    /// The shortest validity of the profile `private`: a minute.
    pub const LEAST_VALIDITY: i64 = 60;
    /// The longest validity of the profile `private`: seven days.
    pub const MOST_VALIDITY: i64 = 7 * 86_400;
    /// The longest back-dating (FRESH-7).
    pub const MOST_BACKDATE: i64 = 3600;

    /// Checks the decisions against the profile's bounds.
    ///
    /// # Errors
    /// The first decision out of bounds.
    pub fn check(&self) -> Result<(), PolicyFault> {
        let (least, most) = (Self::LEAST_VALIDITY, Self::MOST_VALIDITY);
        if !(least..=most).contains(&self.validity) {
            return Err(PolicyFault::Validity {
                seconds: self.validity,
                least,
                most,
            });
        }
        if !(0..=Self::MOST_BACKDATE).contains(&self.backdate) || self.backdate >= self.validity {
            return Err(PolicyFault::Backdate(self.backdate));
        }
        if self.hashes.is_empty() {
            return Err(PolicyFault::NoHashes);
        }
        match self.expired {
            Expired::Retain { seconds } if seconds < 0 => Err(PolicyFault::Retention(seconds)),
            _ => Ok(()),
        }
    }

    /// Seconds from producedAt to the refresh deadline (FRESH-2).
    #[must_use]
    pub fn refresh_after(&self) -> i64 {
        (self.validity / 2).min(4 * 86_400)
    }

    /// How long after a revocation a client may still hold a `good` answer: what was given out just before it
    /// lives until its nextUpdate (§14, worst-case exposure).
    #[must_use]
    pub fn worst_case_exposure(&self) -> i64 {
        self.validity - 1
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backdate(seconds) => write!(
                f,
                "backdate of {seconds} s: 0 to 3600 s are allowed, and less than the validity (FRESH-7)"
            ),
            Self::NoHashes => f.write_str("every CertID hash algorithm is switched off"),
            Self::Retention(seconds) => write!(f, "retention of {seconds} s is below zero"),
            Self::Validity {
                seconds,
                least,
                most,
            } => write!(
                f,
                "validity of {seconds} s: the profile allows {least} s to {most} s (FRESH-1)"
            ),
        }
    }
}

impl core::error::Error for PolicyFault {}
