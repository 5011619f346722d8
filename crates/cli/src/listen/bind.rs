//! Sockets: one for each address and thread, all on one port.
//!
//! SO_REUSEPORT lets every thread have its own accept queue, and lets a second `serve` of the same user take half of
//! the connections without anybody noticing. Therefore a plain bind, without that option, comes first: it fails as
//! "address in use" if anybody listens there. The probe stays bound, without listening, until the real sockets are,
//! so that a port chosen by the system (port 0) cannot be lost in between.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel holds for one socket until they are accepted; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// An address that cannot be listened on.
#[derive(Debug)]
#[non_exhaustive]
pub struct BindError {
    /// Which.
    pub address: SocketAddr,
    /// Why.
    pub why: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, why } = self;
        match why.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "cannot listen on {address}: address in use; `ss -ltnp` shows by whom"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "cannot listen on {address}: ports below 1024 need a privilege \
                 (`setcap cap_net_bind_service=+ep` on the program, or AmbientCapabilities= in its unit)"
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "cannot listen on {address}: this machine has no such address; `ip address` shows those it has"
            ),
            _ => write!(f, "cannot listen on {address}: {why}"),
        }
    }
}

impl std::error::Error for BindError {}

/// For each address, the one it became (port 0 is resolved), and a socket for each thread.
pub(super) fn bind(
    addresses: &[SocketAddr],
    threads: usize,
) -> Result<Vec<(SocketAddr, Vec<TcpListener>)>, BindError> {
    addresses
        .iter()
        .map(|address| {
            bind_one(*address, threads).map_err(|why| BindError {
                address: *address,
                why,
            })
        })
        .collect()
}

/// The same for sockets that somebody else has opened: all threads accept from one queue.
pub(super) fn adopt(
    sockets: Vec<TcpListener>,
    threads: usize,
) -> io::Result<Vec<(SocketAddr, Vec<TcpListener>)>> {
    let adopt = |socket: TcpListener| {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let clones = (0..threads).map(|_| socket.try_clone());
        Ok((address, clones.collect::<io::Result<_>>()?))
    };
    sockets.into_iter().map(adopt).collect()
}

fn bind_one(address: SocketAddr, threads: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let probe = socket(address)?;
    probe.bind(&address.into())?;
    let resolved = probe
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::other("the system gave no address"))?;
    let listener = || {
        let socket = socket(resolved)?;
        socket.set_reuse_port(true)?;
        socket.bind(&resolved.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(TcpListener::from(socket))
    };
    let listeners = (0..threads)
        .map(|_| listener())
        .collect::<io::Result<_>>()?;
    Ok((resolved, listeners))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Connections of the last run in TIME_WAIT do not hold the port; a socket that listens still does.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Whatever net.ipv6.bindv6only says: `[::]` and `0.0.0.0` can stand side by side.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Vec<SocketAddr> {
        vec![SocketAddr::from(([127, 0, 0, 1], 0))]
    }

    #[test]
    fn port_zero_becomes_one_port_for_all_threads() {
        let bound = bind(&loopback(), 3).unwrap();
        let (address, listeners) = &bound[0];
        assert_ne!(address.port(), 0);
        assert_eq!(listeners.len(), 3);
        for listener in listeners {
            assert_eq!(listener.local_addr().unwrap(), *address);
        }
    }

    #[test]
    fn address_that_somebody_listens_on_is_in_use() {
        let bound = bind(&loopback(), 2).unwrap();
        let why = bind(&[bound[0].0], 2).unwrap_err();
        assert_eq!(why.why.kind(), io::ErrorKind::AddrInUse);
        assert!(why.to_string().contains("address in use"), "{why}");
    }

    #[test]
    fn released_address_can_be_bound_again() {
        let bound = bind(&loopback(), 2).unwrap();
        let address = bound[0].0;
        drop(bound);
        assert_eq!(bind(&[address], 2).unwrap()[0].0, address);
    }

    #[test]
    fn foreign_address_is_explained() {
        let why = BindError {
            address: SocketAddr::from(([192, 0, 2, 1], 80)),
            why: io::Error::from(io::ErrorKind::AddrNotAvailable),
        };
        assert!(why.to_string().contains("no such address"));
    }
}
