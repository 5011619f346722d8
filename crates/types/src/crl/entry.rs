//! The entries of a CRL, read one by one.

use crate::cert_status::CrlReason;
use crate::der::{Reader, tag};
use crate::error::{DecodeError, Why};
use crate::extension::Extension;
use crate::oid::{self, Oid};
use crate::pkix::general_name::GeneralNames;
use crate::pkix::name::Name;
use crate::serial::SerialNumber;
use crate::time::Timestamp;

/// One member of revokedCertificates (RFC 5280 5.3).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RevokedCertificate<'a> {
    /// The serial number.
    pub serial_number: SerialNumber<'a>,
    /// When it was revoked.
    pub revocation_date: Timestamp,
    /// Why; absence means unspecified.
    pub reason: Option<CrlReason>,
    /// When the key is believed to have been compromised.
    pub invalidity_date: Option<Timestamp>,
    /// The holdInstructionCode.
    pub hold_instruction: Option<Oid<'a>>,
    /// The issuer of the certificate: the CRL's, or what the last certificateIssuer said (RFC 5280 5.3.3).
    pub certificate_issuer: Name<'a>,
    /// Whether certificateIssuer stands in this entry; only an indirect CRL may have one.
    pub names_issuer: bool,
    /// A critical extension that is not understood: the whole CRL must not be used (RFC 5280 5.3).
    pub unprocessable: Option<Oid<'a>>,
    /// The offset of the entry in the outermost input.
    pub at: usize,
}

/// Walks the entries. After an error it ends.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    certificate_issuer: Name<'a>,
}

impl<'a> Entries<'a> {
    pub(super) const fn new(reader: Reader<'a>, issuer: Name<'a>) -> Self {
        Self {
            reader,
            certificate_issuer: issuer,
        }
    }

    fn read(&mut self) -> Result<RevokedCertificate<'a>, DecodeError> {
        let element = self.reader.required(tag::SEQUENCE, "revokedCertificates")?;
        let mut inner = element.contents();
        let serial = inner.integer("revokedCertificates.userCertificate")?;
        let mut entry = RevokedCertificate {
            serial_number: SerialNumber::from_content(serial),
            revocation_date: inner.time("revokedCertificates.revocationDate")?,
            reason: None,
            invalidity_date: None,
            hold_instruction: None,
            certificate_issuer: self.certificate_issuer,
            names_issuer: false,
            unprocessable: None,
            at: element.at,
        };
        if !inner.is_empty() {
            self.read_extensions(&mut inner, &mut entry)?;
            inner.finish("revokedCertificates")?;
        }
        entry.certificate_issuer = self.certificate_issuer;
        Ok(entry)
    }

    /// One pass over the crlEntryExtensions. The list is read by hand and not as [`crate::Extensions`], since most
    /// entries of most CRLs have one extension and there are millions of them.
    fn read_extensions(
        &mut self,
        inner: &mut Reader<'a>,
        entry: &mut RevokedCertificate<'a>,
    ) -> Result<(), DecodeError> {
        let what = "crlEntryExtensions";
        let mut list = inner.sequence(what)?;
        if list.is_empty() {
            return Err(list.fail(what, Why::Empty));
        }
        while !list.is_empty() {
            let extension = Extension::read(&mut list, what)?;
            self.apply(&extension, entry)?;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        extension: &Extension<'a>,
        entry: &mut RevokedCertificate<'a>,
    ) -> Result<(), DecodeError> {
        let duplicate = |there: bool| {
            let error =
                DecodeError::new("crlEntryExtensions", extension.at, Why::DuplicateExtension);
            if there { Err(error) } else { Ok(()) }
        };
        let mut value = extension.contents();
        match extension.oid {
            o if o == oid::CRL_REASON => {
                duplicate(entry.reason.is_some())?;
                let code = value.enumerated("reasonCode")?;
                value.finish("reasonCode")?;
                let reason = CrlReason::from_code(code);
                let bad = || DecodeError::new("reasonCode", extension.value_at, Why::OutOfRange);
                entry.reason = Some(reason.ok_or_else(bad)?);
            }
            o if o == oid::INVALIDITY_DATE => {
                duplicate(entry.invalidity_date.is_some())?;
                let date = crate::extension::values::time_value(value, "invalidityDate")?;
                entry.invalidity_date = Some(date);
            }
            o if o == oid::HOLD_INSTRUCTION_CODE => {
                duplicate(entry.hold_instruction.is_some())?;
                entry.hold_instruction = Some(value.oid("holdInstructionCode")?);
                value.finish("holdInstructionCode")?;
            }
            o if o == oid::CERTIFICATE_ISSUER => {
                duplicate(entry.names_issuer)?;
                let names = value.required(tag::SEQUENCE, "certificateIssuer")?;
                value.finish("certificateIssuer")?;
                let name = GeneralNames::from_element(names, "certificateIssuer")?.directory_name();
                let bad = || DecodeError::new("certificateIssuer", extension.value_at, Why::Empty);
                self.certificate_issuer = name.ok_or_else(bad)?;
                entry.names_issuer = true;
            }
            other if extension.critical => entry.unprocessable = Some(other),
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<RevokedCertificate<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(entry)
    }
}
