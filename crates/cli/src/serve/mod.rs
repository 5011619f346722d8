//! The server: everything that [`crate::config`] names, opened, put together, kept up to date, and ended in good order.
//!
//! [`load`] does all that a start needs short of listening, so that `config check` and `serve` cannot disagree.
//! [`start`] listens; from then on three things run: the threads of [`crate::listen`], a watch on each source, and the
//! control loop of [`Running::wait`], which hears signals and counts down to the end of signer certificates.

pub mod checkpoint;
mod core;
mod crl;
pub mod guard;
pub mod inherited;
mod issuer;
mod limits;
mod notify;
pub mod ntp;
mod profile;
mod reload;
mod signing;
mod source;
mod state;
pub mod store;
mod succession;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use certvouch_responder::{Responder, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use self::core::{Core, Live, Recipe, Setup};
pub use crl::Crls;
pub use issuer::Loaded;
pub(crate) use issuer::certificate_file;
pub use reload::{Outcome, Reloads, Taken};
pub use source::{Source, StoreSource};

use self::core::{guarded, open_all};
use self::guard::ClockGuard;
use self::ntp::Ntp;
use self::reload::{Reloader, Reloads as ReloadQueue};
use self::store::{Journal, OpenStore};
use crate::admin;
use crate::clock::{Clock, Steady};
use crate::config::Config;
use crate::escape::escape;
use crate::exit::ExitCode;
use crate::listen::{self, Bound, Listener};
use crate::metrics::Metrics;
use crate::signing::SigningPool;

/// What somebody wants of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Only to look: nothing on disk is changed.
    Look {
        /// Whether servers are asked; otherwise the last good CRLs of the state folder stand for them.
        fetch: bool,
    },
    /// To answer from them.
    Serve,
}

/// Opens and checks everything: certificates, keys, sources.
///
/// # Errors
/// The first thing that keeps the start, with the issuer it belongs to.
pub fn load(
    config: &Config,
    clock: &Clock,
    purpose: Purpose,
) -> anyhow::Result<(Vec<Loaded>, Responder)> {
    let store = OpenStore::open(config, purpose)?;
    let (all, issuers) = open_all(config, clock, purpose, &[], store.as_ref())?;
    let mut loaded = Vec::with_capacity(all.len());
    // Nobody else holds them yet.
    loaded.extend(all.into_iter().filter_map(Arc::into_inner));
    Ok((
        loaded,
        Responder::new(issuers, settings(config, &pool(config)))?,
    ))
}

/// Its threads start with the first signature that needs them.
fn pool(config: &Config) -> Arc<SigningPool> {
    let signing = &config.server.signing;
    Arc::new(SigningPool::new(signing.threads, signing.queue))
}

fn settings(config: &Config, pool: &Arc<SigningPool>) -> Settings {
    let mut settings = Settings::default();
    settings.max_entries = config.server.limits.entries;
    settings.cache_bytes = config.server.limits.cache.octets();
    settings.room = Arc::<SigningPool>::clone(pool);
    settings.alarm = Arc::new(profile::LoggedAlarm);
    settings
}

/// With the last signature of the state folder, and the NTP servers of the configuration.
fn clock_guard(config: &Config, clock: &Clock, steady: &Steady) -> anyhow::Result<ClockGuard> {
    let asked = &config.clock;
    let ntp = Ntp::new(!asked.ntp.is_empty(), asked.stop.secs(), steady);
    let folder = state::of_process();
    let guard = ClockGuard::new(clock.clone(), steady.clone(), folder.as_deref())
        .context("the state folder")?;
    Ok(guard.with_ntp(Arc::new(ntp)))
}

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    listener: Listener,
    core: Arc<Core>,
    admin: Option<admin::Running>,
    drain: Duration,
    control: tokio::runtime::Runtime,
    signals: [Signal; 3],
}

/// Starts a server.
///
/// When this returns, every address takes connections, and SIGTERM and SIGINT are heard by [`Running::wait`].
///
/// # Errors
/// Whatever [`load`] refuses, an address that cannot be had, or a system without threads.
pub fn start(config: &Config, clock: Clock) -> anyhow::Result<Running> {
    start_on(config, clock, || Ok(listen::bind(&config.server)?))
}

/// Starts a server on sockets that the caller has bound or binds; everything else is as with [`start`].
///
/// # Errors
/// Those of [`start`].
pub fn start_on(
    config: &Config,
    clock: Clock,
    bind: impl FnOnce() -> anyhow::Result<Bound>,
) -> anyhow::Result<Running> {
    start_with(config, Setup::new(clock), bind)
}

/// The same with all that a start can be handed.
///
/// # Errors
/// Those of [`start`].
pub fn start_with(
    config: &Config,
    setup: Setup,
    bind: impl FnOnce() -> anyhow::Result<Bound>,
) -> anyhow::Result<Running> {
    limits::forbid_core_dumps();
    let clock = setup.clock.clone();
    let steady = setup.steady;
    let guard = clock_guard(config, &clock, &steady)?;
    let (guard, metrics) = (Arc::new(guard), Arc::new(Metrics::default()));
    let store = OpenStore::open(config, Purpose::Serve)?;
    let (issuers, roles) = open_all(config, &clock, Purpose::Serve, &[], store.as_ref())?;
    let roles = guarded(roles, &guard, &clock, &metrics);
    let pool = pool(config);
    let responder = Arc::new(Responder::new(roles, settings(config, &pool))?);
    metrics.register(pool);
    if let Some(store) = &store {
        store.invalidate(&responder);
    }
    let journal = Arc::new(Journal::new(store));
    metrics.register(Arc::<Journal>::clone(&journal));
    let mut server = config.server.clone();
    server.limits.connections = limits::connections(server.limits.connections);
    let control = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let signals = {
        let _in_runtime = control.enter();
        [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ]
    };
    let admin = match &config.admin {
        Some(admin) => Some(admin::bind(admin, setup.admin_socket)?),
        None => None,
    };
    let bound = bind()?;
    let (reloads, requests) = ReloadQueue::new();
    let core = Arc::new(Core {
        responder,
        live: ArcSwap::from_pointee(Live {
            config: config.clone(),
            issuers,
        }),
        clock: clock.clone(),
        guard,
        metrics,
        reloads,
        journal,
        stopping: false.into(),
    });
    let issuers = core.live.load_full();
    for one in &issuers.issuers {
        one.log();
        for warning in one.warnings() {
            tracing::warn!(issuer = %escape(one.name()), "{warning}");
        }
    }
    let watch = |one: &Arc<Loaded>| {
        let keeper = one.source().watch(one.name(), &core.responder, &clock)?;
        Ok((one.name().to_owned(), keeper))
    };
    let reloader = Reloader {
        core: Arc::downgrade(&core),
        recipe: setup.recipe,
        watches: issuers
            .issuers
            .iter()
            .map(watch)
            .collect::<std::io::Result<_>>()?,
    };
    reloader.start(requests)?;
    ntp::start(config.clock.ntp.clone(), steady, Arc::downgrade(&core))?;
    core.metrics.started(clock.now().unix());
    let addresses = bound.addresses().collect();
    let listener = bound.start(
        Arc::clone(&core.responder),
        &server,
        clock,
        Arc::clone(&core.metrics),
    )?;
    let admin = admin
        .map(|admin| admin.start(Arc::clone(&core)))
        .transpose()?;
    let now = core.clock.now();
    core.journal.clock(now, &core.guard.look());
    core.journal
        .in_force(now, config, &core.live.load().issuers);
    core.journal.log_head();
    notify::ready();
    Ok(Running {
        addresses,
        listener,
        core,
        admin,
        drain: server.timeouts.drain.to_std(),
        control,
        signals,
    })
}

/// How often the days to the end of a signer certificate are counted.
const DAY: Duration = Duration::from_secs(86_400);

/// What ended the serving.
enum Ended {
    /// Somebody asked for it.
    Asked,
    /// The threads ended by themselves.
    Broken,
}

impl Running {
    /// The addresses that it listens on, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The admin port, if there is one.
    #[must_use]
    pub const fn admin(&self) -> Option<&admin::Running> {
        self.admin.as_ref()
    }

    /// Its parts.
    #[must_use]
    pub const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Runs until SIGTERM or SIGINT, then finishes what was begun, for the configured time at most; a second signal ends
    /// it at once. SIGHUP reloads.
    #[must_use]
    pub fn wait(self) -> ExitCode {
        let Self {
            mut listener,
            core,
            admin,
            drain,
            control,
            mut signals,
            ..
        } = self;
        let [terminate, interrupt, hangup] = &mut signals;
        let ended = control.block_on(async {
            let hear = async {
                loop {
                    // No signal comes through this any more: the others are still heard.
                    if hangup.recv().await.is_none() {
                        std::future::pending::<()>().await;
                    }
                    core.reloads.ask();
                }
            };
            tokio::select! {
                _ = terminate.recv() => Ended::Asked,
                _ = interrupt.recv() => Ended::Asked,
                () = listener.ended() => Ended::Broken,
                () = count_down(&core) => Ended::Broken,
                () = look_after(&core) => Ended::Broken,
                () = hear => Ended::Broken,
            }
        });
        core.stopping.store(true, Ordering::Relaxed);
        notify::stopping();
        if matches!(ended, Ended::Asked) {
            tracing::info!("stopping: what was begun is finished first");
            listener.drain();
            control.block_on(async {
                tokio::select! {
                    () = listener.ended() => {}
                    _ = terminate.recv() => tracing::warn!("stopping at once: a second signal came"),
                    _ = interrupt.recv() => tracing::warn!("stopping at once: a second signal came"),
                    () = tokio::time::sleep(drain) => {
                        tracing::warn!("stopping: some connections did not end in time");
                    }
                }
            });
        }
        listener.cut();
        let outcome = listener.join();
        drop(admin);
        save(&core);
        core.journal.log_head();
        match (ended, outcome) {
            (Ended::Asked, Ok(())) => {
                tracing::info!("stopped");
                ExitCode::Success
            }
            (_, Err(why)) => {
                tracing::error!(%why, "a thread failed");
                ExitCode::Failure
            }
            (Ended::Broken, Ok(())) => {
                tracing::error!("every thread ended, and nobody asked for it");
                ExitCode::Failure
            }
        }
    }
}

/// Warns daily about signer certificates that end soon. Never returns.
async fn count_down(core: &Core) {
    let mut days = tokio::time::interval(DAY);
    // The first tick is now, and the start has just said it.
    days.tick().await;
    loop {
        days.tick().await;
        for one in &core.live.load().issuers {
            for warning in one.countdown(core.clock.now()) {
                tracing::warn!(issuer = %escape(one.name()), "{warning}");
            }
        }
    }
}

/// How often the clock is looked at when nothing is signed, and how much of the last signature's moment a crash may
/// lose.
const ROUND: Duration = Duration::from_secs(10);

/// Looks at the clock, writes down when something was signed last, and tells the service manager that we live. Never
/// returns.
async fn look_after(core: &Arc<Core>) {
    let watchdog = notify::watchdog();
    let mut rounds = tokio::time::interval(watchdog.map_or(ROUND, |every| every.min(ROUND)));
    loop {
        rounds.tick().await;
        look_once(core).await;
        save(core);
        if watchdog.is_some() {
            notify::alive();
        }
    }
}

/// The part that may have to write into the store, which waits for the disk: not in this thread.
async fn look_once(core: &Arc<Core>) {
    let core = Arc::clone(core);
    let looked = tokio::task::spawn_blocking(move || {
        core.journal.clock(core.clock.now(), &core.guard.look());
        core.journal.log_head();
    });
    // It fails only when the runtime ends.
    drop(looked.await);
}

fn save(core: &Core) {
    if let Err(why) = core.guard.save() {
        tracing::error!(%why, "the moment of the last signature could not be written to the state folder");
    }
}
