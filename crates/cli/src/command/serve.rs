//! `certvouch serve`: answers OCSP requests until it is told to stop.
//!
//! Standard output gets one line for each address, `listening on http://ADDRESS:PORT`, once requests can come, and
//! nothing else; logs go to standard error.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::crl_args::CrlArgs;
use super::refuse;
use crate::clock::Clock;
use crate::config::choice::{
    EmbedCertificate, Expired, Hash, LogFormat, MaxAge, Moment, Nonce, NonceForm,
    RequestSignatures, ResponderId, Unlisted,
};
use crate::config::{
    Config, ConfigError, IssuerConfig, Log, Period, Profile, Server, SignerConfig, Size,
    SourceConfig,
};
use crate::exit::ExitCode;
use crate::listen;
use crate::serve::{self, Running, Setup, inherited};

/// Flags of `certvouch serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: Choice,
    #[command(flatten)]
    issuer: Box<IssuerArgs>,
    #[command(flatten)]
    crl: Box<CrlArgs>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    log: LogArgs,
}

const EXAMPLES: &str = "\
Examples:
  An OpenSSL CA with its index.txt:
    certvouch serve --issuer ca.pem --signer-cert ocsp.pem --signer-key ocsp.key --index index.txt

  An easy-rsa folder, on every IPv4 address:
    certvouch serve --easy-rsa ~/easy-rsa --signer-cert ocsp.pem --signer-key ocsp.key --listen 0.0.0.0:80

  A CA that publishes a CRL, with the certificates that it issued in a folder:
    certvouch serve --issuer ca.pem --signer-cert ocsp.pem --signer-key ocsp.key \\
      --crl http://pki.example/ca.crl --good-list issued/

  A CA that pushes what it issues and revokes, over the admin port:
    certvouch serve --issuer ca.pem --signer-cert ocsp.pem --signer-key ocsp.key --store status.db --admin

  Many issuers:
    certvouch serve --config certvouch.toml

Standard output is one line `listening on http://ADDRESS:PORT` for each address; logs go to standard error.
SIGTERM and SIGINT let running requests finish. SIGHUP reads the configuration, keys and certificates again. A changed index or CRL is taken by itself.
Exit codes: 0 stopped in good order, 1 failed while running, 2 refused to start.";

/// A file, or flags for one issuer.
#[derive(Clone, Debug, Args)]
struct Choice {
    /// Read the configuration from this file, for many issuers
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One issuer.
#[derive(Clone, Debug, Args)]
#[group(conflicts_with = "config", multiple = true)]
#[command(next_help_heading = "One issuer")]
struct IssuerArgs {
    /// The CA certificate, PEM or DER [default with --easy-rsa: its ca.crt]
    #[arg(long, value_name = "FILE", required_unless_present_any = ["easy_rsa", "config"])]
    issuer: Option<PathBuf>,
    /// The name of the issuer in logs [default: that of its file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The OCSP signer's certificate, PEM or DER
    #[arg(long, value_name = "FILE", required_unless_present_any = ["sign_with_ca_key", "config"])]
    signer_cert: Option<PathBuf>,
    /// The OCSP signer's key: PKCS#8, SEC1, PKCS#1 or PKCS#12
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    signer_key: Option<PathBuf>,
    /// A file whose first line is the key's passphrase
    #[arg(long, value_name = "FILE")]
    signer_key_passphrase_file: Option<PathBuf>,
    /// The signature algorithm, where the key leaves a choice, such as rsa-pss-sha256
    #[arg(long, value_name = "NAME")]
    signer_algorithm: Option<String>,
    /// The signer's key is the CA's own, and that is meant
    #[arg(long)]
    sign_with_ca_key: bool,
    /// The OpenSSL index.txt that says who is revoked
    #[arg(long, value_name = "FILE", required_unless_present_any = ["easy_rsa", "crl", "store", "config"], conflicts_with = "easy_rsa")]
    index: Option<PathBuf>,
    /// The easy-rsa folder that has the index.txt
    #[arg(long, value_name = "DIR")]
    easy_rsa: Option<PathBuf>,
    /// The embedded store, which the CA tells over the admin port; made where there is none
    #[arg(long, value_name = "FILE", conflicts_with_all = ["index", "easy_rsa", "crl"])]
    store: Option<PathBuf>,
    /// A changed index may lose rows and turn revoked certificates good
    #[arg(long)]
    allow_unrevoke: bool,
    /// The bounds that decisions must keep, and their defaults [default: private]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// The answer about serial numbers that were never issued [default: unknown]
    #[arg(long, value_enum, hide_possible_values = false)]
    unlisted: Option<Unlisted>,
    /// From thisUpdate to nextUpdate; renewed by half of it [default: 1h; 4d in other profiles]
    #[arg(long, value_name = "DURATION")]
    validity: Option<Period>,
    /// The most time that HTTP caches may keep an answer: a duration, or refresh [default: 5m; refresh in other profiles]
    #[arg(long, value_name = "DURATION")]
    max_age: Option<MaxAge>,
    /// How far thisUpdate lies back, for clients whose clocks are slow [default: 0s]
    #[arg(long, value_name = "DURATION")]
    backdate: Option<Period>,
    /// What becomes of the nonce in a request [default: echo; ignore in br and lightweight]
    #[arg(long, value_enum)]
    nonce: Option<Nonce>,
    /// Which encodings of a nonce are understood [default: strict]
    #[arg(long, value_enum)]
    nonce_form: Option<NonceForm>,
    /// How answers name their signer [default: by-key]
    #[arg(long, value_enum)]
    responder_id: Option<ResponderId>,
    /// Whether the signer's certificate travels with the answer [default: delegate]
    #[arg(long, value_enum)]
    embed_certificate: Option<EmbedCertificate>,
    /// About certificates past their end: answer, drop, or retain=7y [default: answer]
    #[arg(long, value_name = "POLICY")]
    expired: Option<Expired>,
    /// CertID hash algorithms that are answered [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "HASHES")]
    hashes: Option<Vec<Hash>>,
    /// The CA's key is compromised since this moment: everything is answered revoked
    #[arg(long, value_name = "RFC3339")]
    ca_compromised: Option<Moment>,
    /// Whether requests must be signed by those of --requestor [default: ignore]
    #[arg(long, value_enum)]
    request_signatures: Option<RequestSignatures>,
    /// The certificate of somebody who may ask, or of a CA whose certificates may; may be repeated
    #[arg(long, value_name = "FILE")]
    requestor: Vec<PathBuf>,
    /// The folder where the CA keeps what it issued, by serial number: answers carry its hash (CertHash)
    #[arg(long, value_name = "DIR")]
    cert_hash: Option<PathBuf>,
}

/// The public port; these also change what a file says.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Listening")]
struct ServerArgs {
    /// Address and port, such as 0.0.0.0:80; may be repeated [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address)]
    listen: Vec<SocketAddr>,
    /// Path prefix below which requests are taken; may be repeated [default: /]
    #[arg(long, value_name = "PREFIX")]
    path: Vec<String>,
    /// Threads that answer [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Memory of the response cache [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    cache_bytes: Option<Size>,
    /// CertIDs in one request [default: 10]
    #[arg(long, value_name = "N")]
    max_entries: Option<usize>,
    /// The largest POST body [default: 64KiB]
    #[arg(long, value_name = "SIZE")]
    max_body: Option<Size>,
    /// Open connections [default: 10000]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// The operator's port: /health, /ready, /metrics, /v1; without an address 127.0.0.1:8081 [default: none]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, num_args = 0..=1, default_missing_value = ADMIN)]
    admin: Option<SocketAddr>,
    /// How long a connection may wait for its next request [default: 60s]
    #[arg(long, value_name = "DURATION")]
    idle_timeout: Option<Period>,
    /// How long the header of a request may take [default: 10s]
    #[arg(long, value_name = "DURATION")]
    header_timeout: Option<Period>,
    /// How long the body of a request may take [default: 10s]
    #[arg(long, value_name = "DURATION")]
    body_timeout: Option<Period>,
    /// How long a client may take to read an answer [default: 30s]
    #[arg(long, value_name = "DURATION")]
    write_timeout: Option<Period>,
    /// How long running requests may take after SIGTERM [default: 10s]
    #[arg(long, value_name = "DURATION")]
    drain_timeout: Option<Period>,
}

/// [`crate::config::DEFAULT_ADMIN_PORT`] on loopback.
const ADMIN: &str = "127.0.0.1:8081";

/// What is told on standard error.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LogArgs {
    /// How log lines look [default: text]
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
    /// A level, or directives such as info,certvouch=debug; CERTVOUCH_LOG comes first [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

pub(super) fn run(args: ServeArgs) -> ExitCode {
    let mut for_refusal = Log::default();
    args.log.change(&mut for_refusal);
    let recipe = args.clone();
    let config = match args.into_config() {
        Ok(config) => config,
        Err(why) => return refuse(&for_refusal, &why),
    };
    if let Err(why) = crate::log::start(&config.log) {
        return refuse(
            &for_refusal,
            &format_args!("the log level cannot be used: {why}"),
        );
    }
    let running = match start(&config, recipe) {
        Ok(running) => running,
        Err(why) => return refuse(&config.log, &format_args!("{why:#}")),
    };
    if let Some(admin) = running.admin() {
        tracing::info!(address = %format_args!("{}://{}", admin.scheme(), admin.address()), "the admin port is open");
    }
    if let Err(why) = announce(running.addresses()) {
        // Whoever started us hung up on standard output; the service goes on.
        tracing::warn!(%why, "the addresses could not be written to standard output");
    }
    running.wait()
}

/// Starts with the sockets of the service manager, if there are any, and with a way to read everything again.
fn start(config: &Config, recipe: ServeArgs) -> anyhow::Result<Running> {
    let sockets = inherited::take()?;
    let mut setup = Setup::new(Clock::system());
    setup.recipe = Some(Box::new(move || recipe.clone().into_config()));
    setup.admin_socket = sockets.admin;
    let server = &config.server;
    serve::start_with(config, setup, || {
        Ok(if sockets.public.is_empty() {
            listen::bind(server)?
        } else {
            listen::adopt(sockets.public, server)?
        })
    })
}

/// An address to listen on, with an example for whoever left a part out.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "an IP address and a port are needed, such as 127.0.0.1:8080, 0.0.0.0:80 or [::]:80"
            .to_owned()
    })
}

/// Writes the lines that tell where it listens.
pub(super) fn announce(addresses: &[SocketAddr]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for address in addresses {
        writeln!(out, "listening on http://{address}")?;
    }
    out.flush()
}

impl ServeArgs {
    fn into_config(self) -> Result<Config, ConfigError> {
        let mut config = match &self.config.config {
            Some(file) => Config::from_file(file)?,
            None => Config {
                store: self.issuer.store.clone(),
                issuers: vec![self.issuer.into_config(*self.crl)],
                ..Config::default()
            },
        };
        if let Some(address) = self.server.admin {
            config.admin.get_or_insert_default().listen = address;
        }
        self.server.change(&mut config.server);
        self.log.change(&mut config.log);
        config.from_flags()
    }
}

impl IssuerArgs {
    fn into_config(self, crl: CrlArgs) -> IssuerConfig {
        let signer = SignerConfig {
            certificate: self.signer_cert,
            key: self.signer_key.unwrap_or_default(),
            passphrase_file: self.signer_key_passphrase_file,
            algorithm: self.signer_algorithm,
            sign_with_ca_key: self.sign_with_ca_key,
        };
        let mut issuer = IssuerConfig {
            name: self.name.unwrap_or_default(),
            certificate: self.issuer,
            signers: vec![signer],
            source: SourceConfig {
                index: self.index,
                easy_rsa: self.easy_rsa,
                store: self.store.is_some(),
                ..SourceConfig::default()
            },
            allow_unrevoke: self.allow_unrevoke,
            ca_compromised: self.ca_compromised,
            validity: self.validity,
            max_age: self.max_age,
            nonce: self.nonce,
            requestors: self.requestor,
            cert_hash: self.cert_hash,
            ..IssuerConfig::default()
        };
        crl.change(&mut issuer);
        set(&mut issuer.unlisted, self.unlisted);
        set(&mut issuer.profile, self.profile);
        set(&mut issuer.request_signatures, self.request_signatures);
        set(&mut issuer.backdate, self.backdate);
        set(&mut issuer.nonce_form, self.nonce_form);
        set(&mut issuer.responder_id, self.responder_id);
        set(&mut issuer.embed_certificate, self.embed_certificate);
        set(&mut issuer.expired, self.expired);
        set(&mut issuer.hashes, self.hashes);
        issuer
    }
}

impl ServerArgs {
    fn change(self, server: &mut Server) {
        if !self.listen.is_empty() {
            server.listen = self.listen;
        }
        if !self.path.is_empty() {
            server.paths = self.path;
        }
        set(&mut server.threads, self.threads);
        set(&mut server.limits.cache, self.cache_bytes);
        set(&mut server.limits.entries, self.max_entries);
        set(&mut server.limits.body, self.max_body);
        set(&mut server.limits.connections, self.max_connections);
        set(&mut server.timeouts.idle, self.idle_timeout);
        set(&mut server.timeouts.header, self.header_timeout);
        set(&mut server.timeouts.body, self.body_timeout);
        set(&mut server.timeouts.write, self.write_timeout);
        set(&mut server.timeouts.drain, self.drain_timeout);
    }
}

impl LogArgs {
    pub(super) fn change(&self, log: &mut Log) {
        set(&mut log.format, self.log_format);
        set(&mut log.level, self.log_level.clone());
    }
}

/// What was said on the command line comes before what was there.
fn set<T>(place: &mut T, said: Option<T>) {
    if let Some(value) = said {
        *place = value;
    }
}
