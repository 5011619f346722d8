//! `staple.toml`, files and programs, without a server.

use std::os::unix::fs::PermissionsExt;

use certvouch_testkit::clock::real_now;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::pki::from_pem;
use certvouch_testkit::reply::{Reply, Single};

use crate::support::{Site, run};

fn refused(site: &Site, text: &str) -> String {
    std::fs::write(site.path().join("staple.toml"), text).unwrap();
    let outcome = run(site.path(), &["staple", "once"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    outcome.err()
}

#[test]
fn fault_in_the_file_is_told_with_key_and_line() {
    let Some(site) = Site::new() else {
        return;
    };
    let head = "state = \"s\"\n[[target]]\nname = \"www\"\ncertificate = \"www.pem\"\n";
    for (tail, expected) in [
        (
            "on_revokd = \"omit\"\n",
            "staple.toml:5: unknown key in [target]: \"on_revokd\"; did you mean \"on_revoked\"?",
        ),
        ("on_revoked = \"hide\"\n", "staple.toml:5: "),
        (
            "on_revoked = \"hook\"\n",
            "staple.toml:5: target.on_revoked: ",
        ),
        (
            "responder = \"ftp://x/\"\n",
            "staple.toml:5: target.responder: no http or https URL",
        ),
        (
            "deliver = { kind = \"nginx\", file = \"x\" }\n",
            "staple.toml:5: target.deliver: kind `nginx` needs",
        ),
        ("deliver = { kind = \"exec\" }\n", "needs `command`"),
        (
            "cert_id = \"sha256\"\ndeliver = { kind = \"haproxy\", file = \"x\" }\n",
            "target.cert_id: HAProxy",
        ),
        (
            "staples = \"chain\"\ndeliver = { kind = \"haproxy\", file = \"x\" }\n",
            "target.deliver: nginx and HAProxy staple one response",
        ),
        (
            "staples = \"chain\"\ndeliver = { kind = \"file\", file = \"x\" }\n",
            "several responses: `format = \"pem\"`",
        ),
        (
            "deliver = { kind = \"exim\", file = \"x\", format = \"der\" }\n",
            "`format` belongs to the kinds",
        ),
        (
            "deliver = { kind = \"file\", file = \"x\", sokcet = \"y\" }\n",
            "did you mean \"socket\"?",
        ),
    ] {
        let said = refused(&site, &format!("{head}{tail}"));
        assert!(said.contains(expected), "{tail}: {said}");
    }
    assert!(refused(&site, "state = \"s\"\n").contains("no [[target]]"));
}

// covers: T-31
#[test]
fn configuration_with_programs_that_others_may_write_is_refused() {
    let Some(site) = Site::new() else {
        return;
    };
    let text = "state = \"s\"\n[[target]]\nname = \"www\"\ncertificate = \"www.pem\"\ndeliver = { kind = \"exec\", command = [\"cat\"] }\n";
    let path = site.path().join("staple.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
    let outcome = run(site.path(), &["staple", "once"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err().contains("chmod go-w"), "{}", outcome.err());
}

// covers: T-31
#[test]
fn nothing_is_delivered_into_a_folder_of_others_and_a_link_there_is_replaced_and_not_followed() {
    let Some(site) = Site::new() else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let open = site.path().join("open");
    std::fs::create_dir(&open).unwrap();
    for (file, layout) in [("open/a.der", "plain"), ("open/b.der", "secret")] {
        let deliver = format!("{{ kind = \"file\", file = \"{file}\", layout = \"{layout}\" }}");
        site.configure(address, "", &deliver);
        for mode in [0o777, 0o775, 0o1777] {
            std::fs::set_permissions(&open, PermissionsExt::from_mode(mode)).unwrap();
            let outcome = site.once();
            assert_eq!(outcome.code, Some(1), "{}", outcome.all());
            let said = outcome.all();
            assert!(said.contains("others could put a link there"), "{said}");
            assert_eq!(std::fs::read_dir(&open).unwrap().count(), 0, "{file}");
        }
    }
    // What a link in a folder of one's own leads to is not written to.
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
    let precious = site.path().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, open.join("a.der")).unwrap();
    site.configure(address, "", "{ kind = \"file\", file = \"open/a.der\" }");
    let outcome = site.once();
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
    let delivered = std::fs::symlink_metadata(open.join("a.der")).unwrap();
    assert!(delivered.is_file());
}

/// A hold that was fetched, and an agent that is killed before it takes the good staple back: the next one knows it from the
/// disk, and does not wait for somebody to say it again.
#[test]
fn revocation_that_the_store_holds_takes_back_what_a_former_agent_left() {
    let Some(site) = Site::new() else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let omit = "on_revoked = \"omit\"";
    site.configure(address, omit, "{ kind = \"file\", file = \"a.der\" }");
    let outcome = site.once();
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let good = std::fs::read(site.path().join("a.der")).unwrap();
    // The good one goes out of the store, so that the responder is asked; the revocation comes into it.
    site.revoke();
    let began = std::time::Instant::now();
    while site.path().join("a.der").exists() {
        assert!(began.elapsed() < certvouch_testkit::process::PATIENCE);
        std::fs::remove_dir_all(site.path().join("state")).unwrap();
        let _ = site.once();
    }
    // As if it had been killed right after the store had it.
    std::fs::write(site.path().join("a.der"), good).unwrap();
    let dead = Misbehaving::start(|_| Act::Raw(Vec::new()));
    site.configure(
        dead.address(),
        omit,
        "{ kind = \"file\", file = \"a.der\" }",
    );
    let _agent = site.agent();
    crate::support::eventually("taken back", || !site.path().join("a.der").exists());
}

#[test]
fn file_secret_and_program_get_the_same_staple() {
    let Some(site) = Site::new() else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    std::fs::create_dir(site.path().join("secret")).unwrap();
    let deliver = "[\n\
        { kind = \"file\", file = \"a.der\" },\n\
        { kind = \"file\", file = \"a.pem\", format = \"pem\" },\n\
        { kind = \"file\", file = \"secret/tls.ocsp-staple\", layout = \"secret\" },\n\
        { kind = \"exec\", command = [\"sh\", \"-c\", \"cat > exec.der; echo $CERTVOUCH_TARGET $CERTVOUCH_STATUS $CERTVOUCH_EVENT > exec.txt\"] },\n]";
    site.configure(address, "", deliver);
    let outcome = site.once();
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let read = |name: &str| std::fs::read(site.path().join(name)).unwrap();
    let der = read("a.der");
    let pem = String::from_utf8(read("a.pem")).unwrap();
    assert_eq!(from_pem("OCSP RESPONSE", &pem), Some(der.clone()));
    assert_eq!(read("secret/tls.ocsp-staple"), der);
    let link = std::fs::read_link(site.path().join("secret/tls.ocsp-staple")).unwrap();
    assert_eq!(link.to_str(), Some("..data/tls.ocsp-staple"));
    assert_eq!(read("exec.der"), der);
    assert_eq!(read("exec.txt"), b"www good deliver\n");
    let status = run(site.path(), &["staple", "status", "--json"]);
    assert_eq!(status.code, Some(0), "{}", status.all());
    let report: serde_json::Value = serde_json::from_str(&status.out()).unwrap();
    assert_eq!(report["targets"][0]["standing"], "good");
    assert_eq!(report["targets"][0]["successes"], 1);
    let table = run(site.path(), &["staple", "status"]).out();
    assert!(table.contains("www") && table.contains("good"), "{table}");
    // Again at once: nothing is asked, nothing is touched.
    let stamp = || {
        std::fs::metadata(site.path().join("a.der"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = stamp();
    assert_eq!(site.once().code, Some(0));
    assert_eq!(stamp(), before);
    assert_eq!(site.report().unwrap()["targets"][0]["origin"], "store");
}

#[test]
fn health_and_metrics_are_told_on_loopback() {
    let Some(site) = Site::new() else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    site.configure(address, "", "{ kind = \"file\", file = \"a.der\" }");
    let path = site.path().join("staple.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("listen = \"127.0.0.1:0\"\n{text}")).unwrap();
    let agent = certvouch_testkit::process::Server::start(&mut crate::support::certvouch(
        site.path(),
        &["staple", "run"],
    ));
    let port = agent.listening_address();
    crate::support::eventually("ready", || {
        certvouch_testkit::http::get(port, "/ready").status == 200
    });
    let page = certvouch_testkit::http::get(port, "/metrics");
    let page = String::from_utf8(page.body).unwrap();
    let left: i64 = page
        .lines()
        .find_map(|line| line.strip_prefix("certvouch_staple_seconds_to_expiry{target=\"www\"} "))
        .unwrap()
        .parse()
        .unwrap();
    assert!((3_000..=3_600).contains(&left), "{page}");
    let health = certvouch_testkit::http::get(port, "/health");
    assert_eq!(health.status, 200, "{health:?}");
}

/// The state of an agent may be lost, and the responder with it: the file that a former one left is as valid as ever, until
/// it is not.
#[test]
fn staple_that_a_former_agent_left_outlives_failures_and_goes_at_its_end() {
    let Some(site) = Site::new() else {
        return;
    };
    let end = real_now() + 12;
    let single = Single::about(&site.world.ca_a, &site.world.ee_good.serial, site.world.now)
        .next_update(end);
    let answer = Reply::delegated(&site.world.d_a, site.world.now)
        .single(&single)
        .build();
    for (file, format) in [("a.der", ""), ("a.pem", ", format = \"pem\"")] {
        let responder = Misbehaving::start({
            let answer = answer.clone();
            move |_| Act::Ocsp(answer.clone())
        });
        let deliver = format!("{{ kind = \"file\", file = \"{file}\", margin = \"1s\"{format} }}");
        site.configure(responder.address(), "", &deliver);
        let outcome = site.once();
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        std::fs::remove_dir_all(site.path().join("state")).unwrap();
    }
    // Nobody answers any more.
    let dead = Misbehaving::start(|_| Act::Http(500, Vec::new(), Vec::new()));
    let deliver = "[{ kind = \"file\", file = \"a.der\", margin = \"1s\" }, { kind = \"file\", file = \"a.pem\", margin = \"1s\", format = \"pem\" }]";
    site.configure(dead.address(), "", deliver);
    let _agent = site.agent();
    let target = || site.report().map(|it| it["targets"][0].clone());
    crate::support::eventually("a failure", || {
        target().is_some_and(|it| it["failures"].as_u64() > Some(0))
    });
    for file in ["a.der", "a.pem"] {
        assert!(site.path().join(file).exists(), "{file}: {:?}", target());
    }
    assert_eq!(target().unwrap()["deliveries"][0]["state"], "kept");
    assert!(real_now() < end, "too slow to tell");
    crate::support::sleep_until(end);
    for file in ["a.der", "a.pem"] {
        assert!(!site.path().join(file).exists(), "{file}: {:?}", target());
    }
}

#[test]
fn issuer_that_is_missing_is_named() {
    let Some(site) = Site::new() else {
        return;
    };
    let said = refused(
        &site,
        "state = \"s\"\n[[target]]\nname = \"www\"\ncertificate = \"ee-good.pem\"\n",
    );
    assert!(
        said.contains("the issuer's certificate is missing"),
        "{said}"
    );
}
