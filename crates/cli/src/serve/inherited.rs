//! Socket activation: sockets that the service manager opened before it started us (sd_listen_fds(3)), so that port 80
//! needs no privilege here, and no connection is lost while the program restarts.
//!
//! A socket named `admin` (`FileDescriptorName=admin`) is the admin port; all others are public, in place of
//! `server.listen`.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;

/// What was handed over.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Inherited {
    /// Public ones.
    pub public: Vec<TcpListener>,
    /// The admin port.
    pub admin: Option<TcpListener>,
}

/// Takes the sockets that the environment names, if it names us.
///
/// # Errors
/// A descriptor is no TCP socket that listens, or two are named `admin`.
pub fn take() -> io::Result<Inherited> {
    let mut all = ListenFd::from_env();
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut inherited = Inherited::default();
    for number in 0..all.len() {
        let is_admin = names.next() == Some("admin");
        let socket = all.take_tcp_listener(number).map_err(|why| {
            io::Error::other(format!(
                "socket {number} of the service manager cannot be used: {why}; ListenStream= with a port makes TCP ones"
            ))
        })?;
        match (socket, is_admin) {
            (None, _) => {}
            (Some(socket), false) => inherited.public.push(socket),
            (Some(socket), true) => {
                if inherited.admin.replace(socket).is_some() {
                    return Err(io::Error::other(
                        "the service manager hands over two sockets named admin: one of them",
                    ));
                }
            }
        }
    }
    Ok(inherited)
}
