//! What came of one certificate: one value, shown as text or as JSON, so that the two cannot differ.
//!
//! What stands in the brackets of a verdict other than GOOD holds no foreign text but hex and numbers: the name of a
//! server that contains the word "good" must not meet a script that looks for it.

use certvouch_client::{
    Answer, Attempt, Checked, Failure, NoAnswer, Outcome, Policy, Proof, Question, Subject, Word,
    prove,
};
use certvouch_fetch::FetchError;
use certvouch_types::{Certificate, SerialNumber, Timestamp};
use certvouch_verify::{Binding, Verdict};
use serde::Serialize;

use super::advice::{Advice, Advisor};
use super::path::Link;
use super::trust::Untrusted;
use crate::command::verify::crls::{self, CrlFacts};
use crate::command::verify::report::{self, Facts, Line};
use crate::command::verify::words;
use crate::escape::escape_display;
use crate::exit::ExitCode;

/// Where in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    Leaf,
    Intermediate,
    SerialNumber,
}

impl Place {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Leaf => "certificate",
            Self::Intermediate => "intermediate",
            Self::SerialNumber => "serial number",
        }
    }
}

/// One exchange, or one look at what was there.
#[derive(Debug, Serialize)]
pub(super) struct Exchange {
    source: &'static str,
    url: Option<String>,
    form: Option<String>,
    /// The word, or the text of the failure.
    pub(super) result: String,
    pub(super) code: Option<&'static str>,
    sent: u64,
    received: u64,
    connections: u64,
    ms: u64,
    #[serde(skip)]
    text: String,
}

impl Exchange {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let (result, code) = match &attempt.result {
            Ok(_) if attempt.fetched_only => ("fetched".to_owned(), None),
            Ok(verdict) => (passed(*verdict).to_owned(), None),
            Err(why) => (why.to_string(), Some(why.code())),
        };
        let place = attempt.url.as_ref().map(ToString::to_string);
        let form = attempt.form.map(|form| form.to_string());
        let text = [
            attempt.source.name().to_owned(),
            place
                .as_ref()
                .map_or_else(String::new, |url| format!(" {url}")),
            form.as_ref()
                .map_or_else(String::new, |form| format!(" ({form})")),
            format!(": {result}"),
        ];
        Self {
            source: attempt.source.name(),
            url: place,
            form,
            result,
            code,
            sent: attempt.sent,
            received: attempt.received,
            connections: attempt.connections,
            ms: millis(attempt.elapsed),
            text: text.concat(),
        }
    }

    pub(super) fn line(&self) -> String {
        let cost = match self.connections {
            0 => String::new(),
            _ => format!(
                "; {} octets sent, {} received, {} ms",
                self.sent, self.received, self.ms
            ),
        };
        escape_display(&self.text) + &cost
    }
}

/// A verdict inside of a report whose own may be another: only the first line says GOOD.
pub(super) const fn passed(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "not revoked",
        other => other.word(),
    }
}

/// Whole milliseconds.
pub(super) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What came of one certificate.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) place: Place,
    /// Foreign text; nothing for a serial number.
    pub(super) subject: Option<String>,
    pub(super) serial: String,
    pub(super) verdict: &'static str,
    pub(super) code: u8,
    pub(super) reason: Option<&'static str>,
    pub(super) text: String,
    pub(super) source: Option<&'static str>,
    pub(super) url: Option<String>,
    /// Whether its verdict counts for the whole.
    pub(super) counted: bool,
    pub(super) stale: bool,
    pub(super) stale_reason: Option<&'static str>,
    pub(super) contradiction: bool,
    pub(super) response: Option<Facts>,
    pub(super) crls: Vec<CrlFacts>,
    pub(super) checks: Vec<Line>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) connections: u64,
    pub(super) ms: u64,
    /// By how many seconds this clock seems to be slow (positive) or fast.
    pub(super) skew: Option<i64>,
    pub(super) cause: Option<String>,
    pub(super) next: Option<String>,
    #[serde(skip)]
    pub(super) word: Word,
    /// The octets that the verdict rests on.
    #[serde(skip)]
    pub(super) basis: Option<Checked>,
    /// The question, in DER.
    #[serde(skip)]
    pub(super) question: Question,
    /// The moment for which it was judged, if that is known exactly.
    #[serde(skip)]
    pub(super) judged_at: Option<Timestamp>,
    /// The commands that ask the same; only where they are wanted.
    pub(super) replay: Vec<String>,
}

/// The bare verdict of a certificate.
#[derive(Debug)]
struct Said {
    word: Word,
    reason: Option<&'static str>,
    text: String,
    advice: Option<Advice>,
}

impl Finding {
    /// On a certificate about which somebody was asked, or would have been.
    pub(super) fn asked(
        place: Place,
        question: &Question,
        outcome: &Outcome,
        policy: &Policy,
        advisor: &Advisor<'_>,
    ) -> Self {
        let mut finding = match outcome.answer() {
            Ok(answer) => Self::answered(place, question, answer, policy, advisor),
            Err(why) => {
                let basis = basis(outcome, why);
                let said = refused(question, outcome, why, basis.as_ref(), advisor);
                let mut finding = Self::new(place, question, said);
                if let NoAnswer::Failed(Failure::Refused(why)) = why {
                    finding.checks = Line::of(why.evidence());
                }
                finding.basis = basis;
                finding
            }
        };
        finding.exchanges = outcome.attempts().iter().map(Exchange::of).collect();
        finding.sent = outcome.sent();
        finding.received = outcome.received();
        finding.connections = outcome.attempts().iter().map(|one| one.connections).sum();
        finding.ms = millis(outcome.elapsed());
        finding.skew = outcome.skew();
        finding
    }

    /// On a chain that does not count: nobody was asked.
    pub(super) fn untrusted(link: &Link, why: &Untrusted, advisor: &Advisor<'_>) -> Self {
        let said = Said {
            word: Word::Verdict(why.verdict),
            reason: Some(why.code),
            text: why.text.clone(),
            advice: Some(advisor.on_chain(why)),
        };
        Self::new(link.place, &link.question(), said)
    }

    fn answered(
        place: Place,
        question: &Question,
        answer: &Answer,
        policy: &Policy,
        advisor: &Advisor<'_>,
    ) -> Self {
        let moment = answer.moment();
        let proved = prove(
            question,
            answer.checked(),
            moment,
            policy,
            |query, proof| {
                let (facts, crl_facts, mut text) = match &proof {
                    Ok(Proof::Response(verified)) => {
                        let facts = Facts::new(verified);
                        let text = report::said(verified, &facts, query);
                        (Some(facts), Vec::new(), text)
                    }
                    Ok(Proof::Crls(verified)) => {
                        let facts: Vec<_> = verified.crls().iter().map(CrlFacts::new).collect();
                        let text = crls::said(verified, &facts, query, moment);
                        (None, facts, text)
                    }
                    // It was verified a moment ago by the same rules.
                    _ => (None, Vec::new(), Vec::new()),
                };
                if answer.binding() == Binding::SerialNumber {
                    text.push("by serial number alone".to_owned());
                }
                (facts, crl_facts, text)
            },
        );
        let (facts, crl_facts, text) = proved.unwrap_or_default();
        let said = Said {
            word: Word::Verdict(answer.verdict()),
            reason: words::status_code(answer.status()),
            text: text.join(", "),
            advice: advisor.on_answer(answer),
        };
        Self {
            source: Some(answer.source().name()),
            url: answer.url().map(ToString::to_string),
            stale: answer.stale().is_some(),
            stale_reason: answer.stale().map(|fault| fault.code()),
            contradiction: answer.has_contradiction(),
            response: facts,
            crls: crl_facts,
            checks: Line::of(answer.evidence()),
            basis: Some(answer.checked().clone()),
            judged_at: Some(moment.at()),
            ..Self::new(place, question, said)
        }
    }

    fn new(place: Place, question: &Question, said: Said) -> Self {
        let exit = ExitCode::from(said.word);
        let (subject, serial) = match &question.subject {
            Subject::SerialNumber(content) => {
                (None, SerialNumber::from_content(content).to_string())
            }
            _ => question.certificate().map_or_else(
                || (None, String::new()),
                |it| (Some(it.subject.to_string()), it.serial_number.to_string()),
            ),
        };
        let (cause, next) = match said.advice {
            Some(Advice { cause, next }) => (Some(cause), Some(next)),
            None => (None, None),
        };
        Self {
            place,
            subject,
            serial,
            verdict: said.word.as_str(),
            code: exit.number(),
            reason: said.reason,
            text: said.text,
            source: None,
            url: None,
            counted: true,
            stale: false,
            stale_reason: None,
            contradiction: false,
            response: None,
            crls: Vec::new(),
            checks: Vec::new(),
            exchanges: Vec::new(),
            sent: 0,
            received: 0,
            connections: 0,
            ms: 0,
            skew: None,
            cause,
            next,
            word: said.word,
            basis: None,
            question: question.clone(),
            judged_at: None,
            replay: Vec::new(),
        }
    }

    /// Puts another verdict in the place of this one.
    pub(super) fn overrule(
        &mut self,
        word: Word,
        reason: &'static str,
        text: String,
        cause: &str,
        next: String,
    ) {
        self.word = word;
        self.verdict = word.as_str();
        self.code = ExitCode::from(word).number();
        self.reason = Some(reason);
        self.text = text;
        self.cause = Some(cause.to_owned());
        self.next = Some(next);
        self.basis = None;
    }

    /// What it is about, for a line of text.
    pub(super) fn about(&self) -> String {
        let name = self.subject.as_ref().map_or_else(String::new, |subject| {
            format!(
                " \"{}\"",
                crate::escape::escape(subject)
                    .to_string()
                    .replace('"', "\\\"")
            )
        });
        match self.place {
            Place::SerialNumber => format!("serial number {}", self.serial),
            place => format!("{}{name}, serial {}", place.name(), self.serial),
        }
    }
}

/// A certificate that nobody answers for.
fn refused(
    question: &Question,
    outcome: &Outcome,
    why: &NoAnswer,
    basis: Option<&Checked>,
    advisor: &Advisor<'_>,
) -> Said {
    let serial = match &question.subject {
        Subject::SerialNumber(content) => Some(SerialNumber::from_content(content)),
        _ => question
            .certificate()
            .map(|it: Certificate<'_>| it.serial_number),
    };
    let text = match why {
        NoAnswer::Failed(Failure::Refused(why)) => serial.map_or_else(
            || why.reason().to_string(),
            |serial| words::why(why.reason(), serial),
        ),
        NoAnswer::Failed(failure) => failed(failure),
        NoAnswer::NoSource if advisor.is_private() => {
            "no staple, no CRL, and responders are not asked".to_owned()
        }
        NoAnswer::NoSource if !outcome.locations().points.is_empty() => {
            "no responder named; a CRL is".to_owned()
        }
        NoAnswer::NoSource => "no responder and no CRL named".to_owned(),
        other => other.to_string(),
    };
    let reason = match why {
        NoAnswer::Question(why) => words::distrust(why).map_or("question", |fault| fault.code),
        other => other.code(),
    };
    Said {
        word: outcome.word(),
        reason: Some(reason),
        text,
        advice: Some(advisor.on_no_answer(outcome, why, basis)),
    }
}

/// Why nothing came, without the names of hosts: those stand in the lines below.
pub(super) fn failed(failure: &Failure) -> String {
    match failure {
        Failure::Fetch(why) => fetch_failed(why),
        Failure::NotOcsp { html: true, .. } => {
            "a web page came in place of an OCSP response".to_owned()
        }
        Failure::NotOcsp { .. } => "something else than an OCSP response came".to_owned(),
        other => other.to_string(),
    }
}

/// Why nothing was fetched, without the names of hosts.
pub(super) fn fetch_failed(why: &FetchError) -> String {
    match why {
        FetchError::AddressRefused { class, .. } => {
            format!(
                "the URL leads to a {class} address, which is not connected to unless it is named"
            )
        }
        FetchError::Connect { why, .. } => format!("cannot connect: {why}"),
        FetchError::Http(_) => "the HTTP exchange failed".to_owned(),
        FetchError::Resolve { .. } => "the name cannot be resolved".to_owned(),
        FetchError::Tls { .. } => "TLS failed".to_owned(),
        FetchError::Url(_) => "a URL that is not fetched".to_owned(),
        other => other.to_string(),
    }
}

/// The octets that a refusal is about, if they came.
fn basis(outcome: &Outcome, why: &NoAnswer) -> Option<Checked> {
    let NoAnswer::Failed(why) = why else {
        return None;
    };
    let attempt = outcome
        .attempts()
        .iter()
        .rev()
        .find(|attempt| attempt.result.as_ref().err() == Some(why))?;
    match &attempt.body {
        Some(der) => Some(Checked::Response {
            der: der.clone(),
            request: attempt.request.clone(),
            delegate_crls: Vec::new(),
        }),
        None if !attempt.crls.is_empty() => Some(Checked::Crls(attempt.crls.clone())),
        None => None,
    }
}
