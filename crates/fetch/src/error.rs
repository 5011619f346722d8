//! Why nothing was fetched. The texts name hosts and codes, never what a server sent as body.

use core::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::address::AddressClass;

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// The host has only addresses that must not be connected to.
    AddressRefused {
        /// The host.
        host: String,
        /// One of them.
        address: IpAddr,
        /// Its class.
        class: AddressClass,
    },
    /// The body is longer than allowed, or says that it will be.
    BodyTooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// No connection, at any address.
    Connect {
        /// Host and port.
        to: String,
        /// What the last attempt said.
        why: String,
    },
    /// The response is compressed although nobody asked for it.
    ContentCoding,
    /// The header of the response did not come in time.
    HeaderTimeout(Duration),
    /// The exchange broke.
    Http(String),
    /// The name cannot be resolved.
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// The server does not get to TLS from where its protocol begins.
    StartTls {
        /// Host and port.
        to: String,
        /// What went wrong.
        why: String,
    },
    /// Nothing came on a stream for so long.
    Silence(Duration),
    /// A status other than 200, and 304 where that was asked for.
    Status(u16),
    /// The body ended early or came too slowly.
    TooSlow {
        /// What is demanded, in octets per second.
        min_rate: u64,
    },
    /// The whole exchange took too long.
    Timeout(Duration),
    /// TLS failed.
    Tls {
        /// Host and port.
        to: String,
        /// What the TLS library said.
        why: String,
    },
    /// More redirects than allowed.
    TooManyRedirects {
        /// What is allowed.
        limit: usize,
    },
    /// A URL that is not fetched.
    Url(String),
    /// A redirect from https to http.
    Downgrade,
    /// The roots cannot be loaded.
    Roots(String),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressRefused {
                host,
                address,
                class,
            } => write!(
                f,
                "{host} leads to {address}, a {class} address, which is not connected to unless it is named"
            ),
            Self::BodyTooLarge { limit } => write!(f, "the body is larger than {limit} octets"),
            Self::Connect { to, why } => write!(f, "cannot connect to {to}: {why}"),
            Self::ContentCoding => {
                f.write_str("the response has a content coding that was not asked for")
            }
            Self::Downgrade => f.write_str("a redirect leads from https to http"),
            Self::HeaderTimeout(limit) => {
                write!(f, "no whole header within {} s", limit.as_secs())
            }
            Self::Http(why) => write!(f, "the HTTP exchange failed: {why}"),
            Self::Resolve { host, why } => write!(f, "cannot resolve {host}: {why}"),
            Self::Roots(why) => write!(f, "cannot load the TLS roots: {why}"),
            Self::Silence(limit) => write!(f, "nothing came for {} s", limit.as_secs()),
            Self::StartTls { to, why } => write!(f, "no TLS at {to}: {why}"),
            Self::Status(code) => write!(f, "HTTP status {code}"),
            Self::Timeout(limit) => write!(f, "no complete answer within {} ms", limit.as_millis()),
            Self::Tls { to, why } => write!(f, "TLS to {to} failed: {why}"),
            Self::TooManyRedirects { limit } => write!(f, "more than {limit} redirects"),
            Self::TooSlow { min_rate } => {
                write!(
                    f,
                    "the body comes in at less than {min_rate} octets per second"
                )
            }
            Self::Url(why) => write!(f, "not a URL to fetch: {why}"),
        }
    }
}

impl core::error::Error for FetchError {}
