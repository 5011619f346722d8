//! Brings a staple to where a server takes it from, or takes it back.
//!
//! A staple is checked for that very server first ([`Target::check`]); files are replaced whole
//! ([`certvouch_stapling::atomic`]) and only touched when they change. What has to be read again is said in the result
//! ([`Done::reload`]): whoever calls gathers that.

mod file;
mod haproxy;
mod nginx;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certvouch_stapling::{Standing, Staple, Target, TargetFault, atomic};
use certvouch_types::Timestamp;

use super::config::{DeliverConfig, Kind};
use super::program::{self, ProgramError};
use crate::escape::escape_path;

/// One delivery.
#[derive(Clone, Debug)]
pub(crate) struct Parcel<'a> {
    /// The target's name.
    pub(crate) name: &'a str,
    /// What is stapled from now on; nothing takes back what was.
    pub(crate) staple: Option<&'a Staple>,
    /// What is stapled with it for intermediates, the leaf's issuer first. They were checked for that very server.
    pub(crate) above: &'a [Arc<Staple>],
    /// How the certificate stands.
    pub(crate) standing: Standing,
    /// The end of the certificate.
    pub(crate) not_after: Timestamp,
    /// This moment.
    pub(crate) now: Timestamp,
}

/// What a delivery did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Whether anything changed.
    pub(crate) changed: bool,
    /// The program that makes the server see it.
    pub(crate) reload: Option<Reload>,
    /// What the operator should know.
    pub(crate) note: Option<&'static str>,
}

/// A program that makes a server read its files again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reload {
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// How long it may take.
    pub(crate) deadline: Duration,
}

/// Why a delivery failed.
#[derive(Debug)]
pub(crate) enum DeliverError {
    /// The server would not staple it.
    Target(Target, TargetFault),
    /// A file cannot be written.
    File(String, io::Error),
    /// The folder of a file is not ours alone.
    Folder(String, io::Error),
    /// HAProxy's socket cannot be talked to.
    Socket(io::Error),
    /// HAProxy said no; its words, escaped.
    Refused(String),
    /// A program failed.
    Program(ProgramError),
}

impl fmt::Display for DeliverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target, fault) => write!(f, "{target} would not staple it: {fault}"),
            Self::File(path, why) => write!(f, "{path}: {why}"),
            Self::Folder(path, why) => write!(f, "{path}: {why} (others could put a link there)"),
            Self::Socket(why) => write!(f, "the runtime socket: {why}"),
            Self::Refused(said) => write!(f, "HAProxy refused it: {said}"),
            Self::Program(why) => write!(f, "the program: {why}"),
        }
    }
}

impl std::error::Error for DeliverError {}

/// The server behind a kind of delivery, as far as its demands are known.
pub(crate) const fn target(kind: Kind) -> Target {
    match kind {
        Kind::Nginx => Target::Nginx,
        Kind::Haproxy => Target::Haproxy,
        Kind::Exim => Target::Exim,
        Kind::File | Kind::Exec => Target::File,
    }
}

/// How long before its end a staple is taken back: nginx needs time for a reload, and HAProxy drops it by itself 300 s
/// before the end.
pub(crate) fn margin(deliver: &DeliverConfig) -> i64 {
    match (deliver.margin, deliver.kind) {
        (Some(margin), _) => margin.secs(),
        (None, Kind::Nginx) => 10,
        (None, Kind::Haproxy) => target(Kind::Haproxy).demands().margin,
        (None, Kind::Exim | Kind::File | Kind::Exec) => 5,
    }
}

/// Whether a kind of server staples such a status at all. If not, nothing stands at its place: what it stapled before is
/// not true any more.
pub(crate) fn takes(deliver: &DeliverConfig, staple: &Staple) -> bool {
    !staple.is_revoked() || target(deliver.kind).demands().takes_revoked
}

/// Removes what killed agents left aside in the folders of these places.
pub(crate) fn sweep<'a>(places: impl Iterator<Item = &'a DeliverConfig>) {
    let mut folders = BTreeSet::new();
    for place in places {
        let files = [&place.file, &place.include];
        folders.extend(files.into_iter().flatten().map(|it| atomic::folder_of(it)));
    }
    for folder in folders {
        // It may not be there yet; the delivery will tell.
        drop(atomic::sweep(&folder));
        drop(file::sweep(&folder));
    }
}

/// Brings a staple, or takes it back.
///
/// # Errors
/// [`DeliverError`]: what was there before is there still, or is gone if it had to go.
pub(crate) fn deliver(deliver: &DeliverConfig, parcel: &Parcel<'_>) -> Result<Done, DeliverError> {
    if let Some(staple) = parcel.staple {
        let target = target(deliver.kind);
        target
            .check(staple, parcel.not_after, parcel.now)
            .map_err(|fault| DeliverError::Target(target, fault))?;
    }
    match deliver.kind {
        Kind::Nginx => nginx::deliver(deliver, parcel),
        Kind::Haproxy => haproxy::deliver(deliver, parcel),
        Kind::Exim | Kind::File => file::deliver(deliver, parcel),
        Kind::Exec => exec(deliver, parcel),
    }
}

/// The program gets the staple on its standard input; with none it gets nothing and is told so.
fn exec(deliver: &DeliverConfig, parcel: &Parcel<'_>) -> Result<Done, DeliverError> {
    let input = file::content(deliver, parcel).unwrap_or_default();
    program::run(
        &deliver.command,
        &input,
        &variables(parcel),
        deliver.deadline.to_std(),
    )
    .map_err(DeliverError::Program)?;
    Ok(Done {
        changed: true,
        reload: reload(deliver),
        note: None,
    })
}

/// What a program is told in its environment.
pub(crate) fn variables<'a>(parcel: &Parcel<'a>) -> [(&'static str, &'a str); 3] {
    let event = if parcel.staple.is_some() {
        "deliver"
    } else {
        "withdraw"
    };
    [
        ("CERTVOUCH_TARGET", parcel.name),
        ("CERTVOUCH_STATUS", parcel.standing.name()),
        ("CERTVOUCH_EVENT", event),
    ]
}

fn reload(deliver: &DeliverConfig) -> Option<Reload> {
    (!deliver.reload.is_empty()).then(|| Reload {
        argv: deliver.reload.clone(),
        deadline: deliver.deadline.to_std(),
    })
}

/// Puts a content into its file, unless it is there already; without a content the file goes. Says whether it changed.
fn put(path: &Path, content: Option<&[u8]>) -> Result<bool, DeliverError> {
    let shown = || escape_path(path).to_string();
    let there = match std::fs::read(path) {
        Ok(there) => Some(there),
        Err(why) if why.kind() == io::ErrorKind::NotFound => None,
        Err(why) => return Err(DeliverError::File(shown(), why)),
    };
    if there.as_deref() == content {
        return Ok(false);
    }
    let folder = atomic::folder_of(path);
    atomic::guard(&folder)
        .map_err(|why| DeliverError::Folder(escape_path(&folder).to_string(), why))?;
    match content {
        Some(content) => atomic::write(path, content),
        None => atomic::remove(path),
    }
    .map_err(|why| DeliverError::File(shown(), why))?;
    Ok(true)
}
