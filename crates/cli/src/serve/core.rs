//! What a running server consists of, as one thing that the admin port, the reload and the end can hold.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use certvouch_responder::{Issuer, Responder};

use super::guard::ClockGuard;
use super::reload::Reloads;
use super::signing::Guarded;
use super::store::{Journal, OpenStore};
use super::{Loaded, Purpose};
use crate::clock::{Clock, Steady};
use crate::config::{Config, ConfigError};
use crate::metrics::Metrics;

/// Makes the configuration anew: reads the file again, with the flags on top.
pub type Recipe = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// What a start is handed beside the configuration.
#[non_exhaustive]
pub struct Setup {
    /// Tells the time.
    pub clock: Clock,
    /// Tells whether the clock goes right.
    pub steady: Steady,
    /// Makes the configuration anew for a reload; without one, the files that it names are read again.
    pub recipe: Option<Recipe>,
    /// The socket that the service manager opened for the admin port.
    pub admin_socket: Option<TcpListener>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("clock", &self.clock)
            .field("steady", &self.steady)
            .field("recipe", &self.recipe.is_some())
            .finish()
    }
}

impl Setup {
    /// With this clock and the system's steady one.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            steady: Steady::system(),
            recipe: None,
            admin_socket: None,
        }
    }
}

/// What is served at one moment. A reload replaces it whole.
#[derive(Debug)]
#[non_exhaustive]
pub struct Live {
    /// What the operator decided.
    pub config: Config,
    /// The issuers, in the order of the configuration.
    pub issuers: Vec<Arc<Loaded>>,
}

/// A running server's parts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Core {
    /// Answers.
    pub responder: Arc<Responder>,
    /// What is served now.
    pub live: ArcSwap<Live>,
    /// Tells the time.
    pub clock: Clock,
    /// Says whether to believe it.
    pub guard: Arc<ClockGuard>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Takes requests to reload.
    pub reloads: Reloads,
    /// The embedded store, and what is written into its log beside certificates.
    pub journal: Arc<Journal>,
    pub(super) stopping: AtomicBool,
}

impl Core {
    /// Whether the end has begun, so that nobody should send anything new here.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Opens all issuers of a configuration. What `now_served` holds open and the configuration names unchanged is kept.
///
/// # Errors
/// The first thing that keeps them from being served, with the issuer it belongs to.
pub(super) fn open_all(
    config: &Config,
    clock: &Clock,
    purpose: Purpose,
    now_served: &[Arc<Loaded>],
    store: Option<&OpenStore>,
) -> anyhow::Result<(Vec<Arc<Loaded>>, Vec<Issuer>)> {
    use anyhow::Context as _;
    let mut all = Vec::with_capacity(config.issuers.len());
    let mut issuers = Vec::with_capacity(config.issuers.len());
    for one in &config.issuers {
        let earlier = now_served.iter().find(|it| it.name() == one.name);
        let (loaded, issuer) =
            Loaded::open_after(one, clock, purpose, earlier.map(|it| &**it), store)
                .with_context(|| format!("issuer \"{}\"", crate::escape::escape(&one.name)))?;
        all.push(Arc::new(loaded));
        issuers.push(issuer);
    }
    Ok((all, issuers))
}

/// Puts the clock guard and the counters before every key.
pub(super) fn guarded(
    issuers: Vec<Issuer>,
    guard: &Arc<ClockGuard>,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Vec<Issuer> {
    let wrap = |issuer: Issuer| {
        let name: Arc<str> = issuer.name().into();
        issuer.map_keys(|key| {
            Arc::new(Guarded::new(
                key,
                Arc::clone(&name),
                Arc::clone(guard),
                clock.clone(),
                Arc::clone(metrics),
            ))
        })
    };
    issuers.into_iter().map(wrap).collect()
}
