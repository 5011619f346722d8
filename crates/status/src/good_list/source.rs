//! [`GoodList`]: the table of a list, and the rules by which another one takes its place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use certvouch_types::{Certificate, DecodeError};

use super::certificates;
use super::error::GoodListError;
use super::parse::{Format, parse};
use super::table::GoodTable;
use crate::index_txt::{OpenError, Stamp, read};
use crate::serial_key::SerialKey;

/// A good-list and where it lies.
#[derive(Debug)]
pub struct GoodList {
    path: PathBuf,
    issuer: Vec<u8>,
    table: ArcSwap<GoodTable>,
    /// Whoever holds it reloads; inside is what the last attempt looked at.
    turn: Mutex<Option<Stamp>>,
}

/// What a reload changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoodListChange {
    /// Serial numbers now.
    pub issued: usize,
    /// New ones.
    pub added: Vec<SerialKey>,
    /// Ones that are gone: their answers become those of [`NeverIssued`](certvouch_responder::Knowledge::NeverIssued).
    pub removed: Vec<SerialKey>,
    /// Certificates of other issuers that were left out.
    pub foreign: usize,
}

impl GoodList {
    /// Reads a list for the issuer with this certificate (DER).
    ///
    /// # Errors
    /// The list cannot be read, or a line or certificate of it.
    ///
    /// # Panics
    /// Never.
    pub fn open(path: &Path, issuer: &[u8]) -> Result<(Self, GoodListChange), GoodListError> {
        let issuer_fault = |error: DecodeError| GoodListError::Certificate {
            path: path.to_owned(),
            why: format!("the issuer's certificate: {error}"),
        };
        Certificate::parse(issuer).map_err(issuer_fault)?;
        let list = Self {
            path: path.to_owned(),
            issuer: issuer.to_vec(),
            table: ArcSwap::from_pointee(GoodTable::default()),
            turn: Mutex::new(None),
        };
        let change = list.reload()?;
        Ok((list, change))
    }

    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The list in force.
    #[must_use]
    pub fn table(&self) -> Arc<GoodTable> {
        self.table.load_full()
    }

    /// Whether the file or folder is another one than at the last attempt. In a folder, files that come, go or are
    /// replaced are seen; one that is overwritten in place is not.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let seen = *self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        seen != Stamp::at(&self.path)
    }

    /// Reads the list again and puts it in force.
    ///
    /// # Errors
    /// It cannot be read whole, or is empty and was not before. The old one stands.
    pub fn reload(&self) -> Result<GoodListChange, GoodListError> {
        let mut seen = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before it is read: a change after this moment is one that the next look finds.
        *seen = Stamp::at(&self.path);
        let (table, foreign) = self.load()?;
        let old = self.table.load_full();
        if table.is_empty() && !old.is_empty() {
            return Err(GoodListError::Emptied {
                path: self.path.clone(),
                before: old.len(),
            });
        }
        let only_in = |one: &GoodTable, other: &GoodTable| -> Vec<SerialKey> {
            let absent = one.iter().filter(|serial| other.get(serial).is_none());
            absent.map(SerialKey::new).collect()
        };
        let change = GoodListChange {
            issued: table.len(),
            added: only_in(&table, &old),
            removed: only_in(&old, &table),
            foreign,
        };
        self.table.store(Arc::new(table));
        Ok(change)
    }

    fn load(&self) -> Result<(GoodTable, usize), GoodListError> {
        let Ok(issuer) = Certificate::parse(&self.issuer) else {
            // It was parsed when it was taken.
            return Ok((GoodTable::default(), 0));
        };
        if self.path.is_dir() {
            return self.load_folder(&issuer);
        }
        let (octets, _) = read(&self.path)?;
        let format = Format::of(&octets);
        // One DER certificate is no text.
        if format == Format::Certificates || octets.starts_with(&[0x30, 0x82]) {
            let mut table = GoodTable::default();
            let foreign = certificates::add(&mut table, &self.path, &octets, &issuer)?;
            return Ok((table.finish(), foreign));
        }
        parse(&self.path, format, &octets).map(|table| (table, 0))
    }

    fn load_folder(&self, issuer: &Certificate<'_>) -> Result<(GoodTable, usize), GoodListError> {
        let unreadable = |error: io::Error| OpenError::Unreadable {
            path: self.path.clone(),
            kind: error.kind(),
            message: error.to_string(),
        };
        let (mut table, mut foreign) = (GoodTable::default(), 0);
        for entry in std::fs::read_dir(&self.path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let known = ["pem", "crt", "cer", "der"].map(std::ffi::OsStr::new);
            if path
                .extension()
                .is_some_and(|extension| known.contains(&extension))
                && path.is_file()
            {
                let (octets, _) = read(&path)?;
                foreign += certificates::add(&mut table, &path, &octets, issuer)?;
            }
        }
        Ok((table.finish(), foreign))
    }
}
