//! Mutated responses, judged by certvouch's verifier and by OpenSSL: what OpenSSL rejects and we call good is a finding,
//! unless it is one of the known differences of `oracle.rs`, which are counted.
//!
//! `certvouch-differential [--executions N] [--seconds S] [--seed X] [--out FOLDER] [--fixed]`, by default for ten
//! seconds. With `--fixed` a seed makes the same mutants in every run: one world, whose keys follow from their labels and
//! whose signatures have no chance in them (Ed25519), at a moment that never moves.
//! Half of the mutants are signed again (the ResponseData, or the delegate's certificate and with it the CA's
//! signature), since a broken signature hides everything behind it. OpenSSL is asked when we say good, since nothing
//! else can be a finding, and for one in 64 of the rest, to see that the mutants are not all nonsense. Times are fixed
//! at the start. Each kind of finding (OpenSSL's reason) leaves up to five files. Exit code 1 if there was one.

mod mutate;
mod oracle;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use certvouch_testkit::clock::real_now;
use certvouch_testkit::pki::{KeyAlg, T0};
use certvouch_types::Timestamp;
use certvouch_verify::{Profile, Query, Signer, Verdict, VerifiedResponse};

use mutate::{Node, Random};
use oracle::{Clock, Oracle};
use world::{Seed, Setting};

struct Options {
    executions: u64,
    limit: Duration,
    seed: u64,
    out: PathBuf,
    /// Nothing is left to chance or to the clock.
    fixed: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        executions: u64::MAX,
        limit: Duration::from_secs(10),
        seed: 1,
        out: PathBuf::from("findings"),
        fixed: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(flag) = words.next() {
        if flag == "--fixed" {
            options.fixed = true;
            continue;
        }
        let value = words.next().ok_or(format!("{flag} needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{flag} {value}: not a number"))
        };
        match flag.as_str() {
            "--executions" => {
                options.executions = number()?;
                options.limit = Duration::MAX;
            }
            "--seconds" => options.limit = Duration::from_secs(number()?),
            "--seed" => options.seed = number()?,
            "--out" => options.out = PathBuf::from(value),
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    Ok(options)
}

/// What was counted.
#[derive(Default)]
struct Tally {
    executions: u64,
    ours_good: u64,
    both_good: u64,
    sampled: u64,
    sampled_good: u64,
    findings: BTreeMap<String, u64>,
    explained: BTreeMap<&'static str, u64>,
    stricter: BTreeMap<&'static str, u64>,
}

/// A mutant of a seed.
fn mutant(setting: &Setting, seed: &Seed, pool: &[Node], random: &mut Random) -> Vec<u8> {
    let world = &setting.world;
    let times = 1 + random.below(2);
    let bend = |node: &Node, random: &mut Random| {
        let mut node = node.clone();
        for _ in 0..times {
            mutate::tree(&mut node, pool, random);
        }
        node.write()
    };
    match random.below(8) {
        0 => {
            let mut response = seed.response.clone();
            mutate::octets(&mut response, random);
            response
        }
        1..=3 => bend(&seed.whole, random),
        4..=6 => seed.with_data(&bend(&seed.data, random), &seed.embedded, &seed.signer),
        _ => {
            // Another delegate's certificate, genuinely issued.
            let tbs = world::only(&world::tbs_certificate(&world.d_a.der));
            let certificate = world::issued(&bend(&tbs, random), &world.ca_a);
            setting.seeds[0].with_data(&setting.seeds[0].data.write(), &[certificate], &world.d_a)
        }
    }
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let (now, clock) = match options.fixed {
        true => (T0, Clock::Fixed(T0)),
        false => (real_now(), Clock::Real),
    };
    let kinds = [
        ("p256", KeyAlg::P256),
        ("ed25519", KeyAlg::Ed25519),
        ("rsa2048", KeyAlg::Rsa2048),
    ];
    let settings: Vec<Setting> = kinds
        .into_iter()
        .filter(|(_, alg)| !options.fixed || *alg == KeyAlg::Ed25519)
        .map(|(name, alg)| Setting::new(name, alg, now))
        .collect();
    let pool: Vec<Node> = settings
        .iter()
        .flat_map(|s| &s.seeds)
        .map(|seed| seed.whole.clone())
        .collect();
    let oracles: Vec<Oracle> = settings
        .iter()
        .map(|setting| Oracle::new(&setting.world, now, clock))
        .collect();
    let queries: Vec<Query<'_>> = settings
        .iter()
        // proof: a fixture of testkit, and memory enough
        .map(|s| Query::new(&s.world.ee_good.der, &s.world.ca_a.der, None).expect("a fixture"))
        .collect();
    let mut random = Random::new(options.seed);
    let mut tally = Tally::default();
    let started = Instant::now();
    while tally.executions < options.executions && started.elapsed() < options.limit {
        // Mostly Ed25519, which is the quickest to sign with.
        let which = match options.fixed {
            true => 0,
            false => [0, 1, 1, 1, 1, 1, 1, 2][random.below(8)],
        };
        let setting = &settings[which];
        let seed = &setting.seeds[random.below(setting.seeds.len())];
        let response = mutant(setting, seed, &pool, &mut random);
        tally.executions += 1;
        let ours = queries[which].verify(&response, Timestamp::from_unix(now), &Profile::OPENSSL);
        let refused = match &ours {
            Ok(verified) if verified.verdict() == Verdict::Good => None,
            Ok(verified) => Some(verified.verdict().word()),
            Err(error) => Some(error.reason().code()),
        };
        let signer = match ours.as_ref().map(VerifiedResponse::signer) {
            Ok(Signer::Delegate { certificate, .. }) => Some(certificate),
            _ => None,
        };
        match refused {
            None => {
                tally.ours_good += 1;
                match oracles[which].minds(&response) {
                    None => tally.both_good += 1,
                    Some(why) => match oracles[which].explains(&response, &why, signer) {
                        Some(known) => *tally.explained.entry(known).or_default() += 1,
                        None => {
                            if let Err(error) =
                                found(&options, setting, &mut tally, &response, &why)
                            {
                                eprintln!("{}: {error}", options.out.display());
                                return ExitCode::from(2);
                            }
                        }
                    },
                }
            }
            Some(code) if tally.executions.is_multiple_of(64) => {
                tally.sampled += 1;
                if oracles[which].minds(&response).is_none() {
                    tally.sampled_good += 1;
                    *tally.stricter.entry(code).or_default() += 1;
                }
            }
            Some(_) => {}
        }
    }
    report(&tally, started.elapsed())
}

fn found(
    options: &Options,
    setting: &Setting,
    tally: &mut Tally,
    response: &[u8],
    why: &str,
) -> std::io::Result<()> {
    let count = tally.findings.entry(why.to_owned()).or_default();
    *count += 1;
    if *count > 5 {
        return Ok(());
    }
    let plain: String = why
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(80)
        .collect();
    let place = options
        .out
        .join(format!("{plain}-{}-{}", setting.name, tally.executions));
    std::fs::create_dir_all(&place)?;
    let files = [
        ("response.der", response),
        ("cert.der", &setting.world.ee_good.der),
        ("issuer.der", &setting.world.ca_a.der),
        ("why.txt", why.as_bytes()),
    ];
    for (name, octets) in files {
        std::fs::write(place.join(name), octets)?;
    }
    Ok(())
}

fn report(tally: &Tally, took: Duration) -> ExitCode {
    println!("{} executions in {} s", tally.executions, took.as_secs());
    println!(
        "good for us {}, for both {}",
        tally.ours_good, tally.both_good
    );
    println!(
        "of {} refused by us and sampled, OpenSSL calls {} good:",
        tally.sampled, tally.sampled_good
    );
    for (code, count) in &tally.stricter {
        println!("  {count:7} we say {code}");
    }
    for (why, count) in &tally.explained {
        println!("good for us, refused by OpenSSL, explained: {count:7} {why}");
    }
    let findings: u64 = tally.findings.values().sum();
    println!("findings {findings}, of {} kinds", tally.findings.len());
    for (why, count) in &tally.findings {
        println!("  {count:7} OpenSSL says {why}");
    }
    if findings == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
