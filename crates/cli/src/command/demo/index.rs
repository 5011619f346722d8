//! Changes to one row of the demo's `index.txt`; every other octet of the file stays.
//!
//! The columns are those of OpenSSL: type, expiry, revocation, serial, file, name, with TABs between them. Serial
//! numbers are compared as numbers: letter case and leading zeros do not count.

use std::fmt;

use certvouch_types::Timestamp;
use clap::ValueEnum;

use super::pki::utc_time;

/// Why a certificate is revoked. The two reasons that `openssl ca` does not know are left out, so that the index
/// stays one that OpenSSL reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Reason {
    #[value(name = "unspecified")]
    Unspecified,
    #[default]
    #[value(name = "keyCompromise")]
    KeyCompromise,
    #[value(name = "cACompromise", alias = "CACompromise")]
    CaCompromise,
    #[value(name = "affiliationChanged")]
    AffiliationChanged,
    #[value(name = "superseded")]
    Superseded,
    #[value(name = "cessationOfOperation")]
    CessationOfOperation,
}

impl Reason {
    /// OpenSSL's spelling.
    const fn column(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "CACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
        }
    }
}

impl fmt::Display for Reason {
    /// The RFC's spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CaCompromise => "cACompromise",
            other => other.column(),
        })
    }
}

/// What happens to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Hold,
    Release,
    Revoke(Reason),
}

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is on hold already.
    AlreadyOnHold,
    /// It is revoked for good: nothing takes that back (requirements T-1).
    AlreadyRevoked,
    /// No row has this serial number.
    NotListed,
    /// There is nothing to release.
    NotOnHold,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyOnHold => "it is on hold already",
            Self::AlreadyRevoked => "it is revoked already, and that is final",
            Self::NotListed => "the index has no such certificate, so its status stays unknown",
            Self::NotOnHold => "it is not on hold",
        })
    }
}

/// The text of the index after the change of the row with this serial (hexadecimal digits).
///
/// # Errors
/// The change is not possible.
pub(super) fn change(
    text: &str,
    serial: &str,
    change: Change,
    now: Timestamp,
) -> Result<String, Refusal> {
    let mut out = String::with_capacity(text.len() + 40);
    let mut found = false;
    for line in text.split_inclusive('\n') {
        let columns = columns(line).filter(|columns| same_serial(columns[3], serial));
        match columns {
            Some(columns) if !found => {
                found = true;
                out.push_str(&changed(columns, change, now)?);
            }
            _ => out.push_str(line),
        }
    }
    if found {
        Ok(out)
    } else {
        Err(Refusal::NotListed)
    }
}

/// The six columns of a row, the last one with the line's end; nothing for a comment.
fn columns(line: &str) -> Option<[&str; 6]> {
    let mut parts = line.splitn(6, '\t');
    let columns = [(); 6].map(|()| parts.next());
    // A row of fewer columns breaks the whole file; it is not for this command to mend.
    let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] = columns else {
        return None;
    };
    (!line.starts_with('#')).then_some([a, b, c, d, e, f])
}

fn changed(columns: [&str; 6], change: Change, now: Timestamp) -> Result<String, Refusal> {
    let [kind, expiry, revocation, serial, file, name] = columns;
    let reason = revocation.split(',').nth(1).unwrap_or_default();
    let on_hold =
        kind == "S" || kind == "R" && matches!(reason, "certificateHold" | "holdInstruction");
    let (kind, revocation) = match change {
        Change::Revoke(_) if kind == "R" && !on_hold => return Err(Refusal::AlreadyRevoked),
        Change::Revoke(reason) => ("R", format!("{},{}", utc_time(now), reason.column())),
        Change::Hold if on_hold => return Err(Refusal::AlreadyOnHold),
        Change::Hold if kind == "R" => return Err(Refusal::AlreadyRevoked),
        Change::Hold => ("R", format!("{},certificateHold", utc_time(now))),
        Change::Release if on_hold => ("V", String::new()),
        Change::Release if kind == "R" => return Err(Refusal::AlreadyRevoked),
        Change::Release => return Err(Refusal::NotOnHold),
    };
    Ok([kind, expiry, &revocation, serial, file, name].join("\t"))
}

/// Whether two serial numbers in hexadecimal are one number.
pub(super) fn same_serial(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.trim_start_matches('0').to_ascii_uppercase();
    digits(one) == digits(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "# a comment\twith\tmany\t0A\ttabs\there\n\
        V\t261129120000Z\t\t0A\tunknown\t/CN=good\r\n\
        R\t261129120000Z\t261122115000Z,certificateHold\t0B\tunknown\t/CN=hold\n\
        R\t261129120000Z\t261122115000Z,keyCompromise\t0C\tunknown\t/CN=gone\n\
        E\t261122110000Z\t\t0D\tunknown\t/CN=old";

    fn now() -> Timestamp {
        Timestamp::from_rfc3339("2026-11-22T12:00:00Z").unwrap()
    }

    fn after(serial: &str, what: Change) -> Result<String, Refusal> {
        change(INDEX, serial, what, now())
    }

    #[test]
    fn revoke_changes_one_row_and_no_other_octet() {
        let text = after("0a", Change::Revoke(Reason::CaCompromise)).unwrap();
        let expected = INDEX.replace(
            "V\t261129120000Z\t\t0A",
            "R\t261129120000Z\t261122120000Z,CACompromise\t0A",
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn revoke_of_a_row_without_line_end_leaves_it_so() {
        let text = after("000D", Change::Revoke(Reason::Superseded)).unwrap();
        assert!(text.ends_with("R\t261122110000Z\t261122120000Z,superseded\t0D\tunknown\t/CN=old"));
    }

    #[test]
    fn hold_and_release_lead_back_to_where_it_began() {
        let held = after("A", Change::Hold).unwrap();
        assert!(held.contains("R\t261129120000Z\t261122120000Z,certificateHold\t0A"));
        assert_eq!(change(&held, "A", Change::Release, now()).unwrap(), INDEX);
    }

    #[test]
    fn held_certificate_can_be_revoked() {
        let text = after("0B", Change::Revoke(Reason::KeyCompromise)).unwrap();
        assert!(text.contains("R\t261129120000Z\t261122120000Z,keyCompromise\t0B"));
    }

    // covers: T-1
    #[test]
    fn revoked_certificate_stays_revoked() {
        for what in [
            Change::Release,
            Change::Hold,
            Change::Revoke(Reason::Superseded),
        ] {
            assert_eq!(after("0C", what), Err(Refusal::AlreadyRevoked), "{what:?}");
        }
    }

    #[test]
    fn impossible_change_is_refused() {
        assert_eq!(after("0A", Change::Release), Err(Refusal::NotOnHold));
        assert_eq!(after("0B", Change::Hold), Err(Refusal::AlreadyOnHold));
        assert_eq!(after("0E", Change::Hold), Err(Refusal::NotListed));
    }
}
