//! Looks a certificate up in the CRLs that it names: complete ones, with their deltas.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use certvouch_fetch::{Fetch, FetchError, Fetched, Meter};
use certvouch_types::{Crl, Timestamp};
use certvouch_verify::{Verdict, VerifyError};
use http::Uri;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::client::{Inner, Log};
use crate::failure::Failure;
use crate::limits::MAX_CACHED_CRLS;
use crate::locations::Locations;
use crate::outcome::Attempt;
use crate::policy::Source;
use crate::question::Question;

const CRL: &str = "application/pkix-crl";

/// CRLs by URL. They are verified whenever they are used, so that one that was forged on its way is believed by nobody
/// and forgotten.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<HashMap<Uri, Slot>>);

/// One URL; whoever fetches it lets others wait, so that a fleet fetches it once.
type Slot = Arc<tokio::sync::Mutex<Option<Bytes>>>;

impl Store {
    fn slot(&self, url: &Uri) -> Slot {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_CACHED_CRLS && !all.contains_key(url) {
            all.clear();
        }
        Arc::clone(all.entry(url.clone()).or_default())
    }

    fn forget(&self, urls: &[Uri]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|url, _| !urls.contains(url));
    }
}

/// Fetches what the certificate names, and judges it.
pub(crate) async fn ask(
    inner: &Inner,
    question: &Question,
    locations: &Locations,
    log: &Log,
) -> Option<Answer> {
    if locations.points.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    let mut urls = Vec::new();
    let mut freshest = locations.freshest.clone();
    for point in &locations.points {
        if let Some((url, crl)) = fetch_one(inner, point, log).await {
            if let Some(extension) = Crl::parse(&crl).ok().and_then(|crl| crl.known.freshest_crl) {
                freshest.extend(Locations::freshest_of(&extension));
            }
            urls.push(url);
            all.push(crl);
        }
    }
    if all.is_empty() {
        return None;
    }
    freshest.dedup();
    for point in &freshest {
        // A delta that does not come does not hinder: the complete CRL is in date, or not believed.
        if let Some((url, crl)) = fetch_one(inner, point, log).await {
            urls.push(url);
            all.push(crl);
        }
    }
    all.extend(question.crls.iter().cloned());
    let url = urls.first().cloned();
    let judged = judge(inner, question, Source::Crl, url.clone(), all.clone());
    let result = match &judged {
        Ok(answer) => Ok(answer.verdict()),
        Err(why) => Err(Failure::Refused(why.clone())),
    };
    if result.is_err() {
        inner.crls.forget(&urls);
    }
    log.note(Attempt {
        url,
        crls: all,
        ..Attempt::new(Source::Crl, result)
    });
    judged.ok()
}

/// One CRL of each point; where none comes, the attempts say why.
pub(crate) async fn fetch_points(inner: &Inner, points: &[Vec<Uri>], log: &Log) -> Vec<Bytes> {
    let mut all = Vec::new();
    for point in points {
        if let Some((_, crl)) = fetch_one(inner, point, log).await {
            all.push(crl);
        }
    }
    all
}

/// Verifies CRLs as a source.
pub(crate) fn judge(
    inner: &Inner,
    question: &Question,
    source: Source,
    url: Option<Uri>,
    crls: Vec<Bytes>,
) -> Result<Answer, VerifyError> {
    let query = match question.query(None, inner.policy.sha1_signatures) {
        Ok(query) => query,
        // proof: the question was made once before anybody was asked, and has not changed since
        Err(why) => unreachable!("{why}"),
    };
    let moment = question.moment(inner.now());
    let verified = query.verify_crls(&question.crl_set(&crls), moment, &inner.profile)?;
    let answer = Answer::from_crls(source, url, crls.clone(), moment, &verified);
    Ok(answer)
}

/// The CRL of one point, from the first of its URLs that gives one. Its exchanges are noted as attempts.
async fn fetch_one(inner: &Inner, urls: &[Uri], log: &Log) -> Option<(Uri, Bytes)> {
    for url in inner.memory.order(urls.to_vec(), inner.now()) {
        let slot = inner.crls.slot(&url);
        let mut kept = slot.lock().await;
        if let Some(crl) = kept.as_ref().filter(|crl| is_current(crl, inner.now())) {
            return Some((url, crl.clone()));
        }
        let (attempt, fetched) = fetch(inner, &url).await;
        match fetched {
            Ok(crl) => {
                inner.memory.worked(&url);
                log.note(attempt);
                *kept = Some(crl.clone());
                return Some((url, crl));
            }
            Err(why) => {
                inner.memory.failed(&url, inner.now());
                log.note(Attempt {
                    result: Err(why),
                    ..attempt
                });
            }
        }
    }
    None
}

fn is_current(crl: &[u8], now: Timestamp) -> bool {
    let next_update = Crl::parse(crl).ok().and_then(|crl| crl.next_update);
    next_update.is_some_and(|next_update| now < next_update)
}

async fn fetch(inner: &Inner, url: &Uri) -> (Attempt, Result<Bytes, Failure>) {
    let meter = Arc::new(Meter::default());
    let mut fetch = Fetch::foreign(url.clone(), CRL);
    fetch.meter = Some(Arc::clone(&meter));
    let began = Instant::now();
    let fetched = inner.crl_fetcher.fetch(&fetch).await;
    let mut attempt = Attempt {
        url: Some(url.clone()),
        sent: meter.sent(),
        received: meter.received(),
        connections: meter.connections(),
        elapsed: began.elapsed(),
        // What it is worth is judged together with the others.
        ..Attempt::new(Source::Crl, Ok(Verdict::Unknown))
    };
    attempt.fetched_only = true;
    let result = match fetched {
        Ok(Fetched::Body(payload)) => {
            let now = inner.now().unix();
            attempt.ahead = payload.freshness.server_time.map(|time| time - now);
            let html = payload.bytes.trim_ascii_start().first() == Some(&b'<');
            let der = pem(&payload.bytes).unwrap_or(payload.bytes);
            match Crl::parse(&der) {
                Ok(_) => Ok(der),
                Err(_) => Err(Failure::NotOcsp {
                    html,
                    content_type: payload.content_type,
                }),
            }
        }
        Ok(_) => Err(Failure::Fetch(FetchError::Status(304))),
        Err(why) => Err(Failure::Fetch(why)),
    };
    (attempt, result)
}

/// The DER in PEM, which some CAs publish although RFC 5280 4.2.1.13 asks for DER.
fn pem(octets: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(octets).ok()?;
    let (_, text) = text.split_once("-----BEGIN X509 CRL-----")?;
    let (text, _) = text.split_once("-----END X509 CRL-----")?;
    let text: String = text.split_ascii_whitespace().collect();
    Some(STANDARD.decode(text).ok()?.into())
}
