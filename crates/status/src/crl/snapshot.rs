//! All CRLs in force as one state, and what it says about a serial number at a time (RFC 5280 6.3.3).

use std::sync::Arc;

use certvouch_responder::{CrlReference, Knowledge, SourceError, StatusRecord};
use certvouch_types::crl::ReasonFlags;
use certvouch_types::pkix::Name;
use certvouch_types::{SerialNumber, Timestamp};

use super::diff::Diff;
use super::member::Member;
use super::report::Changes;
use super::table::{Entry, Found};
use crate::good_list::GoodTable;
use crate::serial_key::SerialKey;

/// What sort of certificates an issuer issues. A CRL may be about one sort only (onlyContainsUserCerts,
/// onlyContainsCACerts), and from a serial number alone nobody can tell which sort it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a certificate is a CA's or it is not"
)]
pub enum SubjectClass {
    /// Both: the CRLs have to cover both.
    Any,
    /// CA certificates only.
    Ca,
    /// End-entity certificates only; what a CA with pathLenConstraint 0 issues.
    EndEntity,
}

/// A complete CRL and the delta laid over it.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) complete: Arc<Member>,
    pub(super) delta: Option<Arc<Member>>,
}

impl Unit {
    /// The CRL whose times the combination has (RFC 5280 5.2.4).
    pub(super) fn head(&self) -> &Member {
        self.delta.as_ref().unwrap_or(&self.complete)
    }

    /// What is listed: the delta is searched first (RFC 5280 6.3.3 i), and what it takes off is not listed.
    pub(super) fn listed(&self, unsigned: &[u8]) -> Option<(Found, &Member)> {
        let in_delta = self
            .delta
            .as_deref()
            .and_then(|delta| Some((delta.table.get(unsigned)?, delta)));
        match in_delta {
            Some((found, _)) if found.0.removes() => None,
            Some(found) => Some(found),
            None => Some((self.complete.table.get(unsigned)?, &*self.complete)),
        }
    }
}

/// The serial numbers that are answered otherwise in another state: of all CRLs that came into force or went out of it,
/// those whose entry in force differs. A delta that a new complete CRL made needless is one that went. `known` is a
/// comparison that was made already: the old one, the new one, and what differs.
pub(super) fn changes(
    before: &Snapshot,
    after: &Snapshot,
    issuer: Name<'_>,
    known: (Option<&Member>, &Member, &Diff),
) -> Changes {
    let came = before.parted_from(after);
    let went = after.parted_from(before);
    let mut changed: Vec<SerialKey> = Vec::new();
    let mut take = |diff: &Diff| match diff.changed() {
        Some(serials) => {
            changed.extend(serials.cloned());
            true
        }
        None => false,
    };
    let mut whole = true;
    for member in &came {
        let partner = went.iter().find(|old| old.scope == member.scope);
        let (old, new, diff) = known;
        let compared = match (partner, old) {
            (Some(partner), Some(old)) => core::ptr::eq(&***partner, old),
            (None, None) => true,
            _ => false,
        };
        if compared && core::ptr::eq(&***member, new) {
            whole &= take(diff);
        } else {
            let old = partner.map(|old| &old.table);
            whole &= take(&Diff::between(old, &member.table, issuer));
        }
    }
    for member in &went {
        if came.iter().all(|new| new.scope != member.scope) {
            whole &= take(&Diff::between(None, &member.table, issuer));
        }
    }
    if !whole {
        return Changes::All;
    }
    changed.sort();
    changed.dedup();
    changed.retain(|key| before.listed(key) != after.listed(key));
    Changes::Serials(changed)
}

/// One state of a source.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) units: Vec<Unit>,
    /// The declared places from which no CRL has come yet.
    pub(super) missing: Vec<String>,
    pub(super) class: SubjectClass,
    pub(super) good_list: Option<Arc<GoodTable>>,
}

impl Snapshot {
    /// The CRLs in force there that are not in force here.
    fn parted_from<'a>(&self, there: &'a Self) -> Vec<&'a Arc<Member>> {
        let here: Vec<&Arc<Member>> = self.members().collect();
        let known = |member: &&Arc<Member>| here.iter().any(|one| Arc::ptr_eq(one, member));
        there.members().filter(|member| !known(member)).collect()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.units
            .iter()
            .flat_map(|unit| core::iter::once(&unit.complete).chain(&unit.delta))
    }

    /// The strictest entry about a serial number, whatever the time.
    fn listed(&self, key: &SerialKey) -> Option<Entry> {
        let units = self.units.iter();
        let entries = units.filter_map(|unit| Some(unit.listed(key.octets())?.0.0));
        entries.max_by_key(Entry::strictness)
    }

    /// What is known about a serial number at a time.
    ///
    /// # Errors
    /// Nothing may be said: the only CRL that lists it is past its nextUpdate, or nothing lists it and the declared set
    /// is not whole, not current or does not cover everything.
    pub(super) fn status(
        &self,
        serial: &SerialNumber<'_>,
        now: Timestamp,
    ) -> Result<StatusRecord, SourceError> {
        let Some(unsigned) = serial.unsigned() else {
            // Nobody issues negative numbers.
            return Ok(StatusRecord::new(Knowledge::NeverIssued));
        };
        if let Some(record) = self.revoked(unsigned, now)? {
            return Ok(record);
        }
        self.decides(now)?;
        let mut record = self.not_revoked(unsigned);
        // The statement is as old as the oldest CRL it needs, and ends with the first that ends.
        let heads = self.units.iter().map(Unit::head);
        record.this_update = heads.clone().map(|head| head.this_update).min();
        record.next_update = heads.map(|head| head.next_update).min();
        Ok(record)
    }

    /// The strictest entry of the CRLs that are current.
    fn revoked(
        &self,
        unsigned: &[u8],
        now: Timestamp,
    ) -> Result<Option<StatusRecord>, SourceError> {
        let mut outdated = None;
        let mut best: Option<(Found, &Unit, &Member)> = None;
        for unit in &self.units {
            let Some((found, member)) = unit.listed(unsigned) else {
                continue;
            };
            if !unit.head().is_current(now) {
                outdated = Some(unit.head().next_update);
            } else if best.is_none_or(|(known, ..)| found.0.strictness() > known.0.strictness()) {
                best = Some((found, unit, member));
            }
        }
        match (best, outdated) {
            (Some(((entry, _), unit, member)), _) => {
                let mut record = StatusRecord::new(Knowledge::Revoked {
                    at: entry.at,
                    reason: entry.reason,
                });
                record.invalidity_date = entry.invalidity_date;
                record.hold_instruction = entry.hold_instruction;
                let (number, time) = (member.number.as_deref(), member.this_update);
                record.crl = Some(CrlReference::new(number, time));
                record.this_update = Some(unit.head().this_update);
                record.next_update = Some(unit.head().next_update);
                record.not_after = self
                    .good_list
                    .as_ref()
                    .and_then(|list| list.get(unsigned)?.not_after);
                Ok(Some(record))
            }
            (None, Some(next_update)) => Err(outdated_error(next_update)),
            (None, None) => Ok(None),
        }
    }

    fn not_revoked(&self, unsigned: &[u8]) -> StatusRecord {
        let Some(list) = &self.good_list else {
            return StatusRecord::new(Knowledge::NotRevoked);
        };
        match list.get(unsigned) {
            Some(issued) => {
                let mut record = StatusRecord::new(Knowledge::Issued);
                record.not_after = issued.not_after;
                record
            }
            None => StatusRecord::new(Knowledge::NeverIssued),
        }
    }

    /// Whether silence of the CRLs means "not revoked".
    ///
    /// # Errors
    /// A declared CRL is missing, one is past its nextUpdate, or together they do not cover every reason for every sort
    /// of certificate (RFC 5280 6.3.3: UNDETERMINED).
    pub(super) fn decides(&self, now: Timestamp) -> Result<(), SourceError> {
        if let Some(missing) = self.missing.first() {
            return Err(SourceError::Unavailable(format!(
                "no CRL has come from {missing} yet"
            )));
        }
        let first_end = self.units.iter().map(|unit| unit.head().next_update).min();
        if let Some(next_update) = first_end.filter(|end| *end <= now) {
            return Err(outdated_error(next_update));
        }
        self.gap()
            .map_or(Ok(()), |gap| Err(SourceError::Unavailable(gap)))
    }

    /// What the CRLs together do not cover, as a sentence.
    pub(super) fn gap(&self) -> Option<String> {
        type About = fn(&Member) -> bool;
        let sorts: [(&str, About); 2] = [
            ("end-entity certificates", |member| member.user_certs),
            ("CA certificates", |member| member.ca_certs),
        ];
        let wanted = match self.class {
            SubjectClass::Any => &sorts[..],
            SubjectClass::EndEntity => &sorts[..1],
            SubjectClass::Ca => &sorts[1..],
        };
        wanted.iter().find_map(|(sort, about)| {
            let members: Vec<&Member> = self
                .units
                .iter()
                .map(|unit| &*unit.complete)
                .filter(|member| about(member))
                .collect();
            if members.is_empty() {
                return Some(format!("no CRL is about {sort}"));
            }
            let split = members.iter().any(|member| {
                let same_point = members.iter().filter(|other| other.point == member.point);
                let reasons =
                    same_point.fold(ReasonFlags::NONE, |sum, other| sum.union(other.reasons));
                !reasons.is_all()
            });
            split.then(|| format!("the CRLs about {sort} leave out some reasons"))
        })
    }
}

fn outdated_error(next_update: Timestamp) -> SourceError {
    SourceError::Outdated(format!("the CRL's nextUpdate {next_update} has passed"))
}
