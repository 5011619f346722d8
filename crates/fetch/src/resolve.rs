//! Names to addresses.

use std::io;
use std::net::SocketAddr;

use crate::BoxFuture;

/// Finds the addresses of a host. Tests put their own in place of the system's.
pub trait Resolve: std::fmt::Debug + Send + Sync {
    /// The addresses of `host`, in the order of preference.
    ///
    /// # Errors
    /// The name cannot be resolved.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no state")]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}
