//! The demo's certification authority, made in memory.
//!
//! A root, an issuing CA under it, a delegated responder and five certificates, all valid for seven days at
//! most and named NOT FOR PRODUCTION (requirements T-34). The root's key is dropped as soon as it has signed the
//! issuing CA; the keys of the certificates are dropped at once, since nobody needs them to ask for a status. What is
//! kept is the issuing CA's key (to issue more with), the responder's, and that of `good`, which the TLS server shows.
//!
//! Everything is dated back by an hour, so that one certificate can have expired inside the CA's own dates.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use certvouch_crypto::digest;
use certvouch_types::der::{push, tag};
use certvouch_types::{Certificate, HashAlgorithm, Timestamp, oid};
use clap::ValueEnum;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, RsaKeySize, date_time_ymd,
};

/// How long the demo's CA lives, in seconds: seven days.
pub(super) const LIFETIME: i64 = 7 * 86_400;
/// How far everything is dated back, in seconds: an hour.
const BACKDATE: i64 = 3600;
/// In every name of the CA.
const WARNING: &str = "NOT FOR PRODUCTION";

/// A file of the demo's folder.
#[derive(Debug)]
pub(super) struct NewFile {
    /// Its name in the folder.
    pub(super) name: String,
    /// What it contains.
    pub(super) text: String,
    /// Whether nobody but its owner may read it.
    pub(super) secret: bool,
}

impl NewFile {
    pub(super) fn public(name: impl Into<String>, text: String) -> Self {
        Self {
            name: name.into(),
            text,
            secret: false,
        }
    }

    fn secret(name: impl Into<String>, text: String) -> Self {
        Self {
            name: name.into(),
            text,
            secret: true,
        }
    }
}

/// The keys of the demo's CA and of its responder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[default]
    P256,
    /// ECDSA with P-384 and SHA-384.
    P384,
    /// ECDSA with P-521 and SHA-512.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits, PKCS#1 v1.5 and SHA-256.
    Rsa2048,
    /// RSA with 3072 bits, PKCS#1 v1.5 and SHA-256.
    Rsa3072,
}

impl Algorithm {
    fn new_key(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            Self::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Rsa3072 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
        }
    }
}

/// What the index says of a certificate at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Expired,
    Hold,
    Revoked,
    Unlisted,
    Valid,
}

/// The five certificates, in the order in which a reader meets them.
const LEAVES: [(&str, Row); 5] = [
    ("good", Row::Valid),
    ("revoked", Row::Revoked),
    ("never-issued", Row::Unlisted),
    ("on-hold", Row::Hold),
    ("expired", Row::Expired),
];

/// The certificate of the TLS server.
pub(super) const SERVED: &str = "good";

/// The names of the five certificates, without `.pem`.
pub(super) fn leaf_names() -> impl Iterator<Item = &'static str> {
    LEAVES.into_iter().map(|(name, _)| name)
}

/// What the demo serves, for `certvouch serve --config`.
const CONFIGURATION: &str = r#"# What `certvouch demo` serves, for: certvouch serve --config certvouch.toml

[server]
listen = ["127.0.0.1:8080"]

[[issuer]]
name = "demo"
certificate = "issuing-ca.pem"
signer = { certificate = "ocsp-signer.pem", key = "ocsp-signer.key" }
source = { index = "index.txt" }
"#;

/// Makes the whole PKI; the certificates say that the responder is at `url`. The index is the last file.
///
/// # Errors
/// The random source or the cryptographic library failed.
pub(super) fn make(algorithm: Algorithm, url: &str, now: Timestamp) -> Result<Vec<NewFile>> {
    let dates = Dates {
        from: now.unix() - BACKDATE,
        to: now.unix() - BACKDATE + LIFETIME,
        now: now.unix(),
    };
    let root_key = algorithm.new_key().context("make the root's key")?;
    // A name of its own for each demo: two roots of one name in a trust store cannot be told apart.
    let mark = mark(&root_key);
    let root_params = ca_params(&format!("certvouch demo root {mark}"), 1, &dates);
    let root_cert = root_params
        .self_signed(&root_key)
        .context("sign the root")?;
    let root = Issuer::new(root_params, root_key);

    let ca_key = algorithm.new_key().context("make the issuing CA's key")?;
    let ca_key_pem = ca_key.serialize_pem();
    let ca_params = ca_params(&format!("certvouch demo issuing CA {mark}"), 0, &dates);
    let ca_cert = ca_params
        .signed_by(&ca_key, &root)
        .context("sign the issuing CA")?;
    let ca = Issuer::new(ca_params, ca_key);

    let signer_key = algorithm.new_key().context("make the responder's key")?;
    let signer_cert = signer_params(&format!("certvouch demo OCSP responder {mark}"), &dates)
        .signed_by(&signer_key, &ca)
        .context("sign the responder's certificate")?;

    let mut files = vec![
        NewFile::public("root.pem", root_cert.pem()),
        NewFile::public("issuing-ca.pem", ca_cert.pem()),
        NewFile::secret("issuing-ca.key", ca_key_pem),
        NewFile::public("ocsp-signer.pem", signer_cert.pem()),
        NewFile::secret("ocsp-signer.key", signer_key.serialize_pem()),
    ];
    let mut index = index_row(Row::Valid, signer_cert.der(), "OCSP responder", &dates)?;
    for (name, row) in LEAVES {
        let key = KeyPair::generate().context("make a certificate's key")?;
        let cert = leaf_params(name, row, url, &dates)?
            .signed_by(&key, &ca)
            .with_context(|| format!("sign the certificate {name}"))?;
        index.push_str(&index_row(row, cert.der(), &host(name), &dates)?);
        files.push(NewFile::public(format!("{name}.pem"), cert.pem()));
        if name == SERVED {
            files.push(NewFile::secret(format!("{name}.key"), key.serialize_pem()));
        }
    }
    files.push(NewFile::public("certvouch.toml", CONFIGURATION.to_owned()));
    files.push(NewFile::public(
        "index.txt.attr",
        "unique_subject = no\n".to_owned(),
    ));
    files.push(NewFile::public("index.txt", index));
    Ok(files)
}

/// A moment as `index.txt` has it: a UTCTime.
pub(super) fn utc_time(at: Timestamp) -> String {
    let text: String = at.to_generalized_time().map(char::from).iter().collect();
    // A UTCTime has two digits for the years 1950 to 2049; later ones are written with four.
    match text.strip_prefix("20") {
        Some(short) if text.as_str() < "2050" => short.to_owned(),
        _ => text,
    }
}

/// Unix seconds.
struct Dates {
    from: i64,
    to: i64,
    now: i64,
}

impl Dates {
    fn of(&self, row: Row) -> (i64, i64) {
        match row {
            // Inside the CA's dates, and past.
            Row::Expired => (self.from, self.from + BACKDATE / 2),
            Row::Hold | Row::Revoked | Row::Unlisted | Row::Valid => (self.from, self.to),
        }
    }
}

fn mark(key: &KeyPair) -> String {
    let hash = digest(HashAlgorithm::Sha256, key.public_key_raw());
    hash.as_ref()[..3]
        .iter()
        .fold(String::new(), |mut text, octet| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        })
}

fn params(common_name: &str, (from, to): (i64, i64)) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(
        DnType::OrganizationName,
        format!("certvouch demo, {WARNING}"),
    );
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    let epoch = date_time_ymd(1970, 1, 1);
    let since = |unix: i64| Duration::from_secs(unix.max(0).unsigned_abs());
    (params.not_before, params.not_after) = (epoch + since(from), epoch + since(to));
    params
}

fn ca_params(common_name: &str, path_length: u8, dates: &Dates) -> CertificateParams {
    let mut params = params(&format!("{common_name} {WARNING}"), (dates.from, dates.to));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A delegated responder: OCSPSigning, nocheck, digitalSignature (RFC 6960 4.2.2.2 and 4.2.2.2.1).
fn signer_params(common_name: &str, dates: &Dates) -> CertificateParams {
    let mut params = params(&format!("{common_name} {WARNING}"), (dates.from, dates.to));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5],
        vec![tag::NULL, 0],
    )];
    params
}

fn leaf_params(name: &str, row: Row, url: &str, dates: &Dates) -> Result<CertificateParams> {
    let mut names = vec![host(name)];
    if name == SERVED {
        // Whoever tries it need not be told which name to ask for.
        names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    }
    let mut params = CertificateParams::new(names).context("name a certificate")?;
    let named = self::params(&host(name), dates.of(row));
    params.distinguished_name = named.distinguished_name;
    (params.not_before, params.not_after) = (named.not_before, named.not_after);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 5, 5, 7, 1, 1],
        authority_info_access(url),
    )];
    Ok(params)
}

/// `.invalid` is never a real name (RFC 2606).
pub(super) fn host(name: &str) -> String {
    format!("{name}.demo.invalid")
}

/// One AccessDescription with id-ad-ocsp and a URI (RFC 5280 4.2.2.1).
fn authority_info_access(url: &str) -> Vec<u8> {
    const URI: u8 = 0x86;
    let mut description = Vec::new();
    push(&mut description, tag::OID, oid::AD_OCSP.as_bytes());
    push(&mut description, URI, url.as_bytes());
    let mut list = Vec::new();
    push(&mut list, tag::SEQUENCE, &description);
    let mut value = Vec::new();
    push(&mut value, tag::SEQUENCE, &list);
    value
}

/// The row of a certificate; nothing for the one that the index does not know.
fn index_row(row: Row, der: &[u8], name: &str, dates: &Dates) -> Result<String> {
    let revoked_at = |reason| {
        let at = Timestamp::from_unix(dates.now - BACKDATE / 6);
        format!("{},{reason}", utc_time(at))
    };
    let (kind, revoked) = match row {
        Row::Unlisted => return Ok(String::new()),
        Row::Expired => ("E", String::new()),
        Row::Hold => ("R", revoked_at("certificateHold")),
        Row::Revoked => ("R", revoked_at("keyCompromise")),
        Row::Valid => ("V", String::new()),
    };
    let cert = Certificate::parse(der).context("read a certificate that was just made")?;
    let expires = utc_time(cert.validity.not_after);
    let serial = cert.serial_number;
    Ok(format!(
        "{kind}\t{expires}\t{revoked}\t{serial}\tunknown\t/CN={name}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_now() -> Vec<NewFile> {
        make(
            Algorithm::P256,
            "http://127.0.0.1:8080/",
            Timestamp::from_unix(1_800_000_000),
        )
        .unwrap()
    }

    #[test]
    fn make_marks_keys_as_secret_and_ends_with_the_index() {
        let files = of_now();
        for file in &files {
            assert_eq!(
                file.secret,
                file.text.contains("PRIVATE KEY"),
                "{}",
                file.name
            );
        }
        assert_eq!(files.last().unwrap().name, "index.txt");
    }

    #[test]
    fn index_has_a_row_for_all_but_the_never_issued_certificate() {
        let files = of_now();
        let index = &files.last().unwrap().text;
        let row = |name: &str| {
            let name = format!("\t/CN={name}.demo.invalid");
            index
                .lines()
                .find(|line| line.ends_with(&name))
                .map(|line| line[..1].to_owned())
        };
        let rows = LEAVES.map(|(name, _)| row(name));
        let expected = [Some("V"), Some("R"), None, Some("R"), Some("E")];
        assert_eq!(rows, expected.map(|kind| kind.map(str::to_owned)));
        assert!(
            index.lines().all(|line| line.split('\t').count() == 6),
            "{index}"
        );
    }

    #[test]
    fn two_demos_have_names_of_their_own() {
        let subject = |files: &[NewFile]| {
            files
                .iter()
                .find(|file| file.name == "root.pem")
                .unwrap()
                .text
                .clone()
        };
        assert_ne!(subject(&of_now()), subject(&of_now()));
    }

    #[test]
    fn utc_time_has_two_digits_up_to_2049_and_four_after() {
        let at = |text| utc_time(Timestamp::from_rfc3339(text).unwrap());
        assert_eq!(at("2026-11-22T12:00:01Z"), "261122120001Z");
        assert_eq!(at("2050-01-01T00:00:00Z"), "20500101000000Z");
    }
}
