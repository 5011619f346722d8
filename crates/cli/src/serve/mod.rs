//! The server: everything that [`crate::config`] names, opened, put together, kept up to date, and ended in good order.
//!
//! [`load`] does all that a start needs short of listening, so that `config check` and `serve` cannot disagree.
//! [`start`] listens; from then on three things run: the threads of [`crate::listen`], a watch on each source, and the
//! control loop of [`Running::wait`], which hears signals and counts down to the end of signer certificates.

mod crl;
mod issuer;
mod limits;
mod profile;
mod source;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use certvouch_responder::{Responder, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use crl::Crls;
pub use issuer::Loaded;
pub(crate) use issuer::certificate_file;
use source::Keeper;
pub use source::Source;

use crate::clock::Clock;
use crate::config::Config;
use crate::escape::escape;
use crate::exit::ExitCode;
use crate::listen::{self, Bound, Listener};

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
    let mut all = Vec::with_capacity(config.issuers.len());
    let mut issuers = Vec::with_capacity(config.issuers.len());
    for one in &config.issuers {
        let (loaded, issuer) = Loaded::open(one, clock, purpose)
            .with_context(|| format!("issuer \"{}\"", escape(&one.name)))?;
        all.push(loaded);
        issuers.push(issuer);
    }
    let mut settings = Settings::default();
    settings.max_entries = config.server.limits.entries;
    settings.cache_bytes = config.server.limits.cache.octets();
    Ok((all, Responder::new(issuers, settings)?))
}

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    listener: Listener,
    issuers: Arc<[Loaded]>,
    clock: Clock,
    drain: Duration,
    control: tokio::runtime::Runtime,
    signals: [Signal; 2],
    /// Held: dropping one ends the watch on its source.
    watches: Vec<Keeper>,
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
    limits::forbid_core_dumps();
    let (issuers, responder) = load(config, &clock, Purpose::Serve)?;
    let issuers: Arc<[Loaded]> = issuers.into();
    let responder = Arc::new(responder);
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
        ]
    };
    let bound = bind()?;
    for one in &*issuers {
        one.log();
        for warning in one.warnings() {
            tracing::warn!(issuer = %escape(one.name()), "{warning}");
        }
    }
    let watches = issuers
        .iter()
        .map(|one| one.source().watch(one.name(), &responder, &clock))
        .collect::<std::io::Result<_>>()?;
    let addresses = bound.addresses().collect();
    let listener = bound.start(responder, &server, clock.clone())?;
    Ok(Running {
        addresses,
        listener,
        issuers,
        clock,
        drain: server.timeouts.drain.to_std(),
        control,
        signals,
        watches,
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

    /// Runs until SIGTERM or SIGINT, then finishes what was begun, for the configured time at most; a second signal ends
    /// it at once.
    #[must_use]
    pub fn wait(self) -> ExitCode {
        let Self {
            mut listener,
            issuers,
            clock,
            drain,
            control,
            mut signals,
            watches,
            ..
        } = self;
        let ended = control.block_on(async {
            let [terminate, interrupt] = &mut signals;
            tokio::select! {
                _ = terminate.recv() => Ended::Asked,
                _ = interrupt.recv() => Ended::Asked,
                () = listener.ended() => Ended::Broken,
                () = count_down(&issuers, &clock) => Ended::Broken,
            }
        });
        if matches!(ended, Ended::Asked) {
            tracing::info!("stopping: what was begun is finished first");
            listener.drain();
            control.block_on(async {
                let [terminate, interrupt] = &mut signals;
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
        drop(watches);
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
async fn count_down(issuers: &[Loaded], clock: &Clock) {
    let mut days = tokio::time::interval(DAY);
    // The first tick is now, and the start has just said it.
    days.tick().await;
    loop {
        days.tick().await;
        for one in issuers {
            for warning in one.countdown(clock.now()) {
                tracing::warn!(issuer = %escape(one.name()), "{warning}");
            }
        }
    }
}
