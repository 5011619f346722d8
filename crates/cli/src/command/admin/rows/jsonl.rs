//! A JSON object on each line.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Row, Visitor};
use crate::api::{FieldError, Update};
use crate::command::input;
use crate::escape::{escape_display, escape_path};
use crate::serial::Serial;

/// Octets of one line: a certificate with a large post-quantum key and signature has 10,000.
const MAX_LINE: u64 = 256 * 1024;

pub(super) fn visit(path: &Path, visitor: &mut Visitor<'_>) -> Result<()> {
    let shown = || escape_path(path).to_string();
    let mut reader = BufReader::new(input::open(path)?);
    let mut line = Vec::new();
    for place in 1.. {
        line.clear();
        let mut part = reader.by_ref().take(MAX_LINE);
        if part.read_until(b'\n', &mut line).with_context(shown)? == 0 {
            break;
        }
        let said = if line.last() != Some(&b'\n') && part.limit() == 0 {
            // The rest of it, unread, is passed over.
            reader.skip_until(b'\n').with_context(shown)?;
            Err(format!("a line of more than {} KiB", MAX_LINE >> 10))
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            parse(&line).map_err(|why| why.to_string())
        };
        if visitor(Row { place, said }).is_break() {
            break;
        }
    }
    Ok(())
}

fn parse(line: &[u8]) -> Result<(Serial, Update), FieldError> {
    let mut value: Value = serde_json::from_slice(line)
        .map_err(|why| FieldError::new("", format!("no JSON: {}", escape_display(&why))))?;
    if let Value::Object(members) = &mut value {
        // What export writes beside an update.
        members.remove("change_id");
        members.remove("certificate_sha256");
        if !members.contains_key("status") {
            return Err(FieldError::new("status", "missing"));
        }
    }
    Update::line_from_json(value)
}
