//! What is known about one change log: how far it was read, and how it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use certvouch_stapling::{Slot, StapleKey};
use certvouch_types::Timestamp;

use super::{PushReport, Trouble};
use crate::staple::report::ErrorReport;

/// How it goes.
#[derive(Debug, Default)]
pub(super) struct Known {
    connected: bool,
    since: Option<Timestamp>,
    connects: u64,
    failures: u64,
    events: u64,
    concerned: u64,
    last_event: Option<Timestamp>,
    last_error: Option<(Timestamp, Trouble)>,
    /// The last change that was read.
    read: Option<u64>,
    /// Changes of which staples do not say yet what they said, by the certificate that is asked about.
    open: BTreeMap<StapleKey, (u64, Arc<Slot>)>,
    /// Imports whose issuers' certificates were not asked for yet; the first change of each.
    pub(super) imports: BTreeMap<Option<String>, u64>,
}

impl Known {
    /// How far a former agent came.
    pub(super) fn from_position(position: Option<u64>) -> Self {
        Self {
            read: position,
            ..Self::default()
        }
    }

    pub(super) const fn read(&self) -> Option<u64> {
        self.read
    }

    pub(super) const fn connects(&self) -> u64 {
        self.connects
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.connected
    }

    pub(super) fn last_trouble(&self) -> Option<&Trouble> {
        self.last_error.as_ref().map(|(_, trouble)| trouble)
    }

    pub(super) fn connected(&mut self, now: Timestamp, position: u64) {
        self.connects += 1;
        self.read = Some(position);
        self.last_error = None;
        if !self.connected {
            self.connected = true;
            self.since = Some(now);
        }
    }

    pub(super) fn failed(&mut self, now: Timestamp, trouble: Trouble) {
        self.failures += 1;
        self.last_error = Some((now, trouble));
        if self.connected || self.since.is_none() {
            self.connected = false;
            self.since = Some(now);
        }
    }

    /// An event was read, about these certificates.
    pub(super) fn took(&mut self, now: Timestamp, id: Option<u64>, slots: Vec<Arc<Slot>>) {
        self.events += 1;
        self.last_event = Some(now);
        self.read = id.or(self.read);
        self.asked(id.unwrap_or_default(), slots);
    }

    /// These certificates are asked for because of this change.
    pub(super) fn asked(&mut self, id: u64, slots: Vec<Arc<Slot>>) {
        for slot in slots {
            self.concerned += 1;
            self.open
                .entry(slot.key().clone())
                .or_insert_with(|| (id, slot));
        }
    }

    /// Up to where all is done that was said: an agent that is killed now goes on from there.
    fn settled(&mut self) -> Option<u64> {
        self.open
            .retain(|_, (_, slot)| slot.state().awaited.is_some());
        let open: BTreeSet<u64> = self.open.values().map(|(id, _)| *id).collect();
        let first = open.first().into_iter().chain(self.imports.values()).min();
        match (first, self.read) {
            (Some(first), Some(read)) => Some(read.min(first.saturating_sub(1))),
            (_, read) => read,
        }
    }

    pub(super) fn report(&mut self, url: &str) -> PushReport {
        let position = self.settled();
        let error = self.last_error.as_ref();
        PushReport {
            url: url.to_owned(),
            connected: self.connected,
            since: self.since.map(Timestamp::unix),
            connects: self.connects,
            failures: self.failures,
            events: self.events,
            concerned: self.concerned,
            last_event: self.last_event.map(Timestamp::unix),
            position,
            last_error: error.map(|(at, trouble)| ErrorReport {
                at: at.unix(),
                code: trouble.code.to_owned(),
                text: trouble.text.clone(),
            }),
        }
    }
}
