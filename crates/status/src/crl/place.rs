//! Places, what came from each, and how complete and delta CRLs of several places fit together (RFC 5280 5.2.4).

use std::sync::Arc;

use certvouch_fetch::Validators;
use certvouch_types::Timestamp;
use certvouch_types::crl::delta::{self, DeltaMismatch};
use http::Uri;

use super::error::CrlError;
use super::location::{Declared, Location};
use super::member::Member;
use super::snapshot::{Snapshot, Unit};
use crate::index_txt::{FileDigest, Stamp};

/// One place and what came from it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) location: Location,
    pub(super) declared: Declared,
    pub(super) from_folder: bool,
    /// The freshestCRL of a complete CRL named it, and not the operator: the complete CRL counts without it.
    pub(super) is_followed: bool,
    /// Its CRL is older than one of the same scope that another place holds: nothing is missing.
    pub(super) is_superseded: bool,
    pub(super) held: Option<Arc<Member>>,
    pub(super) validators: Validators,
    pub(super) stamp: Option<Stamp>,
    pub(super) freshness: Option<u64>,
    pub(super) error: Option<CrlError>,
}

impl Place {
    pub(super) fn new(location: Location, declared: Declared) -> Self {
        Self {
            location,
            declared,
            from_folder: false,
            is_followed: false,
            is_superseded: false,
            held: None,
            validators: Validators::default(),
            stamp: None,
            freshness: None,
            error: None,
        }
    }

    /// The error of the last attempt, or that what is held is past its nextUpdate. What is needless may end.
    pub(super) fn problem(&self, now: Timestamp, needless: bool) -> Option<CrlError> {
        let outdated = self
            .held
            .as_ref()
            .filter(|held| !held.is_current(now) && !needless);
        self.error.clone().or_else(|| {
            let next_update = outdated?.next_update;
            Some(CrlError::Outdated { next_update })
        })
    }
}

/// Adds the delta CRLs that a complete CRL announces (freshestCRL) at the origin that it came from itself; others have to
/// be named by the operator (threats T-25). Gives those others.
pub(super) fn follow(places: &mut Vec<Place>, index: usize, member: &Member) -> Vec<String> {
    let Some(Location::Url(from)) = places.get(index).map(|place| place.location.clone()) else {
        return member.freshest.clone();
    };
    let mut others = Vec::new();
    for text in &member.freshest {
        let same_origin =
            |uri: &Uri| uri.scheme() == from.scheme() && uri.authority() == from.authority();
        match text.parse::<Uri>() {
            Ok(uri) if same_origin(&uri) => {
                let location = Location::Url(uri);
                if places.iter().all(|place| place.location != location) {
                    let mut place = Place::new(location, Declared::Delta);
                    place.is_followed = true;
                    places.push(place);
                }
            }
            _ => others.push(text.clone()),
        }
    }
    let named = |text: &String| {
        places
            .iter()
            .any(|place| place.location.to_string() == *text)
    };
    others.retain(|text| !named(text));
    others
}

/// Whether what a place holds is not needed any more: a delta whose complete CRL is at least as new, or a CRL of which
/// another place holds a newer one.
pub(super) fn is_needless(place: &Place, truth: &Snapshot) -> bool {
    let Some(held) = &place.held else {
        return false;
    };
    let used = |unit: &Unit| {
        let delta = unit.delta.as_ref();
        Arc::ptr_eq(&unit.complete, held) || delta.is_some_and(|delta| Arc::ptr_eq(delta, held))
    };
    !truth.units.iter().any(used)
}

fn applies(delta: &Member, complete: &Member) -> Result<(), DeltaMismatch> {
    match (delta.table.crl(), complete.table.crl()) {
        (Some(delta), Some(complete)) => delta::applies(&delta, &complete),
        // Both were read when they were verified.
        _ => Err(DeltaMismatch::NotADelta),
    }
}

/// Lays deltas over complete CRLs; of several the one with the latest thisUpdate (RFC 5280 5.2.4).
pub(super) fn units<'a>(held: impl Iterator<Item = &'a Arc<Member>> + Clone) -> Vec<Unit> {
    let deltas = held.clone().filter(|member| member.is_delta);
    // Of two CRLs with one scope, as a folder may hold them, the newer one counts.
    let age = |member: &Member| {
        (
            member.this_update,
            member.number.as_ref().map(|it| (it.len(), it.clone())),
        )
    };
    let superseded = |member: &&Arc<Member>| {
        let mut others = held.clone().filter(|other| other.scope == member.scope);
        others.any(|other| age(other) > age(member))
    };
    let complete = held
        .clone()
        .filter(|member| !member.is_delta && !superseded(member));
    let unit = |complete: &Arc<Member>| Unit {
        complete: Arc::clone(complete),
        delta: deltas
            .clone()
            .filter(|delta| applies(delta, complete).is_ok())
            .max_by_key(|delta| delta.this_update)
            .cloned(),
    };
    complete.map(unit).collect()
}

pub(super) fn is_held(places: &[Place], scope: &FileDigest) -> bool {
    let held = |place: &Place| place.held.as_ref().is_some_and(|held| held.scope == *scope);
    places.iter().any(held)
}

/// Whether a CRL fits the others: a delta needs its base, and a complete CRL must not lose the delta in force.
pub(super) fn check_fit(
    places: &[Place],
    index: usize,
    member: &Arc<Member>,
) -> Result<(), CrlError> {
    let others = places.iter().enumerate().filter(|(at, _)| *at != index);
    let others = others.filter_map(|(_, place)| place.held.as_ref());
    if member.is_delta {
        let mut reason = DeltaMismatch::NotADelta;
        for complete in others.filter(|other| !other.is_delta) {
            match applies(member, complete) {
                Ok(()) | Err(DeltaMismatch::NotNewer) => return Ok(()),
                // A reason that is about the right CRL says more than that another CRL is another.
                Err(DeltaMismatch::OtherScope | DeltaMismatch::OtherIssuer)
                    if reason != DeltaMismatch::NotADelta => {}
                Err(why) => reason = why,
            }
        }
        return Err(CrlError::Delta(reason));
    }
    let Some(old) = places.get(index).and_then(|place| place.held.as_ref()) else {
        return Ok(());
    };
    for delta in others.filter(|other| other.is_delta && applies(other, old).is_ok()) {
        match applies(delta, member) {
            Ok(()) | Err(DeltaMismatch::NotNewer) => {}
            Err(why) => return Err(CrlError::DeltaWouldBeLost(why)),
        }
    }
    Ok(())
}
