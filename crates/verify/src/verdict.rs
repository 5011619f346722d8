//! The words in which a verification ends. The roof maps them to exit codes.

use core::fmt;

/// The fixed vocabulary of verdicts, as far as this crate can reach one. Declared from the best to the worst news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Verified, current, good.
    Good,
    /// An error of the responder: no status at all.
    ResponderError,
    /// Right in everything but time.
    NotCurrent,
    /// Verified, current, and the responder does not know the certificate.
    Unknown,
    /// Not an OCSP response, or one that cannot mean anything.
    Malformed,
    /// Not to be believed: signature, signer, certificate or nonce.
    NotTrusted,
    /// Verified and revoked.
    Revoked,
}

impl Verdict {
    /// The word that stands first on the verdict line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "GOOD",
            Self::ResponderError => "RESPONDER-ERROR",
            Self::NotCurrent => "NOT-CURRENT",
            Self::Unknown => "UNKNOWN",
            Self::Malformed => "MALFORMED",
            Self::NotTrusted => "NOT-TRUSTED",
            Self::Revoked => "REVOKED",
        }
    }

    /// How bad it is: of several certificates the verdict with the highest rank counts. Places are left for what
    /// only an asking client can say (unreachable, no responder named), which ranks between good and an error.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::ResponderError => 3,
            Self::NotCurrent => 4,
            Self::Unknown => 5,
            Self::Malformed => 6,
            Self::NotTrusted => 7,
            Self::Revoked => 8,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
