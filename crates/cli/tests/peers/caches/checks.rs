//! What a cache in front of us must do, and what our answers must make it do.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask::{Ask, GetForm, HashAlg, get_segment};
use certvouch_testkit::clock::real_now;
use certvouch_testkit::http::{self, Response};
use certvouch_testkit::peer::Peer;
use certvouch_testkit::process::PATIENCE;

use super::front::{Front, Kind};
use super::origin::{Here, Site};

/// Nothing, or what is wrong.
type Outcome = Result<(), String>;
type Check = fn(Kind, &Peer) -> Outcome;

/// Every check by its line in the table.
pub(super) const CHECKS: [(&str, Check); 11] = [
    ("answers the second GET by itself", second_get),
    (
        "tells `//`, `%2F` and every other spelling apart, and passes them on",
        spellings,
    ),
    ("has one answer for everybody: there is no Vary", everybody),
    ("passes POST on and keeps none", posts),
    ("answers 304 to who has it", conditional),
    ("says how old an answer is", age),
    (
        "asks with If-None-Match what it may no longer serve",
        revalidation,
    ),
    (
        "serves nothing past max-age, and an error while we are gone (must-revalidate)",
        gone,
    ),
    (
        "serves nothing past nextUpdate, whatever becomes of the signer",
        past_the_end,
    ),
    ("leaves the body alone (no-transform)", body),
    ("keeps no error and no answer to a nonce", errors),
];

/// The whole of an OCSP response that says tryLater.
const TRY_LATER: [u8; 5] = [0x30, 3, 0x0A, 1, 3];

fn must(condition: bool, what: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(what()) }
}

fn get(address: SocketAddr, target: &str, headers: &str) -> Response {
    let request = format!("GET {target} HTTP/1.1\r\nHost: ocsp.example\r\n{headers}\r\n");
    http::once(address, request.as_bytes())
}

fn is_good(response: &Response) -> Outcome {
    must(response.status == 200, || format!("{response:?}"))?;
    let answer = Answer::parse(&response.body)?;
    let basic = answer
        .basic
        .ok_or_else(|| format!("responseStatus {}", answer.status))?;
    let status = basic.single().status;
    must(status == CertStatus::Good, || format!("{status:?}"))
}

/// A server of ours with a cache in front.
fn pair(kind: Kind, peer: &Peer, max_age: &str) -> (Site, Here, Front) {
    let site = Site::new(max_age);
    let here = site.here();
    let front = Front::start(kind, peer, here.address());
    (site, here, front)
}

fn second_get(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    let target = site.target(GetForm::Strict);
    let first = get(front.address, &target, "");
    is_good(&first)?;
    let second = get(front.address, &target, "");
    must(second.body == first.body, || "another body".to_owned())?;
    let asked = here.asked();
    must(asked == 1, || format!("we were asked {asked} times"))
}

fn spellings(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    // A space in a target is none of HTTP; all others are in use.
    for form in GetForm::ALL {
        let target = site.target(form);
        for prefix in ["", "/"] {
            let target = format!("{prefix}{target}");
            let before = here.asked();
            is_good(&get(front.address, &target, "")).map_err(|why| format!("{target}: {why}"))?;
            let asked = here.asked() - before;
            must(asked == 1, || format!("{target}: taken for another"))?;
        }
    }
    Ok(())
}

fn everybody(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    let target = site.target(GetForm::Strict);
    for headers in [
        "",
        "Accept: application/ocsp-response\r\n",
        "User-Agent: one\r\nAccept-Language: de\r\n",
        "Accept-Encoding: br\r\n",
        "Origin: http://a.example\r\n",
    ] {
        let response = get(front.address, &target, headers);
        is_good(&response)?;
        let vary = response.header("vary").map(str::to_owned);
        // HAProxy adds its own where it might compress.
        let own = kind == Kind::Haproxy && vary.as_deref() == Some("Accept-Encoding");
        must(vary.is_none() || own, || format!("Vary: {vary:?}"))?;
    }
    let asked = here.asked();
    must(asked == 1, || format!("we were asked {asked} times"))
}

fn posts(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    for count in 1..=3 {
        is_good(&http::post(front.address, "/", &site.question()))?;
        let asked = here.asked();
        must(asked == count, || {
            format!("{count} POSTs, asked {asked} times")
        })?;
    }
    Ok(())
}

fn conditional(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    let target = site.target(GetForm::Strict);
    let first = get(front.address, &target, "");
    is_good(&first)?;
    let etag = first.header("etag").unwrap_or_default();
    let headers = format!("If-None-Match: {etag}\r\n");
    let second = get(front.address, &target, &headers);
    must(second.status == 304, || format!("{second:?}"))?;
    must(second.header("etag") == Some(etag), || "no ETag".to_owned())?;
    let other = get(front.address, &target, "If-None-Match: \"other\"\r\n");
    is_good(&other)?;
    let asked = here.asked();
    must(asked == 1, || format!("we were asked {asked} times"))
}

fn age(kind: Kind, peer: &Peer) -> Outcome {
    let (site, _here, front) = pair(kind, peer, "5m");
    let target = site.target(GetForm::Strict);
    let first = get(front.address, &target, "");
    let date = first.header("date").map(str::to_owned);
    let deadline = Instant::now() + PATIENCE;
    // By Age, or by a Date that stays that of the answer.
    loop {
        let again = get(front.address, &target, "");
        is_good(&again)?;
        let age: i64 = again
            .header("age")
            .map_or(0, |age| age.parse().unwrap_or(-1));
        if age > 0 {
            return Ok(());
        }
        let dates = (again.header("date"), date.as_deref());
        let now = Instant::now();
        if kind == Kind::Nginx && now > deadline - PATIENCE + Duration::from_millis(1500) {
            return must(dates.0 == dates.1, || format!("Date changed: {dates:?}"));
        }
        must(now < deadline, || {
            format!("neither Age nor Date: {again:?}")
        })?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn revalidation(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "1s");
    let target = site.target(GetForm::Strict);
    is_good(&get(front.address, &target, ""))?;
    let deadline = Instant::now() + PATIENCE;
    while here.asked() == 1 {
        must(Instant::now() < deadline, || "never asked again".to_owned())?;
        std::thread::sleep(Duration::from_millis(50));
        is_good(&get(front.address, &target, ""))?;
    }
    must(here.given("304") > 0, || "fetched anew".to_owned())
}

fn gone(kind: Kind, peer: &Peer) -> Outcome {
    let site = Site::new("2s");
    let (mut server, address) = site.process();
    let front = Front::start(kind, peer, address);
    let target = site.target(GetForm::Strict);
    is_good(&get(front.address, &target, ""))?;
    let fetched = Instant::now();
    let _ = server.kill();
    loop {
        // Two seconds after it was fetched, and the seconds of header fields are whole.
        let late = fetched.elapsed() > Duration::from_millis(3500);
        let response = get(front.address, &target, "");
        match response.status {
            200 if !late => is_good(&response)?,
            500..=599 => return Ok(()),
            code => return Err(format!("{code}, Age {:?}", response.header("age"))),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The signer fails (the clock guard keeps it from signing) and time goes on: what was signed is served while it is in
/// force, and then we say tryLater and so does the cache.
fn past_the_end(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "refresh");
    let target = site.target(GetForm::Strict);
    is_good(&http::get(here.address(), &target))?;
    // Validity is a minute, renewal is due at half of it: two seconds are left.
    here.ahead(28);
    let first = get(front.address, &target, "");
    is_good(&first)?;
    let control = first.header("cache-control").unwrap_or_default();
    let max_age = control.split(&['=', ','][..]).nth(1).unwrap_or_default();
    let max_age: i64 = max_age.parse().map_err(|_| format!("{control:?}"))?;
    let basic = Answer::successful(&first.body);
    let end = basic.single().next_update.unwrap_or_default();
    let left = end - (real_now() + 28);
    must(max_age < left && max_age <= 2, || {
        format!("max-age {max_age}, {left} s are left")
    })?;
    let fetched = Instant::now();
    here.ahead(200);
    loop {
        let late = fetched.elapsed() > Duration::from_millis(3500);
        let response = get(front.address, &target, "");
        if response.body == TRY_LATER {
            break;
        }
        is_good(&response)?;
        must(!late, || "served past max-age".to_owned())?;
        std::thread::sleep(Duration::from_millis(50));
    }
    // The error is not kept: once the clock is right again, there are answers.
    here.ahead(28);
    is_good(&get(front.address, &target, ""))
}

fn body(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    let target = site.target(GetForm::Strict);
    let ours = http::get(here.address(), &target);
    for _ in 0..2 {
        let response = get(front.address, &target, "Accept-Encoding: gzip, deflate\r\n");
        is_good(&response)?;
        must(response.header("content-encoding").is_none(), || {
            "it was compressed".to_owned()
        })?;
        must(response.body == ours.body, || "another body".to_owned())?;
        let (theirs, asked) = (control(&response), control(&ours));
        // Between the two questions a second may have passed, and max-age is what is left.
        must(theirs.0 == asked.0 && theirs.1 <= asked.1, || {
            format!("Cache-Control: {theirs:?}, and without the cache {asked:?}")
        })?;
    }
    Ok(())
}

/// The directives of Cache-Control without max-age, in their order, and max-age.
fn control(response: &Response) -> (Vec<String>, Option<u64>) {
    let value = response.header("cache-control").unwrap_or_default();
    let all = value.split(',').map(str::trim);
    let (ages, others): (Vec<&str>, Vec<&str>) = all.partition(|it| it.starts_with("max-age="));
    let age = ages.first().and_then(|it| it.strip_prefix("max-age="));
    let age = age.and_then(|age| age.parse().ok());
    (others.into_iter().map(str::to_owned).collect(), age)
}

fn errors(kind: Kind, peer: &Peer) -> Outcome {
    let (site, here, front) = pair(kind, peer, "5m");
    let nonce = Ask::for_serial(HashAlg::Sha1, &site.world.ca_a, &site.world.ee_good.serial)
        .nonce(&[7; 32])
        .build();
    let foreign = Ask::for_serial(HashAlg::Sha1, &site.world.ee_good, &[1]).build();
    for (what, target) in [
        ("malformed", "/AAAA".to_owned()),
        (
            "unauthorized",
            format!("/{}", get_segment(&foreign, GetForm::Strict)),
        ),
        (
            "nonce",
            format!("/{}", get_segment(&nonce, GetForm::Strict)),
        ),
    ] {
        for count in 1..=3 {
            let before = here.asked();
            let response = get(front.address, &target, "");
            must(response.status == 200, || format!("{what}: {response:?}"))?;
            let asked = here.asked() - before;
            must(asked == 1, || format!("{what}: the {count}th was kept"))?;
        }
    }
    Ok(())
}
