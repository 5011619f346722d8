//! Push: a responder with a store is told of a revocation, and the next handshakes show it, without SIGHUP and long
//! before half life.

use std::net::SocketAddr;
use std::path::Path;

use certvouch_testkit::process::{Server, free_port};
use serde_json::Value;

use crate::servers::{haproxy, haproxy_delivery, nginx, nginx_delivery};
use crate::support::{Site, certvouch, eventually, run};

/// A responder with a store, whose ports stay the same when it is started again.
struct Told {
    server: Server,
    public: SocketAddr,
    admin: SocketAddr,
}

impl Told {
    /// Knows the site's certificate as issued; the agent's token may read and nothing else.
    fn new(site: &Site) -> Self {
        let told = Self::without_certificate(site);
        told.ok(site, &["issue", "--certificate", "ee-good.pem"]);
        told
    }

    fn without_certificate(site: &Site) -> Self {
        let [public, admin] = [free_port(), free_port()].map(|port| ([127, 0, 0, 1], port).into());
        let text = format!(
            "store = \"status.db\"\n[server]\nlisten = [\"{public}\"]\n\
             [admin]\nlisten = \"{admin}\"\ntokens = \"tokens.toml\"\n\
             [[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\nsource = {{ store = true }}\n\
             signer = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\n"
        );
        std::fs::write(site.path().join("certvouch.toml"), text).unwrap();
        for (name, scope) in [("ca", "admin"), ("agent", "read")] {
            write_token(site.path(), name, scope);
        }
        Self {
            server: start(site),
            public,
            admin,
        }
    }

    fn restart(&mut self, site: &Site) {
        self.server = start(site);
    }

    /// Runs a command of the CA, which must go well.
    fn ok(&self, site: &Site, arguments: &[&str]) {
        let admin = format!("http://{}", self.admin);
        let whom = [
            "--admin",
            &admin,
            "--token-file",
            "ca.token",
            "--issuer",
            "a",
        ];
        let all = [&arguments[..1], &whom, &arguments[1..]].concat();
        let outcome = run(site.path(), &all);
        assert!(outcome.success(), "{}", outcome.all());
    }

    fn configure(&self, site: &Site, further: &str, deliver: &str) {
        site.configure(self.public, further, deliver);
        let path = site.path().join("staple.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let push = format!(
            "[push]\nurl = \"http://{}/\"\ntoken_file = \"agent.token\"\n",
            self.admin
        );
        std::fs::write(&path, text + &push).unwrap();
    }
}

fn start(site: &Site) -> Server {
    let arguments = ["serve", "--config", "certvouch.toml"];
    let server = Server::start(&mut certvouch(site.path(), &arguments));
    let _ = server.listening_address();
    let _ = server.wait_for_stderr("the admin port is open");
    server
}

fn write_token(folder: &Path, name: &str, scope: &str) {
    let fixed = ["token", "new", "--config", "certvouch.toml"];
    let arguments = [&fixed[..], &["--name", name, "--scope", scope]].concat();
    let outcome = run(folder, &arguments);
    assert!(outcome.success(), "{}", outcome.all());
    std::fs::write(folder.join(format!("{name}.token")), outcome.out()).unwrap();
}

/// The serial number of the site's certificate.
fn serial(site: &Site) -> String {
    let hex = |octet: &u8| format!("{octet:02X}");
    site.world.ee_good.serial.iter().map(hex).collect()
}

fn push(site: &Site) -> Value {
    site.report()
        .map_or(Value::Null, |report| report["push"][0].clone())
}

fn target(site: &Site) -> Value {
    site.report()
        .map_or(Value::Null, |report| report["targets"][0].clone())
}

/// The stream is open, and what was asked because of that is answered.
fn is_settled(site: &Site) -> bool {
    let (push, target) = (push(site), target(site));
    push["connected"] == true
        && target["standing"] == "good"
        && target["next_attempt"].as_i64() > Some(certvouch_testkit::clock::real_now() + 60)
}

// covers: STAPLE-4
#[test]
fn nginx_shows_a_revocation_that_was_pushed() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let told = Told::new(&site);
    told.configure(&site, "", &nginx_delivery(&site, ""));
    let _server = nginx(&site, &program);
    let agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    eventually("connected", || is_settled(&site));
    told.ok(
        &site,
        &["revoke", "--reason", "keyCompromise", &serial(&site)],
    );
    let took = site.wait_for("the revocation", |wire| wire.is("revoked"));
    println!("nginx: revoked on the wire after {took:?}");
    eventually("told", || target(&site)["standing"] == "revoked");
    let push = push(&site);
    assert_eq!(push["connected"], true, "{push}");
    // The first connection asks for everything once.
    assert_eq!(push["concerned"], 2, "{push}");
    assert!(push["events"].as_u64() >= Some(1), "{push}");
    let status = run(site.path(), &["staple", "status"]).out();
    assert!(status.contains(": connected since"), "{status}");
    let token = std::fs::read_to_string(site.path().join("agent.token")).unwrap();
    assert!(!agent.stderr().contains(token.trim()));
}

#[test]
fn haproxy_shows_a_hold_and_its_release_that_were_pushed() {
    let Some((site, program)) = Site::with("haproxy") else {
        return;
    };
    let told = Told::new(&site);
    told.configure(&site, "", haproxy_delivery());
    let _server = haproxy(&site, &program);
    let _agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    eventually("connected", || is_settled(&site));
    for _ in 0..2 {
        told.ok(&site, &["hold", &serial(&site)]);
        let took = site.wait_for("the hold", |wire| wire.is("revoked"));
        println!("HAProxy: on hold on the wire after {took:?}");
        // Mostly within the second of the hold: the answers have the same thisUpdate.
        told.ok(&site, &["release", &serial(&site)]);
        let _ = site.wait_for("the release", |wire| wire.is("good"));
    }
}

#[test]
fn stream_that_broke_goes_on_where_it_was_when_the_responder_returns() {
    let Some(site) = Site::new() else {
        return;
    };
    let mut told = Told::new(&site);
    told.configure(&site, "", "{ kind = \"file\", file = \"a.der\" }");
    let mut agent = site.agent();
    eventually("connected", || is_settled(&site));
    let before = target(&site)["successes"].clone();
    told.server.kill();
    eventually("noticed", || push(&site)["connected"] == false);
    assert!(push(&site)["last_error"]["text"].is_string());
    // Nothing is lost with the stream.
    assert_eq!(target(&site)["standing"], "good");
    told.restart(&site);
    told.ok(&site, &["revoke", &serial(&site)]);
    eventually("revoked", || target(&site)["standing"] == "revoked");
    eventually("connected again", || push(&site)["connected"] == true);
    // It went on, and did not begin anew: one answer more, or a few if the old one was still given.
    let after = &target(&site)["successes"];
    assert!(after.as_u64() > before.as_u64(), "{before} {after}");
    assert_eq!(push(&site)["concerned"], 2, "{}", push(&site));
    assert_eq!(agent.terminate().code(), Some(0));
}

#[test]
fn agent_that_was_down_hears_of_what_was_meanwhile() {
    let Some(site) = Site::new() else {
        return;
    };
    let told = Told::new(&site);
    told.configure(&site, "", "{ kind = \"file\", file = \"a.der\" }");
    let mut agent = site.agent();
    eventually("connected", || is_settled(&site));
    assert_eq!(agent.terminate().code(), Some(0));
    let position = push(&site)["position"].as_u64();
    assert!(position >= Some(1), "{}", push(&site));
    // It knows how far it was also when it is run in between without the stream.
    assert_eq!(site.once().code, Some(0));
    assert_eq!(push(&site)["position"].as_u64(), position);
    told.ok(&site, &["hold", &serial(&site)]);
    assert_eq!(target(&site)["standing"], "good");
    let mut agent = site.agent();
    eventually("the hold", || target(&site)["standing"] == "revoked");
    eventually("settled", || push(&site)["position"].as_u64() > position);
    assert_eq!(push(&site)["concerned"], 1, "{}", push(&site));
    assert_eq!(agent.terminate().code(), Some(0));
}

#[test]
fn import_of_certificates_that_nobody_names_has_them_asked_for() {
    let Some(site) = Site::new() else {
        return;
    };
    let told = Told::without_certificate(&site);
    told.configure(&site, "", "{ kind = \"file\", file = \"a.der\" }");
    let _agent = site.agent();
    eventually("connected", || push(&site)["connected"] == true);
    eventually("unknown", || target(&site)["standing"] != "missing");
    let rows = format!(
        "{{\"serial\":\"{}\",\"status\":\"revoked\",\"reason\":\"superseded\"}}\n",
        serial(&site)
    );
    std::fs::write(site.path().join("rows.jsonl"), rows).unwrap();
    told.ok(&site, &["import", "rows.jsonl"]);
    eventually("revoked", || target(&site)["standing"] == "revoked");
}

#[test]
fn token_that_may_not_is_told_and_the_agent_goes_on_until_it_has_another() {
    let Some(site) = Site::new() else {
        return;
    };
    let told = Told::new(&site);
    told.configure(&site, "", "{ kind = \"file\", file = \"a.der\" }");
    let right = site.path().join("agent.token");
    let token = std::fs::read(&right).unwrap();
    write_token(site.path(), "issuing", "issue");
    let of_another = std::fs::read(site.path().join("issuing.token")).unwrap();
    let error = |part: &str| {
        let push = push(&site);
        push["connected"] == false
            && push["last_error"]["text"]
                .as_str()
                .is_some_and(|text| text.contains(part))
    };
    let wrong = b"cvt_not_one_of_yours\n".to_vec();
    std::fs::write(&right, &wrong).unwrap();
    let agent = site.agent();
    eventually("the wrong token is told", || error("HTTP 401: "));
    // The staple is there all the same.
    eventually("a staple", || site.path().join("a.der").exists());
    std::fs::write(&right, &of_another).unwrap();
    eventually("the narrow token is told", || error("HTTP 403: "));
    std::fs::remove_file(&right).unwrap();
    eventually("the missing token is told", || error("agent.token"));
    let status = run(site.path(), &["staple", "status"]);
    assert!(
        status.out().contains("not connected since"),
        "{}",
        status.all()
    );
    // Push is no part of what a target has to be.
    assert_eq!(status.code, Some(0), "{}", status.all());
    std::fs::write(&right, &token).unwrap();
    eventually("connected", || is_settled(&site));
    let report = site.report().unwrap().to_string();
    for secret in [wrong, of_another, token] {
        let secret = String::from_utf8(secret).unwrap();
        assert!(!report.contains(secret.trim()));
        assert!(!agent.stderr().contains(secret.trim()));
    }
    assert!(agent.stderr().contains("HTTP 403: "), "{}", agent.stderr());
}

#[test]
fn fault_in_push_is_told_with_key_and_line() {
    let Some(site) = Site::new() else {
        return;
    };
    let target = "[[target]]\nname = \"www\"\ncertificate = \"www.pem\"\n";
    for (push, expected) in [
        (
            "url = \"127.0.0.1:8081\"\ntoken_file = \"t\"\n",
            "staple.toml:3: push.url: a URL such as http://127.0.0.1:8081",
        ),
        (
            "url = \"http://127.0.0.1:8081\"\ntoken_file = \"-\"\n",
            "staple.toml:4: push.token_file: a file",
        ),
        (
            "url = \"http://127.0.0.1:8081\"\ntoken = \"cvt_x\"\n",
            "staple.toml:4: unknown key in [push]: \"token\"; did you mean \"token_file\"?",
        ),
    ] {
        let text = format!("state = \"s\"\n[push]\n{push}{target}");
        std::fs::write(site.path().join("staple.toml"), text).unwrap();
        let outcome = run(site.path(), &["staple", "once"]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.all());
        assert!(outcome.err().contains(expected), "{}", outcome.err());
    }
}
