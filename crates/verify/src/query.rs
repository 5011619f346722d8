//! The question: certificate, issuer and nonce, bound together for good.

use alloc::vec::Vec;
use core::fmt;

use certvouch_crypto::{Digest, Provider};
use certvouch_types::{
    CertId, CertIdFault, CertIdTemplate, Certificate, DecodeError, HashAlgorithm, OcspRequest,
    RequestWriter, SerialNumber, der::Reader, pkix::Name,
};

use crate::algorithms::{AlgorithmFault, AlgorithmPolicy, SignatureFault};
use crate::evidence::{CheckCode, Evidence};
use crate::trusted::TrustedResponder;

/// A question about one certificate of one issuer, against which responses are verified.
///
/// The issuer's certificate is taken as trusted: whoever builds the chain has verified it up to an anchor. What is
/// verified here is that the issuer's key signed the certificate (threats T-20), since a forged certificate with a
/// genuine issuer name and serial number would otherwise borrow the status of the genuine one.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    pub(crate) certificate: Option<Certificate<'a>>,
    pub(crate) issuer: Certificate<'a>,
    /// As it stands in the certificate asked about, else in the issuer's own: a CA may write its name in two ways, and
    /// a CertID hashes the octets of the former (requirements R6960-4.1.1-C1).
    issuer_name: Name<'a>,
    pub(crate) serial_number: SerialNumber<'a>,
    pub(crate) binding: Binding,
    pub(crate) provider: Provider,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) trusted: Vec<TrustedResponder<'a>>,
    pub(crate) evidence: Evidence,
    /// The issuer's hashes that the request was made with: most responses use the same algorithm.
    pub(crate) hashes: IssuerHashes,
    request: Vec<u8>,
}

/// By what the certificate asked about is known. Everything but [`Binding::Certificate`] belongs into what a person
/// is told: a status for a serial number says nothing about a certificate that merely claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding {
    /// The certificate itself, whose signature by the issuer was verified.
    Certificate,
    /// The hashes and the serial number of a CertID.
    Hashes,
    /// A serial number of the issuer.
    SerialNumber,
}

/// Why a question makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// The signature of the certificate uses an algorithm or a key that does not count.
    Algorithm(AlgorithmFault),
    /// The certificate does not parse.
    Certificate(DecodeError),
    /// The CertID does not parse.
    CertId(DecodeError),
    /// The CertID can be a question about nothing.
    CertIdFault(CertIdFault),
    /// The hashes of the CertID are not those of the issuer.
    HashesOfAnotherIssuer,
    /// The issuer's certificate does not parse.
    Issuer(DecodeError),
    /// The issuer's certificate is not one of a CA that signs certificates.
    IssuerIsNoCa,
    /// The certificate names another issuer.
    NotIssuedByIssuer,
    /// Another key than the issuer's signed the certificate.
    NotSignedByIssuer,
    /// A client sends nonces of 32 to 128 octets (RFC 9654 2.1).
    NonceLength(usize),
    /// The request does not parse.
    Request(DecodeError),
    /// The request asks about other certificates.
    RequestAsksElse,
}

/// A question in the making. Ends in [`QueryBuilder::certificate`], [`QueryBuilder::cert_id`] or
/// [`QueryBuilder::serial_number`].
#[derive(Clone, Debug)]
pub struct QueryBuilder<'a> {
    provider: Provider,
    pub(crate) algorithms: AlgorithmPolicy,
    hash: HashAlgorithm,
    nonce: Option<&'a [u8]>,
    request: Option<&'a [u8]>,
    trusted: Vec<TrustedResponder<'a>>,
}

#[cfg(feature = "aws-lc")]
impl<'a> Query<'a> {
    /// Asks about a certificate. Both certificates are DER; `nonce` is 32 to 128 random octets, fresh for each
    /// request, or nothing, which is what RFC 9919 3.1.1 prefers.
    ///
    /// # Errors
    /// [`QueryError`]: the two do not belong together, or cannot be read.
    pub fn new(
        certificate: &'a [u8],
        issuer: &'a [u8],
        nonce: Option<&'a [u8]>,
    ) -> Result<Self, QueryError> {
        let builder = QueryBuilder::default();
        match nonce {
            Some(nonce) => builder.nonce(nonce),
            None => builder,
        }
        .certificate(certificate, issuer)
    }
}

#[cfg(feature = "aws-lc")]
impl Default for QueryBuilder<'_> {
    /// Verified with [`certvouch_crypto::AWS_LC`].
    fn default() -> Self {
        Self::new(certvouch_crypto::AWS_LC)
    }
}

impl<'a> QueryBuilder<'a> {
    /// A question without nonce, with a SHA-256 CertID (RFC 9919 3.1.1), verified with this cryptography.
    #[must_use]
    pub const fn new(provider: Provider) -> Self {
        Self {
            provider,
            algorithms: AlgorithmPolicy::FLOOR,
            hash: HashAlgorithm::Sha256,
            nonce: None,
            request: None,
            trusted: Vec::new(),
        }
    }

    /// Sends a nonce of 32 to 128 octets.
    #[must_use]
    pub const fn nonce(mut self, nonce: &'a [u8]) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Hashes the CertID of the request with another algorithm: SHA-1 is what old responders know. Responses are
    /// matched by the algorithm that they name, whatever was asked with.
    #[must_use]
    pub const fn cert_id_hash(mut self, hash: HashAlgorithm) -> Self {
        self.hash = hash;
        self
    }

    /// Uses a request that somebody else made, in DER: its nonce counts, of whatever legal length.
    #[must_use]
    pub const fn request(mut self, request: &'a [u8]) -> Self {
        self.request = Some(request);
        self
    }

    /// Trusts a responder locally (RFC 6960 4.2.2.2 (1)), for the issuers that it is bound to.
    #[must_use]
    pub fn trusted_responder(mut self, responder: TrustedResponder<'a>) -> Self {
        self.trusted.push(responder);
        self
    }

    /// Asks about a certificate.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn certificate(
        self,
        certificate: &'a [u8],
        issuer: &'a [u8],
    ) -> Result<Query<'a>, QueryError> {
        let certificate = Certificate::parse(certificate).map_err(QueryError::Certificate)?;
        let issuer = Certificate::parse(issuer).map_err(QueryError::Issuer)?;
        self.check_issuer(&certificate, &issuer)?;
        let mut query = self.start(certificate.serial_number, issuer, Binding::Certificate);
        query.issuer_name = certificate.issuer;
        query.evidence.pass(
            CheckCode::CertificateSignature,
            "the issuer's key signed the certificate",
        );
        query.certificate = Some(certificate);
        self.finish(query)
    }

    /// Whether a CA issued a certificate: it is one, its name is the one that the certificate names, and its key signed
    /// that. Nothing is asked. What comes of it is no path to an anchor; dates and constraints are for whoever builds one.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn check_issuer(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
    ) -> Result<(), QueryError> {
        is_ca(issuer)?;
        if !certificate.issuer.matches(&issuer.subject) {
            return Err(QueryError::NotIssuedByIssuer);
        }
        let checked = self.algorithms.verify(
            &self.provider,
            &issuer.subject_public_key_info,
            &certificate.signature_algorithm,
            certificate.tbs,
            certificate.signature,
        );
        match checked {
            Ok(_) => Ok(()),
            Err(SignatureFault::Algorithm(fault)) => Err(QueryError::Algorithm(fault)),
            Err(SignatureFault::Invalid) => Err(QueryError::NotSignedByIssuer),
        }
    }

    /// Asks about what the hashes and the serial number of a CertID name.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn cert_id(self, cert_id: &'a [u8], issuer: &'a [u8]) -> Result<Query<'a>, QueryError> {
        let mut reader = Reader::new(cert_id);
        let cert_id = CertId::read(&mut reader).map_err(QueryError::CertId)?;
        reader.finish("CertID").map_err(QueryError::CertId)?;
        cert_id.check().map_err(QueryError::CertIdFault)?;
        let issuer = issuing(issuer)?;
        let mut query = self.start(cert_id.serial_number, issuer, Binding::Hashes);
        let known = cert_id.hash().is_some_and(|hash| {
            let (name, key) = query.issuer_hashes(hash);
            name.as_ref() == cert_id.issuer_name_hash && key.as_ref() == cert_id.issuer_key_hash
        });
        if !known {
            return Err(QueryError::HashesOfAnotherIssuer);
        }
        query.evidence.skip(
            CheckCode::CertificateSignature,
            "asked by the hashes of a CertID: no certificate was seen",
        );
        self.finish(query)
    }

    /// Asks about a serial number of the issuer.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn serial_number(
        self,
        serial_number: SerialNumber<'a>,
        issuer: &'a [u8],
    ) -> Result<Query<'a>, QueryError> {
        let issuer = issuing(issuer)?;
        let mut query = self.start(serial_number, issuer, Binding::SerialNumber);
        query.evidence.skip(
            CheckCode::CertificateSignature,
            "asked by serial number: no certificate was seen",
        );
        self.finish(query)
    }

    /// A question to this issuer, which is a CA.
    fn start(
        &self,
        serial_number: SerialNumber<'a>,
        issuer: Certificate<'a>,
        binding: Binding,
    ) -> Query<'a> {
        let mut evidence = Evidence::default();
        evidence.pass(CheckCode::IssuerIsCa, "the issuer is a CA");
        Query {
            certificate: None,
            issuer_name: issuer.subject,
            issuer,
            serial_number,
            binding,
            provider: self.provider,
            nonce: None,
            trusted: self.trusted.clone(),
            evidence,
            hashes: IssuerHashes::default(),
            request: Vec::new(),
        }
    }

    fn finish(self, mut query: Query<'a>) -> Result<Query<'a>, QueryError> {
        if let Some(request) = self.request {
            let parsed = OcspRequest::parse(request).map_err(QueryError::Request)?;
            let asks = |request: certvouch_types::Request<'_>| {
                query.matches(&request.cert_id, &mut IssuerHashes::default())
            };
            if !parsed.request_list.iter().any(asks) {
                return Err(QueryError::RequestAsksElse);
            }
            // A nonce that is none cannot come back; what stands there is compared as it is.
            query.nonce = match parsed.nonce() {
                Ok(nonce) => nonce.map(|nonce| nonce.as_bytes().to_vec()),
                Err((_, extension)) => Some(extension.value.to_vec()),
            };
            query.request = request.to_vec();
            return Ok(query);
        }
        let (name, key) = query.issuer_hashes(self.hash);
        query.hashes.known.push((self.hash, name, key));
        let cert_id = CertIdTemplate {
            hash_algorithm: self.hash,
            issuer_name_hash: name.as_ref(),
            issuer_key_hash: key.as_ref(),
        }
        .write(query.serial_number);
        let mut writer = RequestWriter::new().cert_id(&cert_id);
        if let Some(nonce) = self.nonce {
            if !(32..=128).contains(&nonce.len()) {
                return Err(QueryError::NonceLength(nonce.len()));
            }
            writer = writer.nonce(nonce);
            query.nonce = Some(nonce.to_vec());
        }
        query.request = writer.write();
        Ok(query)
    }
}

/// The certificate of an issuer, which is a CA.
fn issuing(der: &[u8]) -> Result<Certificate<'_>, QueryError> {
    let issuer = Certificate::parse(der).map_err(QueryError::Issuer)?;
    is_ca(&issuer).map(|()| issuer)
}

fn is_ca(issuer: &Certificate<'_>) -> Result<(), QueryError> {
    let usage = issuer.key_usage().map_err(QueryError::Issuer)?;
    let signs_certificates = usage.is_none_or(|usage| usage.key_cert_sign());
    if !issuer.is_ca().map_err(QueryError::Issuer)? || !signs_certificates {
        return Err(QueryError::IssuerIsNoCa);
    }
    Ok(())
}

/// The issuer's hashes by algorithm, computed when first needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct IssuerHashes {
    known: Vec<(HashAlgorithm, Digest, Digest)>,
}

impl Query<'_> {
    /// The request to send: one entry, unsigned, no extension but the nonce (RFC 9919 3.1).
    #[must_use]
    pub fn request_der(&self) -> &[u8] {
        &self.request
    }

    /// By what the certificate is known.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        self.binding
    }

    /// The serial number asked about.
    #[must_use]
    pub const fn serial_number(&self) -> SerialNumber<'_> {
        self.serial_number
    }

    /// The hashes of the issuer's Name and key.
    pub(crate) fn issuer_hashes(&self, hash: HashAlgorithm) -> (Digest, Digest) {
        let key = self.issuer.subject_public_key_info.subject_public_key;
        (
            self.provider.digest(hash, self.issuer_name.as_bytes()),
            self.provider.digest(hash, key),
        )
    }

    /// Whether a CertID names the certificate asked about, by the CertID's own hash algorithm.
    pub(crate) fn matches(&self, cert_id: &CertId<'_>, hashes: &mut IssuerHashes) -> bool {
        self.compare(cert_id, hashes).is_ok()
    }

    /// What in a CertID differs first, if anything.
    pub(crate) fn compare(
        &self,
        cert_id: &CertId<'_>,
        hashes: &mut IssuerHashes,
    ) -> Result<(), crate::error::Mismatch> {
        use crate::error::Mismatch;
        let parameters = cert_id.hash_algorithm.parameters_absent_or_null();
        let Some(hash) = cert_id.hash().filter(|_| parameters) else {
            return Err(Mismatch::HashAlgorithm);
        };
        let found = hashes.known.iter().find(|(known, _, _)| *known == hash);
        let (name, key) = match found {
            Some((_, name, key)) => (*name, *key),
            None => {
                let (name, key) = self.issuer_hashes(hash);
                hashes.known.push((hash, name, key));
                (name, key)
            }
        };
        if cert_id.issuer_name_hash != name.as_ref() {
            Err(Mismatch::IssuerNameHash)
        } else if cert_id.issuer_key_hash != key.as_ref() {
            Err(Mismatch::IssuerKeyHash)
        } else if cert_id.serial_number != self.serial_number {
            Err(Mismatch::SerialNumber)
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(fault) => write!(f, "signature of the certificate: {fault}"),
            Self::Certificate(error) => write!(f, "the certificate does not parse: {error}"),
            Self::CertId(error) => write!(f, "the CertID does not parse: {error}"),
            Self::CertIdFault(fault) => fault.fmt(f),
            Self::HashesOfAnotherIssuer => f.write_str("the hashes are those of another issuer"),
            Self::Issuer(error) => write!(f, "the issuer's certificate does not parse: {error}"),
            Self::IssuerIsNoCa => f.write_str("the issuer's certificate is not one of a CA"),
            Self::NotIssuedByIssuer => f.write_str("the certificate names another issuer"),
            Self::NotSignedByIssuer => f.write_str("the issuer's key did not sign the certificate"),
            Self::NonceLength(length) => write!(
                f,
                "a nonce of {length} octets; a client sends 32 to 128 (RFC 9654 2.1)"
            ),
            Self::Request(error) => write!(f, "the request does not parse: {error}"),
            Self::RequestAsksElse => f.write_str("the request asks about other certificates"),
        }
    }
}

impl core::error::Error for QueryError {}
