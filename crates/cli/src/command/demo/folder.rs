//! The demo's folder on disk: made once, used again while it is valid, and never at the cost of foreign files.
//!
//! A folder is ours if it holds the file [`MARKER`], which is written first. `index.txt` is written last, so that
//! a folder without it is one whose making was interrupted: it is finished with a new PKI. A new PKI in a folder
//! of ours never overwrites: what is left of the old one moves to a subfolder `old-…`. Whoever changes anything
//! holds a lock on the marker, so that two commands at a time follow one another.
//!
//! Keys get the mode 0600 at their creation. `index.txt` is replaced by rename after it reached the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use certvouch_types::{Certificate, Timestamp};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::pki::{self, Algorithm, NewFile};
use crate::command::quote::is_showable;
use crate::escape::escape_path;

/// The file that makes a folder ours, and tells a person what it is.
pub(super) const MARKER: &str = "NOT-FOR-PRODUCTION.txt";
/// The CA database.
pub(super) const INDEX: &str = "index.txt";
/// Where the last start of the demo listened.
const URL: &str = "responder-url.txt";

/// A folder of ours.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
}

/// How [`Locked::prepare`] came to its PKI.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Prepared {
    /// It was made now.
    Made,
    /// It was there and is valid.
    Reused,
    /// It was there and had expired, or was unfinished: it lies in this subfolder now, and a new one was made.
    Replaced(String),
}

/// The folder while nobody else changes it.
pub(super) struct Locked<'a> {
    folder: &'a Folder,
    _marker: File,
}

impl Folder {
    /// Names a folder; nothing is looked at yet.
    ///
    /// # Errors
    /// The path has control characters or the like, which the printed commands could not show.
    pub(super) fn at(dir: &Path) -> Result<Self> {
        let showable = dir.to_str().is_some_and(is_showable);
        if !showable {
            bail!(
                "the folder's name \"{}\" has characters that no command could show; choose another with --dir",
                escape_path(dir)
            );
        }
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// A file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder itself.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether it is there and ours.
    ///
    /// # Errors
    /// It cannot be read, or it holds files and no marker.
    pub(super) fn exists(&self) -> Result<bool> {
        match self.find_marker() {
            Ok(()) => Ok(true),
            Err(found) => {
                let Some(name) = self.any_entry()? else {
                    return Ok(false);
                };
                let dir = escape_path(&self.dir);
                bail!(
                    "{dir} is not a demo folder ({found}, but it holds {name:?}); nothing was \
                     changed, choose another folder with --dir"
                )
            }
        }
    }

    /// Waits until nobody else changes the folder; makes it, with its marker, if it is absent or empty.
    ///
    /// # Errors
    /// It is foreign, or cannot be written.
    pub(super) fn lock(&self) -> Result<Locked<'_>> {
        if !self.exists()? {
            DirBuilder::new()
                .recursive(true)
                .create(&self.dir)
                .with_context(|| format!("make the folder {}", escape_path(&self.dir)))?;
        }
        let path = self.path(MARKER);
        let mut marker = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .with_context(|| format!("open {}", escape_path(&path)))?;
        marker
            .lock()
            .with_context(|| format!("lock {}", escape_path(&path)))?;
        let length = marker.metadata().context("look at the marker")?.len();
        if length == 0 {
            marker
                .write_all(MARKER_TEXT.as_bytes())
                .with_context(|| format!("write {}", escape_path(&path)))?;
        }
        Ok(Locked {
            folder: self,
            _marker: marker,
        })
    }

    /// The certificate in a PEM file of the folder, as DER.
    ///
    /// # Errors
    /// The file is absent or holds no certificate.
    pub(super) fn certificate(&self, file: &str) -> Result<CertificateDer<'static>> {
        let path = self.path(file);
        let pem = fs::read(&path).with_context(|| format!("read {}", escape_path(&path)))?;
        CertificateDer::from_pem_slice(&pem)
            .with_context(|| format!("{} holds no certificate", escape_path(&path)))
    }

    /// Until when the whole PKI is valid.
    ///
    /// # Errors
    /// A certificate cannot be read.
    pub(super) fn valid_until(&self) -> Result<Timestamp> {
        let mut until = Timestamp::MAX;
        for file in ["root.pem", "issuing-ca.pem", "ocsp-signer.pem"] {
            let der = self.certificate(file)?;
            let cert = Certificate::parse(&der)
                .with_context(|| format!("{} does not parse", escape_path(&self.path(file))))?;
            until = until.min(cert.validity.not_after);
        }
        Ok(until)
    }

    /// The URL in the certificates.
    ///
    /// # Errors
    /// `good.pem` cannot be read or names none.
    pub(super) fn certified_url(&self) -> Result<String> {
        let der = self.certificate("good.pem")?;
        let cert = Certificate::parse(&der).context("good.pem does not parse")?;
        let mut urls = cert
            .access_locations(certvouch_types::oid::AD_OCSP)
            .context("good.pem does not parse")?;
        let url = urls.next().context("good.pem names no responder")?;
        Ok(url.to_owned())
    }

    /// Where the demo listens or listened last; the URL in the certificates if it never did.
    ///
    /// # Errors
    /// Neither can be read.
    pub(super) fn url(&self) -> Result<String> {
        match fs::read_to_string(self.path(URL)) {
            Ok(text) => Ok(text.trim_end().to_owned()),
            Err(_) => self.certified_url(),
        }
    }

    fn find_marker(&self) -> Result<(), String> {
        let text = fs::read_to_string(self.path(MARKER))
            .map_err(|_| format!("it has no file {MARKER}"))?;
        let ours = text.is_empty() || text.starts_with(FIRST_LINE);
        ours.then_some(())
            .ok_or_else(|| format!("its {MARKER} is not ours"))
    }

    /// The name of something in the folder; nothing if it is empty or absent.
    fn any_entry(&self) -> Result<Option<String>> {
        let cannot = || format!("read the folder {}", escape_path(&self.dir));
        let mut entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why).with_context(cannot),
        };
        let first = entries.next().transpose().with_context(cannot)?;
        Ok(first.map(|entry| entry.file_name().to_string_lossy().into_owned()))
    }
}

impl Locked<'_> {
    /// Sees to a valid PKI: the one that is there, or a new one whose certificates name `url`.
    ///
    /// # Errors
    /// A file of the PKI is absent or broken, or the folder cannot be written.
    pub(super) fn prepare(
        &self,
        algorithm: Algorithm,
        url: &str,
        now: Timestamp,
    ) -> Result<Prepared> {
        let present = self.present();
        if present.is_empty() {
            self.make(algorithm, url, now)?;
            return Ok(Prepared::Made);
        }
        if present.iter().any(|name| name == INDEX) {
            let missing = |name: &String| !present.contains(name) && *name != served_key();
            if let Some(absent) = file_names().find(missing) {
                let path = self.folder.path(&absent);
                bail!(
                    "{} is absent; put it back, or remove the folder to get a new PKI",
                    escape_path(&path)
                );
            }
            if now <= self.folder.valid_until()? {
                return Ok(Prepared::Reused);
            }
        }
        let shelf = self.shelve(&present, now)?;
        self.make(algorithm, url, now)?;
        Ok(Prepared::Replaced(shelf))
    }

    /// Notes where the demo listens.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn note_url(&self, url: &str) -> Result<()> {
        self.replace(URL, &format!("{url}\n"))
    }

    /// Puts a new text in place of a file: written beside it, brought to the disk, renamed.
    ///
    /// # Errors
    /// One of these steps failed; the old file stands.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.path(name);
        // The lock makes the name ours alone; one that a killed process left behind is in the way of no one.
        let aside = self.folder.path(&format!(".{name}.new"));
        if let Err(why) = fs::remove_file(&aside)
            && why.kind() != ErrorKind::NotFound
        {
            return Err(why).with_context(|| format!("remove {}", escape_path(&aside)));
        }
        create(&aside, text, false)?;
        fs::rename(&aside, &path).with_context(|| format!("replace {}", escape_path(&path)))?;
        // The rename itself must survive a power loss too.
        File::open(&self.folder.dir)
            .and_then(|dir| dir.sync_all())
            .with_context(|| format!("write the folder {}", escape_path(&self.folder.dir)))
    }

    fn present(&self) -> Vec<String> {
        file_names()
            .filter(|name| self.folder.path(name).symlink_metadata().is_ok())
            .collect()
    }

    fn make(&self, algorithm: Algorithm, url: &str, now: Timestamp) -> Result<()> {
        for NewFile { name, text, secret } in pki::make(algorithm, url, now)? {
            create(&self.folder.path(&name), &text, secret)?;
        }
        Ok(())
    }

    /// Moves an old PKI to a subfolder and returns that one's name. The index goes first: from then on the
    /// folder counts as unfinished.
    fn shelve(&self, present: &[String], now: Timestamp) -> Result<String> {
        let shelf = format!("old-{}", pki::utc_time(now));
        let into = self.folder.path(&shelf);
        DirBuilder::new()
            .recursive(true)
            .create(&into)
            .with_context(|| format!("make the folder {}", escape_path(&into)))?;
        for name in present.iter().rev() {
            fs::rename(self.folder.path(name), into.join(name))
                .with_context(|| format!("move {name} to {}", escape_path(&into)))?;
        }
        Ok(shelf)
    }
}

/// The key of the TLS server. A folder that an earlier version made has none, and is used without that server.
pub(super) fn served_key() -> String {
    format!("{}.key", pki::SERVED)
}

/// The files of a PKI in the order of their writing; the index is the last.
fn file_names() -> impl Iterator<Item = String> {
    let fixed = [
        "root.pem",
        "issuing-ca.pem",
        "issuing-ca.key",
        "ocsp-signer.pem",
        "ocsp-signer.key",
    ];
    let leaves = pki::leaf_names().map(|name| format!("{name}.pem"));
    fixed
        .into_iter()
        .map(str::to_owned)
        .chain(leaves)
        .chain([served_key()])
        .chain(["certvouch.toml", "index.txt.attr", INDEX].map(str::to_owned))
}

/// Makes a file that was not there, and brings it to the disk.
fn create(path: &Path, text: &str, secret: bool) -> Result<()> {
    let mode = if secret { 0o600 } else { 0o644 };
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("write {}", escape_path(path)))
}

const FIRST_LINE: &str = "certvouch demo: a throw-away PKI, NOT FOR PRODUCTION\n";

const MARKER_TEXT: &str = "\
certvouch demo: a throw-away PKI, NOT FOR PRODUCTION

Trust none of this outside a test. Everything here is valid for seven days.

root.pem                the root; its key was dropped after it signed the issuing CA
issuing-ca.pem, .key    the CA whose certificates the responder answers for
ocsp-signer.pem, .key   the delegated responder: OCSPSigning and nocheck, issued by that CA
good.pem                valid
revoked.pem             revoked, keyCompromise
never-issued.pem        signed with the CA's key, but not in its index: the answer is unknown
on-hold.pem             revoked for now, certificateHold
expired.pem             past its notAfter, never revoked
index.txt               the CA's database as OpenSSL keeps it; the responder reads nothing else
certvouch.toml          the demo as a configuration of `certvouch serve`
responder-url.txt       where the demo listened last

certvouch demo made this folder and knows it by this file. Remove the folder when you are done.
";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use certvouch_testkit::process::temp_dir;

    use super::*;

    const URL_A: &str = "http://127.0.0.1:8080/";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    fn prepare(folder: &Folder, now: Timestamp) -> Result<Prepared> {
        folder.lock()?.prepare(Algorithm::P256, URL_A, now)
    }

    fn read(folder: &Folder, name: &str) -> String {
        fs::read_to_string(folder.path(name)).unwrap()
    }

    fn text_of(result: Result<Prepared>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    // covers: T-34
    #[test]
    fn keys_are_for_their_owner_only() {
        let temp = temp_dir();
        let folder = Folder::at(&temp.path().join("demo")).unwrap();
        assert_eq!(prepare(&folder, at(0)).unwrap(), Prepared::Made);
        for key in ["issuing-ca.key", "ocsp-signer.key"] {
            let mode = fs::metadata(folder.path(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn valid_pki_is_used_again() {
        let temp = temp_dir();
        let folder = Folder::at(temp.path()).unwrap();
        assert_eq!(prepare(&folder, at(0)).unwrap(), Prepared::Made);
        let before = file_names()
            .map(|name| read(&folder, &name))
            .collect::<Vec<_>>();
        assert_eq!(prepare(&folder, at(86_400)).unwrap(), Prepared::Reused);
        let after = file_names()
            .map(|name| read(&folder, &name))
            .collect::<Vec<_>>();
        assert_eq!(before, after);
        assert_eq!(folder.certified_url().unwrap(), URL_A);
    }

    // covers: T-34
    #[test]
    fn pki_is_replaced_after_seven_days_and_kept_aside() {
        let temp = temp_dir();
        let folder = Folder::at(temp.path()).unwrap();
        prepare(&folder, at(0)).unwrap();
        let until = folder.valid_until().unwrap();
        assert!(until.seconds_since(at(0)) <= pki::LIFETIME);
        let (root, key) = (read(&folder, "root.pem"), read(&folder, "issuing-ca.key"));
        let later = Timestamp::from_unix(until.unix() + 1);
        let Prepared::Replaced(shelf) = prepare(&folder, later).unwrap() else {
            panic!("not replaced");
        };
        assert_eq!(read(&folder, &format!("{shelf}/root.pem")), root);
        assert_eq!(read(&folder, &format!("{shelf}/issuing-ca.key")), key);
        assert_ne!(read(&folder, "root.pem"), root);
        assert_eq!(prepare(&folder, later).unwrap(), Prepared::Reused);
    }

    #[test]
    fn interrupted_making_is_finished() {
        for cut in 0..file_names().count() {
            let temp = temp_dir();
            let folder = Folder::at(temp.path()).unwrap();
            prepare(&folder, at(0)).unwrap();
            for name in file_names().skip(cut) {
                fs::remove_file(folder.path(&name)).unwrap();
            }
            assert_ne!(prepare(&folder, at(1)).unwrap(), Prepared::Reused, "{cut}");
            assert_eq!(prepare(&folder, at(2)).unwrap(), Prepared::Reused, "{cut}");
        }
    }

    #[test]
    fn folder_with_foreign_files_is_refused_and_left_alone() {
        let temp = temp_dir();
        fs::write(temp.path().join("thesis.tex"), "years of work").unwrap();
        let folder = Folder::at(temp.path()).unwrap();
        let why = text_of(prepare(&folder, at(0)));
        assert!(
            why.contains("is not a demo folder") && why.contains("thesis.tex"),
            "{why}"
        );
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);

        fs::write(folder.path(MARKER), "somebody else's words").unwrap();
        let why = text_of(prepare(&folder, at(0)));
        assert!(why.contains("is not ours"), "{why}");
    }

    #[test]
    fn absent_file_of_a_pki_is_named_and_nothing_is_made_anew() {
        let temp = temp_dir();
        let folder = Folder::at(temp.path()).unwrap();
        prepare(&folder, at(0)).unwrap();
        fs::remove_file(folder.path("ocsp-signer.key")).unwrap();
        let why = text_of(prepare(&folder, at(1)));
        assert!(why.contains("ocsp-signer.key is absent"), "{why}");
    }

    #[test]
    fn foreign_file_in_the_place_of_a_new_one_stands() {
        let temp = temp_dir();
        let folder = Folder::at(temp.path()).unwrap();
        drop(folder.lock().unwrap());
        fs::create_dir(folder.path("good.pem")).unwrap();
        // Something of the PKI's names without an index: it is moved aside and not written over.
        assert!(matches!(
            prepare(&folder, at(0)).unwrap(),
            Prepared::Replaced(_)
        ));
    }

    #[test]
    fn replace_puts_the_whole_text_or_nothing() {
        let temp = temp_dir();
        let folder = Folder::at(temp.path()).unwrap();
        let locked = folder.lock().unwrap();
        fs::write(folder.path(".index.txt.new"), "left by a killed process").unwrap();
        locked.replace(INDEX, "new").unwrap();
        assert_eq!(read(&folder, INDEX), "new");
        assert!(!folder.path(".index.txt.new").exists());
    }

    #[test]
    fn name_with_control_characters_is_refused() {
        assert!(Folder::at(Path::new("a\nb")).is_err());
    }
}
