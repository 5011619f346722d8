//! Who may do what, and what becomes of those who may not.

use std::time::{Duration, Instant};

use crate::support::{Site, json};

const PLACE: &str = "/v1/issuers/a/certificates/1001";

// covers: T-33
#[test]
fn token_does_what_its_scope_says_and_nothing_else() {
    let site = Site::new();
    let issued = "{\"status\":\"issued\"}";
    let revoked = "{\"status\":\"revoked\"}";
    let read = site.new_token("read", "read", &[]);
    let issue = site.new_token("issue", "issue", &[]);
    let revoke = site.new_token("revoke", "revoke", &[]);
    for (token, method, body, status) in [
        (&read, "PUT", issued, 403),
        (&revoke, "PUT", issued, 403),
        (&issue, "PUT", revoked, 403),
        (&issue, "PUT", issued, 201),
        (&issue, "GET", "", 403),
        (&read, "GET", "", 200),
        (&issue, "PATCH", issued, 403),
        (&revoke, "PUT", revoked, 200),
        (
            &revoke,
            "PATCH",
            "{\"status\":\"issued\",\"unrevoke\":true}",
            403,
        ),
    ] {
        let response = site.ask_as(token, method, PLACE, body);
        assert_eq!(
            response.status,
            status,
            "{method} {body}: {}",
            json(&response)
        );
    }
    let lines = crate::support::lines(&site.ask_as(
        &issue,
        "POST",
        "/v1/issuers/a/certificates",
        "{\"serial\":\"2001\",\"status\":\"issued\"}\n{\"serial\":\"2002\",\"status\":\"revoked\"}\n",
    ));
    assert_eq!(
        (&lines[0]["result"], &lines[1]["error"]["status"]),
        (&"created".into(), &403.into())
    );
}

// covers: T-33
#[test]
fn everybody_else_is_refused_and_it_is_written_down() {
    let site = Site::new();
    let foreign = format!(
        "Authorization: Bearer {}\r\nOrigin: http://evil.example\r\n",
        site.token
    );
    assert_eq!(site.raw("PUT", PLACE, &foreign, b"{}").status, 403);
    for (token, status) in [("cvt_forged", 401), ("", 401)] {
        assert_eq!(site.ask_as(token, "GET", PLACE, "").status, status);
    }
    let short = site.new_token("short", "read", &["--expires", "1s"]);
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(site.ask_as(&short, "GET", PLACE, "").status, 401);
    let gone = site.new_token("gone", "read", &[]);
    assert_eq!(site.ask_as(&gone, "GET", PLACE, "").status, 404);
    let outcome = crate::support::run(
        site.path(),
        &[
            "token",
            "revoke",
            "--config",
            "certvouch.toml",
            "--name",
            "gone",
        ],
    );
    assert!(outcome.success(), "{outcome:?}");
    assert_eq!(site.ask_as(&gone, "GET", PLACE, "").status, 401);
    let issue = site.new_token("issuer-only", "issue", &[]);
    assert_eq!(site.ask_as(&issue, "GET", PLACE, "").status, 403);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let log = json(&site.ask("GET", "/v1/changes?limit=1000", "")).to_string();
        let wanted = [
            "no token (Authorization)",
            "refused (Origin)",
            "for the token issuer-only",
            "in force: short: read",
        ];
        if wanted.iter().all(|it| log.contains(it)) {
            assert!(
                !log.contains(&gone) && !log.contains(&site.token),
                "a token is in the log"
            );
            break;
        }
        assert!(Instant::now() < until, "{log}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
