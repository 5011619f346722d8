//! The engine against responders that work, lie, hang and go away. Loopback only; the clock is moved by hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use certvouch_stapling::{
    About, Expected, Options, Origin, Random, Reactions, Slot, Standing, StapleKey, Stapler, Store,
    Subject, atomic,
};
use certvouch_testkit::clock::TestClock;
use certvouch_testkit::misbehave::{Act, Handler, Misbehaving, table};
use certvouch_testkit::pki::{KeyAlg, T0, World};
use certvouch_testkit::process::temp_dir;
use certvouch_testkit::reply::{Reply, Single, Status};
use certvouch_types::{Certificate, Timestamp};

const HOUR: i64 = 3_600;
const LIFE: i64 = 4 * HOUR;

/// What the responder does at the moment; without anything it says good, as of now, for [`LIFE`].
type Mood = Arc<Mutex<Option<Handler>>>;

struct Desk {
    world: World,
    clock: TestClock,
    mood: Mood,
    responder: Misbehaving,
    runtime: tokio::runtime::Runtime,
}

impl Desk {
    fn new() -> Self {
        let (world, clock, mood) = (World::new(KeyAlg::P256), TestClock::at(T0), Mood::default());
        let handler = answering(&world, &clock, &mood);
        Self {
            responder: Misbehaving::serve(handler),
            runtime: tokio::runtime::Runtime::new().unwrap(),
            world,
            clock,
            mood,
        }
    }

    fn options(&self, store: Option<&Path>) -> Options {
        let now = self.clock.reader();
        let mut options = Options::new(Arc::new(move || Timestamp::from_unix(now())));
        options.dice = Arc::new(|| Random::MAX / 2);
        options.fetch_time = Duration::from_millis(600);
        options.store = store.map(|folder| Store::open(folder).unwrap());
        options
    }

    fn stapler(&self, store: Option<&Path>) -> Stapler {
        Stapler::new(self.options(store)).unwrap()
    }

    fn subject(&self) -> Subject {
        let world = &self.world;
        let mut subject = Subject::new(world.ee_good.der.clone(), world.ca_a.der.clone());
        subject.responders = Some(vec![self.responder.url().parse().unwrap()]);
        subject
    }

    fn refresh(&self, stapler: &Stapler) -> i64 {
        let next = self.runtime.block_on(stapler.refresh_due()).unwrap();
        next.unix() - T0
    }

    fn set(&self, handler: Option<Handler>) {
        *self.mood.lock().unwrap() = handler;
    }

    /// From now on this status is said, as of the clock's time.
    fn say(&self, status: Status) {
        let (world, clock) = (self.world.clone(), self.clock.clone());
        self.set(Some(Arc::new(move |_| {
            Act::Ocsp(right(&world, clock.now(), status.clone()))
        })));
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock.now())
    }

    fn at(&self, seconds: i64) {
        self.clock.set(T0 + seconds);
    }
}

fn answering(world: &World, clock: &TestClock, mood: &Mood) -> Handler {
    let (world, clock, mood) = (world.clone(), clock.clone(), Arc::clone(mood));
    Arc::new(move |request| {
        let handler = mood.lock().unwrap().clone();
        match handler {
            Some(handler) => handler(request),
            None => Act::Ocsp(right(&world, clock.now(), Status::Good)),
        }
    })
}

fn right(world: &World, now: i64, status: Status) -> Vec<u8> {
    let single = Single::about(&world.ca_a, &world.ee_good.serial, now)
        .status(status)
        .next_update(now + LIFE);
    Reply::delegated(&world.d_a, now).single(&single).build()
}

fn staple(slot: &Slot, desk: &Desk) -> Option<Vec<u8>> {
    slot.staple(desk.now()).map(|staple| staple.der().to_vec())
}

// covers: STAPLE-1, STAPLE-2, STAPLE-3
#[test]
fn every_misbehaviour_leaves_the_old_staple_until_its_end_and_then_none() {
    let desk = Desk::new();
    for behaviour in table(&desk.world) {
        let name = behaviour.name;
        if matches!(name, "good" | "wrong nonce" | "no nonce") {
            // Right answers where no nonce was sent.
            continue;
        }
        desk.at(0);
        desk.set(None);
        let stapler = desk.stapler(None);
        let slot = stapler.add(desk.subject()).unwrap();
        let _ = desk.refresh(&stapler);
        let old = staple(&slot, &desk).unwrap();
        desk.set(Some(behaviour.handler));
        desk.at(60);
        stapler.hurry();
        let began = Instant::now();
        let next = desk.refresh(&stapler);
        // Not a measurement: an engine that waits for a server that hangs would wait for ever.
        assert!(began.elapsed() < Duration::from_secs(10), "{name}");
        assert!(next - 60 >= 45, "{name} is asked again too soon: {next}");
        assert!(staple(&slot, &desk).as_ref() == Some(&old), "{name}");
        let state = slot.state();
        assert_eq!((state.failures, state.successes), (1, 1), "{name}");
        assert!(state.last_error.is_some(), "{name}");
        desk.at(LIFE - 1);
        assert!(staple(&slot, &desk) == Some(old), "{name}");
        desk.at(LIFE);
        assert!(staple(&slot, &desk).is_none(), "{name}");
    }
}

// The clock test: half life passes while the responder is down; then it returns.
#[test]
fn responder_that_returns_is_noticed_within_the_longest_back_off() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let slot = stapler.add(desk.subject()).unwrap();
    let mut lines = Vec::new();
    let mut note = |what: &str| {
        let left = slot
            .staple(desk.now())
            .map_or(0, |staple| staple.valid_until().seconds_since(desk.now()));
        lines.push(format!(
            "{:>6} s  {what}; {left} s left",
            desk.clock.now() - T0
        ));
    };
    let mut next = desk.refresh(&stapler);
    note("fetched");
    let half = next;
    assert!((LIFE * 45 / 100..=LIFE / 2).contains(&half), "{half}");
    desk.set(Some(Arc::new(|_| Act::Raw(Vec::new()))));
    let back = half + 2 * HOUR / 3;
    let mut failed = Vec::new();
    while next < back {
        desk.at(next);
        next = desk.refresh(&stapler);
        failed.push(next - (desk.clock.now() - T0));
        note(&format!("failed; again in {} s", failed.last().unwrap()));
    }
    desk.at(back);
    note("the responder returns");
    desk.set(None);
    desk.at(next);
    let after = desk.refresh(&stapler);
    note("fetched");
    println!("{}", lines.join("\n"));
    assert!(next - back <= 375, "noticed after {} s", next - back);
    assert_eq!(failed.first(), Some(&60));
    assert!(failed.is_sorted(), "{failed:?}");
    assert_eq!(slot.state().failures_in_a_row, 0);
    assert_eq!(
        slot.staple(desk.now()).unwrap().valid_until().unix(),
        T0 + next + LIFE
    );
    assert!(after - next >= LIFE * 45 / 100);
}

#[test]
fn restart_gives_out_what_the_store_holds_without_the_network() {
    let (desk, folder) = (Desk::new(), temp_dir());
    let first = desk.stapler(Some(folder.path()));
    let slot = first.add(desk.subject()).unwrap();
    let _ = desk.refresh(&first);
    let kept = staple(&slot, &desk).unwrap();
    drop((first, slot));
    desk.at(600);
    desk.set(Some(Arc::new(|_| Act::Hang(Vec::new()))));
    let asked = desk.responder.requests().len();
    let second = desk.stapler(Some(folder.path()));
    let slot = second.add(desk.subject()).unwrap();
    assert_eq!(staple(&slot, &desk), Some(kept));
    assert_eq!(slot.state().origin, Some(Origin::Store));
    // Half of its life is not over: nobody is asked.
    let next = desk.refresh(&second);
    assert!(next >= LIFE / 4, "{next}");
    assert_eq!(desk.responder.requests().len(), asked);
}

#[test]
fn file_that_was_changed_on_the_disk_is_not_believed() {
    let (desk, folder) = (Desk::new(), temp_dir());
    let certificate = Certificate::parse(&desk.world.ee_good.der).unwrap();
    let issuer = Certificate::parse(&desk.world.ca_a.der).unwrap();
    let key = StapleKey::new(&certificate, &issuer, desk.subject().hash);
    let good = right(&desk.world, T0, Status::Good);
    let other = Single::about(&desk.world.ca_a, &desk.world.ee_rev.serial, T0);
    let other = Reply::delegated(&desk.world.d_a, T0).single(&other).build();
    let mut flipped = good.clone();
    let last = flipped.len() / 2;
    flipped[last] ^= 1;
    for content in [&flipped[..], &good[..good.len() / 2], b"", &other] {
        let store = Store::open(folder.path()).unwrap();
        store.save(&key, content).unwrap();
        let stapler = desk.stapler(Some(folder.path()));
        let slot = stapler.add(desk.subject()).unwrap();
        assert_eq!(staple(&slot, &desk), None);
        // It is asked for at once.
        assert_eq!(slot.state().next_attempt, Some(desk.now()));
    }
    let store = Store::open(folder.path()).unwrap();
    store.save(&key, &good).unwrap();
    let stapler = desk.stapler(Some(folder.path()));
    let slot = stapler.add(desk.subject()).unwrap();
    assert_eq!(staple(&slot, &desk), Some(good));
}

/// Whoever was told of a staple, and delivered it, must find it after a crash.
#[test]
fn staple_is_on_the_disk_before_anybody_can_see_it() {
    let desk = Desk::new();
    for _ in 0..10 {
        let folder = temp_dir();
        let stapler = desk.stapler(Some(folder.path()));
        let slot = stapler.add(desk.subject()).unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (seen, now) = (Arc::clone(&slot), desk.now());
        let watcher = std::thread::spawn(move || {
            let staple = loop {
                if let Some(staple) = seen.staple(now) {
                    break staple;
                }
                std::hint::spin_loop();
            };
            store.load(seen.key()).unwrap() == Some(staple.der().to_vec())
        });
        let _ = desk.refresh(&stapler);
        assert!(watcher.join().unwrap());
    }
}

#[test]
fn two_staplers_with_one_store_ask_once() {
    let (desk, folder) = (Desk::new(), temp_dir());
    let one = desk.stapler(Some(folder.path()));
    let other = desk.stapler(Some(folder.path()));
    let slots = [&one, &other].map(|stapler| stapler.add(desk.subject()).unwrap());
    for round in 1..=3 {
        let (a, b) = (one.clone(), other.clone());
        desk.runtime.block_on(async {
            let (a, b) = (a.refresh_due(), b.refresh_due());
            tokio::join!(a, b)
        });
        // Whoever found the other at work looks again two seconds later.
        desk.clock.advance(2);
        desk.runtime
            .block_on(async { tokio::join!(one.refresh_due(), other.refresh_due()) });
        assert_eq!(desk.responder.requests().len(), round, "round {round}");
        let staples = [&slots[0], &slots[1]].map(|slot| staple(slot, &desk).unwrap());
        assert_eq!(staples[0], staples[1]);
        desk.clock.advance(LIFE / 2);
    }
}

#[test]
fn lease_of_one_who_is_gone_is_free_again() {
    let (desk, folder) = (Desk::new(), temp_dir());
    let store = Store::open(folder.path()).unwrap();
    let stapler = desk.stapler(Some(folder.path()));
    let slot = stapler.add(desk.subject()).unwrap();
    let lease = store.lease(slot.key()).unwrap().unwrap();
    assert!(store.lease(slot.key()).unwrap().is_none());
    assert_eq!(desk.refresh(&stapler), 2);
    assert_eq!(staple(&slot, &desk), None);
    drop(lease);
    desk.at(2);
    let _ = desk.refresh(&stapler);
    assert!(staple(&slot, &desk).is_some());
}

// covers: STAPLE-4
#[test]
fn revocation_replaces_good_and_only_a_hold_is_released() {
    let desk = Desk::new();
    let revoked = |reason| Status::Revoked(T0 - HOUR, reason);
    for (reason, released) in [(None, false), (Some(1), false), (Some(6), true)] {
        let folder = temp_dir();
        desk.at(0);
        desk.set(None);
        let stapler = desk.stapler(Some(folder.path()));
        let slot = stapler.add(desk.subject()).unwrap();
        let _ = desk.refresh(&stapler);
        desk.clock.advance(60);
        desk.say(revoked(reason));
        stapler.hurry();
        let _ = desk.refresh(&stapler);
        let choice = Reactions::default().choose(&slot, desk.now());
        assert_eq!(choice.standing, Standing::Revoked);
        assert!(choice.staple.unwrap().is_revoked());
        desk.clock.advance(60);
        desk.say(Status::Good);
        stapler.hurry();
        let _ = desk.refresh(&stapler);
        let standing = Reactions::default().choose(&slot, desk.now()).standing;
        if released {
            assert_eq!(standing, Standing::Good, "{reason:?}");
            continue;
        }
        assert_eq!(standing, Standing::Revoked, "{reason:?}");
        assert_eq!(slot.state().last_error.unwrap().code, "contradicted");
        // Also when the revocation is over, and after a restart.
        desk.clock.advance(LIFE);
        let restarted = desk.stapler(Some(folder.path()));
        for stapler in [stapler, restarted] {
            let slot = match stapler.slots().first() {
                Some(slot) => Arc::clone(slot),
                None => stapler.add(desk.subject()).unwrap(),
            };
            let _ = desk.refresh(&stapler);
            assert!(staple(&slot, &desk).is_none(), "{reason:?}");
            assert!(slot.state().finally_revoked);
        }
    }
}

/// The header of each request since the `from`th.
fn headers(desk: &Desk, from: usize) -> Vec<String> {
    let requests = desk.responder.requests();
    let since = requests.iter().skip(from);
    since.map(|it| it.header.to_ascii_lowercase()).collect()
}

fn serial_of(slot: &Slot) -> About<'_> {
    About::certificate(slot.serial(), None)
}

/// Runs the engine until something holds.
fn run_until(desk: &Desk, stapler: &Stapler, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    desk.runtime.block_on(async {
        tokio::select! {
            () = stapler.run() => {}
            () = waiting => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it never holds"),
        }
    });
}

// covers: STAPLE-4
#[test]
fn word_of_a_revocation_is_asked_about_past_caches_until_the_answer_says_so() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let slot = stapler.add(desk.subject()).unwrap();
    let _ = desk.refresh(&stapler);
    let asked = desk.responder.requests().len();
    assert!(!headers(&desk, 0)[0].contains("no-cache"));
    desk.at(60);
    // A cache that was told to ask, and gives the old answer twice nevertheless.
    let (world, count) = (desk.world.clone(), Mutex::new(0));
    desk.set(Some(Arc::new(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let (made, status) = match *count {
            1 | 2 => (T0, Status::Good),
            _ => (T0 + 60, Status::Revoked(T0 + 59, Some(1))),
        };
        Act::Ocsp(right(&world, made, status))
    })));
    // Of another serial number or issuer nobody here knows.
    for about in [
        About::certificate(&[9, 9], None),
        About::certificate(slot.serial(), Some(&[0; 32])),
    ] {
        assert!(stapler.hear(about, Expected::Revoked).is_empty());
    }
    assert_eq!(stapler.hear(serial_of(&slot), Expected::Revoked).len(), 1);
    assert_eq!(slot.state().awaited, Some(Expected::Revoked));
    run_until(&desk, &stapler, || slot.state().awaited.is_none());
    assert!(slot.staple(desk.now()).unwrap().is_revoked());
    let seen = headers(&desk, asked);
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|it| it.contains("cache-control: no-cache")));
    // What is known already is no reason to ask, and caches are welcome again.
    assert!(stapler.hear(serial_of(&slot), Expected::Revoked).is_empty());
    stapler.hurry();
    let _ = desk.refresh(&stapler);
    let seen = headers(&desk, asked + 3);
    assert!(seen.len() == 1 && !seen[0].contains("no-cache"), "{seen:?}");
}

#[test]
fn changes_of_one_second_are_taken_in_the_order_in_which_they_are_told() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let slot = stapler.add(desk.subject()).unwrap();
    let _ = desk.refresh(&stapler);
    let revoked = |reason| Status::Revoked(T0, Some(reason));
    for (status, expected) in [
        (revoked(6), Expected::Held),
        (Status::Good, Expected::Good),
        (revoked(6), Expected::Held),
        (revoked(1), Expected::Revoked),
    ] {
        desk.say(status);
        // Without a word, what is more careful stays.
        if expected == Expected::Good {
            stapler.hurry();
            let _ = desk.refresh(&stapler);
            assert!(slot.staple(desk.now()).unwrap().is_revoked());
        }
        assert_eq!(stapler.hear(serial_of(&slot), expected).len(), 1);
        let _ = desk.refresh(&stapler);
        assert_eq!(slot.state().awaited, None, "{expected:?}");
        assert_eq!(
            slot.staple(desk.now()).unwrap().is_good(),
            expected == Expected::Good
        );
    }
    // What was revoked for good stays so, whoever says what.
    assert!(slot.staple(desk.now()).unwrap().is_final());
    desk.say(Status::Good);
    assert_eq!(stapler.hear(serial_of(&slot), Expected::Good).len(), 1);
    let _ = desk.refresh(&stapler);
    assert!(slot.staple(desk.now()).unwrap().is_final());
    assert_eq!(slot.state().last_error.unwrap().code, "contradicted");
}

#[test]
fn word_that_comes_while_an_attempt_runs_is_not_lost() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let slot = stapler.add(desk.subject()).unwrap();
    let (world, told) = (desk.world.clone(), Arc::new(Mutex::new(0)));
    let (from, word, about) = (Arc::clone(&told), stapler.clone(), Arc::clone(&slot));
    desk.set(Some(Arc::new(move |_| {
        let mut told = from.lock().unwrap();
        *told += 1;
        if *told > 1 {
            let revoked = Status::Revoked(T0 - HOUR, Some(1));
            return Act::Ocsp(right(&world, T0, revoked));
        }
        // The answer is made; the revocation comes before it is sent.
        let answer = right(&world, T0, Status::Good);
        assert_eq!(word.hear(serial_of(&about), Expected::Revoked).len(), 1);
        Act::Ocsp(answer)
    })));
    run_until(&desk, &stapler, || {
        let staple = slot.staple(desk.now());
        staple.is_some_and(|staple| staple.is_revoked())
    });
    assert_eq!(*told.lock().unwrap(), 2);
}

#[test]
fn revocation_does_not_wait_behind_a_responder_that_hangs() {
    let (desk, slow) = (Desk::new(), Desk::new());
    let mut options = desk.options(None);
    options.parallel = 1;
    options.fetch_time = Duration::from_secs(60);
    let stapler = Stapler::new(options).unwrap();
    let slot = stapler.add(desk.subject()).unwrap();
    let _ = desk.refresh(&stapler);
    slow.set(Some(Arc::new(|_| Act::Hang(Vec::new()))));
    let mut hanging = Subject::new(slow.world.ee_rev.der.clone(), slow.world.ca_a.der.clone());
    hanging.responders = Some(vec![slow.responder.url().parse().unwrap()]);
    let _other = stapler.add(hanging).unwrap();
    desk.say(Status::Revoked(T0 - HOUR, Some(1)));
    desk.at(60);
    let key = key_of(&desk);
    let said = std::cell::Cell::new(false);
    run_until(&desk, &stapler, || {
        if !said.get() && !slow.responder.requests().is_empty() {
            let about = About::certificate(slot.serial(), Some(&key));
            assert_eq!(stapler.hear(about, Expected::Revoked).len(), 1);
            said.set(true);
        }
        said.get() && slot.state().awaited.is_none()
    });
    assert!(slot.staple(desk.now()).unwrap().is_revoked());
}

/// SHA-256 of the public key of the desk's CA.
fn key_of(desk: &Desk) -> Vec<u8> {
    let issuer = Certificate::parse(&desk.world.ca_a.der).unwrap();
    let key = issuer.subject_public_key_info.raw;
    certvouch_crypto::digest(certvouch_types::HashAlgorithm::Sha256, key)
        .as_ref()
        .to_vec()
}

#[test]
fn word_about_all_of_an_issuer_asks_for_each_once() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let slots: Vec<_> = (0..3)
        .map(|_| stapler.add(desk.subject()).unwrap())
        .collect();
    let _ = desk.refresh(&stapler);
    let asked = desk.responder.requests().len();
    stapler.remove(&slots[2]);
    let key = key_of(&desk);
    let concerned = stapler.hear(About::all_of(Some(&key)), Expected::Any);
    assert_eq!(concerned.len(), 2);
    let _ = desk.refresh(&stapler);
    let seen = headers(&desk, asked);
    assert!(seen.len() == 2 && seen.iter().all(|it| it.contains("no-cache")));
    assert!(slots.iter().all(|slot| slot.state().awaited.is_none()));
    assert!(
        stapler
            .hear(About::all_of(Some(&[0; 32])), Expected::Any)
            .is_empty()
    );
}

#[test]
fn unknown_does_not_drive_a_good_staple_away_and_is_not_stapled_by_itself() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let slot = stapler.add(desk.subject()).unwrap();
    let _ = desk.refresh(&stapler);
    desk.say(Status::Unknown);
    desk.at(60);
    stapler.hurry();
    let next = desk.refresh(&stapler);
    assert!(slot.staple(desk.now()).unwrap().is_good());
    assert!(slot.state().unknown_until.is_some());
    assert_eq!(slot.state().last_error.unwrap().code, "unknown");
    assert!((45..=75).contains(&(next - 60)), "{next}");
    let fresh = desk.stapler(None);
    let slot = fresh.add(desk.subject()).unwrap();
    let _ = desk.refresh(&fresh);
    let choice = Reactions::default().choose(&slot, desk.now());
    assert_eq!((choice.standing, choice.staple), (Standing::Unknown, None));
    desk.set(None);
    stapler.hurry();
    fresh.hurry();
    let _ = desk.refresh(&fresh);
    assert!(slot.staple(desk.now()).unwrap().is_good());
}

#[test]
fn fetches_run_side_by_side_and_no_more_than_allowed() {
    let desk = Desk::new();
    let busy = Arc::new(Mutex::new((0_usize, 0_usize)));
    let (counted, world) = (Arc::clone(&busy), desk.world.clone());
    desk.set(Some(Arc::new(move |_| {
        {
            let mut busy = counted.lock().unwrap();
            busy.0 += 1;
            busy.1 = busy.1.max(busy.0);
        }
        std::thread::sleep(Duration::from_millis(30));
        counted.lock().unwrap().0 -= 1;
        Act::Ocsp(right(&world, T0, Status::Good))
    })));
    let mut options = desk.options(None);
    options.parallel = 4;
    options.fetch_time = Duration::from_secs(20);
    let stapler = Stapler::new(options).unwrap();
    let slots: Vec<_> = (0..24)
        .map(|_| stapler.add(desk.subject()).unwrap())
        .collect();
    let _ = desk.refresh(&stapler);
    assert!(slots.iter().all(|slot| staple(slot, &desk).is_some()));
    let most = busy.lock().unwrap().1;
    assert!((2..=4).contains(&most), "{most} at a time");
}

#[test]
fn no_request_has_a_nonce_and_all_name_the_certificate_by_sha1() {
    let desk = Desk::new();
    let stapler = desk.stapler(None);
    let _slot = stapler.add(desk.subject()).unwrap();
    let _ = desk.refresh(&stapler);
    let requests = desk.responder.requests();
    let asked = requests[0].ocsp().unwrap();
    assert_eq!(requests[0].nonce(), None);
    let sha1 = [0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A];
    assert!(asked.windows(7).any(|part| part == sha1));
}

#[test]
fn certificate_of_another_issuer_is_refused() {
    let desk = Desk::new();
    let mut subject = desk.subject();
    subject.issuer = desk.world.ca_b.der.clone().into();
    assert!(desk.stapler(None).add(subject).is_err());
}

// covers: T-31
#[test]
fn folder_that_others_may_write_is_refused_and_links_are_not_followed() {
    use std::os::unix::fs::PermissionsExt;
    let (desk, folder) = (Desk::new(), temp_dir());
    for mode in [0o777, 0o770, 0o1777] {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
        let refused = Store::open(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("chmod go-w"), "{refused}");
    }
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let stapler = desk.stapler(Some(folder.path()));
    let slot = stapler.add(desk.subject()).unwrap();
    // No name is text of others.
    let harmless = |it: char| it.is_ascii_hexdigit() || "-sha".contains(it);
    assert!(
        slot.key().as_str().chars().all(harmless),
        "{:?}",
        slot.key()
    );
    let secret = folder.path().join("secret");
    std::fs::write(&secret, right(&desk.world, T0, Status::Good)).unwrap();
    let link = folder.path().join(format!("{}.ocsp", slot.key().as_str()));
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.load(slot.key()).is_err());
    // A new staple takes the place of the link, and what it led to stays.
    store.save(slot.key(), b"new").unwrap();
    assert_eq!(store.load(slot.key()).unwrap(), Some(b"new".to_vec()));
    assert_ne!(std::fs::read(&secret).unwrap(), b"new");
}

// covers: T-31
#[test]
fn file_is_replaced_whole_and_temporary_files_of_the_dead_are_swept() {
    let folder = temp_dir();
    let path = folder.path().join("x.der");
    atomic::write(&path, b"one").unwrap();
    atomic::write(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names(), 1);
    let dead = folder.path().join(".certvouch-dead");
    let file = std::fs::File::create(&dead).unwrap();
    let _ = Store::open(folder.path()).unwrap();
    assert_eq!(names(), 2, "it may belong to somebody who is at work");
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(2 * 3_600);
    file.set_modified(long_ago).unwrap();
    atomic::sweep(folder.path()).unwrap();
    assert_eq!(names(), 1);
    atomic::remove(&path).unwrap();
    atomic::remove(&path).unwrap();
    assert_eq!(names(), 0);
}
