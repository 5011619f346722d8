//! The commands over the API.

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::peer::Outcome;
use certvouch_testkit::{peer, process::PATIENCE};

use crate::support::{Site, certvouch, is_revoked, run};

impl Site {
    fn command(&self, arguments: &[&str]) -> Outcome {
        self.command_with(arguments, b"")
    }

    fn command_with(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let admin = format!("http://{}", self.admin);
        let common = ["--issuer", "a", "--token-file", "token", "--admin", &admin];
        let all = [&arguments[..1], &common, &arguments[1..]].concat();
        peer::run(&mut certvouch(self.path(), &all), input, PATIENCE)
    }
}

#[test]
fn issue_hold_release_and_revoke() {
    let site = Site::new();
    let serial = [0x3D, 0x80, 0x0A];
    for (arguments, status) in [
        (&["issue", "3D800A"][..], "good"),
        (&["hold", "3d:80:0a"], "revoked"),
        (&["release", "0x3D800A"], "good"),
        (
            &[
                "revoke",
                "--decimal",
                "4030474",
                "--reason",
                "keyCompromise",
            ],
            "revoked",
        ),
    ] {
        let outcome = site.command(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.all());
        assert!(outcome.out().starts_with("3D800A "), "{}", outcome.out());
        let now = site.status(&serial);
        assert_eq!(
            now == CertStatus::Good,
            status == "good",
            "{arguments:?}: {now:?}"
        );
    }
    let outcome = site.command(&["status", "--decimal", "4030474"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert!(
        outcome.out().starts_with("3D800A revoked since "),
        "{}",
        outcome.out()
    );
    assert_eq!(site.command(&["status", "99"]).code, Some(2));
    let outcome = site.command(&["release", "3D800A"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert!(outcome.err().contains("revoked since"), "{}", outcome.err());
    let outcome = site.command(&["revoke", "--json", "77", "78"]);
    assert_eq!(outcome.out().lines().count(), 2, "{}", outcome.all());
    site.world.d_b.write_pem(&site.path().join("foreign.pem"));
    let outcome = site.command(&["issue", "--certificate", "foreign.pem"]);
    assert_eq!(outcome.code, Some(1), "another issuer's: {}", outcome.all());
    for arguments in [
        &["revoke"][..],
        &["revoke", "xyz"],
        &["revoke", "1", "--reason", "lost"],
    ] {
        assert_eq!(site.command(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn server_that_is_not_there_and_token_that_opens_nothing_are_named() {
    let site = Site::new();
    let nobody = [
        "revoke",
        "1",
        "--issuer",
        "a",
        "--token-file",
        "token",
        "--admin",
        "http://127.0.0.1:1",
    ];
    let outcome = run(site.path(), &nobody);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.err().contains("127.0.0.1:1"), "{}", outcome.err());
    std::fs::write(site.path().join("token"), "cvt_wrong").unwrap();
    let outcome = site.command(&["revoke", "1"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.err().contains("not known"), "{}", outcome.err());
}

#[test]
fn index_comes_in_and_goes_out_as_it_was() {
    let site = Site::new();
    let dry = site.command(&["import", "--dry-run", "index.txt"]);
    assert_eq!(dry.code, Some(0), "{}", dry.all());
    assert!(dry.out().contains("would be created"), "{}", dry.out());
    let good = &site.world.ee_good.serial;
    assert_eq!(site.status(good), CertStatus::Unknown);
    let outcome = site.command(&["import", "index.txt"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(site.status(good), CertStatus::Good);
    assert!(is_revoked(site.status(&site.world.ee_rev.serial)));
    let again = site.command(&["import", "index.txt", "--json"]);
    let sum: serde_json::Value = serde_json::from_str(&again.out()).unwrap();
    assert_eq!(
        (&sum["created"], &sum["refused"]),
        (&0.into(), &0.into()),
        "{sum}"
    );
    for kind in ["index", "csv", "jsonl"] {
        let written = site.command(&["export", "--to", kind]).out();
        let file = format!("again.{kind}");
        std::fs::write(site.path().join(&file), &written).unwrap();
        let again = site.command(&["import", "--json", "--from", kind, &file]);
        let sum: serde_json::Value =
            serde_json::from_str(&again.out()).unwrap_or_else(|_| panic!("{}", again.all()));
        assert!(sum["unchanged"].as_u64().unwrap() > 3, "{kind}: {sum}");
        assert_eq!(
            (&sum["created"], &sum["changed"], &sum["refused"]),
            (&0.into(), &0.into(), &0.into()),
            "{kind}: {sum}"
        );
    }
}

#[test]
fn bad_rows_are_named_and_the_rest_goes_on() {
    let site = Site::new();
    let text = b"serial,status\n1001,issued\nx,issued\n1002,lost\n1003,issued\n";
    let outcome = site.command_with(&["import", "--from", "csv", "-"], text);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert!(
        outcome
            .out()
            .starts_with("4 rows: 2 created, 0 changed, 0 as before, 2 refused"),
        "{}",
        outcome.all()
    );
    assert!(
        outcome.err().contains("row 3: serial") && outcome.err().contains("row 4: status"),
        "{}",
        outcome.err()
    );
    let outcome = site.command(&["import", "ca.key"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    let outcome = site.command(&["import", "--from", "index", "ca.pem"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
}

/// The lines of the README, with the ports of the test.
#[test]
fn readme_leads_from_nothing_to_a_revoked_answer() {
    let (Some(_), Some(_)) = (
        peer::require_or_skip("curl"),
        peer::require_or_skip("openssl"),
    ) else {
        return;
    };
    let site = Site::new();
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let section = readme
        .split("### I have my own CA software")
        .nth(1)
        .unwrap();
    let lines = section
        .split("```bash\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert_eq!(lines.matches("curl ").count(), 3, "{lines}");
    let script = lines
        .replace("curl ", "curl -sS --fail-with-body ")
        .replace("127.0.0.1:8081", &site.admin.to_string())
        .replace("127.0.0.1:8080", &site.public.to_string())
        .replace("/device-ca-1/", "/a/");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_certvouch"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-euc", &script])
        .current_dir(site.path())
        .env("PATH", path);
    let outcome = peer::run(&mut shell, b"", PATIENCE);
    assert!(outcome.success(), "{}", outcome.all());
    let said = outcome.all();
    for wanted in [
        "\"issued\"",
        "Response verify OK",
        "0x3D800A: revoked",
        "keyCompromise",
        "\"who\": \"ca\"",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}
