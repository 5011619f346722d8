//! The commands that change or show what a store knows, by asking the admin port of the server that has it: `revoke`,
//! `hold`, `release`, `issue`, `import` and `export`.
//!
//! They open no store themselves: one process has it, and whatever is acknowledged here was acknowledged by that one.

mod api;
pub(super) mod change;
pub(super) mod export;
pub(super) mod import;
mod rows;

use std::path::{Path, PathBuf};

use clap::Args;

pub(super) use api::{Api, ApiError};
pub(super) use change::show;

/// Which server is asked, and by whom.
#[derive(Clone, Debug, Args)]
pub(super) struct Server {
    /// The admin port of the server that has the store
    #[arg(
        long = "admin",
        value_name = "URL",
        env = "CERTVOUCH_ADMIN",
        default_value = "http://127.0.0.1:8081"
    )]
    admin: String,
    /// A file with the token that `certvouch token new` printed
    #[arg(long, value_name = "FILE", env = "CERTVOUCH_TOKEN_FILE")]
    token_file: PathBuf,
    /// The roots that an https admin port is checked against, PEM [default: those of the system]
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// The issuer, by its name in the server's configuration
    #[arg(long, value_name = "NAME")]
    issuer: String,
}

impl Server {
    /// A server named by other flags than these.
    pub(super) fn new(
        admin: &str,
        token_file: &Path,
        tls_ca: Option<PathBuf>,
        issuer: String,
    ) -> Self {
        Self {
            admin: admin.to_owned(),
            token_file: token_file.to_owned(),
            tls_ca,
            issuer,
        }
    }
}
