//! One nginx with a server for each case, told apart by its name: a certificate, and the file that it staples.

use std::fmt::Write as _;
use std::process::Command;

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::peer::{Outcome, Peer};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage};
use certvouch_testkit::process::Server;
use certvouch_testkit::reply::{Reply, Single};
use serde_json::Value;

use crate::support::{Site, run};

pub(crate) const DAY: i64 = 86_400;

/// A server in nginx.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) leaf: Cert,
    pub(crate) staple: Option<Vec<u8>>,
}

/// What a certificate is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trait {
    Responder,
    MustStaple,
}

/// A certificate of CA-A for a server of this name.
pub(crate) fn leaf(site: &Site, name: &str, serial: &[u8], traits: &[Trait]) -> Cert {
    let (issuer, now) = (&site.world.ca_a, site.world.now);
    let text = name.as_bytes();
    let length = |more: usize| u8::try_from(text.len() + more).unwrap();
    let alternative = [&[0x30, length(2), 0x82, length(0)], text].concat();
    let mut builder = CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, "ee"))
        .serial(serial)
        .validity(now - DAY, now + 20 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .eku(&["1.3.6.1.5.5.7.3.1"])
        .extension("2.5.29.17", false, &alternative);
    if traits.contains(&Trait::Responder) {
        builder = builder.aia(&["http://127.0.0.1:9/"], &[]);
    }
    if traits.contains(&Trait::MustStaple) {
        builder = builder.extension("1.3.6.1.5.5.7.1.24", false, &[0x30, 3, 2, 1, 5]);
    }
    builder.issued_by(issuer)
}

/// An entry about a certificate of CA-A, as HAProxy likes it: good, by SHA-1.
pub(crate) fn single(site: &Site, leaf: &Cert) -> Single {
    Single::by(
        HashAlg::Sha1,
        &site.world.ca_a,
        &leaf.serial,
        site.world.now,
    )
}

/// A response of the delegate.
pub(crate) fn reply(site: &Site, single: &Single) -> Reply {
    Reply::delegated(&site.world.d_a, site.world.now).single(single)
}

/// Starts nginx with all of them.
pub(crate) fn nginx(site: &Site, program: &Peer, cases: &[Case]) -> Server {
    let (root, port) = (site.path().display(), site.port);
    let mut servers = String::new();
    for Case { name, leaf, staple } in cases {
        std::fs::write(
            site.path().join(format!("{name}.pem")),
            leaf.pem() + &site.world.ca_a.pem(),
        )
        .unwrap();
        leaf.write_key_pem(&site.path().join(format!("{name}.key")));
        let stapling = staple.as_ref().map_or_else(String::new, |staple| {
            std::fs::write(site.path().join(format!("{name}.der")), staple).unwrap();
            format!("ssl_stapling on; ssl_stapling_file {root}/{name}.der;")
        });
        writeln!(
            servers,
            "server {{ listen 127.0.0.1:{port} ssl; server_name {name}; ssl_certificate {root}/{name}.pem; \
             ssl_certificate_key {root}/{name}.key; ssl_protocols TLSv1.2 TLSv1.3; {stapling} return 200 hello; }}"
        )
        .unwrap();
    }
    start(site, program, &servers)
}

/// Starts nginx, without a master and so with one worker, with these servers.
pub(crate) fn start(site: &Site, program: &Peer, servers: &str) -> Server {
    let root = site.path().display();
    let text = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; server_names_hash_bucket_size 64; client_body_temp_path {root}/t1;\n\
         proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;\n\
         {servers} }}\n"
    );
    std::fs::write(site.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(&program.program);
    command.arg("-c").arg(site.path().join("nginx.conf"));
    command.arg("-p").arg(site.path()).args(["-e", "stderr"]);
    let server = Server::start(&mut command);
    site.wait_for_port(&server);
    server
}

/// What the doctor said.
pub(crate) struct Said {
    pub(crate) outcome: Outcome,
    pub(crate) json: Value,
}

impl Said {
    /// What is not a pass, as `severity check`, in order.
    pub(crate) fn found(&self) -> Vec<String> {
        let checks = self.json["checks"].as_array().unwrap();
        let word = |check: &Value, of: &str| check[of].as_str().unwrap().to_owned();
        checks
            .iter()
            .map(|check| (word(check, "severity"), word(check, "check")))
            .filter(|(severity, _)| !matches!(severity.as_str(), "pass" | "skipped"))
            .map(|(severity, check)| format!("{severity} {check}"))
            .collect()
    }

    /// A member of a check.
    pub(crate) fn of(&self, check: &str, member: &str) -> &str {
        let checks = self.json["checks"].as_array().unwrap();
        let found = checks.iter().find(|it| it["check"] == check).unwrap();
        found[member].as_str().unwrap_or("")
    }

    /// What a client makes of it.
    pub(crate) fn reaction(&self, client: &str) -> &str {
        let rows = self.json["clients"].as_array().unwrap();
        let found = rows.iter().find(|it| it["client"] == client);
        found.map_or("", |row| row["reaction"].as_str().unwrap())
    }
}

/// Runs the doctor twice, for people and for machines, and has both agree.
pub(crate) fn doctor(site: &Site, target: &str, more: &[&str]) -> Said {
    let words = [&["staple", "doctor", target, "--ca", "ca.pem"], more].concat();
    let outcome = run(site.path(), &[&words[..], &["--json"]].concat());
    assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.all());
    let json: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let word = json["result"].as_str().unwrap();
    assert_eq!(outcome.code, Some(i32::from(word == "FINDINGS")), "{json}");
    let text = run(site.path(), &words);
    assert_eq!(text.code, outcome.code, "{}", text.all());
    assert!(
        text.out().starts_with(&format!("{word} (")),
        "{}",
        text.all()
    );
    Said {
        outcome: text,
        json,
    }
}
