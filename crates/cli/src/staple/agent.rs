//! The loop of the agent: fetched, delivered, reloaded, confirmed, told.
//!
//! * A staple that came, or comes to its end, is brought to its places at once, each in a thread of its own: a server
//!   that hangs holds up nobody else's staple.
//! * Reloads of the same program within [`GATHER`] are one; for a revocation, or to take a staple back, there is no
//!   waiting.
//! * What failed is tried again after [`RETRY`].
//! * Every change is in the report on the disk within [`TELL`], or, with very many targets, within [`SHARE`] times what
//!   making it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use certvouch_stapling::{Options, Slot, Standing, Staple, Stapler, Store, atomic};
use certvouch_types::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{PushConfig, StapleConfig};
use super::deliver::{self, DeliverError, Done, Parcel, Reload};
use super::handshake::{self, Seen};
use super::port;
use super::program::{self, ProgramError};
use super::push::Push;
use super::report::{ConfirmReport, Report, path};
use super::target::{Target, is_revoked, server_name};
use crate::admin;
use crate::clock::Clock;
use crate::command::input;
use crate::escape::{escape, escape_display, escape_path};

/// How long reloads are gathered.
const GATHER: Duration = Duration::from_secs(2);
/// Until a failed delivery is tried again.
const RETRY: Duration = Duration::from_secs(15);
/// How long a server may take to send what it was given: nginx reloads beside its answers.
const CONFIRM: Duration = Duration::from_secs(10);
/// Between two looks at a server.
const LOOK: Duration = Duration::from_millis(100);
/// For one handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How soon a change is told.
const TELL: Duration = Duration::from_secs(1);
/// So much longer than the making of a report is the pause after it: ten thousand targets are megabytes.
const SHARE: u32 = 30;
/// Handshakes that look, at the same time.
const LOOKS: usize = 16;
/// How often the files of certificates are looked at.
const WATCH: Duration = Duration::from_secs(10);
/// How long the operator's `hook` may take.
const HOOK: Duration = Duration::from_secs(60);

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    clock: Clock,
    stapler: Stapler,
    targets: Vec<Target>,
    push: Vec<Arc<Push>>,
    events: UnboundedReceiver<Event>,
    sender: UnboundedSender<Event>,
    /// Reloads that wait: when, and for which targets.
    waiting: BTreeMap<Reload, (Instant, BTreeSet<usize>)>,
    reloading: BTreeSet<Reload>,
    busy: usize,
    report: Arc<ArcSwap<Report>>,
    report_path: PathBuf,
    /// When the next report may be written.
    tell_at: Instant,
    changed: bool,
    /// No target has anything to do before this, unless an event comes.
    soonest: Instant,
    looks: Arc<Semaphore>,
    port: Option<admin::Running>,
}

#[derive(Debug)]
enum Event {
    Fetched(Arc<Slot>),
    Delivered {
        target: usize,
        place: usize,
        staple: Option<Arc<Staple>>,
        above: Vec<Arc<Staple>>,
        urgent: bool,
        result: Result<Done, DeliverError>,
    },
    Reloaded(Reload, BTreeSet<usize>, Result<(), ProgramError>),
    Confirmed(usize, ConfirmReport),
    Called(usize, Result<(), ProgramError>),
    /// A change log said something.
    Told,
}

impl Agent {
    /// Opens the store, reads the certificates and what is kept for them; asks nobody yet. Needs a tokio runtime.
    ///
    /// # Errors
    /// The store cannot be opened, the port cannot be had, or no certificate of all can be read.
    pub fn new(config: StapleConfig, file: &Path, clock: Clock) -> Result<Self> {
        let store = Store::open(&config.state)
            .with_context(|| format!("state: {}", escape_path(&config.state)))?;
        let now = clock.clone();
        let mut options = Options::new(Arc::new(move || now.now()));
        options.schedule = config.schedule();
        options.store = Some(store);
        options.parallel = config.parallel.max(1);
        options.fetch_time = config.fetch_timeout.to_std();
        options.policy.fetch.named_networks =
            config.networks.iter().map(|text| text.network()).collect();
        let stapler = Stapler::new(options).context("TLS roots")?;
        let (sender, events) = unbounded_channel();
        let fetched = sender.clone();
        stapler.observe(move |slot| drop(fetched.send(Event::Fetched(Arc::clone(slot)))));
        let mut targets: Vec<_> = config.targets.iter().cloned().map(Target::new).collect();
        deliver::sweep(config.targets.iter().flat_map(|target| &target.deliver));
        for target in &mut targets {
            let _ = target.read(&stapler);
            let why = target.trouble.as_deref().or_else(|| target.conflict());
            if let Some(why) = why {
                tracing::error!(target = %escape(&target.config.name), "{}", escape(why));
            }
        }
        anyhow::ensure!(
            targets.iter().any(|target| target.slot.is_some()),
            "no certificate can be read; the first: {}",
            targets
                .iter()
                .find_map(|it| it.trouble.clone())
                .unwrap_or_default()
        );
        let report = Arc::new(ArcSwap::default());
        let listen = config.listen;
        let port = listen
            .map(|address| port::start(address, Arc::clone(&report), clock.clone()))
            .transpose()
            .context("listen")?;
        let report_path = path(&config.state, file);
        let before = Report::load(&report_path).unwrap_or_default();
        let networks: Vec<_> = config.networks.iter().map(|text| text.network()).collect();
        let follow = |push: &PushConfig| {
            let told = sender.clone();
            Arc::new(Push::new(
                push.clone(),
                networks.clone(),
                stapler.clone(),
                clock.clone(),
                before.position(&push.url),
                move || drop(told.send(Event::Told)),
            ))
        };
        let push = config.push.iter().map(follow).collect();
        Ok(Self {
            report_path,
            clock,
            stapler,
            targets,
            push,
            events,
            sender,
            waiting: BTreeMap::new(),
            reloading: BTreeSet::new(),
            busy: 0,
            report,
            tell_at: Instant::now(),
            changed: true,
            soonest: Instant::now(),
            looks: Arc::new(Semaphore::new(LOOKS)),
            port,
        })
    }

    /// The address of its port, if it has one.
    #[must_use]
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.port.as_ref().map(admin::Running::address)
    }

    /// Works until SIGTERM or SIGINT. SIGHUP has every certificate read and asked for anew. `started` is called once signals
    /// are heard: before that they would end the process.
    ///
    /// # Errors
    /// Signals cannot be heard.
    pub async fn run(&mut self, started: impl FnOnce()) -> Result<()> {
        let mut stop = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        started();
        let engine = self.stapler.clone();
        let engine = tokio::spawn(async move { engine.run().await });
        let mut followers = JoinSet::new();
        for push in &self.push {
            let push = Arc::clone(push);
            followers.spawn(async move { push.run().await });
        }
        let mut watch = tokio::time::interval(WATCH);
        self.look_after_all();
        loop {
            let wake = self.wake();
            tokio::select! {
                Some(event) = self.events.recv() => self.take(event),
                _ = stop.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    self.read_certificates();
                    self.stapler.hurry();
                }
                _ = watch.tick() => self.read_certificates(),
                () = tokio::time::sleep_until(wake) => self.look_after_all(),
            }
            self.start_reloads();
            self.tell(false);
        }
        engine.abort();
        followers.abort_all();
        self.tell(true);
        Ok(())
    }

    /// Fetches what is due, delivers it, and ends; says whether every target is as it has to be.
    pub async fn once(&mut self) -> bool {
        let stapler = self.stapler.clone();
        let _ = stapler.refresh_due().await;
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.look_after_all();
        for (due, _) in self.waiting.values_mut() {
            *due = Instant::now();
        }
        self.start_reloads();
        while self.busy > 0 {
            let Some(event) = self.events.recv().await else {
                break;
            };
            self.take(event);
            for (due, _) in self.waiting.values_mut() {
                *due = Instant::now();
            }
            self.start_reloads();
        }
        self.tell(true);
        self.report.load().is_healthy()
    }

    /// What is known.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        self.report.load_full()
    }

    fn read_certificates(&mut self) {
        let stapler = self.stapler.clone();
        let mut changed = Vec::new();
        for (index, target) in self.targets.iter_mut().enumerate() {
            if target.read(&stapler) {
                changed.push(index);
            }
        }
        for index in changed {
            let name = escape(&self.targets[index].config.name).to_string();
            let target = &self.targets[index];
            match target.trouble.as_deref().or_else(|| target.conflict()) {
                Some(why) => tracing::error!(target = %name, "{}", escape(why)),
                None => tracing::info!(target = %name, "another certificate"),
            }
            self.look_after(index);
        }
    }

    /// When something is to be done without an event.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let reload = self
            .waiting
            .iter()
            .filter_map(|(reload, (due, _))| (!self.reloading.contains(reload)).then_some(*due));
        let tell = self.changed.then_some(self.tell_at);
        let all = [Some(self.soonest), reload.min(), tell];
        let first = all.into_iter().flatten().min();
        // A clock that was set is noticed after this.
        first.unwrap_or(now + WATCH).min(now + WATCH)
    }

    fn look_after_all(&mut self) {
        self.soonest = Instant::now() + WATCH;
        for index in 0..self.targets.len() {
            self.look_after(index);
        }
    }

    /// Looks after a target, and notes when it is next to be looked after. A moment that was noted before may be too
    /// early by then, which costs one look at all; nothing is looked through for each event.
    fn look_after(&mut self, index: usize) {
        self.bring(index);
        if let Some(wake) = self.targets[index].wake(Instant::now(), self.clock.now()) {
            self.soonest = self.soonest.min(wake);
        }
    }

    /// Brings what is to stand at the places of a target.
    fn bring(&mut self, index: usize) {
        let now = self.clock.now();
        self.call_hook(index, now);
        let target = &mut self.targets[index];
        let Some(slot) = target.slot.clone() else {
            return;
        };
        let stapled = target.mode().wants(&slot);
        for place in 0..target.shown.len() {
            let (staple, standing) = target.wanted(place, now);
            // Without the leaf's there is nothing to stand beside.
            let above = staple.as_ref().map(|_| target.wanted_above(place, now));
            let above = above.unwrap_or_default();
            let (shown, config) = (&mut target.shown[place], &target.config.deliver[place]);
            let due = shown.retry.is_none_or(|retry| retry <= Instant::now());
            // Where a reload failed there is nothing to bring again: that is tried by itself.
            let brought = !shown.failed || shown.retry.is_none();
            let same = shown.settled && shown.staple == staple && shown.above == above && brought;
            if shown.busy || same || !due {
                continue;
            }
            shown.left = None;
            if staple.is_none() && !shown.settled && stapled && !is_answered(&slot, standing) {
                // Nobody has answered yet: what a former agent left stays until somebody does, or its end.
                shown.left = left_until(config, &slot, &target.above, now);
                if shown.left.is_some() {
                    continue;
                }
            }
            shown.busy = true;
            shown.retry = None;
            self.busy += 1;
            let urgent = staple.as_ref().is_none_or(|staple| !staple.is_good());
            let (config, name) = (config.clone(), target.config.name.clone());
            let (sender, not_after) = (self.sender.clone(), slot.not_after());
            tokio::task::spawn_blocking(move || {
                let parcel = Parcel {
                    name: &name,
                    staple: staple.as_deref(),
                    above: &above,
                    standing,
                    not_after,
                    now,
                };
                let result = deliver::deliver(&config, &parcel);
                let event = Event::Delivered {
                    target: index,
                    place,
                    staple,
                    above,
                    urgent,
                    result,
                };
                // Nobody listens any more when the agent ends.
                drop(sender.send(event));
            });
        }
    }

    /// Calls the operator's program, once for each change of standing that has `hook` for a reaction.
    fn call_hook(&mut self, index: usize, now: Timestamp) {
        let target = &mut self.targets[index];
        let Some(choice) = target.choice(now) else {
            return;
        };
        let asked = target
            .slot
            .as_ref()
            .is_some_and(|slot| slot.state().last_attempt.is_some());
        if choice.standing == Standing::Missing && !asked {
            return;
        }
        if target.called == Some(choice.standing) {
            return;
        }
        target.called = Some(choice.standing);
        if !choice.hook {
            return;
        }
        self.busy += 1;
        let (argv, name, sender) = (
            target.config.hook.clone(),
            target.config.name.clone(),
            self.sender.clone(),
        );
        tokio::task::spawn_blocking(move || {
            let variables = [
                ("CERTVOUCH_TARGET", &*name),
                ("CERTVOUCH_STATUS", choice.standing.name()),
                ("CERTVOUCH_EVENT", "hook"),
            ];
            let der = choice.staple.as_ref().map(|staple| staple.der());
            let result = program::run(&argv, der.unwrap_or_default(), &variables, HOOK);
            drop(sender.send(Event::Called(index, result)));
        });
    }

    fn take(&mut self, event: Event) {
        self.changed = true;
        match event {
            Event::Fetched(slot) => {
                let of = |target: &Target| target.cares_for(&slot);
                if let Some(index) = self.targets.iter().position(of) {
                    self.warn_of_intermediate(index, &slot);
                    self.look_after(index);
                }
            }
            Event::Delivered {
                target,
                place,
                staple,
                above,
                urgent,
                result,
            } => self.delivered(target, place, (staple, above), urgent, result),
            Event::Reloaded(reload, targets, result) => self.reloaded(&reload, targets, result),
            Event::Confirmed(index, report) => {
                self.busy -= 1;
                let name = escape(&self.targets[index].config.name).to_string();
                if report.right {
                    tracing::info!(target = %name, "confirmed: {}", report.outcome);
                } else {
                    tracing::warn!(target = %name, "not confirmed: {}", report.outcome);
                }
                self.targets[index].confirmed = Some(report);
            }
            Event::Told => {}
            Event::Called(index, result) => {
                self.busy -= 1;
                if let Err(why) = result {
                    let name = escape(&self.targets[index].config.name).to_string();
                    tracing::error!(target = %name, "hook: {why}");
                }
            }
        }
    }

    /// Tells of an intermediate that was revoked: all that it issued is lost with it.
    fn warn_of_intermediate(&self, index: usize, slot: &Arc<Slot>) {
        let target = &self.targets[index];
        let is_above = target.above.iter().any(|above| Arc::ptr_eq(above, slot));
        if is_above && is_revoked(slot, self.clock.now()) {
            let name = escape(&target.config.name).to_string();
            tracing::error!(target = %name, "an intermediate of its chain is revoked");
        }
    }

    fn delivered(
        &mut self,
        index: usize,
        place: usize,
        (staple, above): (Option<Arc<Staple>>, Vec<Arc<Staple>>),
        urgent: bool,
        result: Result<Done, DeliverError>,
    ) {
        self.busy -= 1;
        let now = self.clock.now();
        let target = &mut self.targets[index];
        let name = escape(&target.config.name).to_string();
        let shown = &mut target.shown[place];
        shown.busy = false;
        match result {
            Ok(done) => {
                let word = if staple.is_some() {
                    "delivered"
                } else {
                    "withdrawn"
                };
                tracing::info!(target = %name, place, changed = done.changed, "{word}");
                shown.staple = staple;
                shown.above = above;
                shown.settled = true;
                shown.failed = false;
                shown.at = Some(now);
                shown.note = done.note.map(str::to_owned);
                match done.reload {
                    Some(reload) => {
                        let due = Instant::now() + if urgent { Duration::ZERO } else { GATHER };
                        let waits = self.waiting.entry(reload);
                        let (then, targets) = waits.or_insert_with(|| (due, BTreeSet::new()));
                        *then = (*then).min(due);
                        targets.insert(index);
                    }
                    None => self.confirm(index),
                }
            }
            Err(why) => {
                let why = why.to_string();
                tracing::error!(target = %name, place, "not delivered: {why}");
                shown.failed = true;
                shown.note = Some(why);
                shown.retry = Some(Instant::now() + RETRY);
            }
        }
        // What changed meanwhile.
        self.look_after(index);
    }

    fn start_reloads(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self
            .waiting
            .iter()
            .filter(|(reload, (due, _))| *due <= now && !self.reloading.contains(*reload))
            .map(|(reload, _)| reload.clone())
            .collect();
        for reload in due {
            let Some((_, targets)) = self.waiting.remove(&reload) else {
                continue;
            };
            self.reloading.insert(reload.clone());
            self.busy += 1;
            let sender = self.sender.clone();
            tokio::task::spawn_blocking(move || {
                let result = program::run(&reload.argv, b"", &[], reload.deadline);
                drop(sender.send(Event::Reloaded(reload, targets, result)));
            });
        }
    }

    fn reloaded(
        &mut self,
        reload: &Reload,
        targets: BTreeSet<usize>,
        result: Result<(), ProgramError>,
    ) {
        self.busy -= 1;
        self.reloading.remove(reload);
        let program = reload.argv.first().map_or("", String::as_str);
        match result {
            Ok(()) => {
                tracing::info!(targets = targets.len(), "reloaded by {}", escape(program));
                for index in targets {
                    self.confirm(index);
                }
            }
            Err(why) => {
                tracing::error!("reload by {}: {why}", escape(program));
                for index in targets {
                    let target = &mut self.targets[index];
                    let places = target.shown.iter_mut().zip(&target.config.deliver);
                    for (shown, _) in places.filter(|(_, place)| place.reload == reload.argv) {
                        shown.failed = true;
                        shown.note = Some(format!("reload: {why}"));
                        shown.retry = None;
                    }
                    let again = Instant::now() + RETRY;
                    let waits = self.waiting.entry(reload.clone());
                    waits
                        .or_insert_with(|| (again, BTreeSet::new()))
                        .1
                        .insert(index);
                }
            }
        }
    }

    /// Looks at what a target's server sends, until that is what it should be or time is over.
    fn confirm(&mut self, index: usize) {
        let target = &mut self.targets[index];
        for shown in &mut target.shown {
            if shown.failed && shown.settled && shown.retry.is_none() {
                // The reload that had failed has worked.
                shown.failed = false;
                shown.note = None;
            }
        }
        let (Some(address), Some(slot)) = (target.config.confirm, target.slot.clone()) else {
            return;
        };
        let name = server_name(&target.config, &slot);
        let wanted = target.shown.iter().find_map(|shown| shown.staple.clone());
        let (clock, sender) = (self.clock.clone(), self.sender.clone());
        let looks = Arc::clone(&self.looks);
        self.busy += 1;
        tokio::spawn(async move {
            // Never closed; if it were, nobody would have to wait.
            let _turn = looks.acquire().await;
            let deadline = Instant::now() + CONFIRM;
            let (outcome, right) = loop {
                let seen = handshake::look(address, &name, HANDSHAKE).await;
                let (outcome, right) = match seen {
                    Ok(seen) => judge(&seen, &slot, wanted.as_deref(), clock.now()),
                    Err(why) => (escape_display(&why), false),
                };
                if right || Instant::now() > deadline {
                    break (outcome, right);
                }
                tokio::time::sleep(LOOK).await;
            };
            let at = clock.now().unix();
            let report = ConfirmReport { at, outcome, right };
            drop(sender.send(Event::Confirmed(index, report)));
        });
    }

    /// Writes the report, if anything changed and it was not written just now.
    fn tell(&mut self, at_once: bool) {
        let began = Instant::now();
        if !(at_once || self.changed && began >= self.tell_at) {
            return;
        }
        let (time, errors) = (self.clock.now(), self.stapler.errors());
        let fresh = Report {
            written: time.unix(),
            process: std::process::id(),
            targets: self
                .targets
                .iter()
                .map(|target| target.report(time))
                .collect(),
            errors: errors
                .into_iter()
                .map(|(code, count)| (code.to_owned(), count))
                .collect(),
            push: self.push.iter().map(|push| push.report()).collect(),
        };
        let text = fresh.encoded();
        // What the disk takes for it is not counted: a slow one is no reason to tell late.
        let pause = TELL.max(began.elapsed() * SHARE);
        let saved = text.and_then(|text| atomic::write(&self.report_path, &text));
        if let Err(why) = saved {
            tracing::error!("{}: {why}", escape_path(&self.report_path));
        }
        self.report.store(Arc::new(fresh));
        self.tell_at = began + pause;
        self.changed = false;
    }
}

/// Whether it is known how a certificate stands: somebody answered, or the store holds a revocation.
fn is_answered(slot: &Slot, standing: Standing) -> bool {
    let state = slot.state();
    state.successes > 0 || state.finally_revoked || standing == Standing::Revoked
}

/// Until when the file that a former agent left may stay: if all in it are staples of these certificates that are in date.
fn left_until(
    config: &super::config::DeliverConfig,
    slot: &Arc<Slot>,
    above: &[Arc<Slot>],
    now: Timestamp,
) -> Option<Timestamp> {
    use certvouch_verify::{Profile, Query};
    // DER or PEM: whatever that agent was told.
    let left = input::messages(std::fs::read(config.file.as_ref()?).ok()?);
    let end_for = |der: &[u8], slot: &Slot| {
        let query = Query::new(slot.certificate(), slot.issuer(), None).ok()?;
        let verified = query.verify(der, now, &Profile::RFC9919).ok()?;
        Some(Staple::new(&verified).ok()?.valid_until())
    };
    let mut ends = vec![end_for(left.first()?, slot)?];
    for der in left.get(1..).unwrap_or_default() {
        ends.push(above.iter().find_map(|slot| end_for(der, slot))?);
    }
    let until = ends.into_iter().min()? + -deliver::margin(config);
    (now < until).then_some(until)
}

/// What a server sends, in a word, and whether that is right.
fn judge(seen: &Seen, slot: &Slot, wanted: Option<&Staple>, now: Timestamp) -> (String, bool) {
    if seen.chain.first().map(Vec::as_slice) != Some(&slot.certificate()[..]) {
        return ("another certificate".to_owned(), false);
    }
    match (&seen.staple, wanted) {
        (None, None) => ("no staple, as it should be".to_owned(), true),
        (None, Some(_)) => ("no staple".to_owned(), false),
        (Some(_), None) => ("a staple, where none should be".to_owned(), false),
        (Some(der), Some(wanted)) if der.as_slice() == wanted.der() => ("yes".to_owned(), true),
        (Some(der), Some(_)) => {
            let query = certvouch_verify::Query::new(slot.certificate(), slot.issuer(), None);
            let profile = certvouch_verify::Profile::RFC9919;
            let word = match query {
                Ok(query) => match query.verify(der, now, &profile) {
                    Ok(verified) => verified.verdict().word(),
                    Err(why) => why.verdict().word(),
                },
                Err(_) => "NOT-TRUSTED",
            };
            (format!("another staple ({word})"), false)
        }
    }
}
