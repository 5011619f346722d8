//! The response cache: signed octets by exactly what was asked, who signed, and under which policy.
//!
//! The key is not the CertID itself but what a CertID can say once its issuer was matched: the hash algorithm, the
//! form of its parameters, and the serial number. DER leaves one encoding for each, so the key stands for the received
//! octets one to one, and all keys of one serial number can be listed, which makes invalidation precise.
//!
//! Memory is bounded by octets. Serial numbers that nobody issued live in a small cache of their own, so that a
//! stranger who asks for random ones displaces only other strangers.

use std::sync::Arc;

use certvouch_types::{CertId, HashAlgorithm, Parameters};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::answer::SignedResponse;
use crate::flight::{Boarding, Flights};
use crate::limits::UNASSIGNED_SHARE;

/// The octets of a serial number, as they stand in the CertID.
type Serial = Box<[u8]>;

/// What makes two answers the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The generation of the issuer's entry: another one for each change of signers or policy.
    pub(crate) generation: u64,
    signer: usize,
    hash: HashAlgorithm,
    parameters_absent: bool,
    serial: Serial,
}

impl Key {
    /// The key of a CertID whose issuer was matched under `hash` and which passed [`CertId::check`].
    pub(crate) fn new(
        generation: u64,
        signer: usize,
        hash: HashAlgorithm,
        cert_id: &CertId<'_>,
    ) -> Self {
        Self {
            generation,
            signer,
            hash,
            parameters_absent: cert_id.hash_algorithm.parameters == Parameters::Absent,
            serial: cert_id.serial_number.content().into(),
        }
    }

    /// Every key under which an answer about this serial number can stand.
    fn all(generation: u64, signers: usize, serial: &[u8]) -> impl Iterator<Item = Self> {
        let serial: Serial = serial.into();
        (0..signers).flat_map(move |signer| {
            let serial = serial.clone();
            HashAlgorithm::ALL.into_iter().flat_map(move |hash| {
                let serial = serial.clone();
                [false, true]
                    .into_iter()
                    .map(move |parameters_absent| Self {
                        generation,
                        signer,
                        hash,
                        parameters_absent,
                        serial: serial.clone(),
                    })
            })
        })
    }
}

/// What is kept, and on which side.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) response: Arc<SignedResponse>,
    pub(crate) unassigned: bool,
}

#[derive(Clone, Debug)]
struct Octets;

/// What an entry costs besides its response and serial number: key, header values, counters, map slots.
const ENTRY_OVERHEAD: usize = 640;

impl Weighter<Key, Arc<SignedResponse>> for Octets {
    fn weight(&self, key: &Key, response: &Arc<SignedResponse>) -> u64 {
        let octets = response.der().len() + key.serial.len() + ENTRY_OVERHEAD;
        u64::try_from(octets).unwrap_or(u64::MAX)
    }
}

/// The cache, and the flights that fill it.
#[derive(Debug)]
pub(crate) struct ResponseCache {
    assigned: Cache<Key, Arc<SignedResponse>, Octets>,
    unassigned: Cache<Key, Arc<SignedResponse>, Octets>,
    flights: Flights<Key, Result<Kept, crate::error::AnswerError>>,
}

/// What a flight brings back.
pub(crate) type Landed = Result<Kept, crate::error::AnswerError>;

impl ResponseCache {
    pub(crate) fn new(octets: u64) -> Self {
        let side = |octets: u64| {
            // An answer with its key takes about 1.5 KiB; the estimate only sizes the tables.
            let entries = usize::try_from(octets / 1536).unwrap_or(usize::MAX);
            Cache::with_weighter(entries.max(16), octets.max(4096), Octets)
        };
        Self {
            assigned: side(octets - octets / UNASSIGNED_SHARE),
            unassigned: side(octets / UNASSIGNED_SHARE),
            flights: Flights::new(),
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<SignedResponse>> {
        self.assigned.get(key).or_else(|| self.unassigned.get(key))
    }

    /// Joins or begins the making of an answer; `usable` says whether what stands in the cache will do.
    pub(crate) fn board(
        &self,
        key: &Key,
        usable: impl Fn(&SignedResponse) -> bool,
    ) -> Boarding<'_, Key, Landed> {
        self.flights.board(key, || {
            self.get(key)
                .filter(|response| usable(response))
                // Which side it came from matters to nobody who found it.
                .map(|response| {
                    Ok(Kept {
                        response,
                        unassigned: false,
                    })
                })
        })
    }

    pub(crate) fn insert(&self, key: Key, kept: &Kept) {
        let side = if kept.unassigned {
            &self.unassigned
        } else {
            &self.assigned
        };
        // A serial number that was issued since changes sides.
        let other = if kept.unassigned {
            &self.assigned
        } else {
            &self.unassigned
        };
        other.remove(&key);
        side.insert(key, Arc::clone(&kept.response));
    }

    /// Removes every answer about one serial number (content octets of the INTEGER), and keeps those that are being
    /// made from staying.
    pub(crate) fn invalidate(&self, generation: u64, signers: usize, serial: &[u8]) {
        for key in Key::all(generation, signers, serial) {
            self.flights.invalidate(&key, || {
                self.assigned.remove(&key);
                self.unassigned.remove(&key);
            });
        }
    }

    /// Removes everything.
    pub(crate) fn clear(&self) {
        self.flights.invalidate_all(|| {
            self.assigned.clear();
            self.unassigned.clear();
        });
    }

    /// Octets held on both sides, by the weights above.
    pub(crate) fn octets(&self) -> u64 {
        self.assigned.weight() + self.unassigned.weight()
    }

    /// Answers held on both sides.
    pub(crate) fn len(&self) -> usize {
        self.assigned.len() + self.unassigned.len()
    }
}
