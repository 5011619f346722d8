//! The responder that does everything wrong: each behaviour ends in its verdict, and in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use certvouch_testkit::misbehave::{Misbehaving, table};

use crate::desk::Desk;

/// What `--timeout` says here, in milliseconds.
const TIMEOUT: u64 = 1_500;
/// What a process needs besides, on a machine that does other things too.
const SLACK: Duration = Duration::from_secs(8);

/// The exit code of a behaviour, and the reason.
fn expected(name: &str) -> (i32, &'static str) {
    match name {
        "good" => (0, ""),
        "hangs" | "half a body, then hangs" | "an octet every second" => (8, "timeout"),
        "half a body, then closes" | "closes without a word" => (8, "http"),
        "HTTP 500" => (8, "http-status"),
        "HTML with 200" => (8, "html"),
        "HTML as an OCSP response" => (6, "malformed"),
        "10 MB" => (8, "body-too-large"),
        "redirect to a forbidden address" => (8, "address-refused"),
        "redirect loop" => (8, "too-many-redirects"),
        "expired" => (4, "expired"),
        "skewed clock" => (4, "not-yet-valid"),
        "wrong certificate" => (5, "wrong-certificate"),
        "another CA's signer" => (5, "signer-not-issued-by-ca"),
        "bad signature" => (5, "bad-signature"),
        "wrong nonce" => (5, "nonce-mismatch"),
        "no nonce" => (5, "nonce-missing"),
        "malformedRequest" => (7, "malformed-request"),
        "internalError" => (7, "internal-error"),
        "tryLater" => (7, "try-later"),
        "sigRequired" => (7, "sig-required"),
        "unauthorized" => (7, "unauthorized"),
        other => panic!("{other} has no verdict"),
    }
}

// covers: T-24
#[test]
fn every_misbehaviour_ends_in_its_verdict_and_in_time() {
    let desk = Desk::new();
    let mut said = String::new();
    let mut lines = Vec::new();
    for behaviour in table(&desk.world) {
        let name = behaviour.name;
        let server = Misbehaving::serve(Arc::clone(&behaviour.handler));
        let (url, time) = (server.url(), format!("{TIMEOUT}ms"));
        let mut words = vec![
            "ee.pem",
            "--issuer",
            "ca.pem",
            "--url",
            &url,
            "--timeout",
            &time,
        ];
        if name.ends_with(" nonce") {
            words.extend(["--nonce", "require"]);
        }
        let began = Instant::now();
        let text = desk.check(&words);
        let took = began.elapsed();
        let json = desk.judged(&words);
        let (code, reason) = expected(name);
        assert_eq!(text.code, Some(code), "{name}: {}", text.out());
        assert_eq!(json.json["reason"].as_str().unwrap_or(""), reason, "{name}");
        // Not a measurement: a client that waits for a server that hangs would wait for ever.
        assert!(
            took < Duration::from_millis(TIMEOUT) + SLACK,
            "{name}: {took:?}"
        );
        let ms = json.json["ms"].as_u64().unwrap();
        assert!(ms < TIMEOUT + 1_000, "{name}: {ms} ms");
        lines.push(json.line.clone());
        said += &format!("| {name} | {code} | {reason} | {ms} |\n");
    }
    println!("{said}");
    // docs/symptoms.md has a table of first lines; each of them is said here.
    let page = include_str!("../../../../docs/symptoms.md");
    let (_, part) = page.split_once("\n## What certvouch check says\n").unwrap();
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(told.len() > 10, "{told:?}");
    for text in told {
        assert!(
            lines.iter().any(|line| line.contains(text)),
            "{text}: {lines:#?}"
        );
    }
}
