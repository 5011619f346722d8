//! Answers that were verified before: in memory, and in a folder if there is one.
//!
//! Nothing here is believed because it was kept: whoever takes something out verifies it again. A file is the response
//! in DER under a name that tells nothing about the certificate, written aside and renamed, so that half a file is
//! never seen.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use certvouch_crypto::digest;
use certvouch_types::{Certificate, HashAlgorithm, SerialNumber, Timestamp};

use crate::limits::{MAX_CACHED, MAX_RESPONSE};

/// What an answer is about: the issuer's name and key, and the serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key for a serial number of an issuer.
    pub(crate) fn new(issuer: &Certificate<'_>, serial: SerialNumber<'_>) -> Self {
        let of = |octets: &[u8]| digest(HashAlgorithm::Sha256, octets);
        let mut all = Vec::with_capacity(96);
        all.extend_from_slice(of(issuer.subject.as_bytes()).as_ref());
        all.extend_from_slice(of(issuer.subject_public_key_info.raw).as_ref());
        all.extend_from_slice(serial.content());
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(of(&all).as_ref()) {
            *to = *from;
        }
        Self(key)
    }

    fn file_name(self) -> String {
        use core::fmt::Write as _;
        let mut name = String::with_capacity(70);
        for octet in self.0 {
            // Writing to a String cannot fail.
            let _ = write!(name, "{octet:02x}");
        }
        name + ".ors"
    }
}

/// Responses by certificate.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    memory: Mutex<HashMap<Key, (Bytes, Timestamp)>>,
    folder: Option<PathBuf>,
}

impl Cache {
    /// A cache that also keeps files in a folder, if one is named.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            memory: Mutex::default(),
            folder,
        }
    }

    /// What was kept, to be verified again.
    pub(crate) fn get(&self, key: Key) -> Option<Bytes> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((der, _)) = memory.get(&key) {
            return Some(der.clone());
        }
        drop(memory);
        read(&self.folder.as_ref()?.join(key.file_name()))
    }

    /// Keeps a response until then. A folder that cannot be written costs the next process a question and nothing else.
    pub(crate) fn put(&self, key: Key, der: &Bytes, until: Timestamp, now: Timestamp) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MAX_CACHED {
            memory.retain(|_, (_, until)| *until > now);
        }
        if memory.len() < MAX_CACHED || memory.contains_key(&key) {
            memory.insert(key, (der.clone(), until));
        }
        drop(memory);
        if let Some(folder) = &self.folder {
            drop(write(folder, &key.file_name(), der));
        }
    }

    /// Forgets what did not verify any more.
    pub(crate) fn forget(&self, key: Key) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.remove(&key);
        drop(memory);
        if let Some(folder) = &self.folder {
            // It may be gone already; it is never believed in any case.
            drop(std::fs::remove_file(folder.join(key.file_name())));
        }
    }
}

fn read(path: &Path) -> Option<Bytes> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).ok()?;
    let mut octets = Vec::new();
    file.take(MAX_RESPONSE).read_to_end(&mut octets).ok()?;
    Some(octets.into())
}

fn write(folder: &Path, name: &str, der: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(der)?;
    file.persist(folder.join(name))?;
    Ok(())
}
