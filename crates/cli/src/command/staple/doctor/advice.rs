//! What to change, in the words of the server that is asked about, and the commands to run next.

use std::path::PathBuf;

use certvouch_stapling::Target;

use super::args::DoctorArgs;
use crate::command::check::host::Host;
use crate::command::quote::{shell_path, shell_word};

/// Knows what the program was asked about.
#[derive(Clone, Debug)]
pub(super) struct Advisor<'a> {
    args: &'a DoctorArgs,
    host: &'a Host,
}

impl<'a> Advisor<'a> {
    pub(super) const fn new(args: &'a DoctorArgs, host: &'a Host) -> Self {
        Self { args, host }
    }

    /// The flags that say whom to look at.
    fn flags(&self) -> String {
        let mut flags = String::new();
        if let Some(name) = &self.args.name {
            flags += &format!(" --name {}", shell_word(name));
        }
        if let Some(starttls) = self.args.starttls {
            flags += &format!(" --starttls {}", starttls.openssl());
        }
        flags
    }

    fn files(flag: &str, files: &[PathBuf]) -> String {
        let words = files
            .iter()
            .map(|path| format!(" {flag} {}", shell_path(path)));
        words.collect()
    }

    /// The same call with more flags.
    pub(super) fn again(&self, more: &str) -> String {
        let server = self
            .args
            .server
            .map_or_else(String::new, |server| format!(" --server {server}"));
        format!(
            "certvouch staple doctor {}{}{}{server} {more}",
            shell_word(&self.host.shown()),
            self.flags(),
            Self::files("--ca", &self.args.ca),
        )
    }

    /// Shows the staple as it came.
    pub(super) fn look(&self) -> String {
        let mut words = format!(
            "openssl s_client -connect {} -servername {} -status",
            shell_word(&self.host.shown()),
            shell_word(self.args.name.as_ref().unwrap_or(&self.host.host)),
        );
        if let Some(starttls) = self.args.starttls {
            words += &format!(" -starttls {}", starttls.openssl());
        }
        words + " </dev/null"
    }

    /// Asks the responder, if that was not done.
    pub(super) fn ask(&self) -> String {
        match self.args.ask {
            false => self.again("--ask"),
            true => format!(
                "certvouch check {}{}{} --explain",
                shell_word(&self.host.shown()),
                self.flags(),
                Self::files("--trust", &self.args.ca),
            ),
        }
    }

    /// Has the agent fetch and deliver.
    pub(super) fn fetch() -> String {
        "certvouch staple once --config staple.toml".to_owned()
    }

    /// How stapling is turned off.
    pub(super) const fn turn_off(&self) -> &'static str {
        match self.args.server {
            Some(Target::Nginx) => {
                "turn stapling off: your CA has no OCSP. `ssl_stapling off;`, and no ssl_stapling_file"
            }
            Some(Target::Haproxy) => {
                "turn stapling off: your CA has no OCSP. No `ocsp-update on`, and no .ocsp file beside the certificate"
            }
            Some(Target::Apache) => {
                "turn stapling off: your CA has no OCSP. `SSLUseStapling off`, `MDStapling off`"
            }
            Some(Target::Envoy) => {
                "turn stapling off: your CA has no OCSP. No `ocsp_staple`, and the policy LENIENT_STAPLING"
            }
            _ => "turn stapling off: your CA has no OCSP",
        }
    }

    /// How a server comes to staple.
    pub(super) const fn turn_on(&self) -> &'static str {
        match self.args.server {
            Some(Target::Nginx) => {
                "`ssl_stapling on;`, a `resolver`, and the issuer in ssl_certificate or ssl_trusted_certificate; or let \
                 `certvouch staple run` write the file of ssl_stapling_file (kind = \"nginx\")"
            }
            Some(Target::Haproxy) => {
                "an .ocsp file beside the certificate, or `ocsp-update on`. A file that is there is dropped with a warning at the \
                 start unless it has a SHA-1 CertID, one entry, a nextUpdate and 300 s left; `certvouch staple run` writes \
                 that form, and renews it over the socket (kind = \"haproxy\")"
            }
            Some(Target::Apache) => {
                "`SSLUseStapling on` with an SSLStaplingCache, or `MDStapling on`; the issuer has to be in the chain"
            }
            Some(Target::Envoy) => {
                "`ocsp_staple` with a file, in a watched_directory; `certvouch staple run` writes it (kind = \"file\")"
            }
            _ => "turn stapling on in the server, or let `certvouch staple run` bring it a staple",
        }
    }

    /// How the next client gets a staple, too.
    pub(super) const fn fetch_early(&self) -> &'static str {
        match self.args.server {
            Some(Target::Nginx) | None => {
                "nginx fetches in each worker, and only when a client has come without getting one; `certvouch staple \
                 run` fetches before, and hands nginx a file"
            }
            _ => {
                "something between the clients and the staple is not in step: workers, machines, or a cache"
            }
        }
    }

    /// How the right, fresh staple gets into the server.
    pub(super) const fn renew(&self) -> &'static str {
        match self.args.server {
            Some(Target::Nginx) => {
                "nginx staples what ssl_stapling_file holds, whatever that is, until it is reloaded; `certvouch staple \
                 run` verifies, replaces and withdraws it"
            }
            Some(Target::Haproxy) => {
                "`update ssl ocsp-response` on the socket, or `ocsp-update on`; `certvouch staple run` does it in time"
            }
            Some(Target::Envoy) => {
                "Envoy fetches nothing: whoever writes the file has to renew it; `certvouch staple run` does"
            }
            _ => {
                "have the response fetched again and the server reloaded; `certvouch staple run` does both, and verifies"
            }
        }
    }
}
