//! Each kind of staple in a real nginx: what the doctor finds, and whether GnuTLS, curl and OpenSSL do what it says of them.

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage};
use certvouch_testkit::reply::{Reply, Single, Status, error};

use super::house::{Case, DAY, Said, Trait, doctor, leaf, nginx, reply, single};
use crate::servers::haproxy;
use crate::support::Site;

/// A case, and what is found, as `severity check`.
struct Row {
    case: Case,
    found: &'static [&'static str],
}

/// The rows whose certificate is like any other, with the staple made from its good entry.
fn row(
    site: &Site,
    name: &'static str,
    found: &'static [&'static str],
    make: impl FnOnce(&Cert, Single) -> Vec<u8>,
) -> Row {
    let leaf = leaf(site, name, &[0x71], &[Trait::Responder]);
    let staple = make(&leaf, single(site, &leaf));
    let staple = Some(staple);
    Row {
        case: Case { name, leaf, staple },
        found,
    }
}

/// A delegate without nocheck.
fn careless_delegate(site: &Site) -> Cert {
    let now = site.world.now;
    CertBuilder::new(&[("CN", "careless")], &Key::cached(KeyAlg::P256, "d-a"))
        .serial(&[0x55])
        .validity(now - DAY, now + DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .issued_by(&site.world.ca_a)
}

fn by_status(site: &Site) -> Vec<Row> {
    let (world, now) = (&site.world, site.world.now);
    vec![
        row(site, "good.test", &[], |_, single| {
            reply(site, &single).build()
        }),
        row(
            site,
            "revoked.test",
            &["error status", "info server-takes-it"],
            |_, single| reply(site, &single.status(Status::Revoked(now - 60, Some(1)))).build(),
        ),
        row(site, "unknown.test", &["error status"], |_, single| {
            reply(site, &single.status(Status::Unknown)).build()
        }),
        row(
            site,
            "both.test",
            &["error status", "info one-entry", "info server-takes-it"],
            |_, single| {
                let revoked = single.clone().status(Status::Revoked(now - 60, None));
                reply(site, &single).single(&revoked).build()
            },
        ),
        row(
            site,
            "other.test",
            &["error staple-about-certificate"],
            |_, _| {
                let other = Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_rev.serial, now);
                reply(site, &other.status(Status::Revoked(now - 60, Some(1)))).build()
            },
        ),
        row(site, "error.test", &["error staple-is-response"], |_, _| {
            error(3)
        }),
    ]
}

fn by_time(site: &Site) -> Vec<Row> {
    let now = site.world.now;
    // From and to, in seconds from now.
    let timed = |name, found, from: i64, to: i64| {
        row(site, name, found, |_, single| {
            let single = single.this_update(now + from).next_update(now + to);
            let produced = now + from.min(0);
            Reply::delegated(&site.world.d_a, produced)
                .single(&single)
                .build()
        })
    };
    let in_date = &["error staple-in-date"];
    vec![
        // curl has five minutes of patience, GnuTLS and the doctor have none.
        timed("just-over.test", in_date, -4 * DAY, -60),
        timed("expired.test", in_date, -4 * DAY, -7_200),
        timed("ahead.test", &["warning staple-in-date"], 200, DAY),
        timed("far.test", in_date, 7_200, DAY),
        timed("half.test", &["info staple-refreshed"], -6 * DAY, 4 * DAY),
        timed(
            "late.test",
            &["warning staple-refreshed"],
            -8 * DAY,
            2 * DAY,
        ),
        row(
            site,
            "endless.test",
            &["warning staple-in-date", "info server-takes-it"],
            |_, single| reply(site, &single.no_next_update()).build(),
        ),
    ]
}

fn by_trust(site: &Site) -> Vec<Row> {
    let (world, now) = (&site.world, site.world.now);
    let careless = careless_delegate(site);
    vec![
        row(
            site,
            "broken.test",
            &["error staple-signature"],
            |_, single| reply(site, &single).bad_signature().build(),
        ),
        row(
            site,
            "stranger.test",
            &["error staple-signer"],
            |_, single| Reply::delegated(&world.d_b, now).single(&single).build(),
        ),
        row(
            site,
            "careless.test",
            &["warning staple-signer", "info staple-in-date"],
            |_, single| Reply::delegated(&careless, now).single(&single).build(),
        ),
        row(
            site,
            "sha256.test",
            &["warning cert-id-hash", "info server-takes-it"],
            |leaf, _| reply(site, &Single::about(&world.ca_a, &leaf.serial, now)).build(),
        ),
        row(
            site,
            "two.test",
            &["info one-entry", "info server-takes-it"],
            |_, single| {
                let other = Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial, now);
                reply(site, &single).single(&other).build()
            },
        ),
    ]
}

fn by_certificate(site: &Site) -> Vec<Row> {
    use Trait::{MustStaple, Responder};
    let row = |name, traits: &[Trait], found| {
        let leaf = leaf(site, name, &[0x72], traits);
        let staple = None;
        Row {
            case: Case { name, leaf, staple },
            found,
        }
    };
    let mut must = row("must-good.test", &[Responder, MustStaple], &[]);
    must.case.staple = Some(reply(site, &single(site, &must.case.leaf)).build());
    let mut error = row(
        "must-error.test",
        &[Responder, MustStaple],
        &["error must-staple", "error staple-is-response"],
    );
    error.case.staple = Some(certvouch_testkit::reply::error(3));
    let mut by_hand = row("by-hand.test", &[], &["info responder-named"]);
    by_hand.case.staple = Some(reply(site, &single(site, &by_hand.case.leaf)).build());
    vec![
        row("bare.test", &[Responder], &["warning staple-sent"]),
        row("no-ocsp.test", &[], &["info responder-named"]),
        row(
            "must-bare.test",
            &[Responder, MustStaple],
            &["warning staple-sent", "error must-staple"],
        ),
        row(
            "must-no-ocsp.test",
            &[MustStaple],
            &["error responder-named", "error must-staple"],
        ),
        must,
        error,
        by_hand,
    ]
}

// covers: STAPLE-5
#[test]
fn each_staple_of_nginx_is_named_and_clients_do_what_is_said_of_them() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let clients = ["gnutls-cli", "curl"].map(peer::require_or_skip);
    let rows = [
        by_time(&site),
        by_status(&site),
        by_trust(&site),
        by_certificate(&site),
    ]
    .concat_rows();
    let (cases, expected): (Vec<Case>, Vec<_>) =
        rows.into_iter().map(|row| (row.case, row.found)).unzip();
    let _server = nginx(&site, &program, &cases);
    let target = format!("127.0.0.1:{}", site.port);
    let mut wrong = Vec::new();
    for (case, expected) in cases.iter().zip(expected) {
        // Whether another staple comes is not at issue here.
        let said = doctor(&site, &target, &["--name", case.name, "--handshakes", "1"]);
        let text = said.outcome.all();
        assert_eq!(said.found(), expected, "{}: {text}", case.name);
        if let [Some(gnutls), Some(curl)] = &clients {
            wrong.extend(differences(&site, case, &said, gnutls, curl));
        }
        details(case, &said);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is said of some cases beyond the check.
fn details(case: &Case, said: &Said) {
    let text = said.outcome.out();
    let has = |part: &str| assert!(text.contains(part), "{}: no {part:?} in {text}", case.name);
    match case.name {
        "good.test" => {
            has("CLEAN (nothing found)");
            assert_eq!(said.json["staple"]["verified"]["status"], "GOOD");
        }
        "other.test" => {
            let seen = said.of("staple-about-certificate", "seen");
            let theirs = "the staple is about serial c1d2e3f405162738495a6b7c8d9eafb0";
            assert!(seen.to_lowercase().starts_with(theirs), "{seen}");
            assert!(said.json["staple"]["verified"].is_null(), "{text}");
        }
        "expired.test" => {
            has("expired 2 h ago");
            // What it says is told all the same.
            assert_eq!(said.of("status", "seen"), "good");
        }
        "error.test" => has("tryLater"),
        "just-over.test" => {
            assert_eq!(said.reaction("GnuTLS"), "refuses", "{text}");
            assert_eq!(said.reaction("curl --cert-status"), "accepts", "{text}");
            assert_eq!(said.reaction("Java (PKIX)"), "accepts", "{text}");
            assert_eq!(said.reaction("Chromium (BoringSSL)"), "refuses", "{text}");
        }
        "no-ocsp.test" => {
            has("turn stapling off: your CA has no OCSP");
            has("CLEAN (1 info)");
        }
        "must-no-ocsp.test" => has("names no OCSP responder, and demands a staple"),
        "sha256.test" => has("dropped by haproxy (its CertID uses SHA-256)"),
        "half.test" => has("past its half life"),
        "late.test" => has("the refresh is late"),
        _ => {}
    }
}

/// Whether a client did what was said of it.
fn agrees(accepts: bool, reaction: &str) -> bool {
    match reaction {
        "accepts" => accepts,
        "refuses" => !accepts,
        other => other == "depends",
    }
}

/// Where the clients that are here do something else than the lines about them say.
fn differences(site: &Site, case: &Case, said: &Said, gnutls: &Peer, curl: &Peer) -> Vec<String> {
    let (port, ca) = (site.port.to_string(), site.files.ca.to_string_lossy());
    let name = case.name;
    let by_gnutls = gnutls.run(&[
        "--x509cafile",
        &ca,
        "--sni-hostname",
        name,
        "--verify-hostname",
        name,
        "--port",
        &port,
        "127.0.0.1",
    ]);
    let trusted = by_gnutls
        .all()
        .contains("Status: The certificate is trusted.");
    let address = format!("{name}:{port}:127.0.0.1");
    let url = format!("https://{name}:{port}/");
    let by_curl = curl.run(&[
        "-sS",
        "--cert-status",
        "--cacert",
        &ca,
        "--resolve",
        &address,
        &url,
    ]);
    let mut all = Vec::new();
    for (client, accepts, seen) in [
        ("GnuTLS", trusted, &by_gnutls),
        ("curl --cert-status", by_curl.success(), &by_curl),
    ] {
        let reaction = said.reaction(client);
        if !agrees(accepts, reaction) {
            all.push(format!(
                "{client}, {name}: {reaction}, and it says {}",
                seen.all()
            ));
        }
    }
    all
}

/// All rows in one list.
trait ConcatRows {
    fn concat_rows(self) -> Vec<Row>;
}

impl<const N: usize> ConcatRows for [Vec<Row>; N] {
    fn concat_rows(self) -> Vec<Row> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn threshold_decides_the_exit_code_and_the_server_its_demands() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let rows = by_trust(&site).into_iter().chain(by_certificate(&site));
    let cases: Vec<Case> = rows.map(|row| row.case).collect();
    let _server = nginx(&site, &program, &cases);
    let target = format!("127.0.0.1:{}", site.port);
    let look = |name: &str, more: &[&str]| {
        let words = [&["--name", name, "--handshakes", "1"], more].concat();
        doctor(&site, &target, &words)
    };
    let code = |name, more: &[&str]| look(name, more).outcome.code;
    // A warning and an info.
    assert_eq!(code("sha256.test", &[]), Some(1));
    assert_eq!(code("sha256.test", &["--fail-on", "error"]), Some(0));
    assert_eq!(code("two.test", &[]), Some(0));
    assert_eq!(code("two.test", &["--fail-on", "info"]), Some(1));
    // The demands of one server, as errors.
    assert_eq!(
        code(
            "sha256.test",
            &["--fail-on", "error", "--server", "haproxy"]
        ),
        Some(1)
    );
    assert_eq!(
        code("sha256.test", &["--fail-on", "error", "--server", "nginx"]),
        Some(0)
    );
    assert_eq!(code("two.test", &["--server", "envoy"]), Some(1));
    let said = look("two.test", &["--server", "haproxy"]);
    assert_eq!(
        said.of("server-takes-it", "seen"),
        "haproxy drops it: it has 2 entries"
    );
    // Advice in its words.
    let said = look("no-ocsp.test", &["--server", "nginx"]);
    assert!(
        said.of("responder-named", "advice")
            .contains("`ssl_stapling off;`")
    );
    let said = look("bare.test", &["--server", "nginx"]);
    assert!(
        said.of("staple-sent", "advice")
            .contains("ssl_trusted_certificate")
    );
}

#[test]
fn haproxy_that_drops_a_staple_is_told_why() {
    let Some((site, program)) = Site::with("haproxy") else {
        return;
    };
    let made = leaf(&site, "proxy.test", &[0x71], &[Trait::Responder]);
    let chain = made.pem() + &site.world.ca_a.pem();
    std::fs::write(site.path().join("www.pem"), chain).unwrap();
    made.write_key_pem(&site.path().join("www.key"));
    let target = format!("127.0.0.1:{}", site.port);
    let look = |single: &Single| {
        let staple = reply(&site, single).build();
        std::fs::write(site.path().join("site.pem.ocsp"), staple).unwrap();
        let _server = haproxy(&site, &program);
        doctor(
            &site,
            &target,
            &["--server", "haproxy", "--handshakes", "1"],
        )
    };
    // It starts all the same, and staples nothing.
    let said = look(&Single::about(
        &site.world.ca_a,
        &made.serial,
        site.world.now,
    ));
    assert_eq!(said.found(), ["warning staple-sent"]);
    assert!(
        said.of("staple-sent", "advice")
            .contains("unless it has a SHA-1 CertID"),
        "{}",
        said.outcome.all()
    );
    let said = look(&single(&site, &made));
    assert_eq!(said.found(), [""; 0], "{}", said.outcome.all());
    assert_eq!(said.of("server-takes-it", "seen"), "haproxy takes it");
}

#[test]
fn another_time_than_the_clock_s_is_judged_by() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let cases: Vec<Case> = by_status(&site)
        .into_iter()
        .map(|row| row.case)
        .filter(|case| case.name == "good.test")
        .collect();
    let _server = nginx(&site, &program, &cases);
    let target = format!("127.0.0.1:{}", site.port);
    let at = |seconds: i64| {
        let time = certvouch_types::Timestamp::from_unix(site.world.now + seconds).to_string();
        let words = ["--name", "good.test", "--handshakes", "1", "--at", &time];
        doctor(&site, &target, &words).found()
    };
    assert_eq!(at(60), [""; 0]);
    // The certificate has three weeks, the staple four days.
    assert_eq!(at(3 * DAY), ["warning staple-refreshed"]);
    assert_eq!(at(5 * DAY), ["error staple-in-date"]);
    assert_eq!(
        at(30 * DAY),
        ["error certificate-dates", "error staple-in-date"]
    );
    assert_eq!(
        at(-2 * DAY),
        ["error certificate-dates", "error staple-in-date"]
    );
}
