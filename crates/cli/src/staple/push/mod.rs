//! Push: the change log of a certvouch responder is followed, and a certificate whose status has changed is asked for at
//! once instead of at half life.
//!
//! * The log says what to ask about and nothing more: what is stapled is what a responder signed, verified as ever.
//! * A stream that breaks is taken up again where it was, after a pause that doubles within bounds. Until then, and for
//!   whatever is missed, the schedule holds.
//! * How far the log was read is in the agent's report, so that a restart goes on from there. A server whose log is not
//!   as far (it was restored), or much farther, has every certificate of its issuers asked for once.

mod changes;
mod known;
mod report;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certvouch_fetch::{
    Answer, Bearer, Call, Event, EventStream, FetchError, FetchPolicy, Fetcher, Followed, Network,
    Roots,
};
use certvouch_stapling::{About, Expected, Slot, Stapler};
use http::Uri;
use tokio::time::Instant;

use self::changes::{Change, Issuers};
use self::known::Known;
pub use self::report::PushReport;
pub(super) use self::report::metrics;
use super::config::PushConfig;
use crate::clock::Clock;
use crate::command::input;
use crate::escape::{escape, escape_display};
use crate::remote;

/// The server says something every 15 seconds; after three times that it is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// After the first break.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// After many.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Changes that are read one by one; beyond that asking for everything is less.
const MAX_GAP: u64 = 10_000;
/// An import is many changes, one for each batch: its certificates are asked for when so much time has gone.
const IMPORT_PAUSE: Duration = Duration::from_secs(5);
/// Octets of the list of issuers.
const MAX_ISSUERS: u64 = 4 * 1024 * 1024;

/// A change log that is followed.
pub struct Push {
    config: PushConfig,
    networks: Vec<Network>,
    stapler: Stapler,
    clock: Clock,
    known: Mutex<Known>,
    told: Box<dyn Fn() + Send + Sync>,
}

/// Why a change log is not followed at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    /// For machines.
    code: &'static str,
    text: String,
}

impl Trouble {
    fn new(code: &'static str, text: impl fmt::Display) -> Self {
        Self {
            code,
            text: text.to_string(),
        }
    }

    fn fetch(why: &FetchError) -> Self {
        Self::new("unreachable", escape_display(why))
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Push {
    /// A change log for the certificates of this stapler, read so far; it is not followed yet. Networks are those that may
    /// be connected to although they are not public. `told` is called whenever there is something new to report.
    #[must_use]
    pub fn new(
        config: PushConfig,
        networks: Vec<Network>,
        stapler: Stapler,
        clock: Clock,
        position: Option<u64>,
        told: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            config,
            networks,
            stapler,
            clock,
            known: Mutex::new(Known::from_position(position)),
            told: Box::new(told),
        }
    }

    /// How it goes.
    #[must_use]
    pub fn report(&self) -> PushReport {
        self.known().report(&self.config.url)
    }

    /// Follows the log until this is dropped. The engine of the stapler runs elsewhere.
    pub async fn run(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.known().connects();
            if let Err(trouble) = self.follow().await {
                self.failed(trouble);
            }
            if self.known().connects() > before {
                pause = FIRST_PAUSE;
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, trouble: Trouble) {
        let now = self.clock.now();
        let mut known = self.known();
        // Once, and not at each attempt.
        if known.is_connected() || known.last_trouble() != Some(&trouble) {
            tracing::warn!(
                url = %escape(&self.config.url),
                "push: {}; staples are refreshed at half life meanwhile",
                trouble.text
            );
        }
        known.failed(now, trouble);
        drop(known);
        (self.told)();
    }

    /// From the first question to the end of a stream.
    async fn follow(&self) -> Result<(), Trouble> {
        let remote = Remote::open(&self.config, &self.networks)?;
        let answer = remote.get("/v1/issuers").await?;
        let issuers = Issuers::read(&answer.bytes).ok_or_else(|| remote.not_ours())?;
        let (position, everything) = match (self.known().read(), issuers.head) {
            (Some(read), Some(head)) if read <= head && head - read <= MAX_GAP => (read, false),
            (_, Some(head)) => (head, true),
            // It has no log, and will say so.
            (read, None) => (read.unwrap_or_default(), false),
        };
        let mut stream = remote.changes(position).await?;
        if !self.known().is_connected() {
            tracing::info!(url = %escape(&self.config.url), position, "push: connected");
        }
        self.known().connected(self.clock.now(), position);
        if everything {
            self.ask_for_all(&issuers.keys, position);
        }
        (self.told)();
        self.read(&mut stream, &issuers.keys).await
    }

    async fn read(
        &self,
        stream: &mut EventStream,
        keys: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), Trouble> {
        // What a stream that broke left.
        let mut import_due = self.has_imports().then(|| Instant::now() + IMPORT_PAUSE);
        loop {
            let due = import_due.unwrap_or_else(|| Instant::now() + SILENCE);
            tokio::select! {
                event = stream.next() => match event {
                    Ok(Some(event)) => {
                        self.take(&event, keys);
                        if import_due.is_none() && self.has_imports() {
                            import_due = Some(Instant::now() + IMPORT_PAUSE);
                        }
                    }
                    // After some minutes a connection has had its time.
                    Ok(None) => return Ok(()),
                    Err(why) => return Err(Trouble::new("broken", escape_display(&why))),
                },
                () = tokio::time::sleep_until(due), if import_due.is_some() => {
                    import_due = None;
                    self.ask_for_imports(keys);
                }
            }
        }
    }

    fn has_imports(&self) -> bool {
        !self.known().imports.is_empty()
    }

    fn take(&self, event: &Event, keys: &BTreeMap<String, Vec<u8>>) {
        let id = event.id.as_deref().and_then(|id| id.parse::<u64>().ok());
        let mut slots = Vec::new();
        match changes::read(event) {
            Ok(Change::Certificate {
                issuer,
                serial,
                expected,
            }) => {
                let key = keys.get(&issuer).map(Vec::as_slice);
                let about = About::certificate(serial.unsigned(), key);
                slots = self.stapler.hear(about, expected);
                if !slots.is_empty() {
                    tracing::info!(
                        issuer = %escape(&issuer), %serial,
                        "push: {}; asked for at once", expected.name()
                    );
                }
            }
            Ok(Change::Import { issuer }) => {
                let first = id.unwrap_or_default();
                let mut known = self.known();
                known.imports.entry(issuer).or_insert(first);
            }
            Ok(Change::Other) => {}
            Err(why) => {
                let id = id.unwrap_or(0);
                tracing::warn!(url = %escape(&self.config.url), id, "push: a change was passed over: {why}");
            }
        }
        self.known().took(self.clock.now(), id, slots);
        (self.told)();
    }

    /// Records that were not known came in, and nobody says of which certificates.
    fn ask_for_imports(&self, keys: &BTreeMap<String, Vec<u8>>) {
        let imports = std::mem::take(&mut self.known().imports);
        for (issuer, id) in imports {
            let key = issuer.and_then(|issuer| keys.get(&issuer));
            let slots = self.all_of(key.map(Vec::as_slice));
            self.known().asked(id, slots);
        }
    }

    /// What was in the log is not known: every certificate of these issuers is asked for.
    fn ask_for_all(&self, keys: &BTreeMap<String, Vec<u8>>, position: u64) {
        let mut slots = Vec::new();
        for key in keys.values() {
            slots.extend(self.all_of(Some(key)));
        }
        if keys.is_empty() {
            slots = self.all_of(None);
        }
        self.known().asked(position, slots);
    }

    fn all_of(&self, key: Option<&[u8]>) -> Vec<Arc<Slot>> {
        self.stapler.hear(About::all_of(key), Expected::Any)
    }
}

/// From half of it to one and a half.
fn jittered(pause: Duration) -> Duration {
    // Without random numbers all that is lost is that a fleet spreads.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause / 2 + pause * (random >> 16) / 0x1_0000
}

/// The admin port for the time of one stream: token and roots are read anew, since they may have been replaced.
struct Remote {
    base: String,
    bearer: Bearer,
    fetcher: Fetcher,
}

impl Remote {
    fn open(config: &PushConfig, networks: &[Network]) -> Result<Self, Trouble> {
        let base = remote::base(&config.url).map_err(|why| Trouble::new("url", why))?;
        let bearer = remote::bearer(&config.token_file);
        let bearer = bearer.map_err(|why| Trouble::new("token", format_args!("{why:#}")))?;
        let mut policy = FetchPolicy::default();
        policy.max_body = MAX_ISSUERS;
        policy.named_networks = networks.to_vec();
        if let Some(path) = &config.tls_ca {
            let roots = input::read_certificates(path);
            let roots = roots.map_err(|why| Trouble::new("roots", format_args!("{why:#}")))?;
            policy.roots = Roots::Named(roots);
        }
        let fetcher = Fetcher::new(policy).map_err(|why| Trouble::fetch(&why))?;
        Ok(Self {
            base,
            bearer,
            fetcher,
        })
    }

    fn call(&self, place: &str, accept: &'static str) -> Result<Call, Trouble> {
        let url: Uri = format!("{}{place}", self.base)
            .parse()
            .map_err(|_| Trouble::new("url", "no URL"))?;
        let mut call = Call::get(url, accept);
        call.bearer = Some(self.bearer.clone());
        Ok(call)
    }

    async fn get(&self, place: &str) -> Result<Answer, Trouble> {
        let call = self.call(place, "application/json")?;
        let answer = self.fetcher.call(&call).await;
        let answer = answer.map_err(|why| Trouble::fetch(&why))?;
        match answer.status {
            200 => Ok(answer),
            _ => Err(self.refused(&answer)),
        }
    }

    async fn changes(&self, after: u64) -> Result<EventStream, Trouble> {
        let place = format!("/v1/changes?after={after}");
        let call = self.call(&place, "text/event-stream")?;
        match self.fetcher.events(&call, SILENCE).await {
            Ok(Followed::Events(stream)) => Ok(stream),
            Ok(Followed::Answer(answer)) => Err(self.refused(&answer)),
            Ok(_) => Err(self.not_ours()),
            Err(why) => Err(Trouble::fetch(&why)),
        }
    }

    fn refused(&self, answer: &Answer) -> Trouble {
        match remote::refusal(answer) {
            Some(why) => Trouble::new("refused", format_args!("HTTP {}: {why}", answer.status)),
            None => self.not_ours(),
        }
    }

    fn not_ours(&self) -> Trouble {
        Trouble::new("not-ours", remote::not_ours(&self.base))
    }
}
