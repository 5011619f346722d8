//! What is asked: a certificate of an issuer, and what the asker holds about it already.

use std::time::Duration;

use bytes::Bytes;
use certvouch_fetch::Caches;
use certvouch_types::{Certificate, SerialNumber, Timestamp};
use certvouch_verify::{CrlSet, Moment, Query, QueryBuilder, QueryError, danger};
use http::Uri;

use crate::policy::Sha1Signatures;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A certificate in DER.
    Certificate(Bytes),
    /// A serial number, the content octets of its INTEGER. The answer says nothing about a certificate that merely
    /// claims it (threats T-20).
    SerialNumber(Bytes),
}

/// A question. All certificates, responses and CRLs are DER.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// What is asked about.
    pub subject: Subject,
    /// The certificate of the issuer, which the caller trusts.
    pub issuer: Bytes,
    /// The responders to ask instead of those that the certificate names. The operator wrote them, so that a literal
    /// address in one may be connected to.
    pub responders: Option<Vec<Uri>>,
    /// The response that came with the certificate.
    pub staple: Option<Bytes>,
    /// CRLs that the caller holds; they count as the cache does.
    pub crls: Vec<Bytes>,
    /// The certificates of who may sign CRLs beside the issuer; the caller trusts them.
    pub crl_issuers: Vec<Bytes>,
    /// The time to judge by, instead of the clock.
    pub at: Option<Timestamp>,
    /// How long this question may take, if that is less than [`crate::Policy::total_time`].
    pub time: Option<Duration>,
    /// Whether caches on the way may answer. They may, unless the caller has heard that the status has changed.
    pub caches: Caches,
}

impl Question {
    /// Asks about a certificate.
    #[must_use]
    pub fn about(certificate: impl Into<Bytes>, issuer: impl Into<Bytes>) -> Self {
        Self::new(Subject::Certificate(certificate.into()), issuer.into())
    }

    /// Asks about a serial number (content octets). It names no responder: see [`Question::responders`].
    #[must_use]
    pub fn serial_number(content: impl Into<Bytes>, issuer: impl Into<Bytes>) -> Self {
        Self::new(Subject::SerialNumber(content.into()), issuer.into())
    }

    fn new(subject: Subject, issuer: Bytes) -> Self {
        Self {
            subject,
            issuer,
            responders: None,
            staple: None,
            crls: Vec::new(),
            crl_issuers: Vec::new(),
            at: None,
            time: None,
            caches: Caches::Welcome,
        }
    }

    /// The certificate, if one is asked about and it parses.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate<'_>> {
        match &self.subject {
            Subject::Certificate(der) => Certificate::parse(der).ok(),
            Subject::SerialNumber(_) => None,
        }
    }

    /// The question as the verifier has it; with the request that was sent, if one was.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query<'a>(
        &'a self,
        request: Option<&'a [u8]>,
        sha1: Sha1Signatures,
    ) -> Result<Query<'a>, QueryError> {
        let mut builder = QueryBuilder::default();
        if sha1 == Sha1Signatures::Allowed {
            builder = danger::allow_sha1_on_certificate(builder);
        }
        if let Some(request) = request {
            builder = builder.request(request);
        }
        match &self.subject {
            Subject::Certificate(der) => builder.certificate(der, &self.issuer),
            Subject::SerialNumber(content) => {
                builder.serial_number(SerialNumber::from_content(content), &self.issuer)
            }
        }
    }

    /// The moment to judge by.
    #[must_use]
    pub fn moment(&self, now: Timestamp) -> Moment {
        Moment::now(self.at.unwrap_or(now))
    }

    /// CRLs together with who may have signed them. A certificate that does not parse can have signed nothing.
    pub(crate) fn crl_set<'a>(&'a self, crls: &'a [Bytes]) -> CrlSet<'a> {
        let set = crls.iter().fold(CrlSet::new(), |set, crl| set.crl(crl));
        self.crl_issuers.iter().fold(set, |set, issuer| {
            set.clone().crl_issuer(issuer).unwrap_or(set)
        })
    }
}
