//! What a profile and its decisions mean for files: who may ask, the hashes of what was issued, and whether what a
//! source holds at the start is something that the profile lets anybody say.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context as _, bail};
use certvouch_responder::{
    Alarm, CheckRoom, CheckRoomFull, Choice, Policy, Requestors, SelfCheckFault, StatusSource, Work,
};
use certvouch_signer::read_certificates;
use certvouch_status::CertHashes;
use certvouch_status::embedded::{self, Query, Status};
use certvouch_types::{Certificate, CrlReason, Timestamp};

use super::source::Source;
use crate::config::IssuerConfig;
use crate::config::choice::RequestSignatures;
use crate::escape::{escape, escape_display, escape_path};

/// Requests whose signatures wait to be verified; who comes later is told to try again. At a millisecond for the
/// slowest key allowed, the last of them waits a tenth of a second.
const WAITING_CHECKS: usize = 64;

/// Who may ask, if requests must be signed; each issuer with a thread of its own that verifies (threats T-42).
pub(super) fn requestors(config: &IssuerConfig) -> anyhow::Result<Option<Arc<Requestors>>> {
    if config.request_signatures != RequestSignatures::Require {
        return Ok(None);
    }
    let mut allowed = Vec::new();
    for file in &config.requestors {
        allowed.extend(read_certificates(file)?);
    }
    let room = CheckThread::start().context("the thread that verifies requests")?;
    Ok(Some(Arc::new(Requestors::new(allowed, Arc::new(room))?)))
}

/// One thread with a short queue: signatures of strangers never take more than this core's worth of time, and never the
/// time of a thread that answers. It ends when the last who could give it work is gone.
#[derive(Debug)]
struct CheckThread(SyncSender<Work>);

impl CheckThread {
    fn start() -> std::io::Result<Self> {
        let (sender, work) = sync_channel::<Work>(WAITING_CHECKS);
        std::thread::Builder::new()
            .name("requests".to_owned())
            .spawn(move || work.into_iter().for_each(|work| work()))?;
        Ok(Self(sender))
    }
}

impl CheckRoom for CheckThread {
    fn run(&self, work: Work) -> Result<(), CheckRoomFull> {
        // Full, or the thread is gone: there is no room either way.
        self.0.try_send(work).map_err(|_| CheckRoomFull)
    }
}

/// Writes an error into the log; `/health` and the metrics show the same for as long as it lasts.
#[derive(Debug)]
pub(super) struct LoggedAlarm;

impl Alarm for LoggedAlarm {
    fn issuer_stopped(&self, issuer: &str, why: &SelfCheckFault) {
        let (issuer, why) = (escape(issuer), escape_display(why));
        tracing::error!(
            %issuer,
            "the issuer answers internalError from now on: an answer of its own failed the self-check: {why}; mend the \
             signer and reload"
        );
    }
}

/// The source, and hashes of what was issued if there is a folder of it.
pub(super) fn with_cert_hashes(
    config: &IssuerConfig,
    issuer: &[u8],
    source: &Source,
) -> anyhow::Result<Arc<dyn StatusSource>> {
    let below = source.as_status_source();
    let Some(folder) = &config.cert_hash else {
        return Ok(below);
    };
    let hashes = CertHashes::open(folder, issuer, below)
        .with_context(|| format!("cert_hash {}", escape_path(folder)))?;
    Ok(Arc::new(hashes))
}

/// Refuses a source that holds what the profile forbids to say. What comes later gets no signed answer.
pub(super) fn check_source(
    policy: &Policy,
    source: &Source,
    issuer: &Certificate<'_>,
) -> anyhow::Result<()> {
    let profile = policy.profile;
    let Some(rule) = profile.forbids(Choice::Hold) else {
        return Ok(());
    };
    let name = profile.name;
    let holds = count(source, |reason| reason == Some(CrlReason::CertificateHold));
    if holds > 0 {
        bail!("profile {name} forbids certificates on hold, and the source has {holds} ({rule})");
    }
    // A root issues certificates of CAs, whose revocations need a reason (TLS BR 7.3). A profile without holds is that
    // of the BRs.
    if issuer.subject == issuer.issuer {
        let without = count(source, |reason| !is_reason_of_a_ca(reason));
        if without > 0 {
            bail!(
                "profile {name} demands a reason of TLS BR 7.2.2 for each revoked CA certificate, and {without} of the \
                 root's have none (BR-7.3-1: TLS BR 7.3)"
            );
        }
    }
    Ok(())
}

/// The reasons that TLS BR 7.2.2 has for CA certificates.
const fn is_reason_of_a_ca(reason: Option<CrlReason>) -> bool {
    matches!(
        reason,
        Some(
            CrlReason::KeyCompromise
                | CrlReason::CaCompromise
                | CrlReason::AffiliationChanged
                | CrlReason::Superseded
                | CrlReason::CessationOfOperation
                | CrlReason::PrivilegeWithdrawn
        )
    )
}

/// Revocations in a store that are meant.
fn count_in_store(
    source: &embedded::Source,
    is_meant: impl Fn(Option<CrlReason>) -> bool,
) -> Result<usize, embedded::StoreError> {
    let mut query = Query {
        limit: certvouch_status::limits::MAX_PAGE,
        revoked_from: Some(Timestamp::MIN),
        ..Query::default()
    };
    let mut found = 0;
    loop {
        let page = source.store().search(source.name(), &query)?;
        let reasons = page
            .found
            .iter()
            .filter_map(|(_, stored)| match stored.record.status {
                Status::Revoked { reason, .. } => Some(reason),
                Status::Hold { .. } => Some(Some(CrlReason::CertificateHold)),
                _ => None,
            });
        found += reasons.filter(|reason| is_meant(*reason)).count();
        query.after = page.next;
        if query.after.is_none() {
            return Ok(found);
        }
    }
}

fn count(source: &Source, is_meant: impl Fn(Option<CrlReason>) -> bool) -> usize {
    match source {
        Source::Crl(crls) => crls.source().count_entries(is_meant),
        Source::Index(index) => index.with_table(|table| {
            let revocations = table.iter().filter_map(|row| row.revocation);
            revocations.filter(|one| is_meant(one.reason)).count()
        }),
        Source::Store(store) => count_in_store(&store.source, is_meant).unwrap_or(0),
    }
}
