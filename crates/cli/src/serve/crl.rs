//! CRLs as an issuer's source: opened, asked once, shown, and kept up to date.
//!
//! What this promises: a start with no CRL at all is refused with the cause; a start whose state folder has the last good
//! CRLs does not wait for a server; whoever only looks (`config check`, `status`) changes nothing on disk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use certvouch_fetch::{FetchError, FetchPolicy, Fetcher, Roots};
use certvouch_responder::Responder;
use certvouch_signer::read_certificates;
use certvouch_status::crl::{
    Changes, CrlError, CrlEvent, CrlHealth, CrlSettings, CrlSigners, CrlWatch, CrlWatchSettings,
    Declared, Location, PlaceHealth, Refreshed, Sha1,
};
use certvouch_status::limits::{DEFAULT_MAX_CRL, SHOWN_SERIALS};
use certvouch_status::{CrlSource, GoodList, SerialKey};
use certvouch_types::Timestamp;

use super::Purpose;
use super::state;
use crate::clock::Clock;
use crate::config::choice::NotRevoked;
use crate::config::{IssuerConfig, SourceConfig};
use crate::escape::{escape, escape_display, escape_path};

/// The CRLs of one issuer, open.
#[derive(Debug)]
pub struct Crls {
    source: Arc<CrlSource>,
    fetcher: Arc<Fetcher>,
    interval: Option<i64>,
    good_list: Option<PathBuf>,
    not_revoked: NotRevoked,
    has_folder: bool,
    state: Option<PathBuf>,
    warnings: Vec<String>,
    /// Held: where copies of the state lie while somebody only looks.
    _copy: Option<tempfile::TempDir>,
}

impl Crls {
    /// Opens what the configuration names for the issuer with this certificate (DER), and asks its places.
    pub(super) fn open(
        config: &IssuerConfig,
        issuer: &[u8],
        clock: &Clock,
        purpose: Purpose,
    ) -> anyhow::Result<Self> {
        let fetcher = Arc::new(fetcher(&config.source)?);
        let mut warnings = Vec::new();
        let named = config.source.state.clone();
        let folder = named.clone().or_else(state::default_folder);
        let (at, copy) = match (&folder, purpose) {
            (Some(folder), Purpose::Look { .. }) => {
                let copy = state::copy_of(folder)
                    .with_context(|| format!("the state in {}", escape_path(folder)))?;
                (copy.as_ref().map(|copy| copy.path().to_owned()), copy)
            }
            (folder, _) => (folder.clone(), None),
        };
        let open = |state: Option<PathBuf>| -> anyhow::Result<Result<CrlSource, CrlError>> {
            let mut settings = settings(config, issuer)?;
            settings.state = state;
            let clock = clock.clone();
            let good_list = good_list(config, issuer)?;
            Ok(CrlSource::open(settings, good_list, move || clock.now()))
        };
        let (source, kept_in) = match open(at)? {
            Ok(source) => (source, folder),
            // Nobody named the folder, so that it is no reason to refuse.
            Err(why @ CrlError::State { .. }) if named.is_none() => {
                warnings.push(format!("no state is kept: {}", escape_display(&why)));
                (open(None)??, None)
            }
            Err(why) => return Err(why.into()),
        };
        let crls = Self {
            source: Arc::new(source),
            fetcher,
            interval: config.source.refresh.map(crate::config::Period::secs),
            good_list: config.source.good_list.clone(),
            not_revoked: config.not_revoked,
            has_folder: config.source.crl.iter().any(|it| Path::new(it).is_dir()),
            state: kept_in,
            warnings,
            _copy: copy,
        };
        crls.ask(purpose)?;
        Ok(crls)
    }

    /// The first question to the places. Servers are asked only if they have to be: what the state folder keeps is
    /// served while the watch asks them.
    fn ask(&self, purpose: Purpose) -> anyhow::Result<()> {
        drop(self.source.refresh_files());
        let waits = match purpose {
            Purpose::Serve => is_any_wanted(&self.source.health(), self.source.now()),
            Purpose::Look { fetch } => fetch,
        };
        if waits {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            drop(runtime.block_on(self.source.refresh_all(&self.fetcher)));
        }
        let health = self.source.health();
        if health.places.iter().any(|place| place.held.is_some()) {
            return Ok(());
        }
        let mut causes = String::new();
        for place in &health.places {
            let separator = if causes.is_empty() { "" } else { "; " };
            let cause = match &place.error {
                Some(why) => explain(why),
                None => {
                    "no CRL of it is kept in the state folder; --fetch asks the server".to_owned()
                }
            };
            write!(causes, "{separator}{}: {cause}", escape(&place.place))?;
        }
        bail!("no CRL to answer from: {causes}");
    }

    /// What answers.
    #[must_use]
    pub const fn source(&self) -> &Arc<CrlSource> {
        &self.source
    }

    /// What an operator should hear at the start.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut all = self.warnings.clone();
        if self.good_list.is_none() && self.not_revoked == NotRevoked::Unknown {
            all.push(
                "valid certificates will be answered unknown, since a CRL does not say what was issued: name what was \
                 issued with --good-list PATH (source = { good_list = \"…\" } in the file), or say --not-revoked good \
                 (not_revoked = \"good\") if made-up serial numbers may be answered good too"
                    .to_owned(),
            );
        }
        if self.source.health().issued == Some(0) {
            all.push(
                "valid certificates will be answered unknown, since the good-list is empty"
                    .to_owned(),
            );
        }
        if let Some(gap) = self.source.gap() {
            all.push(format!(
                "{gap}: what they do not list will be answered tryLater; name the other CRLs too (--crl, crl = [\"…\"])"
            ));
        }
        if self.state.is_none() && self.warnings.is_empty() {
            all.push(
                "no state is kept, so that a restart accepts CRLs older than those seen before, and needs the server: \
                 name a folder with --crl-state DIR (source = { state = \"…\" } in the file)"
                    .to_owned(),
            );
        }
        all
    }

    /// What is wrong with single places now. While serving, the watch tells it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let places = self.source.health().places.into_iter();
        let told = places.filter_map(|place| {
            let why = place.error?;
            Some(format!("{}: {}", escape(&place.place), explain(&why)))
        });
        told.collect()
    }

    /// thisUpdate and nextUpdate of each CRL in force.
    pub(super) fn times(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let places = self.source.health().places.into_iter();
        places.filter_map(|place| {
            place
                .held
                .map(|(_, this_update, next_update, _)| (this_update, next_update))
        })
    }

    /// What the answers come from, one line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let health = self.source.health();
        let mut lines = Vec::new();
        for place in &health.places {
            let name = escape(&place.place);
            if let Some((number, this_update, next_update, entries)) = &place.held {
                let number = number.as_deref().unwrap_or("none");
                lines.push(format!(
                    "{name}: CRL number {number}, {this_update} to {next_update}, {entries} entries"
                ));
            }
        }
        if let (Some(path), Some(issued)) = (&self.good_list, health.issued) {
            lines.push(format!("{}: {issued} issued", escape_path(path)));
        }
        if let Some(state) = &self.state {
            lines.push(format!("{}: the state", escape_path(state)));
        }
        lines
    }

    /// Fields of the log line at the start: CRLs in force, their entries, and what was issued.
    pub(super) fn counts(&self) -> (usize, usize, Option<usize>) {
        let health = self.source.health();
        let held = health.places.iter().filter_map(|place| place.held.as_ref());
        (
            held.clone().count(),
            held.map(|(.., entries)| entries).sum(),
            health.issued,
        )
    }

    /// Keeps the CRLs and the good-list up to date. What changed is forgotten by the cache after the new truth is in
    /// force.
    pub(super) fn watch(
        &self,
        name: &str,
        responder: &Arc<Responder>,
    ) -> std::io::Result<CrlWatch> {
        let (name, responder) = (name.to_owned(), Arc::clone(responder));
        let mut settings = CrlWatchSettings::default();
        settings.schedule.interval = self.interval;
        if let Some(interval) = self.interval.and_then(|it| u64::try_from(it).ok()) {
            settings.poll = settings.poll.min(Duration::from_secs(interval.max(1)));
        }
        let (source, has_folder) = (Arc::clone(&self.source), self.has_folder);
        let may_have_deltas = move || {
            let places = source.health().places;
            has_folder || places.iter().any(|place| place.declared != Declared::Crl)
        };
        let tell = move |event: CrlEvent| tell(&name, &responder, &may_have_deltas, event);
        CrlWatch::start(
            Arc::clone(&self.source),
            Arc::clone(&self.fetcher),
            settings,
            tell,
        )
    }
}

/// Logs an event, and lets the cache forget what it changed.
fn tell(name: &str, responder: &Responder, may_have_deltas: &impl Fn() -> bool, event: CrlEvent) {
    let issuer = escape(name);
    let forget = |serials: &[SerialKey]| {
        let serials: Vec<&[u8]> = serials.iter().map(SerialKey::octets).collect();
        responder.invalidate(name, &serials);
    };
    match event {
        CrlEvent::Refreshed(refreshed) => {
            match &refreshed.changes {
                // A complete CRL may make a delta needless; then answers change that are the same in the old and the
                // new complete CRL.
                Changes::Serials(serials) if refreshed.is_delta || !may_have_deltas() => {
                    forget(serials);
                }
                // Also Changes::All, and whatever a later version of the library finds.
                _ => responder.invalidate_all(),
            }
            tell_refreshed(name, &refreshed);
        }
        CrlEvent::GoodList(change) => {
            forget(&change.added);
            forget(&change.removed);
            tracing::info!(
                %issuer,
                issued = change.issued,
                added = change.added.len(),
                removed = change.removed.len(),
                foreign = change.foreign,
                "the good-list was reloaded"
            );
        }
        CrlEvent::Failed { place, error } => {
            let (place, why) = (escape(&place), explain(&error));
            tracing::error!(%issuer, %place, "the CRL does not count: {why}; what stood before stands until its nextUpdate");
        }
        CrlEvent::GoodListFailed(why) => {
            let why = escape_display(&why);
            tracing::error!(%issuer, "the good-list was not reloaded: {why}");
        }
        CrlEvent::Recovered { place } => {
            tracing::info!(%issuer, place = %escape(&place), "the CRL is in order again");
        }
        other => tracing::info!(%issuer, ?other, "the CRL source has news"),
    }
}

fn tell_refreshed(name: &str, refreshed: &Refreshed) {
    let issuer = escape(name);
    tracing::info!(
        %issuer,
        place = %escape(&refreshed.place),
        number = refreshed.number.as_deref().unwrap_or("none"),
        delta = refreshed.is_delta,
        this_update = %refreshed.this_update,
        next_update = %refreshed.next_update,
        entries = refreshed.entries,
        on_hold = refreshed.holds,
        added = refreshed.added,
        dropped = refreshed.dropped,
        released = refreshed.released,
        "a CRL came into force"
    );
    if refreshed.dropped > 0 {
        let shown = refreshed.first_dropped.iter().take(SHOWN_SERIALS);
        let shown: Vec<String> = shown.map(ToString::to_string).collect();
        let more = refreshed.dropped.saturating_sub(shown.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        tracing::warn!(
            %issuer,
            "permanent revocations are no longer listed, by the CA's signed word: {}{more}",
            shown.join(", ")
        );
    }
    if let Some(why) = &refreshed.state_error {
        tracing::error!(%issuer, "{}", escape_display(why));
    }
}

/// An error of a CRL, with what an operator can do about it from here.
pub(crate) fn explain(error: &CrlError) -> String {
    let text = escape_display(error);
    match error {
        CrlError::Fetch(FetchError::AddressRefused { address, .. }) => format!(
            "{text}; if it is meant: --allow-address {address} (allow_addresses = [\"{address}\"] in the file), or a \
             network such as 10.0.0.0/8"
        ),
        CrlError::Sha1 => {
            format!("{text}; if it is meant: --crl-accept-sha1 (accept_sha1 = true in the file)")
        }
        CrlError::Issuer(_) => format!(
            "{text}; if it is authorised: --crl-issuer-cert FILE (crl_issuers = [\"…\"] in the file)"
        ),
        _ => text,
    }
}

/// Whether a server has to be asked before anything is served: nothing of it is kept, or what is kept has ended.
fn is_any_wanted(health: &CrlHealth, now: Timestamp) -> bool {
    let wanted = |place: &PlaceHealth| {
        let current = |held: &(_, _, Timestamp, _)| held.2 > now;
        place.place.contains("://") && !place.held.as_ref().is_some_and(current)
    };
    health.places.iter().any(wanted)
}

fn settings(config: &IssuerConfig, issuer: &[u8]) -> anyhow::Result<CrlSettings> {
    let source = &config.source;
    let mut others = Vec::new();
    for file in &source.crl_issuers {
        others.extend(read_certificates(file)?);
    }
    let sha1 = if source.accept_sha1 {
        Sha1::Accept
    } else {
        Sha1::Refuse
    };
    let signers = CrlSigners::new(issuer, &others, sha1)
        .map_err(|why| anyhow!("a certificate of a CRL issuer: {why}"))?;
    let mut settings = CrlSettings::new(signers, locations(&source.crl)?);
    settings.deltas = locations(&source.delta_crl)?;
    Ok(settings)
}

fn locations(texts: &[String]) -> anyhow::Result<Vec<Location>> {
    let each = texts.iter().map(|text| Location::from_text(text));
    each.collect::<Result<_, _>>().map_err(|why| anyhow!(why))
}

fn good_list(config: &IssuerConfig, issuer: &[u8]) -> anyhow::Result<Option<GoodList>> {
    let Some(path) = &config.source.good_list else {
        return Ok(None);
    };
    let (list, _) = GoodList::open(path, issuer).context("the good-list")?;
    Ok(Some(list))
}

fn fetcher(source: &SourceConfig) -> anyhow::Result<Fetcher> {
    let mut policy = FetchPolicy::default();
    policy.max_body = DEFAULT_MAX_CRL;
    policy.total_timeout = LONGEST_FETCH;
    policy.named_networks = source
        .allow_addresses
        .iter()
        .map(|it| it.network())
        .collect();
    if let Some(proxy) = &source.proxy {
        policy.proxy = Some(proxy.parse().context("proxy")?);
    }
    if let Some(file) = &source.tls_ca {
        policy.roots = Roots::Named(read_certificates(file)?);
    }
    let needs_roots = source
        .crl
        .iter()
        .chain(&source.delta_crl)
        .any(|place| place.starts_with("https://"));
    match Fetcher::new(policy.clone()) {
        // A machine without roots may still fetch by http, which is how CRLs mostly come.
        Err(FetchError::Roots(_)) if !needs_roots => {
            policy.roots = Roots::Named(Vec::new());
            Ok(Fetcher::new(policy)?)
        }
        made => Ok(made?),
    }
}

/// The longest that one CRL may take, redirects included: 200 MB at 14 Mbit/s. A slow server is given up much earlier by
/// its rate, but one that takes a request and says nothing holds up a first start this long.
const LONGEST_FETCH: Duration = Duration::from_secs(120);
