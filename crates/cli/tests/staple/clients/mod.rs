//! What TLS clients make of what our agent has nginx and HAProxy staple, and of staples that no agent of ours delivers.
//!
//! A client shall accept what is good, and refuse what is revoked, out of date, about another certificate, or not signed by
//! who may; and a certificate that demands a staple without one (RFC 7633). Where one does otherwise, `clients.tsv` says
//! what it does and why; a line there that does not hold any more fails the test. The table is a part of `docs/peers.md`.

mod look;
mod rust;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::der;
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::{Cert, CertBuilder, KeyUsage};
use certvouch_testkit::process::Server;
use certvouch_testkit::reply::{Reply, Single};

use self::look::{Clients, Door, Reason, Verdict};
use crate::page;
use crate::servers::{haproxy, haproxy_delivery, nginx, nginx_delivery};
use crate::support::Site;

/// The servers' name in their certificates.
pub(crate) const NAME: &str = "www.stapled.test";

/// What comes with a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Staple {
    Good,
    Revoked,
    None,
    NoneThoughDemanded,
    OutOfDate,
    AnotherCertificate,
    BadSignature,
}

impl Staple {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::None => "none",
            Self::NoneThoughDemanded => "none, and the certificate demands one",
            Self::OutOfDate => "out of date",
            Self::AnotherCertificate => "of another certificate",
            Self::BadSignature => "with a bad signature",
        }
    }

    /// Whether this is what a client should make of it.
    const fn is_right(self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Self::Good, Verdict::Accepts)
            | (Self::Revoked, Verdict::Refuses(Reason::Revoked))
            // Hard or soft: the client's choice.
            | (Self::None, Verdict::Accepts)
            | (Self::None | Self::NoneThoughDemanded, Verdict::Refuses(Reason::NoStaple))
            | (Self::OutOfDate, Verdict::Refuses(Reason::OutOfDate))
            | (Self::AnotherCertificate, Verdict::Refuses(Reason::AnotherCertificate))
            | (Self::BadSignature, Verdict::Refuses(Reason::BadSignature)) => true,
            _ => false,
        }
    }
}

/// A line of the table.
struct Row {
    server: &'static str,
    staple: Staple,
    verdicts: Vec<Verdict>,
}

/// A site whose certificate has a name.
pub(crate) fn site() -> Option<Site> {
    let site = Site::new()?;
    let leaf = leaf(&site, &site.world.ee_good.serial, &[]);
    let chain = leaf.pem() + &site.world.ca_a.pem();
    std::fs::write(site.path().join("www.pem"), chain).unwrap();
    Some(site)
}

/// A certificate with a name, which names no responder.
pub(crate) fn leaf(site: &Site, serial: &[u8], features: &[u8]) -> Cert {
    let good = &site.world.ee_good;
    let mut builder = CertBuilder::new(&[("CN", NAME)], &good.key)
        .serial(serial)
        .validity(good.not_before, good.not_after)
        .key_usage(&[KeyUsage::DigitalSignature])
        .eku(&["1.3.6.1.5.5.7.3.1"])
        .extension(
            "2.5.29.17",
            false,
            &der::seq(&[&der::tlv(0x82, b"*.stapled.test")]),
        );
    if !features.is_empty() {
        let list = der::seq(&[&der::uint(features)]);
        builder = builder.extension("1.3.6.1.5.5.7.1.24", false, &list);
    }
    builder.issued_by(&site.world.ca_a)
}

type Start = fn(&Site, &Peer) -> Server;

/// nginx or HAProxy in the care of the agent: before there is a staple, with one, and revoked.
fn delivered(
    server: &'static str,
    start: Start,
    delivery: fn(&Site) -> String,
    rows: &mut Vec<Row>,
) -> bool {
    let (Some(program), Some(site)) = (peer::require_or_skip(server), site()) else {
        return false;
    };
    let Some(clients) = Clients::new(site.path()) else {
        return false;
    };
    let (_responder, address) = site.responder(&[]);
    site.configure(address, "", &delivery(&site));
    let _server = start(&site, &program);
    let door = Door {
        port: site.port,
        name: NAME,
        ca: &site.files.ca,
    };
    let mut note = |staple| {
        let verdicts = clients.look(site.path(), door);
        rows.push(Row {
            server,
            staple,
            verdicts,
        });
    };
    note(Staple::None);
    let mut agent = site.agent();
    site.settle("good");
    note(Staple::Good);
    site.revoke();
    let _ = crate::wire::revoked_on_the_wire(&site, &mut agent);
    site.settle("revoked");
    note(Staple::Revoked);
    true
}

/// nginx staples whatever is in the file: what no agent of ours gives it, and a certificate that demands a staple.
fn as_it_stands(rows: &mut Vec<Row>) -> bool {
    let (Some(program), Some(site)) = (peer::require_or_skip("nginx"), site()) else {
        return false;
    };
    let Some(clients) = Clients::new(site.path()) else {
        return false;
    };
    let (world, root) = (&site.world, site.path());
    let good = || Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial, world.now);
    let reply = |single: &Single| Reply::delegated(&world.d_a, world.now).single(single);
    let old = good()
        .this_update(world.now - 3 * 86_400)
        .next_update(world.now - 86_400);
    let other = Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_hold.serial, world.now);
    let cases = [
        (Staple::OutOfDate, Some(reply(&old).build())),
        (Staple::AnotherCertificate, Some(reply(&other).build())),
        (
            Staple::BadSignature,
            Some(reply(&good()).bad_signature().build()),
        ),
        (Staple::NoneThoughDemanded, None),
    ];
    let must = leaf(&site, &[0x77], &[5]);
    std::fs::write(root.join("must.pem"), must.pem() + &world.ca_a.pem()).unwrap();
    let mut servers = String::new();
    for (index, (_, staple)) in cases.iter().enumerate() {
        let certificate = if staple.is_some() { "www" } else { "must" };
        let stapling = staple.as_ref().map(|staple| {
            let file = root.join(format!("{index}.der"));
            std::fs::write(&file, staple).unwrap();
            format!("ssl_stapling on; ssl_stapling_file {};", file.display())
        });
        writeln!(
            servers,
            "server {{ listen 127.0.0.1:{port} ssl; server_name s{index}.stapled.test; \
             ssl_certificate {root}/{certificate}.pem; ssl_certificate_key {root}/www.key; {} return 200 hello; }}",
            stapling.unwrap_or_default(),
            port = site.port,
            root = root.display(),
        )
        .unwrap();
    }
    let _server = static_nginx(&site, &program, &servers);
    for (index, (staple, _)) in cases.iter().enumerate() {
        let door = Door {
            port: site.port,
            name: &format!("s{index}.stapled.test"),
            ca: &site.files.ca,
        };
        rows.push(Row {
            server: "nginx",
            staple: *staple,
            verdicts: clients.look(root, door),
        });
    }
    true
}

fn static_nginx(site: &Site, program: &Peer, servers: &str) -> Server {
    let root = site.path().display();
    let text = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;\n\
         uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;\n{servers} }}\n"
    );
    std::fs::write(site.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(&program.program);
    command.arg("-c").arg(site.path().join("nginx.conf"));
    command.arg("-p").arg(site.path()).args(["-e", "stderr"]);
    let server = Server::start(&mut command);
    site.wait_for_port(&server);
    server
}

/// A line of `clients.tsv`: what a client does where it should do something else, and why.
struct Exception {
    client: &'static str,
    staple: &'static str,
    verdict: &'static str,
    why: &'static str,
}

fn exceptions() -> Vec<Exception> {
    let lines = include_str!("clients.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [client, staple, verdict, why] = fields[..] else {
                panic!("clients.tsv: {line}");
            };
            Exception {
                client,
                staple,
                verdict,
                why,
            }
        })
        .collect()
}

/// The table, and below it the exceptions.
fn table(rows: &[Row]) -> String {
    let mut out = format!("| server | staple | {} |\n", Clients::NAMES.join(" | "));
    let _ = writeln!(out, "|---|---|{}", "---|".repeat(Clients::NAMES.len()));
    for row in rows {
        let cells: Vec<_> = row.verdicts.iter().map(ToString::to_string).collect();
        let (server, staple) = (row.server, row.staple.name());
        let _ = writeln!(out, "| {server} | {staple} | {} |", cells.join(" | "));
    }
    out.push('\n');
    let mut told = BTreeSet::new();
    for exception in exceptions() {
        if told.insert((exception.client, exception.why)) {
            let _ = writeln!(out, "* {}: {}", exception.client, exception.why);
        }
    }
    out
}

// covers: STAPLE-4
#[test]
fn clients_accept_what_the_agent_has_servers_staple_and_refuse_what_is_wrong() {
    let mut rows = Vec::new();
    let complete = delivered("nginx", nginx, |site| nginx_delivery(site, ""), &mut rows)
        && as_it_stands(&mut rows)
        && delivered(
            "haproxy",
            haproxy,
            |_| haproxy_delivery().to_owned(),
            &mut rows,
        );
    let exceptions = exceptions();
    let mut used = BTreeSet::new();
    let mut wrong = String::new();
    for row in &rows {
        for (client, verdict) in Clients::NAMES.into_iter().zip(&row.verdicts) {
            let excused = exceptions.iter().position(|it| {
                it.client == client
                    && it.staple == row.staple.name()
                    && it.verdict == verdict.to_string()
            });
            used.extend(excused);
            if excused.is_none() && !row.staple.is_right(verdict) {
                let (server, staple) = (row.server, row.staple.name());
                let _ = writeln!(wrong, "{server}, {staple}: {client} {verdict}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    if complete {
        assert_eq!(
            used.len(),
            exceptions.len(),
            "clients.tsv: lines that do not hold"
        );
        page::compare("clients", &table(&rows));
    }
}
