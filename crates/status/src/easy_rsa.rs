//! Finds the files of an easy-rsa PKI in its folder.
//!
//! The folder may be the project (with `pki/` in it) or the `pki` folder itself. The environment
//! variable `EASYRSA_PKI` is not read here: who runs in that environment hands in its value as the
//! path.

use std::path::{Path, PathBuf};

/// The files of one easy-rsa PKI that a responder needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EasyRsa {
    /// The PKI folder, `pki` in the words of easy-rsa.
    pub pki: PathBuf,
    /// The certificate of the CA, `ca.crt`.
    pub ca: PathBuf,
    /// The database, `index.txt`.
    pub index: PathBuf,
    /// The folder with `<SERIAL>.pem` of what was issued, if it is there.
    pub certs_by_serial: Option<PathBuf>,
}

/// The PKI in this folder: its `ca.crt` and its `index.txt` have to be there, as files.
#[must_use]
pub fn detect(dir: &Path) -> Option<EasyRsa> {
    [dir.to_owned(), dir.join("pki")]
        .into_iter()
        .find_map(|pki| {
            let (ca, index) = (pki.join("ca.crt"), pki.join("index.txt"));
            let certs = pki.join("certs_by_serial");
            (ca.is_file() && index.is_file()).then(|| EasyRsa {
                pki,
                ca,
                index,
                certs_by_serial: certs.is_dir().then_some(certs),
            })
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn detect_takes_the_project_and_the_pki_folder_and_nothing_half() {
        let dir = tempfile::tempdir().unwrap();
        let pki = dir.path().join("pki");
        fs::create_dir(&pki).unwrap();
        fs::write(pki.join("index.txt"), "").unwrap();
        assert_eq!(detect(dir.path()), None, "without ca.crt");
        fs::create_dir(pki.join("ca.crt")).unwrap();
        assert_eq!(detect(dir.path()), None, "a folder is no certificate");
        fs::remove_dir(pki.join("ca.crt")).unwrap();
        fs::write(pki.join("ca.crt"), "pem").unwrap();
        let found = detect(dir.path()).unwrap();
        assert_eq!(found.index, pki.join("index.txt"));
        assert_eq!(found.ca, pki.join("ca.crt"));
        assert_eq!(found.certs_by_serial, None);
        assert_eq!(detect(&pki), Some(found));
        assert_eq!(detect(&pki.join("nowhere")), None);
    }
}
