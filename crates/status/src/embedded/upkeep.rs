//! Copies of a store for safe keeping.

use std::fs::File;
use std::io;
use std::path::Path;

use super::error::StoreError;
use super::mark::beside;
use super::store::Store;

impl Store {
    /// Writes a copy of the store, compact and of one moment, while it is served. There must be no file at this path; it
    /// appears there when it is whole and on the disk.
    ///
    /// # Errors
    /// The store cannot be read, or the copy cannot be written.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let fault = |why: io::Error| StoreError::Io(why.to_string());
        if to.exists() {
            return Err(StoreError::Io(format!(
                "{} is there already",
                crate::escape::path(to)
            )));
        }
        let partial = beside(to, "-partial");
        // Left by a copy that was broken off.
        match std::fs::remove_file(&partial) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(fault(why)),
            _ => {}
        }
        let name = partial
            .to_str()
            .ok_or_else(|| StoreError::Io("the name of the copy has to be UTF-8".to_owned()))?;
        self.reading(|connection| {
            // It writes into another file; this one is only read.
            connection.execute_batch("PRAGMA query_only = OFF")?;
            let copied = connection.execute("VACUUM INTO ?1", [name]);
            connection.execute_batch("PRAGMA query_only = ON")?;
            copied?;
            Ok(())
        })?;
        File::open(&partial)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&partial, to))
            .and_then(|()| {
                let folder = match to.parent() {
                    Some(folder) if !folder.as_os_str().is_empty() => folder,
                    _ => Path::new("."),
                };
                File::open(folder)?.sync_all()
            })
            .map_err(fault)
    }
}
