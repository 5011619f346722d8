//! The certificate that CRLs are asked about: of a question, or a delegate's.

use alloc::vec::Vec;

use certvouch_types::crl::distribution_point::distribution_points;
use certvouch_types::crl::scope::{OutOfScope, covers};
use certvouch_types::crl::{Crl, DistributionPoint, ReasonFlags};
use certvouch_types::pkix::{Name, Validity};
use certvouch_types::{Certificate, SerialNumber, oid};

use crate::query::Query;

/// What of a certificate matters to a CRL.
pub(crate) struct Target<'t> {
    pub(super) serial_number: SerialNumber<'t>,
    pub(super) issuer: Name<'t>,
    /// Nothing if no certificate was seen.
    pub(super) is_ca: Option<bool>,
    pub(super) validity: Option<Validity>,
    points: Vec<DistributionPoint<'t>>,
}

impl<'t> Target<'t> {
    pub(crate) fn of(query: &'t Query<'_>) -> Self {
        match &query.certificate {
            Some(certificate) => Self::certificate(certificate),
            None => Self {
                serial_number: query.serial_number,
                issuer: query.issuer.subject,
                is_ca: None,
                validity: None,
                points: Vec::new(),
            },
        }
    }

    pub(crate) fn certificate(certificate: &Certificate<'t>) -> Self {
        let points = certificate
            .extensions
            .find(oid::CRL_DISTRIBUTION_POINTS)
            .and_then(|extension| Some(distribution_points(&extension).ok()?.collect()));
        Self {
            serial_number: certificate.serial_number,
            issuer: certificate.issuer,
            // What cannot be read is no CA, and a CRL about CAs alone says nothing about it.
            is_ca: Some(certificate.is_ca().unwrap_or(false)),
            validity: Some(certificate.validity),
            // Points that cannot be read name none: then a CRL for one point only says nothing.
            points: points.unwrap_or_default(),
        }
    }

    /// For which reasons a CRL decides about this certificate: through each of its points, and through none, as RFC
    /// 5280 6.3.3 tries at the end.
    pub(super) fn scope(&self, crl: &Crl<'_>) -> Result<ReasonFlags, OutOfScope> {
        let idp = crl.known.idp.unwrap_or_default();
        // Of a serial number alone it is not known whether a CA holds it: a CRL about one sort says nothing.
        let is_ca = self.is_ca.unwrap_or(idp.only_user_certs);
        let points = self.points.iter().map(Some).chain([None]);
        let mut reasons = ReasonFlags::NONE;
        let mut fault = None;
        let mut fits = false;
        for point in points {
            match covers(crl, self.issuer, is_ca, point) {
                Ok(more) => {
                    reasons = reasons.union(more);
                    fits = true;
                }
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        match fault {
            Some(why) if !fits => Err(why),
            _ => Ok(reasons),
        }
    }
}
