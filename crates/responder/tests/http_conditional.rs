//! HEAD and conditional requests (requirements §3.3, E-12, E-13).

mod support;

use certvouch_responder::Knowledge;
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{Ask, GetForm, HashAlg, get_segment, q1, q256};
use support::{Fixture, err, t0};

/// A question about EE-good by POST, and as a target.
fn question(fixture: &Fixture) -> (Vec<u8>, String) {
    let request = q256(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let target = format!("/{}", get_segment(&request, GetForm::Strict));
    (request, target)
}

// covers: E-12, R9110-9.1-1
#[test]
fn head_has_the_header_fields_of_get_and_no_body() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let (_, definitive) = question(&fixture);
    let nonced = Ask::for_serial(
        HashAlg::Sha1,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    );
    let nonced = nonced.nonce(&[7; 32]).build();
    let nonced = format!("/{}", get_segment(&nonced, GetForm::Strict));
    let foreign = q1(&fixture.world.ca_b, &[1]);
    let foreign = format!("/{}", get_segment(&foreign, GetForm::Strict));
    for target in [&definitive, &nonced, &foreign, "/", "/MGE!", "/?x"] {
        let (got, head) = (service.get(target), service.call("HEAD", target, &[], &[]));
        assert_eq!(head.status, got.status, "{target}");
        // P-256 signatures differ in length, so for a nonce only the length may differ.
        let mut expected = got.headers.clone();
        if *target == nonced {
            let length = head.header("content-length").expect("Content-Length");
            assert!(length.parse::<usize>().expect("a number") > 200);
            expected.insert("content-length", head.headers["content-length"].clone());
        } else {
            let length = got.body.len().to_string();
            assert_eq!(head.header("content-length"), Some(&length[..]));
        }
        assert_eq!(head.headers, expected, "{target}");
        assert!(head.body.is_empty(), "{target}");
        assert!(!got.body.is_empty(), "{target}");
    }
}

// covers: E-13, R9110-13.1.2-1, R9110-15.4.5-1
#[test]
fn if_none_match_that_names_the_octets_gives_not_modified() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let (_, target) = question(&fixture);
    let full = service.get(&target);
    let etag = full.header("etag").expect("ETag").to_owned();
    let list: String = (0..31).map(|n| format!("\"{n}\", ")).collect();
    let matching: Vec<Vec<String>> = vec![
        vec![etag.clone()],
        vec![format!("W/{etag}")],
        vec![format!("\"x\", {etag}")],
        vec![format!("\"x\",{etag},\"y\"")],
        vec![format!("  {etag}  ,")],
        vec![format!("W/\"x\" , W/{etag}")],
        vec!["*".to_owned()],
        vec!["\"x\"".to_owned(), etag.clone()],
        vec![format!("{list}{etag}")],
    ];
    for values in matching {
        let headers: Vec<(&str, &str)> = values
            .iter()
            .map(|value| ("if-none-match", value.as_str()))
            .collect();
        for method in ["GET", "HEAD"] {
            let reaction = service.call(method, &target, &headers, &[]);
            assert_eq!(reaction.status, 304, "{method} {values:?}");
            assert!(reaction.body.is_empty());
            for name in ["date", "etag", "cache-control", "expires"] {
                assert_eq!(reaction.header(name), full.header(name), "{name}");
                assert!(reaction.header(name).is_some(), "{name}");
            }
            assert_eq!(reaction.header("content-type"), None);
            let control = reaction.header("cache-control").expect("Cache-Control");
            assert!(!control.contains("no-store") && !control.contains("no-cache"));
        }
    }
}

// covers: E-13, R9110-13.1.2-1
#[test]
fn if_none_match_that_names_other_octets_gives_the_whole_answer() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let (request, target) = question(&fixture);
    let full = service.get(&target);
    let etag = full.header("etag").expect("ETag").to_owned();
    let bare = etag.trim_matches('"').to_owned();
    for value in [
        "\"x\"".to_owned(),
        String::new(),
        ",".to_owned(),
        bare.clone(),
        format!("\"{}\"", bare.to_uppercase()),
        format!("w/{etag}"),
        format!("\"{}\"", &bare[1..]),
        "\"*\"".to_owned(),
        // A list longer than anybody's is not read to its end.
        format!("{}{etag}", "\"x\", ".repeat(32)),
    ] {
        let headers = [("if-none-match", value.as_str())];
        let reaction = service.call("GET", &target, &headers, &[]);
        assert_eq!(
            (reaction.status.as_u16(), &reaction.body),
            (200, &full.body),
            "{value}"
        );
    }
    // The method must be GET or HEAD, and the answer definitive.
    let reaction = service.call("POST", "/", &[("if-none-match", "*")], &request);
    assert_eq!(
        (reaction.status.as_u16(), &reaction.body),
        (200, &full.body)
    );
    let reaction = service.call("GET", "/", &[("if-none-match", "*")], &[]);
    assert_eq!(
        (reaction.status.as_u16(), &reaction.body[..]),
        (200, &err(1)[..])
    );
}

// covers: R9110-13.1.2-1, E-13
#[test]
fn answer_that_changed_is_sent_whole_to_who_has_the_old_one() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let (_, target) = question(&fixture);
    let good = service.get(&target);
    let serial = &fixture.world.ee_good.serial;
    let revoked = Knowledge::Revoked {
        at: t0(),
        reason: None,
    };
    fixture.source.say(serial, revoked);
    service.responder.invalidate("ca-a", &[serial]);
    let etag = good.header("etag").expect("ETag");
    // In the same second: a date could not tell the two apart, so no If-Modified-Since is honoured.
    let date = good.header("last-modified").expect("Last-Modified");
    for headers in [
        &[("if-none-match", etag)][..],
        &[("if-none-match", etag), ("if-modified-since", date)],
        &[("if-modified-since", date)],
    ] {
        let reaction = service.call("GET", &target, headers, &[]);
        assert_eq!(reaction.status, 200, "{headers:?}");
        let status = fixture.verified(&reaction.body).single().status;
        assert!(matches!(status, CertStatus::Revoked { .. }), "{headers:?}");
    }
}
