//! What the store knows, in the words of the API.

use certvouch_status::SerialKey;
use certvouch_status::embedded::{LogEntry, Outcome, Record, Status};
use serde_json::{Map, Value};

use crate::api::{Entry, StatusWord};
use crate::octets::hex;
use crate::serial::Serial;

pub(super) fn entry(serial: &SerialKey, record: &Record, change_id: u64) -> Entry {
    let (status, revoked_at, reason) = match record.status {
        Status::Revoked { at, reason } => (StatusWord::Revoked, Some(at), reason),
        Status::Hold { since } => (StatusWord::Hold, Some(since), None),
        // A status that is new in the store has to be thought of here before anybody can say it.
        _ => (StatusWord::Issued, None, None),
    };
    Entry {
        serial: Serial::from_unsigned(serial.octets()),
        status,
        revoked_at,
        reason,
        invalidity_at: record.invalidity_at,
        not_after: record.not_after,
        certificate_sha256: record.certificate_sha256,
        change_id,
    }
}

/// What became of a change, in a word.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "created",
        Outcome::Changed => "changed",
        _ => "unchanged",
    }
}

/// An entry of the log.
pub(super) fn change(change: &LogEntry) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    let content = &change.content;
    put("change_id", change.change_id.into());
    put("at", content.at.to_string().into());
    put("who", content.who.clone().into());
    put("kind", content.kind.name().into());
    if let Some(issuer) = &content.issuer {
        put("issuer", issuer.clone().into());
    }
    if let Some(serial) = &content.serial {
        put(
            "serial",
            Serial::from_unsigned(serial.octets()).to_string().into(),
        );
        let side = |record: &Record, id: u64| {
            let mut members = entry(serial, record, id).to_json();
            members.remove("serial");
            members.remove("change_id");
            Value::Object(members)
        };
        if let Some(old) = &content.old {
            put("old", side(old, content.previous.unwrap_or(0)));
        }
        if let Some(new) = &content.new {
            put("new", side(new, change.change_id));
        }
    }
    if let Some(detail) = &content.detail {
        put("detail", detail.clone().into());
    }
    put("hash", hex(&change.hash).into());
    members
}
