//! Our responder behind a cache: a site whose certificates include one with an awkward serial number.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use certvouch::clock::{Clock, Steady};
use certvouch::config::Config;
use certvouch::metrics::Page;
use certvouch::serve::{self, Setup};
use certvouch_testkit::ask::{Ask, GetForm, HashAlg, get_segment};
use certvouch_testkit::clock::{TestClock, real_now};
use certvouch_testkit::der;
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_testkit::process::{Server, TempDir, temp_dir};
use certvouch_types::Timestamp;

/// CA-A's world with the configuration of a responder.
pub(super) struct Site {
    pub(super) world: World,
    dir: TempDir,
}

impl Site {
    /// `max_age` as in the configuration.
    pub(super) fn new(max_age: &str) -> Self {
        let dir = temp_dir();
        let world = World::current(KeyAlg::P256);
        let files = world.write(dir.path());
        let row = format!(
            "V\t491231235959Z\t\t{}\tunknown\t/CN=awkward\n",
            der::to_hex(&awkward(&world))
                .replace(' ', "")
                .to_uppercase()
        );
        fs::write(&files.index, world.index_txt() + &row).expect("the index is written");
        let text = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\nthreads = 1\n[[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\n\
             source = {{ index = \"index.txt\" }}\nsigner = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\n\
             validity = \"1m\"\nmax_age = \"{max_age}\"\n"
        );
        fs::write(dir.path().join("certvouch.toml"), text).expect("the configuration is written");
        Self { world, dir }
    }

    /// As a process, which can be ended.
    pub(super) fn process(&self) -> (Server, SocketAddr) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
        command
            .args(["serve", "--config", "certvouch.toml"])
            .current_dir(self.dir.path());
        let server = Server::start(&mut command);
        let address = server.listening_address();
        (server, address)
    }

    /// In this process, where what it was asked can be counted, and its clock be set.
    pub(super) fn here(&self) -> Here {
        let config = Config::from_file(&self.dir.path().join("certvouch.toml"))
            .expect("the configuration is good");
        let offset = Arc::new(TestClock::at(0));
        let reader = offset.reader();
        let clock = Clock::from_fn(move || Timestamp::from_unix(real_now() + reader()));
        let mut setup = Setup::new(clock);
        setup.steady = Steady::from_fn(real_now);
        let running = serve::start_with(&config, setup, || {
            Ok(certvouch::listen::bind(&config.server)?)
        });
        Here {
            running: running.expect("the server starts"),
            offset,
        }
    }

    /// A question about the good certificate with the awkward serial number, as the path of a GET.
    pub(super) fn target(&self, form: GetForm) -> String {
        format!("/{}", get_segment(&self.question(), form))
    }

    /// The same as the body of a POST.
    pub(super) fn question(&self) -> Vec<u8> {
        question(&self.world, &awkward(&self.world))
    }
}

/// A server of this process; its threads end with the process.
pub(super) struct Here {
    running: serve::Running,
    offset: Arc<TestClock>,
}

impl Here {
    pub(super) fn address(&self) -> SocketAddr {
        self.running.addresses()[0]
    }

    /// Sets the clock ahead by so many seconds.
    pub(super) fn ahead(&self, seconds: i64) {
        self.offset.set(seconds);
    }

    /// How many HTTP responses of this code were given.
    pub(super) fn given(&self, code: &str) -> u64 {
        let mut page = Page::default();
        self.running.core().metrics.write(&mut page);
        let wanted = format!("certvouch_http_responses_total{{code=\"{code}\"}} ");
        let text = page.into_text();
        let line = text.lines().find_map(|line| line.strip_prefix(&wanted));
        line.map_or(0, |count| count.parse().expect("a number"))
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> u64 {
        self.given("200") + self.given("304")
    }
}

fn question(world: &World, serial: &[u8]) -> Vec<u8> {
    Ask::for_serial(HashAlg::Sha1, &world.ca_a, serial).build()
}

/// A serial number whose question has `//`, `+` and `=` in its base64.
fn awkward(world: &World) -> Vec<u8> {
    (0_u16..=u16::MAX)
        .map(|counter| [&[0x3F; 1][..], &[0xFF; 7], &counter.to_be_bytes()].concat())
        .find(|serial| {
            let text = get_segment(&question(world, serial), GetForm::Raw);
            ["//", "+", "="].iter().all(|part| text.contains(part))
        })
        .expect("one of 65,536 fits")
}
