//! The embedded store while serving: opened once for all issuers whose source it is, and the journal of the process.
//!
//! It stays open across reloads: another process of ours could take its lock in between, and a path that changed needs a
//! restart. Its log also takes what happens beside certificates (threats T-8): configuration, keys, tokens, the clock.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context as _, anyhow};
use certvouch_responder::Responder;
use certvouch_status::embedded::{
    Access, Event, Head, Kind, OpenError, OpenOptions, Source, Store,
};
use certvouch_types::{Certificate, Timestamp};
use tempfile::TempDir;

use super::{Loaded, Purpose};
use crate::config::Config;
use crate::escape::{escape, escape_path};
use crate::metrics::{Collector, Kind as Shape, Page};
use crate::octets::{hex, sha256};

/// Whom the log names when nobody from outside wanted something.
pub const OURSELVES: &str = "certvouch";

/// The store of a process.
#[derive(Clone, Debug)]
pub struct OpenStore {
    store: Store,
    /// Where an empty store is, if somebody only looks and there is none yet.
    _aside: Option<Arc<TempDir>>,
}

impl OpenStore {
    /// Opens the store that the configuration names, if it names one.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(config: &Config, purpose: Purpose) -> anyhow::Result<Option<Self>> {
        config
            .store
            .as_deref()
            .map(|path| Self::open_at(path, purpose))
            .transpose()
    }

    pub(crate) fn open_at(path: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        let with = |access| OpenOptions::new(access);
        let open = match purpose {
            Purpose::Serve => Store::open(path, with(Access::Serve)),
            Purpose::Look { .. } => Store::open(path, with(Access::Look)),
        };
        match open {
            Ok(store) => Ok(Self {
                store,
                _aside: None,
            }),
            // `serve` would make it; whoever looks sees an empty one.
            Err(OpenError::Missing(_)) => {
                let aside = TempDir::new()?;
                let store = Store::open(&aside.path().join("empty"), with(Access::Serve))?;
                Ok(Self {
                    store,
                    _aside: Some(Arc::new(aside)),
                })
            }
            Err(why) => Err(why).context("the store"),
        }
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What it knows of the issuer with this certificate (DER).
    ///
    /// # Errors
    /// It knows another CA under this name, or cannot be written.
    pub(crate) fn source(
        &self,
        name: &str,
        issuer: &[u8],
        now: Timestamp,
    ) -> anyhow::Result<Source> {
        let issuer = Certificate::parse(issuer).map_err(|why| anyhow!("{why}"))?;
        self.store
            .issuer(name, identity(&issuer), OURSELVES, now)
            .with_context(|| format!("the store {}", escape_path(self.store.path())))
    }

    /// Has the answers about whatever changes forgotten, before the change is acknowledged.
    pub(super) fn invalidate(&self, responder: &Arc<Responder>) {
        let responder: Weak<Responder> = Arc::downgrade(responder);
        self.store.on_commit(move |commit| {
            let Some(responder) = responder.upgrade() else {
                return;
            };
            for (issuer, serials) in &commit.changed {
                let serials: Vec<&[u8]> = serials.iter().map(AsRef::as_ref).collect();
                responder.invalidate(issuer, &serials);
            }
        });
    }
}

/// Which CA a certificate is of, as OCSP asks for it: SHA-256 over its subject and its key. A CA that got a new certificate
/// for the same key stays the same.
fn identity(issuer: &Certificate<'_>) -> [u8; 32] {
    let mut octets = sha256(issuer.subject.as_bytes()).to_vec();
    octets.extend(sha256(issuer.subject_public_key_info.subject_public_key));
    sha256(&octets)
}

/// Writes down what happens beside certificates; without a store nowhere.
#[derive(Debug)]
pub struct Journal {
    store: Option<OpenStore>,
    said: Mutex<Said>,
}

/// What was written down last, so that only changes are.
#[derive(Debug, Default)]
struct Said {
    configuration: Option<[u8; 32]>,
    keys: BTreeSet<String>,
    clock: Option<String>,
    tokens: Option<BTreeSet<String>>,
    head: Option<Head>,
}

impl Journal {
    /// A journal in this store.
    #[must_use]
    pub fn new(store: Option<OpenStore>) -> Self {
        Self {
            store,
            said: Mutex::default(),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref().map(OpenStore::store)
    }

    pub(super) const fn open_store(&self) -> Option<&OpenStore> {
        self.store.as_ref()
    }

    /// Writes down one event. A store that fails says so in the log; what happened has happened.
    pub fn tell(&self, at: Timestamp, event: Event) {
        if let Some(store) = self.store()
            && let Err(why) = store.record(OURSELVES, at, event)
        {
            tracing::error!("an event could not be written into the store: {why}");
        }
    }

    /// The configuration and the keys in force, as far as they changed.
    pub(super) fn in_force(&self, at: Timestamp, config: &Config, issuers: &[Arc<Loaded>]) {
        if self.store.is_none() {
            return;
        }
        let text = config.to_toml().unwrap_or_default();
        let hash = sha256(text.as_bytes());
        let keys: BTreeSet<String> = issuers.iter().flat_map(|one| keys_of(one)).collect();
        let mut said = self.said();
        if said.configuration.replace(hash) != Some(hash) {
            let names: Vec<&str> = issuers.iter().map(|one| one.name()).collect();
            let detail = format!(
                "in force: sha256={} issuers={}",
                hex(&hash),
                names.join(",")
            );
            self.tell(at, Event::new(Kind::Configuration, detail));
        }
        for gone in said.keys.difference(&keys) {
            self.tell(at, Event::new(Kind::Key, format!("gone: {gone}")));
        }
        for new in keys.difference(&said.keys) {
            self.tell(at, Event::new(Kind::Key, format!("in force: {new}")));
        }
        said.keys = keys;
    }

    /// What is thought of the clock, if that changed.
    pub(super) fn clock(&self, at: Timestamp, verdict: &dyn std::fmt::Display) {
        let verdict = verdict.to_string();
        let mut said = self.said();
        if said.clock.as_ref() != Some(&verdict) {
            self.tell(at, Event::new(Kind::Clock, verdict.clone()));
            said.clock = Some(verdict);
        }
    }

    /// The tokens in force by their descriptions, as far as they changed.
    pub fn tokens(&self, at: Timestamp, now: BTreeSet<String>) {
        let mut said = self.said();
        let before = said.tokens.replace(now.clone()).unwrap_or_default();
        for gone in before.difference(&now) {
            self.tell(at, Event::new(Kind::Token, format!("gone: {gone}")));
        }
        for new in now.difference(&before) {
            self.tell(at, Event::new(Kind::Token, format!("in force: {new}")));
        }
    }

    /// Says in the log of the process how far the log of the store has come, if it has come further. Whoever keeps these
    /// lines elsewhere can tell a cut or rewritten log by them.
    pub(super) fn log_head(&self) {
        let Some(store) = self.store() else { return };
        let head = store.head();
        let mut said = self.said();
        if said.head.replace(head) != Some(head) {
            tracing::info!(
                %head,
                "the log of the store has come to here"
            );
        }
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Journal {
    fn collect(&self, page: &mut Page) {
        let Some(store) = self.store() else { return };
        let head = store.head();
        page.gauge(
            "certvouch_store_change_id",
            "The last change in the log of the store.",
            i64::try_from(head.change_id).unwrap_or(i64::MAX),
        );
        page.family(
            "certvouch_store_head_info",
            Shape::Gauge,
            "The hash of the last change in the log of the store.",
        );
        page.sample(
            "certvouch_store_head_info",
            &[("hash", &hex(&head.hash))],
            1,
        );
    }
}

/// The signing keys of an issuer: which, for whom, until when.
fn keys_of(one: &Loaded) -> Vec<String> {
    let each = one.identities().iter().map(|identity| {
        format!(
            "{}: certificate sha256={} until {}",
            escape(one.name()),
            hex(&sha256(identity.certificate())),
            identity.not_after()
        )
    });
    each.collect()
}

/// How the source of an issuer in a store is told of, in one line.
pub(super) fn line(source: &Source) -> String {
    let store = source.store();
    let path = escape_path(store.path()).to_string();
    match source.counts() {
        Ok(counts) => format!(
            "{path}: the store, {} revoked, {} on hold, at change {}",
            counts.revoked,
            counts.on_hold,
            store.head().change_id
        ),
        Err(why) => format!("{path}: {why}"),
    }
}
