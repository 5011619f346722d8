//! `certvouch demo`: a throw-away PKI, a running responder, and commands that query it.
//!
//! The responder is that of `serve`, with a configuration made here instead of read from a file. It listens on
//! loopback unless `--expose` is given; the PKI's keys have the mode 0600, and its CA lives seven days and is named
//! NOT FOR PRODUCTION (requirements T-34). `demo revoke`, `demo hold` and `demo release` change the index of a demo,
//! which a running one sees by watching the file, like any other index. Beside it a TLS server shows one of the
//! certificates and staples its status.

mod folder;
mod guide;
mod index;
mod pki;
mod tls;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use certvouch_types::{Certificate, Timestamp};
use clap::{Args, Subcommand};

use folder::{Folder, INDEX};
use guide::{Guide, Start};
use index::{Change, Reason};
use pki::Algorithm;

use super::quote::shell_word;
use super::serve::{LogArgs, announce};
use super::{fail, refuse, say, write};
use crate::clock::Clock;
use crate::config::{Config, IssuerConfig, Log, Server, SignerConfig, SourceConfig};
use crate::escape::escape_path;
use crate::exit::ExitCode;
use crate::listen::{self, Bound};
use crate::serve::{self, Running};

/// Where the demo's PKI lies unless `--dir` says otherwise.
const DEFAULT_DIR: &str = "certvouch-demo";
/// The port of the TLS server unless it is taken or `--tls-listen` says otherwise.
const DEFAULT_TLS_PORT: u16 = 8443;
/// The port of the demo unless it is taken or `--listen` says otherwise.
const DEFAULT_PORT: u16 = 8080;

/// Flags of `certvouch demo`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DemoArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Where the PKI is, or is made
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIR)]
    dir: PathBuf,
    /// Address and port; without it 127.0.0.1:8080, or another port if that one is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Address and port of a TLS server that staples; without it port 8443 beside the responder, or another if that is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    tls_listen: Option<SocketAddr>,
    /// Let other hosts ask too; without --listen on every IPv4 address
    #[arg(long)]
    expose: bool,
    /// The keys of a new PKI
    #[arg(long, value_enum, default_value_t)]
    algorithm: Algorithm,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Revoke a certificate of the demo
    Revoke {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_enum, default_value_t)]
        reason: Reason,
    },
    /// Put a certificate of the demo on hold
    Hold(Which),
    /// Release a certificate of the demo from hold
    Release(Which),
}

/// Runs the command.
pub(super) fn run(args: &DemoArgs) -> ExitCode {
    let clock = Clock::system();
    if let Some(action) = &args.action {
        return match action.run(clock.now()) {
            Ok(told) => say(&told),
            Err(why) => fail(&format_args!("{why:#}")),
        };
    }
    let mut log = Log::default();
    args.log.change(&mut log);
    if let Err(why) = crate::log::start(&log) {
        return refuse(&log, &format_args!("the log level is none: {why}"));
    }
    let (running, text) = match args.start(log.clone(), clock) {
        Ok(started) => started,
        Err(why) => return refuse(&log, &format_args!("{why:#}")),
    };
    if let Err(why) = announce(running.addresses()).and_then(|()| write(&text)) {
        // Whoever started us hung up on standard output; the demo goes on.
        tracing::warn!(%why, "the commands could not be written to standard output");
    }
    running.wait()
}

/// A certificate of the demo.
#[derive(Debug, Args)]
struct Which {
    /// A name such as good, or a serial number in hexadecimal
    #[arg(value_name = "NAME|SERIAL", default_value = "good")]
    certificate: String,
    /// Where the demo's PKI is
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIR)]
    dir: PathBuf,
}

impl Which {
    /// The file that it names without `.pem`, if one does, and the serial number.
    ///
    /// # Errors
    /// It is neither a certificate's name nor hexadecimal.
    fn find(&self, folder: &Folder) -> Result<(Option<&'static str>, String)> {
        let serial_of = |name: &str| -> Result<String> {
            let der = folder.certificate(&format!("{name}.pem"))?;
            let cert =
                Certificate::parse(&der).with_context(|| format!("{name}.pem does not parse"))?;
            Ok(cert.serial_number.to_string())
        };
        if let Some(name) = pki::leaf_names().find(|name| *name == self.certificate) {
            return Ok((Some(name), serial_of(name)?));
        }
        let digits = self.certificate.trim_start_matches("0x");
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
            let names = pki::leaf_names().collect::<Vec<_>>().join(", ");
            bail!(
                "{:?} is neither a serial number nor one of {names}",
                self.certificate
            );
        }
        for name in pki::leaf_names() {
            if index::same_serial(&serial_of(name)?, digits) {
                return Ok((Some(name), digits.to_owned()));
            }
        }
        Ok((None, digits.to_owned()))
    }
}

impl Action {
    /// Changes the index and returns what to tell.
    ///
    /// # Errors
    /// There is no demo, no such certificate, or the change is refused.
    fn run(&self, now: Timestamp) -> Result<String> {
        let (which, change) = match self {
            Self::Revoke { which, reason } => (which, Change::Revoke(*reason)),
            Self::Hold(which) => (which, Change::Hold),
            Self::Release(which) => (which, Change::Release),
        };
        let folder = Folder::at(&which.dir)?;
        if !folder.exists()? {
            bail!(
                "there is no demo in {}; start one with: {} demo{}",
                escape_path(&which.dir),
                shell_word(&program()),
                guide::dir_flag(&which.dir),
            );
        }
        let locked = folder.lock()?;
        let (name, serial) = which.find(&folder)?;
        let path = folder.path(INDEX);
        let text =
            fs::read_to_string(&path).with_context(|| format!("read {}", escape_path(&path)))?;
        let changed = index::change(&text, &serial, change, now)
            .map_err(|why| anyhow!("{}: {why}", which.certificate))?;
        locked.replace(INDEX, &changed)?;

        let what = match change {
            Change::Revoke(reason) => format!("revoked ({reason})"),
            Change::Hold => "on hold".to_owned(),
            Change::Release => "good again".to_owned(),
        };
        let mut told = format!(
            "{} is {what} in {}.\n",
            which.certificate,
            escape_path(&path)
        );
        if let Some(name) = name {
            let url = folder.url()?;
            let guide = Guide {
                folder: &folder,
                url: &url,
                program: &program(),
            };
            let _ = write!(
                told,
                "A running demo sees it at once. Ask again:\n\n  {}\n",
                guide.openssl(name)
            );
        }
        Ok(told)
    }
}

/// How this program was called, for commands that a person can repeat.
fn program() -> String {
    env::args_os().next().map_or_else(
        || "certvouch".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

impl DemoArgs {
    /// Sees to the PKI and starts the server; returns it with the text to print.
    ///
    /// # Errors
    /// The folder is foreign or cannot be written, or the address cannot be had.
    fn start(&self, log: Log, clock: Clock) -> Result<(Running, String)> {
        let folder = Folder::at(&self.dir)?;
        // A foreign folder is refused before anybody could connect.
        folder.exists()?;
        let (server, bound, taken) = self.bind(&folder)?;
        let address = bound.addresses().next().context("nothing is bound")?;
        let tls = self.bind_tls(address.ip())?;
        let url = url_at(address);
        let prepared = {
            let locked = folder.lock()?;
            let prepared = locked.prepare(self.algorithm, &url, clock.now())?;
            locked.note_url(&url)?;
            prepared
        };
        let has_key = folder.path(&folder::served_key()).exists();
        let tls = has_key.then_some(tls);
        let start = Start {
            prepared,
            until: folder.valid_until()?,
            taken,
            tls: tls.as_ref().map(TcpListener::local_addr).transpose()?,
        };
        let guide = Guide {
            folder: &folder,
            url: &url,
            program: &program(),
        };
        let text = guide.start(&start)?;
        let config = configuration(&folder, server, log);
        let running = serve::start_on(&config, clock.clone(), || Ok(bound))?;
        if let Some(listener) = tls {
            tls::start(listener, &folder, &url, clock)?;
        }
        Ok((running, text))
    }

    /// Takes the address of the TLS server: the usual port, or a free one, if none was asked for.
    fn bind_tls(&self, beside: IpAddr) -> Result<TcpListener> {
        let Some(address) = self.tls_listen else {
            return TcpListener::bind((beside, DEFAULT_TLS_PORT))
                .or_else(|_| TcpListener::bind((beside, 0)))
                .context("bind the TLS server");
        };
        self.must_be_near(address)?;
        TcpListener::bind(address).with_context(|| format!("listen on {address}"))
    }

    fn must_be_near(&self, address: SocketAddr) -> Result<()> {
        if !address.ip().is_loopback() && !self.expose {
            bail!(
                "{} is not a loopback address; add --expose to let other hosts ask this demo",
                address.ip()
            );
        }
        Ok(())
    }

    /// Takes the address, or a free port of it if it is taken and was nobody's wish.
    fn bind(&self, folder: &Folder) -> Result<(Server, Bound, Option<SocketAddr>)> {
        let (address, movable) = self.wanted(folder)?;
        let mut server = Server {
            listen: vec![address],
            ..Server::default()
        };
        match listen::bind(&server) {
            Err(why) if movable && why.why.kind() == ErrorKind::AddrInUse => {
                server.listen = vec![SocketAddr::new(address.ip(), 0)];
                let bound = listen::bind(&server)?;
                Ok((server, bound, Some(address)))
            }
            bound => Ok((server, bound?, None)),
        }
    }

    /// The address to listen on before it is known to be free, and whether another port will do.
    ///
    /// # Errors
    /// It is not loopback and `--expose` is absent.
    fn wanted(&self, folder: &Folder) -> Result<(SocketAddr, bool)> {
        let Some(address) = self.listen else {
            let ip = if self.expose {
                Ipv4Addr::UNSPECIFIED
            } else {
                Ipv4Addr::LOCALHOST
            };
            // The port that the certificates of an earlier start name, so that their URL stays true.
            let port = folder.certified_url().ok().and_then(|url| port_of(&url));
            return Ok((SocketAddr::from((ip, port.unwrap_or(DEFAULT_PORT))), true));
        };
        self.must_be_near(address)?;
        Ok((address, false))
    }
}

/// The one issuer of a demo, with everything else as `serve` has it by default.
fn configuration(folder: &Folder, server: Server, log: Log) -> Config {
    let issuer = IssuerConfig {
        name: "demo".to_owned(),
        certificate: Some(folder.path("issuing-ca.pem")),
        source: SourceConfig {
            index: Some(folder.path(INDEX)),
            ..SourceConfig::default()
        },
        signers: vec![SignerConfig {
            certificate: Some(folder.path("ocsp-signer.pem")),
            key: folder.path("ocsp-signer.key"),
            ..SignerConfig::default()
        }],
        ..IssuerConfig::default()
    };
    Config {
        server,
        log,
        issuers: vec![issuer],
        ..Config::default()
    }
}

/// The URL at which this host asks a responder that listens there.
fn url_at(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}/", SocketAddr::new(ip, address.port()))
}

/// The port of a URL that [`url_at`] made.
fn port_of(url: &str) -> Option<u16> {
    let address = url.strip_prefix("http://")?.strip_suffix('/')?;
    address
        .parse::<SocketAddr>()
        .ok()
        .map(|address| address.port())
}
