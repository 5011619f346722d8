//! A small reader of OCSP responses (RFC 6960 4.2) and of certificates, independent of our own.
//!
//! It reads strictly what a responder should send and reports everything else as a sentence, so a test
//! that parses an answer has already checked its shape. [`Basic::verify_with`] checks the signature.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::ask::NONCE;
use crate::clock::Civil;
use crate::der::{self, Tlv};
use crate::pki::SigAlg;

/// An OCSPResponse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// responseStatus.
    pub status: u8,
    /// The BasicOCSPResponse, when there are responseBytes.
    pub basic: Option<Basic>,
}

/// A BasicOCSPResponse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basic {
    /// The whole BasicOCSPResponse, DER.
    pub der: Vec<u8>,
    /// The signed bytes: the ResponseData TLV.
    pub tbs: Vec<u8>,
    /// True when version is written out.
    pub version_encoded: bool,
    /// responderID.
    pub responder_id: ResponderId,
    /// producedAt in Unix seconds.
    pub produced_at: i64,
    /// The SingleResponses, in order.
    pub singles: Vec<Single>,
    /// responseExtensions; nothing when the field is absent.
    pub extensions: Option<Vec<Ext>>,
    /// signatureAlgorithm, DER.
    pub algorithm: Vec<u8>,
    /// The signature bits.
    pub signature: Vec<u8>,
    /// `certs`, each as DER; nothing when the field is absent.
    pub certs: Option<Vec<Vec<u8>>>,
}

/// responderID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponderId {
    /// The Name, DER.
    ByName(Vec<u8>),
    /// The key hash.
    ByKey(Vec<u8>),
}

/// A SingleResponse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Single {
    /// The whole SingleResponse, DER.
    pub der: Vec<u8>,
    /// The CertID, DER.
    pub cert_id: Vec<u8>,
    /// Content octets of the serial in the CertID.
    pub serial: Vec<u8>,
    /// certStatus.
    pub status: CertStatus,
    /// certStatus as encoded.
    pub status_der: Vec<u8>,
    /// thisUpdate in Unix seconds.
    pub this_update: i64,
    /// nextUpdate in Unix seconds.
    pub next_update: Option<i64>,
    /// singleExtensions; nothing when the field is absent.
    pub extensions: Option<Vec<Ext>>,
}

/// certStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// good.
    Good,
    /// revoked.
    Revoked {
        /// revocationTime in Unix seconds.
        at: i64,
        /// revocationReason.
        reason: Option<u8>,
    },
    /// unknown.
    Unknown,
}

/// An Extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ext {
    /// extnID, dotted.
    pub oid: String,
    /// critical.
    pub critical: bool,
    /// Content of extnValue.
    pub value: Vec<u8>,
    /// The whole Extension, DER.
    pub der: Vec<u8>,
}

impl Answer {
    /// Reads an OCSPResponse.
    ///
    /// # Errors
    /// A sentence on the first thing that is not as RFC 6960 4.2.1 and DER want it.
    pub fn parse(input: &[u8]) -> Result<Self, String> {
        let mut fields = Fields::of(der::read_only(input)?, 0x30, "OCSPResponse")?;
        let status = match fields.need(0x0A, "responseStatus")?.content {
            [status] => *status,
            other => return Err(format!("responseStatus has {} octets", other.len())),
        };
        let basic = match fields.optional(0xA0) {
            None => None,
            Some(wrapped) => {
                let mut bytes =
                    Fields::of(der::read_only(wrapped.content)?, 0x30, "responseBytes")?;
                let kind = der::oid_text(bytes.need(0x06, "responseType")?.content);
                if kind != "1.3.6.1.5.5.7.48.1.1" {
                    return Err(format!("responseType is {kind}"));
                }
                let response = bytes.need(0x04, "response")?.content;
                bytes.end("responseBytes")?;
                Some(Basic::parse(response)?)
            }
        };
        fields.end("OCSPResponse")?;
        Ok(Self { status, basic })
    }

    /// Reads an OCSPResponse that must be successful.
    ///
    /// # Panics
    /// When it does not parse, has another status or no responseBytes.
    #[must_use]
    pub fn successful(input: &[u8]) -> Basic {
        let answer = Self::parse(input).unwrap_or_else(|why| panic!("{why}: {input:02X?}"));
        assert_eq!(answer.status, 0, "responseStatus");
        answer
            .basic
            .expect("a successful response has responseBytes")
    }
}

impl Basic {
    /// Reads a BasicOCSPResponse.
    ///
    /// # Errors
    /// As [`Answer::parse`].
    pub fn parse(input: &[u8]) -> Result<Self, String> {
        let mut fields = Fields::of(der::read_only(input)?, 0x30, "BasicOCSPResponse")?;
        let tbs = fields.need(0x30, "tbsResponseData")?;
        let algorithm = fields.need(0x30, "signatureAlgorithm")?.raw.to_vec();
        let signature = bit_string(fields.need(0x03, "signature")?)?;
        let certs = match fields.optional(0xA0) {
            None => None,
            Some(wrapped) => {
                let list = Fields::of(der::read_only(wrapped.content)?, 0x30, "certs")?;
                Some(list.rest.iter().map(|cert| cert.raw.to_vec()).collect())
            }
        };
        fields.end("BasicOCSPResponse")?;

        let mut data = Fields::of(tbs, 0x30, "ResponseData")?;
        let version_encoded = data.optional(0xA0).is_some();
        let responder_id = match (data.optional(0xA1), data.optional(0xA2)) {
            (Some(name), None) => ResponderId::ByName(name.content.to_vec()),
            (None, Some(key)) => ResponderId::ByKey(
                expect_tag(der::read_only(key.content)?, 0x04, "KeyHash")?
                    .content
                    .to_vec(),
            ),
            _ => return Err("responderID is neither byName nor byKey".to_owned()),
        };
        let produced_at = time(data.need(0x18, "producedAt")?)?;
        let responses = Fields::of(data.need(0x30, "responses")?, 0x30, "responses")?;
        let singles = responses.rest.iter().map(|one| Single::parse(*one));
        let singles = singles.collect::<Result<Vec<_>, _>>()?;
        let extensions = data.optional(0xA1).map(extensions).transpose()?;
        data.end("ResponseData")?;
        Ok(Self {
            der: input.to_vec(),
            tbs: tbs.raw.to_vec(),
            version_encoded,
            responder_id,
            produced_at,
            singles,
            extensions,
            algorithm,
            signature,
            certs,
        })
    }

    /// The octets of the nonce, out of both their layers; nothing when there is none.
    ///
    /// # Panics
    /// When the nonce is not one OCTET STRING inside extnValue.
    #[must_use]
    pub fn nonce(&self) -> Option<Vec<u8>> {
        let nonce = self.extension(NONCE)?;
        let inner = der::read_only(&nonce.value).expect("a nonce is one TLV");
        assert_eq!(inner.tag, 0x04, "a nonce is an OCTET STRING");
        Some(inner.content.to_vec())
    }

    /// The responseExtension with this OID.
    #[must_use]
    pub fn extension(&self, dotted: &str) -> Option<&Ext> {
        self.extensions
            .as_ref()?
            .iter()
            .find(|ext| ext.oid == dotted)
    }

    /// The only SingleResponse.
    ///
    /// # Panics
    /// When there are none or several.
    #[must_use]
    pub fn single(&self) -> &Single {
        assert_eq!(self.singles.len(), 1, "one SingleResponse");
        &self.singles[0]
    }

    /// Checks the signature with the key of a certificate (DER). Nothing else is checked.
    ///
    /// # Errors
    /// A sentence: unknown algorithm, key of another kind, or wrong signature.
    pub fn verify_with(&self, certificate: &[u8]) -> Result<(), String> {
        let spki = CertView::parse(certificate)?.spki;
        verify_signature(&self.algorithm, &spki, &self.tbs, &self.signature)
    }
}

impl Single {
    fn parse(input: Tlv<'_>) -> Result<Self, String> {
        let mut fields = Fields::of(input, 0x30, "SingleResponse")?;
        let cert_id = fields.need(0x30, "certID")?;
        let mut id = Fields::of(cert_id, 0x30, "certID")?;
        id.need(0x30, "hashAlgorithm")?;
        id.need(0x04, "issuerNameHash")?;
        id.need(0x04, "issuerKeyHash")?;
        let serial = id.need(0x02, "serialNumber")?.content.to_vec();
        id.end("certID")?;
        let status_der = fields.any("certStatus")?;
        let this_update = time(fields.need(0x18, "thisUpdate")?)?;
        let next_update = fields.optional(0xA0);
        let next_update = next_update
            .map(|one| time(der::read_only(one.content)?))
            .transpose()?;
        let extensions = fields.optional(0xA1).map(extensions).transpose()?;
        fields.end("SingleResponse")?;
        Ok(Self {
            der: input.raw.to_vec(),
            cert_id: cert_id.raw.to_vec(),
            serial,
            status: cert_status(status_der)?,
            status_der: status_der.raw.to_vec(),
            this_update,
            next_update,
            extensions,
        })
    }

    /// The singleExtension with this OID.
    #[must_use]
    pub fn extension(&self, dotted: &str) -> Option<&Ext> {
        self.extensions
            .as_ref()?
            .iter()
            .find(|ext| ext.oid == dotted)
    }
}

/// The parts of a certificate that tests compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertView {
    /// Content octets of serialNumber.
    pub serial: Vec<u8>,
    /// issuer Name, DER.
    pub issuer: Vec<u8>,
    /// subject Name, DER.
    pub subject: Vec<u8>,
    /// notBefore in Unix seconds.
    pub not_before: i64,
    /// notAfter in Unix seconds.
    pub not_after: i64,
    /// SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
    /// Content of the subjectPublicKey BIT STRING without the unused-bits octet.
    pub key_bits: Vec<u8>,
    /// The extensions, in order.
    pub extensions: Vec<Ext>,
    /// The signed bytes.
    pub tbs: Vec<u8>,
    /// signatureAlgorithm, DER.
    pub algorithm: Vec<u8>,
    /// The signature bits.
    pub signature: Vec<u8>,
}

impl CertView {
    /// Reads a certificate.
    ///
    /// # Errors
    /// A sentence on what is not as RFC 5280 4.1 wants it.
    pub fn parse(input: &[u8]) -> Result<Self, String> {
        let mut outer = Fields::of(der::read_only(input)?, 0x30, "Certificate")?;
        let tbs = outer.need(0x30, "tbsCertificate")?;
        let algorithm = outer.need(0x30, "signatureAlgorithm")?.raw.to_vec();
        let signature = bit_string(outer.need(0x03, "signature")?)?;
        outer.end("Certificate")?;
        let mut fields = Fields::of(tbs, 0x30, "tbsCertificate")?;
        fields.optional(0xA0);
        let serial = fields.need(0x02, "serialNumber")?.content.to_vec();
        fields.need(0x30, "signature")?;
        let issuer = fields.need(0x30, "issuer")?.raw.to_vec();
        let mut validity = Fields::of(fields.need(0x30, "validity")?, 0x30, "validity")?;
        let (not_before, not_after) = (
            time(validity.any("notBefore")?)?,
            time(validity.any("notAfter")?)?,
        );
        let subject = fields.need(0x30, "subject")?.raw.to_vec();
        let spki = fields.need(0x30, "subjectPublicKeyInfo")?;
        let mut key = Fields::of(spki, 0x30, "subjectPublicKeyInfo")?;
        key.need(0x30, "algorithm")?;
        let key_bits = bit_string(key.need(0x03, "subjectPublicKey")?)?;
        let extensions = fields
            .optional(0xA3)
            .map(extensions)
            .transpose()?
            .unwrap_or_default();
        Ok(Self {
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            spki: spki.raw.to_vec(),
            key_bits,
            extensions,
            tbs: tbs.raw.to_vec(),
            algorithm,
            signature,
        })
    }
}

/// Checks a signature: AlgorithmIdentifier and SubjectPublicKeyInfo as DER.
///
/// # Errors
/// A sentence: unknown algorithm, key of another kind, or wrong signature.
pub fn verify_signature(
    algorithm: &[u8],
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), String> {
    let known = SigAlg::ALL
        .into_iter()
        .find(|one| one.identifier() == algorithm);
    let known = known.ok_or_else(|| format!("unknown algorithm {}", der::to_hex(algorithm)))?;
    let mut key = Fields::of(der::read_only(spki)?, 0x30, "SubjectPublicKeyInfo")?;
    let key_algorithm = key.need(0x30, "algorithm")?.raw;
    let bits = bit_string(key.need(0x03, "subjectPublicKey")?)?;
    let verifier = verifier(known, key_algorithm)?;
    UnparsedPublicKey::new(verifier, bits)
        .verify(message, signature)
        .map_err(|_| format!("{known:?}: the signature is wrong"))
}

fn verifier(
    known: SigAlg,
    key_algorithm: &[u8],
) -> Result<&'static dyn VerificationAlgorithm, String> {
    let oid = |text: &str| {
        let wanted = der::oid(text);
        key_algorithm
            .windows(wanted.len())
            .any(|part| part == wanted)
    };
    let (p256, p384, p521) = (
        oid("1.2.840.10045.3.1.7"),
        oid("1.3.132.0.34"),
        oid("1.3.132.0.35"),
    );
    let rsa = oid("1.2.840.113549.1.1.1");
    Ok(match known {
        SigAlg::RsaSha256 if rsa => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigAlg::RsaSha384 if rsa => &signature::RSA_PKCS1_2048_8192_SHA384,
        SigAlg::RsaSha512 if rsa => &signature::RSA_PKCS1_2048_8192_SHA512,
        SigAlg::RsaPssSha256 if rsa => &signature::RSA_PSS_2048_8192_SHA256,
        SigAlg::RsaPssSha384 if rsa => &signature::RSA_PSS_2048_8192_SHA384,
        SigAlg::RsaPssSha512 if rsa => &signature::RSA_PSS_2048_8192_SHA512,
        SigAlg::EcdsaSha256 if p256 => &signature::ECDSA_P256_SHA256_ASN1,
        SigAlg::EcdsaSha384 if p256 => &signature::ECDSA_P256_SHA384_ASN1,
        SigAlg::EcdsaSha512 if p256 => &signature::ECDSA_P256_SHA512_ASN1,
        SigAlg::EcdsaSha256 if p384 => &signature::ECDSA_P384_SHA256_ASN1,
        SigAlg::EcdsaSha384 if p384 => &signature::ECDSA_P384_SHA384_ASN1,
        SigAlg::EcdsaSha512 if p384 => &signature::ECDSA_P384_SHA512_ASN1,
        SigAlg::EcdsaSha256 if p521 => &signature::ECDSA_P521_SHA256_ASN1,
        SigAlg::EcdsaSha384 if p521 => &signature::ECDSA_P521_SHA384_ASN1,
        SigAlg::EcdsaSha512 if p521 => &signature::ECDSA_P521_SHA512_ASN1,
        SigAlg::Ed25519 if oid("1.3.101.112") => &signature::ED25519,
        SigAlg::MlDsa44 if known.identifier() == key_algorithm => &signature::ML_DSA_44,
        SigAlg::MlDsa65 if known.identifier() == key_algorithm => &signature::ML_DSA_65,
        SigAlg::MlDsa87 if known.identifier() == key_algorithm => &signature::ML_DSA_87,
        _ => return Err(format!("{known:?} with a key of another kind")),
    })
}

fn cert_status(field: Tlv<'_>) -> Result<CertStatus, String> {
    match (field.tag, field.content) {
        (0x80, []) => Ok(CertStatus::Good),
        (0x82, []) => Ok(CertStatus::Unknown),
        (0xA1, content) => {
            let mut info = Fields {
                rest: der::read_all(content)?,
            };
            let at = time(info.need(0x18, "revocationTime")?)?;
            let reason = match info.optional(0xA0) {
                None => None,
                Some(wrapped) => match wrapped.content {
                    [0x0A, 1, reason] => Some(*reason),
                    other => return Err(format!("revocationReason is {other:02X?}")),
                },
            };
            info.end("RevokedInfo")?;
            Ok(CertStatus::Revoked { at, reason })
        }
        _ => Err(format!("certStatus is {:02X?}", field.raw)),
    }
}

fn extensions(wrapped: Tlv<'_>) -> Result<Vec<Ext>, String> {
    let list = Fields::of(der::read_only(wrapped.content)?, 0x30, "Extensions")?;
    if list.rest.is_empty() {
        return Err("Extensions is empty".to_owned());
    }
    list.rest.into_iter().map(extension).collect()
}

fn extension(one: Tlv<'_>) -> Result<Ext, String> {
    let mut fields = Fields::of(one, 0x30, "Extension")?;
    let oid = der::oid_text(fields.need(0x06, "extnID")?.content);
    let critical = match fields.optional(0x01).map(|field| field.content) {
        None => false,
        Some([0xFF]) => true,
        Some(other) => return Err(format!("critical is {other:02X?}")),
    };
    let value = fields.need(0x04, "extnValue")?.content.to_vec();
    fields.end("Extension")?;
    Ok(Ext {
        oid,
        critical,
        value,
        der: one.raw.to_vec(),
    })
}

fn time(field: Tlv<'_>) -> Result<i64, String> {
    let text = std::str::from_utf8(field.content).map_err(|_| "a time is no text")?;
    let length = if field.tag == 0x18 { 15 } else { 13 };
    if !matches!(field.tag, 0x17 | 0x18) || text.len() != length {
        return Err(format!("not a DER time: {:02X} {text:?}", field.tag));
    }
    Ok(Civil::parse(text)?.to_unix())
}

fn bit_string(field: Tlv<'_>) -> Result<Vec<u8>, String> {
    match field.content {
        [0, bits @ ..] => Ok(bits.to_vec()),
        other => Err(format!(
            "BIT STRING with unused bits: {:02X?}",
            other.first()
        )),
    }
}

fn expect_tag<'a>(field: Tlv<'a>, tag: u8, what: &str) -> Result<Tlv<'a>, String> {
    if field.tag == tag {
        Ok(field)
    } else {
        Err(format!("{what} has tag {:02X}", field.tag))
    }
}

/// The fields of a SEQUENCE, taken one after the other.
struct Fields<'a> {
    rest: Vec<Tlv<'a>>,
}

impl<'a> Fields<'a> {
    fn of(outer: Tlv<'a>, tag: u8, what: &str) -> Result<Self, String> {
        Ok(Self {
            rest: der::read_all(expect_tag(outer, tag, what)?.content)?,
        })
    }

    fn any(&mut self, what: &str) -> Result<Tlv<'a>, String> {
        if self.rest.is_empty() {
            Err(format!("{what} is missing"))
        } else {
            Ok(self.rest.remove(0))
        }
    }

    fn need(&mut self, tag: u8, what: &str) -> Result<Tlv<'a>, String> {
        expect_tag(self.any(what)?, tag, what)
    }

    fn optional(&mut self, tag: u8) -> Option<Tlv<'a>> {
        self.rest
            .first()
            .is_some_and(|field| field.tag == tag)
            .then(|| self.rest.remove(0))
    }

    fn end(&self, what: &str) -> Result<(), String> {
        match self.rest.first() {
            None => Ok(()),
            Some(field) => Err(format!("{what} goes on with tag {:02X}", field.tag)),
        }
    }
}
