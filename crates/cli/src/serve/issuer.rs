//! One issuer, from its configuration to something that can answer: certificates, keys and index are opened here.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{Issuer, ResponseSigner};
use certvouch_signer::{
    PassphraseSource, SignWithCaKey, SignerConfig, SigningIdentity, Warning, read_certificates,
};
use certvouch_status::{IndexTxt, UnrevokePolicy, easy_rsa};
use certvouch_types::{Certificate, Timestamp};

use crate::config::{self, IssuerConfig, index_of};
use crate::escape::{escape, escape_display, escape_path};

/// An issuer whose files are open.
#[derive(Debug)]
pub struct Loaded {
    name: String,
    subject: String,
    identities: Vec<SigningIdentity>,
    index: Arc<IndexTxt>,
    policy: certvouch_responder::Policy,
    warnings: Vec<String>,
}

impl Loaded {
    /// Opens what the configuration names, and checks it as `serve` needs it.
    ///
    /// # Errors
    /// Whatever would keep clients from believing the answers, or the source from being asked: with its cause and,
    /// where there is one, the command that mends it.
    pub fn open(config: &IssuerConfig, now: Timestamp) -> anyhow::Result<(Self, Issuer)> {
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
        let index = Arc::new(open_index(config, now)?);
        let policy = config.policy();
        let issuer = Issuer::new(
            config.name.as_str(),
            &certificate,
            index.clone(),
            response_signers(config, &identities),
            policy.clone(),
        )?;
        let loaded = Self {
            name: config.name.clone(),
            subject: escape_display(&certificate.subject),
            identities,
            index,
            policy,
            warnings,
        };
        Ok((loaded, issuer))
    }

    /// The operator's word for it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who knows.
    #[must_use]
    pub const fn index(&self) -> &Arc<IndexTxt> {
        &self.index
    }

    /// What an operator should hear at the start.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let about_signers = self.identities.iter().flat_map(SigningIdentity::warnings);
        let mut all = self.warnings.clone();
        all.extend(about_signers.map(escape_warning));
        let reports = self.index.with_table(|table| table.reports().clone());
        all.extend(index_oddities(self.index.path(), &reports));
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
        let counts = self.index.health().counts;
        tracing::info!(
            issuer = %escape(&self.name),
            subject = self.subject,
            signer = self.signers().collect::<Vec<_>>().join("; "),
            rows = counts.rows,
            revoked = counts.revoked,
            on_hold = counts.on_hold,
            validity = %Lasting(self.policy.validity),
            exposure = %Lasting(self.policy.worst_case_exposure()),
            "serving an issuer"
        );
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
        let counts = self.index.health().counts;
        writeln!(f, "issuer {}", escape(&self.name))?;
        writeln!(f, "  subject   {}", self.subject)?;
        for signer in self.signers() {
            writeln!(f, "  signer    {signer}")?;
        }
        writeln!(
            f,
            "  source    {}: {} rows, {} revoked, {} on hold",
            escape_path(self.index.path()),
            counts.rows,
            counts.revoked,
            counts.on_hold
        )?;
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
        for warning in self.warnings() {
            write!(f, "\n  warning   {warning}")?;
        }
        Ok(())
    }
}

/// The CA certificate: named, or that of the easy-rsa folder.
fn certificate_file(config: &IssuerConfig) -> anyhow::Result<PathBuf> {
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

fn no_easy_rsa(folder: &Path) -> anyhow::Error {
    anyhow!(
        "{} is no easy-rsa folder: neither it nor a pki folder in it holds both ca.crt and index.txt; \
         `easyrsa init-pki` and `easyrsa build-ca` make them",
        escape_path(folder)
    )
}

fn open_index(config: &IssuerConfig, now: Timestamp) -> anyhow::Result<IndexTxt> {
    if let Some(folder) = &config.source.easy_rsa
        && easy_rsa::detect(folder).is_none()
    {
        return Err(no_easy_rsa(folder));
    }
    let path = index_of(config).context("no source says who is revoked")?;
    let unrevoke = if config.allow_unrevoke {
        UnrevokePolicy::Allow
    } else {
        UnrevokePolicy::Refuse
    };
    Ok(IndexTxt::open(&path, unrevoke, now)?)
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

/// Oddities of an index, as sentences: the first few, and how many more there are.
pub(super) fn index_oddities(
    path: &Path,
    reports: &certvouch_status::index_txt::Reports,
) -> Vec<String> {
    let shown = reports.listed().iter().take(SHOWN_REPORTS);
    let mut lines: Vec<String> = shown
        .map(|report| format!("{}: {}", escape_path(path), escape_display(report)))
        .collect();
    if reports.total() > lines.len() {
        let more = reports.total() - lines.len();
        lines.push(format!("{}: {more} more rows are odd", escape_path(path)));
    }
    lines
}

/// Oddities of one index that are logged one by one; they say the same again and again.
const SHOWN_REPORTS: usize = 5;

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
