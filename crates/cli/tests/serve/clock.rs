//! What is answered, and what is alarmed, while the clock is wrong (threats T-9): a server in this process, whose two
//! clocks the test moves.

use std::net::SocketAddr;
use std::sync::Arc;

use certvouch::clock::{Clock, Steady};
use certvouch::config::Config;
use certvouch::serve::{self, Outcome, Running, Setup};
use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::clock::{TestClock, real_now};
use certvouch_testkit::http;
use certvouch_testkit::pki::{Cert, CertBuilder, KeyUsage};
use certvouch_types::Timestamp;

use crate::admin::CONFIG;
use crate::support::Site;

const DAY: i64 = 86_400;

/// A server whose clock is ahead of the real one by what the test says; the steady clock goes with it or not.
struct Here {
    site: Site,
    running: Running,
    ahead: Arc<TestClock>,
    steadily: Arc<TestClock>,
}

impl Here {
    fn new(site: Site) -> Self {
        site.configure(CONFIG);
        let config = Config::from_file(&site.path().join("certvouch.toml")).unwrap();
        let (ahead, steadily) = (Arc::new(TestClock::at(0)), Arc::new(TestClock::at(0)));
        let (of_wall, of_steady) = (ahead.reader(), steadily.reader());
        let mut setup = Setup::new(Clock::from_fn(move || {
            Timestamp::from_unix(real_now() + of_wall())
        }));
        setup.steady = Steady::from_fn(move || real_now() + of_steady());
        let bind = || Ok(certvouch::listen::bind(&config.server)?);
        Self {
            running: serve::start_with(&config, setup, bind).unwrap(),
            site,
            ahead,
            steadily,
        }
    }

    /// The responseStatus, and the status if there is one.
    fn ask(&self, cert: &Cert) -> (u8, Option<CertStatus>) {
        let address = self.running.addresses()[0];
        let response = http::post(address, "/", &self.site.question(cert));
        assert_eq!(response.status, 200);
        let answer = Answer::parse(&response.body).unwrap();
        let status = answer.basic.map(|basic| basic.single().status);
        (answer.status, status)
    }

    fn admin(&self) -> SocketAddr {
        self.running.admin().unwrap().address()
    }

    fn health(&self) -> (u16, serde_json::Value) {
        let response = http::get(self.admin(), "/health/a");
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap(),
        )
    }

    fn clock_ok(&self) -> bool {
        let page = http::get(self.admin(), "/metrics").body;
        let page = String::from_utf8(page).unwrap();
        page.contains("\ncertvouch_clock_ok 1\n")
    }

    fn reload(&self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime
            .unwrap()
            .block_on(self.running.core().reloads.reload())
    }
}

const GOOD: (u8, Option<CertStatus>) = (0, Some(CertStatus::Good));
const TRY_LATER: (u8, Option<CertStatus>) = (3, None);

// covers: T-9
#[test]
fn clock_set_back_signs_nothing_and_alarms_until_it_is_right() {
    let here = Here::new(Site::new());
    let world = here.site.world.clone();
    assert_eq!(here.ask(&world.ee_good), GOOD);
    here.ahead.set(-3600);
    // Another question would need a signature, and by this clock the kept answer has not begun.
    assert_eq!(here.ask(&world.ee_exp), TRY_LATER);
    assert_eq!(here.ask(&world.ee_good), TRY_LATER);
    let (code, health) = here.health();
    assert_eq!((code, &health["status"]), (503, &"failing".into()));
    assert!(!here.clock_ok());
    // No word of the operator makes it sign before what was signed.
    assert!(here.reload().is_ok());
    assert_eq!(here.ask(&world.ee_exp), TRY_LATER);
    here.ahead.set(0);
    assert_eq!(here.ask(&world.ee_exp), GOOD);
    assert_eq!(here.health().0, 200);
    assert!(here.clock_ok());
}

// covers: T-9, FRESH-6
#[test]
fn clock_set_forward_signs_nothing_until_the_operator_says_that_it_is_meant() {
    let here = Here::new(Site::new());
    let world = here.site.world.clone();
    assert_eq!(here.ask(&world.ee_good), GOOD);
    here.ahead.set(600);
    // What is kept and in force by this clock is given as it was signed; nothing is signed anew.
    assert_eq!(here.ask(&world.ee_good), GOOD);
    assert_eq!(here.ask(&world.ee_exp), TRY_LATER);
    let (_, health) = here.health();
    assert!(health["signing_fails_since"].is_string(), "{health}");
    here.ahead.set(2 * 3600);
    // By this clock the kept answer has ended, and no new one is made.
    assert_eq!(here.ask(&world.ee_good), TRY_LATER);
    assert_eq!(here.ask(&world.ee_exp), TRY_LATER);
    assert_eq!(here.health().0, 503);
    assert!(!here.clock_ok());
    assert!(here.reload().is_ok());
    assert_eq!(here.ask(&world.ee_good), GOOD);
    let (code, health) = here.health();
    assert_eq!((code, health.get("signing_fails_since")), (200, None));
    assert!(here.clock_ok());
    // And back to what it was: it has signed ahead of that.
    here.ahead.set(0);
    assert_eq!(here.ask(&world.ee_exp), TRY_LATER);
}

// covers: T-9
#[test]
fn clocks_that_pass_together_are_believed_for_as_long_as_the_signer_lives() {
    let site = Site::new();
    let world = site.world.clone();
    let signer = CertBuilder::new(&[("CN", "D-short")], &world.d_a.key)
        .serial(&[0x11])
        .validity(world.now - DAY, world.now + 40 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .ski_sha1()
        .issued_by(&world.ca_a);
    signer.write_pem(&site.path().join("ocsp.pem"));
    let here = Here::new(site);
    let pass = |days: i64| {
        here.ahead.set(days * DAY);
        here.steadily.set(days * DAY);
    };
    let words = |days| {
        pass(days);
        let (code, health) = here.health();
        let word = health["status"].as_str().unwrap().to_owned();
        let left = health["signers"][0]["expires_in_seconds"].as_i64().unwrap();
        assert!((40 - days - 1..=40 - days).contains(&left.div_euclid(DAY)));
        (code, word)
    };
    assert_eq!(words(0), (200, "ok".to_owned()));
    assert_eq!(words(5), (200, "ok".to_owned()));
    // Thirty days before its end it is a matter for health, a month of warnings.
    assert_eq!(words(11), (503, "degraded".to_owned()));
    assert_eq!(here.ask(&world.ee_good), GOOD);
    assert_eq!(words(39), (503, "degraded".to_owned()));
    assert_eq!(here.ask(&world.ee_good), GOOD);
    assert_eq!(words(41), (503, "failing".to_owned()));
    let (status, _) = here.ask(&world.ee_good);
    assert_ne!(status, 0, "signed by a certificate that has ended");
}
