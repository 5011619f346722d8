//! Who knows what was revoked, for one issuer: an index, CRLs or the embedded store. The rest of the server does not care which.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use certvouch_responder::{Responder, StatusSource};
use certvouch_status::crl::CrlWatch;
use certvouch_status::easy_rsa;
use certvouch_status::embedded;
use certvouch_status::{IndexTxt, ReloadError, Reloaded, UnrevokePolicy, Watch, WatchSettings};
use certvouch_types::Timestamp;

use super::Purpose;
use super::crl::Crls;
use super::issuer::no_easy_rsa;
use super::store::OpenStore;
use crate::clock::Clock;
use crate::config::{IssuerConfig, index_of};
use crate::escape::{escape, escape_display, escape_path};

/// The source of one issuer, open. A clone is the same source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// CRLs, and what was issued if somebody knows.
    Crl(Arc<Crls>),
    /// An index.txt.
    Index(Arc<IndexTxt>),
    /// The embedded store.
    Store(Arc<StoreSource>),
}

/// An issuer's part of the store, and what keeps that open.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoreSource {
    /// The issuer's part.
    pub source: embedded::Source,
    _open: OpenStore,
}

/// What keeps a source up to date, as long as it is held.
#[derive(Debug)]
#[expect(dead_code, reason = "dropping one ends it")]
pub(super) enum Keeper {
    Crl(CrlWatch),
    Index(Watch),
    /// The store says itself what changes.
    Store,
}

impl Source {
    /// Opens the source of the issuer with this certificate (DER).
    ///
    /// # Errors
    /// It cannot be read, or says nothing that could be answered from.
    pub fn open(
        config: &IssuerConfig,
        issuer: &[u8],
        clock: &Clock,
        purpose: Purpose,
        store: Option<&OpenStore>,
    ) -> anyhow::Result<Self> {
        if config.source.store {
            let open = store.context(
                "the store was not named when the server started: a restart puts it in force",
            )?;
            return Ok(Self::Store(Arc::new(StoreSource {
                source: open.source(&config.name, issuer, clock.now())?,
                _open: open.clone(),
            })));
        }
        if config.source.crl.is_empty() {
            Ok(Self::Index(Arc::new(open_index(config, clock)?)))
        } else {
            Crls::open(config, issuer, clock, purpose).map(|crls| Self::Crl(Arc::new(crls)))
        }
    }

    /// Whether both are the same source, not only one of the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Crl(one), Self::Crl(other)) => Arc::ptr_eq(one, other),
            (Self::Index(one), Self::Index(other)) => Arc::ptr_eq(one, other),
            (Self::Store(one), Self::Store(other)) => one.source.is_same(&other.source),
            _ => false,
        }
    }

    /// As the responder asks it.
    #[must_use]
    pub fn as_status_source(&self) -> Arc<dyn StatusSource> {
        match self {
            Self::Crl(crls) => Arc::<certvouch_status::CrlSource>::clone(crls.source()),
            Self::Index(index) => Arc::<IndexTxt>::clone(index),
            Self::Store(store) => Arc::new(store.source.clone()),
        }
    }

    /// What an operator should hear at the start.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self {
            Self::Crl(crls) => crls.warnings(),
            Self::Index(index) => {
                let reports = index.with_table(|table| table.reports().clone());
                let mut all = index_oddities(index.path(), &reports);
                if index.health().counts.rows == 0 {
                    // A new CA has such an index, and so has one whose index was lost (threats T-1).
                    all.push(format!(
                        "{}: the index has no rows: no certificate is known, and none will be answered good",
                        escape_path(index.path())
                    ));
                }
                all
            }
            Self::Store(store) => match store.source.is_empty() {
                // A new CA has such a store, and so has one whose store was lost (threats T-1).
                Ok(true) => vec![format!(
                    "{}: the store knows no certificate of this issuer yet, and none will be answered good",
                    escape_path(store.source.store().path())
                )],
                Ok(false) => Vec::new(),
                Err(why) => vec![escape_display(&why)],
            },
        }
    }

    /// Its kind, as the configuration calls it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Crl(_) => "crl",
            Self::Index(_) => "index",
            Self::Store(_) => "store",
        }
    }

    /// The moment of which it tells: when the index was read or found to be unchanged, or thisUpdate of the oldest CRL.
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Crl(crls) => crls.times().map(|(this_update, _)| this_update).min(),
            Self::Index(index) => Some(index.health().loaded_at),
            // It is asked each time.
            Self::Store(_) => None,
        }
    }

    /// When the first of its CRLs ends.
    pub(crate) fn next_update(&self) -> Option<Timestamp> {
        match self {
            Self::Crl(crls) => crls.times().map(|(_, next_update)| next_update).min(),
            Self::Index(_) | Self::Store(_) => None,
        }
    }

    /// What is wrong with parts of it now; while serving, whoever keeps it up to date says so.
    pub(crate) fn problems(&self) -> Vec<String> {
        match self {
            Self::Crl(crls) => crls.problems(),
            Self::Index(index) => {
                let error = index.health().error;
                error.iter().map(|why| escape_display(why)).collect()
            }
            Self::Store(store) => {
                let error = store.source.is_empty().err();
                let mut all: Vec<String> = error.iter().map(|why| escape_display(why)).collect();
                if store.source.store().has_stopped() {
                    all.push("nothing can be written into the store until a restart".to_owned());
                }
                all
            }
        }
    }

    /// What the answers come from, one line each.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Crl(crls) => crls.lines(),
            Self::Index(index) => {
                let counts = index.health().counts;
                vec![format!(
                    "{}: {} rows, {} revoked, {} on hold",
                    escape_path(index.path()),
                    counts.rows,
                    counts.revoked,
                    counts.on_hold
                )]
            }
            Self::Store(store) => vec![super::store::line(&store.source)],
        }
    }

    /// Keeps it up to date.
    pub(super) fn watch(
        &self,
        name: &str,
        responder: &Arc<Responder>,
        clock: &Clock,
    ) -> std::io::Result<Keeper> {
        match self {
            Self::Crl(crls) => crls.watch(name, responder).map(Keeper::Crl),
            Self::Index(index) => watch_index(index, name, responder, clock).map(Keeper::Index),
            Self::Store(_) => Ok(Keeper::Store),
        }
    }
}

/// Keeps an index up to date. What changed is forgotten by the cache after the new truth is in force, so that whatever
/// is signed from then on is signed from it.
fn watch_index(
    index: &Arc<IndexTxt>,
    name: &str,
    responder: &Arc<Responder>,
    clock: &Clock,
) -> std::io::Result<Watch> {
    let (name, path) = (name.to_owned(), index.path().to_owned());
    let (responder, clock) = (Arc::clone(responder), clock.clone());
    let tell = move |outcome: Result<Reloaded, ReloadError>| {
        let issuer = escape(&name);
        match outcome {
            Ok(reloaded) => {
                let serials: Vec<&[u8]> = reloaded.changed.iter().map(|key| key.octets()).collect();
                responder.invalidate(&name, &serials);
                tracing::info!(
                    %issuer,
                    rows = reloaded.rows,
                    added = reloaded.added,
                    removed = reloaded.removed,
                    revoked = reloaded.revoked,
                    released = reloaded.released,
                    unrevoked = reloaded.unrevoked,
                    confirmed = reloaded.confirmed,
                    "the index was reloaded"
                );
                for oddity in index_oddities(&path, &reloaded.reports) {
                    tracing::warn!(%issuer, "{oddity}");
                }
            }
            Err(why) => {
                let why = escape_display(&why);
                tracing::error!(%issuer, "the index was not reloaded: {why}");
            }
        }
    };
    let now = move || clock.now();
    Watch::start(Arc::clone(index), WatchSettings::default(), now, tell)
}

fn open_index(config: &IssuerConfig, clock: &Clock) -> anyhow::Result<IndexTxt> {
    if let Some(folder) = &config.source.easy_rsa
        && easy_rsa::detect(folder).is_none()
    {
        return Err(no_easy_rsa(folder));
    }
    let path = index_of(config).context("no source says who is revoked")?;
    let unrevoke = if config.allow_unrevoke {
        UnrevokePolicy::Allow
    } else {
        UnrevokePolicy::Refuse
    };
    Ok(IndexTxt::open(&path, unrevoke, clock.now())?)
}

/// Oddities of an index, as sentences: the first few, and how many more there are.
fn index_oddities(path: &Path, reports: &certvouch_status::index_txt::Reports) -> Vec<String> {
    let shown = reports.listed().iter().take(SHOWN_REPORTS);
    let mut lines: Vec<String> = shown
        .map(|report| format!("{}: {}", escape_path(path), escape_display(report)))
        .collect();
    if reports.total() > lines.len() {
        let more = reports.total() - lines.len();
        lines.push(format!("{}: {more} more rows are odd", escape_path(path)));
    }
    lines
}

/// Oddities of one index that are logged one by one; they say the same again and again.
const SHOWN_REPORTS: usize = 5;
