//! The positive statement: hashes of the certificates that a CA issued, read from the folder that it keeps them in.
//!
//! `openssl ca` (new_certs_dir) and easy-rsa (certs_by_serial) name each file by its serial number in hex, which is how
//! a certificate is found here: one small file for each answer that is signed, nothing in memory, and a certificate that
//! was issued a moment ago counts. A certificate that is not there, or is another CA's or another number's, gets no
//! statement; its status is the same.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certvouch_crypto::digest;
use certvouch_responder::{BoxFuture, Knowledge, SourceError, StatusRecord, StatusSource};
use certvouch_types::{Certificate, HashAlgorithm, SerialNumber};

use crate::good_list::certificates::{blocks, is_issued_by};
use crate::limits::MAX_ISSUED_CERTIFICATE;

/// The endings of certificate files.
const ENDINGS: [&str; 4] = ["pem", "crt", "cer", "der"];

/// A source that adds the hash of each certificate that it finds.
#[derive(Debug)]
pub struct CertHashes {
    folder: PathBuf,
    issuer: Vec<u8>,
    below: Arc<dyn StatusSource>,
}

impl CertHashes {
    /// Adds hashes of the certificates in a folder to what a source knows about those of this CA (DER).
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn open(
        folder: &Path,
        issuer: &[u8],
        below: Arc<dyn StatusSource>,
    ) -> Result<Self, std::io::Error> {
        std::fs::read_dir(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            issuer: issuer.to_vec(),
            below,
        })
    }

    /// SHA-256 over the certificate with this serial number, if it is there.
    fn hash_of(&self, serial: SerialNumber<'_>) -> Option<[u8; 32]> {
        // The name is hex digits and nothing else, so that no serial number leads out of the folder.
        serial.unsigned().filter(|_| serial.fits())?;
        let issuer = Certificate::parse(&self.issuer).ok()?;
        let octets = ENDINGS
            .iter()
            .find_map(|ending| read(&self.folder.join(format!("{serial}.{ending}"))))?;
        blocks(&octets).ok()?.iter().find_map(|der| {
            let certificate = Certificate::parse(der).ok()?;
            let ours = certificate.serial_number == serial
                && is_issued_by(&certificate, &issuer).unwrap_or(false);
            let hash = ours.then(|| digest(HashAlgorithm::Sha256, der))?;
            hash.as_ref().try_into().ok()
        })
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let file = File::open(path).ok()?;
    let mut file = file.take(MAX_ISSUED_CERTIFICATE);
    file.read_to_end(&mut octets).ok()?;
    Some(octets)
}

impl StatusSource for CertHashes {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        Box::pin(async move {
            let mut records = self.below.lookup(serials).await?;
            for (record, serial) in records.iter_mut().zip(serials) {
                if let Knowledge::Issued | Knowledge::Revoked { .. } = record.knowledge {
                    record.cert_hash = self.hash_of(*serial);
                }
            }
            Ok(records)
        })
    }
}
