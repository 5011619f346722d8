//! The flags about CRLs, which `serve` and `status` share.

use std::path::PathBuf;

use clap::Args;

use crate::config::choice::NotRevoked;
use crate::config::{IssuerConfig, NetworkText, Period};

/// CRLs as the source of one issuer.
#[derive(Clone, Debug, Args)]
#[group(conflicts_with = "config", multiple = true)]
#[command(next_help_heading = "CRLs of one issuer")]
pub(super) struct CrlArgs {
    /// A complete CRL, PEM or DER: a file, a folder with *.crl, or an http(s) URL; may be repeated
    #[arg(long, value_name = "FILE|DIR|URL", conflicts_with_all = ["index", "easy_rsa"])]
    crl: Vec<String>,
    /// A delta CRL: a file or an http(s) URL; may be repeated
    #[arg(long, value_name = "FILE|URL", requires = "crl")]
    delta_crl: Vec<String>,
    /// What was issued, so that good is known: a folder of certificates, a file of serial numbers, or an index.txt
    #[arg(long, value_name = "PATH", requires = "crl")]
    good_list: Option<PathBuf>,
    /// The answer where no CRL lists it and nothing says that it was issued [default: unknown]
    #[arg(long, value_enum, requires = "crl")]
    not_revoked: Option<NotRevoked>,
    /// Where marks and the last good CRLs are kept for a restart [default: the first of $STATE_DIRECTORY,
    /// /var/lib/certvouch if writable, $XDG_STATE_HOME/certvouch, ~/.local/state/certvouch]
    #[arg(long, value_name = "DIR", requires = "crl", verbatim_doc_comment)]
    crl_state: Option<PathBuf>,
    /// How often URLs are asked [default: by HTTP freshness, or half of what is left until nextUpdate]
    #[arg(long, value_name = "DURATION", requires = "crl")]
    crl_refresh: Option<Period>,
    /// A network or an address that URLs may lead to although it is not public; may be repeated
    #[arg(long, value_name = "NETWORK", requires = "crl")]
    allow_address: Vec<NetworkText>,
    /// The certificate of a CRL issuer beside the CA, whom you hold to be authorised; may be repeated
    #[arg(long, value_name = "FILE", requires = "crl")]
    crl_issuer_cert: Vec<PathBuf>,
    /// CRLs signed with SHA-1 are believed
    #[arg(long, requires = "crl")]
    crl_accept_sha1: bool,
    /// The roots that https URLs trust, PEM [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "crl")]
    crl_tls_ca: Option<PathBuf>,
    /// The HTTP proxy for URLs, such as http://proxy:3128
    #[arg(long, value_name = "URL", requires = "crl")]
    crl_proxy: Option<String>,
}

impl CrlArgs {
    /// Whether CRLs are named.
    pub(super) fn is_given(&self) -> bool {
        !self.crl.is_empty()
    }

    pub(super) fn change(self, issuer: &mut IssuerConfig) {
        let source = &mut issuer.source;
        source.crl = self.crl;
        source.delta_crl = self.delta_crl;
        source.good_list = self.good_list;
        source.state = self.crl_state;
        source.refresh = self.crl_refresh;
        source.allow_addresses = self.allow_address;
        source.crl_issuers = self.crl_issuer_cert;
        source.accept_sha1 = self.crl_accept_sha1;
        source.tls_ca = self.crl_tls_ca;
        source.proxy = self.crl_proxy;
        if let Some(not_revoked) = self.not_revoked {
            issuer.not_revoked = not_revoked;
        }
    }
}
