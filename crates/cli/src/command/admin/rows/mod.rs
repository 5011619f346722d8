//! What an import reads: one row after the other, from a file of some kind.
//!
//! A row that cannot be read is given to the caller like any other, with where it stands and what is wrong with it; only
//! what makes the whole file useless is an error of [`Kind::visit`].

mod certificates;
mod crl;
mod csv;
mod index;
mod jsonl;

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::api::Update;
use crate::escape::escape_path;
use crate::serial::Serial;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// The database of an OpenSSL CA
    Index,
    /// A CRL, PEM or DER: what it revokes
    Crl,
    /// A folder of certificates, or a file of them: what was issued
    Certificates,
    /// Comma-separated values whose first line names the columns
    Csv,
    /// A JSON object on each line, as export writes them and the bulk call of the API takes them
    Jsonl,
}

/// One row: where it stands, and what it says or what is wrong with it.
pub(super) struct Row {
    /// A line, an entry, or a file, counted from 1.
    pub(super) place: u64,
    /// What it says.
    pub(super) said: Result<(Serial, Update), String>,
}

/// What rows are given to.
pub(super) type Visitor<'a> = dyn FnMut(Row) -> ControlFlow<()> + 'a;

/// How a file is read.
pub(super) struct Options<'a> {
    /// Serial numbers of texts without a word for their base are decimal.
    pub(super) decimal: bool,
    /// The certificate of the issuer: certificates of others are left out.
    pub(super) issuer: Option<&'a [u8]>,
}

impl Kind {
    /// The kind of a file, by its name and by what it begins with.
    ///
    /// # Errors
    /// It cannot be told.
    pub(super) fn of(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Certificates);
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().to_ascii_lowercase());
        let name = name.unwrap_or_default();
        let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
        Ok(if name == "index.txt" || name == "index" {
            Self::Index
        } else if ends(&[".crl"]) {
            Self::Crl
        } else if ends(&[".csv"]) {
            Self::Csv
        } else if ends(&[".jsonl", ".ndjson"]) {
            Self::Jsonl
        } else if ends(&[".pem", ".crt", ".cer", ".der"]) {
            Self::Certificates
        } else {
            bail!(
                "{}: its name does not tell what it is; --from index, crl, certificates, csv or jsonl",
                escape_path(path)
            )
        })
    }

    /// Reads the rows of a file, `-` being standard input, until the visitor has enough.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file.
    pub(super) fn visit(
        self,
        path: &Path,
        options: &Options<'_>,
        visitor: &mut Visitor<'_>,
    ) -> Result<()> {
        match self {
            Self::Index => index::visit(path, visitor),
            Self::Crl => crl::visit(path, visitor),
            Self::Certificates => certificates::visit(path, options, visitor),
            Self::Csv => csv::visit(path, options, visitor),
            Self::Jsonl => jsonl::visit(path, visitor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a text, as serial number and members, or as the error.
    fn rows(
        kind: Kind,
        name: &str,
        text: &str,
        options: &Options<'_>,
    ) -> Vec<Result<String, String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut found = Vec::new();
        kind.visit(&path, options, &mut |row| {
            let place = row.place;
            found.push(match row.said {
                Ok((serial, update)) => Ok(format!(
                    "{place} {serial} {}",
                    serde_json::Value::Object(update.to_json())
                )),
                Err(why) => Err(format!("{place} {why}")),
            });
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    }

    const HEX: Options<'_> = Options {
        decimal: false,
        issuer: None,
    };

    #[test]
    fn index_says_its_three_states() {
        let text = "V\t270101000000Z\t\t1001\tunknown\t/CN=a\n\
                    R\t270101000000Z\t260201000000Z,keyCompromise\t1002\tunknown\t/CN=b\n\
                    R\t270101000000Z\t260201000000Z,certificateHold\t1003\tunknown\t/CN=c\n";
        let mut found = rows(Kind::Index, "index.txt", text, &HEX);
        found.sort();
        let end = "\"not_after\":\"2027-01-01T00:00:00Z\"";
        assert_eq!(
            found,
            [
                Ok(format!("1 1001 {{{end},\"status\":\"issued\"}}")),
                Ok(format!(
                    "2 1002 {{{end},\"reason\":\"keyCompromise\",\"revoked_at\":\"2026-02-01T00:00:00Z\",\"status\":\"revoked\"}}"
                )),
                Ok(format!(
                    "3 1003 {{{end},\"revoked_at\":\"2026-02-01T00:00:00Z\",\"status\":\"hold\"}}"
                )),
            ]
        );
    }

    #[test]
    fn csv_takes_columns_in_any_order_and_bad_rows_stand_alone() {
        let text = "status,serial,reason\nrevoked,4097,superseded\nlost,1,\nissued,4098,\nissued\nrevoked,x,\n";
        let options = Options {
            decimal: true,
            issuer: None,
        };
        let found = rows(Kind::Csv, "a.csv", text, &options);
        assert_eq!(
            found[0].as_deref(),
            Ok("2 1001 {\"reason\":\"superseded\",\"status\":\"revoked\"}")
        );
        assert_eq!(found[2].as_deref(), Ok("4 1002 {\"status\":\"issued\"}"));
        for (at, word) in [(1, "status"), (3, "5 "), (4, "serial")] {
            assert!(found[at].as_ref().unwrap_err().contains(word), "{found:?}");
        }
    }

    #[test]
    fn jsonl_reads_what_export_writes() {
        let text = "{\"serial\":\"0A\",\"status\":\"hold\",\"change_id\":7,\"certificate_sha256\":\"00\"}\n\n{\"serial\":\"0b\"}\nnothing\n";
        let found = rows(Kind::Jsonl, "a.jsonl", text, &HEX);
        assert_eq!(found[0].as_deref(), Ok("1 0A {\"status\":\"hold\"}"));
        assert!(
            found[1].as_ref().unwrap_err().starts_with("3 status"),
            "{found:?}"
        );
        assert!(
            found[2].as_ref().unwrap_err().starts_with("4 "),
            "{found:?}"
        );
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn kind_is_told_by_the_name() {
        for (name, kind) in [
            ("index.txt", Kind::Index),
            ("ca.crl", Kind::Crl),
            ("a.CSV", Kind::Csv),
            ("a.ndjson", Kind::Jsonl),
            ("a.pem", Kind::Certificates),
        ] {
            assert_eq!(Kind::of(Path::new(name)).unwrap(), kind, "{name}");
        }
        assert!(Kind::of(Path::new("a.txt")).is_err());
    }
}
