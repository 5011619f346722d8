//! What the tests of this crate share: closed files, and loading an identity from fixtures.

use std::path::{Path, PathBuf};

use certvouch_crypto::{SignatureAlgorithm, verify_signature};
use certvouch_responder::Signer as _;
use certvouch_signer::{FileSigner, LoadError, PassphraseSource, SignerConfig, SigningIdentity};
use certvouch_testkit::pki::{Cert, Key, T0};
use certvouch_types::der::Reader;
use certvouch_types::pkix::SubjectPublicKeyInfo;
use certvouch_types::{AlgorithmIdentifier, Certificate, Timestamp};

pub(crate) const DAY: i64 = 86_400;
pub(crate) const MESSAGE: &[u8] = b"what is to be signed";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(T0)
}

/// Writes a file that only its owner may read.
pub(crate) fn closed(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Opens key octets as a file, without passphrase.
pub(crate) fn open(content: impl AsRef<[u8]>) -> Result<FileSigner, LoadError> {
    open_with(content, None, None)
}

/// Opens key octets as a file, with the passphrase in another file.
pub(crate) fn open_with(
    content: impl AsRef<[u8]>,
    passphrase: Option<&[u8]>,
    algorithm: Option<SignatureAlgorithm>,
) -> Result<FileSigner, LoadError> {
    let dir = tempfile::tempdir().unwrap();
    let path = closed(dir.path(), "key", content);
    let source = passphrase.map_or(PassphraseSource::Nowhere, |text| {
        PassphraseSource::File(closed(dir.path(), "passphrase", text))
    });
    FileSigner::open(&path, &source, algorithm)
}

/// Whether what the signer signs verifies, by the table of certvouch-crypto, under this SubjectPublicKeyInfo.
pub(crate) fn verifies(signer: &FileSigner, spki: &[u8]) -> bool {
    let signature = signer.sign_now(MESSAGE).unwrap();
    let spki = SubjectPublicKeyInfo::read(&mut Reader::new(spki)).unwrap();
    let identifier = AlgorithmIdentifier::parse(signer.algorithm().identifier(), "test").unwrap();
    let verdict = verify_signature(&spki, &identifier, MESSAGE, &signature);
    verdict.is_ok() && verify_signature(&spki, &identifier, b"other", &signature).is_err()
}

/// Loads the identity of this certificate for this issuer at `now()`; the configuration may be changed before.
pub(crate) fn load_as(
    cert: &Cert,
    issuer: &Cert,
    change: impl FnOnce(&mut SignerConfig),
) -> Result<SigningIdentity, LoadError> {
    load_at(cert, issuer, now(), change)
}

/// The same at another moment.
pub(crate) fn load_at(
    cert: &Cert,
    issuer: &Cert,
    now: Timestamp,
    change: impl FnOnce(&mut SignerConfig),
) -> Result<SigningIdentity, LoadError> {
    let dir = tempfile::tempdir().unwrap();
    let key = closed(dir.path(), "ocsp.key", cert.key.pkcs8_pem());
    let certificate = closed(dir.path(), "ocsp.pem", cert.pem());
    let mut config = SignerConfig::new(key, Some(certificate));
    change(&mut config);
    SigningIdentity::load(&config, &Certificate::parse(&issuer.der).unwrap(), now)
}

pub(crate) fn load(cert: &Cert, issuer: &Cert) -> Result<SigningIdentity, LoadError> {
    load_as(cert, issuer, |_| {})
}

/// A key that matches a fixture.
pub(crate) fn same_key(signer: &FileSigner, key: &Key) -> bool {
    signer.public_key_info() == key.spki() && verifies(signer, &key.spki())
}
