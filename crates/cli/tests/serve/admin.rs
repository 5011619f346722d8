//! The admin port as its users see it: pages, tokens, reloads.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::http::{self, Connection, Response};
use certvouch_testkit::process::Server;

use crate::support::{Site, certvouch, run};

/// A site with a configuration file, whose port for the operator is the system's choice.
pub(crate) const CONFIG: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\nthreads = 2\n\
    [admin]\nlisten = \"127.0.0.1:0\"\nhosts = [\"status.example\"]\ntokens = \"tokens.toml\"\n\
    [[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\nsource = { index = \"index.txt\" }\n\
    signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }\n";

pub(crate) struct Started {
    pub(crate) site: Site,
    pub(crate) server: Server,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Started {
    pub(crate) fn new() -> Self {
        Self::with(CONFIG)
    }

    fn with(config: &str) -> Self {
        Self::on(Site::new(), config)
    }

    pub(crate) fn on(site: Site, config: &str) -> Self {
        site.configure(config);
        let server = Server::start(&mut certvouch(
            site.path(),
            &["serve", "--config", "certvouch.toml"],
        ));
        let public = server.listening_address();
        let told = server.wait_for_stderr("the admin port is open");
        let at = told.split("://").nth(1).unwrap();
        let end = at.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
        let admin = at[..end.unwrap_or(at.len())].parse().unwrap();
        Self {
            site,
            server,
            public,
            admin,
        }
    }

    pub(crate) fn token(&self, name: &str, scope: &str, further: &[&str]) -> String {
        let fixed = ["token", "new", "--config", "certvouch.toml", "--name", name];
        let outcome = run(
            self.site.path(),
            &[&fixed[..], &["--scope", scope], further].concat(),
        );
        assert!(outcome.success(), "{outcome:?}");
        let text = outcome.out();
        assert_eq!(text.lines().count(), 1, "{text}");
        text.trim_end().to_owned()
    }

    fn ask(&self, method: &str, target: &str, headers: &str) -> Response {
        let request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        let mut connection = Connection::open(self.admin);
        connection.send(request.as_bytes()).unwrap();
        connection.read_response(false).unwrap()
    }

    pub(crate) fn get(&self, target: &str) -> Response {
        self.ask("GET", target, &format!("Host: {}\r\n", self.admin))
    }

    pub(crate) fn post(&self, target: &str, token: &str) -> Response {
        let headers = format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n");
        self.ask("POST", target, &headers)
    }
}

impl Site {
    pub(crate) fn configure(&self, config: &str) {
        let aside = self.path().join("certvouch.toml.new");
        std::fs::write(&aside, config).unwrap();
        std::fs::rename(aside, self.path().join("certvouch.toml")).unwrap();
    }
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

pub(crate) fn json(response: &Response) -> serde_json::Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", text(response)))
}

// covers: T-10
#[test]
fn pages_tell_of_the_process_its_issuers_and_what_was_answered() {
    let started = Started::new();
    let good = started
        .site
        .status(started.public, &started.site.world.ee_good);
    assert_eq!(good, CertStatus::Good);
    let ready = started.get("/ready");
    assert_eq!(
        (ready.status, json(&ready)["ready"].clone()),
        (200, true.into())
    );
    let health = json(&started.get("/health"));
    assert_eq!(health["clock"]["status"], "ok", "{health}");
    assert_eq!(health["issuers"][0]["name"], "a", "{health}");
    assert_eq!(started.get("/health/nobody").status, 404);
    let page = started.get("/metrics");
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let page = text(&page);
    for line in [
        "certvouch_answers_total{issuer=\"a\",status=\"good\"} 1",
        "certvouch_http_responses_total{code=\"200\"} 1",
        "certvouch_cache_total{use=\"signed\"} 1",
        "certvouch_signing_seconds_count 1",
        "certvouch_clock_ok 1",
        "certvouch_ready 1",
        "certvouch_exposure_seconds{issuer=\"a\"} 3599",
        "certvouch_source_problems{issuer=\"a\"} 0",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
    for name in [
        "certvouch_build_info{version=",
        "certvouch_last_good_reload_timestamp_seconds ",
        "certvouch_signer_expiry_timestamp_seconds{issuer=\"a\"} ",
        "certvouch_source_age_seconds{issuer=\"a\"} ",
        "certvouch_connections ",
        "certvouch_signing_queue 0",
        "certvouch_single_flight_waits_total 0",
    ] {
        assert!(page.contains(&format!("\n{name}")), "{name}\n{page}");
    }
}

/// Every family has one HELP and TYPE before its samples, and no label names a certificate.
#[test]
fn metrics_are_well_formed_and_have_no_serial_numbers() {
    let started = Started::new();
    for cert in [&started.site.world.ee_good, &started.site.world.ee_rev] {
        let _ = started.site.status(started.public, cert);
    }
    let _ = http::post(started.public, "/", b"nonsense");
    let page = text(&started.get("/metrics"));
    let mut family = String::new();
    let mut seen = std::collections::HashSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(seen.insert(family.clone()), "{family} twice");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&family), "{line} stands in {family}");
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let world = &started.site.world;
    for cert in [&world.ee_good, &world.ee_rev] {
        assert!(
            !page
                .to_lowercase()
                .contains(&cert.serial_hex().to_lowercase())
        );
    }
    assert!(
        page.contains("response_status=\"malformedRequest\"} 1"),
        "{page}"
    );
}

// covers: T-33
#[test]
fn foreign_host_or_origin_reads_nothing() {
    let started = Started::new();
    for (headers, status) in [
        ("Host: status.example\r\n", 200),
        ("Host: localhost:1\r\n", 200),
        ("Host: evil.example\r\n", 403),
        ("", 403),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: null\r\n", 403),
    ] {
        for target in ["/health", "/metrics", "/ready", "/v1/reload", "/nothing"] {
            let response = started.ask("GET", target, headers);
            let expected = match (status, target) {
                (200, "/v1/reload") => 401,
                (200, "/nothing") => 404,
                _ => status,
            };
            assert_eq!(response.status, expected, "{target} {headers}");
            if expected != 200 {
                let kind = response.header("content-type");
                assert_eq!(kind, Some("application/problem+json"), "{target}");
                assert_eq!(json(&response)["status"], expected);
            }
        }
    }
}

// covers: T-33
#[test]
fn only_a_token_in_force_with_the_scope_reloads() {
    let started = Started::new();
    assert_eq!(started.post("/v1/reload", "cvt_wrong").status, 401);
    assert_eq!(started.post("/v1/nothing", "cvt_wrong").status, 401);
    let reader = started.token("reader", "read", &[]);
    assert_eq!(started.post("/v1/reload", &reader).status, 403);
    assert_eq!(started.post("/v1/nothing", &reader).status, 404);
    let of_one = started.token("one", "admin", &["--issuer", "a"]);
    assert_eq!(started.post("/v1/reload", &of_one).status, 403);
    let admin = started.token("deploy", "admin", &["--expires", "1h"]);
    let taken = started.post("/v1/reload", &admin);
    assert_eq!(taken.status, 200, "{}", text(&taken));
    assert_eq!(json(&taken)["issuers"], 1);
    assert_eq!(json(&taken)["kept_sources"], 1);
    let list = run(
        started.site.path(),
        &["token", "list", "--config", "certvouch.toml"],
    )
    .out();
    assert!(
        list.contains("deploy\tadmin\tall issuers\tuntil "),
        "{list}"
    );
    for secret in [&admin, &reader, &of_one] {
        assert!(!list.contains(secret.as_str()));
        assert!(!started.server.stderr().contains(secret.as_str()));
    }
    let file = started.site.path().join("tokens.toml");
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let revoke = ["token", "revoke", "--config", "certvouch.toml", "--name"];
    let path = started.site.path();
    assert!(run(path, &[&revoke[..], &["deploy"]].concat()).success());
    assert_eq!(started.post("/v1/reload", &admin).status, 401);
    assert_eq!(
        run(path, &[&revoke[..], &["deploy"]].concat()).code,
        Some(2)
    );
}

// covers: T-10
#[test]
fn broken_configuration_changes_nothing_and_says_why() {
    let started = Started::new();
    let admin = started.token("deploy", "admin", &[]);
    let before = text(&started.get("/metrics"));
    let last_good = |page: &str| {
        let mut lines = page.lines();
        lines
            .find(|it| it.starts_with("certvouch_last_good_reload_timestamp_seconds "))
            .map(ToOwned::to_owned)
    };
    for (broken, why) in [
        (
            CONFIG.replace("name = \"a\"", "nmae = \"a\""),
            "did you mean",
        ),
        (CONFIG.replace("ocsp.key", "none.key"), "none.key"),
        (CONFIG.replace("ocsp.pem", "ca.pem"), "issuer"),
        (CONFIG.replace("index.txt", "none.txt"), "none.txt"),
    ] {
        started.site.configure(&broken);
        let refused = started.post("/v1/reload", &admin);
        assert_eq!(refused.status, 422, "{broken}");
        assert!(text(&refused).contains(why), "{}", text(&refused));
        let good = started
            .site
            .status(started.public, &started.site.world.ee_good);
        assert_eq!(good, CertStatus::Good);
    }
    let page = text(&started.get("/metrics"));
    assert_eq!(last_good(&page), last_good(&before));
    assert!(
        page.contains("\ncertvouch_last_reload_failed 1\n"),
        "{page}"
    );
    started
        .site
        .configure(&CONFIG.replace("threads = 2", "threads = 1"));
    let taken = started.post("/v1/reload", &admin);
    assert_eq!(json(&taken)["needs_restart"][0], "server.threads");
    let page = text(&started.get("/metrics"));
    assert!(
        page.contains("\ncertvouch_last_reload_failed 0\n"),
        "{page}"
    );
}

// covers: T-44
#[test]
fn stale_source_shows_in_health_and_leaves_the_process_ready() {
    let started = Started::new();
    let index = started.site.path().join("index.txt");
    std::fs::remove_file(&index).unwrap();
    let _ = started.server.wait_for_stderr("the index was not reloaded");
    let health = started.get("/health");
    assert_eq!(health.status, 200);
    assert_eq!(json(&health)["status"], "degraded", "{}", text(&health));
    let problems = json(&health)["issuers"][0]["source"]["problems"].clone();
    assert!(
        problems[0].as_str().unwrap().contains("cannot be read"),
        "{problems}"
    );
    assert_eq!(started.get("/health/a").status, 503);
    assert_eq!(started.get("/ready").status, 200);
    let page = text(&started.get("/metrics"));
    assert!(
        page.contains("\ncertvouch_source_problems{issuer=\"a\"} 1\n"),
        "{page}"
    );
    let good = started
        .site
        .status(started.public, &started.site.world.ee_good);
    assert_eq!(good, CertStatus::Good);
}

#[test]
fn hangup_reads_the_configuration_again() {
    let mut started = Started::new();
    started
        .site
        .configure(&CONFIG.replace("name = \"a\"", "name = \"b\""));
    started.server.hang_up();
    let _ = started
        .server
        .wait_for_stderr("the configuration was reloaded");
    assert_eq!(json(&started.get("/health"))["issuers"][0]["name"], "b");
}

/// `cargo xtask soak reload` does the same a thousand times.
// covers: T-10
#[test]
fn reloads_under_load_fail_no_answer_and_mix_none() {
    let plan = certvouch_testkit::soak::Plan {
        program: env!("CARGO_BIN_EXE_certvouch").into(),
        time: std::time::Duration::from_secs(30),
        reloads: 40,
        every: std::time::Duration::ZERO,
        rate: 0,
    };
    let report = certvouch_testkit::soak::run(&plan, |_| ());
    assert_eq!(report.failures, Vec::<String>::new());
    assert_eq!((report.reloads, report.refused), (40, 4));
    assert!(
        report.by_variant.iter().all(|count| *count > 0),
        "{report:?}"
    );
}
