//! Where the state of CRLs is kept when nobody says where, and copies of it for those who only look.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where a service of the system keeps its state.
const SYSTEM: &str = "/var/lib/certvouch";

/// The folder that is taken when none is named. The first of:
///
/// 1. `$STATE_DIRECTORY`, which systemd sets for `StateDirectory=`;
/// 2. `/var/lib/certvouch`, if it is there and can be written;
/// 3. `$XDG_STATE_HOME/certvouch`, or else `~/.local/state/certvouch`.
pub(super) fn default_folder() -> Option<PathBuf> {
    folder_by(|name| env::var_os(name), Path::new(SYSTEM))
}

/// The folder of what belongs to the whole process, such as when something was signed last: `$STATE_DIRECTORY` alone.
/// Programs that somebody starts by hand, and tests with clocks of their own, leave nothing there that the next one
/// would have to believe.
pub(super) fn of_process() -> Option<PathBuf> {
    let all = env::var_os("STATE_DIRECTORY")?;
    env::split_paths(&all).find(|path| path.is_absolute())
}

fn folder_by(
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    system: &Path,
) -> Option<PathBuf> {
    // Relative paths in these variables are to be ignored (XDG Base Directory Specification).
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let services = || {
        let all = variable("STATE_DIRECTORY")?;
        env::split_paths(&all).find_map(absolute)
    };
    let systems = || {
        // A file without a name, gone when this returns.
        let writable = system.is_dir() && tempfile::tempfile_in(system).is_ok();
        writable.then(|| system.to_owned())
    };
    let users = || {
        let state = variable("XDG_STATE_HOME").map(PathBuf::from);
        let home = || variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        let base = state
            .and_then(absolute)
            .or_else(|| home().and_then(absolute))?;
        Some(base.join("certvouch"))
    };
    services().or_else(systems).or_else(users)
}

/// A copy of the CRL state below this folder, in a temporary folder of ours; nothing if there is none yet.
pub(super) fn copy_of(folder: &Path) -> io::Result<Option<TempDir>> {
    let from = folder.join("crl");
    if !from.is_dir() {
        return Ok(None);
    }
    let copy = TempDir::new()?;
    copy_folder(&from, &copy.path().join("crl"))?;
    Ok(Some(copy))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // A symbolic link is none of ours and is left out.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use super::*;

    fn folder(variables: &[(&str, &str)], system: &Path) -> Option<PathBuf> {
        let known: BTreeMap<&str, &str> = variables.iter().copied().collect();
        folder_by(|name| known.get(name).map(OsString::from), system)
    }

    #[test]
    fn default_is_the_services_then_the_systems_then_the_users() {
        let system = tempfile::tempdir().unwrap();
        let absent = system.path().join("absent");
        let all = [
            ("STATE_DIRECTORY", "/s/one:/s/two"),
            ("XDG_STATE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        assert_eq!(folder(&all, system.path()), Some("/s/one".into()));
        assert_eq!(
            folder(&all[1..], system.path()),
            Some(system.path().to_owned())
        );
        assert_eq!(folder(&all[1..], &absent), Some("/x/certvouch".into()));
        assert_eq!(
            folder(&all[2..], &absent),
            Some("/h/.local/state/certvouch".into())
        );
        assert_eq!(folder(&[("HOME", "relative")], &absent), None);
        assert_eq!(folder(&[], &absent), None);
        assert_eq!(fs::read_dir(system.path()).unwrap().count(), 0);
    }

    #[test]
    fn copy_is_whole_and_leaves_the_state_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(copy_of(dir.path()).unwrap().is_none());
        fs::create_dir_all(dir.path().join("crl/key")).unwrap();
        fs::write(dir.path().join("crl/key/x.mark"), "mark").unwrap();
        let copy = copy_of(dir.path()).unwrap().unwrap();
        let copied = fs::read(copy.path().join("crl/key/x.mark")).unwrap();
        assert_eq!(copied, b"mark");
        fs::write(copy.path().join("crl/key/x.mark"), "other").unwrap();
        let kept = fs::read(dir.path().join("crl/key/x.mark")).unwrap();
        assert_eq!(kept, b"mark");
    }
}
