//! What came of a question: an answer or the reason why there is none, and every exchange on the way.

use core::fmt;
use std::time::Duration;

use bytes::Bytes;
use certvouch_verify::Verdict;
use http::Uri;

use crate::answer::Answer;
use crate::failure::{Failure, NoAnswer};
use crate::form::Form;
use crate::limits::SKEW;
use crate::locations::Locations;
use crate::policy::Source;

/// The word in which a question ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Word {
    /// One that the verifier knows.
    Verdict(Verdict),
    /// Nobody could be asked, although somebody is named.
    Unreachable,
    /// Nobody is named who could be asked.
    NoOcsp,
}

impl Word {
    /// The word that stands first on the verdict line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verdict(verdict) => verdict.word(),
            Self::Unreachable => "UNREACHABLE",
            Self::NoOcsp => "NO-OCSP",
        }
    }

    /// How bad it is: of several certificates the word with the highest rank counts.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Verdict(verdict) => verdict.rank(),
            Self::Unreachable => 2,
            Self::NoOcsp => 1,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One look at one source: a staple, something kept, one HTTP exchange.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Which source.
    pub source: Source,
    /// Where it was asked. Foreign text, unless the caller wrote it.
    pub url: Option<Uri>,
    /// How it was asked, if it was a responder.
    pub form: Option<Form>,
    /// Octets sent, of TCP's payload; TLS included, IP and TCP headers not.
    pub sent: u64,
    /// Octets received, counted likewise.
    pub received: u64,
    /// Connections that were made.
    pub connections: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// By how many seconds the Date of the server was ahead of this clock, if it said one.
    pub ahead: Option<i64>,
    /// The request, if it was a responder.
    pub request: Option<Bytes>,
    /// What came, if it was no CRL.
    pub body: Option<Bytes>,
    /// The CRLs that were judged together, if it was CRLs.
    pub crls: Vec<Bytes>,
    /// Whether it only fetched a CRL: what the CRLs say together is an attempt of its own.
    pub fetched_only: bool,
    /// What became of it.
    pub result: Result<Verdict, Failure>,
}

impl Attempt {
    pub(crate) const fn new(source: Source, result: Result<Verdict, Failure>) -> Self {
        Self {
            source,
            url: None,
            form: None,
            sent: 0,
            received: 0,
            connections: 0,
            elapsed: Duration::ZERO,
            ahead: None,
            request: None,
            body: None,
            crls: Vec::new(),
            fetched_only: false,
            result,
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        if let Some(url) = &self.url {
            write!(f, " {url}")?;
        }
        if let Some(form) = &self.form {
            write!(f, " ({form})")?;
        }
        match &self.result {
            Ok(_) if self.fetched_only => f.write_str(": a CRL")?,
            Ok(verdict) => write!(f, ": {verdict}")?,
            Err(why) => write!(f, ": {why}")?,
        }
        if self.connections > 0 {
            write!(
                f,
                "; {} octets sent, {} received, {} ms",
                self.sent,
                self.received,
                self.elapsed.as_millis()
            )?;
        }
        Ok(())
    }
}

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(crate) result: Result<Answer, NoAnswer>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) locations: Locations,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// The answer, which was verified.
    ///
    /// # Errors
    /// Why there is none.
    pub const fn answer(&self) -> Result<&Answer, &NoAnswer> {
        self.result.as_ref()
    }

    /// The word for it.
    #[must_use]
    pub fn word(&self) -> Word {
        match &self.result {
            Ok(answer) => Word::Verdict(answer.verdict()),
            Err(why) => why.word(),
        }
    }

    /// Every look at every source, in the order in which they ended.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// What the certificate names.
    #[must_use]
    pub const fn locations(&self) -> &Locations {
        &self.locations
    }

    /// How long all took.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Octets sent to everybody.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.sent).sum()
    }

    /// Octets received from everybody.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.received).sum()
    }

    /// By how many seconds servers say that this clock is slow (positive) or fast (negative), if by more than
    /// [`SKEW`]. A cache that does not say the Age of what it has looks like a fast clock.
    #[must_use]
    pub fn skew(&self) -> Option<i64> {
        let ahead = self.attempts.iter().filter_map(|attempt| attempt.ahead);
        ahead
            .min_by_key(|seconds| seconds.unsigned_abs())
            .filter(|seconds| seconds.abs() > SKEW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_rank_as_the_manual_says() {
        let worst_first = [
            Word::Verdict(Verdict::Revoked),
            Word::Verdict(Verdict::NotTrusted),
            Word::Verdict(Verdict::Malformed),
            Word::Verdict(Verdict::Unknown),
            Word::Verdict(Verdict::NotCurrent),
            Word::Verdict(Verdict::ResponderError),
            Word::Unreachable,
            Word::NoOcsp,
            Word::Verdict(Verdict::Good),
        ];
        assert!(worst_first.is_sorted_by(|worse, better| worse.rank() > better.rank()));
    }
}
