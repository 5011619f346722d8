//! Signed checkpoints: the end of the store's log, said at a moment with a key that is not the store's, and kept where
//! whoever can write to the store cannot (threats T-8).
//!
//! One JSON object a line. What is signed is its text form without the key and the signature, so that no other JSON
//! spelling is a second checkpoint.

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::Signer as _;
use certvouch_signer::FileSigner;
use certvouch_status::embedded::{Head, Store};
use certvouch_types::AlgorithmIdentifier;
use certvouch_types::Timestamp;
use certvouch_types::der::Reader;
use certvouch_types::pkix::SubjectPublicKeyInfo;
use serde::{Deserialize, Serialize};

use crate::octets::{hex, sha256};

/// A checkpoint, as a line has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Which store.
    pub store: String,
    /// The end of its log, as [`Head`] writes it.
    pub head: String,
    /// When that was its end.
    pub at: String,
    /// The signature algorithm.
    pub algorithm: String,
    /// The SubjectPublicKeyInfo of the key, DER in base64.
    pub key: String,
    /// The signature, in base64.
    pub signature: String,
}

impl Checkpoint {
    /// The end of the log now, signed.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn of(store: &Store, signer: &FileSigner, at: Timestamp) -> anyhow::Result<Self> {
        let mut checkpoint = Self {
            store: store.id().to_owned(),
            head: store.head().to_string(),
            at: at.to_string(),
            algorithm: signer.algorithm().name().to_owned(),
            key: STANDARD.encode(signer.public_key_info()),
            signature: String::new(),
        };
        let signature = signer
            .sign_now(checkpoint.text().as_bytes())
            .map_err(|why| anyhow!("{why}"))?;
        checkpoint.signature = STANDARD.encode(signature);
        Ok(checkpoint)
    }

    /// Reads the lines of a file; empty ones do not count.
    ///
    /// # Errors
    /// The first line that is no checkpoint, or whose signature is wrong.
    pub fn read_all(text: &str) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            let checkpoint = Self::read(line).with_context(|| format!("line {number}"))?;
            all.push(checkpoint);
        }
        Ok(all)
    }

    fn read(line: &str) -> anyhow::Result<Self> {
        let checkpoint: Self = serde_json::from_str(line)?;
        checkpoint.verify()?;
        Ok(checkpoint)
    }

    /// What it says about the log.
    ///
    /// # Errors
    /// It says nothing readable.
    pub fn head(&self) -> anyhow::Result<Head> {
        Head::from_text(&self.head).context("head is no change and hash such as 42:9f86…")
    }

    /// What tells its key from others: SHA-256 over it, in hexadecimal digits.
    ///
    /// # Errors
    /// The key is not in base64.
    pub fn key_sha256(&self) -> anyhow::Result<String> {
        Ok(hex(&sha256(&decode(&self.key, "key")?)))
    }

    /// What is signed.
    fn text(&self) -> String {
        format!(
            "certvouch checkpoint 1\n{}\n{}\n{}\n",
            self.store, self.head, self.at
        )
    }

    fn verify(&self) -> anyhow::Result<()> {
        self.head()?;
        let key = decode(&self.key, "key")?;
        let mut reader = Reader::new(&key);
        let key = SubjectPublicKeyInfo::read(&mut reader).map_err(|why| anyhow!("key: {why}"))?;
        let algorithm = SignatureAlgorithm::from_name(&self.algorithm)
            .filter(|algorithm| !algorithm.uses_sha1())
            .context("algorithm is none that is known")?;
        let identifier = AlgorithmIdentifier::parse(algorithm.identifier(), "algorithm")
            .map_err(|why| anyhow!("{why}"))?;
        let signature = decode(&self.signature, "signature")?;
        let text = self.text();
        if certvouch_crypto::verify_signature(&key, &identifier, text.as_bytes(), &signature)
            .is_err()
        {
            bail!("the signature is not that of this checkpoint: one of them was changed");
        }
        Ok(())
    }
}

fn decode(text: &str, what: &str) -> anyhow::Result<Vec<u8>> {
    STANDARD
        .decode(text)
        .map_err(|why| anyhow!("{what}: {why}"))
}

/// The SubjectPublicKeyInfo in a file, PEM or DER, as `openssl pkey -pubout` writes it.
///
/// # Errors
/// It is neither.
pub fn public_key(octets: &[u8]) -> anyhow::Result<Vec<u8>> {
    let der = match std::str::from_utf8(octets) {
        Ok(text) if text.contains("-----BEGIN PUBLIC KEY-----") => {
            let inside = text
                .lines()
                .skip_while(|line| *line != "-----BEGIN PUBLIC KEY-----")
                .skip(1)
                .take_while(|line| !line.starts_with("-----"));
            let text: String = inside.map(str::trim).collect();
            decode(&text, "the key")?
        }
        _ => octets.to_vec(),
    };
    let mut reader = Reader::new(&der);
    SubjectPublicKeyInfo::read(&mut reader).map_err(|why| {
        anyhow!("this is no public key as `openssl pkey -pubout` writes it: {why}")
    })?;
    Ok(der)
}
