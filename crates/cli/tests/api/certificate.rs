//! One certificate at a time.

use certvouch_testkit::answer::CertStatus;
use serde_json::json as object;

use crate::support::{Site, is_revoked, json};

// covers: T-1
#[test]
fn next_answer_is_what_was_acknowledged_and_revoked_stays_revoked() {
    let mut site = Site::new();
    assert_eq!(site.status(&[0x10, 0x01]), CertStatus::Unknown);
    let (status, entry) = site.change("PUT", "1001", "{\"status\":\"issued\"}");
    assert_eq!(
        (status, entry["changed"].clone()),
        (201, true.into()),
        "{entry}"
    );
    assert_eq!(site.status(&[0x10, 0x01]), CertStatus::Good);
    let revoke = "{\"status\":\"revoked\",\"reason\":\"keyCompromise\"}";
    let (status, entry) = site.change("PUT", "00:10:01", revoke);
    assert_eq!((status, entry["serial"].clone()), (200, "1001".into()));
    assert!(is_revoked(site.status(&[0x10, 0x01])));
    let at = entry["revoked_at"].clone();
    // Said twice, it changes nothing.
    let (status, again) = site.change("PUT", "0x1001", revoke);
    assert_eq!((status, again["changed"].clone()), (200, false.into()));
    assert_eq!(
        (&again["revoked_at"], &again["change_id"]),
        (&at, &entry["change_id"])
    );
    for (method, body) in [
        ("PUT", "{\"status\":\"issued\"}"),
        ("PATCH", "{\"status\":\"issued\"}"),
        ("PUT", "{\"status\":\"hold\"}"),
    ] {
        let (status, problem) = site.change(method, "1001", body);
        assert_eq!(
            (status, problem["field"].clone()),
            (409, "status".into()),
            "{problem}"
        );
    }
    site.kill_and_start();
    assert!(is_revoked(site.status(&[0x10, 0x01])));
    let (status, _) = site.change("PATCH", "1001", "{\"status\":\"issued\",\"unrevoke\":true}");
    assert_eq!(
        (status, site.status(&[0x10, 0x01])),
        (200, CertStatus::Good)
    );
}

#[test]
fn hold_ends_by_patch_and_not_by_what_was_issued() {
    let site = Site::new();
    site.change("PUT", "1001", "{\"status\":\"hold\"}");
    assert!(is_revoked(site.status(&[0x10, 0x01])));
    let (status, problem) = site.change("PUT", "1001", "{\"status\":\"issued\"}");
    assert_eq!(status, 409, "{problem}");
    assert!(is_revoked(site.status(&[0x10, 0x01])));
    let (status, entry) = site.change("PATCH", "1001", "{\"status\":\"issued\"}");
    assert_eq!((status, entry["status"].clone()), (200, "issued".into()));
    assert_eq!(site.status(&[0x10, 0x01]), CertStatus::Good);
    let (status, _) = site.change("PATCH", "1002", "{\"status\":\"issued\"}");
    assert_eq!(status, 404);
}

#[test]
fn certificate_says_its_own_end_and_has_to_be_the_one_that_is_meant() {
    let site = Site::new();
    let good = &site.world.ee_good;
    let body = object!({"status": "issued", "certificate": good.pem()}).to_string();
    let serial = good.serial_hex();
    let (status, entry) = site.change("PUT", &serial, &body);
    assert_eq!(status, 201, "{entry}");
    assert_eq!(entry["certificate_sha256"].as_str().unwrap().len(), 64);
    assert!(entry["not_after"].is_string(), "{entry}");
    let (status, problem) = site.change("PUT", "1234", &body);
    assert_eq!(
        (status, problem["field"].clone()),
        (422, "certificate".into())
    );
    let got = json(&site.ask("GET", &format!("/v1/issuers/a/certificates/{serial}"), ""));
    assert_eq!(got["not_after"], entry["not_after"]);
}

#[test]
fn every_refusal_is_a_problem_that_names_its_field() {
    let site = Site::new();
    let long = "1".repeat(600);
    for (method, target, body, status, field) in [
        (
            "PUT",
            "/v1/issuers/a/certificates/xyz",
            "{\"status\":\"issued\"}",
            422,
            "serial",
        ),
        (
            "PUT",
            &*format!("/v1/issuers/a/certificates/{long}"),
            "{\"status\":\"issued\"}",
            422,
            "serial",
        ),
        ("PUT", "/v1/issuers/a/certificates/10", "{}", 422, "status"),
        (
            "PUT",
            "/v1/issuers/a/certificates/10",
            "{\"status\":\"lost\"}",
            422,
            "status",
        ),
        (
            "PUT",
            "/v1/issuers/a/certificates/10",
            "{\"status\":\"revoked\",\"revoked_at\":\"2126-01-01T00:00:00Z\"}",
            422,
            "revoked_at",
        ),
        (
            "PUT",
            "/v1/issuers/a/certificates/10",
            "{\"status\":\"revoked\",\"reason\":\"lost\"}",
            422,
            "reason",
        ),
        (
            "PUT",
            "/v1/issuers/nobody/certificates/10",
            "{\"status\":\"issued\"}",
            404,
            "issuer",
        ),
        ("GET", "/v1/issuers/a/certificates/10", "", 404, "serial"),
        (
            "GET",
            "/v1/issuers/a/certificates?limit=0",
            "",
            422,
            "limit",
        ),
        ("GET", "/v1/issuers/a/certificates?what=0", "", 422, "what"),
        ("GET", "/v1/changes?after=x", "", 422, "after"),
    ] {
        let response = site.ask(method, target, body);
        let problem = json(&response);
        assert_eq!(
            (response.status, problem["field"].as_str()),
            (status, Some(field)),
            "{target} {body}: {problem}"
        );
        assert_eq!(
            response.header("content-type"),
            Some("application/problem+json")
        );
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    let response = site.ask("PUT", "/v1/issuers/a/certificates/10", "{");
    assert_eq!(response.status, 400);
    let response = site.ask("PUT", "/v1/issuers/%FF/certificates/10", "{}");
    assert_eq!(response.status, 400);
    let body = format!(
        "{{\"status\":\"issued\",\"certificate\":\"{}\"}}",
        "A".repeat(300_000)
    );
    let response = site.ask("PUT", "/v1/issuers/a/certificates/10", &body);
    assert_eq!(response.status, 413);
    let fields = format!(
        "Authorization: Bearer {}\r\nContent-Type: text/xml\r\n",
        site.token
    );
    let response = site.raw("PUT", "/v1/issuers/a/certificates/10", &fields, b"<x/>");
    assert_eq!(response.status, 415);
    assert_eq!(
        site.ask("DELETE", "/v1/issuers/a/certificates/10", "")
            .status,
        405
    );
}

#[test]
fn search_goes_page_by_page() {
    let site = Site::new();
    for serial in ["0A", "0B01", "0B02", "0C"] {
        site.change("PUT", serial, "{\"status\":\"issued\"}");
    }
    site.change(
        "PUT",
        "0B02",
        "{\"status\":\"revoked\",\"revoked_at\":\"2026-01-01T00:00:00Z\"}",
    );
    let page = |query: &str| {
        let page = json(&site.ask("GET", &format!("/v1/issuers/a/certificates{query}"), ""));
        let all = page["certificates"]
            .as_array()
            .unwrap_or_else(|| panic!("{page}"));
        let serials: Vec<String> = all
            .iter()
            .map(|it| it["serial"].as_str().unwrap().to_owned())
            .collect();
        (serials, page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(
        page(""),
        (
            ["0A", "0B01", "0B02", "0C"].map(str::to_owned).to_vec(),
            None
        )
    );
    assert_eq!(page("?serial=0b").0, ["0B01", "0B02"]);
    assert_eq!(page("?status=revoked").0, ["0B02"]);
    assert_eq!(
        page("?revoked_from=2026-01-01T00:00:00Z&revoked_until=2026-01-02T00:00:00Z").0,
        ["0B02"]
    );
    assert!(page("?revoked_from=2026-01-02T00:00:00Z").0.is_empty());
    let (first, next) = page("?limit=3");
    assert_eq!((first.len(), next.as_deref()), (3, Some("0B02")));
    assert_eq!(page("?limit=3&after=0B02"), (vec!["0C".to_owned()], None));
}
