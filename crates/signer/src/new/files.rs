//! Writing the files of a new signer: whole or not at all, never over another file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Created, NewError, NewSigner};
use crate::key::PlainKey;

/// Writes key, request and certificate in this order.
pub(super) fn write(
    wanted: &NewSigner,
    key: &PlainKey,
    request: &[u8],
    certificate: Option<&[u8]>,
) -> Result<Created, NewError> {
    let path = |ending: &str| wanted.out.join(format!("{}.{ending}", wanted.name));
    let created = Created {
        key: path("key"),
        request: path("csr"),
        certificate: certificate.map(|_| path("pem")),
    };
    let fail = |path: &Path, why| NewError::Write {
        path: path.to_owned(),
        why,
    };
    fs::create_dir_all(&wanted.out).map_err(|why| fail(&wanted.out, why))?;
    // Said before anything is written; that nothing is overwritten does not rest on it. The certificate's
    // place counts also when none is made now, for it will be wanted.
    for taken in [&created.key, &created.request, &path("pem")] {
        if fs::symlink_metadata(taken).is_ok() {
            return Err(NewError::Exists(taken.clone()));
        }
    }
    let mut texts = vec![
        (&created.key, pem("PRIVATE KEY", key.der()), 0o600),
        (&created.request, pem("CERTIFICATE REQUEST", request), 0o644),
    ];
    if let (Some(path), Some(der)) = (&created.certificate, certificate) {
        texts.push((path, pem("CERTIFICATE", der), 0o644));
    }
    place_all(&wanted.out, &texts)?;
    sync_folder(&wanted.out).map_err(|why| fail(&wanted.out, why))?;
    Ok(created)
}

/// Places one file after the other; if one cannot be, those before it go again.
fn place_all(folder: &Path, texts: &[(&PathBuf, Zeroizing<Vec<u8>>, u32)]) -> Result<(), NewError> {
    let mut made: Vec<&PathBuf> = Vec::new();
    for (path, text, mode) in texts {
        if let Err(why) = place(folder, path, text, *mode) {
            for path in made {
                // Made a moment ago by ourselves; if it cannot go, the next attempt names it.
                drop(fs::remove_file(path));
            }
            return Err(match why.kind() {
                io::ErrorKind::AlreadyExists => NewError::Exists((*path).clone()),
                _ => NewError::Write {
                    path: (*path).clone(),
                    why,
                },
            });
        }
        made.push(path);
    }
    Ok(())
}

/// Writes a temporary file beside, makes it durable, and gives it its name if that is free.
fn place(folder: &Path, path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".certvouch-");
    // The temporary file is opened with O_EXCL and closed to others; only what is public is opened up.
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text)?;
    set_mode(file.as_file(), mode)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)
        .map_err(|failed| failed.error)?;
    Ok(())
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// The names are durable only when the folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// PEM with lines of 64 characters (RFC 7468 2). All memory is taken at once: it may hold a key.
fn pem(label: &str, der: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut base64 = Zeroizing::new(vec![0; der.len().div_ceil(3) * 4]);
    // The buffer has the exact size of the encoding, so that it cannot fail.
    let used = STANDARD.encode_slice(der, &mut base64).unwrap_or(0);
    let mut out = Zeroizing::new(Vec::with_capacity(base64.len() / 64 * 65 + 200));
    out.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in base64[..used].chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_appears_meanwhile_is_kept_and_those_before_it_go() {
        let dir = tempfile::tempdir().unwrap();
        let [key, request, certificate] = ["k", "r", "c"].map(|name| dir.path().join(name));
        fs::write(&request, "somebody else's").unwrap();
        let text = || Zeroizing::new(b"text".to_vec());
        let texts = [
            (&key, text(), 0o600),
            (&request, text(), 0o644),
            (&certificate, text(), 0o644),
        ];
        let error = place_all(dir.path(), &texts).unwrap_err();
        assert!(matches!(error, NewError::Exists(path) if path == request));
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(left, std::slice::from_ref(&request));
        assert_eq!(fs::read(&request).unwrap(), b"somebody else's");
    }

    #[test]
    fn pem_has_lines_of_64_characters() {
        let text = pem("X", &[0xFF; 49]);
        let expected = format!(
            "-----BEGIN X-----\n{}\n/w==\n-----END X-----\n",
            "/".repeat(64)
        );
        assert_eq!(core::str::from_utf8(&text), Ok(expected.as_str()));
    }
}
