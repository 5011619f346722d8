//! `certvouch signer new`: a key for a delegated responder, the request for its certificate, and the certificate
//! itself if the CA's key is at hand. `certvouch-signer` does the work; this says what to do next.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use certvouch_signer::new::{Created, DEFAULT_DAYS, NewKey, NewSigner, create};
use certvouch_signer::{PassphraseSource, read_certificates};
use certvouch_types::{Certificate, Timestamp};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::quote::shell_path;
use super::{say, say_error};
use crate::clock::Clock;
use crate::escape::escape_path;
use crate::exit::ExitCode;

/// `certvouch signer`
#[derive(Debug, Args)]
pub(super) struct SignerArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and a certificate request for a delegated responder, and its certificate if --ca-key is given
    New(New),
}

#[derive(Debug, Args)]
struct New {
    /// The certificate of the CA that will issue the responder's
    #[arg(long, value_name = "FILE")]
    issuer: PathBuf,
    /// The folder for the new files; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The CA's private key, to issue the certificate at once
    #[arg(long, value_name = "FILE")]
    ca_key: Option<PathBuf>,
    /// A file with the passphrase of the CA's key
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_passphrase_file: Option<PathBuf>,
    /// The kind of key
    #[arg(long, value_name = "KIND", default_value = NewKey::EcdsaP256.name(), value_parser = kinds())]
    key: String,
    /// The name of the files before .key, .csr and .pem
    #[arg(long, default_value = "ocsp")]
    name: String,
    /// The common name in the certificate; without it the CA's with " OCSP" behind
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// Days for which the certificate is valid
    #[arg(long, default_value_t = DEFAULT_DAYS, requires = "ca_key")]
    days: u32,
}

fn kinds() -> PossibleValuesParser {
    NewKey::ALL.map(NewKey::name).into()
}

/// Runs the command.
pub(super) fn run(args: &SignerArgs) -> ExitCode {
    let Action::New(new) = &args.action;
    match new.run(Clock::system().now()) {
        Ok(told) => say(&told),
        Err(why) => {
            say_error(&format_args!("{why:#}"));
            ExitCode::Refused
        }
    }
}

impl New {
    /// Makes the files and returns what to tell.
    ///
    /// # Errors
    /// A file cannot be read, does not do, or is there already.
    fn run(&self, now: Timestamp) -> Result<String> {
        let certificates = read_certificates(&self.issuer)?;
        let [issuer] = &certificates[..] else {
            bail!(
                "{} holds {} certificates; name a file with that of the issuing CA alone",
                escape_path(&self.issuer),
                certificates.len()
            );
        };
        let issuer = Certificate::parse(issuer)
            .with_context(|| format!("{} does not parse", escape_path(&self.issuer)))?;
        let mut wanted = NewSigner::new(&self.out);
        wanted.name.clone_from(&self.name);
        wanted.key = NewKey::from_name(&self.key)
            .with_context(|| format!("{} is no kind of key", self.key))?;
        wanted.common_name.clone_from(&self.common_name);
        wanted.ca_key.clone_from(&self.ca_key);
        if let Some(file) = &self.ca_passphrase_file {
            wanted.ca_passphrase = PassphraseSource::File(file.clone());
        }
        wanted.days = self.days;
        wanted.issuer_file.clone_from(&self.issuer);
        let created = create(&wanted, &issuer, now).map_err(|why| anyhow!("{why}"))?;
        Ok(self.next_step(&created))
    }

    /// What was made, and the command that uses it or gets it certified.
    fn next_step(&self, created: &Created) -> String {
        let mut told = format!("key          {}\n", escape_path(&created.key));
        // Writing to a String cannot fail.
        let _ = writeln!(told, "request      {}", escape_path(&created.request));
        let issuer = shell_path(&self.issuer);
        let serve = |cert: &Path| {
            format!(
                "  certvouch serve --issuer {issuer} --signer-cert {} --signer-key {} --index INDEX.TXT\n",
                shell_path(cert),
                shell_path(&created.key)
            )
        };
        match &created.certificate {
            Some(cert) => {
                let _ = writeln!(
                    told,
                    "certificate  {} ({} days)",
                    escape_path(cert),
                    self.days
                );
                let _ = write!(
                    told,
                    "\nThe CA's own index does not know this certificate, and need not.\n\
                     Serve with it:\n\n{}",
                    serve(cert)
                );
            }
            None => {
                let cert = created.key.with_extension("pem");
                let _ = write!(
                    told,
                    "\nHave the CA sign the request with these extensions; the request asks for them.\n\n\
                     {EXTENSIONS}\n\
                     With `openssl ca`, put these lines into a file ocsp.cnf, and:\n\n  \
                     openssl ca -in {} -out {} -notext -extfile ocsp.cnf -extensions ocsp_signer\n\n\
                     Then serve with it:\n\n{}",
                    shell_path(&created.request),
                    shell_path(&cert),
                    serve(&cert)
                );
            }
        }
        told
    }
}

const EXTENSIONS: &str = "  [ocsp_signer]
  basicConstraints = CA:FALSE
  keyUsage = critical, digitalSignature
  extendedKeyUsage = OCSPSigning
  noCheck = ignored
  subjectKeyIdentifier = hash
  authorityKeyIdentifier = keyid
";
