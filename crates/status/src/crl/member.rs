//! One CRL that was verified: its head, owned, and the table of its entries.

use bytes::Bytes;
use certvouch_types::crl::distribution_point::distribution_points;
use certvouch_types::crl::scope::check_head;
use certvouch_types::crl::{CrlNumber, ReasonFlags};
use certvouch_types::{Crl, Timestamp};

use super::error::CrlError;
use super::signer::CrlSigners;
use super::table::Table;
use crate::index_txt::FileDigest;
use crate::limits::MAX_FRESHEST;

/// How far a CRL's thisUpdate may lie in the future before it is not believed: clocks differ.
pub(super) const CLOCK_SKEW: i64 = 300;

/// A verified CRL.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) table: Table,
    /// Minimal unsigned big-endian octets of the CRLNumber.
    pub(super) number: Option<Vec<u8>>,
    pub(super) is_delta: bool,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
    pub(super) user_certs: bool,
    pub(super) ca_certs: bool,
    pub(super) reasons: ReasonFlags,
    /// The distribution point and nothing else of the IDP: CRLs of one point share out reasons and sorts of subjects.
    pub(super) point: Vec<u8>,
    /// The URLs of freshestCRL.
    pub(super) freshest: Vec<String>,
    /// What numbers are compared within: issuer, IDP, and whether it is a delta.
    pub(super) scope: FileDigest,
    pub(super) digest: FileDigest,
}

impl Member {
    /// Reads and verifies a CRL, entries and all.
    pub(super) fn verify(
        der: Bytes,
        signers: &CrlSigners,
        now: Timestamp,
    ) -> Result<Self, CrlError> {
        let crl = Crl::parse(&der).map_err(CrlError::Decode)?;
        check_head(&crl).map_err(CrlError::unusable)?;
        let idp = crl.known.idp.unwrap_or_default();
        if idp.only_attribute_certs {
            return Err(CrlError::AttributeCertificates);
        }
        signers.verify(&crl, now)?;
        let this_update = crl.this_update;
        if this_update > now + CLOCK_SKEW {
            return Err(CrlError::TooNew { this_update });
        }
        let Some(issuer) = signers.issuer() else {
            return Err(CrlError::Signer("cannot be read"));
        };
        // check_head demands a nextUpdate; the last moment of the calendar is never reached.
        let next_update = crl.next_update.unwrap_or(Timestamp::MAX);
        let scope = [
            crl.issuer.as_bytes(),
            crl.known.idp.map_or(&[], |idp| idp.raw),
            &[u8::from(crl.is_delta())],
        ];
        let point = idp.distribution_point_octets();
        Ok(Self {
            number: crl
                .known
                .crl_number
                .map(|number| number.as_unsigned().to_vec()),
            is_delta: crl.is_delta(),
            this_update,
            next_update,
            user_certs: !idp.only_ca_certs,
            ca_certs: !idp.only_user_certs,
            reasons: idp.only_some_reasons.unwrap_or(ReasonFlags::ALL),
            point: point.to_vec(),
            scope: FileDigest::of(&scope.concat()),
            digest: FileDigest::of(&der),
            freshest: freshest(&crl)?,
            table: Table::build(der.clone(), issuer.subject)?,
        })
    }

    /// The number for people.
    pub(super) fn number_text(&self) -> Option<String> {
        let number = self.number.as_deref()?;
        Some(CrlNumber::from_unsigned(number).to_string())
    }

    pub(super) fn is_current(&self, now: Timestamp) -> bool {
        now < self.next_update
    }
}

/// The URLs at which a complete CRL says that its deltas are (RFC 5280 5.2.6).
fn freshest(crl: &Crl<'_>) -> Result<Vec<String>, CrlError> {
    let Some(extension) = crl.known.freshest_crl.filter(|_| !crl.is_delta()) else {
        return Ok(Vec::new());
    };
    let points = distribution_points(&extension).map_err(CrlError::Decode)?;
    let names = points.filter_map(|point| point.name);
    let uris = names.flat_map(|name| name.uris().collect::<Vec<_>>());
    Ok(uris.take(MAX_FRESHEST).map(str::to_owned).collect())
}
