//! A file for whoever reads one: Exim, Apache Traffic Server, Envoy, a Kubernetes Secret.
//!
//! `plain` renames the new file over the old one, which watchers of the folder notice (Envoy's `watched_directory`).
//! `secret` lays files out as the kubelet does: `..data` is a link to a folder with the content, the file itself is a
//! link into `..data`, and an update replaces only `..data`, by one rename.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use certvouch_stapling::{Standing, atomic};

use super::{DeliverError, Done, Parcel, put, reload};
use crate::escape::escape_path;
use crate::staple::config::{DeliverConfig, Format, Kind, Layout};

/// After this long a folder aside is somebody's who was killed.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// The link that an update replaces.
const DATA: &str = "..data";
/// How the folders begin that it leads to.
const CONTENT: &str = "..certvouch-";

pub(super) fn deliver(deliver: &DeliverConfig, parcel: &Parcel<'_>) -> Result<Done, DeliverError> {
    // The configuration was checked for it.
    let Some(file) = &deliver.file else {
        return Ok(Done::default());
    };
    let hidden = deliver.kind == Kind::Exim
        && parcel.staple.is_none()
        && parcel.standing == Standing::Revoked;
    let content = content(deliver, parcel);
    let changed = match deliver.layout {
        Layout::Plain => put(file, content.as_deref())?,
        Layout::Secret => put_secret(file, content.as_deref())?,
    };
    Ok(Done {
        changed,
        reload: reload(deliver).filter(|_| changed),
        note: hidden.then_some("Exim staples no revocation: clients see no staple"),
    })
}

/// What stands in a file, or is given to a program; nothing if it is taken back.
pub(super) fn content(deliver: &DeliverConfig, parcel: &Parcel<'_>) -> Option<Vec<u8>> {
    let staple = parcel.staple?;
    Some(match deliver.format() {
        Format::Der => staple.der().to_vec(),
        Format::Pem => {
            let above = parcel.above.iter().map(|staple| staple.der());
            let all = core::iter::once(staple.der()).chain(above);
            all.map(pem).collect::<String>().into_bytes()
        }
    })
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN OCSP RESPONSE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END OCSP RESPONSE-----\n");
    pem
}

/// The same for a folder that is laid out as a Secret.
fn put_secret(file: &Path, content: Option<&[u8]>) -> Result<bool, DeliverError> {
    let shown = |why| DeliverError::File(escape_path(file).to_string(), why);
    let folder = atomic::folder_of(file);
    let Some(name) = file.file_name() else {
        return Err(shown(io::Error::from(io::ErrorKind::InvalidInput)));
    };
    let data = folder.join(DATA);
    let there = fs::read(data.join(name)).ok();
    if there.as_deref() == content {
        return Ok(false);
    }
    atomic::guard(&folder)
        .map_err(|why| DeliverError::Folder(escape_path(&folder).to_string(), why))?;
    swap(&folder, &data, name, content).map_err(shown)?;
    Ok(true)
}

fn swap(
    folder: &Path,
    data: &Path,
    name: &std::ffi::OsStr,
    content: Option<&[u8]>,
) -> io::Result<()> {
    let old = fs::read_link(data).ok();
    let fresh = tempfile::Builder::new()
        .prefix(CONTENT)
        .tempdir_in(folder)?
        .keep();
    if let Some(content) = content {
        atomic::write(&fresh.join(name), content)?;
    }
    // The mode of a temporary folder is for us alone.
    fs::set_permissions(&fresh, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let (Some(target), aside) = (fresh.file_name(), folder.join("..data_tmp")) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    drop(fs::remove_file(&aside));
    symlink(target, &aside)?;
    fs::rename(&aside, data)?;
    let link = folder.join(name);
    if content.is_some() && fs::symlink_metadata(&link).is_err() {
        symlink(Path::new(DATA).join(name), &link)?;
    }
    if content.is_none() {
        drop(fs::remove_file(&link));
    }
    fs::File::open(folder)?.sync_all()?;
    // Only folders of our own making go; a reader that has one open keeps it.
    if let Some(old) = old.filter(|old| old.to_string_lossy().starts_with(CONTENT)) {
        drop(fs::remove_dir_all(folder.join(old)));
    }
    Ok(())
}

/// Removes the folders that agents left which were killed before `..data` led to them, or before what it had led to was
/// gone. What is younger than an hour may be in the making.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    let current = fs::read_link(folder.join(DATA)).unwrap_or_default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.as_encoded_bytes().starts_with(CONTENT.as_bytes());
        if !ours || current.as_os_str() == name || !entry.file_type()?.is_dir() {
            continue;
        }
        let age = entry.metadata()?.modified()?.elapsed();
        if age.is_ok_and(|age| age > ABANDONED) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    Ok(())
}
