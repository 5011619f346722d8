//! Where a certificate says that its status is: responders, CRLs, the issuer's certificate (RFC 5280 4.2.1.13, 4.2.2.1).

use certvouch_types::crl::distribution_point::distribution_points;
use certvouch_types::{Certificate, Extension, oid};
use http::Uri;

use crate::limits::{MAX_POINTS, MAX_RESPONDERS};

/// What a certificate names, as far as it can be fetched: http and https. What the URLs lead to is another matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Locations {
    /// The responders, in the order of the certificate, which is the CA's order of preference.
    pub responders: Vec<Uri>,
    /// For each distribution point the URLs of its CRL.
    pub points: Vec<Vec<Uri>>,
    /// The same for delta CRLs (freshestCRL).
    pub freshest: Vec<Vec<Uri>>,
    /// URLs that cannot be fetched: another scheme, or no URL at all. Foreign text.
    pub unusable: Vec<String>,
}

impl Locations {
    /// Reads the extensions of a certificate. One that does not parse names nothing.
    #[must_use]
    pub fn of(certificate: &Certificate<'_>) -> Self {
        let mut found = Self::default();
        let named = certificate.access_locations(oid::AD_OCSP);
        found.responders = found.usable(named.into_iter().flatten(), MAX_RESPONDERS);
        let points = certificate.extensions.find(oid::CRL_DISTRIBUTION_POINTS);
        found.points = found.read_points(points.as_ref());
        let freshest = certificate.extensions.find(oid::FRESHEST_CRL);
        found.freshest = found.read_points(freshest.as_ref());
        found
    }

    /// The URLs of deltas that a CRL names.
    pub(crate) fn freshest_of(extension: &Extension<'_>) -> Vec<Vec<Uri>> {
        Self::default().read_points(Some(extension))
    }

    fn read_points(&mut self, extension: Option<&Extension<'_>>) -> Vec<Vec<Uri>> {
        let points = extension.and_then(|extension| distribution_points(extension).ok());
        let mut all = Vec::new();
        for point in points.into_iter().flatten() {
            let urls = point.name.into_iter().flat_map(|name| name.uris());
            let urls = self.usable(urls, MAX_POINTS);
            if !urls.is_empty() && all.len() < MAX_POINTS {
                all.push(urls);
            }
        }
        all
    }

    fn usable<'a>(&mut self, urls: impl Iterator<Item = &'a str>, most: usize) -> Vec<Uri> {
        let mut usable = Vec::new();
        for url in urls {
            match parse(url) {
                Some(uri) if usable.len() < most && !usable.contains(&uri) => usable.push(uri),
                Some(_) => {}
                None => self.unusable.push(url.to_owned()),
            }
        }
        usable
    }
}

/// The URLs where a certificate says that its issuer's certificate is.
#[must_use]
pub fn ca_issuers(certificate: &Certificate<'_>) -> Vec<Uri> {
    let named = certificate.access_locations(oid::AD_CA_ISSUERS);
    Locations::default().usable(named.into_iter().flatten(), MAX_RESPONDERS)
}

/// An http or https URL; anything behind `#` is for browsers.
fn parse(url: &str) -> Option<Uri> {
    let url = url.split('#').next().unwrap_or(url);
    let uri: Uri = url.parse().ok()?;
    let fetched = matches!(uri.scheme_str(), Some("http" | "https"));
    (fetched && uri.host().is_some_and(|host| !host.is_empty())).then_some(uri)
}
