//! One issuer, from its configuration to something that can answer: certificates, keys and source are opened here.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{Issuer, ResponseSigner};
use certvouch_signer::{
    PassphraseSource, SignWithCaKey, SignerConfig, SigningIdentity, Warning, read_certificates,
};
use certvouch_status::easy_rsa;
use certvouch_types::{Certificate, Timestamp};

use super::Purpose;
use super::profile;
use super::source::Source;
use super::store::OpenStore;
use crate::clock::Clock;
use crate::config::{self, IssuerConfig};
use crate::escape::{escape, escape_display, escape_path};

/// An issuer whose files are open.
#[derive(Debug)]
pub struct Loaded {
    name: String,
    subject: String,
    identities: Vec<SigningIdentity>,
    source: Source,
    policy: certvouch_responder::Policy,
    warnings: Vec<String>,
    config: IssuerConfig,
    certificate: Vec<u8>,
}

impl Loaded {
    /// Opens what the configuration names, and checks it as `serve` needs it.
    ///
    /// # Errors
    /// Whatever would keep clients from believing the answers, or the source from being asked: with its cause and,
    /// where there is one, the command that mends it.
    pub fn open(
        config: &IssuerConfig,
        clock: &Clock,
        purpose: Purpose,
    ) -> anyhow::Result<(Self, Issuer)> {
        Self::open_after(config, clock, purpose, None, None)
    }

    /// The same at a reload: the source of `earlier` is kept as it is, if the configuration names the same one.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub(super) fn open_after(
        config: &IssuerConfig,
        clock: &Clock,
        purpose: Purpose,
        earlier: Option<&Self>,
        store: Option<&OpenStore>,
    ) -> anyhow::Result<(Self, Issuer)> {
        let now = clock.now();
        let certificate_file = certificate_file(config)?;
        let certificates = read_certificates(&certificate_file)?;
        let der = certificates
            .first()
            .with_context(|| format!("{} holds no certificate", escape_path(&certificate_file)))?;
        let certificate = Certificate::parse(der)
            .map_err(|why| anyhow!("{}: {why}", escape_path(&certificate_file)))?;
        let mut warnings = Vec::new();
        if certificates.len() > 1 {
            warnings.push(format!(
                "{} holds {} certificates; the first one is taken as the issuer",
                escape_path(&certificate_file),
                certificates.len()
            ));
        }
        let identities = config
            .signers
            .iter()
            .map(|signer| identity(signer, &certificate, &certificate_file, now))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let source = match earlier {
            Some(earlier) if earlier.has_source_of(config, der) => earlier.source.clone(),
            _ => Source::open(config, der, clock, purpose, store)?,
        };
        let mut policy = config.policy();
        policy.requestors = profile::requestors(config)?;
        profile::check_source(&policy, &source, &certificate)?;
        let issuer = Issuer::new(
            config.name.as_str(),
            &certificate,
            profile::with_cert_hashes(config, der, &source)?,
            response_signers(config, &identities),
            policy.clone(),
        )?;
        let loaded = Self {
            name: config.name.clone(),
            subject: escape_display(&certificate.subject),
            identities,
            source,
            policy,
            warnings,
            config: config.clone(),
            certificate: der.clone(),
        };
        Ok((loaded, issuer))
    }

    /// Whether this configuration of the CA with this certificate names the source that is open here.
    fn has_source_of(&self, config: &IssuerConfig, certificate: &[u8]) -> bool {
        self.certificate == certificate
            && self.config.source == config.source
            && self.config.allow_unrevoke == config.allow_unrevoke
    }

    /// Whether both answer for the same CA certificate.
    pub(super) fn is_same_ca(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }

    /// Whether the operator said that a changed source may turn revoked certificates good.
    pub(super) const fn allows_unrevoke(&self) -> bool {
        self.config.allow_unrevoke
    }

    /// What is decided for it.
    #[must_use]
    pub const fn policy(&self) -> &certvouch_responder::Policy {
        &self.policy
    }

    /// The subject of its certificate, escaped.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Who signs for it.
    #[must_use]
    pub fn identities(&self) -> &[SigningIdentity] {
        &self.identities
    }

    /// The operator's word for it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its certificate (DER).
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Who knows.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// What an operator should hear at the start.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let about_signers = self.identities.iter().flat_map(SigningIdentity::warnings);
        let mut all = self.warnings.clone();
        all.extend(about_signers.map(escape_warning));
        all.extend(self.source.warnings());
        all
    }

    /// The warnings about signer certificates that end soon, as they are due at this moment.
    #[must_use]
    pub fn countdown(&self, now: Timestamp) -> Vec<String> {
        let due = self.identities.iter().filter_map(|i| i.expires_soon(now));
        due.map(|warning| escape_warning(&warning)).collect()
    }

    /// What is served, for a log line: the same facts as `Display` shows to people.
    pub fn log(&self) {
        let (issuer, subject) = (escape(&self.name), &self.subject);
        let signer = self.signers().collect::<Vec<_>>().join("; ");
        let validity = Lasting(self.policy.validity);
        let exposure = Lasting(self.policy.worst_case_exposure());
        let profile = self.policy.profile.name;
        match &self.source {
            Source::Index(index) => {
                let counts = index.health().counts;
                tracing::info!(
                    %issuer,
                    subject,
                    signer,
                    profile,
                    rows = counts.rows,
                    revoked = counts.revoked,
                    on_hold = counts.on_hold,
                    %validity,
                    %exposure,
                    "serving an issuer"
                );
            }
            Source::Store(_) => {
                let store = self.source.lines().join("; ");
                tracing::info!(
                    %issuer, subject, signer, profile, store, %validity, %exposure, "serving an issuer"
                );
            }
            Source::Crl(crls) => {
                let (crls, entries, issued) = crls.counts();
                tracing::info!(
                    %issuer, subject, signer, profile, crls, entries, issued, %validity, %exposure, "serving an issuer"
                );
            }
        }
    }

    fn signers(&self) -> impl Iterator<Item = String> {
        self.identities.iter().map(|identity| {
            let role = if identity.is_delegated() {
                "delegate"
            } else {
                "the CA's own key"
            };
            let algorithm = certvouch_responder::Signer::algorithm(&**identity.signer());
            let subject = Certificate::parse(identity.certificate())
                .map(|certificate| escape_display(&certificate.subject))
                .unwrap_or_default();
            format!(
                "{role} {subject}, {algorithm}, until {}",
                identity.not_after()
            )
        })
    }
}

impl fmt::Display for Loaded {
    /// For `config check`: what would be served, and what that means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "issuer {}", escape(&self.name))?;
        writeln!(f, "  subject   {}", self.subject)?;
        writeln!(f, "  profile   {}", self.policy.profile.name)?;
        for signer in self.signers() {
            writeln!(f, "  signer    {signer}")?;
        }
        for line in self.source.lines() {
            writeln!(f, "  source    {line}")?;
        }
        writeln!(
            f,
            "  validity  {}, renewed after {}",
            Lasting(self.policy.validity),
            Lasting(self.policy.refresh_after())
        )?;
        write!(
            f,
            "  exposure  a client may hold a good answer for up to {} after a revocation",
            Lasting(self.policy.worst_case_exposure())
        )?;
        for warning in self.warnings().into_iter().chain(self.source.problems()) {
            write!(f, "\n  warning   {warning}")?;
        }
        Ok(())
    }
}

/// The CA certificate: named, or that of the easy-rsa folder.
pub(crate) fn certificate_file(config: &IssuerConfig) -> anyhow::Result<PathBuf> {
    if let Some(file) = &config.certificate {
        return Ok(file.clone());
    }
    let Some(folder) = &config.source.easy_rsa else {
        bail!("the CA certificate is not named");
    };
    match easy_rsa::detect(folder) {
        Some(found) => Ok(found.ca),
        None => Err(no_easy_rsa(folder)),
    }
}

pub(super) fn no_easy_rsa(folder: &Path) -> anyhow::Error {
    anyhow!(
        "{} is no easy-rsa folder: neither it nor a pki folder in it holds both ca.crt and index.txt; \
         `easyrsa init-pki` and `easyrsa build-ca` make them",
        escape_path(folder)
    )
}

fn identity(
    signer: &config::SignerConfig,
    issuer: &Certificate<'_>,
    issuer_file: &Path,
    now: Timestamp,
) -> anyhow::Result<SigningIdentity> {
    let mut wanted = SignerConfig::new(&signer.key, signer.certificate.clone());
    if let Some(file) = &signer.passphrase_file {
        wanted.passphrase = PassphraseSource::File(file.clone());
    }
    wanted.algorithm = signer
        .algorithm
        .as_deref()
        .and_then(SignatureAlgorithm::from_name);
    if signer.sign_with_ca_key {
        wanted.sign_with_ca_key = SignWithCaKey::Yes;
    }
    wanted.issuer_file = issuer_file.to_owned();
    Ok(SigningIdentity::load(&wanted, issuer, now)?)
}

fn response_signers(config: &IssuerConfig, identities: &[SigningIdentity]) -> Vec<ResponseSigner> {
    let (form, embed) = (config.responder_id.into(), config.embed_certificate.into());
    identities
        .iter()
        .map(|identity| identity.response_signer(form, embed))
        .collect()
}

fn escape_warning(warning: &Warning) -> String {
    escape_display(warning)
}

/// Seconds as people say them: the two largest units, `59m 59s`.
struct Lasting(i64);

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
        let mut rest = self.0;
        let mut parts = 0;
        for (unit, name) in UNITS {
            if rest >= unit && parts < 2 {
                let separator = if parts == 0 { "" } else { " " };
                write!(f, "{separator}{}{name}", rest / unit)?;
                rest %= unit;
                parts += 1;
            }
        }
        if parts == 0 {
            write!(f, "{}s", self.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (3599, "59m 59s"),
            (3600, "1h"),
            (345_599, "3d 23h"),
            (604_800, "7d"),
            (86_401, "1d 1s"),
        ] {
            assert_eq!(Lasting(seconds).to_string(), text);
        }
    }
}
