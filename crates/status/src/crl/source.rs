//! [`CrlSource`]: the CRLs in force, and the rules by which another one takes the place of one.

use core::fmt;
use core::future::ready;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use certvouch_fetch::{Fetch, FetchError, Fetched, Fetcher, Validators};
use certvouch_responder::{BoxFuture, SourceError, StatusRecord, StatusSource};
use certvouch_types::der::Reader;
use certvouch_types::{Certificate, SerialNumber, Timestamp, oid};

use super::diff::Diff;
use super::error::CrlError;
use super::explain::{Explanation, Listing};
use super::location::{Declared, Location, files_of, to_der};
use super::member::Member;
use super::place::{Place, check_fit, follow, is_held, is_needless, units};
use super::report::{Changes, CrlHealth, CrlSettings, PlaceHealth, Refreshed};
use super::signer::CrlSigners;
use super::snapshot::{Snapshot, SubjectClass, changes};
use super::state::{Mark, State};
use crate::good_list::{GoodList, GoodListChange, GoodListError};
use crate::index_txt::{FileDigest, Stamp, read};
use crate::limits::SHOWN_SERIALS;
use crate::serial_key::SerialKey;

/// The media type of RFC 5280 4.2.1.13.
const MEDIA_TYPE: &str = "application/pkix-crl";

/// The wall clock, handed in.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A status source that answers from CRLs.
pub struct CrlSource {
    signers: CrlSigners,
    state: Option<State>,
    class: SubjectClass,
    good_list: Option<GoodList>,
    clock: Clock,
    truth: ArcSwap<Snapshot>,
    /// Whoever holds it changes the truth.
    places: Mutex<Vec<Place>>,
    /// Marks by scope, beside those on disk.
    marks: Mutex<BTreeMap<[u8; 32], Kept>>,
}

/// A mark, and whether it reached the disk: one that did and is gone was taken away by the operator.
#[derive(Clone, Debug)]
struct Kept {
    mark: Mark,
    on_disk: bool,
}

impl CrlSource {
    /// A source that knows what its state folder holds, and nothing else before the first refresh.
    ///
    /// # Errors
    /// The issuer's certificate does not parse, or the state folder cannot be made. A copy in it that does not verify is
    /// left out.
    pub fn open(
        settings: CrlSettings,
        good_list: Option<GoodList>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, CrlError> {
        let Some(issuer) = settings.signers.issuer() else {
            return Err(CrlError::Signer("cannot be read"));
        };
        let class = settings.class.map_or_else(|| class_of(&issuer), Ok)?;
        let key = issuer.subject_public_key_info.raw;
        let state = settings
            .state
            .as_deref()
            .map(|dir| State::open(dir, key))
            .transpose()?;
        let crls = settings
            .crls
            .into_iter()
            .map(|place| Place::new(place, Declared::Crl));
        let deltas = settings
            .deltas
            .into_iter()
            .map(|place| Place::new(place, Declared::Delta));
        let source = Self {
            signers: settings.signers.clone(),
            state,
            class,
            good_list,
            clock: Arc::new(clock),
            truth: ArcSwap::from_pointee(Snapshot {
                units: Vec::new(),
                missing: Vec::new(),
                class,
                good_list: None,
            }),
            places: Mutex::new(crls.chain(deltas).collect()),
            marks: Mutex::new(BTreeMap::new()),
        };
        source.restore();
        Ok(source)
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Takes the copies of the state folder into force, as if they came from their places now.
    fn restore(&self) {
        self.list_folders();
        let now = self.now();
        // A delta in front of its base comes in the second round. A complete CRL may add the place of its delta.
        for _ in 0..2 {
            let mut index = 0;
            while let Some(name) = self.place_name(index) {
                let copy = self.state.as_ref().and_then(|state| state.copy(&name));
                if let Some((der, validators)) = copy
                    && self.accept(index, der, now, Origin::Copy).is_ok()
                    && let Some(place) = self.lock().get_mut(index)
                {
                    place.validators = validators;
                }
                index += 1;
            }
        }
        let places = self.lock();
        self.swap(&places);
    }

    /// Adds the files of folders that are not known yet. One that is gone stays declared: the state folder keeps the
    /// list, or else the process does.
    fn list_folders(&self) {
        let mut places = self.lock();
        for index in 0..places.len() {
            let Location::Directory(dir) = places[index].location.clone() else {
                continue;
            };
            let name = places[index].location.to_string();
            let kept = self
                .state
                .as_ref()
                .map_or_else(Vec::new, |state| state.set(&name));
            let mut files = files_of(&dir).unwrap_or_default();
            files.extend(kept.iter().cloned());
            files.sort();
            files.dedup();
            if let Some(state) = self.state.as_ref().filter(|_| files.len() > kept.len()) {
                // Without it a restart misses less; the next look tries again.
                drop(state.keep_set(&name, &files));
            }
            for path in files {
                let location = Location::File(path);
                if places.iter().all(|place| place.location != location) {
                    let mut place = Place::new(location, Declared::Crl);
                    place.from_folder = true;
                    places.push(place);
                }
            }
            let any = places.iter().any(|place| {
                matches!(&place.location, Location::File(path) if path.parent() == Some(&dir))
            });
            places[index].error = (!any).then_some(CrlError::NoCrl);
        }
    }

    fn place_name(&self, index: usize) -> Option<String> {
        let places = self.lock();
        places.get(index).map(|place| place.location.to_string())
    }

    /// How many places there are; folders and freshestCRL add to them.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// The URL of a place, if it has one.
    pub(super) fn is_url(&self, index: usize) -> bool {
        let places = self.lock();
        places
            .get(index)
            .is_some_and(|place| matches!(place.location, Location::Url(_)))
    }

    /// What the schedule of a place has to know: nextUpdate and HTTP freshness of what is held.
    pub(super) fn timing(&self, index: usize) -> Option<(Timestamp, Option<u64>)> {
        let places = self.lock();
        let place = places.get(index)?;
        Some((place.held.as_ref()?.next_update, place.freshness))
    }

    /// The folders whose events matter.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        let good_list = self.good_list.as_ref().map(|list| list.path().to_owned());
        let parent = |path: &PathBuf| match path.parent() {
            Some(parent) if parent != std::path::Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        for place in self.lock().iter() {
            match &place.location {
                Location::Directory(dir) => folders.push(dir.clone()),
                Location::File(path) => folders.push(parent(path)),
                Location::Url(_) => {}
            }
        }
        if let Some(path) = good_list {
            folders.push(if path.is_dir() { path } else { parent(&path) });
        }
        folders.sort();
        folders.dedup();
        folders
    }

    /// Reads the files that changed since the last look (and those that failed for want of another CRL), complete CRLs
    /// before deltas. Gives what happened, place by place.
    pub fn refresh_files(&self) -> Vec<Result<Refreshed, (String, CrlError)>> {
        self.list_folders();
        let mut indexes: Vec<usize> = (0..self.count()).collect();
        let deltas_last = |index: &usize| {
            let places = self.lock();
            places
                .get(*index)
                .is_some_and(|place| place.declared == Declared::Delta)
        };
        indexes.sort_by_key(deltas_last);
        let mut outcomes: Vec<_> = indexes
            .iter()
            .filter_map(|index| self.refresh_file(*index))
            .collect();
        // A delta in a folder may have come before its base.
        if outcomes.iter().any(Result::is_ok) {
            let waiting = |place: &Place| matches!(place.error, Some(CrlError::Delta(_)));
            let again: Vec<usize> = (0..self.count())
                .filter(|index| self.lock().get(*index).is_some_and(waiting))
                .collect();
            for index in again {
                if let Some(place) = self.lock().get_mut(index) {
                    place.stamp = None;
                }
                outcomes.extend(self.refresh_file(index));
            }
        }
        outcomes
    }

    fn refresh_file(&self, index: usize) -> Option<Result<Refreshed, (String, CrlError)>> {
        let place = self.lock().get(index)?.clone();
        let Location::File(path) = &place.location else {
            return None;
        };
        let stamp = Stamp::at(path);
        if stamp.is_some() && stamp == place.stamp {
            return None;
        }
        let outcome = read(path).map_err(CrlError::from);
        if let Some(place) = self.lock().get_mut(index) {
            // Looked at before it was read: a change after that is one that the next look finds.
            place.stamp = stamp;
        }
        let outcome = outcome.and_then(|(octets, _)| self.offer(index, Bytes::from(octets)));
        self.conclude(index, outcome)
    }

    /// Asks every place now: files, then URLs, complete CRLs before deltas. Gives what happened; a place whose CRL is
    /// unchanged says nothing.
    pub async fn refresh_all(
        &self,
        fetcher: &Fetcher,
    ) -> Vec<Result<Refreshed, (String, CrlError)>> {
        let mut outcomes = self.refresh_files();
        for index in 0..self.count() {
            outcomes.extend(self.refresh_url(index, fetcher).await);
        }
        outcomes
    }

    /// Fetches the CRL of a place, if it is a URL, and puts it in force if it may be. Nothing if it is unchanged.
    pub(super) async fn refresh_url(
        &self,
        index: usize,
        fetcher: &Fetcher,
    ) -> Option<Result<Refreshed, (String, CrlError)>> {
        let place = self.lock().get(index)?.clone();
        let Location::Url(url) = &place.location else {
            return None;
        };
        let mut fetch = Fetch::named(url.clone(), MEDIA_TYPE);
        if place.held.is_some() {
            fetch.validators = place.validators.clone();
        }
        let outcome = fetcher.fetch(&fetch).await;
        self.take_fetched(index, outcome)
    }

    fn take_fetched(
        &self,
        index: usize,
        outcome: Result<Fetched, FetchError>,
    ) -> Option<Result<Refreshed, (String, CrlError)>> {
        let outcome = match outcome {
            Ok(Fetched::Body(payload)) => {
                let accepted = self.offer(index, payload.bytes);
                if accepted.is_ok()
                    && let Some(place) = self.lock().get_mut(index)
                {
                    place.validators = payload.validators;
                    place.freshness = payload.freshness.seconds;
                    if let (Some(state), Some(held)) = (&self.state, &place.held) {
                        // Without them the next request after a restart is unconditional, and nothing worse.
                        let name = place.location.to_string();
                        drop(state.set_validators(&name, held.table.der(), &place.validators));
                    }
                }
                accepted
            }
            Ok(Fetched::NotModified(freshness)) => {
                if let Some(place) = self.lock().get_mut(index) {
                    place.freshness = freshness.seconds;
                }
                Ok(None)
            }
            Ok(_) => Ok(None),
            Err(error) => Err(CrlError::Fetch(error)),
        };
        self.conclude(index, outcome)
    }

    /// Keeps the error of an attempt, and names the place.
    fn conclude(
        &self,
        index: usize,
        outcome: Result<Option<Refreshed>, CrlError>,
    ) -> Option<Result<Refreshed, (String, CrlError)>> {
        let mut places = self.lock();
        let place = places.get_mut(index)?;
        place.error = outcome.as_ref().err().cloned();
        let name = place.location.to_string();
        self.swap(&places);
        match outcome {
            Ok(refreshed) => refreshed.map(Ok),
            Err(error) => Some(Err((name, error))),
        }
    }

    /// Takes the octets of a CRL, DER or PEM, for a place. Nothing if it is the one in force.
    fn offer(&self, index: usize, octets: Bytes) -> Result<Option<Refreshed>, CrlError> {
        let der = to_der(octets, |crl| self.signers.names(&crl.issuer))?;
        self.accept(index, der, self.now(), Origin::Place)
    }

    /// Verifies a CRL aside, and puts it in force.
    fn accept(
        &self,
        index: usize,
        der: Bytes,
        now: Timestamp,
        origin: Origin,
    ) -> Result<Option<Refreshed>, CrlError> {
        let held = self.lock().get(index).and_then(|place| place.held.clone());
        if held
            .as_ref()
            .is_some_and(|held| held.digest == FileDigest::of(&der))
        {
            return Ok(None);
        }
        let member = Arc::new(Member::verify(der, &self.signers, now)?);
        let mut places = self.lock();
        let Some(place) = places.get(index) else {
            return Ok(None);
        };
        let fits = match place.declared {
            Declared::Crl => !member.is_delta || place.from_folder,
            Declared::Delta => member.is_delta,
        };
        if !fits {
            return Err(CrlError::WrongKind);
        }
        let name = place.location.to_string();
        let old = place.held.clone();
        let marked = self.check_mark(&member);
        places[index].is_superseded = marked.is_err() && is_held(&places, &member.scope);
        marked?;
        check_fit(&places, index, &member)?;
        let state_error = match origin {
            Origin::Place => self.keep(&name, &member).err(),
            Origin::Copy => self.remember(&member).err(),
        };
        places[index].held = Some(Arc::clone(&member));
        let announced = follow(&mut places, index, &member);
        let before = self.truth.load_full();
        self.swap(&places);
        drop(places);
        let mut report = self.report(name, &member, old.as_deref(), &before);
        (report.announced, report.state_error) = (announced, state_error);
        Ok(Some(report))
    }

    /// What the change is, found after it is in force so that nobody waits for the comparison.
    fn report(
        &self,
        place: String,
        member: &Member,
        old: Option<&Member>,
        before: &Snapshot,
    ) -> Refreshed {
        let after = self.truth.load();
        let issuer = self.signers.issuer();
        let diff = issuer.as_ref().map_or_else(Diff::default, |issuer| {
            Diff::between(old.map(|old| &old.table), &member.table, issuer.subject)
        });
        let changes = issuer.as_ref().map_or(Changes::All, |issuer| {
            changes(before, &after, issuer.subject, (old, member, &diff))
        });
        Refreshed {
            place,
            number: member.number_text(),
            is_delta: member.is_delta,
            this_update: member.this_update,
            next_update: member.next_update,
            entries: member.table.len(),
            holds: member.table.holds,
            added: diff.added.count,
            dropped: if member.is_delta {
                0
            } else {
                diff.dropped.count
            },
            first_dropped: if member.is_delta {
                Vec::new()
            } else {
                diff.dropped
                    .listed
                    .into_iter()
                    .take(SHOWN_SERIALS)
                    .collect()
            },
            released: diff.released.count,
            changes,
            announced: Vec::new(),
            state_error: None,
        }
    }

    fn check_mark(&self, member: &Member) -> Result<(), CrlError> {
        let path = self
            .state
            .as_ref()
            .map(|state| state.mark_path(&member.scope));
        let kept = {
            let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            marks.get(member.scope.octets()).cloned()
        };
        let known = match (kept, &self.state) {
            (Some(kept), Some(state)) if kept.on_disk => state.mark(&member.scope)?,
            (Some(kept), _) => Some(kept.mark),
            (None, Some(state)) => state.mark(&member.scope)?,
            (None, None) => None,
        };
        known.map_or(Ok(()), |known| known.allows(member, path.as_deref()))
    }

    /// Keeps the mark and the copy, the mark first: what was accepted once must not be undone by a crash.
    fn keep(&self, name: &str, member: &Member) -> Result<(), CrlError> {
        self.remember(member)?;
        let Some(state) = &self.state else {
            return Ok(());
        };
        state.set_copy(name, member.table.der(), &Validators::default())
    }

    fn remember(&self, member: &Member) -> Result<(), CrlError> {
        let mark = Mark::of(member);
        let written = self
            .state
            .as_ref()
            .map(|state| state.set_mark(&member.scope, &mark));
        let on_disk = matches!(written, Some(Ok(())));
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.insert(*member.scope.octets(), Kept { mark, on_disk });
        written.unwrap_or(Ok(()))
    }

    /// Builds the state of all places and puts it in force.
    fn swap(&self, places: &[Place]) {
        let mut missing = Vec::new();
        for place in places {
            let folder = matches!(place.location, Location::Directory(_));
            let wanted = (!folder || place.error.is_some()) && !place.is_followed;
            if place.held.is_none() && wanted && !place.is_superseded {
                missing.push(place.location.to_string());
            }
        }
        self.truth.store(Arc::new(Snapshot {
            units: units(places.iter().filter_map(|place| place.held.as_ref())),
            missing,
            class: self.class,
            good_list: self.good_list.as_ref().map(GoodList::table),
        }));
    }

    /// Reads the good-list again if its file changed.
    ///
    /// # Errors
    /// The list is not taken; the one before stands.
    pub fn refresh_good_list(&self) -> Result<Option<GoodListChange>, GoodListError> {
        let Some(list) = self.good_list.as_ref().filter(|list| list.is_behind()) else {
            return Ok(None);
        };
        let change = list.reload()?;
        let places = self.lock();
        self.swap(&places);
        Ok(Some(change))
    }

    /// Every place that has a problem now, by its index.
    pub(super) fn problems(&self) -> Vec<(usize, String, Option<CrlError>)> {
        let now = self.now();
        let places = self.lock();
        let truth = self.truth.load();
        let list = places.iter().enumerate().map(|(index, place)| {
            let needless = is_needless(place, &truth);
            (
                index,
                place.location.to_string(),
                place.problem(now, needless),
            )
        });
        list.collect()
    }

    /// How the source feels.
    #[must_use]
    pub fn health(&self) -> CrlHealth {
        let now = self.now();
        let places = self.lock();
        let truth = self.truth.load();
        let octets = |place: &Place| {
            let held = place.held.as_ref();
            held.map_or(0, |held| held.table.der().len() + held.table.index_octets())
        };
        CrlHealth {
            octets: places.iter().map(octets).sum(),
            undecided: truth.decides(now).err(),
            issued: truth.good_list.as_ref().map(|list| list.len()),
            places: places
                .iter()
                .map(|place| PlaceHealth {
                    place: place.location.to_string(),
                    declared: place.declared,
                    held: place.held.as_ref().map(|held| {
                        let entries = held.table.len();
                        (
                            held.number_text(),
                            held.this_update,
                            held.next_update,
                            entries,
                        )
                    }),
                    error: place.problem(now, is_needless(place, &truth)),
                })
                .collect(),
        }
    }

    /// What the CRLs in force do not cover, whatever the time: a sentence for the start's warning.
    #[must_use]
    pub fn gap(&self) -> Option<String> {
        self.truth.load().gap()
    }

    /// How many entries of the CRLs in force have a reason, or none, that `is_meant` means; each is read.
    #[must_use]
    pub fn count_entries(
        &self,
        is_meant: impl Fn(Option<certvouch_types::CrlReason>) -> bool,
    ) -> usize {
        let truth = self.truth.load();
        let Some(issuer) = self.signers.issuer() else {
            return 0;
        };
        truth
            .members()
            .flat_map(|member| member.table.walk(issuer.subject))
            .filter(|(_, entry)| is_meant(entry.reason))
            .count()
    }

    /// Why a serial number is answered as it is.
    #[must_use]
    pub fn explain(&self, serial: &SerialNumber<'_>) -> Explanation {
        let truth = self.truth.load();
        let places = self.lock();
        let held = places
            .iter()
            .filter_map(|place| Some((place.location.to_string(), place.held.as_ref()?)));
        let unsigned = serial.unsigned();
        let listings = held.clone().filter_map(|(place, held)| {
            let (entry, offset) = held.table.get(unsigned?)?;
            Some(Listing {
                place,
                number: held.number_text(),
                is_delta: held.is_delta,
                offset,
                at: entry.at,
                reason: entry.reason,
                next_update: held.next_update,
            })
        });
        let crls = held.clone().map(|(place, held)| {
            let kind = if held.is_delta { "delta CRL" } else { "CRL" };
            let number = held.number_text().unwrap_or_else(|| "none".to_owned());
            let (this_update, next_update) = (held.this_update, held.next_update);
            format!("{kind} {place}: number {number}, {this_update} to {next_update}")
        });
        Explanation {
            serial: SerialKey::of(serial),
            outcome: truth.status(serial, self.now()),
            listings: listings.collect(),
            in_good_list: truth
                .good_list
                .as_ref()
                .map(|list| unsigned.is_some_and(|unsigned| list.get(unsigned).is_some())),
            crls: crls.collect(),
        }
    }

    /// The lock; what a panicking thread left behind is whole, since every field is written by itself.
    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a CRL came from on its way into force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Copy,
    Place,
}

/// pathLenConstraint 0 means that no CA certificates are issued (RFC 5280 4.2.1.9).
fn class_of(issuer: &Certificate<'_>) -> Result<SubjectClass, CrlError> {
    let Some(extension) = issuer.extensions.find(oid::BASIC_CONSTRAINTS) else {
        return Ok(SubjectClass::Any);
    };
    let length =
        Reader::sequence(&mut extension.contents(), "basicConstraints").and_then(|mut inner| {
            inner.optional(certvouch_types::der::tag::BOOLEAN, "cA")?;
            inner.optional(certvouch_types::der::tag::INTEGER, "pathLenConstraint")
        });
    let length = length.map_err(CrlError::Decode)?;
    Ok(match length {
        Some(length) if length.value == [0] => SubjectClass::EndEntity,
        _ => SubjectClass::Any,
    })
}

impl StatusSource for CrlSource {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        // One state and one moment for all of them, whatever a refresh does meanwhile (threats T-10).
        let (truth, now) = (self.truth.load(), self.now());
        let records = serials.iter().map(|serial| truth.status(serial, now));
        Box::pin(ready(records.collect()))
    }
}

impl fmt::Debug for CrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrlSource")
            .field("places", &self.count())
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}
