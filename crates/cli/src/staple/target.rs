//! A target: a certificate from its file, its place in the stapler, and what was done for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use certvouch_stapling::{Choice, Mode, Slot, Standing, Staple, Stapler, Subject};
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::QueryError;
use tokio::time::Instant;

use super::chain::{self, Chain};
use super::config::{DeliverConfig, TargetConfig};
use super::deliver;
use super::report::{ConfirmReport, DeliveryReport, ErrorReport, IntermediateReport, TargetReport};

/// A target in the care of an agent.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) config: TargetConfig,
    pub(super) slot: Option<Arc<Slot>>,
    /// The intermediates that are stapled too, the leaf's issuer first.
    pub(super) above: Vec<Arc<Slot>>,
    /// Why there are not more of them.
    gap: Option<&'static str>,
    /// Why there is no slot.
    pub(super) trouble: Option<String>,
    pub(super) shown: Vec<Shown>,
    pub(super) confirmed: Option<ConfirmReport>,
    /// The standing for which the operator's program was called last.
    pub(super) called: Option<Standing>,
    /// The file as it was when it was read.
    stamp: Option<SystemTime>,
    /// The serial number as it is told.
    serial: String,
}

/// What stands at one place of delivery.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What was delivered; nothing if it was taken back.
    pub(super) staple: Option<Arc<Staple>>,
    /// What was delivered with it for intermediates.
    pub(super) above: Vec<Arc<Staple>>,
    /// Whether anything was delivered or taken back since the start.
    pub(super) settled: bool,
    /// Until when what a former agent left here may stay, as long as nobody has answered.
    pub(super) left: Option<Timestamp>,
    pub(super) at: Option<Timestamp>,
    /// Why it failed, or what the operator should know.
    pub(super) note: Option<String>,
    pub(super) failed: bool,
    pub(super) busy: bool,
    pub(super) retry: Option<Instant>,
}

impl Shown {
    /// The moment at which what stands here has to go, or to be brought again with less.
    fn ends(&self, margin: i64) -> Option<Timestamp> {
        let staples = self.staple.iter().chain(&self.above);
        let ends = staples.map(|staple| staple.valid_until() + -margin).min();
        ends.or(self.left)
    }
}

impl Target {
    pub(super) fn new(config: TargetConfig) -> Self {
        let shown = config.deliver.iter().map(|_| Shown::default()).collect();
        Self {
            config,
            slot: None,
            above: Vec::new(),
            gap: None,
            trouble: None,
            shown,
            confirmed: None,
            called: None,
            stamp: None,
            serial: String::new(),
        }
    }

    /// Reads the certificate, if its file is another than before; says whether it is.
    pub(super) fn read(&mut self, stapler: &Stapler) -> bool {
        let stamp = std::fs::metadata(&self.config.certificate)
            .and_then(|metadata| metadata.modified())
            .ok();
        if self.stamp == stamp && (self.slot.is_some() || self.trouble.is_some()) {
            return false;
        }
        self.stamp = stamp;
        let had_trouble = self.trouble.take().is_some();
        let taken = match chain::read(&self.config) {
            Ok(chain) => self.take(chain, stapler).map_err(anyhow::Error::from),
            Err(why) => Err(why),
        };
        match taken {
            Ok(changed) => changed || had_trouble,
            // The old certificate is stapled as long as the new one cannot be read.
            Err(why) => {
                self.trouble = Some(format!("{why:#}"));
                true
            }
        }
    }

    /// Takes these certificates into care, and lets those go that are not among them; says whether any is new.
    fn take(&mut self, chain: Chain, stapler: &Stapler) -> Result<bool, QueryError> {
        let there = self.slot.as_ref();
        let same = there.is_some_and(|slot| chain.leaf.certificate == *slot.certificate());
        let leaf = if same {
            None
        } else {
            Some(stapler.add(chain.leaf)?)
        };
        let mut changed = leaf.is_some();
        let mut above = Vec::new();
        for subject in chain.above {
            let known = self.above.iter().find(|slot| is_about(slot, &subject));
            above.push(match known.cloned() {
                Some(slot) => slot,
                None => {
                    changed = true;
                    stapler.add(subject)?
                }
            });
        }
        if let Some(leaf) = leaf {
            self.serial = Certificate::parse(leaf.certificate())
                .map(|certificate| certificate.serial_number.to_string())
                .unwrap_or_default();
            if let Some(old) = self.slot.replace(leaf) {
                stapler.remove(&old);
            }
            self.called = None;
        }
        for old in std::mem::replace(&mut self.above, above) {
            if !self.above.iter().any(|kept| Arc::ptr_eq(kept, &old)) {
                changed = true;
                stapler.remove(&old);
            }
        }
        self.gap = chain.gap;
        Ok(changed)
    }

    /// Whether this certificate is in its care.
    pub(super) fn cares_for(&self, slot: &Arc<Slot>) -> bool {
        let mut all = self.slot.iter().chain(&self.above);
        all.any(|own| Arc::ptr_eq(own, slot))
    }

    pub(super) fn mode(&self) -> Mode {
        self.config.mode.into()
    }

    /// What is to be given out, if the certificate is stapled at all.
    pub(super) fn choice(&self, now: Timestamp) -> Option<Choice> {
        let slot = self.slot.as_ref()?;
        self.mode()
            .wants(slot)
            .then(|| self.config.reactions().choose(slot, now))
    }

    /// What is to stand at a place of delivery: the chosen staple, unless its end is too near for that place, or its server
    /// staples no such status.
    pub(super) fn wanted(&self, place: usize, now: Timestamp) -> (Option<Arc<Staple>>, Standing) {
        let config = self.config.deliver.get(place);
        let fits = |staple: &Arc<Staple>| config.is_none_or(|config| fits(config, staple, now));
        match self.choice(now) {
            Some(choice) => (choice.staple.filter(fits), choice.standing),
            None => (None, Standing::Missing),
        }
    }

    /// What is to stand beside a staple at a place of delivery: those of the intermediates that have one for that place. One
    /// that is missing leaves the others alone.
    pub(super) fn wanted_above(&self, place: usize, now: Timestamp) -> Vec<Arc<Staple>> {
        let Some(config) = self.config.deliver.get(place) else {
            return Vec::new();
        };
        let target = deliver::target(config.kind);
        let chosen = self.above.iter().filter_map(|slot| {
            let staple = self.config.reactions().choose(slot, now).staple?;
            let taken = target.check(&staple, slot.not_after(), now).is_ok();
            (taken && fits(config, &staple, now)).then_some(staple)
        });
        chosen.collect()
    }

    /// When something is to be done without an event: a staple has to go from some place, or a delivery is tried again.
    pub(super) fn wake(&self, now: Instant, time: Timestamp) -> Option<Instant> {
        let places = self.shown.iter().zip(&self.config.deliver);
        places
            .filter(|(shown, _)| !shown.busy)
            .filter_map(|(shown, config)| {
                // What failed waits for its turn, also where the end has come.
                shown.retry.or_else(|| {
                    let ends = shown.ends(deliver::margin(config))?;
                    let left = u64::try_from(ends.seconds_since(time)).unwrap_or(0);
                    // The clock has whole seconds: its next one begins at some moment within this one.
                    Some(now + Duration::from_secs(left).max(Duration::from_millis(20)))
                })
            })
            .min()
    }

    /// Whether it is as it has to be.
    pub(super) fn is_healthy(&self, now: Timestamp) -> bool {
        if self.trouble.is_some()
            || self.conflict().is_some()
            || self.shown.iter().any(|shown| shown.failed)
        {
            return false;
        }
        if self.confirmed.as_ref().is_some_and(|seen| !seen.right) {
            return false;
        }
        if self.above.iter().any(|slot| is_revoked(slot, now)) {
            return false;
        }
        match self.choice(now) {
            Some(choice) => choice.standing == Standing::Good || !self.mode().insists(),
            None => true,
        }
    }

    /// What the certificate and the configuration say against each other (RFC 7633 4.3.2).
    pub(super) fn conflict(&self) -> Option<&'static str> {
        let slot = self.slot.as_ref()?;
        (slot.is_must_staple() && self.mode() == Mode::Never).then_some(UNSTAPLED)
    }

    pub(super) fn report(&self, now: Timestamp) -> TargetReport {
        let state = self.slot.as_ref().map(|slot| slot.state());
        let state = state.unwrap_or_default();
        let last = self.slot.as_ref().and_then(|slot| slot.last_staple());
        let unix = |at: Option<Timestamp>| at.map(Timestamp::unix);
        let error = state.last_error.map(|problem| ErrorReport {
            at: problem.at.unix(),
            code: problem.code.to_owned(),
            text: problem.text,
        });
        let trouble = self.trouble.as_ref().map(|text| ErrorReport {
            at: now.unix(),
            code: "certificate".to_owned(),
            text: text.clone(),
        });
        let silent = self
            .slot
            .as_ref()
            .filter(|slot| !slot.names_responder())
            .map(|_| ErrorReport {
                at: now.unix(),
                code: "no-source".to_owned(),
                text: NO_OCSP.to_owned(),
            });
        let told = |code: &str, text: Option<&str>| {
            text.map(|text| ErrorReport {
                at: now.unix(),
                code: code.to_owned(),
                text: text.to_owned(),
            })
        };
        let conflict = told("must-staple", self.conflict());
        let gap = told("certificate", self.gap);
        TargetReport {
            name: self.config.name.clone(),
            serial: self.serial.clone(),
            standing: self
                .slot
                .as_ref()
                .map_or(Standing::Missing, |slot| {
                    self.config.reactions().choose(slot, now).standing
                })
                .name()
                .to_owned(),
            healthy: self.is_healthy(now),
            this_update: last.as_ref().map(|staple| staple.this_update().unix()),
            next_update: last.as_ref().and_then(|staple| unix(staple.next_update())),
            valid_until: last.as_ref().map(|staple| staple.valid_until().unix()),
            last_attempt: unix(state.last_attempt),
            last_success: unix(state.last_success),
            next_attempt: unix(state.next_attempt),
            successes: state.successes,
            failures: state.failures,
            failures_in_a_row: state.failures_in_a_row,
            origin: state.origin.map(|origin| origin.name().to_owned()),
            last_error: trouble.or(conflict).or(silent).or(error).or(gap),
            intermediates: self.intermediates(now),
            deliveries: self.deliveries(),
            confirmed: self.confirmed.clone(),
        }
    }

    fn intermediates(&self, now: Timestamp) -> Vec<IntermediateReport> {
        let reactions = self.config.reactions();
        let reports = self.above.iter().map(|slot| {
            let (state, last) = (slot.state(), slot.last_staple());
            let parsed = Certificate::parse(slot.certificate());
            let standing = if is_revoked(slot, now) {
                Standing::Revoked
            } else {
                reactions.choose(slot, now).standing
            };
            IntermediateReport {
                serial: parsed.map_or_else(|_| String::new(), |it| it.serial_number.to_string()),
                standing: standing.name().to_owned(),
                valid_until: last.map(|staple| staple.valid_until().unix()),
                last_success: state.last_success.map(Timestamp::unix),
                next_attempt: state.next_attempt.map(Timestamp::unix),
                successes: state.successes,
                failures: state.failures,
                failures_in_a_row: state.failures_in_a_row,
                last_error: state.last_error.map(|problem| ErrorReport {
                    at: problem.at.unix(),
                    code: problem.code.to_owned(),
                    text: problem.text,
                }),
            }
        });
        reports.collect()
    }

    fn deliveries(&self) -> Vec<DeliveryReport> {
        let places = self.shown.iter().zip(&self.config.deliver);
        places
            .map(|(shown, config)| DeliveryReport {
                kind: format!("{:?}", config.kind).to_lowercase(),
                state: match (shown.failed, shown.settled, &shown.staple) {
                    (true, ..) => "failed",
                    (_, false, _) if shown.left.is_some() => "kept",
                    (_, false, _) => "pending",
                    (_, true, Some(_)) => "delivered",
                    (_, true, None) => "withdrawn",
                }
                .to_owned(),
                at: shown.at.map(Timestamp::unix),
                note: shown.note.clone(),
            })
            .collect()
    }
}

/// Whether a staple can stand at a place at this moment.
fn fits(config: &DeliverConfig, staple: &Staple, now: Timestamp) -> bool {
    deliver::takes(config, staple) && now + deliver::margin(config) < staple.valid_until()
}

/// Whether a slot is that of a certificate and its issuer.
fn is_about(slot: &Slot, subject: &Subject) -> bool {
    subject.certificate == *slot.certificate() && subject.issuer == *slot.issuer()
}

/// Whether a certificate is known to be revoked, also where the response that said so is over.
pub(super) fn is_revoked(slot: &Slot, now: Timestamp) -> bool {
    slot.state().finally_revoked || slot.staple(now).is_some_and(|staple| staple.is_revoked())
}

/// What is said where a certificate demands what the configuration does not give.
const UNSTAPLED: &str = "the certificate demands a staple (RFC 7633), and `mode = \"never\"` gives it none: clients that look will refuse it";

/// What is said where nobody can be asked.
pub(super) const NO_OCSP: &str = "the certificate names no OCSP responder: its CA has no OCSP, or none for it; turn stapling off, or name a `responder`";

/// The name to ask a server for: the operator's, or the first DNS name of the certificate.
pub(super) fn server_name(config: &TargetConfig, slot: &Slot) -> String {
    if let Some(name) = &config.confirm_name {
        return name.clone();
    }
    dns_name(slot.certificate())
        .or_else(|| config.confirm.map(|address| address.ip().to_string()))
        .unwrap_or_default()
}

/// The first DNS name of a certificate's subjectAltName; of a wildcard, any name below it.
pub(super) fn dns_name(certificate: &[u8]) -> Option<String> {
    let certificate = Certificate::parse(certificate).ok()?;
    let names = certificate
        .extensions
        .find(certvouch_types::oid::SUBJECT_ALT_NAME)?;
    let mut list = certvouch_types::der::Reader::new(names.value);
    let mut list = list
        .required(certvouch_types::der::tag::SEQUENCE, "SubjectAltName")
        .ok()?
        .contents();
    while !list.is_empty() {
        let element = list.next("GeneralName").ok()?;
        // dNSName [2]
        if element.tag == 0x82 {
            let name = std::str::from_utf8(element.value).ok()?;
            return Some(name.replacen("*.", "www.", 1));
        }
    }
    None
}
