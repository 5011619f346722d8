//! CRLs written field by field, right or wrong.

use crate::der;
use crate::pki::{Cert, SigAlg, T0, pem};

const DAY: i64 = 86_400;

/// A CRL in the making: of CA-A, number 1, from the frozen moment for a day, without entries.
#[derive(Clone, Debug)]
pub struct CrlBuilder {
    issuer: Cert,
    issuer_name: Option<Vec<u8>>,
    version: Option<u8>,
    this_update: i64,
    next_update: Option<i64>,
    entries: Vec<Vec<u8>>,
    number: Option<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    sig_alg: SigAlg,
    spoil: bool,
}

impl CrlBuilder {
    /// By this issuer, signed with its key.
    #[must_use]
    pub fn new(issuer: &Cert) -> Self {
        Self {
            issuer: issuer.clone(),
            issuer_name: None,
            version: Some(1),
            this_update: T0,
            next_update: Some(T0 + DAY),
            entries: Vec::new(),
            number: Some(vec![1]),
            extensions: Vec::new(),
            sig_alg: issuer.key.sig_alg(),
            spoil: false,
        }
    }

    /// Version 1: no version, no extensions.
    #[must_use]
    pub fn v1(mut self) -> Self {
        (self.version, self.number) = (None, None);
        self
    }

    /// Under another name.
    #[must_use]
    pub fn issuer_name(mut self, name: &[u8]) -> Self {
        self.issuer_name = Some(name.to_vec());
        self
    }

    /// With other times, in seconds from the frozen moment.
    #[must_use]
    pub fn during(mut self, this_update: i64, next_update: Option<i64>) -> Self {
        (self.this_update, self.next_update) = (T0 + this_update, next_update.map(|it| T0 + it));
        self
    }

    /// With another CRL number, or none.
    #[must_use]
    pub fn number(mut self, number: impl Into<Option<u8>>) -> Self {
        self.number = number.into().map(|number| vec![number]);
        self
    }

    /// With a CRL number of these unsigned octets.
    #[must_use]
    pub fn long_number(mut self, octets: &[u8]) -> Self {
        self.number = Some(octets.to_vec());
        self
    }

    /// A revocation a day before the frozen moment.
    #[must_use]
    pub fn revoke(self, serial: &str, reason: Option<u8>) -> Self {
        let reason = reason.map(|code| der::extension("2.5.29.21", false, &der::enumerated(code)));
        self.entry(serial, &reason.into_iter().collect::<Vec<_>>())
    }

    /// A revocation a day before the frozen moment, with these crlEntryExtensions.
    #[must_use]
    pub fn entry(mut self, serial: &str, extensions: &[Vec<u8>]) -> Self {
        let extensions = if extensions.is_empty() {
            Vec::new()
        } else {
            der::seq_of(extensions)
        };
        self.entries.push(der::seq(&[
            &der::int_bytes(&serial_content(serial)),
            &der::utc_time(T0 - DAY),
            &extensions,
        ]));
        self
    }

    /// One more crlExtension.
    #[must_use]
    pub fn extension(mut self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// deltaCRLIndicator.
    #[must_use]
    pub fn delta(self, base: u8) -> Self {
        self.extension("2.5.29.27", true, &der::uint(&[base]))
    }

    /// authorityKeyIdentifier with this keyIdentifier.
    #[must_use]
    pub fn aki(self, identifier: &[u8]) -> Self {
        self.extension(
            "2.5.29.35",
            false,
            &der::seq(&[&der::tlv(0x80, identifier)]),
        )
    }

    /// issuingDistributionPoint with these members.
    #[must_use]
    pub fn idp(self, members: &[Vec<u8>]) -> Self {
        self.extension("2.5.29.28", true, &der::seq_of(members))
    }

    /// Signed over something else.
    #[must_use]
    pub fn bad_signature(mut self) -> Self {
        self.spoil = true;
        self
    }

    /// The CRL.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        let version = self.version.map_or_else(Vec::new, |it| der::uint(&[it]));
        let next_update = self.next_update.map_or_else(Vec::new, der::x509_time);
        let entries = if self.entries.is_empty() {
            Vec::new()
        } else {
            der::seq_of(&self.entries)
        };
        let number = self
            .number
            .as_ref()
            .map(|it| der::extension("2.5.29.20", false, &der::uint(it)));
        let extensions: Vec<Vec<u8>> = self.extensions.iter().cloned().chain(number).collect();
        let extensions = if extensions.is_empty() {
            Vec::new()
        } else {
            der::explicit(0, &der::seq_of(&extensions))
        };
        let tbs = der::seq(&[
            &version,
            &self.sig_alg.identifier(),
            self.issuer_name.as_ref().unwrap_or(&self.issuer.subject),
            &der::x509_time(self.this_update),
            &next_update,
            &entries,
            &extensions,
        ]);
        let signed: &[u8] = if self.spoil { b"something else" } else { &tbs };
        let signature = self.issuer.key.sign(self.sig_alg, signed);
        der::seq(&[&tbs, &self.sig_alg.identifier(), &der::bits(&signature)])
    }

    /// The CRL in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem("X509 CRL", &self.der())
    }
}

/// distributionPoint of an IDP with one URI.
#[must_use]
pub fn point(uri: &str) -> Vec<u8> {
    der::explicit(0, &der::explicit(0, &der::tlv(0x86, uri.as_bytes())))
}

/// A BOOLEAN member of an IDP.
#[must_use]
pub fn flag(number: u8) -> Vec<u8> {
    der::tlv(0x80 | number, &[0xFF])
}

/// onlySomeReasons of an IDP, by the bits of ReasonFlags.
#[must_use]
pub fn some_reasons(bits: &[u8]) -> Vec<u8> {
    let bits = der::named_bits(bits);
    der::tlv(0x83, &bits[2..])
}

/// The content octets of an INTEGER, from hex digits of any number.
fn serial_content(hex: &str) -> Vec<u8> {
    let even = format!("{}{hex}", if hex.len() % 2 == 1 { "0" } else { "" });
    der::uint_content(&der::hex(&even))
}
