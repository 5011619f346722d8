//! How long answers take in normal operation: a mix of kept answers, new ones and nonces, signed with RSA.

use std::time::{Duration, Instant};

use certvouch_testkit::answer::Answer;
use certvouch_testkit::ask::{Ask, GetForm, HashAlg, get_segment};
use certvouch_testkit::http::{Connection, get_request, post_request};
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_testkit::process::temp_dir;

use crate::support::Site;

/// What the Baseline Requirements allow (4.10.2).
const ALLOWED: Duration = Duration::from_secs(10);

/// Clients at the same time, and the requests of each.
const CLIENTS: usize = 8;
const REQUESTS: usize = 150;

/// One client's requests, one after the other on one connection, and how long each answer took.
fn times(site: &Site, address: std::net::SocketAddr, client: usize) -> Vec<Duration> {
    let mut connection = Connection::open(address);
    let world = &site.world;
    let serials = [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp];
    let one = |number: usize| {
        let serial = &serials[number % serials.len()].serial;
        let ask = Ask::for_serial(HashAlg::ALL[number / 4 % 4], &world.ca_a, serial);
        match number % 3 {
            // A nonce makes a signature of it.
            0 => {
                let mut nonce = [0; 16];
                nonce[0] = u8::try_from(client).unwrap();
                nonce[1] = u8::try_from(number % 256).unwrap();
                post_request(address, "/", &ask.nonce(&nonce).build())
            }
            1 => post_request(address, "/", &ask.build()),
            _ => {
                let segment = get_segment(&ask.build(), GetForm::Strict);
                get_request(address, &format!("/{segment}"))
            }
        }
    };
    let timed = |number| {
        let request = one(number);
        let begun = Instant::now();
        connection.send(&request).unwrap();
        let response = connection.read_response(false).unwrap();
        let took = begun.elapsed();
        let answer = Answer::parse(&response.body).unwrap();
        assert_eq!(answer.status, 0, "request {number}");
        took
    };
    (0..REQUESTS).map(timed).collect()
}

// covers: BR-4.10.2-1
#[test]
fn answers_come_within_ten_seconds_in_999_of_1000_cases() {
    let dir = temp_dir();
    let world = World::current(KeyAlg::Rsa2048);
    let files = world.write(dir.path());
    let site = Site { dir, world, files };
    let (_server, address) = site.serve(&["--threads", "1"]);
    let mut all: Vec<Duration> = std::thread::scope(|scope| {
        let clients: [_; CLIENTS] = std::array::from_fn(|client| {
            let site = &site;
            scope.spawn(move || times(site, address, client))
        });
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.join().unwrap());
        }
        all
    });
    all.sort_unstable();
    assert_eq!(all.len(), CLIENTS * REQUESTS);
    let at = |share: usize| all[(all.len() * share).div_ceil(1000) - 1];
    println!("median {:?}, 99.9 % within {:?}", at(500), at(999));
    assert!(at(999) <= ALLOWED, "99.9 % within {:?}", at(999));
}
