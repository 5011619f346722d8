//! The decisions that have a name: how they are written in the file and on the command line, and what they become.

use std::fmt;
use std::str::FromStr;

use certvouch_responder as role;
use certvouch_types::{HashAlgorithm, Timestamp};
use clap::ValueEnum;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::units::Period;

/// The answer about a serial number that was never issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unlisted {
    /// Signed: unknown.
    #[default]
    Unknown,
    /// Not signed: no authoritative record (RFC 9919 3.2.3).
    Unauthorized,
    /// Signed: revoked, on hold since 1970 (RFC 6960 2.2).
    Revoked,
}

/// The answer where a CRL lists nothing and nobody knows whether the certificate was issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NotRevoked {
    /// Signed: unknown. A CRL cannot say that something was issued.
    #[default]
    Unknown,
    /// Signed: good, also for numbers that somebody made up.
    Good,
}

/// What becomes of the nonce in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Nonce {
    /// It comes back; such an answer is signed for this request alone.
    #[default]
    Echo,
    /// It is ignored; every answer may come from the cache.
    Ignore,
    /// A request without one is refused.
    Require,
}

/// Whether requests must be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RequestSignatures {
    /// They need not be; a signature that comes along is not looked at.
    #[default]
    Ignore,
    /// Only those signed by listed requestors are answered.
    Require,
}

/// Whether a revocation out of a CRL says which CRL it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CrlReference {
    /// It does not.
    #[default]
    Omit,
    /// The number and the time of the CRL (RFC 6960 4.4.2).
    Send,
}

/// Which encodings of a nonce are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NonceForm {
    /// An OCTET STRING inside extnValue, as RFC 9654 has it.
    #[default]
    Strict,
    /// Raw octets too, as some old clients send them.
    Raw,
}

/// How answers name their signer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ResponderId {
    /// By the SHA-1 of its key, as RFC 9919 demands.
    #[default]
    ByKey,
    /// By its subject, for clients that know nothing else.
    ByName,
}

/// Whether the signer's certificate travels with the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EmbedCertificate {
    /// A delegate's does, the CA's own does not.
    #[default]
    Delegate,
    /// Never, for clients that hold it already.
    Never,
}

/// A hash algorithm of CertIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Hash {
    /// SHA-1, which most clients use.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is answered about a certificate past its notAfter: `answer`, `drop` or `retain=7y`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expired {
    /// Its status, as long as the source has it.
    #[default]
    Answer,
    /// `unauthorized`.
    Drop,
    /// Its status for this long, then `unauthorized`.
    Retain(Period),
}

/// The most time that an HTTP cache may keep an answer: a duration, or `refresh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaxAge {
    /// Until the answer is due for a refresh.
    Refresh,
    /// At most this long.
    Period(Period),
}

/// A moment, as RFC 3339 text in UTC: `2026-11-23T09:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment(pub Timestamp);

impl From<Unlisted> for role::Unlisted {
    fn from(choice: Unlisted) -> Self {
        match choice {
            Unlisted::Unknown => Self::Unknown,
            Unlisted::Unauthorized => Self::Unauthorized,
            Unlisted::Revoked => Self::Revoked,
        }
    }
}

impl From<NotRevoked> for role::NotRevoked {
    fn from(choice: NotRevoked) -> Self {
        match choice {
            NotRevoked::Unknown => Self::Unknown,
            NotRevoked::Good => Self::Good,
        }
    }
}

impl From<Nonce> for role::NoncePolicy {
    fn from(choice: Nonce) -> Self {
        match choice {
            Nonce::Echo => Self::Echo,
            Nonce::Ignore => Self::Ignore,
            Nonce::Require => Self::Require,
        }
    }
}

impl From<role::NoncePolicy> for Nonce {
    fn from(policy: role::NoncePolicy) -> Self {
        match policy {
            role::NoncePolicy::Ignore => Self::Ignore,
            role::NoncePolicy::Require => Self::Require,
            _ => Self::Echo,
        }
    }
}

impl From<CrlReference> for role::CrlReferencePolicy {
    fn from(choice: CrlReference) -> Self {
        match choice {
            CrlReference::Omit => Self::Omit,
            CrlReference::Send => Self::Send,
        }
    }
}

impl From<NonceForm> for role::NonceForm {
    fn from(choice: NonceForm) -> Self {
        match choice {
            NonceForm::Strict => Self::Strict,
            NonceForm::Raw => Self::Raw,
        }
    }
}

impl From<ResponderId> for role::ResponderIdForm {
    fn from(choice: ResponderId) -> Self {
        match choice {
            ResponderId::ByKey => Self::ByKey,
            ResponderId::ByName => Self::ByName,
        }
    }
}

impl From<EmbedCertificate> for role::EmbedCertificate {
    fn from(choice: EmbedCertificate) -> Self {
        match choice {
            EmbedCertificate::Delegate => Self::Delegate,
            EmbedCertificate::Never => Self::Never,
        }
    }
}

impl From<Hash> for HashAlgorithm {
    fn from(choice: Hash) -> Self {
        match choice {
            Hash::Sha1 => Self::Sha1,
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

impl From<Expired> for role::Expired {
    fn from(choice: Expired) -> Self {
        match choice {
            Expired::Answer => Self::Answer,
            Expired::Drop => Self::Drop,
            Expired::Retain(period) => Self::Retain {
                seconds: period.secs(),
            },
        }
    }
}

impl MaxAge {
    /// In seconds; nothing is the whole way to the refresh.
    #[must_use]
    pub fn secs(self) -> Option<i64> {
        match self {
            Self::Refresh => None,
            Self::Period(period) => Some(period.secs()),
        }
    }
}

impl FromStr for Expired {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "answer" => Ok(Self::Answer),
            "drop" => Ok(Self::Drop),
            _ => match text.strip_prefix("retain=") {
                Some(period) => period.parse().map(Self::Retain),
                None => Err(format!(
                    "{text:?} is neither \"answer\" nor \"drop\" nor \"retain=\" with a duration, such as \"retain=7y\""
                )),
            },
        }
    }
}

impl FromStr for MaxAge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "refresh" {
            return Ok(Self::Refresh);
        }
        text.parse()
            .map(Self::Period)
            .map_err(|why| format!("{why}; or \"refresh\""))
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Timestamp::from_rfc3339(text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no time in UTC such as \"2026-11-23T09:00:00Z\""))
    }
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer => f.write_str("answer"),
            Self::Drop => f.write_str("drop"),
            Self::Retain(period) => write!(f, "retain={period}"),
        }
    }
}

impl fmt::Display for MaxAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refresh => f.write_str("refresh"),
            Self::Period(period) => period.fmt(f),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Written and read as text, by `Display` and `FromStr`.
macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

as_text!(Expired, MaxAge, Moment);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_has_three_forms() {
        for text in ["answer", "drop", "retain=7y"] {
            assert_eq!(text.parse::<Expired>().unwrap().to_string(), text);
        }
        assert_eq!(
            role::Expired::from("retain=2h".parse::<Expired>().unwrap()),
            role::Expired::Retain { seconds: 7200 }
        );
        assert!(
            "retain"
                .parse::<Expired>()
                .unwrap_err()
                .contains("retain=7y")
        );
        assert!(
            "retain=7"
                .parse::<Expired>()
                .unwrap_err()
                .contains("no duration")
        );
    }

    #[test]
    fn max_age_is_a_duration_or_refresh() {
        assert_eq!("refresh".parse::<MaxAge>().unwrap().secs(), None);
        assert_eq!("5m".parse::<MaxAge>().unwrap().secs(), Some(300));
        assert!("5".parse::<MaxAge>().unwrap_err().contains("\"refresh\""));
    }

    #[test]
    fn moments_are_in_utc() {
        let text = "2026-11-23T09:00:00Z";
        assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        assert!("2026-11-23".parse::<Moment>().is_err());
    }
}
