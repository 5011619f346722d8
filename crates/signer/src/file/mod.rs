//! Reading files: bounded, and for secrets only those that nobody else may touch.

mod acl;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{FileError, FileFault};

/// Reads a file that holds a secret, of `limit` octets at most. Permissions are asked of the opened file, not of its
/// name, so that nothing can be exchanged in between.
///
/// # Errors
/// Others may read or write it (threats T-32), it is empty or too large, or it cannot be read.
pub fn read_secret(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let fail = |fault| FileError::new(path, fault);
    let file = File::open(path).map_err(|why| fail(FileFault::Read(why)))?;
    let is_dir = file
        .metadata()
        .map_err(|why| fail(FileFault::Read(why)))?
        .is_dir();
    if is_dir {
        // Closing a folder to others by `chmod 600` would close it to its owner too.
        return Err(fail(FileFault::Read(io::ErrorKind::IsADirectory.into())));
    }
    let mode = open_bits(&file).map_err(|why| fail(FileFault::Read(why)))?;
    if mode & 0o066 != 0 {
        return Err(fail(FileFault::OpenToOthers { mode }));
    }
    read_open(path, &file, limit)
}

/// Reads a file without secrets.
pub(crate) fn read_public(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(|why| FileError::new(path, FileFault::Read(why)))?;
    read_open(path, &file, limit).map(|octets| octets.to_vec())
}

fn read_open(path: &Path, file: &File, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let fail = |fault| FileError::new(path, fault);
    let length = file
        .metadata()
        .map_err(|why| fail(FileFault::Read(why)))?
        .len();
    if length > limit {
        return Err(fail(FileFault::TooLarge { limit }));
    }
    // One octet more than allowed, so that an endless device is noticed. All memory is taken at once: a
    // buffer that grew would leave copies of the secret behind. The limits are below 2^20.
    let room = usize::try_from(limit + 1).map_err(|_| fail(FileFault::TooLarge { limit }))?;
    let mut octets = Zeroizing::new(vec![0; room]);
    let mut used = 0;
    let mut from = file;
    while used < room {
        match from.read(&mut octets[used..]) {
            Ok(0) => break,
            Ok(count) => used += count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(fail(FileFault::Read(why))),
        }
    }
    if used == room {
        return Err(fail(FileFault::TooLarge { limit }));
    }
    if used == 0 {
        return Err(fail(FileFault::Empty));
    }
    Ok(Zeroizing::new(octets[..used].to_vec()))
}

/// The mode bits of a file, with the group's replaced by what an access control list really grants.
#[cfg(unix)]
fn open_bits(file: &File) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok(match acl::group_bits(file) {
        Some(group) => (mode & !0o070) | (group << 3),
        None => mode,
    })
}

/// Without Unix permissions there is nothing to check; certvouch runs on Unix.
#[cfg(not(unix))]
fn open_bits(_: &File) -> io::Result<u32> {
    Ok(0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn with_mode(mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"secret").unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    // covers: T-32
    #[cfg(unix)]
    #[test]
    fn folder_is_refused_as_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let error = read_secret(dir.path(), 100).unwrap_err();
        assert!(matches!(error.fault, FileFault::Read(_)), "{error}");
    }

    #[test]
    fn secret_that_others_may_read_or_write_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o666] {
            let file = with_mode(mode);
            let error = read_secret(file.path(), 100).unwrap_err();
            assert!(
                matches!(error.fault, FileFault::OpenToOthers { mode: found } if found == mode)
            );
            let remedy = error.remedy().unwrap();
            assert_eq!(remedy, format!("chmod 600 {}", file.path().display()));
        }
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(
                read_secret(with_mode(mode).path(), 100).unwrap().as_slice(),
                b"secret"
            );
        }
    }

    // covers: T-32
    #[cfg(unix)]
    #[test]
    fn secret_that_a_link_points_to_is_judged_by_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let open = with_mode(0o644);
        let link = dir.path().join("key");
        std::os::unix::fs::symlink(open.path(), &link).unwrap();
        assert!(read_secret(&link, 100).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn file_beyond_the_limit_or_without_content_is_refused() {
        let file = with_mode(0o600);
        assert!(read_secret(file.path(), 6).is_ok());
        let error = read_secret(file.path(), 5).unwrap_err();
        assert!(matches!(error.fault, FileFault::TooLarge { limit: 5 }));
        // Its length is 0 and it never ends.
        let error = read_public(Path::new("/dev/zero"), 5).unwrap_err();
        assert!(matches!(error.fault, FileFault::TooLarge { limit: 5 }));
        let error = read_public(Path::new("/dev/null"), 5).unwrap_err();
        assert!(matches!(error.fault, FileFault::Empty));
        let error = read_public(Path::new("/nonexistent/key"), 5).unwrap_err();
        assert!(matches!(error.fault, FileFault::Read(_)));
    }
}
