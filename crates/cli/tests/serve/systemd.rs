//! What passes between the program and systemd: sockets that were opened for it, and words about its state.
//!
//! The test is the service manager: it holds the sockets, sets the variables that sd_listen_fds(3) and sd_notify(3)
//! describe, and hears what comes to a real socket.

use std::fs::File;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::http::{self, Connection};
use certvouch_testkit::process::PATIENCE;

use crate::support::{Site, status_in};

/// `listen` names a port that somebody has, so that whoever binds it fails.
fn config(taken: SocketAddr) -> String {
    format!(
        "[server]\nlisten = [\"{taken}\"]\nthreads = 1\n[admin]\nlisten = \"127.0.0.1:1\"\n[[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\nsource = {{ index = \"index.txt\" }}\n\
         signer = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\n"
    )
}

/// A service manager with one service.
struct Manager {
    site: Site,
    public: TcpListener,
    admin: TcpListener,
    notify: UnixDatagram,
    service: Option<Child>,
    /// Holds the port that the configuration names.
    _taken: TcpListener,
}

impl Manager {
    fn new() -> Self {
        let site = Site::new();
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = bind();
        site.configure(&config(taken.local_addr().unwrap()));
        let notify = UnixDatagram::bind(site.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            site,
            public: bind(),
            admin: bind(),
            notify,
            service: None,
            _taken: taken,
        }
    }

    fn log(&self) -> PathBuf {
        self.site.path().join("log")
    }

    fn told(&self) -> String {
        let mut text = String::new();
        File::open(self.log())
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    /// Starts the service with its sockets as descriptors 3 and 4; standard input and error carry them as far as the
    /// shell, whose process becomes the program.
    fn start(&mut self, variables: &[(&str, &str)]) {
        let script = "exec 3<&0 4<&2 </dev/null 2>>log; LISTEN_PID=$$ exec \"$0\" serve --config certvouch.toml";
        let socket = |listener: &TcpListener| OwnedFd::from(listener.try_clone().unwrap());
        let child = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_certvouch")])
            .current_dir(self.site.path())
            .env("LISTEN_FDS", "2")
            .env("LISTEN_FDNAMES", "certvouch.socket:admin")
            .env("NOTIFY_SOCKET", self.site.path().join("notify"))
            .env_remove("CERTVOUCH_LOG")
            .envs(variables.iter().copied())
            .stdin(Stdio::from(socket(&self.public)))
            .stderr(Stdio::from(socket(&self.admin)))
            .stdout(Stdio::null())
            .spawn();
        self.service = Some(child.unwrap());
    }

    /// The next message of the service: assignments by lines.
    fn hear(&self) -> Vec<String> {
        let mut octets = [0; 4096];
        let count = self
            .notify
            .recv(&mut octets)
            .unwrap_or_else(|why| panic!("nothing was told: {why}\n{}", self.told()));
        let text = String::from_utf8(octets[..count].to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn kill(&self, signal: &str) {
        let id = self.service.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    fn stop(&mut self) -> ExitStatus {
        self.kill("-TERM");
        self.service.take().unwrap().wait().unwrap()
    }

    fn public(&self) -> SocketAddr {
        self.public.local_addr().unwrap()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            // It may have ended by itself.
            drop(service.kill());
            drop(service.wait());
        }
    }
}

fn get(address: SocketAddr, target: &str) -> u16 {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut connection = Connection::open(address);
    connection.send(request.as_bytes()).unwrap();
    connection.read_response(false).unwrap().status
}

#[test]
fn sockets_that_were_handed_over_take_the_place_of_configured_addresses() {
    let mut manager = Manager::new();
    manager.start(&[]);
    assert_eq!(manager.hear(), ["READY=1"]);
    let world = &manager.site.world;
    assert_eq!(
        manager.site.status(manager.public(), &world.ee_good),
        CertStatus::Good
    );
    let admin = manager.admin.local_addr().unwrap();
    assert_eq!(get(admin, "/ready"), 200);
    assert_eq!(get(admin, "/health/a"), 200);
    // The public socket is no admin port, and the other way round.
    let other = http::get(manager.public(), "/ready");
    assert_eq!(other.body, [0x30, 3, 0x0A, 1, 1], "malformedRequest");
    let posted = http::post(admin, "/", &manager.site.question(&world.ee_good));
    assert_eq!(posted.status, 404);
    assert!(manager.stop().success(), "{}", manager.told());
}

#[test]
fn sockets_meant_for_another_process_are_left_alone() {
    let mut manager = Manager::new();
    // The program inherits the variables of a process that was meant; its own id is another.
    let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    let outcome = command
        .args(["serve", "--config", "certvouch.toml"])
        .current_dir(manager.site.path())
        .envs([("LISTEN_FDS", "2"), ("LISTEN_PID", "1")])
        .output()
        .unwrap();
    // It binds what is configured, which somebody has.
    assert_eq!(outcome.status.code(), Some(2));
    let said = String::from_utf8(outcome.stderr).unwrap();
    assert!(said.contains("address in use"), "{said}");
    // With a descriptor that is no socket, it says which.
    std::fs::write(manager.log(), "").unwrap();
    let refused = Command::new("sh")
        .args([
            "-c",
            "exec 3</dev/null; LISTEN_PID=$$ exec \"$0\" serve --config certvouch.toml",
            env!("CARGO_BIN_EXE_certvouch"),
        ])
        .current_dir(manager.site.path())
        .env("LISTEN_FDS", "1")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("socket 0 of the service manager"), "{said}");
    manager.service = None;
}

#[test]
fn service_manager_is_told_about_start_reload_life_and_end() {
    let mut manager = Manager::new();
    // A fifth of a second: half of it is how often life is told.
    manager.start(&[("WATCHDOG_USEC", "200000")]);
    let mut lives = 0;
    let mut next = |manager: &Manager| loop {
        let told = manager.hear();
        if told != ["WATCHDOG=1"] {
            return (told, lives);
        }
        lives += 1;
    };
    assert_eq!(next(&manager).0, ["READY=1"]);
    for broken in [false, true] {
        if broken {
            manager.site.configure("[server\n");
        }
        manager.kill("-HUP");
        let (told, _) = next(&manager);
        // Type=notify-reload compares the moment with that of its signal.
        assert_eq!(told[0], "RELOADING=1");
        let moment = told[1].strip_prefix("MONOTONIC_USEC=").unwrap();
        assert!(moment.parse::<u64>().unwrap() > 0, "{told:?}");
        // Ready again, whatever became of it.
        assert_eq!(next(&manager).0, ["READY=1"]);
    }
    let log = manager.told();
    assert!(log.contains("the configuration was reloaded"), "{log}");
    assert!(log.contains("the configuration was not reloaded"), "{log}");
    // Alive while nothing happens.
    for _ in 0..3 {
        while manager.hear() != ["WATCHDOG=1"] {}
    }
    manager.kill("-TERM");
    let (told, _) = next(&manager);
    assert_eq!(told, ["STOPPING=1"]);
    let status = manager.service.take().unwrap().wait().unwrap();
    assert!(status.success(), "{}", manager.told());
}

#[test]
fn start_that_is_refused_is_never_ready() {
    let mut manager = Manager::new();
    manager.site.configure("[server]\nlisten = []\n");
    manager.start(&[]);
    let status = manager.service.take().unwrap().wait().unwrap();
    assert_eq!(status.code(), Some(2));
    manager.notify.set_nonblocking(true).unwrap();
    assert!(manager.notify.recv(&mut [0; 64]).is_err());
}

/// Asks until it is told to stop; counts good answers and everything else.
fn ask_on(question: &[u8], address: SocketAddr, stop: &AtomicBool, counts: &[AtomicU64; 2]) {
    while !stop.load(Ordering::Relaxed) {
        // Only the kernel takes part in the connect, whether somebody runs behind the socket or not.
        let mut connection = Connection::open(address);
        let sent = connection.send(&http::post_request(address, "/", question));
        let answer = sent.and_then(|()| connection.read_response(false));
        let is_good = answer.is_ok_and(|it| status_in(&it) == CertStatus::Good);
        counts[usize::from(!is_good)].fetch_add(1, Ordering::Relaxed);
    }
}

/// The service is there around the clock: three restarts, and everybody who asks is answered.
// covers: ETSI1-CSS-6.3.10-01..03
#[test]
fn restarts_on_the_same_socket_lose_no_request() {
    let mut manager = Manager::new();
    manager.start(&[]);
    assert_eq!(manager.hear(), ["READY=1"]);
    let (stop, counts) = (
        AtomicBool::new(false),
        [AtomicU64::new(0), AtomicU64::new(0)],
    );
    let address = manager.public();
    let question = manager.site.question(&manager.site.world.ee_good);
    let good = || counts[0].load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| ask_on(&question, address, &stop, &counts));
        }
        for _ in 0..3 {
            let before = good();
            wait_for(|| good() > before + 20);
            assert!(manager.stop().success(), "{}", manager.told());
            // Nobody is there for a while: whoever asks now waits.
            std::thread::sleep(Duration::from_millis(50));
            manager.start(&[]);
            while manager.hear() != ["READY=1"] {}
        }
        let before = good();
        wait_for(|| good() > before + 20);
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(
        counts[1].load(Ordering::Relaxed),
        0,
        "beside {} good ones",
        good()
    );
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
