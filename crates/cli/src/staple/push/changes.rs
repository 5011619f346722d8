//! What the change log of a responder says, as far as staples care.

use std::collections::BTreeMap;

use certvouch_fetch::Event;
use certvouch_stapling::Expected;
use serde_json::Value;

use crate::serial::Serial;

/// A change that concerns staples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A certificate has another record.
    Certificate {
        issuer: String,
        serial: Serial,
        expected: Expected,
    },
    /// Certificates that were not known came in, and which is not said.
    Import { issuer: Option<String> },
    /// Whatever else is in a log.
    Other,
}

/// Reads an event.
///
/// # Errors
/// It says that it is about a certificate, and which or what cannot be read.
pub(super) fn read(event: &Event) -> Result<Change, &'static str> {
    if !matches!(event.kind.as_str(), "certificate" | "import") {
        return Ok(Change::Other);
    }
    let value: Value = serde_json::from_slice(&event.data).map_err(|_| "its data is no JSON")?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let issuer = text("issuer").map(str::to_owned);
    if event.kind == "import" {
        return Ok(Change::Import { issuer });
    }
    let serial = text("serial").and_then(|serial| Serial::parse(serial, false).ok());
    let status = value.pointer("/new/status").and_then(Value::as_str);
    let expected = match status {
        Some("issued") => Expected::Good,
        Some("hold") => Expected::Held,
        Some("revoked") => Expected::Revoked,
        // A status of a later version: an answer will show.
        _ => Expected::Any,
    };
    Ok(Change::Certificate {
        issuer: issuer.ok_or("it names no issuer")?,
        serial: serial.ok_or("it has no serial number")?,
        expected,
    })
}

/// What `/v1/issuers` says: the keys (SHA-256) of the issuers by their names, and the head of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Issuers {
    pub(super) keys: BTreeMap<String, Vec<u8>>,
    pub(super) head: Option<u64>,
}

impl Issuers {
    /// Reads an answer; nothing if it is none.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let mut keys = BTreeMap::new();
        for issuer in value.get("issuers")?.as_array()? {
            let text = |name: &str| issuer.get(name).and_then(Value::as_str);
            // A server of before has no key: its certificates are found by their serial numbers alone.
            let key = text("key_sha256").and_then(|key| Serial::parse(key, false).ok());
            if let (Some(name), Some(key)) = (text("name"), key) {
                let mut octets = vec![0; 32_usize.saturating_sub(key.unsigned().len())];
                octets.extend_from_slice(key.unsigned());
                keys.insert(name.to_owned(), octets);
            }
        }
        let head = value.pointer("/head/change_id").and_then(Value::as_u64);
        Some(Self { keys, head })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        let mut event = Event::default();
        event.kind = kind.to_owned();
        event.data = data.as_bytes().to_vec();
        event
    }

    #[test]
    fn statuses_of_certificates_are_read() {
        for (status, expected) in [
            ("issued", Expected::Good),
            ("hold", Expected::Held),
            ("revoked", Expected::Revoked),
            ("lost", Expected::Any),
        ] {
            let data = format!(
                r#"{{"change_id":7,"kind":"certificate","issuer":"a","serial":"00AB","new":{{"status":"{status}"}}}}"#
            );
            let Ok(Change::Certificate {
                issuer,
                serial,
                expected: found,
            }) = read(&event("certificate", &data))
            else {
                panic!("{status}");
            };
            assert_eq!((&*issuer, serial.unsigned()), ("a", &[0xAB][..]));
            assert_eq!(found, expected);
        }
        let import = read(&event("import", r#"{"issuer":"a"}"#)).unwrap();
        assert_eq!(
            import,
            Change::Import {
                issuer: Some("a".to_owned())
            }
        );
        assert_eq!(read(&event("token", "x")).unwrap(), Change::Other);
        for bad in [
            "",
            "{}",
            r#"{"issuer":"a"}"#,
            r#"{"issuer":"a","serial":"x"}"#,
            r#"{"serial":"01"}"#,
        ] {
            assert!(read(&event("certificate", bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn issuers_are_known_by_their_keys_and_those_without_by_none() {
        let key = format!("00{}", "1f".repeat(31));
        let body = format!(
            r#"{{"issuers":[{{"name":"a","key_sha256":"{key}"}},{{"name":"b"}}],"head":{{"change_id":9,"hash":"x"}}}}"#
        );
        let issuers = Issuers::read(body.as_bytes()).unwrap();
        assert_eq!(issuers.head, Some(9));
        assert_eq!(issuers.keys.len(), 1);
        let octets = &issuers.keys["a"];
        assert_eq!((octets.len(), octets[0], octets[31]), (32, 0, 0x1F));
        for bad in ["", "[]", "<html>", "{}"] {
            assert!(Issuers::read(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
