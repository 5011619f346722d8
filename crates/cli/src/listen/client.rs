//! Who stands behind a connection or a request: the peer, or whom a trusted proxy names (threats T-43).
//!
//! What an untrusted peer says about itself is not looked at. A trusted proxy that should send a PROXY header and does
//! not is cut off: the specification forbids guessing.

use std::io;
use std::net::IpAddr;

use certvouch_fetch::Network;
use http::HeaderMap;
use http::header::FORWARDED;
use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::limits::{FORWARDED_HOPS, PROXY_V1_OCTETS, PROXY_V2_OCTETS};
use crate::config::choice::ClientAddress;

/// How clients are told apart.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    trusted: Vec<Network>,
    address: ClientAddress,
}

const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

impl Clients {
    pub(super) fn new(trusted: Vec<Network>, address: ClientAddress) -> Self {
        Self { trusted, address }
    }

    /// Whether this peer is believed about others.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.address != ClientAddress::Connection
            && self.trusted.iter().any(|network| network.contains(peer))
    }

    /// The client of a connection that a trusted proxy opened.
    pub(super) async fn of_connection(
        &self,
        stream: &mut TcpStream,
        peer: IpAddr,
    ) -> io::Result<IpAddr> {
        if self.address == ClientAddress::ProxyProtocol {
            let header = read_header(stream).await?;
            return parse_header(&header).map(|found| found.unwrap_or(peer));
        }
        Ok(peer)
    }

    /// The client of a request that a trusted proxy passed on.
    pub(super) fn of_request(&self, fields: &HeaderMap, peer: IpAddr) -> IpAddr {
        let chain = match self.address {
            ClientAddress::Forwarded => forwarded(fields),
            ClientAddress::XForwardedFor => x_forwarded_for(fields),
            ClientAddress::Connection | ClientAddress::ProxyProtocol => return peer,
        };
        self.first_untrusted(chain, peer)
    }

    /// From the nearest hop on, the first that is none of ours; what stands before it, anybody may have written.
    fn first_untrusted(&self, chain: Vec<Option<IpAddr>>, peer: IpAddr) -> IpAddr {
        let mut last = peer;
        for hop in chain.into_iter().rev().take(FORWARDED_HOPS) {
            let Some(hop) = hop else { break };
            last = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        last
    }
}

/// Exactly the octets of a PROXY header.
async fn read_header(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut header = vec![0; 12];
    stream.read_exact(&mut header).await?;
    if header == V2_SIGNATURE {
        header.resize(16, 0);
        stream.read_exact(&mut header[12..]).await?;
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > PROXY_V2_OCTETS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        header.resize(16 + length, 0);
        stream.read_exact(&mut header[16..]).await?;
        return Ok(header);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    while !header.ends_with(b"\r\n") {
        if header.len() >= PROXY_V1_OCTETS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        header.push(stream.read_u8().await?);
    }
    Ok(header)
}

/// The source that a PROXY header names; nothing if the proxy speaks for itself.
fn parse_header(header: &[u8]) -> io::Result<Option<IpAddr>> {
    let config = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    let (header, _) = ProxyHeader::parse(header, config)
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(header.proxied_address().map(|it| it.source.ip()))
}

/// RFC 7239: the `for` of each element; nothing where it is hidden or unreadable.
fn forwarded(fields: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = fields.get_all(FORWARDED).iter();
    let elements = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    elements
        .map(|element| {
            element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let is_for = name.trim().eq_ignore_ascii_case("for");
                is_for
                    .then(|| node(value.trim().trim_matches('"')))
                    .flatten()
            })
        })
        .collect()
}

fn x_forwarded_for(fields: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = fields.get_all("x-forwarded-for").iter();
    let elements = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    elements.map(|element| node(element.trim())).collect()
}

/// An address with or without port; an IPv6 one with a port stands in brackets.
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    text.split_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(address: ClientAddress) -> Clients {
        Clients::new(vec!["10.0.0.0/8".parse().unwrap()], address)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fields(name: &'static str, values: &[&'static str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append(name, value.parse().unwrap());
        }
        fields
    }

    // covers: T-43
    #[test]
    fn forwarded_headers_count_from_the_last_trusted_hop() {
        let clients_x = clients(ClientAddress::XForwardedFor);
        let peer = ip("10.0.0.1");
        for (values, client) in [
            (&["192.0.2.7"][..], "192.0.2.7"),
            // What the client wrote itself stands further left.
            (&["203.0.113.9, 192.0.2.7"], "192.0.2.7"),
            (&["203.0.113.9", "192.0.2.7, 10.2.3.4"], "192.0.2.7"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["192.0.2.7:1234"], "192.0.2.7"),
            (&["rubbish"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            let fields = fields("x-forwarded-for", values);
            assert_eq!(
                clients_x.of_request(&fields, peer),
                ip(client),
                "{values:?}"
            );
        }
        let clients_f = clients(ClientAddress::Forwarded);
        for (value, client) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            (
                "for=203.0.113.9, for=192.0.2.43, for=10.1.1.1",
                "192.0.2.43",
            ),
            ("for=_hidden", "10.0.0.1"),
            ("proto=http", "10.0.0.1"),
        ] {
            let fields = fields("forwarded", &[value]);
            assert_eq!(clients_f.of_request(&fields, peer), ip(client), "{value}");
        }
    }

    // covers: T-43
    #[test]
    fn nobody_is_trusted_unless_named_and_meant() {
        assert!(clients(ClientAddress::ProxyProtocol).trusts(ip("10.9.9.9")));
        assert!(clients(ClientAddress::ProxyProtocol).trusts(ip("::ffff:10.9.9.9")));
        assert!(!clients(ClientAddress::ProxyProtocol).trusts(ip("192.0.2.1")));
        assert!(!clients(ClientAddress::Connection).trusts(ip("10.9.9.9")));
    }

    // covers: T-43
    #[test]
    fn proxy_headers_of_both_versions_name_the_source_and_broken_ones_are_refused() {
        let v1 = parse_header(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 80\r\n").unwrap();
        assert_eq!(v1, Some(ip("192.0.2.7")));
        assert_eq!(parse_header(b"PROXY UNKNOWN\r\n").unwrap(), None);
        let v2 = |command: u8| {
            let mut header = V2_SIGNATURE.to_vec();
            header.extend([
                0x20 | command,
                0x11,
                0,
                12,
                192,
                0,
                2,
                8,
                10,
                0,
                0,
                1,
                1,
                2,
                0,
                80,
            ]);
            header
        };
        assert_eq!(parse_header(&v2(1)).unwrap(), Some(ip("192.0.2.8")));
        assert_eq!(parse_header(&v2(0)).unwrap(), None, "LOCAL: a health check");
        for broken in [
            &b"PROXY TCP4 x y 1 2\r\n"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            &v2(1)[..20],
        ] {
            assert!(parse_header(broken).is_err(), "{broken:?}");
        }
    }
}
