//! What somebody wants to become of a certificate.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_types::{Certificate, CrlReason, Timestamp};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Map, Value};

use super::moment::moment;
use crate::escape::escape;
use crate::serial::Serial;

/// The three statuses that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusWord {
    /// It was issued, and is neither revoked nor on hold.
    Issued,
    /// It is revoked for good.
    Revoked,
    /// It is on hold, and may be released (RFC 5280 5.3.1).
    Hold,
}

impl StatusWord {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Issued, Self::Revoked, Self::Hold];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Revoked => "revoked",
            Self::Hold => "hold",
        }
    }

    /// The status with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.name() == name)
    }
}

/// The members of a change. What is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// `status`
    pub status: Option<StatusWord>,
    /// `revoked_at`: since when it is revoked or on hold; now, if nobody says.
    pub revoked_at: Option<Timestamp>,
    /// `reason`, in the spelling of RFC 5280.
    pub reason: Option<CrlReason>,
    /// `invalidity_at`: when its key is believed to have been compromised (RFC 5280 5.3.2).
    pub invalidity_at: Option<Timestamp>,
    /// `not_after`: the last second of its validity.
    pub not_after: Option<Timestamp>,
    /// `certificate`: the certificate itself (DER), PEM or base64 on the wire. Only its SHA-256 and its end are kept.
    pub certificate: Option<Vec<u8>>,
    /// `unrevoke`: with status `issued`, the operator's word that a revocation was a mistake.
    pub unrevoke: bool,
}

/// Which member is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The member; empty for the whole object.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl FieldError {
    /// An error about this member.
    #[must_use]
    pub fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self {
            field,
            why: why.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.field, self.why)
        }
    }
}

impl std::error::Error for FieldError {}

/// Every member that an update may have.
const MEMBERS: [&str; 7] = [
    "status",
    "revoked_at",
    "reason",
    "invalidity_at",
    "not_after",
    "certificate",
    "unrevoke",
];

impl Update {
    /// An update that says this status and nothing else.
    #[must_use]
    pub fn to(status: StatusWord) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// It is no object, has a member that nobody knows, or one whose value cannot be; `null` is as if it were absent.
    pub fn from_json(value: &Value) -> Result<Self, FieldError> {
        let Value::Object(members) = value else {
            return Err(FieldError::new(
                "",
                "a JSON object is wanted, such as {\"status\": \"revoked\", \"reason\": \"keyCompromise\"}",
            ));
        };
        let mut update = Self::default();
        for (name, value) in members {
            if !value.is_null() || !MEMBERS.contains(&name.as_str()) {
                update.take(name, value)?;
            }
        }
        update.check()
    }

    /// Reads the object of a bulk line: an update, and its serial number.
    ///
    /// # Errors
    /// As [`Self::from_json`]; the serial number is missing or is none.
    pub(crate) fn line_from_json(value: Value) -> Result<(Serial, Self), FieldError> {
        let Value::Object(mut members) = value else {
            return Err(FieldError::new(
                "",
                "a JSON object is wanted, such as {\"serial\": \"3D800A\", \"status\": \"issued\"}",
            ));
        };
        let serial = match members.remove("serial") {
            Some(Value::String(text)) => parse_serial(&text)?,
            Some(_) => {
                return Err(FieldError::new(
                    "serial",
                    "a serial number is a text of hexadecimal digits, such as \"3D800A\"; a JSON number would lose digits",
                ));
            }
            None => {
                return Err(FieldError::new(
                    "serial",
                    "which certificate? serial is missing",
                ));
            }
        };
        Ok((serial, Self::from_json(&Value::Object(members))?))
    }

    fn take(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "status" => {
                let word = text("status", value)?;
                self.status = Some(StatusWord::from_name(word).ok_or_else(|| {
                    FieldError::new(
                        "status",
                        format!("{} is none of issued, revoked and hold", quoted(word)),
                    )
                })?);
            }
            "revoked_at" => self.revoked_at = Some(time("revoked_at", value)?),
            "invalidity_at" => self.invalidity_at = Some(time("invalidity_at", value)?),
            "not_after" => self.not_after = Some(time("not_after", value)?),
            "reason" => {
                let name = text("reason", value)?;
                self.reason = Some(reason(name)?);
            }
            "certificate" => self.certificate = Some(certificate(text("certificate", value)?)?),
            "unrevoke" => {
                self.unrevoke = value
                    .as_bool()
                    .ok_or_else(|| FieldError::new("unrevoke", "true or false"))?;
            }
            other => {
                return Err(FieldError::new(
                    "",
                    format!(
                        "nobody knows the member {}: there are {}",
                        quoted(other),
                        MEMBERS.join(", ")
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What belongs together and what does not.
    fn check(self) -> Result<Self, FieldError> {
        let issued = self.status == Some(StatusWord::Issued);
        if issued {
            let said = [
                ("revoked_at", self.revoked_at.is_some()),
                ("reason", self.reason.is_some()),
                ("invalidity_at", self.invalidity_at.is_some()),
            ];
            if let Some((field, _)) = said.into_iter().find(|(_, is_said)| *is_said) {
                return Err(FieldError::new(
                    field,
                    "an issued certificate has none; for a revocation the status is revoked or hold",
                ));
            }
        }
        if self.unrevoke && !issued {
            return Err(FieldError::new(
                "unrevoke",
                "goes with the status issued alone",
            ));
        }
        match (self.status, self.reason) {
            (Some(StatusWord::Hold), Some(reason)) if reason != CrlReason::CertificateHold => {
                Err(FieldError::new(
                    "reason",
                    format!("a hold has certificateHold or nothing as its reason, not {reason}"),
                ))
            }
            (Some(StatusWord::Revoked), Some(CrlReason::CertificateHold)) => Err(FieldError::new(
                "reason",
                "certificateHold is no reason of a revocation for good: the status is hold",
            )),
            (_, Some(CrlReason::RemoveFromCrl)) => Err(FieldError::new(
                "reason",
                "removeFromCRL belongs to delta CRLs: a hold ends with the status issued",
            )),
            _ => Ok(self),
        }
    }

    /// The object, as [`Self::from_json`] reads it.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        let time = |time: Option<Timestamp>| time.map(|time| Value::from(time.to_string()));
        put("status", self.status.map(|word| Value::from(word.name())));
        put("revoked_at", time(self.revoked_at));
        put(
            "reason",
            self.reason.map(|reason| Value::from(reason.name())),
        );
        put("invalidity_at", time(self.invalidity_at));
        put("not_after", time(self.not_after));
        let certificate = self.certificate.as_ref();
        put(
            "certificate",
            certificate.map(|der| Value::from(STANDARD.encode(der))),
        );
        put("unrevoke", self.unrevoke.then(|| Value::from(true)));
        members
    }

    /// Takes from the certificate what it says itself, and checks that it is the one that is meant.
    ///
    /// # Errors
    /// It has another serial number or another issuer, or another end than was said.
    pub(crate) fn settle(&mut self, serial: &Serial, issuer: &[u8]) -> Result<(), FieldError> {
        let Some(der) = &self.certificate else {
            return Ok(());
        };
        let wrong = |why: String| FieldError::new("certificate", why);
        let certificate =
            Certificate::parse(der).map_err(|why| wrong(format!("no certificate: {why}")))?;
        let its = certificate
            .serial_number
            .unsigned()
            .map(Serial::from_unsigned);
        if its.as_ref() != Some(serial) {
            let its = its.map_or_else(|| "a negative number".to_owned(), |it| it.to_string());
            return Err(wrong(format!(
                "its serial number is {its}, and {serial} is asked for"
            )));
        }
        let issuer = Certificate::parse(issuer)
            .map_err(|why| wrong(format!("the issuer's certificate: {why}")))?;
        if !certificate.issuer.matches(&issuer.subject) {
            return Err(wrong(format!(
                "it was issued by {}, and not by this issuer",
                escape(&certificate.issuer.to_string())
            )));
        }
        let not_after = certificate.validity.not_after;
        if self.not_after.is_some_and(|said| said != not_after) {
            return Err(FieldError::new(
                "not_after",
                format!("the certificate says {not_after}"),
            ));
        }
        self.not_after = Some(not_after);
        Ok(())
    }
}

/// A serial number in hexadecimal digits, as it stands in URLs and in JSON.
pub(crate) fn parse_serial(text: &str) -> Result<Serial, FieldError> {
    Serial::parse(text, false).map_err(|why| FieldError::new("serial", escape(&why).to_string()))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

fn text<'a>(field: &'static str, value: &'a Value) -> Result<&'a str, FieldError> {
    value
        .as_str()
        .ok_or_else(|| FieldError::new(field, "a text is wanted"))
}

fn time(field: &'static str, value: &Value) -> Result<Timestamp, FieldError> {
    let text = text(field, value)?;
    moment(text).ok_or_else(|| {
        FieldError::new(
            field,
            format!(
                "{} is no time such as \"2026-11-23T09:00:00Z\"",
                quoted(text)
            ),
        )
    })
}

/// The reason with this name.
pub(crate) fn reason(name: &str) -> Result<CrlReason, FieldError> {
    CrlReason::from_name(name).ok_or_else(|| {
        let all: Vec<&str> = CrlReason::ALL.iter().map(|it| it.name()).collect();
        FieldError::new(
            "reason",
            format!(
                "{} is no reason of RFC 5280: {}",
                quoted(name),
                all.join(", ")
            ),
        )
    })
}

fn certificate(text: &str) -> Result<Vec<u8>, FieldError> {
    let wrong = |why: &str| FieldError::new("certificate", why);
    if text.contains("-----BEGIN") {
        return CertificateDer::from_pem_slice(text.as_bytes())
            .map(|der| der.to_vec())
            .map_err(|_| wrong("there is a BEGIN line in it, and no PEM certificate"));
    }
    let plain: String = text.split_ascii_whitespace().collect();
    STANDARD
        .decode(plain)
        .map_err(|_| wrong("neither PEM nor base64"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(value: &Value) -> FieldError {
        Update::from_json(value).unwrap_err()
    }

    #[test]
    fn every_refusal_names_its_member() {
        for (value, field) in [
            (json!([]), ""),
            (json!({"state": "revoked"}), ""),
            (json!({"state": null}), ""),
            (json!({"status": "good"}), "status"),
            (json!({"status": 1}), "status"),
            (json!({"revoked_at": "yesterday"}), "revoked_at"),
            (json!({"status": "revoked", "reason": "lost"}), "reason"),
            (
                json!({"status": "revoked", "reason": "certificateHold"}),
                "reason",
            ),
            (
                json!({"status": "revoked", "reason": "removeFromCRL"}),
                "reason",
            ),
            (
                json!({"status": "hold", "reason": "keyCompromise"}),
                "reason",
            ),
            (
                json!({"status": "issued", "reason": "keyCompromise"}),
                "reason",
            ),
            (
                json!({"status": "issued", "revoked_at": "2026-11-23T09:00:00Z"}),
                "revoked_at",
            ),
            (json!({"status": "revoked", "unrevoke": true}), "unrevoke"),
            (json!({"certificate": "%"}), "certificate"),
            (
                json!({"certificate": "-----BEGIN CERTIFICATE-----\nAA"}),
                "certificate",
            ),
        ] {
            assert_eq!(wrong(&value).field, field, "{value}: {}", wrong(&value));
        }
    }

    #[test]
    fn foreign_text_comes_back_harmless() {
        let why = wrong(&json!({"status": "\u{1b}[31m\u{202e}x"})).to_string();
        assert!(!why.contains(['\u{1b}', '\u{202e}']), "{why:?}");
        let why = wrong(&json!({"\u{1b}": "x"})).to_string();
        assert!(!why.contains('\u{1b}'), "{why:?}");
    }

    #[test]
    fn object_comes_back_from_its_members() {
        let value = json!({"status": "revoked", "revoked_at": "2026-11-23T09:00:00Z",
            "reason": "cACompromise", "invalidity_at": "2026-11-22T09:00:00Z",
            "not_after": "2027-11-23T09:00:00Z", "certificate": "MAA="});
        let update = Update::from_json(&value).unwrap();
        assert_eq!(Value::Object(update.to_json()), value);
        let nothing = Update::from_json(&json!({"reason": null})).unwrap();
        assert_eq!(nothing, Update::default());
        assert!(nothing.to_json().is_empty());
    }

    #[test]
    fn line_needs_a_serial_number_in_digits() {
        let line = |value| Update::line_from_json(value);
        let (serial, update) = line(json!({"serial": "00:3d:80:0a", "status": "hold"})).unwrap();
        assert_eq!(serial.to_string(), "3D800A");
        assert_eq!(update, Update::to(StatusWord::Hold));
        for value in [
            json!({"status": "hold"}),
            json!({"serial": 7}),
            json!({"serial": "x"}),
        ] {
            assert_eq!(line(value).unwrap_err().field, "serial");
        }
        assert_eq!(line(json!("3D")).unwrap_err().field, "");
    }
}
