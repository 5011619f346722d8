//! The kind `path-crl`: a chain down from an anchor, every certificate of which must be good by the CRLs given.
//!
//! The walk knows what revocation needs of a path: names, signatures, dates, who is a CA, and who may sign CRLs. It
//! knows nothing of policies, name constraints and path lengths; see [`is_ours`].

use certvouch_testkit::vectors::{Case, Params, Verdict};
use certvouch_types::crl::Crl;
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::{CrlSet, MissingNextUpdate, Moment, Profile, Query, Reason};

use crate::{builder, profile, time};

/// Cases of NIST's path validation suite that end as invalid for another reason than revocation belong to whoever
/// validates paths.
pub(crate) fn is_ours(case: &Case) -> bool {
    case.param("revocation_focus") != Some(&false.into()) || case.expected == "valid"
}

pub(crate) fn path_crl(case: &Case, params: &mut Params) -> Verdict {
    // Known, and without meaning here: policies do not make a valid path invalid in the cases that are run.
    for known in [
        "revocation_focus",
        "target",
        "initial_PolicySet",
        "initial_ExplicitPolicy",
        "initial_InhibitAnyPolicy",
        "initial_PolicyMappingInhibit",
    ] {
        params.take(known);
    }
    let mut is = |key: &str, value: &str| params.take(key) == Some(value.into());
    let crls = case.inputs("crls");
    let now = time(&case.time);
    let mut world = World {
        anchor: case.input("anchor"),
        pool: case.inputs("certs"),
        crls: &crls,
        now,
        crl_time: now,
        rules: profile(),
        asked: !is("revocation", "off"),
        whole_chain: !is("depth", "ee"),
        unknown_counts: is("unknown", "allow-unknown"),
    };
    if is("crl_expiry", "ignore") {
        world.crl_time = newest(&crls).unwrap_or(now);
        world.rules = world
            .rules
            .with_missing_next_update(MissingNextUpdate::Accept);
    }
    let Some(target) = world.pool.pop() else {
        panic!("no certificate");
    };
    match world.path(&target, &[], true) {
        Ok(()) => Verdict::new("valid"),
        Err(why) => Verdict::with("invalid", why),
    }
}

/// The newest thisUpdate: the moment at which no CRL was out of date yet.
fn newest(crls: &[Vec<u8>]) -> Option<Timestamp> {
    let times = crls.iter().filter_map(|der| Crl::parse(der).ok());
    times.map(|crl| crl.this_update).max()
}

struct World<'a> {
    anchor: Vec<u8>,
    /// Every certificate but the target, in any order.
    pool: Vec<Vec<u8>>,
    crls: &'a [Vec<u8>],
    now: Timestamp,
    crl_time: Timestamp,
    rules: Profile,
    asked: bool,
    whole_chain: bool,
    unknown_counts: bool,
}

impl World<'_> {
    /// Whether there is any way up from `der` to the anchor that avoids the certificates below it.
    fn path(&self, der: &[u8], below: &[&[u8]], is_leaf: bool) -> Result<(), String> {
        let certificate = Certificate::parse(der).map_err(|error| error.to_string())?;
        if !certificate.validity.contains(self.now) {
            return Err("outside its dates".to_owned());
        }
        let mut below = below.to_vec();
        below.push(der);
        let mut why = "nobody in sight issued it".to_owned();
        for issuer in std::iter::once(&self.anchor).chain(&self.pool) {
            if below.contains(&issuer.as_slice()) {
                continue;
            }
            let Ok(query) = builder().certificate(der, issuer) else {
                continue;
            };
            match self.step(&query, issuer, &below, is_leaf) {
                Ok(()) => return Ok(()),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn step(
        &self,
        query: &Query<'_>,
        issuer: &[u8],
        below: &[&[u8]],
        is_leaf: bool,
    ) -> Result<(), String> {
        if issuer != self.anchor {
            may_issue(issuer)?;
            self.path(issuer, below, false)?;
        }
        if self.asked && (is_leaf || self.whole_chain) {
            self.status(query, issuer, below)?;
        }
        Ok(())
    }

    fn status(&self, query: &Query<'_>, issuer: &[u8], below: &[&[u8]]) -> Result<(), String> {
        let mut set = self
            .crls
            .iter()
            .fold(CrlSet::new(), |set, crl| set.crl(crl));
        for candidate in &self.pool {
            let hopeless = candidate == issuer || below.contains(&candidate.as_slice());
            if !hopeless && self.signs_crls(candidate, below) {
                set = set
                    .crl_issuer(candidate)
                    .map_err(|error| error.to_string())?;
            }
        }
        let moment = Moment::now(self.crl_time);
        match query.verify_crls(&set, moment, &self.rules) {
            Ok(verified) if verified.verdict() == certvouch_verify::Verdict::Good => Ok(()),
            Ok(verified) => Err(verified.verdict().to_string()),
            Err(error) => match error.reason() {
                Reason::NoCrl | Reason::CrlOutOfScope(_) | Reason::CrlReasonsMissing
                    if self.unknown_counts =>
                {
                    Ok(())
                }
                reason => Err(reason.to_string()),
            },
        }
    }

    /// Whether a CRL names this certificate's subject as its issuer, and the certificate itself stands.
    fn signs_crls(&self, candidate: &[u8], below: &[&[u8]]) -> bool {
        let Ok(certificate) = Certificate::parse(candidate) else {
            return false;
        };
        let issues_one = self
            .crls
            .iter()
            .any(|der| Crl::parse(der).is_ok_and(|crl| crl.issuer.matches(&certificate.subject)));
        issues_one && self.path(candidate, below, false).is_ok()
    }
}

/// RFC 5280 6.1.4 (k) and (n).
fn may_issue(issuer: &[u8]) -> Result<(), String> {
    let certificate = Certificate::parse(issuer).map_err(|error| error.to_string())?;
    let usage = certificate.key_usage().map_err(|error| error.to_string())?;
    if !certificate.is_ca().map_err(|error| error.to_string())? {
        return Err("the issuer is no CA".to_owned());
    }
    if usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err("the issuer's key may not sign certificates".to_owned());
    }
    Ok(())
}
