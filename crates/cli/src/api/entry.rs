//! What is known about a certificate.

use certvouch_types::{CrlReason, Timestamp};
use serde_json::{Map, Value};

use super::update::{StatusWord, Update};
use crate::octets::hex;
use crate::serial::Serial;

/// What a store knows about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    pub(crate) serial: Serial,
    pub(crate) status: StatusWord,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) reason: Option<CrlReason>,
    pub(crate) invalidity_at: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) certificate_sha256: Option<[u8; 32]>,
    /// The change that said so last.
    pub(crate) change_id: u64,
}

impl Entry {
    /// The JSON object of it: the members of an [`Update`] that has been made, and what only a store says.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let update = Update {
            status: Some(self.status),
            revoked_at: self.revoked_at,
            reason: self.reason,
            invalidity_at: self.invalidity_at,
            not_after: self.not_after,
            ..Update::default()
        };
        let mut members = Map::new();
        members.insert("serial".to_owned(), self.serial.to_string().into());
        members.extend(update.to_json());
        if let Some(digest) = &self.certificate_sha256 {
            members.insert("certificate_sha256".to_owned(), hex(digest).into());
        }
        members.insert("change_id".to_owned(), self.change_id.into());
        members
    }
}
