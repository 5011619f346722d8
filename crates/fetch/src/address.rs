//! Which addresses may be connected to.

use core::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What kind of address it is, as far as that matters for requests that a stranger may have caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressClass {
    /// The local machine: 127.0.0.0/8, ::1, and the unspecified address, which connects there too.
    Loopback,
    /// 169.254.0.0/16 and fe80::/10, where clouds keep their metadata services, and fd00:ec2::254.
    LinkLocal,
    /// Multicast and broadcast.
    Multicast,
    /// RFC 1918, RFC 6598 (shared), unique local (fc00::/7), and other space that the Internet does not route.
    Private,
    /// Everything else.
    Public,
}

impl AddressClass {
    /// The class of an address. IPv4 inside IPv6 (mapped, NAT64, 6to4) counts as what it carries.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| Self::of_v6(v6), Self::of_v4),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        match (a, b, c) {
            (127 | 0, ..) => Self::Loopback,
            (169, 254, _) => Self::LinkLocal,
            (224..=239, ..) | (255, 255, 255) => Self::Multicast,
            (10, ..) | (192, 168, _) | (172, 16..=31, _) | (100, 64..=127, _) => Self::Private,
            // IETF protocol assignments, benchmarking, and the reserved last /4.
            (192, 0, 0) | (198, 18..=19, _) | (240.., ..) => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address.is_loopback() || address.is_unspecified() {
            return Self::Loopback;
        }
        let [first, ..] = address.segments();
        match first {
            _ if address == Ipv6Addr::new(0xFD00, 0xEC2, 0, 0, 0, 0, 0, 0x254) => Self::LinkLocal,
            0xFE80..=0xFEBF => Self::LinkLocal,
            0xFF00..=0xFFFF => Self::Multicast,
            // Unique local, and the site-local space that was abolished but still configured.
            0xFC00..=0xFDFF | 0xFEC0..=0xFEFF => Self::Private,
            _ => Self::Public,
        }
    }
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0xFFFF, high, low] => Some(from(high, low)),
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Private => "private",
            Self::Public => "public",
        })
    }
}

/// A range of addresses, such as `10.1.0.0/16` or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 4),
            IpAddr::V6(v6) => (v6.to_bits(), 6),
        };
        let ((ours, our_family), (theirs, their_family)) = (bits(self.base), bits(address));
        let shift = 128 - u32::from(self.prefix);
        our_family == their_family && ours.checked_shr(shift) == theirs.checked_shr(shift)
    }
}

impl From<IpAddr> for Network {
    fn from(base: IpAddr) -> Self {
        Self {
            base,
            prefix: if base.is_ipv4() { 32 } else { 128 },
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is neither an address nor a network such as 10.0.0.0/8");
        let (base, prefix) = text
            .split_once('/')
            .map_or((text, None), |(b, p)| (b, Some(p)));
        let base: IpAddr = base.parse().map_err(|_| bad())?;
        let whole = Self::from(base);
        let prefix = prefix.map_or(Ok(whole.prefix), |prefix| prefix.parse().map_err(|_| bad()))?;
        if prefix > whole.prefix {
            Err(bad())
        } else {
            Ok(Self { base, prefix })
        }
    }
}

/// Which addresses a fetcher connects to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressRule {
    /// Public addresses, and the networks that the operator named.
    #[default]
    Public,
    /// The same, and private ones: for a program that runs on its user's behalf inside his own network.
    PublicAndPrivate,
}

impl AddressRule {
    /// Whether a connection to `address` may be made. `named` are the networks that the operator named, with the literal
    /// address of a URL that he wrote himself among them.
    #[must_use]
    pub fn allows(&self, address: IpAddr, named: &[Network]) -> bool {
        if named.iter().any(|network| network.contains(address)) {
            return true;
        }
        match AddressClass::of(address) {
            AddressClass::Public => true,
            AddressClass::Private => *self == Self::PublicAndPrivate,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> AddressClass {
        AddressClass::of(text.parse().unwrap())
    }

    // covers: T-24
    #[test]
    fn every_disguise_of_a_local_address_is_seen_through() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert_eq!(class(text), AddressClass::Loopback, "{text}");
        }
        for text in [
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
        ] {
            assert_eq!(class(text), AddressClass::LinkLocal, "{text}");
        }
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fc00::1",
            "fd12::1",
            "198.18.0.1",
            "240.0.0.1",
        ] {
            assert_eq!(class(text), AddressClass::Private, "{text}");
        }
        for text in ["224.0.0.1", "239.1.1.1", "255.255.255.255", "ff02::1"] {
            assert_eq!(class(text), AddressClass::Multicast, "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "193.0.0.1",
        ] {
            assert_eq!(class(text), AddressClass::Public, "{text}");
        }
    }

    // covers: T-24
    #[test]
    fn named_networks_are_allowed_and_nothing_beside_them() {
        let named: Vec<Network> = vec!["127.0.0.0/8".parse().unwrap(), "10.1.2.3".parse().unwrap()];
        let allows = |text: &str| AddressRule::Public.allows(text.parse().unwrap(), &named);
        assert!(allows("127.0.0.1") && allows("10.1.2.3") && allows("9.9.9.9"));
        assert!(!allows("10.1.2.4") && !allows("::1") && !allows("169.254.169.254"));
        assert!(AddressRule::PublicAndPrivate.allows("10.1.2.4".parse().unwrap(), &[]));
        assert!(!AddressRule::PublicAndPrivate.allows("127.0.0.1".parse().unwrap(), &[]));
    }

    #[test]
    fn network_that_is_none_is_refused_with_the_text() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert!(
            "0.0.0.0/0"
                .parse::<Network>()
                .unwrap()
                .contains("1.2.3.4".parse().unwrap())
        );
    }
}
