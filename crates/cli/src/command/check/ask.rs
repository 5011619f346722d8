//! From the flags to the findings: reads the files, finds the chain, asks about each certificate of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use certvouch_client::{
    Client, ExpiredCertificates, Outcome, Policy, Question, Sha1Signatures, Word,
};
use certvouch_fetch::{FetchError, Fetcher, SystemResolver};
use certvouch_types::{Certificate, Crl};
use certvouch_verify::Profile;
use http::Uri;
use rustls_pki_types::ServerName;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::advice::{Advisor, Call};
use super::args::{Chain, CheckArgs};
use super::call;
use super::fetching;
use super::finding::{Finding, Place, fetch_failed, millis};
use super::host::{Handshake, Host};
use super::path::{self, Link};
use super::replay;
use super::report::{About, Report};
use super::trust::Roots;
use crate::clock::Clock;
use crate::command::input;
use crate::escape::escape_path;
use crate::serial::Serial;

/// One target, and what it shares with the others of a list.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) args: Arc<CheckArgs>,
    pub(super) policy: Arc<Policy>,
    pub(super) client: Client,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) clock: Clock,
    pub(super) issuers: Arc<Vec<Bytes>>,
    crl_issuers: Arc<Vec<Bytes>>,
    roots: Arc<OnceLock<Arc<Roots>>>,
    /// As the caller wrote it.
    target: String,
    call: Call,
}

/// The chain of a target.
pub(super) struct Chained {
    pub(super) links: Vec<Link>,
    pub(super) notes: Vec<&'static str>,
    /// Of a host, with the response that came along.
    pub(super) handshake: Option<(Handshake, Option<Bytes>)>,
}

/// What can be known without asking about a status.
pub(super) enum Found {
    Chain(Chained),
    Report(Box<Report>),
}

impl Desk {
    /// # Errors
    /// A file that a flag names.
    pub(super) fn new(args: CheckArgs, clock: &Clock) -> Result<Self> {
        let policy = policy(&args)?;
        let now = clock.clone();
        let to_clock = certvouch_client::Clock::from_fn(move || now.now());
        let client = Client::with(policy.clone(), to_clock, Arc::new(SystemResolver))
            .map_err(|why| anyhow::anyhow!("{why}"))?;
        let fetcher = Fetcher::new(policy.fetch.clone()).map_err(|why| anyhow::anyhow!("{why}"))?;
        let issuers = match &args.issuer {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let mut crl_issuers = Vec::new();
        for path in &args.crl_issuer {
            crl_issuers.extend(certificates(path)?);
        }
        let target = args.target.clone().unwrap_or_default();
        let call = Call {
            words: call::words(),
            folder: args.save.clone(),
            private: args.private,
            file: file(&target),
            timeout: millis(args.timeout),
        };
        Ok(Self {
            args: Arc::new(args),
            policy: Arc::new(policy),
            client,
            fetcher: Arc::new(fetcher),
            clock: clock.clone(),
            issuers: Arc::new(issuers),
            crl_issuers: Arc::new(crl_issuers),
            roots: Arc::default(),
            target,
            call,
        })
    }

    /// The same for a target of a list, whose evidence goes to this folder.
    pub(super) fn of(&self, target: &str, folder: Option<PathBuf>) -> Self {
        let mut desk = self.clone();
        target.clone_into(&mut desk.target);
        desk.call.words = call::words_of(target);
        desk.call.file = file(target);
        desk.call.folder = folder;
        desk
    }

    pub(super) fn sha1(&self) -> Sha1Signatures {
        self.policy.sha1_signatures
    }

    /// Loads the roots once.
    ///
    /// # Errors
    /// A file of `--trust`.
    fn roots(&self) -> Result<Arc<Roots>> {
        if self.args.trust.is_empty() && self.call.file.is_none() && !self.issuers.is_empty() {
            // A host's: whoever names the issuer vouches for it.
            return Ok(Arc::new(Roots::named(self.issuers.to_vec())));
        }
        if let Some(roots) = self.roots.get() {
            return Ok(Arc::clone(roots));
        }
        let mut named = Vec::new();
        for path in &self.args.trust {
            named.extend(certificates(path)?);
        }
        let roots = match named.is_empty() {
            true => Roots::system(),
            false => Roots::named(named),
        };
        Ok(Arc::clone(self.roots.get_or_init(|| Arc::new(roots))))
    }

    pub(super) fn about(&self, notes: Vec<&'static str>) -> About {
        About {
            target: self.target.clone(),
            profile: self.policy.profile.name(),
            sha1_allowed: self.args.allow_sha1,
            at: self.args.at.unwrap_or_else(|| self.clock.now()),
            notes,
        }
    }

    /// Finds out what the flags ask for, within `--timeout`.
    ///
    /// # Errors
    /// What makes the question impossible: a file, a serial number.
    pub(super) async fn check(&self) -> Result<Report> {
        let began = Instant::now();
        match self.crls(began).await? {
            Ok(crls) => self.check_with(&crls, began).await,
            Err(report) => Ok(report),
        }
    }

    /// The same, with the CRLs of `--crl`.
    ///
    /// # Errors
    /// As [`Desk::check`].
    pub(super) async fn check_with(&self, crls: &[Bytes], began: Instant) -> Result<Report> {
        if let Some(serial) = &self.args.serial {
            return self.check_serial(serial, crls, began).await;
        }
        let path = PathBuf::from(&self.target);
        let protocol = self.args.starttls.map(Into::into);
        let host = Host::parse(&self.target, protocol).filter(|_| !path.exists());
        let found = match host {
            Some(host) => self.chain_of_host(&host, began).await?,
            None => self.chain_of_file(&path, began).await?,
        };
        match found {
            Found::Report(report) => Ok(*report),
            Found::Chain(chain) => self.ask_all(chain, crls, began).await,
        }
    }

    /// The chain in a file, and above it.
    async fn chain_of_file(&self, path: &Path, began: Instant) -> Result<Found> {
        let all = match input::is_stdin(path) {
            true => input::certificates(input::read_or_stdin(path)?).context("standard input")?,
            false => input::read_certificates(path)?,
        };
        let mut all = all.into_iter().map(Bytes::from);
        let leaf = all.next().context("no certificate")?;
        let others: Vec<Bytes> = all.collect();
        let parsed = Certificate::parse(&leaf)
            .with_context(|| format!("{}: the certificate does not parse", escape_path(path)))?;
        if !self.issuers.is_empty() {
            return self.below_named_issuer(&leaf, &others);
        }
        if path::is_self_issued(&leaf) {
            return Ok(Found::Report(Box::new(self.on_root(&parsed))));
        }
        if let Ok(issuer) = path::issuer_of(&leaf, &others, self.sha1()) {
            return self.with_file(&leaf, &issuer, &others);
        }
        self.by_aia(&leaf, &parsed, began).await
    }

    /// Nobody stands above a certificate that is its own issuer.
    fn on_root(&self, certificate: &Certificate<'_>) -> Report {
        let text = "the certificate is its own issuer: nobody above it could revoke it".to_owned();
        let advice = super::advice::Advice::new(
            "this is a root, or a certificate that somebody signed for himself; whether it is trusted is decided by \
             whoever puts it into a store",
            self.advisor(1, Some(certificate)).look_at_certificate(),
        );
        let about = self.about(Vec::new());
        Report::nothing(about, Word::NoOcsp, "self-issued", text, advice, 0)
    }

    /// The caller named the issuer, and vouches for it.
    fn below_named_issuer(&self, leaf: &Bytes, others: &[Bytes]) -> Result<Found> {
        // Where none of them is the issuer, the client says so: the first is as wrong as the others.
        let named = path::issuer_of(leaf, &self.issuers, self.sha1());
        let issuer = named.unwrap_or_else(|_| self.likely_issuer(leaf));
        if !self.args.trust.is_empty() {
            let above = [&self.issuers[..], others].concat();
            return self.validated(leaf, &above, None);
        }
        let links = vec![Link {
            place: Place::Leaf,
            certificate: leaf.clone(),
            issuer,
        }];
        Ok(Found::Chain(Chained {
            links,
            notes: Vec::new(),
            handshake: None,
        }))
    }

    /// The named issuer that has the right name, else the first.
    fn likely_issuer(&self, leaf: &Bytes) -> Bytes {
        let has_name =
            |issuer: &&Bytes| match (Certificate::parse(leaf), Certificate::parse(issuer)) {
                (Ok(leaf), Ok(issuer)) => leaf.issuer.matches(&issuer.subject),
                _ => false,
            };
        let found = self
            .issuers
            .iter()
            .find(has_name)
            .or_else(|| self.issuers.first());
        found.cloned().unwrap_or_default()
    }

    /// The issuer stands in the file: whoever hands the file over vouches for it, unless roots are named.
    fn with_file(&self, leaf: &Bytes, issuer: &Bytes, others: &[Bytes]) -> Result<Found> {
        if !self.args.trust.is_empty() {
            return self.validated(leaf, others, None);
        }
        Ok(Found::Chain(Chained {
            links: path::links(leaf, issuer, others, self.sha1()),
            notes: vec!["the issuer is taken from the file"],
            handshake: None,
        }))
    }

    /// Validates the chain to a root before anybody is asked.
    pub(super) fn validated(
        &self,
        leaf: &Bytes,
        others: &[Bytes],
        name: Option<&ServerName<'_>>,
    ) -> Result<Found> {
        let at = self.args.at.unwrap_or_else(|| self.clock.now());
        match self.roots()?.validate(leaf, others, name, at) {
            Ok(chain) => Ok(Found::Chain(Chained {
                links: path::links_of(&chain),
                notes: Vec::new(),
                handshake: None,
            })),
            Err(why) => {
                let link = Link {
                    place: Place::Leaf,
                    certificate: leaf.clone(),
                    issuer: others.first().cloned().unwrap_or_default(),
                };
                let parsed = Certificate::parse(leaf).ok();
                let finding = Finding::untrusted(&link, &why, &self.advisor(1, parsed.as_ref()));
                let about = self.about(Vec::new());
                let report = Report::new(about, vec![finding], 0);
                Ok(Found::Report(Box::new(report)))
            }
        }
    }

    /// Fetches the issuer where the certificate says that it is, and what stands above it likewise. It comes over an
    /// open line: it counts only below a root.
    async fn by_aia(
        &self,
        leaf: &Bytes,
        parsed: &Certificate<'_>,
        began: Instant,
    ) -> Result<Found> {
        let mut found: Vec<Bytes> = Vec::new();
        let mut lowest = leaf.clone();
        // Root, intermediate, another one: a fourth is seen rarely.
        for _ in 0..4 {
            if path::is_self_issued(&lowest) {
                break;
            }
            let Ok(certificate) = Certificate::parse(&lowest) else {
                break;
            };
            let left = self.args.timeout.saturating_sub(began.elapsed());
            let fetched = fetching::issuers(&self.fetcher, &certificate);
            let fetched = tokio::time::timeout(left, fetched).await;
            let fetched = fetched.unwrap_or(Err(Some((
                Uri::default(),
                FetchError::Timeout(self.args.timeout),
            ))));
            match fetched {
                Ok(more) => {
                    let issuer = path::issuer_of(&lowest, &more, self.sha1());
                    found.extend(more);
                    match issuer {
                        Ok(issuer) => lowest = issuer,
                        Err(_) => break,
                    }
                }
                Err(why) if found.is_empty() => return self.without_issuer(parsed, why, began),
                // What is above the issuer may be a root that is here already.
                Err(_) => break,
            }
        }
        if self.args.no_chain {
            let issuer = path::issuer_of(leaf, &found, self.sha1());
            let issuer = issuer.or_else(|_| found.first().cloned().ok_or(()));
            return Ok(Found::Chain(Chained {
                links: path::links(leaf, &issuer.unwrap_or_default(), &found, self.sha1()),
                notes: vec!["the chain was not validated"],
                handshake: None,
            }));
        }
        self.validated(leaf, &found, None)
    }

    /// Nobody knows the issuer, so that nobody can be asked.
    pub(super) fn without_issuer(
        &self,
        certificate: &Certificate<'_>,
        why: Option<(Uri, FetchError)>,
        began: Instant,
    ) -> Result<Found> {
        let locations = certvouch_client::Locations::of(certificate);
        let advisor = self.advisor(1, Some(certificate));
        let about = self.about(Vec::new());
        let ms = millis(began.elapsed());
        let report = match why {
            Some((url, why)) => {
                let text = format!(
                    "the issuer's certificate cannot be fetched: {}",
                    fetch_failed(&why)
                );
                let mut advice =
                    advisor.on_fetch(&why, Some(&url).filter(|it| it.host().is_some()), true);
                if !matches!(why, FetchError::AddressRefused { .. }) {
                    advice.next = self.call.again("--issuer ca.pem");
                }
                Report::nothing(
                    about,
                    Word::Unreachable,
                    "issuer-unreachable",
                    text,
                    advice,
                    ms,
                )
            }
            None if locations.responders.is_empty()
                && locations.points.is_empty()
                && self.args.url.is_empty()
                && self.args.crl.is_empty() =>
            {
                let text = "no responder and no CRL named, and the issuer is not known".to_owned();
                let advice = super::advice::Advice::new(
                    "the CA names no status source in its certificates; its manual says whether there is a responder \
                     or a CRL",
                    self.call.again("--issuer ca.pem --crl ca.crl"),
                );
                Report::nothing(about, Word::NoOcsp, "no-source", text, advice, ms)
            }
            None => bail!(
                "the issuer is not known: neither the file nor the certificate has it; name it with --issuer"
            ),
        };
        Ok(Found::Report(Box::new(report)))
    }

    /// The CRLs of `--crl`, or the report that one cannot be fetched.
    ///
    /// # Errors
    /// A file.
    pub(super) async fn crls(&self, began: Instant) -> Result<Result<Vec<Bytes>, Report>> {
        let mut all = Vec::new();
        let mut policy = self.policy.fetch.clone();
        policy.max_body = self.policy.max_crl;
        policy.total_timeout = self.args.timeout;
        for place in &self.args.crl {
            if !place.starts_with("http://") && !place.starts_with("https://") {
                let found = input::read_crls(Path::new(place))?;
                all.extend(found.into_iter().map(Bytes::from));
                continue;
            }
            let url: Uri = place.parse().context("--crl: not a URL")?;
            let fetcher = Fetcher::new(policy.clone()).map_err(|why| anyhow::anyhow!("{why}"))?;
            match fetching::crl(&fetcher, url.clone()).await {
                Ok(crl) => all.push(crl),
                Err(why) => {
                    let text = format!("the CRL cannot be fetched: {}", fetch_failed(&why));
                    let advice = self.advisor(1, None).on_fetch(&why, Some(&url), true);
                    let (about, ms) = (self.about(Vec::new()), millis(began.elapsed()));
                    let word = Word::Unreachable;
                    let report = Report::nothing(about, word, "crl-unreachable", text, advice, ms);
                    return Ok(Err(report));
                }
            }
        }
        Ok(Ok(all))
    }

    fn prepare(
        &self,
        mut question: Question,
        place: Place,
        crls: &[Bytes],
        began: Instant,
    ) -> Result<Question> {
        question.crls = crls.to_vec();
        if place == Place::Intermediate {
            // The leaf's are no reason to doubt an intermediate.
            let issuer = question.issuer.clone();
            question.crls.retain(|crl| is_of(crl, &issuer));
        }
        question.crl_issuers.clone_from(&self.crl_issuers);
        question.at = self.args.at;
        question.time = Some(self.args.timeout.saturating_sub(began.elapsed()));
        if !self.args.url.is_empty() && place != Place::Intermediate {
            question.responders = Some(self.args.url.clone());
        }
        Ok(question)
    }

    async fn check_serial(&self, serial: &str, crls: &[Bytes], began: Instant) -> Result<Report> {
        let serial =
            Serial::parse(serial, false).map_err(|why| anyhow::anyhow!("--serial: {why}"))?;
        let issuer = self
            .issuers
            .first()
            .cloned()
            .context("--serial needs --issuer")?;
        let place = Place::SerialNumber;
        let question = Question::serial_number(serial.content(), issuer);
        let question = self.prepare(question, place, crls, began)?;
        let outcome = self.client.ask(question.clone()).await;
        let finding = self.finding(place, &question, &outcome, 1);
        let ms = millis(began.elapsed());
        Ok(Report::new(self.about(Vec::new()), vec![finding], ms))
    }

    /// Asks about every certificate of a chain at the same time.
    async fn ask_all(&self, chain: Chained, crls: &[Bytes], began: Instant) -> Result<Report> {
        let most = match self.args.chain {
            Chain::Leaf => 1,
            Chain::Full | Chain::Strict => chain.links.len(),
        };
        let mut asking = JoinSet::new();
        for (index, link) in chain.links.iter().take(most).enumerate() {
            let question = self.prepare(link.question(), link.place, crls, began)?;
            let (client, place) = (self.client.clone(), link.place);
            asking.spawn(async move {
                let outcome = client.ask(question.clone()).await;
                (index, place, question, outcome)
            });
        }
        let mut ended = asking.join_all().await;
        ended.sort_by_key(|(index, ..)| *index);
        let findings = ended.iter().map(|(index, place, question, outcome)| {
            let mut finding = self.finding(*place, question, outcome, index + 1);
            finding.counted = *place != Place::Intermediate
                || finding.word != Word::NoOcsp
                || self.args.chain == Chain::Strict;
            finding
        });
        let mut findings: Vec<Finding> = findings.collect();
        let Some((mut handshake, staple)) = chain.handshake else {
            let (about, ms) = (self.about(chain.notes), millis(began.elapsed()));
            return Ok(Report::new(about, findings, ms));
        };
        let staple = match (staple, ended.first()) {
            (Some(staple), Some((_, _, question, _))) => {
                Some(self.judge_staple(question, staple).await?)
            }
            _ => None,
        };
        if !findings.is_empty() {
            let leaf = findings.remove(0);
            findings.insert(0, self.with_staple(leaf, staple, &mut handshake));
        }
        let (about, ms) = (self.about(chain.notes), millis(began.elapsed()));
        let mut report = Report::new(about, findings, ms);
        report.handshake = Some(handshake);
        Ok(report)
    }

    pub(super) fn again(&self, more: &str) -> String {
        self.call.again(more)
    }

    pub(super) const fn advisor<'a>(
        &'a self,
        number: usize,
        certificate: Option<&'a Certificate<'a>>,
    ) -> Advisor<'a> {
        Advisor {
            call: &self.call,
            number,
            certificate,
        }
    }

    fn finding(
        &self,
        place: Place,
        question: &Question,
        outcome: &Outcome,
        number: usize,
    ) -> Finding {
        let certificate = question.certificate();
        let advisor = self.advisor(number, certificate.as_ref());
        let mut finding = Finding::asked(place, question, outcome, &self.policy, &advisor);
        if self.args.replay {
            finding.replay = replay::commands(outcome, self.files(place, &finding).as_ref());
        }
        finding
    }

    /// The files for openssl: it takes the first certificate of each.
    fn files(&self, place: Place, finding: &Finding) -> Option<replay::Files> {
        let subject = match place {
            Place::Leaf => replay::Subject::File(self.call.file.clone()?),
            Place::SerialNumber => replay::Subject::Serial(finding.serial.clone()),
            Place::Intermediate => return None,
        };
        let issuer = self.args.issuer.clone()?;
        Some(replay::Files { subject, issuer })
    }
}

fn policy(args: &CheckArgs) -> Result<Policy> {
    let mut policy = match args.private {
        true => Policy::private(),
        false => Policy::default(),
    };
    policy.nonce = args.nonce.into();
    policy.profile = Profile::by_name(&args.profile).context("no such profile")?;
    policy.total_time = args.timeout;
    policy.fetch.named_networks.clone_from(&args.allow_address);
    if args.ask_expired {
        policy.expired = ExpiredCertificates::Asked;
    }
    if args.allow_sha1 {
        policy.sha1_signatures = Sha1Signatures::Allowed;
    }
    Ok(policy)
}

/// Whether the CRL names this CA as its issuer.
fn is_of(crl: &[u8], issuer: &[u8]) -> bool {
    match (Crl::parse(crl), Certificate::parse(issuer)) {
        (Ok(crl), Ok(issuer)) => crl.issuer.matches(&issuer.subject),
        _ => false,
    }
}

fn certificates(path: &Path) -> Result<Vec<Bytes>> {
    let found = input::read_certificates(path)?;
    Ok(found.into_iter().map(Bytes::from).collect())
}

/// The certificate's file, if the target is one.
fn file(target: &str) -> Option<PathBuf> {
    let path = PathBuf::from(target);
    path.is_file().then_some(path)
}
