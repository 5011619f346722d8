//! When there is no room for a signature: what is told to whom, and what is given all the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

mod support;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use certvouch_responder::{
    Asker, BoxFuture, CacheUse, Claim, Knowledge, Responder, RoomFault, Settings, Signer,
    SigningRoom, StatusRecord,
};
use certvouch_testkit::ask::{Ask, HashAlg, q1};
use support::{Fixture, Service, ask, block_on, err, octets, t0};

/// Signs at once, unless it is told to refuse somebody or everybody.
#[derive(Debug, Default)]
struct Moody {
    refuses: Mutex<Option<RoomFault>>,
    refused_asker: Mutex<Option<Asker>>,
    claims: Mutex<Vec<Claim>>,
}

impl SigningRoom for Moody {
    fn sign<'a>(
        &'a self,
        key: &'a Arc<dyn Signer>,
        message: &'a [u8],
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<u8>, RoomFault>> {
        self.claims.lock().unwrap().push(claim);
        Box::pin(async move {
            if let Some(fault) = self.refuses.lock().unwrap().clone() {
                return Err(fault);
            }
            // Others get the chance to wait for this one.
            let mut waited = false;
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut waited, true) {
                    return std::task::Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            })
            .await;
            if *self.refused_asker.lock().unwrap() == Some(claim.asker) {
                return Err(RoomFault::Full);
            }
            Ok(key.sign(message).await?)
        })
    }
}

fn scene(fixture: &Fixture) -> (Arc<Moody>, Responder) {
    let room = Arc::new(Moody::default());
    let mut settings = Settings::default();
    settings.room = Arc::<Moody>::clone(&room);
    let responder = Responder::new(vec![fixture.issuer(|_| {})], settings).unwrap();
    (room, responder)
}

fn asker(address: &str) -> Asker {
    Asker::from_address(address.parse::<IpAddr>().unwrap())
}

// covers: E-36
#[test]
fn full_queue_is_try_later_with_a_time_and_kept_answers_are_given() {
    let fixture = Fixture::new();
    let (room, responder) = scene(&fixture);
    let world = &fixture.world;
    let good = q1(&world.ca_a, &world.ee_good.serial);
    let revoked = q1(&world.ca_a, &world.ee_rev.serial);
    let kept = octets(&responder, &good, t0());
    *room.refuses.lock().unwrap() = Some(RoomFault::Full);
    assert_eq!(octets(&responder, &good, t0()), kept);
    let service = Service::new(responder);
    let refused = service.post(&revoked);
    assert_eq!(
        (refused.status.as_u16(), &refused.body[..]),
        (200, &err(3)[..])
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    // Past its refresh deadline and before its nextUpdate the old answer serves.
    let later = ask(&service.responder, &good, t0() + 3590);
    assert_eq!(later.exchange.cache, CacheUse::Stale);
    assert_eq!(later.body()[..], kept[..]);
    // Nothing of the refusal stays.
    *room.refuses.lock().unwrap() = None;
    fixture.verified(&octets(&service.responder, &revoked, t0()));
}

// covers: T-41
#[test]
fn made_up_serial_past_its_share_is_unauthorized() {
    let fixture = Fixture::new();
    let (room, responder) = scene(&fixture);
    fixture
        .source
        .otherwise(StatusRecord::new(Knowledge::NeverIssued));
    let made_up = q1(&fixture.world.ca_a, &[0x5A; 16]);
    *room.refuses.lock().unwrap() = Some(RoomFault::UnassignedShareSpent);
    let answer = ask(&responder, &made_up, t0());
    assert_eq!(answer.body()[..], err(6));
    let error = answer.result.unwrap_err();
    assert_eq!(error.code(), "unassigned-share-spent");
    assert!(
        room.claims
            .lock()
            .unwrap()
            .iter()
            .all(|claim| claim.unassigned)
    );
    let issued = Ask::for_serial(
        HashAlg::Sha1,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    )
    .nonce(b"0123456789")
    .build();
    drop(ask(&responder, &issued, t0()));
    assert!(!room.claims.lock().unwrap().last().unwrap().unassigned);
}

#[test]
fn who_waits_for_one_that_is_refused_is_judged_by_his_own_share() {
    let fixture = Fixture::new();
    let (room, responder) = scene(&fixture);
    let question = q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let (flood, regular) = (asker("192.0.2.1"), asker("192.0.2.2"));
    *room.refused_asker.lock().unwrap() = Some(flood);
    let (refused, answered) = block_on(async {
        let leads = responder.answer_to(flood, &question, t0());
        let waits = responder.answer_to(regular, &question, t0());
        both(leads, waits).await
    });
    assert_eq!(refused.body()[..], err(3));
    fixture.verified(&answered.body());
    let claims = room.claims.lock().unwrap();
    assert_eq!(
        claims.iter().map(|claim| claim.asker).collect::<Vec<_>>(),
        [flood, regular]
    );
}

/// Runs two futures side by side, the first one first.
async fn both<A, B>(one: impl Future<Output = A>, two: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut two) = (std::pin::pin!(one), std::pin::pin!(two));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(move |cx| {
        use std::task::Poll;
        if first.is_none()
            && let Poll::Ready(out) = one.as_mut().poll(cx)
        {
            first = Some(out);
        }
        if second.is_none()
            && let Poll::Ready(out) = two.as_mut().poll(cx)
        {
            second = Some(out);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
