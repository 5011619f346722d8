//! The shape of the configuration: serde's structs, their defaults, and the list of all keys.
//!
//! The same structs are read from the file, filled from flags and printed by `config print`, so that what is printed
//! can be read again. [`KEYS`] names every key that this version knows and [`PLANNED`] those of later versions; tests
//! hold the list, the structs and the sample file together.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use certvouch_responder::{self as role, Policy, limits};
use certvouch_types::HashAlgorithm;
use clap::ValueEnum;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::choice::{
    ClientAddress, CrlReference, EmbedCertificate, Expired, Hash, LogFormat, MaxAge, Moment, Nonce,
    NonceForm, NotRevoked, RequestSignatures, ResponderId, Unlisted,
};
use super::units::{NetworkText, Period, Size};

/// Everything that an operator decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The embedded store, for the issuers whose source it is; it is made where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// Where and how requests are taken.
    pub server: Server,
    /// What is told on standard error.
    pub log: Log,
    /// How the clock is checked.
    pub clock: ClockConfig,
    /// The operator's port; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,
    /// The CAs that are answered for.
    #[serde(rename = "issuer", skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<IssuerConfig>,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Server {
    /// Addresses with ports.
    pub listen: Vec<SocketAddr>,
    /// Prefixes of the path below which requests are taken.
    pub paths: Vec<String>,
    /// Threads that answer; 0 is one for each core.
    pub threads: usize,
    /// Networks of proxies that are believed about who their clients are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<NetworkText>,
    /// How they say it.
    pub client_address: ClientAddress,
    /// How signatures are made.
    pub signing: Signing,
    /// What strangers may use up.
    pub limits: Limits,
    /// How long they may take.
    pub timeouts: Timeouts,
}

/// `[server.signing]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Signing {
    /// Threads that sign what answering threads must not; 0 is one for each core.
    pub threads: usize,
    /// Signatures that may wait.
    pub queue: usize,
}

/// `[server.limits]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Open connections, all addresses together.
    pub connections: usize,
    /// Open connections of one source: an IPv4 address or an IPv6 /64.
    pub connections_per_source: usize,
    /// Requests of one connection.
    pub requests: usize,
    /// Octets of a POST body.
    pub body: Size,
    /// Octets of a request target.
    pub target: Size,
    /// CertIDs in one request.
    pub entries: usize,
    /// Octets that the response cache may hold.
    pub cache: Size,
}

/// `[server.timeouts]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the end of one request to the first octet of the next, and from the connect to the first.
    pub idle: Period,
    /// From the first octet of a request to the end of its header.
    pub header: Period,
    /// From the end of the header to the end of the body.
    pub body: Period,
    /// For a client to take an answer.
    pub write: Period,
    /// From the connect to the end of the connection, once what it asked is answered.
    pub connection: Period,
    /// From SIGTERM to the end, whatever is still in flight.
    pub drain: Period,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: a level, or directives such as `info,certvouch=debug`.
    pub level: String,
}

/// `[clock]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClockConfig {
    /// NTP servers that the clock is compared with: a host, or a host with a port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ntp: Vec<String>,
    /// The difference from which on nothing is signed.
    pub stop: Period,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Admin {
    /// The address with its port; beyond loopback only with TLS.
    pub listen: SocketAddr,
    /// Names that it goes by, beside its address and, on loopback, `localhost`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The file of the tokens that open `/v1`; without it nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<PathBuf>,
    /// The certificate of its TLS, PEM, with its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    /// The key of its TLS, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// The CAs, PEM, whose certificates clients must have; without it every client may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_ca: Option<PathBuf>,
}

/// `[[issuer]]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IssuerConfig {
    /// The operator's word for it.
    pub name: String,
    /// The CA certificate; an easy-rsa folder has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The profile whose bounds the decisions must keep, and whose defaults stand where none is made.
    pub profile: Profile,
    /// The answer about serial numbers that were never issued.
    pub unlisted: Unlisted,
    /// The answer where a CRL says that a serial number is not revoked and nothing says that it was issued.
    pub not_revoked: NotRevoked,
    /// From thisUpdate to nextUpdate; nothing is the profile's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<Period>,
    /// The most time in HTTP caches; nothing is the profile's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<MaxAge>,
    /// By how much thisUpdate lies before the moment of signing.
    pub backdate: Period,
    /// What becomes of nonces; nothing is the profile's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// Which encodings of nonces are understood.
    pub nonce_form: NonceForm,
    /// How answers name their signer.
    pub responder_id: ResponderId,
    /// Whether the signer's certificate travels with the answer.
    pub embed_certificate: EmbedCertificate,
    /// About certificates past their notAfter.
    pub expired: Expired,
    /// CertID hash algorithms that are answered.
    pub hashes: Vec<Hash>,
    /// A changed source may lose rows and turn revoked certificates good.
    pub allow_unrevoke: bool,
    /// Since when the CA's key is known to be compromised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_compromised: Option<Moment>,
    /// Whether requests must be signed.
    pub request_signatures: RequestSignatures,
    /// Certificates of those who may ask then, or of their CAs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requestors: Vec<PathBuf>,
    /// Whether a revocation out of a CRL says which CRL it was.
    pub crl_reference: CrlReference,
    /// A folder of issued certificates, by serial number: answers about them carry CertHash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_hash: Option<PathBuf>,
    /// Who knows.
    pub source: SourceConfig,
    /// Who signs, the default first.
    #[serde(rename = "signer", deserialize_with = "one_or_many")]
    pub signers: Vec<SignerConfig>,
}

/// Profiles: sets of bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Profile {
    /// A PKI of one's own.
    #[default]
    Private,
    /// A publicly trusted CA (TLS Baseline Requirements, Mozilla, Microsoft).
    Br,
    /// High volume (RFC 9919).
    Lightweight,
    /// Trust services (EN 319 411).
    Etsi,
}

impl Profile {
    /// The bounds as the responder has them.
    #[must_use]
    pub const fn bounds(self) -> &'static role::Profile {
        match self {
            Self::Private => &role::Profile::PRIVATE,
            Self::Br => &role::Profile::BR,
            Self::Lightweight => &role::Profile::LIGHTWEIGHT,
            Self::Etsi => &role::Profile::ETSI,
        }
    }
}

/// `source = { … }`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceConfig {
    /// An OpenSSL index.txt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<PathBuf>,
    /// An easy-rsa folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub easy_rsa: Option<PathBuf>,
    /// The embedded store of [`Config::store`], which a CA tells what it issued and revoked.
    #[serde(skip_serializing_if = "is_false")]
    pub store: bool,
    /// Complete CRLs: files, folders with `*.crl`, http or https URLs. Together they are the declared set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crl: Vec<String>,
    /// Delta CRLs: files or URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delta_crl: Vec<String>,
    /// What was issued, for CRLs: a folder of certificates, or a file of serial numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_list: Option<PathBuf>,
    /// Where marks and copies of CRLs are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PathBuf>,
    /// How often URLs are asked; nothing is by HTTP freshness and nextUpdate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Period>,
    /// Networks that may be connected to although they are not public.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_addresses: Vec<NetworkText>,
    /// Certificates of CRL issuers beside the CA.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crl_issuers: Vec<PathBuf>,
    /// CRLs signed with SHA-1 are believed.
    #[serde(skip_serializing_if = "is_false")]
    pub accept_sha1: bool,
    /// The roots that https URLs trust, PEM; nothing is those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca: Option<PathBuf>,
    /// The HTTP proxy for URLs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}

/// `signer = { … }`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SignerConfig {
    /// Its certificate; not needed with `sign_with_ca_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: PathBuf,
    /// A file with the key's passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
    /// The signature algorithm, where the key leaves a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The key is the CA's own, and that is meant.
    pub sign_with_ca_key: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))],
            paths: vec!["/".to_owned()],
            threads: 0,
            trusted_proxies: Vec::new(),
            client_address: ClientAddress::default(),
            signing: Signing::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            threads: 0,
            queue: crate::signing::limits::DEFAULT_QUEUE,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: DEFAULT_CONNECTIONS,
            connections_per_source: DEFAULT_CONNECTIONS_PER_SOURCE,
            requests: DEFAULT_REQUESTS,
            body: size(limits::DEFAULT_MAX_BODY),
            target: size(limits::DEFAULT_MAX_TARGET),
            entries: limits::DEFAULT_MAX_ENTRIES,
            cache: Size::from_octets(limits::DEFAULT_CACHE_BYTES),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Period::from_secs(60),
            header: Period::from_secs(10),
            body: Period::from_secs(10),
            write: Period::from_secs(30),
            connection: Period::from_secs(3600),
            drain: Period::from_secs(10),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

impl Default for ClockConfig {
    /// Nobody is asked. A minute is what the clock guard bears of other disagreements, too.
    fn default() -> Self {
        Self {
            ntp: Vec::new(),
            stop: Period::from_secs(60),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_ADMIN_PORT)),
            hosts: Vec::new(),
            tokens: None,
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
        }
    }
}

impl Default for IssuerConfig {
    /// No decision where the profile has a default, and every other as the responder's [`Policy`] has it.
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            name: String::new(),
            certificate: None,
            profile: Profile::default(),
            unlisted: Unlisted::default(),
            not_revoked: NotRevoked::default(),
            validity: None,
            max_age: None,
            backdate: period(policy.backdate),
            nonce: None,
            nonce_form: NonceForm::default(),
            responder_id: ResponderId::default(),
            embed_certificate: EmbedCertificate::default(),
            expired: Expired::default(),
            hashes: vec![Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512],
            allow_unrevoke: false,
            ca_compromised: None,
            request_signatures: RequestSignatures::default(),
            requestors: Vec::new(),
            crl_reference: CrlReference::default(),
            cert_hash: None,
            source: SourceConfig::default(),
            signers: Vec::new(),
        }
    }
}

impl IssuerConfig {
    /// Takes the profile's defaults where no decision was made, so that what is printed is what holds.
    pub(super) fn settle(&mut self) {
        let defaults = Policy::of(self.profile.bounds());
        self.validity
            .get_or_insert_with(|| period(defaults.validity));
        let max_age = |secs| MaxAge::Period(period(secs));
        self.max_age
            .get_or_insert_with(|| defaults.max_age.map_or(MaxAge::Refresh, max_age));
        self.nonce
            .get_or_insert_with(|| Nonce::from(defaults.nonce));
    }

    /// The responder's policy that these decisions make; who may ask is not in it, since files say that.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::of(self.profile.bounds());
        if let Some(validity) = self.validity {
            policy.validity = validity.secs();
        }
        if let Some(max_age) = self.max_age {
            policy.max_age = max_age.secs();
        }
        if let Some(nonce) = self.nonce {
            policy.nonce = nonce.into();
        }
        policy.crl_reference = self.crl_reference.into();
        policy.backdate = self.backdate.secs();
        policy.unlisted = self.unlisted.into();
        policy.not_revoked = self.not_revoked.into();
        policy.nonce_form = self.nonce_form.into();
        policy.expired = self.expired.into();
        policy.hashes = self
            .hashes
            .iter()
            .copied()
            .map(HashAlgorithm::from)
            .collect();
        policy.ca_compromised = self.ca_compromised.map(|moment| moment.0);
        policy
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The port that `serve` takes when none is named; 80 needs privileges.
pub const DEFAULT_PORT: u16 = 8080;

/// The port of `[admin]`, and of `--admin` without an address.
pub const DEFAULT_ADMIN_PORT: u16 = 8081;

/// Open connections: an idle one costs about 12 KiB, so that all of them together stay near 125 MiB.
pub const DEFAULT_CONNECTIONS: usize = 10_000;

/// A quarter of all: one address may stand for a whole company, but not for everybody.
pub(super) const DEFAULT_CONNECTIONS_PER_SOURCE: usize = 2_500;

/// Requests of one connection: after so many it is closed, so that the threads share long-lived ones anew.
pub(super) const DEFAULT_REQUESTS: usize = 10_000;

fn period(seconds: i64) -> Period {
    Period::from_secs(u32::try_from(seconds).unwrap_or(u32::MAX))
}

fn size(octets: usize) -> Size {
    Size::from_octets(u64::try_from(octets).unwrap_or(u64::MAX))
}

/// One table, or an array of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SignerConfig>, D::Error> {
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<SignerConfig>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table such as { certificate = \"ocsp.pem\", key = \"ocsp.key\" }, or an array of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            SignerConfig::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    deserializer.deserialize_any(OneOrMany)
}

/// Every key of this version, tables first; an element of an array of tables goes by the array's name. Of equal names the
/// last is proposed for one that stands in no table.
pub const KEYS: [&str; 79] = [
    "store",
    "clock",
    "clock.ntp",
    "clock.stop",
    "admin",
    "admin.listen",
    "admin.hosts",
    "admin.tokens",
    "admin.tls_certificate",
    "admin.tls_key",
    "admin.tls_client_ca",
    "server",
    "server.listen",
    "server.paths",
    "server.threads",
    "server.trusted_proxies",
    "server.client_address",
    "server.signing",
    "server.signing.threads",
    "server.signing.queue",
    "server.limits",
    "server.limits.connections",
    "server.limits.connections_per_source",
    "server.limits.requests",
    "server.limits.body",
    "server.limits.target",
    "server.limits.entries",
    "server.limits.cache",
    "server.timeouts",
    "server.timeouts.idle",
    "server.timeouts.header",
    "server.timeouts.body",
    "server.timeouts.write",
    "server.timeouts.connection",
    "server.timeouts.drain",
    "log",
    "log.format",
    "log.level",
    "issuer",
    "issuer.name",
    "issuer.certificate",
    "issuer.profile",
    "issuer.unlisted",
    "issuer.not_revoked",
    "issuer.validity",
    "issuer.max_age",
    "issuer.backdate",
    "issuer.nonce",
    "issuer.nonce_form",
    "issuer.responder_id",
    "issuer.embed_certificate",
    "issuer.expired",
    "issuer.hashes",
    "issuer.allow_unrevoke",
    "issuer.ca_compromised",
    "issuer.request_signatures",
    "issuer.requestors",
    "issuer.crl_reference",
    "issuer.cert_hash",
    "issuer.source",
    "issuer.source.index",
    "issuer.source.easy_rsa",
    "issuer.source.store",
    "issuer.source.crl",
    "issuer.source.delta_crl",
    "issuer.source.good_list",
    "issuer.source.state",
    "issuer.source.refresh",
    "issuer.source.allow_addresses",
    "issuer.source.crl_issuers",
    "issuer.source.accept_sha1",
    "issuer.source.tls_ca",
    "issuer.source.proxy",
    "issuer.signer",
    "issuer.signer.certificate",
    "issuer.signer.key",
    "issuer.signer.passphrase_file",
    "issuer.signer.algorithm",
    "issuer.signer.sign_with_ca_key",
];

/// Keys that the manual of a later version will have, so that whoever copies from there learns why they fail.
pub const PLANNED: [&str; 2] = ["issuer.presign", "issuer.source.sql"];

/// Profiles of later versions.
pub const PLANNED_PROFILES: [&str; 2] = ["iso15118", "gematik"];
