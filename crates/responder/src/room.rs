//! Who asks, and the room in which signatures are made.
//!
//! Load has an order: an answer that is kept never waits behind a signature. So this crate decides *that* something has
//! to be signed, and a [`SigningRoom`] decides *when*: at once, in a queue, or not at all. What the room needs for that
//! stands in a [`Claim`]: on whose behalf, and whether a stranger chose the serial number.

use core::fmt;
use core::net::IpAddr;
use std::sync::Arc;

use crate::BoxFuture;
use crate::signer::{SignError, Signer};

/// On whose behalf something is done, as far as fair shares go: an IPv4 address, or an IPv6 /64, since whoever has one
/// address of it has all (threats T-43).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asker(Share);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Share {
    #[default]
    Nobody,
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Asker {
    /// Nobody in particular: renewals of our own, and callers without addresses.
    pub const NOBODY: Self = Self(Share::Nobody);

    /// Whoever has this address. An IPv4 address in IPv6 clothes is the IPv4 address.
    #[must_use]
    pub fn from_address(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Share::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Share::V6([a, b, c, d])
            }
        })
    }
}

/// What a signature is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// On whose behalf.
    pub asker: Asker,
    /// Whether the answer is about a serial number that nobody issued, as far as is known: strangers can make up as
    /// many as they like (threats T-41).
    pub unassigned: bool,
}

impl Claim {
    /// A claim on behalf of somebody.
    #[must_use]
    pub const fn new(asker: Asker, unassigned: bool) -> Self {
        Self { asker, unassigned }
    }
}

/// Decides when signatures are made.
pub trait SigningRoom: fmt::Debug + Send + Sync {
    /// The signature of `key` over `message`, or a refusal. A refusal comes at once.
    ///
    /// # Errors
    /// [`RoomFault`].
    fn sign<'a>(
        &'a self,
        key: &'a Arc<dyn Signer>,
        message: &'a [u8],
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<u8>, RoomFault>>;
}

/// Why a room gave no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomFault {
    /// No place is left in the queue, or it took too long to come to the front; the client is told `tryLater`.
    Full,
    /// Answers about serial numbers that nobody issued have had their share; the client is told `unauthorized`.
    UnassignedShareSpent,
    /// The key did not sign.
    Signer(SignError),
}

impl From<SignError> for RoomFault {
    fn from(error: SignError) -> Self {
        Self::Signer(error)
    }
}

/// The room without walls: everything is signed at once by the caller.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AtOnce;

impl AtOnce {
    /// One.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl SigningRoom for AtOnce {
    fn sign<'a>(
        &'a self,
        key: &'a Arc<dyn Signer>,
        message: &'a [u8],
        _claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<u8>, RoomFault>> {
        Box::pin(async move { Ok(key.sign(message).await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(address: &str) -> Asker {
        Asker::from_address(address.parse().unwrap())
    }

    // covers: T-43
    #[test]
    fn addresses_of_one_ipv6_64_are_one_asker_and_ipv4_addresses_are_each_their_own() {
        assert_eq!(
            asker("2001:db8:1:2::1"),
            asker("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(asker("2001:db8:1:2::1"), asker("2001:db8:1:3::1"));
        assert_ne!(asker("192.0.2.1"), asker("192.0.2.2"));
        assert_eq!(asker("::ffff:192.0.2.1"), asker("192.0.2.1"));
        assert_ne!(asker("0.0.0.0"), Asker::NOBODY);
    }
}
