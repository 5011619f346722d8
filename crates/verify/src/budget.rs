//! Every limit on the work that one verification may cause, each with its reason (threats T-23).
//!
//! A response comes from a stranger; what it makes us compute is bounded before anything in it is believed. A CRL
//! that vouches for a delegate is signed by the issuer's own key, whose status is not a question of this crate: so
//! one level of CRL is all there is, and nothing recurses.

use core::fmt;

/// Signature checks per response: two are needed (the delegate's certificate and the response); a responder in the
/// middle of a key change may embed a few candidates under one name, each costing two. One RSA-8192 check takes
/// about a millisecond, so the worst response costs less than ten.
pub const MAX_SIGNATURE_CHECKS: usize = 8;

/// Embedded certificates per response: one is useful, four have been seen (a whole chain). Each costs a parse and a
/// SHA-1 over its key.
pub const MAX_EMBEDDED_CERTIFICATES: usize = 16;

/// Bits of an RSA modulus: 4096 is the largest in use, 8192 the largest that the cryptographic library takes. The
/// cost of a check grows with the square.
pub const MAX_RSA_BITS: usize = 8192;

/// SingleResponses per response: responders answer for one certificate, pre-producing ones for a batch. RFC 9919
/// 3.2.1 has one; the bound keeps the comparison of digests (cached per algorithm) below a millisecond.
pub const MAX_SINGLE_RESPONSES: usize = 1024;

/// CRLs that are judged together: a complete one and its delta, or one per reason and sort of subject; a CA that cuts
/// its CRL into hundreds of parts names the one that matters in the certificate.
pub const MAX_CRLS: usize = 64;

/// A limit that a response or a set of CRLs hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`MAX_CRLS`].
    Crls,
    /// [`MAX_EMBEDDED_CERTIFICATES`].
    EmbeddedCertificates,
    /// [`MAX_SIGNATURE_CHECKS`].
    SignatureChecks,
    /// [`MAX_SINGLE_RESPONSES`].
    SingleResponses,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crls => write!(f, "more than {MAX_CRLS} CRLs"),
            Self::EmbeddedCertificates => {
                write!(
                    f,
                    "more than {MAX_EMBEDDED_CERTIFICATES} embedded certificates"
                )
            }
            Self::SignatureChecks => {
                write!(f, "more than {MAX_SIGNATURE_CHECKS} signature checks")
            }
            Self::SingleResponses => {
                write!(f, "more than {MAX_SINGLE_RESPONSES} single responses")
            }
        }
    }
}

/// What is left to spend on one response.
#[derive(Debug)]
pub(crate) struct Budget {
    signature_checks: usize,
}

impl Budget {
    pub(crate) const fn new() -> Self {
        Self {
            signature_checks: MAX_SIGNATURE_CHECKS,
        }
    }

    /// Pays for one signature check.
    pub(crate) fn signature_check(&mut self) -> Result<(), Limit> {
        self.signature_checks = self
            .signature_checks
            .checked_sub(1)
            .ok_or(Limit::SignatureChecks)?;
        Ok(())
    }
}
