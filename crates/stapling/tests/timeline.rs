//! The clock test: the engine runs as in an agent while the clock moves second by second, and its responder goes away
//! and returns. What happened is printed, with the second at which it did. Loopback only.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail by panicking, and the timeline is there to be read"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use certvouch_stapling::{Options, Random, Schedule, Slot, Stapler, Subject};
use certvouch_testkit::clock::TestClock;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::pki::{KeyAlg, T0, World};
use certvouch_testkit::process::PATIENCE;
use certvouch_testkit::reply::{Reply, Single};
use certvouch_types::Timestamp;

const HOUR: i64 = 3_600;
/// How long an answer lasts.
const LIFE: i64 = 4 * HOUR;
/// Half of that, earlier by half of a tenth: the dice of these tests always show the middle.
const HALF: i64 = LIFE / 2 - LIFE / 40;

/// What happened, with its second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Fetched,
    Failed,
    Down,
    Returned,
    /// Nothing is given out any more.
    Over,
}

/// An engine at work, and the clock that it and tokio's timers look at.
struct Stage {
    clock: TestClock,
    slot: Arc<Slot>,
    down: Arc<AtomicBool>,
    /// Attempts that have ended.
    ended: Arc<AtomicU64>,
    events: Vec<(i64, Event)>,
    lines: Vec<String>,
    _responder: Misbehaving,
    _engine: tokio::task::JoinHandle<()>,
    /// While a blocking task is under way, tokio's paused clock moves by hand only: the responder is a real one, and
    /// its answers take real time.
    _held: std::sync::mpsc::Sender<()>,
}

impl Stage {
    async fn new() -> Self {
        let (held, holds) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || holds.recv());
        tokio::time::pause();
        let (world, clock) = (World::new(KeyAlg::P256), TestClock::at(T0));
        let down = Arc::new(AtomicBool::new(false));
        let responder = Misbehaving::start({
            let (world, clock, down) = (world.clone(), clock.clone(), Arc::clone(&down));
            move |_| {
                if down.load(Ordering::SeqCst) {
                    return Act::Raw(Vec::new());
                }
                let now = clock.now();
                let single = Single::about(&world.ca_a, &world.ee_good.serial, now)
                    .this_update(now)
                    .next_update(now + LIFE);
                Act::Ocsp(Reply::delegated(&world.d_a, now).single(&single).build())
            }
        });
        let now = clock.reader();
        let mut options = Options::new(Arc::new(move || Timestamp::from_unix(now())));
        options.dice = Arc::new(|| Random::MAX / 2 + 1);
        assert_eq!(options.schedule, Schedule::default());
        let stapler = Stapler::new(options).unwrap();
        let ended = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&ended);
        stapler.observe(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut subject = Subject::new(world.ee_good.der.clone(), world.ca_a.der.clone());
        subject.responders = Some(vec![responder.url().parse().unwrap()]);
        let slot = stapler.add(subject).unwrap();
        let engine = tokio::spawn(async move { stapler.run().await });
        let mut stage = Self {
            clock,
            slot,
            down,
            ended,
            events: Vec::new(),
            lines: Vec::new(),
            _responder: responder,
            _engine: engine,
            _held: held,
        };
        stage.settle().await;
        stage
    }

    fn second(&self) -> i64 {
        self.clock.now() - T0
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock.now())
    }

    fn left(&self) -> Option<i64> {
        let staple = self.slot.staple(self.now())?;
        Some(staple.valid_until().seconds_since(self.now()))
    }

    fn note(&mut self, event: Event) {
        let at = self.second();
        self.events.push((at, event));
        let state = self.slot.state();
        let what = match event {
            Event::Fetched => "fetched".to_owned(),
            Event::Failed => format!("failed ({} in a row)", state.failures_in_a_row),
            Event::Down => "the responder goes away".to_owned(),
            Event::Returned => "the responder returns".to_owned(),
            Event::Over => "the staple is over: none is given out".to_owned(),
        };
        let left = self
            .left()
            .map_or_else(|| "no staple".to_owned(), |left| format!("{left} s left"));
        let next = match (event, state.next_attempt) {
            (Event::Fetched | Event::Failed, Some(next)) => {
                format!("; again in {} s", next.unix() - self.clock.now())
            }
            _ => String::new(),
        };
        self.lines.push(format!("{at:>6} s  {what}; {left}{next}"));
    }

    /// Lets the attempt of this second end, if there is one. The engine notices within 10 ms of its own time what is due
    /// in this second.
    async fn settle(&mut self) {
        let began = Instant::now();
        loop {
            let next = self.slot.state().next_attempt.unwrap();
            if next > self.now() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{:?}", self.slot.state());
            std::thread::sleep(Duration::from_millis(1));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        // It is put back among the waiting ones before anybody is told.
        let before = self.slot.state();
        while self.ended.load(Ordering::SeqCst) < before.successes + before.failures {
            assert!(began.elapsed() < PATIENCE, "nobody is told: {before:?}");
            tokio::task::yield_now().await;
        }
        for event in self.news() {
            self.note(event);
        }
    }

    /// Attempts that have ended and are not noted yet.
    fn news(&self) -> Vec<Event> {
        let state = self.slot.state();
        let noted = |event| self.events.iter().filter(|(_, it)| *it == event).count();
        let count = |number: u64, event| {
            let number = usize::try_from(number).unwrap();
            vec![event; number - noted(event)]
        };
        let mut news = count(state.failures, Event::Failed);
        news.extend(count(state.successes, Event::Fetched));
        news
    }

    /// Moves the clock second by second.
    async fn until(&mut self, second: i64) {
        while self.second() < second {
            let had = self.left().is_some();
            self.clock.advance(1);
            tokio::time::advance(Duration::from_secs(1)).await;
            if had && self.left().is_none() {
                self.note(Event::Over);
            }
            self.settle().await;
        }
    }

    fn set_down(&mut self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
        self.note(if down { Event::Down } else { Event::Returned });
    }

    /// The seconds of an event.
    fn seconds(&self, event: Event) -> Vec<i64> {
        let of = |(at, it): &(i64, Event)| (*it == event).then_some(*at);
        self.events.iter().filter_map(of).collect()
    }

    fn print(&self) {
        println!("{}", self.lines.join("\n"));
    }
}

/// The distances between neighbours.
fn steps(seconds: &[i64]) -> Vec<i64> {
    seconds.windows(2).map(|two| two[1] - two[0]).collect()
}

// covers: STAPLE-1, STAPLE-3
#[tokio::test]
async fn half_life_that_passes_while_the_responder_is_down_is_made_up_for_when_it_returns() {
    let mut stage = Stage::new().await;
    stage.until(HALF - 600).await;
    stage.set_down(true);
    stage.until(HALF + HOUR).await;
    stage.set_down(false);
    stage.until(HALF + HOUR + 400).await;
    stage.until(2 * HALF + HOUR + 400).await;
    stage.print();
    let (fetched, failed) = (stage.seconds(Event::Fetched), stage.seconds(Event::Failed));
    // Once at the start; then at half of its life, where nobody answers.
    assert_eq!((fetched[0], failed[0]), (0, HALF));
    // One minute, two, four; then every five.
    let steps = steps(&failed);
    assert_eq!(steps[..3], [60, 120, 240], "{steps:?}");
    assert!(steps[3..].iter().all(|step| *step == 300), "{steps:?}");
    assert!(steps.len() > 10, "{steps:?}");
    // It is noticed within one step that the responder is back, and the next fetch is at half of the new life.
    let back = fetched[1] - (HALF + HOUR);
    assert!((0..=300).contains(&back), "{back}");
    assert_eq!(fetched[2] - fetched[1], HALF);
    assert_eq!(fetched.len(), 3);
    // The old staple was there all the time.
    assert_eq!(stage.seconds(Event::Over), [0; 0]);
    assert_eq!(stage.slot.state().failures_in_a_row, 0);
}

// covers: STAPLE-3
#[tokio::test]
async fn staple_that_ends_while_the_responder_is_down_is_not_given_out_until_it_returns() {
    let mut stage = Stage::new().await;
    stage.set_down(true);
    stage.until(LIFE - 1).await;
    assert_eq!(stage.left(), Some(1));
    stage.until(LIFE).await;
    assert_eq!(stage.left(), None);
    stage.until(LIFE + HOUR).await;
    assert_eq!(stage.left(), None);
    assert!(stage.slot.last_staple().is_some());
    stage.set_down(false);
    stage.until(LIFE + HOUR + 301).await;
    stage.print();
    assert_eq!(stage.seconds(Event::Over), [LIFE]);
    let (fetched, failed) = (stage.seconds(Event::Fetched), stage.seconds(Event::Failed));
    // The last attempt of its life is a minute before its end; after it, it is asked for at the same pace as before.
    assert!(failed.contains(&(LIFE - 60)), "{failed:?}");
    let steps = steps(&failed);
    assert!(
        steps.iter().all(|step| (60..=300).contains(step)),
        "{steps:?}"
    );
    let back = fetched[1] - (LIFE + HOUR);
    assert!((0..=300).contains(&back), "{back}");
    assert_eq!(stage.left(), Some(LIFE - (LIFE + HOUR + 301 - fetched[1])));
}
