//! What `verify` costs beside the signature checks that it cannot do without, both measured in one run: the response's
//! own and, with a delegate, that of the delegate's certificate. The ratio is the figure; wall time differs between
//! machines.
//!
//! `cargo bench -p certvouch-verify`; without `--bench` (as `cargo test --benches` runs it) a few rounds only.

#![expect(clippy::print_stdout, reason = "a bench exists to print")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use certvouch_crypto::AWS_LC;
use certvouch_testkit::pki::{Cert, KeyAlg, T0, World};
use certvouch_testkit::reply::{Reply, Single};
use certvouch_types::{BasicOcspResponse, Certificate, OcspResponse, Timestamp};
use certvouch_verify::{Profile, Query, Verdict};

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let rounds = if full { 2001 } else { 3 };
    println!("verify / raw signature checks (middle of {rounds} interleaved rounds)");
    for (name, alg) in [("P-256", KeyAlg::P256), ("RSA-2048", KeyAlg::Rsa2048)] {
        let world = World::new(alg);
        let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
        let direct = Reply::new(&world.ca_a, T0).single(&single).build();
        let delegated = Reply::delegated(&world.d_a, T0).single(&single).build();
        for (signer, response, checks) in [
            ("issuer", &direct, vec![(&world.ca_a, None)]),
            (
                "delegate",
                &delegated,
                vec![(&world.ca_a, Some(&world.d_a)), (&world.d_a, None)],
            ),
        ] {
            let (verify, raw) = measure(&world, response, &checks, rounds);
            println!(
                "{name:8} {signer:8} {:7.1} µs / {:7.1} µs = {:.3}",
                micros(verify),
                micros(raw),
                verify.as_secs_f64() / raw.as_secs_f64()
            );
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle times of `verify` and of the signature checks: of each key over its certificate or over the response.
fn measure(
    world: &World,
    response: &[u8],
    checks: &[(&Cert, Option<&Cert>)],
    rounds: usize,
) -> (Duration, Duration) {
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).expect("a fixture");
    let now = Timestamp::from_unix(T0);
    let OcspResponse::Successful(bytes) = OcspResponse::parse(response).expect("a fixture") else {
        panic!("a successful response");
    };
    let basic = BasicOcspResponse::from_response_bytes(&bytes).expect("a fixture");
    let checks: Vec<_> = checks
        .iter()
        .map(|(key, over)| (parse(key), over.map(parse)))
        .collect();
    let verify = || {
        let verified = query.verify(black_box(response), now, &Profile::RFC9919);
        let verdict = verified.expect("a good response").verdict();
        assert_eq!(verdict, Verdict::Good);
    };
    let raw = || {
        for (key, over) in &checks {
            let key = &key.subject_public_key_info;
            let (algorithm, message, signature) = match over {
                Some(cert) => (&cert.signature_algorithm, cert.tbs, cert.signature),
                None => (&basic.signature_algorithm, basic.tbs, basic.signature),
            };
            AWS_LC
                .verify_signature(key, algorithm, black_box(message), signature)
                .expect("a good signature");
        }
    };
    let (mut verifies, mut raws) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        verifies.push(timed(verify));
        raws.push(timed(raw));
    }
    (middle(verifies), middle(raws))
}

fn parse(cert: &Cert) -> Certificate<'_> {
    Certificate::parse(&cert.der).expect("a fixture")
}

fn timed(work: impl Fn()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
