//! Talks to systemd, where it started us: ready, reloading, stopping, alive. Anywhere else nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(why) = sd_notify::notify(states) {
        tracing::debug!(%why, "the service manager could not be told");
    }
}

/// Every address takes connections.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] ends it. `Type=notify-reload` needs the moment, too.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(moment) => tell(&[NotifyState::Reloading, moment]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// It lives.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often it wants to hear that we live, halved as sd_watchdog_enabled(3) advises.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|every| every / 2)
}
