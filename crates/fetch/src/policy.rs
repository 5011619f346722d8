//! How much an exchange may cost, and whom it may trust.

use std::time::Duration;

use crate::address::{AddressRule, Network};

/// The limits and rules of a [`crate::Fetcher`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchPolicy {
    /// Octets of a body. The default suits OCSP responses (64 KiB, as Bouncy Castle has it); CRLs need more.
    pub max_body: u64,
    /// Time to connect, TLS included, to one address.
    pub connect_timeout: Duration,
    /// Time from the end of a request to the end of the response's header: a server that says its header octet by octet
    /// holds nobody for the whole of the total time.
    pub header_timeout: Duration,
    /// Time for the whole exchange, redirects included.
    pub total_timeout: Duration,
    /// Octets per second that a body must bring on average once [`FetchPolicy::rate_grace`] is over: a server that sends
    /// an octet a second holds nobody for the whole of the total time.
    pub min_rate: u64,
    /// How long a slow body is looked on with patience.
    pub rate_grace: Duration,
    /// Redirects that are followed.
    pub max_redirects: usize,
    /// Which addresses are connected to.
    pub address_rule: AddressRule,
    /// Networks that the operator named although the rule forbids them.
    pub named_networks: Vec<Network>,
    /// Whom HTTPS trusts.
    pub roots: Roots,
    /// The proxy for everything, as `http://host:port`. The address rule then binds the proxy's job, not ours: the
    /// operator named it, and it resolves the names.
    pub proxy: Option<http::Uri>,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            max_body: 64 * 1024,
            connect_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(15),
            min_rate: 1024,
            rate_grace: Duration::from_secs(5),
            max_redirects: 3,
            address_rule: AddressRule::default(),
            named_networks: Vec::new(),
            roots: Roots::default(),
            proxy: None,
        }
    }
}

/// Whom HTTPS trusts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Roots {
    /// These certificates (DER) and no others.
    Named(Vec<Vec<u8>>),
    /// The roots of the operating system.
    #[default]
    System,
}
