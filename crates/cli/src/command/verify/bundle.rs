//! `certvouch verify --bundle`: proves what `certvouch check --save` kept, on any later day and without a network.
//!
//! Judged by the clock of the check and by its rules: what the answer was worth then it is worth for ever. First the sums
//! are compared, then every signature and every rule once more, and the verdicts with those that were written down.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use certvouch_client::{Checked, NonceMode, Policy, Proof, Question, Sha1Signatures, Word, prove};
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::{Moment, Profile, Verdict};
use serde::Serialize;

use super::report::{Line, paint, time};
use super::words;
use crate::command::bundle::{Bundle, Files, Item};
use crate::command::input;
use crate::command::quote::shell_path;
use crate::escape::escape;
use crate::exit::ExitCode;

/// Seconds by which the clock of the check may be ahead of this one.
const AHEAD: i64 = 300;

/// What became of the proof.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    verdict: &'static str,
    code: u8,
    #[serde(skip)]
    exit: ExitCode,
    reason: Option<&'static str>,
    text: String,
    target: Option<String>,
    /// The clock of the check.
    #[serde(serialize_with = "super::report::maybe_time")]
    checked_at: Option<Timestamp>,
    #[serde(serialize_with = "time")]
    at: Timestamp,
    certificates: Vec<Proved>,
    cause: Option<&'static str>,
    next: Option<String>,
}

/// One certificate.
#[derive(Debug, Serialize)]
struct Proved {
    place: String,
    serial: String,
    verdict: &'static str,
    /// Whether octets prove it, or whether it is only written down: that nobody answered leaves no octets.
    proved: bool,
    text: String,
    checks: Vec<Line>,
    #[serde(skip)]
    word: Word,
    #[serde(skip)]
    counted: bool,
}

/// Why a bundle does not prove what it says.
struct Broken(&'static str, String);

/// Proves the bundle of a folder; `now` is today.
///
/// # Errors
/// There is no bundle.
pub(super) fn judge(dir: &Path, now: Timestamp) -> Result<Report> {
    let files = Files::read(dir)?;
    if let Some(name) = &files.changed {
        let text = format!("the bundle was changed: {name}");
        return Ok(Report::broken(dir, now, Broken("bundle-changed", text)));
    }
    let bundle = files.index()?;
    Ok(match prove_all(&bundle, &files, now) {
        Ok(proved) => Report::proved(dir, &bundle, proved, now),
        Err(broken) => Report::broken(dir, now, broken),
    })
}

fn prove_all(bundle: &Bundle, files: &Files, now: Timestamp) -> Result<Vec<Proved>, Broken> {
    let policy = policy(bundle).ok_or_else(|| broken("bundle.json"))?;
    let at = Timestamp::from_rfc3339(&bundle.at).ok_or_else(|| broken("bundle.json"))?;
    if at.unix() > now.unix().saturating_add(AHEAD) {
        let text = format!("the check is dated {at}, after this clock");
        return Err(Broken("bundle-from-the-future", text));
    }
    let mut all = Vec::new();
    for item in &bundle.certificates {
        let proved = prove_one(item, files, &policy)?;
        if proved.word.as_str() != item.verdict {
            let text = format!(
                "the octets say {}, and bundle.json says otherwise",
                proved.verdict
            );
            return Err(Broken("bundle-verdict-differs", text));
        }
        all.push(proved);
    }
    let counted = all.iter().filter(|one| one.counted);
    let worst = counted.max_by_key(|one| one.word.rank());
    // A verdict that nothing was asked for stands in the index alone.
    if worst.is_some_and(|worst| worst.word.as_str() != bundle.verdict) {
        let text = "the certificates add up to another verdict than bundle.json says".to_owned();
        return Err(Broken("bundle-verdict-differs", text));
    }
    Ok(all)
}

fn broken(what: &str) -> Broken {
    Broken(
        "bundle-broken",
        format!("{what} does not say what it has to"),
    )
}

fn policy(bundle: &Bundle) -> Option<Policy> {
    let mut policy = Policy::default();
    policy.profile = Profile::by_name(&bundle.profile)?;
    if bundle.nonce_required {
        policy.nonce = NonceMode::Require;
    }
    if bundle.sha1_allowed {
        policy.sha1_signatures = Sha1Signatures::Allowed;
    }
    Some(policy)
}

fn prove_one(item: &Item, files: &Files, policy: &Policy) -> Result<Proved, Broken> {
    let octets = |name: &str| {
        let found = files.get(name).map(Bytes::copy_from_slice);
        found.ok_or_else(|| broken("bundle.json"))
    };
    let certificate = |name: &String| {
        let found = input::certificates(octets(name)?.to_vec()).map_err(|_| broken(INDEXED))?;
        found
            .into_iter()
            .next()
            .map(Bytes::from)
            .ok_or_else(|| broken(INDEXED))
    };
    let moment = Timestamp::from_rfc3339(&item.at).ok_or_else(|| broken("bundle.json"))?;
    let recorded = |text: &str| -> Result<Proved, Broken> {
        let word = word(&item.verdict).ok_or_else(|| broken("bundle.json"))?;
        Ok(Proved::new(item, word, text.to_owned(), Vec::new(), false))
    };
    let issuer = item.issuer.as_ref().map(certificate).transpose()?;
    let issuer = issuer.unwrap_or_default();
    let mut question = match &item.certificate {
        Some(name) => Question::about(certificate(name)?, issuer),
        None => {
            let serial = input::hex(&item.serial).map_err(|_| broken("bundle.json"))?;
            let content = match serial.first() {
                Some(0x80..) => [&[0], &serial[..]].concat(),
                _ => serial,
            };
            Question::serial_number(content, issuer)
        }
    };
    for name in &item.crl_issuers {
        question.crl_issuers.push(certificate(name)?);
    }
    let crls: Result<Vec<Bytes>, Broken> = item.crls.iter().map(|name| octets(name)).collect();
    let crls = crls?;
    let checked = match &item.response {
        Some(name) => Checked::Response {
            der: octets(name)?,
            request: item.request.as_ref().map(|name| octets(name)).transpose()?,
            delegate_crls: crls,
        },
        None if !crls.is_empty() => Checked::Crls(crls),
        None => {
            return without_octets(item, &question, moment, policy).unwrap_or_else(|| {
                recorded("as it was written down: nothing came that could be kept")
            });
        }
    };
    let moment = Moment::now(moment);
    let proved = prove(
        &question,
        &checked,
        moment,
        policy,
        |query, proof| match proof {
            Ok(proof) => {
                let (verdict, text, evidence) = said(&proof, query, moment);
                Proved::new(item, Word::Verdict(verdict), text, evidence, true)
            }
            Err(why) => {
                let text = words::why(why.reason(), query.serial_number());
                let evidence = Line::of(why.evidence());
                Proved::new(item, Word::Verdict(why.verdict()), text, evidence, true)
            }
        },
    );
    Ok(proved.unwrap_or_else(|why| {
        let word = Word::Verdict(Verdict::NotTrusted);
        Proved::new(item, word, why.to_string(), Vec::new(), true)
    }))
}

const INDEXED: &str = "a certificate of the bundle";

/// Verdicts that rest on the certificates alone.
fn without_octets(
    item: &Item,
    question: &Question,
    at: Timestamp,
    policy: &Policy,
) -> Option<Result<Proved, Broken>> {
    let proved = |verdict: Verdict, text: String| {
        Some(Ok(Proved::new(
            item,
            Word::Verdict(verdict),
            text,
            Vec::new(),
            true,
        )))
    };
    if let Err(why) = question.query(None, policy.sha1_signatures) {
        // Of a chain that ends nowhere the issuer is not kept.
        return match question.issuer.is_empty() {
            true => None,
            false => proved(Verdict::NotTrusted, why.to_string()),
        };
    }
    let certificate: Certificate<'_> = question.certificate()?;
    let validity = certificate.validity;
    match item.reason.as_deref() {
        Some("certificate-expired") if at > validity.not_after => proved(
            Verdict::NotCurrent,
            format!("the certificate expired at {}", validity.not_after),
        ),
        Some("certificate-not-yet-valid") if at < validity.not_before => proved(
            Verdict::NotCurrent,
            format!("the certificate is valid only from {}", validity.not_before),
        ),
        Some("certificate-expired" | "certificate-not-yet-valid") => Some(Err(Broken(
            "bundle-verdict-differs",
            "the certificate's dates say otherwise than bundle.json".to_owned(),
        ))),
        _ => None,
    }
}

fn said(
    proof: &Proof<'_>,
    query: &certvouch_verify::Query<'_>,
    moment: Moment,
) -> (Verdict, String, Vec<Line>) {
    match proof {
        Proof::Response(verified) => {
            let facts = super::report::Facts::new(verified);
            let text = super::report::said(verified, &facts, query).join(", ");
            (verified.verdict(), text, Line::of(verified.evidence()))
        }
        Proof::Crls(verified) => {
            let facts: Vec<_> = verified
                .crls()
                .iter()
                .map(super::crls::CrlFacts::new)
                .collect();
            let text = super::crls::said(verified, &facts, query, moment).join(", ");
            (verified.verdict(), text, Line::of(verified.evidence()))
        }
        _ => (Verdict::NotTrusted, String::new(), Vec::new()),
    }
}

/// The word that is written so.
fn word(text: &str) -> Option<Word> {
    let verdicts = [
        Verdict::Good,
        Verdict::ResponderError,
        Verdict::NotCurrent,
        Verdict::Unknown,
        Verdict::Malformed,
        Verdict::NotTrusted,
        Verdict::Revoked,
    ];
    let all = verdicts.map(Word::Verdict);
    let mut all = all.into_iter().chain([Word::Unreachable, Word::NoOcsp]);
    all.find(|word| word.as_str() == text)
        // What no octets prove must not end with 0.
        .filter(|word| *word != Word::Verdict(Verdict::Good))
}

impl Proved {
    fn new(item: &Item, word: Word, text: String, checks: Vec<Line>, proved: bool) -> Self {
        Self {
            place: item.place.clone(),
            serial: item.serial.clone(),
            verdict: word.as_str(),
            proved,
            text,
            checks,
            word,
            counted: item.counted,
        }
    }
}

impl Report {
    fn broken(dir: &Path, now: Timestamp, Broken(reason, text): Broken) -> Self {
        let exit = ExitCode::NotTrusted;
        Self {
            verdict: Verdict::NotTrusted.word(),
            code: exit.number(),
            exit,
            reason: Some(reason),
            text,
            target: None,
            checked_at: None,
            at: now,
            certificates: Vec::new(),
            cause: Some(
                "a file of the bundle was changed, cut or exchanged since it was saved, or this clock is wrong",
            ),
            next: Some(format!("cd {} && sha256sum -c SHA256SUMS", shell_path(dir))),
        }
    }

    fn proved(dir: &Path, bundle: &Bundle, certificates: Vec<Proved>, now: Timestamp) -> Self {
        let counted = certificates.iter().filter(|one| one.counted);
        let worst = counted.reduce(|worst, one| {
            if one.word.rank() > worst.word.rank() {
                one
            } else {
                worst
            }
        });
        let recorded = || word(&bundle.verdict).unwrap_or(Word::Verdict(Verdict::NotTrusted));
        let word = worst.map_or_else(recorded, |worst| worst.word);
        let good = word == Word::Verdict(Verdict::Good);
        let text = worst.map_or_else(
            || "as it was written down: nothing came that could be kept".to_owned(),
            |worst| worst.text.clone(),
        );
        let exit = ExitCode::from(word);
        Self {
            verdict: word.as_str(),
            code: exit.number(),
            exit,
            reason: (!good).then_some("as-saved"),
            text: format!("as of {}: {text}", bundle.at),
            target: Some(bundle.target.clone()),
            checked_at: Timestamp::from_rfc3339(&bundle.at),
            at: now,
            certificates,
            cause: (!good).then_some("the same as on that day; the report of the check says more"),
            next: (!good).then(|| format!("cat {}", shell_path(&dir.join("report.json")))),
        }
    }

    pub(super) const fn exit(&self) -> ExitCode {
        self.exit
    }

    /// For people.
    pub(super) fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        let (begin, end) = paint(self.exit, colour);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{begin}{}{end} ({})\n", self.verdict, self.text);
        for one in &self.certificates {
            let verdict = match one.word {
                Word::Verdict(Verdict::Good) => "not revoked",
                word => word.as_str(),
            };
            let _ = writeln!(
                out,
                "  {}, serial {}: {verdict} ({})",
                escape(&one.place),
                escape(&one.serial),
                escape(&one.text)
            );
            for line in &one.checks {
                let _ = writeln!(
                    out,
                    "    {}",
                    line.text(one.checks.iter().any(Line::is_of_several))
                );
            }
        }
        let _ = writeln!(out, "  proved at {}", self.at);
        if let (Some(cause), Some(next)) = (&self.cause, &self.next) {
            let _ = writeln!(out, "\n  cause: {cause}\n  next:  {next}");
        }
        out
    }
}

/// Proves the bundle, or says why there is none.
///
/// # Errors
/// As [`judge`].
pub(super) fn run(dir: &Path, now: Timestamp) -> Result<Report> {
    judge(dir, now).with_context(|| crate::escape::escape_path(dir).to_string())
}
