//! Reload: configuration, issuers, signers and policy change as one snapshot, or not at all (threats T-10).
//!
//! One thread reloads, so that two never overlap. Whoever asks while it waits or works shares the next round with all
//! others that asked meanwhile: a round begins after they asked, so that it sees what they wrote. A source whose
//! configuration did not change is kept as it is, with its truth, its marks and its watch; another one has to pass
//! [`super::succession`].

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::oneshot;

use super::core::{Core, Live, Recipe, guarded, open_all};
use super::source::Keeper;
use super::{Loaded, Purpose, notify, succession};
use crate::config::Config;
use crate::escape::escape;

/// What a good reload did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Taken {
    /// Issuers that are served now.
    pub issuers: usize,
    /// Sources that were kept as they were.
    pub kept_sources: usize,
    /// What the file says now and what only a restart puts in force.
    pub needs_restart: Vec<String>,
}

/// What became of a reload: why not, with all causes, if it was refused.
pub type Outcome = Result<Taken, String>;

type Reply = oneshot::Sender<Outcome>;

/// Takes requests to reload.
#[derive(Debug)]
pub struct Reloads(Mutex<Sender<Option<Reply>>>);

impl Reloads {
    /// A place for requests, and where they come out.
    pub(super) fn new() -> (Self, Requests) {
        let (sender, receiver) = channel();
        (Self(Mutex::new(sender)), Requests(receiver))
    }

    /// Asks for a reload and waits for what becomes of it.
    ///
    /// # Errors
    /// Why it was refused, or that the server is stopping.
    pub async fn reload(&self) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        self.send(Some(reply));
        outcome
            .await
            .unwrap_or_else(|_| Err("the server is stopping".to_owned()))
    }

    /// Asks for a reload; the log says what becomes of it.
    pub fn ask(&self) {
        self.send(None);
    }

    fn send(&self, reply: Option<Reply>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails only when the thread is gone; then the reply's other end hears of it.
        drop(sender.send(reply));
    }
}

/// Requests that wait.
#[derive(Debug)]
pub(super) struct Requests(Receiver<Option<Reply>>);

/// What the thread works with.
pub(super) struct Reloader {
    pub(super) core: Weak<Core>,
    pub(super) recipe: Option<Recipe>,
    /// By issuer: dropping one ends the watch on its source.
    pub(super) watches: HashMap<String, Keeper>,
}

impl Reloader {
    /// Starts the thread. It ends, and the watches with it, when the server's parts are gone.
    pub(super) fn start(mut self, requests: Requests) -> io::Result<()> {
        std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || {
                while let Ok(first) = requests.0.recv() {
                    let mut waiting: Vec<Option<Reply>> = vec![first];
                    waiting.extend(requests.0.try_iter());
                    let Some(core) = self.core.upgrade() else {
                        return;
                    };
                    let outcome = self.round(&core);
                    for reply in waiting.into_iter().flatten() {
                        // Whoever asked may have left.
                        drop(reply.send(outcome.clone()));
                    }
                }
            })?;
        Ok(())
    }

    fn round(&mut self, core: &Arc<Core>) -> Outcome {
        notify::reloading();
        let outcome = self.reload(core).map_err(|why| format!("{why:#}"));
        match &outcome {
            Ok(taken) => {
                core.metrics.reload_took(core.clock.now().unix());
                tracing::info!(
                    issuers = taken.issuers,
                    kept_sources = taken.kept_sources,
                    "the configuration was reloaded"
                );
                for key in &taken.needs_restart {
                    tracing::warn!("{key} changed, which only a restart puts in force");
                }
            }
            Err(why) => {
                core.metrics.reload_failed();
                tracing::error!("the configuration was not reloaded, and the old one stays: {why}");
            }
        }
        notify::ready();
        outcome
    }

    fn reload(&mut self, core: &Arc<Core>) -> anyhow::Result<Taken> {
        let live = core.live.load_full();
        let config = match &self.recipe {
            Some(recipe) => recipe()?,
            None => live.config.clone(),
        };
        let now = core.clock.now();
        let (loaded, issuers) = open_all(
            &config,
            &core.clock,
            Purpose::Serve,
            &live.issuers,
            core.journal.open_store(),
        )?;
        let is_kept = |one: &Loaded| {
            let mut earlier = live.issuers.iter();
            earlier.any(|it| it.name() == one.name() && it.source().is_same(one.source()))
        };
        for one in &loaded {
            // By the CA and not by the name: another name for it is no way around.
            for old in live.issuers.iter().filter(|it| it.is_same_ca(one)) {
                succession::check(old, one, now)
                    .map_err(|why| why.context(format!("issuer \"{}\"", escape(one.name()))))?;
            }
        }
        // New watches run before anything is replaced, so that one that cannot start changes nothing.
        let mut new_watches = Vec::new();
        for one in loaded.iter().filter(|one| !is_kept(one)) {
            let keeper = one
                .source()
                .watch(one.name(), &core.responder, &core.clock)?;
            new_watches.push((one.name().to_owned(), keeper));
        }
        let kept_sources = loaded.len() - new_watches.len();
        core.responder
            .replace(guarded(issuers, &core.guard, &core.clock, &core.metrics))?;
        for one in &loaded {
            for warning in one.warnings() {
                tracing::warn!(issuer = %escape(one.name()), "{warning}");
            }
        }
        let needs_restart = needs_restart(&core.live.load().config, &config);
        let names: Vec<String> = loaded.iter().map(|it| it.name().to_owned()).collect();
        let taken = Taken {
            issuers: loaded.len(),
            kept_sources,
            needs_restart,
        };
        // What needs a restart stays as it is in force, so that the next reload says so again.
        let in_force = Config {
            issuers: config.issuers,
            ..live.config.clone()
        };
        core.live.store(Arc::new(Live {
            config: in_force,
            issuers: loaded,
        }));
        let live = core.live.load();
        core.journal.in_force(now, &live.config, &live.issuers);
        self.watches.extend(new_watches);
        self.watches.retain(|name, _| names.contains(name));
        core.guard.accept();
        Ok(taken)
    }
}

/// The keys outside the issuers whose values differ.
fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let table = |config: &Config| {
        let mut bare = config.clone();
        bare.issuers.clear();
        toml::Table::try_from(bare).unwrap_or_default()
    };
    let mut keys = Vec::new();
    differing("", &table(old), &table(new), &mut keys);
    keys
}

fn differing(prefix: &str, old: &toml::Table, new: &toml::Table, keys: &mut Vec<String>) {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let path = format!("{prefix}{name}");
        match (old.get(name), new.get(name)) {
            (Some(toml::Value::Table(old)), Some(toml::Value::Table(new))) => {
                differing(&format!("{path}."), old, new, keys);
            }
            (old, new) if old != new => keys.push(path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_need_a_restart_are_named() {
        let old = Config::default();
        let mut new = Config::default();
        assert!(needs_restart(&old, &new).is_empty());
        new.server.threads = 7;
        new.server.limits.entries = 3;
        new.log.level = "debug".to_owned();
        assert_eq!(
            needs_restart(&old, &new),
            ["log.level", "server.limits.entries", "server.threads"]
        );
    }
}
