//! HAProxy: the file `<certificate>.ocsp`, which it reads when it starts, and its runtime socket.
//!
//! The socket takes `set ssl ocsp-response` for a certificate that has a staple already, and otherwise `set ssl cert
//! <certificate>.ocsp` with `commit ssl cert`. HAProxy stops stapling by itself 300 seconds before nextUpdate; it knows no
//! command that takes a staple back earlier, so that this needs a `reload`.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_stapling::Staple;

use super::{DeliverError, Done, Parcel, put, reload};
use crate::escape::escape_bytes;
use crate::staple::config::DeliverConfig;

/// Octets of an answer on the socket; those to our commands have a line or two.
const ANSWER: u64 = 16 * 1024;

pub(super) fn deliver(deliver: &DeliverConfig, parcel: &Parcel<'_>) -> Result<Done, DeliverError> {
    // The configuration was checked for it.
    let Some(file) = &deliver.file else {
        return Ok(Done::default());
    };
    let changed = put(file, parcel.staple.map(Staple::der))?;
    match (&deliver.socket, parcel.staple) {
        (Some(socket), Some(staple)) => {
            let name = deliver.certificate.clone();
            let name = name.unwrap_or_else(|| certificate_of(file));
            let done = Done {
                changed: true,
                ..Done::default()
            };
            match push(deliver, socket, &name, staple) {
                Ok(()) => Ok(done),
                Err(DeliverError::Socket(why)) if is_absent(&why) => Ok(Done {
                    changed,
                    reload: reload(deliver).filter(|_| changed),
                    note: Some("HAProxy does not run; it reads the file when it starts"),
                }),
                Err(why) => Err(why),
            }
        }
        (_, None) if changed && deliver.reload.is_empty() => Ok(Done {
            changed,
            reload: None,
            note: Some(
                "HAProxy keeps the staple until 300 s before its nextUpdate: name a `reload` to take it back at once",
            ),
        }),
        _ => Ok(Done {
            changed,
            reload: reload(deliver).filter(|_| changed),
            note: None,
        }),
    }
}

/// Whether nobody listens.
fn is_absent(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// The name by which HAProxy knows the certificate: that of the file without `.ocsp`.
fn certificate_of(file: &Path) -> String {
    let text = file.to_string_lossy();
    text.strip_suffix(".ocsp").unwrap_or(&text).to_owned()
}

/// Gives the staple to the running process.
fn push(
    deliver: &DeliverConfig,
    socket: &Path,
    certificate: &str,
    staple: &Staple,
) -> Result<(), DeliverError> {
    let base64 = STANDARD.encode(staple.der());
    let say = |command: &str| talk(deliver, socket, command).map_err(DeliverError::Socket);
    let said = say(&format!("set ssl ocsp-response {base64}\n"))?;
    if said.contains("OCSP Response updated") {
        return Ok(());
    }
    // A certificate that was loaded without a staple has no place for one yet.
    let set = say(&format!("set ssl cert {certificate}.ocsp <<\n{base64}\n\n"))?;
    if !set.contains("ransaction") {
        return Err(DeliverError::Refused(format!("{said}; {set}")));
    }
    let committed = say(&format!("commit ssl cert {certificate}\n"))?;
    if committed.contains("Success") {
        Ok(())
    } else {
        Err(DeliverError::Refused(committed))
    }
}

/// One command and its answer, escaped.
fn talk(deliver: &DeliverConfig, socket: &Path, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(deliver.deadline.to_std()))?;
    stream.set_write_timeout(Some(deliver.deadline.to_std()))?;
    stream.write_all(command.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER).read_to_end(&mut answer)?;
    Ok(escape_bytes(answer.trim_ascii()).to_string())
}
