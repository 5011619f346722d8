//! Certificates: the fields and extensions that decide who issued what and who may sign.

use crate::algorithm::AlgorithmIdentifier;
use crate::der::{Reader, tag};
use crate::error::{DecodeError, Why};
use crate::extension::Extensions;
use crate::oid::{self, Oid};
use crate::pkix::name::Name;
use crate::pkix::tls_feature::TlsFeatures;
use crate::serial::SerialNumber;
use crate::time::Timestamp;

/// ```asn1
/// Certificate ::= SEQUENCE {
///     tbsCertificate      TBSCertificate,
///     signatureAlgorithm  AlgorithmIdentifier,
///     signatureValue      BIT STRING }
/// ```
/// RFC 5280 4.1. Nothing is verified.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Certificate<'a> {
    /// The whole certificate as received.
    pub raw: &'a [u8],
    /// The whole tbsCertificate: the octets that the signature covers.
    pub tbs: &'a [u8],
    /// The version as it is encoded: 0 is v1, 2 is v3.
    pub version: u8,
    /// The serial number.
    pub serial_number: SerialNumber<'a>,
    /// The issuer's Name.
    pub issuer: Name<'a>,
    /// The dates between which it is valid, both inclusive.
    pub validity: Validity,
    /// The subject's Name.
    pub subject: Name<'a>,
    /// The subject's key.
    pub subject_public_key_info: SubjectPublicKeyInfo<'a>,
    /// Whether issuerUniqueID or subjectUniqueID is there, which RFC 5280 4.1.2.8 advises against.
    pub has_unique_identifiers: bool,
    /// The extensions.
    pub extensions: Extensions<'a>,
    /// The signature algorithm (the outer one, equal to the inner one).
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The octets of the signature.
    pub signature: &'a [u8],
}

/// `Validity ::= SEQUENCE { notBefore Time, notAfter Time }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Whether a moment lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }
}

/// `SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SubjectPublicKeyInfo<'a> {
    /// The whole SEQUENCE.
    pub raw: &'a [u8],
    /// The kind of key.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The octets of the BIT STRING without the unused-bits octet: what issuerKeyHash and byKey hash.
    pub subject_public_key: &'a [u8],
}

impl<'a> SubjectPublicKeyInfo<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// Not DER, or a key that is not whole octets.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let element = reader.required(tag::SEQUENCE, "subjectPublicKeyInfo")?;
        let mut inner = element.contents();
        let algorithm = AlgorithmIdentifier::read(&mut inner, "subjectPublicKeyInfo.algorithm")?;
        let subject_public_key =
            inner.bit_string_octets("subjectPublicKeyInfo.subjectPublicKey")?;
        inner.finish("subjectPublicKeyInfo")?;
        Ok(Self {
            raw: element.raw,
            algorithm,
            subject_public_key,
        })
    }
}

/// `BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
}

/// `KeyUsage ::= BIT STRING` (RFC 5280 4.2.1.3), bit 0 being the most significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u8);

impl KeyUsage {
    /// digitalSignature (0).
    #[must_use]
    pub const fn digital_signature(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// nonRepudiation (1), also called contentCommitment.
    #[must_use]
    pub const fn non_repudiation(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// keyCertSign (5).
    #[must_use]
    pub const fn key_cert_sign(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// cRLSign (6).
    #[must_use]
    pub const fn crl_sign(self) -> bool {
        self.0 & 0x02 != 0
    }
}

impl<'a> Certificate<'a> {
    /// Reads a whole certificate.
    ///
    /// # Errors
    /// The first octet that breaks the syntax, with its place; also two different signature algorithms inside
    /// and outside (RFC 5280 4.1.1.2).
    pub fn parse(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(input);
        let whole = outer.required(tag::SEQUENCE, "Certificate")?;
        outer.finish("Certificate")?;
        let mut message = whole.contents();
        let tbs = message.required(tag::SEQUENCE, "Certificate.tbsCertificate")?;
        let at = message.offset();
        let signature_algorithm =
            AlgorithmIdentifier::read(&mut message, "Certificate.signatureAlgorithm")?;
        let signature = message.bit_string_octets("Certificate.signatureValue")?;
        message.finish("Certificate")?;

        let mut fields = tbs.contents();
        let version = read_version(&mut fields)?;
        let serial_number =
            SerialNumber::from_content(fields.integer("tbsCertificate.serialNumber")?);
        let inner_algorithm = AlgorithmIdentifier::read(&mut fields, "tbsCertificate.signature")?;
        if inner_algorithm.raw != signature_algorithm.raw {
            return Err(DecodeError::new(
                "Certificate.signatureAlgorithm",
                at,
                Why::OutOfRange,
            ));
        }
        let issuer = Name::read(&mut fields, "tbsCertificate.issuer")?;
        let validity = read_validity(&mut fields)?;
        let subject = Name::read(&mut fields, "tbsCertificate.subject")?;
        let subject_public_key_info = SubjectPublicKeyInfo::read(&mut fields)?;
        let of_issuer = fields.optional(tag::context(1), "tbsCertificate.issuerUniqueID")?;
        let of_subject = fields.optional(tag::context(2), "tbsCertificate.subjectUniqueID")?;
        let extensions = fields
            .optional(tag::constructed(3), "tbsCertificate.extensions")?
            .map(|explicit| Extensions::from_explicit(explicit, "tbsCertificate.extensions"))
            .transpose()?
            .unwrap_or_default();
        fields.finish("tbsCertificate")?;
        Ok(Self {
            raw: whole.raw,
            tbs: tbs.raw,
            version,
            serial_number,
            issuer,
            validity,
            subject,
            subject_public_key_info,
            has_unique_identifiers: of_issuer.is_some() || of_subject.is_some(),
            extensions,
            signature_algorithm,
            signature,
        })
    }

    /// The basicConstraints, if the extension is there.
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn basic_constraints(&self) -> Result<Option<BasicConstraints>, DecodeError> {
        let Some(extension) = self.extensions.find(oid::BASIC_CONSTRAINTS) else {
            return Ok(None);
        };
        let what = "basicConstraints";
        let mut value = extension.contents();
        let mut inner = value.sequence(what)?;
        value.finish(what)?;
        let ca = inner.peek() == Some(tag::BOOLEAN) && inner.boolean(what)?;
        if !inner.is_empty() {
            inner.integer(what)?;
        }
        inner.finish(what)?;
        Ok(Some(BasicConstraints { ca }))
    }

    /// Whether basicConstraints says that the subject is a CA.
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn is_ca(&self) -> Result<bool, DecodeError> {
        Ok(self
            .basic_constraints()?
            .is_some_and(|constraints| constraints.ca))
    }

    /// The keyUsage, if the extension is there.
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn key_usage(&self) -> Result<Option<KeyUsage>, DecodeError> {
        let Some(extension) = self.extensions.find(oid::KEY_USAGE) else {
            return Ok(None);
        };
        let mut value = extension.contents();
        let (bits, _) = value.bit_string("keyUsage")?;
        value.finish("keyUsage")?;
        Ok(Some(KeyUsage(bits.first().copied().unwrap_or(0))))
    }

    /// Whether the extended key usages name this purpose. anyExtendedKeyUsage does not count (requirements
    /// R6960-4.2.2.2-C1).
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn has_extended_key_usage(&self, purpose: Oid<'_>) -> Result<bool, DecodeError> {
        let Some(extension) = self.extensions.find(oid::EXTENDED_KEY_USAGE) else {
            return Ok(false);
        };
        let what = "extKeyUsage";
        let mut value = extension.contents();
        let mut purposes = value.sequence(what)?;
        value.finish(what)?;
        let mut found = false;
        while !purposes.is_empty() {
            found |= purposes.oid(what)? == purpose;
        }
        Ok(found)
    }

    /// Whether id-pkix-ocsp-nocheck is there. Its value must be NULL (RFC 6960 4.2.2.2.1); a wrong value is
    /// reported as such by the signer's checks and by the linter.
    #[must_use]
    pub fn has_nocheck(&self) -> bool {
        self.extensions.find(oid::OCSP_NOCHECK).is_some()
    }

    /// The TLS features that a server must deliver, if the extension is there (RFC 7633).
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn tls_features(&self) -> Result<Option<TlsFeatures<'a>>, DecodeError> {
        self.extensions
            .find(oid::TLS_FEATURE)
            .map(|extension| TlsFeatures::parse(extension.contents()))
            .transpose()
    }

    /// The subjectKeyIdentifier, if it is there. Never a substitute for the key hash (requirements
    /// R6960-4.1.1-2).
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn subject_key_identifier(&self) -> Result<Option<&'a [u8]>, DecodeError> {
        let Some(extension) = self.extensions.find(oid::SUBJECT_KEY_IDENTIFIER) else {
            return Ok(None);
        };
        let mut value = extension.contents();
        let identifier = value.octet_string("subjectKeyIdentifier")?;
        value.finish("subjectKeyIdentifier")?;
        Ok(Some(identifier))
    }

    /// The URIs of the authorityInfoAccess descriptions with this access method, in their order.
    ///
    /// # Errors
    /// The extension does not parse.
    pub fn access_locations(
        &self,
        method: Oid<'static>,
    ) -> Result<impl Iterator<Item = &'a str> + use<'a>, DecodeError> {
        let what = "authorityInfoAccess";
        let mut descriptions = match self.extensions.find(oid::AUTHORITY_INFO_ACCESS) {
            Some(extension) => {
                let mut value = extension.contents();
                let list = value.sequence(what)?;
                value.finish(what)?;
                let mut walk = list.clone();
                while !walk.is_empty() {
                    access_description(&mut walk)?;
                }
                list
            }
            None => Reader::new(&[]),
        };
        Ok(core::iter::from_fn(move || {
            while !descriptions.is_empty() {
                let (oid, uri) = access_description(&mut descriptions).ok()?;
                if oid == method && uri.is_some() {
                    return uri;
                }
            }
            None
        }))
    }
}

/// `AccessDescription ::= SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }`; the location is
/// given if it is a uniformResourceIdentifier.
fn access_description<'a>(
    reader: &mut Reader<'a>,
) -> Result<(Oid<'a>, Option<&'a str>), DecodeError> {
    let what = "authorityInfoAccess";
    let mut inner = reader.sequence(what)?;
    let method = inner.oid(what)?;
    let location = inner.next(what)?;
    inner.finish(what)?;
    let uri = (location.tag == tag::context(6))
        .then(|| core::str::from_utf8(location.value).ok())
        .flatten();
    Ok((method, uri))
}

/// `version [0] EXPLICIT INTEGER DEFAULT v1`; v1 to v3 are let through, since old roots are v1.
fn read_version(fields: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let what = "tbsCertificate.version";
    let Some(explicit) = fields.optional(tag::constructed(0), what)? else {
        return Ok(0);
    };
    let mut inner = explicit.contents();
    let version = inner.integer(what)?;
    inner.finish(what)?;
    match version {
        [version @ 0..=2] => Ok(*version),
        _ => Err(DecodeError::new(
            what,
            explicit.value_at(),
            Why::UnsupportedVersion,
        )),
    }
}

fn read_validity(fields: &mut Reader<'_>) -> Result<Validity, DecodeError> {
    let mut inner = fields.sequence("tbsCertificate.validity")?;
    let not_before = inner.time("validity.notBefore")?;
    let not_after = inner.time("validity.notAfter")?;
    inner.finish("tbsCertificate.validity")?;
    Ok(Validity {
        not_before,
        not_after,
    })
}
