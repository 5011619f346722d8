//! CA-A, its delegate, EE-good and their kin at the frozen moment, and short words for asking.

use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World};
use certvouch_testkit::reply::{Reply, Single};
use certvouch_types::Timestamp;
use certvouch_verify::{
    DelegateRevocation, Moment, Profile, Query, Verdict, VerifiedResponse, VerifyError,
};

pub(crate) const DAY: i64 = 86_400;

/// The frozen moment.
pub(crate) fn now() -> Timestamp {
    at(T0)
}

pub(crate) fn at(unix: i64) -> Timestamp {
    Timestamp::from_unix(unix)
}

pub(crate) fn world() -> World {
    World::new(KeyAlg::P256)
}

/// An entry for EE-good: good, an hour old, for four days.
pub(crate) fn single(world: &World) -> Single {
    Single::about(&world.ca_a, &world.ee_good.serial, T0)
}

/// D-A's answer with one entry.
pub(crate) fn delegated(world: &World, single: &Single) -> Reply {
    Reply::delegated(&world.d_a, T0 - 3600).single(single)
}

/// D-A's good answer for EE-good.
pub(crate) fn good(world: &World) -> Reply {
    delegated(world, &single(world))
}

pub(crate) fn query(world: &World) -> Query<'_> {
    Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap()
}

/// What is said of EE-good, now.
pub(crate) fn ask<'r>(
    world: &World,
    response: &'r [u8],
    profile: &Profile,
) -> Result<VerifiedResponse<'r>, VerifyError> {
    query(world).verify(response, now(), profile)
}

/// The verdict, or the code of the reason.
pub(crate) fn word(outcome: &Result<VerifiedResponse<'_>, VerifyError>) -> &'static str {
    match outcome {
        Ok(verified) => verified.verdict().word(),
        Err(error) => error.reason().code(),
    }
}

/// What is said of EE-good now under the default profile.
pub(crate) fn say(world: &World, reply: &Reply) -> &'static str {
    word(&ask(world, &reply.build(), &Profile::RFC9919))
}

/// What is said of EE-good at a moment under a profile.
pub(crate) fn say_at(world: &World, reply: &Reply, unix: i64, profile: &Profile) -> &'static str {
    word(&query(world).verify(&reply.build(), at(unix), profile))
}

pub(crate) fn say_with(
    world: &World,
    reply: &Reply,
    profile: &Profile,
    revocation: DelegateRevocation<'_>,
) -> &'static str {
    word(&query(world).verify_at(&reply.build(), Moment::now(now()), profile, revocation))
}

/// A delegate in the making: right in everything until a test bends it.
pub(crate) fn delegate_builder(label: &str) -> CertBuilder {
    let key = Key::cached(KeyAlg::P256, label);
    CertBuilder::new(&[("CN", label), ("O", "certvouch tests")], &key)
        .serial(&[0x11])
        .validity(T0 - 30 * DAY, T0 + 90 * DAY)
}

/// The same with everything that a delegate of a CA has.
pub(crate) fn delegate(label: &str) -> CertBuilder {
    delegate_builder(label)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
}

/// The answer of any signer for EE-good.
pub(crate) fn signed_by(world: &World, signer: &Cert) -> Reply {
    Reply::delegated(signer, T0 - 3600).single(&single(world))
}

/// No stream says good where a check failed: what is not GOOD has no good word anywhere.
pub(crate) fn assert_consistent(outcome: &Result<VerifiedResponse<'_>, VerifyError>) {
    use certvouch_verify::{CheckCode, Outcome};
    let (evidence, good) = match outcome {
        Ok(verified) => (verified.evidence(), verified.verdict() == Verdict::Good),
        Err(error) => {
            assert_ne!(error.verdict(), Verdict::Good);
            (error.evidence(), false)
        }
    };
    let codes: Vec<_> = evidence.checks().iter().map(|check| check.code).collect();
    assert_eq!(codes, CheckCode::RESPONSE, "every check once, in order");
    let failed = evidence
        .checks()
        .iter()
        .filter(|check| check.outcome == Outcome::Failed)
        .count();
    match outcome {
        Ok(_) if good => assert_eq!(failed, 0, "{evidence:?}"),
        Ok(_) => {}
        Err(_) => assert!(failed >= 1, "{evidence:?}"),
    }
}
