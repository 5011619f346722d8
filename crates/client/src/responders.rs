//! Asks responders: one after the other, the next one beside a slow one, each in the forms that may help.

use std::sync::Arc;

use bytes::Bytes;
use certvouch_fetch::{Caches, Fetch, Fetched, Meter, Payload};
use certvouch_types::{BasicOcspResponse, Certificate, OcspResponse, SerialNumber};
use certvouch_verify::{Reason, ResponderFault, VerifyError};
use http::Uri;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::client::{Inner, Log, judge};
use crate::crls;
use crate::failure::Failure;
use crate::form::{self, Form, Method};
use crate::limits::MAX_FORMS;
use crate::locations::Locations;
use crate::outcome::Attempt;
use crate::policy::Source;
use crate::question::{Question, Subject};

const REQUEST: &str = "application/ocsp-request";
const RESPONSE: &str = "application/ocsp-response";

/// What all responders of one question are asked with.
pub(crate) struct Asked<'a> {
    pub(crate) inner: &'a Arc<Inner>,
    pub(crate) question: &'a Arc<Question>,
    pub(crate) log: &'a Log,
    /// Whether the caller wrote the URLs.
    pub(crate) named: bool,
    pub(crate) deadline: Instant,
}

impl Asked<'_> {
    /// The first answer that is believed, from whichever responder.
    pub(crate) async fn first_answer(&self, urls: Vec<Uri>) -> Option<Answer> {
        let urls = self.inner.memory.order(urls, self.inner.now());
        let mut waiting = urls.into_iter();
        let mut running: Vec<(Uri, Instant)> = Vec::new();
        let mut tasks = JoinSet::new();
        let mut start = |tasks: &mut JoinSet<_>, running: &mut Vec<(Uri, Instant)>| {
            let Some(url) = waiting.next() else {
                return false;
            };
            running.push((url.clone(), Instant::now()));
            let one = Responder {
                inner: Arc::clone(self.inner),
                question: Arc::clone(self.question),
                log: self.log.clone(),
                named: self.named,
                url,
            };
            tasks.spawn(one.ask());
            true
        };
        let mut more = start(&mut tasks, &mut running);
        let mut hedge = Instant::now() + self.inner.policy.hedge_after;
        while !tasks.is_empty() {
            let wake = if more {
                hedge.min(self.deadline)
            } else {
                self.deadline
            };
            match tokio::time::timeout_at(wake, tasks.join_next()).await {
                Ok(Some(Ok((_, Some(answer))))) => return Some(answer),
                // A task that panicked gave no answer; it is missing among the attempts.
                Ok(ended) => {
                    if let Some(Ok((url, None))) = ended {
                        running.retain(|(other, _)| *other != url);
                    }
                    more = start(&mut tasks, &mut running);
                    hedge = Instant::now() + self.inner.policy.hedge_after;
                }
                Err(_) if wake < self.deadline => {
                    more = start(&mut tasks, &mut running);
                    hedge = Instant::now() + self.inner.policy.hedge_after;
                }
                Err(_) => {
                    self.out_of_time(running);
                    return None;
                }
            }
        }
        None
    }

    fn out_of_time(&self, running: Vec<(Uri, Instant)>) {
        for (url, began) in running {
            self.inner.memory.failed(&url, self.inner.now());
            let late = Failure::OutOfTime(began.elapsed());
            self.log.note(Attempt {
                url: Some(url),
                elapsed: began.elapsed(),
                ..Attempt::new(Source::Ocsp, Err(late))
            });
        }
    }
}

/// One responder.
struct Responder {
    inner: Arc<Inner>,
    question: Arc<Question>,
    log: Log,
    named: bool,
    url: Uri,
}

impl Responder {
    async fn ask(self) -> (Uri, Option<Answer>) {
        let mut form = Form::first(&self.inner.policy, self.question.caches);
        let mut tried = Vec::new();
        let now = self.inner.now();
        loop {
            let (used, result) = self.exchange(form).await;
            let failure = match result {
                Ok(answer) => {
                    self.inner.memory.worked(&self.url);
                    return (self.url, Some(answer));
                }
                Err(failure) => failure,
            };
            tried.push(used);
            match used.next(&self.inner.policy, &failure) {
                Some(next) if tried.len() < MAX_FORMS && !tried.contains(&next) => form = next,
                _ => {
                    if failure.is_outage() {
                        self.inner.memory.failed(&self.url, now);
                    }
                    return (self.url, None);
                }
            }
        }
    }

    /// One exchange; says in which form it was made, since a URL that is too long makes a POST of a GET.
    async fn exchange(&self, form: Form) -> (Form, Result<Answer, Failure>) {
        let Ok(request) = self.request(form) else {
            let attempt = Attempt::new(Source::Ocsp, Err(Failure::Random));
            self.log.note(attempt);
            return (form, Err(Failure::Random));
        };
        let request = Bytes::from(request);
        let get = match form.method {
            Method::Get => form::get_url(&self.url, &request),
            Method::Post => None,
        };
        let used = Form {
            method: get.as_ref().map_or(Method::Post, |_| Method::Get),
            ..form
        };
        let meter = Arc::new(Meter::default());
        let url = get.unwrap_or_else(|| self.url.clone());
        let mut fetch = if self.named {
            Fetch::named(url, RESPONSE)
        } else {
            Fetch::foreign(url, RESPONSE)
        };
        if used.method == Method::Post {
            fetch.post = Some((request.clone(), REQUEST));
        }
        if form.past_caches {
            fetch.caches = Caches::Passed;
        }
        fetch.meter = Some(Arc::clone(&meter));
        let began = Instant::now();
        let fetched = self.inner.fetcher.fetch(&fetch).await;
        let mut attempt = Attempt {
            url: Some(self.url.clone()),
            form: Some(used),
            sent: meter.sent(),
            received: meter.received(),
            connections: meter.connections(),
            elapsed: began.elapsed(),
            request: Some(request.clone()),
            ..Attempt::new(Source::Ocsp, Err(Failure::Random))
        };
        let result = match fetched {
            Ok(Fetched::Body(payload)) => {
                let now = self.inner.now();
                let server = payload.freshness.server_time;
                attempt.ahead = server.map(|time| time - now.unix());
                attempt.body = Some(payload.bytes.clone());
                self.believe(payload, request).await
            }
            // No validators were sent: it is no answer to this request.
            Ok(_) => Err(Failure::Fetch(certvouch_fetch::FetchError::Status(304))),
            Err(why) => Err(Failure::Fetch(why)),
        };
        attempt.result = match &result {
            Ok(answer) => Ok(answer.verdict()),
            Err(failure) => Err(failure.clone()),
        };
        self.log.note(attempt);
        (used, result)
    }

    fn request(&self, form: Form) -> Result<Vec<u8>, getrandom::Error> {
        let issuer = Certificate::parse(&self.question.issuer);
        let certificate = self.question.certificate();
        let serial = match (&self.question.subject, &certificate) {
            (Subject::SerialNumber(content), _) => SerialNumber::from_content(content),
            (_, Some(certificate)) => certificate.serial_number,
            _ => SerialNumber::from_content(&[]),
        };
        // The question was made once before, so that both parse; if not, the empty CertID finds no answer.
        let cert_id = issuer.map_or_else(
            |_| Vec::new(),
            |issuer| form::cert_id(form.hash, &issuer, certificate.as_ref(), serial),
        );
        form::request(&cert_id, form.nonce)
    }

    async fn believe(&self, payload: Payload, request: Bytes) -> Result<Answer, Failure> {
        let der = payload.bytes;
        let says_ocsp = payload
            .content_type
            .as_deref()
            .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with(RESPONSE));
        if !says_ocsp && OcspResponse::parse(&der).is_err() {
            let start = der.trim_ascii_start();
            return Err(Failure::NotOcsp {
                html: start.first() == Some(&b'<'),
                content_type: payload.content_type,
            });
        }
        let by = |delegates: Option<&[Bytes]>| {
            judge(
                &self.inner,
                &self.question,
                Source::Ocsp,
                Some(self.url.clone()),
                der.clone(),
                Some(request.clone()),
                delegates,
            )
        };
        match by(None) {
            Err(why) if wants_delegate_crl(&why) => {
                let crls = self.crls_of_delegates(&der).await;
                if crls.is_empty() {
                    return Err(Failure::Refused(why));
                }
                by(Some(&crls)).map_err(Failure::Refused)
            }
            judged => judged.map_err(Failure::Refused),
        }
    }

    /// The CRLs that embedded certificates name: they tell whether a delegate without nocheck is revoked (RFC 6960
    /// 4.2.2.2.1).
    async fn crls_of_delegates(&self, der: &[u8]) -> Vec<Bytes> {
        if !self.inner.policy.allows(Source::Crl) {
            return Vec::new();
        }
        let Ok(OcspResponse::Successful(bytes)) = OcspResponse::parse(der) else {
            return Vec::new();
        };
        let Ok(basic) = BasicOcspResponse::from_response_bytes(&bytes) else {
            return Vec::new();
        };
        let mut crls = Vec::new();
        for delegate in basic.certs().take(crate::limits::MAX_DELEGATES) {
            if let Ok(delegate) = Certificate::parse(delegate) {
                let points = Locations::of(&delegate).points;
                crls.extend(crls::fetch_points(&self.inner, &points, &self.log).await);
            }
        }
        crls
    }
}

fn wants_delegate_crl(why: &VerifyError) -> bool {
    matches!(
        why.reason(),
        Reason::UnauthorizedResponder(ResponderFault::RevocationUnknown)
    )
}
