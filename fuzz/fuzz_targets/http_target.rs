//! Octets as the target of a GET, and as a request in both forms: GET and POST of one request get one answer.

#![no_main]

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_responder::http::{Admission, Endpoint, HttpLimits};
use certvouch_responder::{Responder, Settings};
use certvouch_types::{OcspRequest, OcspResponse, Timestamp};
use http::{Method, Request};
use libfuzzer_sys::fuzz_target;

static NOBODY: LazyLock<Responder> = LazyLock::new(|| {
    // proof: it takes two issuers to collide, and there is none.
    Responder::new(Vec::new(), Settings::default()).expect("no issuer collides with none")
});

/// Status code and body; nothing if the target is none that HTTP lets through.
fn ask(endpoint: &Endpoint, method: Method, target: &[u8], body: &[u8]) -> Option<(u16, Vec<u8>)> {
    let request = Request::builder().method(method).uri(target).body(()).ok()?;
    let (head, ()) = request.into_parts();
    let response = match endpoint.admit(&head, Timestamp::EPOCH) {
        Admission::Answer(response) => response,
        _ => {
            let reply = pin!(endpoint.respond(&NOBODY, &head, body, Timestamp::EPOCH));
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(reply) = reply.poll(&mut context) else {
                panic!("nothing is to be waited for where nobody is served");
            };
            if let Ok(message) = OcspResponse::parse(reply.response.body()) {
                assert!(matches!(message, OcspResponse::Error(_)), "nobody can sign");
            }
            reply.response
        }
    };
    let code = response.status().as_u16();
    Some((code, response.into_body().to_vec()))
}

fuzz_target!(|octets: &[u8]| {
    for prefixes in [vec![], vec!["/".to_owned(), "/ocsp".to_owned()]] {
        let endpoint = Endpoint::new(&prefixes, HttpLimits::default());
        ask(&endpoint, Method::GET, octets, &[]);
        ask(&endpoint, Method::GET, &[b"/", octets].concat(), &[]);
        let head = ask(&endpoint, Method::HEAD, octets, &[]);
        assert!(head.is_none_or(|(code, body)| code != 200 || body.is_empty()));
        let post = ask(&endpoint, Method::POST, b"/", octets);
        if OcspRequest::parse(octets).is_ok() {
            let base64 = STANDARD.encode(octets);
            let escaped = base64.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
            for target in [escaped, base64] {
                let get = ask(&endpoint, Method::GET, format!("/{target}").as_bytes(), &[]);
                assert!(get == post || get.is_some_and(|(code, _)| code == 414));
            }
        }
    }
});
