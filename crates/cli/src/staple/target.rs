//! A target: a certificate from its file, its place in the stapler, and what was done for it.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use certvouch_client::CertIdHash;
use certvouch_stapling::{Choice, Mode, Slot, Standing, Staple, Stapler, Subject};
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::Query;
use tokio::time::Instant;

use super::config::{CertId, TargetConfig};
use super::deliver;
use super::report::{ConfirmReport, DeliveryReport, ErrorReport, TargetReport};
use crate::command::input;
use crate::escape::escape_path;

/// A target in the care of an agent.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) config: TargetConfig,
    pub(super) slot: Option<Arc<Slot>>,
    /// Why there is no slot.
    pub(super) trouble: Option<String>,
    pub(super) shown: Vec<Shown>,
    pub(super) confirmed: Option<ConfirmReport>,
    /// The standing for which the operator's program was called last.
    pub(super) called: Option<Standing>,
    /// The file as it was when it was read.
    stamp: Option<SystemTime>,
}

/// What stands at one place of delivery.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What was delivered; nothing if it was taken back.
    pub(super) staple: Option<Arc<Staple>>,
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

impl Target {
    pub(super) fn new(config: TargetConfig) -> Self {
        let shown = config.deliver.iter().map(|_| Shown::default()).collect();
        Self {
            config,
            slot: None,
            trouble: None,
            shown,
            confirmed: None,
            called: None,
            stamp: None,
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
        let subject = subject(&self.config);
        let same = match (&subject, &self.slot) {
            (Ok(subject), Some(slot)) => subject.certificate == *slot.certificate(),
            _ => false,
        };
        if same {
            return false;
        }
        let added = subject.and_then(|subject| Ok(stapler.add(subject)?));
        match added {
            Ok(slot) => {
                if let Some(old) = self.slot.replace(slot) {
                    stapler.remove(&old);
                }
                self.trouble = None;
                self.called = None;
            }
            // The old certificate is stapled as long as the new one cannot be read.
            Err(why) => self.trouble = Some(format!("{why:#}")),
        }
        true
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
        let fits = |staple: &Arc<Staple>| {
            config.is_none_or(|config| {
                deliver::takes(config, staple)
                    && now + deliver::margin(config) < staple.valid_until()
            })
        };
        match self.choice(now) {
            Some(choice) => (choice.staple.filter(fits), choice.standing),
            None => (None, Standing::Missing),
        }
    }

    /// The next moment at which a staple has to go from some place.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        let places = self.shown.iter().zip(&self.config.deliver);
        places
            .filter_map(|(shown, config)| {
                let staple = shown.staple.as_ref();
                let ends = staple.map(|it| it.valid_until() + -deliver::margin(config));
                ends.or(shown.left)
            })
            .min()
    }

    /// Whether it is as it has to be.
    pub(super) fn is_healthy(&self, now: Timestamp) -> bool {
        if self.trouble.is_some() || self.shown.iter().any(|shown| shown.failed) {
            return false;
        }
        if self.confirmed.as_ref().is_some_and(|seen| !seen.right) {
            return false;
        }
        match self.choice(now) {
            Some(choice) => choice.standing == Standing::Good || !self.mode().insists(),
            None => true,
        }
    }

    pub(super) fn report(&self, now: Timestamp) -> TargetReport {
        let state = self.slot.as_ref().map(|slot| slot.state());
        let state = state.unwrap_or_default();
        let last = self.slot.as_ref().and_then(|slot| slot.last_staple());
        let unix = |at: Option<Timestamp>| at.map(Timestamp::unix);
        let serial = self.slot.as_ref().and_then(|slot| {
            let certificate = Certificate::parse(slot.certificate()).ok()?;
            Some(certificate.serial_number.to_string())
        });
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
        TargetReport {
            name: self.config.name.clone(),
            serial: serial.unwrap_or_default(),
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
            last_error: trouble.or(silent).or(error),
            deliveries: self.deliveries(),
            confirmed: self.confirmed.clone(),
        }
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

/// What is said where nobody can be asked.
pub(super) const NO_OCSP: &str = "the certificate names no OCSP responder: its CA has no OCSP, or none for it; turn stapling off, or name a `responder`";

/// Reads a target's certificate and finds its issuer: the certificate of the chain, or of the `issuer` file, whose key
/// signed it, wherever it stands.
pub(super) fn subject(config: &TargetConfig) -> Result<Subject> {
    let mut chain = input::read_certificates(&config.certificate)?;
    let mut leaf = chain.remove(0);
    if let Some(issuer) = &config.issuer {
        chain.extend(input::read_certificates(issuer)?);
    }
    let shown = || escape_path(&config.certificate).to_string();
    Certificate::parse(&leaf).with_context(shown)?;
    let signed = |issuer: &&Vec<u8>| Query::new(&leaf, issuer, None).is_ok();
    let Some(issuer) = chain.iter().find(signed).cloned() else {
        bail!(
            "{}: the issuer's certificate is missing: append it, or name it in `issuer`",
            shown()
        );
    };
    let mut subject = Subject::new(std::mem::take(&mut leaf), issuer);
    subject.responders = config.responders();
    subject.hash = match config.cert_id {
        CertId::Sha1 => CertIdHash::Sha1,
        CertId::Sha256 => CertIdHash::Sha256,
    };
    Ok(subject)
}

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
