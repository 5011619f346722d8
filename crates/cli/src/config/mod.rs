//! The configuration: read from a file or made of flags, checked, printed.
//!
//! Yesterday's file keeps working: keys are added, never given another meaning. Every path is absolute once a
//! [`Config`] was loaded, so that what `config print` shows means the same from everywhere. No key holds a secret;
//! passphrases stand in files of their own, which are named here and read by the signer.

mod check;
pub mod choice;
pub(crate) mod document;
mod error;
mod schema;
mod units;

use std::path::{Path, PathBuf};

use check::check;
pub use check::index_of;

pub use error::{ConfigError, Fault};
pub use schema::{
    Admin, ClockConfig, Config, DEFAULT_ADMIN_PORT, DEFAULT_CONNECTIONS, DEFAULT_PORT,
    IssuerConfig, KEYS, Limits, Log, PLANNED, PLANNED_PROFILES, Profile, Server, SignerConfig,
    Signing, SourceConfig, Timeouts,
};
pub use units::{NetworkText, Period, Size};

impl Config {
    /// Reads a configuration file and checks all that can be checked without opening what it names.
    ///
    /// # Errors
    /// [`ConfigError`] with file and line.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let document = document::Document::read(path)?;
        let mut config = document.config()?;
        config.resolve(document.folder());
        config.name_the_nameless();
        let faults = check(&config);
        if faults.is_empty() {
            return Ok(config);
        }
        let place = |fault: check::Found| document.fault(&fault.path, fault.issuer, fault.what);
        Err(ConfigError::Faults(faults.into_iter().map(place).collect()))
    }

    /// Checks a configuration that was made of flags, as [`Self::from_file`] does with one from a file.
    ///
    /// # Errors
    /// [`ConfigError`] without places.
    pub fn from_flags(self) -> Result<Self, ConfigError> {
        self.checked(|_| true)
    }

    /// The same for those who only look at sources: nobody has to sign.
    ///
    /// # Errors
    /// [`ConfigError`] without places.
    pub fn from_flags_without_signers(self) -> Result<Self, ConfigError> {
        self.checked(|fault| fault.path.get(1) != Some(&"signer"))
    }

    fn checked(mut self, counts: impl Fn(&check::Found) -> bool) -> Result<Self, ConfigError> {
        self.resolve(Path::new(""));
        self.name_the_nameless();
        let mut faults = check(&self);
        faults.retain(counts);
        if faults.is_empty() {
            return Ok(self);
        }
        let place = |fault: check::Found| Fault {
            place: None,
            what: fault.what,
        };
        Err(ConfigError::Faults(faults.into_iter().map(place).collect()))
    }

    /// The effective configuration as TOML that can be read again.
    ///
    /// # Errors
    /// A path that is no UTF-8 cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// Makes every path absolute (relative ones count from `folder`), and every decision that the profile makes.
    fn resolve(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| {
            if path.as_os_str().is_empty() {
                return;
            }
            let joined = folder.join(&*path);
            // Fails only when the working directory is gone; then the path stays relative, and opening it will say so.
            *path = std::path::absolute(&joined).unwrap_or(joined);
        };
        if let Some(admin) = &mut self.admin {
            admin.tokens.iter_mut().for_each(resolve);
            admin.tls_certificate.iter_mut().for_each(resolve);
            admin.tls_key.iter_mut().for_each(resolve);
            admin.tls_client_ca.iter_mut().for_each(resolve);
        }
        self.store.iter_mut().for_each(resolve);
        for issuer in &mut self.issuers {
            issuer.certificate.iter_mut().for_each(resolve);
            issuer.source.index.iter_mut().for_each(resolve);
            issuer.requestors.iter_mut().for_each(resolve);
            issuer.cert_hash.iter_mut().for_each(resolve);
            issuer.settle();
            let source = &mut issuer.source;
            source.easy_rsa.iter_mut().for_each(resolve);
            source.good_list.iter_mut().for_each(resolve);
            source.state.iter_mut().for_each(resolve);
            source.tls_ca.iter_mut().for_each(resolve);
            source.crl_issuers.iter_mut().for_each(resolve);
            for place in source.crl.iter_mut().chain(&mut source.delta_crl) {
                if place.is_empty() || place.contains("://") {
                    continue;
                }
                let mut path = PathBuf::from(&*place);
                resolve(&mut path);
                // The folder's own name may be no UTF-8; then the path stays relative to where the program was started.
                if let Ok(text) = path.into_os_string().into_string() {
                    *place = text;
                }
            }
            for signer in &mut issuer.signers {
                resolve(&mut signer.key);
                signer.certificate.iter_mut().for_each(resolve);
                signer.passphrase_file.iter_mut().for_each(resolve);
            }
        }
    }

    /// An issuer without a name goes by that of its certificate's file, or of its easy-rsa folder.
    fn name_the_nameless(&mut self) {
        for issuer in &mut self.issuers {
            if !issuer.name.is_empty() {
                continue;
            }
            let certificate = issuer.certificate.as_deref().and_then(Path::file_stem);
            let folder = || issuer.source.easy_rsa.as_deref().and_then(Path::file_name);
            if let Some(name) = certificate.or_else(folder) {
                issuer.name = name.to_string_lossy().into_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests;
