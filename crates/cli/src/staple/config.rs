//! `staple.toml`: which certificates are stapled, where their staples go, and what is done when one is not good.
//!
//! Every fault is told with its key and line, all at once where that is possible. Paths count from the file's folder.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use certvouch_stapling::{Mode, Reaction, Reactions, Schedule};
use http::Uri;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::command::input;
use crate::config::document::{Document, Words};
use crate::config::{ConfigError, Fault, NetworkText, Period};
use crate::remote;

/// The keys of the file; an element of an array of tables goes by the array's name.
const KEYS: [&str; 43] = [
    "state",
    "parallel",
    "fetch_timeout",
    "networks",
    "listen",
    "schedule",
    "schedule.min_delay",
    "schedule.max_backoff",
    "schedule.deadline",
    "schedule.max_delay",
    "target",
    "target.name",
    "target.certificate",
    "target.issuer",
    "target.responder",
    "target.cert_id",
    "target.mode",
    "target.staples",
    "target.confirm",
    "target.confirm_name",
    "target.on_revoked",
    "target.on_unknown",
    "target.on_missing",
    "target.hook",
    "target.deliver",
    "target.deliver.kind",
    "target.deliver.file",
    "target.deliver.include",
    "target.deliver.reload",
    "target.deliver.socket",
    "target.deliver.format",
    "target.deliver.layout",
    "target.deliver.command",
    "target.deliver.deadline",
    "target.deliver.margin",
    "log",
    "log.level",
    "log.format",
    "target.deliver.certificate",
    "push",
    "push.url",
    "push.token_file",
    "push.tls_ca",
];
/// Those of later versions.
const PLANNED: [&str; 1] = ["target.push"];

/// Everything that the operator of an agent decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StapleConfig {
    /// The folder of kept staples and of what is known about them.
    pub state: PathBuf,
    /// Fetches at the same time.
    #[serde(default = "parallel")]
    pub parallel: usize,
    /// Time for one fetch.
    #[serde(default = "fetch_timeout")]
    pub fetch_timeout: Period,
    /// Networks to which URLs in certificates may lead although they are not public.
    #[serde(default)]
    pub networks: Vec<NetworkText>,
    /// Where health and metrics are told; without it nowhere.
    pub listen: Option<SocketAddr>,
    /// When certificates are asked for.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// The change logs that are followed.
    #[serde(default, deserialize_with = "one_or_many_tables")]
    pub push: Vec<PushConfig>,
    /// What is told on standard error.
    #[serde(default)]
    pub log: crate::config::Log,
    /// The certificates.
    #[serde(rename = "target", default)]
    pub targets: Vec<TargetConfig>,
}

const fn parallel() -> usize {
    certvouch_stapling::limits::PARALLEL
}

const fn fetch_timeout() -> Period {
    Period::from_secs(20)
}

/// `[schedule]`: see [`Schedule`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ScheduleConfig {
    /// The least time between two attempts.
    pub min_delay: Option<Period>,
    /// The most time between two attempts after failures.
    pub max_backoff: Option<Period>,
    /// How long before the end of a staple it must have been asked again.
    pub deadline: Option<Period>,
    /// The most time between two attempts after a success.
    pub max_delay: Option<Period>,
}

/// `[push]`, or `[[push]]` where there are several: see [`super::push`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PushConfig {
    /// The admin port of a certvouch responder.
    pub url: String,
    /// The file with a token that may `read`.
    pub token_file: PathBuf,
    /// The roots that an https admin port is checked against, instead of those of the system.
    pub tls_ca: Option<PathBuf>,
}

impl PushConfig {
    /// An admin port and the file of a token for it.
    #[must_use]
    pub fn new(url: impl Into<String>, token_file: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            token_file: token_file.into(),
            tls_ca: None,
        }
    }
}

/// `[[target]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TargetConfig {
    /// Its name in logs, metrics and tables.
    pub name: String,
    /// The certificate, then its chain; PEM.
    pub certificate: PathBuf,
    /// The issuer's certificate, where the chain does not hold it.
    pub issuer: Option<PathBuf>,
    /// The responders; by default those that the certificate names.
    #[serde(default, deserialize_with = "one_or_many_texts")]
    pub responder: Vec<String>,
    /// The hash of the CertID.
    #[serde(default)]
    pub cert_id: CertId,
    /// Whether it is stapled.
    #[serde(default)]
    pub mode: ModeWord,
    /// Whose status is stapled.
    #[serde(default)]
    pub staples: Staples,
    /// The address at which a handshake shows what is sent.
    pub confirm: Option<SocketAddr>,
    /// The server name of that handshake; by default the first DNS name of the certificate.
    pub confirm_name: Option<String>,
    /// What is done about revoked.
    pub on_revoked: Option<ReactionWord>,
    /// What is done about unknown.
    pub on_unknown: Option<ReactionWord>,
    /// What is done about no answer.
    pub on_missing: Option<ReactionWord>,
    /// The program that is called where a reaction is `hook`.
    #[serde(default)]
    pub hook: Vec<String>,
    /// Where the staple goes.
    #[serde(default, deserialize_with = "one_or_many_tables")]
    pub deliver: Vec<DeliverConfig>,
}

/// `deliver`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeliverConfig {
    /// To whom.
    pub kind: Kind,
    /// The file that the staple goes to.
    pub file: Option<PathBuf>,
    /// nginx: the file with the directives.
    pub include: Option<PathBuf>,
    /// The program that has a server read its files again.
    #[serde(default)]
    pub reload: Vec<String>,
    /// HAProxy: the runtime socket.
    pub socket: Option<PathBuf>,
    /// HAProxy: the name by which it knows the certificate, if that is not `file` without `.ocsp`.
    pub certificate: Option<String>,
    /// DER or PEM, for the kinds `file` and `exec`; DER by default.
    pub format: Option<Format>,
    /// How the file is put there.
    #[serde(default)]
    pub layout: Layout,
    /// exec: the program that gets the staple on its standard input.
    #[serde(default)]
    pub command: Vec<String>,
    /// How long a program may take.
    #[serde(default = "deadline")]
    pub deadline: Period,
    /// How long before its end a staple is taken back, so that it is gone in time.
    pub margin: Option<Period>,
}

const fn deadline() -> Period {
    Period::from_secs(30)
}

/// To whom a staple is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// nginx, by a file and an include.
    Nginx,
    /// HAProxy, by a file and its runtime socket.
    Haproxy,
    /// Exim, by a file in PEM that it reads anew for each connection.
    Exim,
    /// Whoever reads a file.
    File,
    /// A program.
    Exec,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// DER.
    #[default]
    Der,
    /// PEM, `OCSP RESPONSE`, as GnuTLS and OpenSSL take it.
    Pem,
}

/// How a file is put into its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layout {
    /// It is renamed over the old one, which watchers of folders (Envoy's `watched_directory`) notice.
    #[default]
    Plain,
    /// As Kubernetes lays out a Secret: `..data` is a link to a folder, and is what changes.
    Secret,
}

/// The hash of a CertID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CertId {
    /// SHA-1: the only one that curl, s2n-tls and HAProxy know.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Whose status is stapled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Staples {
    /// That of the server's own certificate.
    #[default]
    Leaf,
    /// That of every certificate that the server sends, each with its own (RFC 8446 4.4.2.1); for those who can.
    Chain,
}

/// [`Mode`] as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModeWord {
    /// [`Mode::Auto`]
    Auto,
    /// [`Mode::Must`]
    Must,
    /// [`Mode::Always`]
    #[default]
    Always,
    /// [`Mode::Never`]
    Never,
}

/// [`Reaction`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReactionWord {
    /// [`Reaction::Staple`]
    Staple,
    /// [`Reaction::Omit`]
    Omit,
    /// [`Reaction::Hook`]
    Hook,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Auto => Self::Auto,
            ModeWord::Must => Self::Must,
            ModeWord::Always => Self::Always,
            ModeWord::Never => Self::Never,
        }
    }
}

impl From<ReactionWord> for Reaction {
    fn from(word: ReactionWord) -> Self {
        match word {
            ReactionWord::Staple => Self::Staple,
            ReactionWord::Omit => Self::Omit,
            ReactionWord::Hook => Self::Hook,
        }
    }
}

impl DeliverConfig {
    /// The form of its file.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.kind {
            Kind::Exim => Format::Pem,
            _ => self.format.unwrap_or_default(),
        }
    }
}

impl TargetConfig {
    /// The reactions, with their defaults.
    #[must_use]
    pub fn reactions(&self) -> Reactions {
        let mut reactions = Reactions::default();
        let set = |to: &mut Reaction, word: Option<ReactionWord>| {
            if let Some(word) = word {
                *to = word.into();
            }
        };
        set(&mut reactions.revoked, self.on_revoked);
        set(&mut reactions.unknown, self.on_unknown);
        set(&mut reactions.missing, self.on_missing);
        reactions
    }

    /// The responders as URLs; those that are none were refused.
    #[must_use]
    pub fn responders(&self) -> Option<Vec<Uri>> {
        let urls: Vec<Uri> = self
            .responder
            .iter()
            .filter_map(|url| url.parse().ok())
            .collect();
        (!urls.is_empty()).then_some(urls)
    }
}

impl StapleConfig {
    /// Reads a file and checks all that can be checked without opening what it names.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line and key.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let words = Words {
            keys: &KEYS,
            planned: &PLANNED,
        };
        let document = Document::read_as(path, words)?;
        let mut config: Self = document.parse()?;
        let mut faults = config.check(&document);
        faults.extend(config.check_owner(path));
        if !faults.is_empty() {
            return Err(ConfigError::Faults(faults));
        }
        config.resolve(document.folder());
        Ok(config)
    }

    /// The schedule, with its defaults.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let mut schedule = Schedule::default();
        let set = |to: &mut i64, from: Option<Period>| {
            if let Some(period) = from {
                *to = period.secs();
            }
        };
        set(&mut schedule.min_delay, self.schedule.min_delay);
        set(&mut schedule.max_backoff, self.schedule.max_backoff);
        set(&mut schedule.deadline, self.schedule.deadline);
        set(&mut schedule.max_delay, self.schedule.max_delay);
        schedule.min_delay = schedule.min_delay.max(1);
        schedule.max_backoff = schedule.max_backoff.max(schedule.min_delay);
        schedule
    }

    fn check(&self, document: &Document) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.targets.is_empty() {
            let what = "no [[target]]: nothing to staple".to_owned();
            faults.push(document.fault(&["target"], 0, what));
        }
        for (index, push) in self.push.iter().enumerate() {
            let mut refuse = |key: &str, what: &str| {
                let what = format!("push.{key}: {what}");
                faults.push(document.fault(&["push", key], index, what));
            };
            if let Err(why) = remote::base(&push.url) {
                refuse("url", &why.to_string());
            }
            if input::is_stdin(&push.token_file) {
                refuse("token_file", "a file: it is read more than once");
            }
        }
        for (index, target) in self.targets.iter().enumerate() {
            let mut refuse = |key: &str, what: &str| {
                let what = format!("target.{key}: {what}");
                faults.push(document.fault(&["target", key], index, what));
            };
            check_target(target, &mut refuse);
            let twin = |other: &&TargetConfig| other.name == target.name;
            if self.targets.iter().take(index).any(|other| twin(&other)) {
                refuse("name", "another target has it");
            }
        }
        faults
    }

    /// A file that calls programs must be its owner's alone to write (threats T-31).
    fn check_owner(&self, path: &Path) -> Option<Fault> {
        let calls = self.targets.iter().any(|target| {
            let deliver = &target.deliver;
            let by =
                |deliver: &DeliverConfig| !deliver.reload.is_empty() || !deliver.command.is_empty();
            !target.hook.is_empty() || deliver.iter().any(by)
        });
        let metadata = std::fs::metadata(path).ok()?;
        let us = rustix::process::geteuid().as_raw();
        let others = metadata.mode() & 0o022 != 0 || ![0, us].contains(&metadata.uid());
        (calls && others).then(|| Fault {
            place: Some((path.to_owned(), 1)),
            what: "it names programs to be run, and others than its owner may write it: chmod go-w"
                .to_owned(),
        })
    }

    fn resolve(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| {
            let joined = folder.join(&*path);
            // Fails only when the working directory is gone; opening the path will say so.
            *path = std::path::absolute(&joined).unwrap_or(joined);
        };
        resolve(&mut self.state);
        for push in &mut self.push {
            resolve(&mut push.token_file);
            push.tls_ca.iter_mut().for_each(resolve);
        }
        for target in &mut self.targets {
            resolve(&mut target.certificate);
            target.issuer.iter_mut().for_each(resolve);
            for deliver in &mut target.deliver {
                deliver.file.iter_mut().for_each(resolve);
                deliver.include.iter_mut().for_each(resolve);
                deliver.socket.iter_mut().for_each(resolve);
            }
        }
    }
}

fn check_target(target: &TargetConfig, refuse: &mut impl FnMut(&str, &str)) {
    if target.name.is_empty() {
        refuse("name", "it is empty");
    }
    for url in &target.responder {
        let parsed = url.parse::<Uri>().ok();
        if !parsed.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https"))) {
            refuse("responder", "no http or https URL");
        }
    }
    let reactions = target.reactions();
    for (key, reaction) in [
        ("on_revoked", reactions.revoked),
        ("on_unknown", reactions.unknown),
        ("on_missing", reactions.missing),
    ] {
        if reaction == Reaction::Hook && target.hook.is_empty() {
            refuse(
                key,
                "`hook` calls the program of the key `hook`, and there is none",
            );
        }
    }
    if reactions.missing == Reaction::Staple {
        refuse(
            "on_missing",
            "where nothing is there is nothing to staple: `omit` or `hook`",
        );
    }
    for deliver in &target.deliver {
        check_deliver(deliver, target, refuse);
    }
}

fn check_deliver(
    deliver: &DeliverConfig,
    target: &TargetConfig,
    refuse: &mut impl FnMut(&str, &str),
) {
    let (file, include) = (deliver.file.is_some(), deliver.include.is_some());
    match deliver.kind {
        Kind::Nginx if !file || !include => {
            refuse("deliver", "kind `nginx` needs `file` and `include`");
        }
        Kind::Nginx if deliver.reload.is_empty() => {
            refuse(
                "deliver",
                "kind `nginx` needs `reload`, such as [\"nginx\", \"-s\", \"reload\"]",
            );
        }
        Kind::Haproxy if !file => refuse(
            "deliver",
            "kind `haproxy` needs `file`, such as \"site.pem.ocsp\"",
        ),
        Kind::Haproxy if target.cert_id != CertId::Sha1 => {
            refuse("cert_id", "HAProxy takes no other than sha1");
        }
        Kind::Exim if !file => refuse("deliver", "kind `exim` needs `file`"),
        Kind::File if !file => refuse("deliver", "kind `file` needs `file`"),
        Kind::Exec if deliver.command.is_empty() => {
            refuse("deliver", "kind `exec` needs `command`");
        }
        _ => {}
    }
    if deliver.format.is_some() && !matches!(deliver.kind, Kind::File | Kind::Exec) {
        refuse("deliver", "`format` belongs to the kinds `file` and `exec`");
    }
    if target.staples == Staples::Chain && deliver.format() == Format::Der {
        let what = match deliver.kind {
            Kind::Nginx | Kind::Haproxy => {
                "nginx and HAProxy staple one response: `staples = \"chain\"` is for Exim, and for `file` and `exec`"
            }
            _ => "`staples = \"chain\"` is several responses: `format = \"pem\"`",
        };
        refuse("deliver", what);
    }
    if include && deliver.kind != Kind::Nginx {
        refuse("deliver", "`include` belongs to kind `nginx`");
    }
    if deliver.socket.is_some() && deliver.kind != Kind::Haproxy {
        refuse("deliver", "`socket` belongs to kind `haproxy`");
    }
}

/// A table or an array of tables.
fn one_or_many_tables<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table such as { key = \"value\" }, or an array of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    from.deserialize_any(OneOrMany(PhantomData))
}

/// A text or an array of texts.
fn one_or_many_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a URL, or an array of them")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    from.deserialize_any(OneOrMany)
}
