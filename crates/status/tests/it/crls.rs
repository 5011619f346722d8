//! CRLs written field by field with the test kit, and short ways to make a source of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use certvouch_responder::{Knowledge, SourceError, StatusRecord, StatusSource};
use certvouch_status::CrlSource;
use certvouch_status::crl::{CrlError, CrlSettings, CrlSigners, Location, Refreshed, Sha1};
use certvouch_testkit::clock::TestClock;
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, KeyAlg, SigAlg, T0, World, pem};
use certvouch_types::{SerialNumber, Timestamp};

use crate::common::content;

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn world() -> World {
    World::new(KeyAlg::P256)
}

/// A CRL in the making: of CA-A, number 1, from the frozen moment for a day, without entries.
#[derive(Clone)]
pub(crate) struct CrlBuilder {
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
    pub(crate) fn new(issuer: &Cert) -> Self {
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
    pub(crate) fn v1(mut self) -> Self {
        (self.version, self.number) = (None, None);
        self
    }

    pub(crate) fn issuer_name(mut self, name: &[u8]) -> Self {
        self.issuer_name = Some(name.to_vec());
        self
    }

    pub(crate) fn during(mut self, this_update: i64, next_update: Option<i64>) -> Self {
        (self.this_update, self.next_update) = (T0 + this_update, next_update.map(|it| T0 + it));
        self
    }

    pub(crate) fn number(mut self, number: impl Into<Option<u8>>) -> Self {
        self.number = number.into().map(|number| vec![number]);
        self
    }

    pub(crate) fn long_number(mut self, octets: &[u8]) -> Self {
        self.number = Some(octets.to_vec());
        self
    }

    /// A revocation a day before the frozen moment.
    pub(crate) fn revoke(self, serial: &str, reason: Option<u8>) -> Self {
        let reason = reason.map(|code| der::extension("2.5.29.21", false, &der::enumerated(code)));
        self.entry(serial, &reason.into_iter().collect::<Vec<_>>())
    }

    pub(crate) fn entry(mut self, serial: &str, extensions: &[Vec<u8>]) -> Self {
        let extensions = if extensions.is_empty() {
            Vec::new()
        } else {
            der::seq_of(extensions)
        };
        self.entries.push(der::seq(&[
            &der::int_bytes(&content(serial)),
            &der::utc_time(T0 - DAY),
            &extensions,
        ]));
        self
    }

    pub(crate) fn extension(mut self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// deltaCRLIndicator.
    pub(crate) fn delta(self, base: u8) -> Self {
        self.extension("2.5.29.27", true, &der::uint(&[base]))
    }

    /// authorityKeyIdentifier with this keyIdentifier.
    pub(crate) fn aki(self, identifier: &[u8]) -> Self {
        self.extension(
            "2.5.29.35",
            false,
            &der::seq(&[&der::tlv(0x80, identifier)]),
        )
    }

    /// issuingDistributionPoint with these members.
    pub(crate) fn idp(self, members: &[Vec<u8>]) -> Self {
        self.extension("2.5.29.28", true, &der::seq_of(members))
    }

    pub(crate) fn bad_signature(mut self) -> Self {
        self.spoil = true;
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
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

    pub(crate) fn pem(&self) -> String {
        pem("X509 CRL", &self.der())
    }
}

/// distributionPoint of an IDP with one URI.
pub(crate) fn point(uri: &str) -> Vec<u8> {
    der::explicit(0, &der::explicit(0, &der::tlv(0x86, uri.as_bytes())))
}

/// A BOOLEAN member of an IDP.
pub(crate) fn flag(number: u8) -> Vec<u8> {
    der::tlv(0x80 | number, &[0xFF])
}

/// onlySomeReasons of an IDP, by the bits of ReasonFlags.
pub(crate) fn some_reasons(bits: &[u8]) -> Vec<u8> {
    let bits = der::named_bits(bits);
    der::tlv(0x83, &bits[2..])
}

/// A folder with CRLs, a clock, and the source made of them.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: TestClock,
    pub(crate) world: World,
    pub(crate) others: Vec<Vec<u8>>,
    pub(crate) crls: Vec<String>,
    pub(crate) deltas: Vec<String>,
}

impl Bench {
    /// With these complete CRLs and deltas to come.
    pub(crate) fn new(crls: &[&str], deltas: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: TestClock::frozen(),
            world: world(),
            others: Vec::new(),
            crls: owned(crls),
            deltas: owned(deltas),
        }
    }

    pub(crate) fn crl(&self) -> CrlBuilder {
        CrlBuilder::new(&self.world.ca_a)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub(crate) fn settings(&self) -> CrlSettings {
        let signers = CrlSigners::new(&self.world.ca_a.der, &self.others, Sha1::Refuse).unwrap();
        let places = |names: &[String]| -> Vec<Location> {
            let place = |name: &String| Location::from_text(self.path(name).to_str().unwrap());
            names.iter().map(|name| place(name).unwrap()).collect()
        };
        let mut settings = CrlSettings::new(signers, places(&self.crls));
        settings.deltas = places(&self.deltas);
        settings.state = Some(self.state());
        settings
    }

    /// A source that has read nothing yet but its state folder.
    pub(crate) fn open(&self) -> Arc<CrlSource> {
        self.open_with(self.settings(), None)
    }

    pub(crate) fn open_with(
        &self,
        settings: CrlSettings,
        good_list: Option<certvouch_status::GoodList>,
    ) -> Arc<CrlSource> {
        let clock = self.clock.reader();
        let clock = move || Timestamp::from_unix(clock());
        Arc::new(CrlSource::open(settings, good_list, clock).unwrap())
    }

    /// Replaces a file.
    pub(crate) fn put(&self, name: &str, octets: impl AsRef<[u8]>) {
        put(&self.path(name), octets.as_ref());
    }
}

pub(crate) fn put(path: &Path, octets: &[u8]) {
    let aside = path.with_extension("aside");
    std::fs::write(&aside, octets).unwrap();
    std::fs::rename(&aside, path).unwrap();
}

/// Reads what changed; every change must come into force.
pub(crate) fn load(source: &CrlSource) -> Vec<Refreshed> {
    let outcomes = source.refresh_files();
    outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap())
        .collect()
}

/// Reads what changed, which must fail in one way.
pub(crate) fn fail(source: &CrlSource) -> CrlError {
    let mut outcomes = source.refresh_files();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    outcomes.remove(0).unwrap_err().1
}

pub(crate) fn lookup(source: &CrlSource, serial: &str) -> Result<StatusRecord, SourceError> {
    let content = content(serial);
    let serials = [SerialNumber::from_content(&content)];
    let mut future = std::pin::pin!(source.lookup(&serials));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(records) => records.map(|records| records[0]),
        std::task::Poll::Pending => panic!("a table in memory has nothing to wait for"),
    }
}

/// What is known about a serial number, as a word.
pub(crate) fn word(source: &CrlSource, serial: &str) -> &'static str {
    match lookup(source, serial).map(|record| record.knowledge) {
        Ok(Knowledge::Revoked { .. }) => "revoked",
        Ok(Knowledge::NotRevoked) => "not revoked",
        Ok(Knowledge::Issued) => "issued",
        Ok(Knowledge::NeverIssued) => "never issued",
        Ok(_) => "something else",
        Err(SourceError::Outdated(_)) => "outdated",
        Err(_) => "unavailable",
    }
}
