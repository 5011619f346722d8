//! Certificates, each as a row that says it was issued. Those of other issuers are left out if the issuer is known.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use certvouch_types::Certificate;

use super::{Options, Row, Visitor};
use crate::api::{StatusWord, Update};
use crate::command::input;
use crate::escape::{escape, escape_path};
use crate::serial::Serial;

pub(super) fn visit(path: &Path, options: &Options<'_>, visitor: &mut Visitor<'_>) -> Result<()> {
    let issuer = options.issuer.map(Certificate::parse).transpose()?;
    for (file, place) in files(path)?.into_iter().zip(1..) {
        let all = match input::read_certificates(&file) {
            Ok(all) => all,
            Err(why) => {
                let said = Err(format!("{why:#}"));
                if visitor(Row { place, said }).is_break() {
                    return Ok(());
                }
                continue;
            }
        };
        for der in all {
            let Some(said) = row(&file, der, issuer.as_ref()) else {
                continue;
            };
            if visitor(Row { place, said }).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let shown = || escape_path(path).to_string();
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(shown)? {
        let file = entry.with_context(shown)?.path();
        let hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.is_file() {
            files.push(file);
        }
    }
    // So that --start-at means the same file the next time.
    files.sort();
    Ok(files)
}

fn row(
    file: &Path,
    der: Vec<u8>,
    issuer: Option<&Certificate<'_>>,
) -> Option<Result<(Serial, Update), String>> {
    let certificate = match Certificate::parse(&der) {
        Ok(certificate) => certificate,
        Err(why) => return Some(Err(format!("{}: {why}", escape_path(file)))),
    };
    if issuer.is_some_and(|issuer| !certificate.issuer.matches(&issuer.subject)) {
        return None;
    }
    let Some(serial) = certificate
        .serial_number
        .unsigned()
        .map(Serial::from_unsigned)
    else {
        let subject = certificate.subject.to_string();
        return Some(Err(format!(
            "{}: the serial number of {} is negative",
            escape_path(file),
            escape(&subject)
        )));
    };
    let mut update = Update::to(StatusWord::Issued);
    update.certificate = Some(der);
    Some(Ok((serial, update)))
}
