//! The checks of the doctor as data: each has a name that stays, a severity that was found, and the reason why it matters.

use std::fmt;

use serde::{Serialize, Serializer};

/// How bad a finding is. What is not `pass` is a finding; a check that could not be made says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Not made: an earlier check failed, or there is nothing to look at.
    Skipped,
    /// It holds.
    Pass,
    /// Worth knowing.
    Info,
    /// Works for some, or not for long.
    Warning,
    /// Clients refuse the server, or will.
    Error,
}

impl Severity {
    /// The stable word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Pass => "pass",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $why:literal;)*) => {
        /// The checks, in the order in which they are listed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Check {
            $($(#[$doc])* $name,)*
        }

        impl Check {
            /// All of them, in order.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub(super) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Why it matters.
            pub(super) const fn why(self) -> &'static str {
                match self {
                    $(Self::$name => $why,)*
                }
            }
        }
    };
}

checks! {
    /// A handshake came about.
    Handshake = "handshake", "without a handshake nobody sees a staple";
    /// The certificate is inside its dates.
    CertificateDates = "certificate-dates", "no staple makes an expired certificate good, and responders forget it";
    /// The certificate names somebody who could be asked.
    Responder = "responder-named", "where the CA has no OCSP responder there is nothing to staple";
    /// A staple came along.
    Sent = "staple-sent", "without a staple clients ask the CA themselves, or do not look at all";
    /// In each handshake alike.
    Steady = "staple-steady", "each client makes one handshake: a staple in the next one comes too late for it";
    /// In both versions of TLS.
    Versions = "staple-in-tls-1.2", "the staple is a message of its own in TLS 1.2 (RFC 6066 8), and part of the certificate's in 1.3 (RFC 8446 4.4.2.1)";
    /// What the certificate demands is met.
    MustStaple = "must-staple", "clients that enforce RFC 7633 refuse such a certificate without a valid staple";
    /// The staple is a response.
    Ocsp = "staple-is-response", "clients find no status in anything else; some end the handshake (RFC 6066 8)";
    /// The issuer's certificate is at hand.
    Issuer = "issuer-found", "a response counts only by the key of who issued the certificate; servers need it to ask, too";
    /// It is about this certificate.
    About = "staple-about-certificate", "another certificate's status says nothing about this one (RFC 6960 3.2)";
    /// Its signer may speak for the issuer.
    Signer = "staple-signer", "anybody can sign; the issuer and its delegates count (RFC 6960 4.2.2.2)";
    /// Its signature verifies.
    Signature = "staple-signature", "a response that was changed proves nothing (RFC 6960 3.2)";
    /// It is in date.
    InDate = "staple-in-date", "an expired staple is worse than none: clients refuse the server, or it looks attacked";
    /// It was refreshed in time.
    Refreshed = "staple-refreshed", "who refreshes late has no time left when the responder is down";
    /// It says good.
    Status = "status", "the staple is how clients learn it";
    /// Its CertID uses the hash that everybody knows.
    Hash = "cert-id-hash", "curl, Java, HAProxy and s2n-tls look for a CertID by SHA-1 and find no other";
    /// It has one entry.
    Entries = "one-entry", "HAProxy, Envoy and certmagic take no response with several";
    /// It is not too large.
    Size = "staple-size", "it travels in every handshake: Apache staples 10 KiB at most, a TLS record has 16 KiB (RFC 8446 5.1)";
    /// The server's own demands.
    Server = "server-takes-it", "servers drop a response that is not in their form, without a word";
    /// The responder says the same.
    Responds = "responder-agrees", "a staple lives for days: a revocation since then is known to the responder alone";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What came of a check.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: Check,
    pub(super) severity: Severity,
    /// What was seen. May hold foreign text.
    pub(super) seen: String,
    /// Why it matters.
    pub(super) why: &'static str,
    /// What to change. May hold foreign text.
    pub(super) advice: Option<String>,
    /// The command to run next: words for a shell, safe to show.
    pub(super) next: Option<String>,
}

impl Finding {
    pub(super) fn new(check: Check, severity: Severity, seen: impl Into<String>) -> Self {
        Self {
            check,
            severity,
            seen: seen.into(),
            why: check.why(),
            advice: None,
            next: None,
        }
    }

    pub(super) fn pass(check: Check, seen: impl Into<String>) -> Self {
        Self::new(check, Severity::Pass, seen)
    }

    pub(super) fn skipped(check: Check, seen: impl Into<String>) -> Self {
        Self::new(check, Severity::Skipped, seen)
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

/// The table of `--list`.
pub(super) fn table() -> String {
    let line = |check: &Check| format!("{check:<25} {}\n", check.why());
    Check::ALL.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_for_machines_and_differ() {
        let mut names: Vec<_> = Check::ALL.iter().map(|check| check.as_str()).collect();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(
            names.iter().all(|name| name.chars().all(plain)),
            "{names:?}"
        );
        assert!(names.iter().all(|name| name.len() <= 25), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Check::ALL.len());
        assert_eq!(table().lines().count(), names.len());
    }

    #[test]
    fn severities_are_ordered_as_thresholds_need_it() {
        use Severity::{Error, Info, Pass, Skipped, Warning};
        assert!(Skipped < Pass && Pass < Info && Info < Warning && Warning < Error);
    }
}
