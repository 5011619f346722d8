//! The clock compared with NTP servers: those of the test, which say what the test wants of the time.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::http;
use certvouch_testkit::process::PATIENCE;

use crate::admin::{CONFIG, Started, json};
use crate::support::Site;

/// Seconds from 1900, where NTP begins, to 1970.
const TO_1970: u64 = 2_208_988_800;

/// A server (RFC 5905, the 48 octets of mode 4) whose time is ahead of the real one by so many milliseconds. It ends
/// with the process.
fn server(ahead: i64) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut request = [0; 48];
        while let Ok((_, peer)) = socket.recv_from(&mut request) {
            let mut reply = [0; 48];
            // No leap, version 4, mode server; stratum 2; a poll and a precision.
            reply[..4].copy_from_slice(&[0x24, 2, 6, 0xEC]);
            reply[12..16].copy_from_slice(&[127, 0, 0, 1]);
            let now = stamp(ahead);
            reply[16..24].copy_from_slice(&now);
            reply[24..32].copy_from_slice(&request[40..48]);
            reply[32..40].copy_from_slice(&now);
            reply[40..48].copy_from_slice(&now);
            socket.send_to(&reply, peer).unwrap();
        }
    });
    address
}

/// A moment of NTP: seconds, and their fraction in 2^32 parts.
fn stamp(ahead: i64) -> [u8; 8] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let millis = i64::try_from(since.as_millis()).unwrap() + ahead;
    let millis = u64::try_from(millis).unwrap();
    let seconds = u32::try_from((millis / 1000 + TO_1970) & 0xFFFF_FFFF).unwrap();
    let fraction = u32::try_from((millis % 1000) * (1 << 32) / 1000).unwrap();
    let mut octets = [0; 8];
    octets[..4].copy_from_slice(&seconds.to_be_bytes());
    octets[4..].copy_from_slice(&fraction.to_be_bytes());
    octets
}

/// A responder that asks these servers, once it has heard of one.
fn started(servers: &[SocketAddr]) -> Started {
    let named: Vec<String> = servers.iter().map(|it| format!("\"{it}\"")).collect();
    let clock = format!("[clock]\nntp = [{}]\n{CONFIG}", named.join(", "));
    let started = Started::on(Site::new(), &clock);
    let deadline = Instant::now() + PATIENCE;
    let offset = |page: &[u8]| {
        String::from_utf8_lossy(page).lines().any(|line| {
            let value = line.strip_prefix("certvouch_clock_ntp_offset_seconds ");
            value.is_some_and(|it| it != "0")
        })
    };
    while !offset(&started.get("/metrics").body) {
        assert!(Instant::now() < deadline, "{}", started.server.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    started
}

/// The word of `/health`, the code of `/health/a`, and what a new question is answered.
fn state(started: &Started) -> (String, u16, u8) {
    let health = json(&started.get("/health"));
    let question = started.site.question(&started.site.world.ee_good);
    let response = http::post(started.public, "/", &question);
    let answer = Answer::parse(&response.body).unwrap();
    if let Some(basic) = &answer.basic {
        assert_eq!(basic.single().status, CertStatus::Good);
    }
    let word = health["clock"]["status"].as_str().unwrap().to_owned();
    assert_eq!(health["status"], word.as_str());
    (word, started.get("/health/a").status, answer.status)
}

// covers: R9919-5-1
#[test]
fn clock_that_ntp_contradicts_degrades_health_and_far_off_stops_the_signing() {
    // The server's time is ahead where our clock is behind.
    for (ahead, word, code, answered) in [
        (-300, "ok", 200, 0),
        (-5_000, "degraded", 503, 0),
        (5_000, "degraded", 503, 0),
        (3_600_000, "failing", 503, 3),
        (-90_000, "failing", 503, 3),
    ] {
        let started = started(&[server(ahead)]);
        let expected = (word.to_owned(), code, answered);
        assert_eq!(state(&started), expected, "{ahead}");
        let log = started.server.stderr();
        assert_eq!(
            log.contains("the NTP servers of clock.ntp"),
            answered == 3,
            "{log}"
        );
    }
}

// covers: R9919-5-1
#[test]
fn one_of_three_ntp_servers_may_lie() {
    let liar = server(3_600_000);
    let started = started(&[server(-200), liar, server(-400)]);
    assert_eq!(state(&started), ("ok".to_owned(), 200, 0));
}

#[test]
fn ntp_server_that_does_not_answer_is_told_and_stops_nothing() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let clock = format!("[clock]\nntp = [\"{address}\"]\n{CONFIG}");
    let started = Started::on(Site::new(), &clock);
    let _ = started
        .server
        .wait_for_stderr("no answer from the NTP server");
    // Ten minutes without any would degrade it.
    assert_eq!(state(&started), ("ok".to_owned(), 200, 0));
}
