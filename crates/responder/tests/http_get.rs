//! GET: every spelling of the target, path prefixes, and targets that hold no request (requirements §1.7, §3.1,
//! §3.3, E-3, E-14).

mod support;

use certvouch_responder::Knowledge;
use certvouch_testkit::ask::{self, Ask, GetForm, HashAlg, Params, get_segment, q1};
use certvouch_testkit::der;
use support::{Fixture, err};

/// RFC 9919 B.4 (requirements V2): base64 with three `/`.
const V2: &str = "MGEwXzBdMFswWTANBglghkgBZQMEAgEFAAQgOplGd1aAc6cHv95QGGNF5M1hNNsIXrqh0QQl8DtvCOoE\
                  IEdKbKMB8j3J9/cHhwThx/X8lucWdfbtiC56tlw/WEVDAgQBqvAN";

/// A question without nonce whose base64 text pleases `fits`; its serial number counts as issued from now on.
fn question(fixture: &Fixture, fits: impl Fn(&str) -> bool) -> Vec<u8> {
    let (request, serial) = (0_u32..1_000_000)
        .map(|counter| {
            let length = 14 + usize::try_from(counter % 3).expect("below three");
            let mut serial = HashAlg::Sha256.digest(&counter.to_be_bytes());
            serial.truncate(length);
            serial[0] = 0x41; // positive, minimal
            (q1(&fixture.world.ca_a, &serial), serial)
        })
        .find(|(request, _)| fits(&get_segment(request, GetForm::Raw)))
        .expect("one of a million serial numbers fits");
    fixture.source.say(&serial, Knowledge::Issued);
    request
}

/// A question whose base64 text has `/`, `+` and `=`.
fn awkward(fixture: &Fixture) -> Vec<u8> {
    question(fixture, |text| {
        ['/', '+', '='].iter().all(|c| text.contains(*c))
    })
}

// covers: R6960-A.1-2, R6960-A.1-3, R9919-6-1, BR-4.9.9-2, R3986-2.2-1, R3986-2.4-1
#[test]
fn every_spelling_of_a_target_gets_the_octets_that_post_gets() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = awkward(&fixture);
    let posted = service.post(&request).body;
    fixture.verified(&posted);
    let mut seen = std::collections::HashSet::new();
    for form in GetForm::ALL {
        let segment = get_segment(&request, form);
        assert!(seen.insert(segment.clone()), "{form:?} is a spelling twice");
        for slashes in ["/", "//", "///"] {
            let reaction = service.get(&format!("{slashes}{segment}"));
            assert_eq!(reaction.status, 200, "{form:?} behind {slashes}");
            assert_eq!(reaction.body, posted, "{form:?} behind {slashes}");
        }
    }
    assert_eq!(fixture.signer.signatures(), 1);
    assert_eq!(fixture.source.lookups(), 1);
}

// covers: R3986-2.2-1, R9654-2.1-2
#[test]
fn every_spelling_of_a_target_keeps_the_nonce() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = ask::awkward_for_get(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let nonce = fixture.verified(&service.post(&request).body).nonce();
    assert!(nonce.is_some());
    for form in GetForm::ALL {
        let reaction = service.get(&format!("/{}", get_segment(&request, form)));
        assert_eq!(fixture.verified(&reaction.body).nonce(), nonce, "{form:?}");
    }
}

// covers: R3986-2.4-1
#[test]
fn target_with_two_slashes_inside_the_base64_is_answered() {
    let fixture = Fixture::new();
    let request = question(&fixture, |text| text.contains("//"));
    let raw = get_segment(&request, GetForm::Raw);
    let service = fixture.service();
    let posted = service.post(&request).body;
    for target in [
        format!("/{raw}"),
        format!("//{raw}"),
        format!("/{}", raw.replace("//", "%2F%2F")),
        format!("/{}", raw.replace("//", "%2f/")),
        format!("/{}", raw.replace("//", "/%2F")),
        format!("/some/proxy/{raw}"),
    ] {
        assert_eq!(service.get(&target).body, posted, "{target}");
    }
    // Merging the two slashes makes another request of it, or none; guessing would answer about another certificate.
    let merged = service.get(&format!("/{}", raw.replace("//", "/"))).body;
    assert_eq!(merged[..], err(1));

    let below = fixture.service().below(&["/ocsp"]);
    let through = below.get(&format!("/ocsp/{raw}"));
    assert_eq!(
        fixture.verified(&through.body).single().serial,
        fixture.verified(&posted).single().serial
    );
}

// covers: R6960-A.1-2, R6960-A.1-3, R9919-6-1
#[test]
fn request_of_rfc_9919_is_understood_by_get_and_post() {
    let service = Fixture::new().service();
    let der = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(V2)
            .expect("the vector")
    };
    // Its CA is not served here: unauthorized says that the request was read whole.
    let path = format!("/{}", V2.replace('/', "%2F"));
    assert!(path.contains("8j3J9%2FcHh") && path.len() == 139);
    assert_eq!(service.get(&path).body[..], err(6));
    assert_eq!(service.post(&der).body[..], err(6));
    assert_eq!(service.post(&der).status, 200);
}

// covers: R6960-A.1-2
#[test]
fn request_of_any_length_up_to_the_limit_is_answered_by_get() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let serial = &fixture.world.ee_good.serial;
    for hash in HashAlg::ALL {
        for nonce in [None, Some(32), Some(128)] {
            let ask = Ask::for_serial(hash, &fixture.world.ca_a, serial);
            let request = nonce
                .map_or_else(
                    || ask.clone(),
                    |length| ask.clone().nonce(&vec![0x5A; length]),
                )
                .build();
            let reaction = service.get(&format!("/{}", get_segment(&request, GetForm::Strict)));
            let basic = fixture.verified(&reaction.body);
            assert_eq!(&basic.single().serial, serial);
            assert_eq!(basic.nonce().map(|nonce| nonce.len()), nonce);
        }
    }
}

// covers: E-3, R3986-2.4-1
#[test]
fn longest_prefix_decides_what_is_the_request() {
    let fixture = Fixture::new();
    let request = awkward(&fixture);
    let raw = get_segment(&request, GetForm::Raw);
    let strict = get_segment(&request, GetForm::Strict);
    // The order in the configuration must not matter.
    for prefixes in [
        ["/ocsp", "/ocsp/a", "/pki/"],
        ["/pki", "/ocsp/a/", "/ocsp/"],
    ] {
        let service = fixture.service().below(&prefixes);
        for target in [
            format!("/ocsp/{raw}"),
            format!("/ocsp/{strict}"),
            format!("/ocsp//{strict}"),
            format!("/ocsp///{raw}"),
            format!("/ocsp/a/{raw}"),
            format!("/ocsp/a//{strict}"),
            format!("/pki/{raw}"),
            format!("/pki/left/over/{raw}"),
        ] {
            fixture.verified(&service.get(&target).body);
        }
        for target in [
            "/".to_owned(),
            "/ocspx".to_owned(),
            "/ocs".to_owned(),
            "/OCSP/".to_owned(),
            format!("/{strict}"),
            format!("/ocspx/{strict}"),
            format!("//ocsp/{strict}"),
            format!("/%6Fcsp/{strict}"),
        ] {
            let reaction = service.get(&target);
            assert_eq!(reaction.status, 404, "{target}");
            assert_eq!(reaction.header("cache-control"), Some("no-store"));
            assert!(reaction.body.is_empty());
            assert_eq!(service.call("POST", &target, &[], &request).status, 404);
        }
        for target in ["/ocsp", "/ocsp/", "/ocsp/a", "/pki"] {
            assert_eq!(service.get(target).body[..], err(1), "{target}");
            let posted = service.call("POST", target, &[], &request);
            fixture.verified(&posted.body);
        }
    }
}

// covers: E-3
#[test]
fn prefix_that_begins_with_another_prefix_is_found_first() {
    let fixture = Fixture::new();
    let strict = get_segment(&awkward(&fixture), GetForm::Strict);
    let long = "/ocsp/a/b/c/d/e/f";
    for prefixes in [["/ocsp", long], [long, "/ocsp"], ["/", long]] {
        let service = fixture.service().below(&prefixes);
        // More segments than the search behind the shorter prefix would skip.
        fixture.verified(&service.get(&format!("{long}/{strict}")).body);
        let page = service.call("GET", long, &[("accept", "text/html")], &[]);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    let short = fixture.service().below(&["/ocsp"]);
    assert_eq!(short.get(&format!("{long}/{strict}")).body[..], err(1));
}

// covers: R3986-2.4-1
#[test]
fn segment_that_could_be_base64_too_is_not_taken_for_the_request() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = awkward(&fixture);
    let expected = service.post(&request).body;
    for form in [GetForm::Strict, GetForm::Raw, GetForm::NoPadding] {
        let segment = get_segment(&request, form);
        // All of these are letters of base64; MAAA would even begin a SEQUENCE.
        for before in ["ocsp", "MAAA", "a/b", "a/b/c", "pki/MGEw", "Zm9v/YmFy"] {
            let target = format!("/{before}/{segment}");
            assert_eq!(service.get(&target).body, expected, "{target}");
        }
    }
    // The search has an end.
    let strict = get_segment(&request, GetForm::Strict);
    let far = service.get(&format!("/a/b/c/d/e/f/{strict}"));
    assert_eq!(far.body[..], err(1));
}

// covers: E-14, R4648-3.3-1, R6960-2.3-2
#[test]
fn target_that_holds_no_request_is_malformed() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = awkward(&fixture);
    let strict = get_segment(&request, GetForm::Strict);
    let raw = get_segment(&request, GetForm::Raw);
    fixture.verified(&service.get(&format!("/{strict}")).body);
    let broken = [
        ("empty", String::new()),
        ("slashes alone", "//".to_owned()),
        ("escape of no hex", format!("%G1{strict}")),
        ("escape of half hex", format!("%2G{strict}")),
        ("percent at the end", format!("{strict}%")),
        ("half an escape at the end", format!("{strict}%3")),
        ("escape of two percents", format!("%%2F{strict}")),
        ("escaped twice", strict.replace('%', "%25")),
        ("line feed", format!("{}%0A{}", &raw[..64], &raw[64..])),
        ("line break", format!("{}%0D%0A{}", &raw[..64], &raw[64..])),
        ("tab", format!("{}%09{}", &raw[..64], &raw[64..])),
        ("NUL", format!("{raw}%00")),
        ("octet above ASCII", format!("{raw}%FF")),
        ("exclamation mark", format!("!{raw}")),
        ("semicolon", format!("{raw};a=b")),
        ("ampersand", format!("{raw}&a=b")),
        ("dot segments", format!("../{raw}")),
        ("impossible length", "MGEwX".to_owned()),
        ("padding in front", format!("={raw}")),
        ("padding inside", format!("{}=={}", &raw[..64], &raw[64..])),
        (
            "too much padding",
            format!("{}===", raw.trim_end_matches('=')),
        ),
        ("one letter less", raw[..raw.len() - 5].to_owned()),
        ("words", "favicon.ico".to_owned()),
        ("letters of base64", "robots".to_owned()),
    ];
    for (defect, text) in broken {
        let reaction = service.get(&format!("/{text}"));
        if defect == "dot segments" {
            // `..` is no base64, but it is a segment in front, as a proxy might leave it; it is never resolved.
            fixture.verified(&reaction.body);
            continue;
        }
        assert_eq!(reaction.status, 200, "{defect}");
        assert_eq!(reaction.body[..], err(1), "{defect}");
    }
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: T-40, E-14
#[test]
fn query_string_is_malformed() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let strict = get_segment(&awkward(&fixture), GetForm::Strict);
    for target in [
        format!("/{strict}?"),
        format!("/{strict}?x=1"),
        format!("/?{strict}"),
        "/?".to_owned(),
    ] {
        assert_eq!(service.get(&target).body[..], err(1), "{target}");
        let browser = service.call("GET", &target, &[("accept", "text/html")], &[]);
        assert_eq!(browser.body[..], err(1), "{target}");
    }
    let below = fixture.service().below(&["/ocsp"]);
    assert_eq!(below.get(&format!("/ocsp?{strict}")).body[..], err(1));
    assert_eq!(fixture.source.lookups(), 0);
}

// covers: E-14, R6960-2.3-2
#[test]
fn base64_of_something_else_is_malformed() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = awkward(&fixture);
    let octets: [Vec<u8>; 5] = [
        request[..request.len() - 1].to_vec(),
        [&request[..], &[0]].concat(),
        der::seq(&[]),
        b"OCSPRequest".to_vec(),
        HashAlg::Sha1.identifier(&Params::Null),
    ];
    for wrong in octets {
        let target = format!("/{}", get_segment(&wrong, GetForm::Strict));
        assert_eq!(service.get(&target).body[..], err(1), "{wrong:02X?}");
    }
}

// covers: R9919-6-1
#[test]
fn target_in_absolute_form_is_answered_as_in_origin_form() {
    let fixture = Fixture::new();
    let request = awkward(&fixture);
    let raw = get_segment(&request, GetForm::Raw);
    let service = fixture.service();
    let expected = service.post(&request).body;
    for target in [
        format!("http://ocsp.example/{raw}"),
        format!("http://127.0.0.1:8080//{raw}"),
        format!(
            "HTTP://ocsp.example/{}",
            get_segment(&request, GetForm::Strict)
        ),
    ] {
        assert_eq!(service.get(&target).body, expected, "{target}");
    }
    let post = |target| service.call("POST", target, &[], &request).body;
    assert_eq!(post("http://ocsp.example"), expected);
    assert_eq!(post("http://ocsp.example/"), expected);
    let below = fixture.service().below(&["/ocsp"]);
    let reaction = below.get(&format!("http://ocsp.example/ocsp/{raw}"));
    fixture.verified(&reaction.body);
    assert_eq!(below.get("http://ocsp.example/").status, 404);
}
