//! The header fields of answers: what HTTP caches are told (requirements §3.2, §3.3, §14 FRESH-4).

mod support;

use certvouch_responder::{Knowledge, SourceError, StatusRecord};
use certvouch_testkit::ask::{Ask, GetForm, HashAlg, get_segment, q1, q256};
use certvouch_testkit::der;
use certvouch_types::Timestamp;
use support::{Fixture, Reaction, SourceMode, err, t0};

const DAY: i64 = 86_400;

/// A question about EE-good by POST, and as a target.
fn question(fixture: &Fixture) -> (Vec<u8>, String) {
    let request = q256(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let target = format!("/{}", get_segment(&request, GetForm::Strict));
    (request, target)
}

/// Checks what every definitive answer has, and gives its max-age.
fn max_age(reaction: &Reaction) -> i64 {
    let control = reaction.header("cache-control").expect("Cache-Control");
    let (age, rest) = control
        .strip_prefix("max-age=")
        .and_then(|text| text.split_once(", "))
        .expect("max-age first");
    assert_eq!(rest, "public, no-transform, must-revalidate");
    assert!(age.bytes().all(|octet| octet.is_ascii_digit()), "{age}");
    age.parse().expect("a number")
}

/// Signed answers must not carry what forbids caching (R9919-7.2-6).
fn assert_not_forbidden(reaction: &Reaction) {
    assert_eq!(reaction.header("pragma"), None);
    let control = reaction.header("cache-control").expect("Cache-Control");
    assert!(
        !control.contains("no-cache") && !control.contains("no-store"),
        "{control}"
    );
}

fn etag_of(body: &[u8]) -> String {
    let hash = der::to_hex(&HashAlg::Sha256.digest(body)).to_lowercase();
    format!("\"{hash}\"")
}

// covers: R6960-A.2-1, R6960-A.2-2, R9919-6-4, R9919-7.2-1, R9919-7.2-2, R9919-7.2-3, R9919-7.2-4
// covers: R9919-7.2-5, R9919-7.2-6, R9110-5.6.7-1, R9110-6.6.1-1
#[test]
fn definitive_answer_carries_all_seven_header_fields() {
    let fixture = Fixture::new();
    let service = fixture.service_with(|policy| {
        policy.validity = 4 * DAY + 1;
        policy.backdate = 3600;
        policy.max_age = None;
    });
    let (request, target) = question(&fixture);
    for reaction in [service.get(&target), service.post(&request)] {
        assert_eq!(reaction.status, 200);
        let basic = fixture.verified(&reaction.body);
        let single = basic.single();
        assert_eq!(single.this_update, t0().unix() - 3600);
        assert_eq!(single.next_update, Some(t0().unix() + 4 * DAY));
        let length = reaction.body.len().to_string();
        let etag = etag_of(&reaction.body);
        assert_eq!(etag.len(), 66);
        for (name, value) in [
            ("content-type", "application/ocsp-response"),
            ("content-length", &length),
            ("date", "Sat, 10 Jan 2026 00:00:00 GMT"),
            ("last-modified", "Fri, 09 Jan 2026 23:00:00 GMT"),
            ("expires", "Wed, 14 Jan 2026 00:00:00 GMT"),
            ("etag", &etag),
            (
                "cache-control",
                "max-age=172800, public, no-transform, must-revalidate",
            ),
        ] {
            assert_eq!(reaction.header(name), Some(value), "{name}");
        }
        assert_not_forbidden(&reaction);
        assert_eq!(reaction.headers.len(), 7, "{:?}", reaction.headers);
    }
}

// covers: R9110-9.3.3-1, R9919-6-1
#[test]
fn post_and_get_give_the_same_octets_and_no_content_location() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let (request, target) = question(&fixture);
    let (posted, got) = (service.post(&request), service.get(&target));
    assert_eq!(posted.body, got.body);
    assert_eq!(posted.headers, got.headers);
    assert_eq!(posted.header("content-location"), None);
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: R9919-7.2-4
#[test]
fn etag_changes_with_the_octets() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let (request, _) = question(&fixture);
    let first = service.post(&request);
    service.responder.invalidate_all();
    let later = service.at(t0() + 1);
    let second = later.post(&request);
    assert_ne!(first.header("etag"), second.header("etag"));
    assert_eq!(second.header("etag"), Some(&etag_of(&second.body)[..]));
}

// covers: FRESH-4, R9919-7.2-5, R9919-7.1-1
#[test]
fn max_age_ends_at_the_refresh_deadline_and_before_next_update() {
    let fixture = Fixture::new();
    // V in seconds, limit of policy, age in seconds → max-age.
    for (validity, limit, age, expected) in [
        (4 * DAY, None, 0, 2 * DAY),
        (4 * DAY, None, DAY, DAY),
        (4 * DAY, None, 2 * DAY - 1, 1),
        (7 * DAY, None, 0, 7 * DAY / 2),
        (3600, None, 0, 1800),
        (3600, None, 1799, 1),
        (3600, Some(300), 0, 300),
        (3600, Some(300), 1400, 300),
        (3600, Some(300), 1501, 299),
        (3600, Some(300), 1799, 1),
        (3600, Some(0), 0, 0),
        // The example of RFC 9919 7.2: a day before nextUpdate.
        (DAY + DAY / 2, None, DAY / 2 - 1, DAY / 4 + 1),
    ] {
        let service = fixture.service_with(|policy| {
            policy.validity = validity;
            policy.max_age = limit;
        });
        let (request, _) = question(&fixture);
        service.post(&request);
        let signed = fixture.signer.signatures();
        let reaction = service.at(t0() + age).post(&request);
        let case = format!("V {validity}, limit {limit:?}, age {age}");
        assert_eq!(fixture.signer.signatures(), signed, "{case}");
        assert_eq!(max_age(&reaction), expected, "{case}");
        let next_update = fixture.verified(&reaction.body).single().next_update;
        let end = t0().unix() + age + max_age(&reaction);
        assert!(next_update.is_some_and(|next| end < next), "{case}");
        assert_not_forbidden(&reaction);
    }
}

// covers: FRESH-4
#[test]
fn max_age_ends_a_second_before_a_next_update_that_the_source_shortened() {
    let fixture = Fixture::new();
    let mut record = StatusRecord::new(Knowledge::Issued);
    record.next_update = Some(t0() + 100);
    fixture.source.set(&fixture.world.ee_good.serial, record);
    let service = fixture.service_with(|policy| policy.max_age = None);
    let (request, _) = question(&fixture);
    let reaction = service.post(&request);
    assert_eq!(max_age(&reaction), 99);
    assert_eq!(
        reaction.header("expires"),
        Some("Sat, 10 Jan 2026 00:01:40 GMT")
    );
    let last = service.at(t0() + 98).post(&request);
    assert_eq!((max_age(&last), last.body), (1, reaction.body));
}

// covers: FRESH-4, FRESH-6, R9919-7.2-6
#[test]
fn answer_past_its_refresh_deadline_is_given_with_max_age_zero() {
    let fixture = Fixture::new();
    let mut service = fixture.service();
    let (request, _) = question(&fixture);
    let fresh = service.post(&request);
    let down = SourceError::Unavailable("down".to_owned());
    fixture.source.mode(SourceMode::Fails(down));
    for age in [1800, 1801, 3598] {
        service.now = t0() + age;
        let stale = service.post(&request);
        assert_eq!(stale.body, fresh.body, "{age}");
        assert_eq!(max_age(&stale), 0, "{age}");
        assert_eq!(stale.header("etag"), fresh.header("etag"));
        assert_eq!(stale.header("expires"), fresh.header("expires"));
        assert_not_forbidden(&stale);
    }
    service.now = t0() + 3599;
    assert_eq!(service.post(&request).body[..], err(3));
}

// covers: R9110-8.8.2-1, R9919-7.2-2
#[test]
fn last_modified_is_this_update_and_never_later_than_date() {
    let fixture = Fixture::new();
    let serial = &fixture.world.ee_good.serial;
    for (this_update, expected) in [
        (t0() - 6 * 3600, "Fri, 09 Jan 2026 18:00:00 GMT"),
        (t0() - 30 * DAY, "Thu, 11 Dec 2025 00:00:00 GMT"),
        (t0(), "Sat, 10 Jan 2026 00:00:00 GMT"),
        (t0() + 1, "Sat, 10 Jan 2026 00:00:00 GMT"),
        (t0() + DAY, "Sat, 10 Jan 2026 00:00:00 GMT"),
    ] {
        let mut record = StatusRecord::new(Knowledge::Issued);
        record.this_update = Some(this_update);
        fixture.source.set(serial, record);
        let mut service = fixture.service();
        let (request, _) = question(&fixture);
        let reaction = service.post(&request);
        assert_eq!(
            reaction.header("date"),
            Some("Sat, 10 Jan 2026 00:00:00 GMT")
        );
        assert_eq!(reaction.header("last-modified"), Some(expected));
        // Date is that of this HTTP response, Last-Modified that of the octets.
        service.now = t0() + 600;
        let later = service.post(&request);
        assert_eq!(later.header("date"), Some("Sat, 10 Jan 2026 00:10:00 GMT"));
        assert_eq!(later.header("last-modified"), Some(expected));
        assert_eq!(later.body, reaction.body);
    }
}

// covers: R9110-5.6.7-1, R9110-6.6.1-1
#[test]
fn dates_are_imf_fixdates() {
    let mut service = Fixture::new().service();
    for (now, expected) in [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        service.now = Timestamp::from_unix(now);
        for (method, target) in [("POST", "/"), ("GET", "/"), ("PUT", "/"), ("BREW", "/")] {
            let reaction = service.call(method, target, &[], &[]);
            assert_eq!(reaction.header("date"), Some(expected), "{method}");
        }
    }
}

// covers: R9110-x-1, R9919-7.2-6, R6960-A.2-1, R6960-A.2-2
#[test]
fn answer_with_a_nonce_is_for_one_use_and_not_no_store() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = Ask::for_serial(
        HashAlg::Sha256,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    );
    let request = request.nonce(&[9; 32]).build();
    let target = format!("/{}", get_segment(&request, GetForm::Strict));
    let any = [("if-none-match", "*")];
    for reaction in [
        service.get(&target),
        service.call("GET", &target, &any, &[]),
        service.post(&request),
    ] {
        assert_eq!(reaction.status, 200);
        assert_eq!(fixture.verified(&reaction.body).nonce(), Some(vec![9; 32]));
        let length = reaction.body.len().to_string();
        for (name, value) in [
            ("content-type", Some("application/ocsp-response")),
            ("content-length", Some(&length[..])),
            ("date", Some("Sat, 10 Jan 2026 00:00:00 GMT")),
            (
                "cache-control",
                Some("max-age=0, must-revalidate, no-transform"),
            ),
            ("etag", None),
            ("last-modified", None),
            ("expires", None),
            ("pragma", None),
        ] {
            assert_eq!(reaction.header(name), value, "{name}");
        }
    }
    assert_eq!(fixture.signer.signatures(), 3);
}

// covers: R9110-x-1, R9919-7.2-5
#[test]
fn nonce_that_policy_ignores_leaves_the_answer_cacheable() {
    let fixture = Fixture::new();
    let service = fixture.service_with(|policy| {
        policy.nonce = certvouch_responder::NoncePolicy::Ignore;
    });
    let (request, _) = question(&fixture);
    let ask = Ask::for_serial(
        HashAlg::Sha256,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    );
    let nonced = service.post(&ask.nonce(&[9; 32]).build());
    assert_eq!(max_age(&nonced), 300);
    assert_eq!(nonced.body, service.post(&request).body);
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: R9919-7.2-7, R9110-15.1-1, R6960-A.2-1, R6960-A.2-2, R6960-4.2.1-1
#[test]
fn every_ocsp_error_is_five_octets_that_nobody_stores() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let down = SourceError::Unavailable("down".to_owned());
    let (request, target) = question(&fixture);
    let foreign = q1(&fixture.world.ca_b, &[1]);
    let ask = |status: u8, request: &[u8], target: &str| {
        for reaction in [service.post(request), service.get(target)] {
            assert_eq!(reaction.status, 200);
            assert_eq!(reaction.body[..], err(status));
            for (name, value) in [
                ("content-type", "application/ocsp-response"),
                ("content-length", "5"),
                ("cache-control", "no-store"),
                ("date", "Sat, 10 Jan 2026 00:00:00 GMT"),
            ] {
                assert_eq!(reaction.header(name), Some(value), "{status} {name}");
            }
            assert_eq!(reaction.headers.len(), 4, "{:?}", reaction.headers);
        }
    };
    ask(1, b"", "/");
    ask(
        6,
        &foreign,
        &format!("/{}", get_segment(&foreign, GetForm::Strict)),
    );
    fixture.source.mode(SourceMode::Fails(down));
    ask(3, &request, &target);
    fixture.source.mode(SourceMode::OneTooFew);
    ask(2, &request, &target);
}

// covers: R9919-7.1-1
#[test]
fn renewal_is_asked_for_once_in_the_last_tenth_before_the_deadline() {
    let fixture = Fixture::new();
    let mut service = fixture.service();
    let (request, target) = question(&fixture);
    assert_eq!(service.post(&request).refresh, None);
    for age in [0, 1000, 1619] {
        service.now = t0() + age;
        assert_eq!(service.post(&request).refresh, None, "{age}");
    }
    service.now = t0() + 1620;
    let reaction = service.get(&target);
    assert_eq!(reaction.refresh.as_deref(), Some(&request[..]));
    assert_eq!(service.get(&target).refresh, None);
    assert_eq!(fixture.signer.signatures(), 1);

    support::block_on(service.responder.refresh(&request, service.now));
    assert_eq!(fixture.signer.signatures(), 2);
    let renewed = service.get(&target);
    assert_ne!(renewed.body, reaction.body);
    assert_eq!(max_age(&renewed), 300);
    assert_eq!(renewed.refresh, None);
}
