//! What the servers that staple demand of a response, beyond that it is true: each takes some and drops others without a
//! word. As data, one row per server.

use core::fmt;

use certvouch_types::{HashAlgorithm, Timestamp};

use crate::limits::{
    APACHE_OCTETS, HAPROXY_BUFFER_OCTETS, HAPROXY_CERT_ID_OCTETS, HAPROXY_MARGIN, MAX_STAPLE_OCTETS,
};
use crate::staple::Staple;

/// A server that staples what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Apache's mod_ssl, behind its own fetching.
    Apache,
    /// caddy's certmagic.
    Certmagic,
    /// Envoy: `ocsp_staple`.
    Envoy,
    /// Exim: `tls_ocsp_file`.
    Exim,
    /// A file for whoever reads it: Apache Traffic Server, a Kubernetes Secret.
    File,
    /// HAProxy: a file beside the certificate, or the runtime socket.
    Haproxy,
    /// nginx: `ssl_stapling_file`.
    Nginx,
    /// rustls: a `CertifiedKey`.
    Rustls,
}

/// The demands of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Demands {
    /// The only hash of a CertID that it knows.
    pub hash: Option<HashAlgorithm>,
    /// The most entries.
    pub max_entries: usize,
    /// The most octets of the CertID.
    pub max_cert_id: usize,
    /// The most octets of the response.
    pub max_octets: usize,
    /// Seconds that must be left.
    pub margin: i64,
    /// Whether the response may outlive the certificate.
    pub may_outlive_certificate: bool,
    /// Whether it staples a revocation.
    pub takes_revoked: bool,
    /// Where that is known from.
    pub source: &'static str,
}

/// Why a target would not staple a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetFault {
    /// Its CertID is larger.
    CertId(usize),
    /// It has more entries than the target reads.
    Entries(usize),
    /// Its CertID uses another hash than the target knows.
    Hash(HashAlgorithm),
    /// It ends too soon: so many seconds are left, the target wants more.
    Margin {
        /// Seconds left.
        left: i64,
        /// Seconds wanted.
        wanted: i64,
    },
    /// It has no nextUpdate.
    NoNextUpdate,
    /// It is past its end.
    Over,
    /// It outlives the certificate.
    OutlivesCertificate,
    /// It has more octets than the target reads.
    Octets(usize),
    /// It is a revocation, and the target staples none.
    Revoked,
}

impl fmt::Display for TargetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertId(octets) => write!(f, "its CertID has {octets} octets"),
            Self::Entries(entries) => write!(f, "it has {entries} entries"),
            Self::Hash(hash) => write!(f, "its CertID uses {hash}"),
            Self::Margin { left, wanted } => {
                write!(f, "it ends in {left} s, and {wanted} s must be left")
            }
            Self::Over => f.write_str("it is past its end"),
            Self::NoNextUpdate => f.write_str("it has no nextUpdate"),
            Self::OutlivesCertificate => {
                f.write_str("its nextUpdate lies after the certificate's end")
            }
            Self::Octets(octets) => write!(f, "it has {octets} octets"),
            Self::Revoked => f.write_str("it says revoked"),
        }
    }
}

impl core::error::Error for TargetFault {}

impl Target {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Apache,
        Self::Certmagic,
        Self::Envoy,
        Self::Exim,
        Self::File,
        Self::Haproxy,
        Self::Nginx,
        Self::Rustls,
    ];

    /// The word for it in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apache => "apache",
            Self::Certmagic => "certmagic",
            Self::Envoy => "envoy",
            Self::Exim => "exim",
            Self::File => "file",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Rustls => "rustls",
        }
    }

    /// What it demands.
    #[must_use]
    pub const fn demands(self) -> Demands {
        let any = Demands {
            hash: None,
            max_entries: usize::MAX,
            max_cert_id: usize::MAX,
            max_octets: MAX_STAPLE_OCTETS,
            margin: 0,
            may_outlive_certificate: true,
            takes_revoked: true,
            source: "no demand is known",
        };
        match self {
            Self::Apache => Demands {
                max_octets: APACHE_OCTETS,
                source: "mod_ssl: MAX_STAPLING_DER",
                ..any
            },
            Self::Certmagic => Demands {
                max_entries: 1,
                may_outlive_certificate: false,
                source: "certmagic: one SingleResponse, nextUpdate not after notAfter",
                ..any
            },
            Self::Envoy => Demands {
                max_entries: 1,
                source: "Envoy: one SingleResponse, without nextUpdate it counts as expired",
                ..any
            },
            // Worse than in other servers: with a response that it does not take, Exim refuses every TLS handshake.
            Self::Exim => Demands {
                max_entries: 1,
                takes_revoked: false,
                source: "GnuTLS ocsp-api.c: the first entry, not revoked, not past nextUpdate; seen with Exim 4.96",
                ..any
            },
            Self::Haproxy => Demands {
                hash: Some(HashAlgorithm::Sha1),
                max_entries: 1,
                max_cert_id: HAPROXY_CERT_ID_OCTETS,
                max_octets: HAPROXY_BUFFER_OCTETS,
                margin: HAPROXY_MARGIN,
                source: "HAProxy ssl_sock.c, seen with 2.6 and 3.5",
                ..any
            },
            Self::File | Self::Nginx | Self::Rustls => any,
        }
    }

    /// Whether the target would staple it now. `not_after` is the end of the certificate.
    ///
    /// # Errors
    /// The first demand that it does not meet.
    pub fn check(
        self,
        staple: &Staple,
        not_after: Timestamp,
        now: Timestamp,
    ) -> Result<(), TargetFault> {
        if !staple.is_current(now) {
            return Err(TargetFault::Over);
        }
        let demands = self.demands();
        if staple.is_revoked() && !demands.takes_revoked {
            return Err(TargetFault::Revoked);
        }
        if let (Some(only), Some(hash)) = (demands.hash, staple.cert_id_hash())
            && hash != only
        {
            return Err(TargetFault::Hash(hash));
        }
        if staple.entries() > demands.max_entries {
            return Err(TargetFault::Entries(staple.entries()));
        }
        if staple.cert_id_octets() > demands.max_cert_id {
            return Err(TargetFault::CertId(staple.cert_id_octets()));
        }
        if staple.der().len() > demands.max_octets {
            return Err(TargetFault::Octets(staple.der().len()));
        }
        let next_update = staple.next_update().ok_or(TargetFault::NoNextUpdate)?;
        if !demands.may_outlive_certificate && next_update > not_after {
            return Err(TargetFault::OutlivesCertificate);
        }
        let left = staple.valid_until().seconds_since(now);
        if left < demands.margin {
            let wanted = demands.margin;
            return Err(TargetFault::Margin { left, wanted });
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
