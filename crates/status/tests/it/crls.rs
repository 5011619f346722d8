//! CRLs written field by field with the test kit, and short ways to make a source of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use certvouch_responder::{Knowledge, SourceError, StatusRecord, StatusSource};
use certvouch_status::CrlSource;
use certvouch_status::crl::{CrlError, CrlSettings, CrlSigners, Location, Refreshed, Sha1};
use certvouch_testkit::clock::TestClock;
pub(crate) use certvouch_testkit::crl::{CrlBuilder, flag, point, some_reasons};
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_types::{SerialNumber, Timestamp};

use crate::common::content;

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn world() -> World {
    World::new(KeyAlg::P256)
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
