//! Comma-separated values (RFC 4180) whose first line names the columns: those of the API, in any order.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use super::{Options, Row, Visitor};
use crate::api::{FieldError, Update};
use crate::command::input;
use crate::escape::{escape, escape_path};
use crate::serial::Serial;

/// Columns that [`crate::api::Entry`] has and an update has not: what export wrote can be imported again.
const PASSED_OVER: [&str; 2] = ["change_id", "certificate_sha256"];

pub(super) fn visit(path: &Path, options: &Options<'_>, visitor: &mut Visitor<'_>) -> Result<()> {
    let shown = || escape_path(path).to_string();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(input::open(path)?);
    let columns = columns(&reader.headers().with_context(shown)?.clone()).with_context(shown)?;
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let said = match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => row(&columns, &record, options).map_err(|why| why.to_string()),
            Err(why) if matches!(why.kind(), csv::ErrorKind::Io(_)) => {
                return Err(why).with_context(shown);
            }
            Err(why) => Err(escape(&why.to_string()).to_string()),
        };
        // Empty lines in between are passed over: a record knows better where it stands.
        let place = record.position().map_or(line, |at| at.line().max(line));
        if visitor(Row { place, said }).is_break() {
            return Ok(());
        }
    }
}

fn columns(header: &csv::StringRecord) -> Result<Vec<String>> {
    let names: Vec<String> = header.iter().map(str::to_ascii_lowercase).collect();
    if !names.iter().any(|name| name == "serial") {
        bail!(
            "the first line names no column \"serial\"; it is to be such as serial,status,revoked_at,reason,not_after"
        );
    }
    Ok(names)
}

fn row(
    columns: &[String],
    record: &csv::StringRecord,
    options: &Options<'_>,
) -> Result<(Serial, Update), FieldError> {
    let mut members = Map::new();
    let mut serial = None;
    for (name, value) in columns.iter().zip(record) {
        match name.as_str() {
            "serial" => {
                let parsed = Serial::parse(value, options.decimal);
                serial = Some(
                    parsed.map_err(|why| FieldError::new("serial", escape(&why).to_string()))?,
                );
            }
            name if value.is_empty() || PASSED_OVER.contains(&name) => {}
            name => {
                members.insert(name.to_owned(), value.into());
            }
        }
    }
    let serial = serial.ok_or_else(|| FieldError::new("serial", "missing"))?;
    if !members.contains_key("status") {
        return Err(FieldError::new("status", "missing"));
    }
    Ok((serial, Update::from_json(&Value::Object(members))?))
}
