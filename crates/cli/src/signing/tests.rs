//! The pool with keys that a test holds back.

use std::net::Ipv4Addr;
use std::sync::atomic::AtomicBool;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::Asker;

use super::*;

/// Signs when it is let to, and remembers in which order.
#[derive(Debug, Default)]
struct HeldKey {
    held: AtomicBool,
    panics: AtomicBool,
    signed: Mutex<Vec<Vec<u8>>>,
}

impl Signer for HeldKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::from_name("rsa-sha256").unwrap()
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(async move {
            while self.held.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            assert!(!self.panics.load(Ordering::Acquire), "a key that panics");
            self.signed.lock().unwrap().push(message.to_vec());
            Ok(message.to_vec())
        })
    }
}

fn claim(number: u8, unassigned: bool) -> Claim {
    let asker = Asker::from_address(Ipv4Addr::new(192, 0, 2, number).into());
    Claim::new(asker, unassigned)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// A pool of one thread whose key is held, so that what comes next waits.
struct Scene {
    pool: Arc<SigningPool>,
    held: Arc<HeldKey>,
    key: Arc<dyn Signer>,
}

type Outcome = tokio::task::JoinHandle<Result<Vec<u8>, RoomFault>>;

impl Scene {
    async fn new(queue: usize) -> Self {
        let held = Arc::new(HeldKey::default());
        held.held.store(true, Ordering::Release);
        let scene = Self {
            pool: Arc::new(SigningPool::new(1, queue)),
            key: Arc::<HeldKey>::clone(&held),
            held,
        };
        // The first one is taken by the thread and stays there.
        drop(scene.ask(claim(99, false), "first"));
        while scene.pool.waiting().0 == 0 {
            tokio::task::yield_now().await;
        }
        while scene.pool.waiting().0 > 0 {
            tokio::task::yield_now().await;
        }
        scene
    }

    fn ask(&self, claim: Claim, message: &'static str) -> Outcome {
        let (pool, key) = (Arc::clone(&self.pool), Arc::clone(&self.key));
        tokio::spawn(async move { pool.sign(&key, message.as_bytes(), claim).await })
    }

    /// Asks, and waits until it stands in the queue.
    async fn queued(&self, claim: Claim, message: &'static str) -> Outcome {
        let outcome = self.ask(claim, message);
        tokio::task::yield_now().await;
        outcome
    }

    fn let_go(&self) {
        self.held.held.store(false, Ordering::Release);
    }

    fn order(&self) -> Vec<String> {
        let signed = self.held.signed.lock().unwrap();
        let text = |message: &Vec<u8>| String::from_utf8(message.clone()).unwrap();
        signed.iter().map(text).collect()
    }
}

// covers: T-43, R9919-8.4-1
#[test]
fn full_queue_refuses_the_flood_at_once_and_takes_others() {
    runtime().block_on(async {
        let scene = Scene::new(3).await;
        let flood: Vec<_> = [
            scene.queued(claim(1, false), "f1").await,
            scene.queued(claim(1, false), "f2").await,
            scene.queued(claim(1, false), "f3").await,
        ]
        .into();
        let over = scene.queued(claim(1, false), "f4").await;
        assert_eq!(over.await.unwrap(), Err(RoomFault::Full));
        let regular = scene.queued(claim(2, false), "regular").await;
        let mut flood = flood.into_iter();
        let (first, second, third) = (flood.next(), flood.next(), flood.next());
        // Whoever has most loses the newest.
        assert_eq!(third.unwrap().await.unwrap(), Err(RoomFault::Full));
        scene.let_go();
        assert_eq!(regular.await.unwrap(), Ok(b"regular".to_vec()));
        assert!(first.unwrap().await.unwrap().is_ok());
        assert!(second.unwrap().await.unwrap().is_ok());
        assert_eq!(scene.order(), ["first", "f1", "regular", "f2"]);
        assert_eq!(scene.pool.counts().refused.load(Ordering::Relaxed), 2);
    });
}

// covers: T-41
#[test]
fn made_up_serials_fill_their_own_queue_only() {
    runtime().block_on(async {
        // A queue of 8 for those that were issued, so of one for the others.
        let scene = Scene::new(8).await;
        let waits = scene.queued(claim(1, true), "made up").await;
        let over = scene.queued(claim(1, true), "one more").await;
        assert_eq!(over.await.unwrap(), Err(RoomFault::UnassignedShareSpent));
        assert_eq!(scene.pool.waiting(), (0, 1));
        let ordinary = scene.queued(claim(1, false), "issued").await;
        scene.let_go();
        assert!(ordinary.await.unwrap().is_ok());
        assert!(waits.await.unwrap().is_ok());
    });
}

#[test]
fn signature_for_a_client_that_left_is_not_made() {
    runtime().block_on(async {
        let scene = Scene::new(8).await;
        let leaves = scene.queued(claim(1, false), "leaves").await;
        let stays = scene.queued(claim(2, false), "stays").await;
        leaves.abort();
        assert!(leaves.await.unwrap_err().is_cancelled());
        scene.let_go();
        assert!(stays.await.unwrap().is_ok());
        assert_eq!(scene.order(), ["first", "stays"]);
    });
}

#[test]
fn panic_of_a_key_is_an_error_and_the_thread_lives() {
    runtime().block_on(async {
        let scene = Scene::new(8).await;
        scene.held.panics.store(true, Ordering::Release);
        let panics = scene.queued(claim(1, false), "panics").await;
        scene.let_go();
        let outcome = panics.await.unwrap();
        assert!(
            matches!(&outcome, Err(RoomFault::Signer(SignError::Permanent(_)))),
            "{outcome:?}"
        );
        scene.held.panics.store(false, Ordering::Release);
        let next = scene.queued(claim(1, false), "next").await;
        assert!(next.await.unwrap().is_ok());
    });
}

#[test]
fn quick_key_signs_at_once_within_the_budget_and_in_the_pool_beyond() {
    runtime().block_on(async {
        let held = Arc::new(HeldKey::default());
        let key: Arc<dyn Signer> = Arc::<HeldKey>::clone(&held);
        let pool = SigningPool::new(1, 8);
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        // Nothing is known about the key yet.
        assert!(pool.sign(&key, b"one", claim(1, false)).await.is_ok());
        assert_eq!(
            (count(&pool.counts().at_once), count(&pool.counts().pooled)),
            (0, 1)
        );
        pool.shared.set_cost(&key, Duration::from_micros(1));
        assert!(pool.sign(&key, b"two", claim(1, false)).await.is_ok());
        assert_eq!(count(&pool.counts().at_once), 1);
        tick::spend(limits::TICK);
        assert!(pool.sign(&key, b"three", claim(1, false)).await.is_ok());
        assert_eq!(
            (count(&pool.counts().at_once), count(&pool.counts().pooled)),
            (1, 2)
        );
        // What a stranger chose goes through its own queue, however quick the key.
        assert!(pool.sign(&key, b"four", claim(1, true)).await.is_ok());
        // And a slow key never signs on this thread.
        pool.shared
            .set_cost(&key, INLINE_MOST + Duration::from_micros(1));
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert!(pool.sign(&key, b"five", claim(1, false)).await.is_ok());
        assert_eq!(count(&pool.counts().at_once), 1);
        assert_eq!(held.signed.lock().unwrap().len(), 5);
    });
}

impl Shared {
    /// As if every signature of this key had taken so long.
    fn set_cost(&self, key: &Arc<dyn Signer>, cost: Duration) {
        let mut costs = self.costs.lock().unwrap();
        costs.retain(|(of, _)| !is_same(of, key));
        costs.push((Arc::downgrade(key), cost));
    }
}
