//! The text forms of a good-list.

use std::path::Path;

use certvouch_types::Timestamp;

use super::error::{GoodListError, LineFault};
use super::json::{self, Value};
use super::table::GoodTable;
use crate::escape;
use crate::index_txt;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// PEM certificates.
    Certificates,
    /// Columns with a heading.
    Csv,
    /// The database of `openssl ca`.
    IndexTxt,
    /// One JSON object per line.
    JsonLines,
    /// One serial number per line.
    Lines,
}

impl Format {
    /// Tells by the beginning what a file is. What is none of the others is lines.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        let head = String::from_utf8_lossy(&octets[..octets.len().min(4096)]);
        let Some(first) = head.lines().find(|line| !line.trim().is_empty()) else {
            return Self::Lines;
        };
        if head.contains("-----BEGIN ") {
            return Self::Certificates;
        }
        let row = matches!(first.as_bytes(), [b'V' | b'R' | b'E' | b'S', b'\t', ..]);
        if row && first.matches('\t').count() == 5 {
            return Self::IndexTxt;
        }
        if first.trim_start().starts_with('{') {
            return Self::JsonLines;
        }
        if !first.starts_with('#') && columns(first).is_some() {
            return Self::Csv;
        }
        Self::Lines
    }
}

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Decimal,
    Hexadecimal,
}

/// Reads a file of one of the text forms; certificates are read elsewhere.
pub(super) fn parse(
    path: &Path,
    format: Format,
    octets: &[u8],
) -> Result<GoodTable, GoodListError> {
    if format == Format::IndexTxt {
        return from_index(path, octets);
    }
    let at = |line, why| GoodListError::Line {
        path: path.to_owned(),
        line,
        why,
    };
    let mut table = GoodTable::default();
    let mut notation = Notation::Hexadecimal;
    let mut heading = None;
    for (number, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        let number = number + 1;
        let line = core::str::from_utf8(line)
            .map_err(|_| at(number, LineFault::Utf8))?
            .trim();
        if line.is_empty() {
            continue;
        }
        let read = match (format, &heading) {
            (Format::Csv, None) => {
                heading = Some(columns(line).ok_or_else(|| at(number, LineFault::Columns))?);
                continue;
            }
            (Format::Csv, Some(columns)) => from_csv(line, columns),
            (Format::JsonLines, _) => from_json(line),
            _ => {
                if let Some(comment) = line.strip_prefix('#') {
                    if comment.trim().eq_ignore_ascii_case("decimal") && table.is_empty() {
                        notation = Notation::Decimal;
                    }
                    continue;
                }
                let number = line.split('#').next().unwrap_or_default();
                serial(number, notation).map(|serial| (serial, None))
            }
        };
        let (serial, not_after) = read.map_err(|why| at(number, why))?;
        table
            .insert(&serial, not_after)
            .map_err(|why| at(number, why))?;
    }
    Ok(table.finish())
}

fn from_index(path: &Path, octets: &[u8]) -> Result<GoodTable, GoodListError> {
    let index = index_txt::parse(octets).map_err(|error| GoodListError::Index {
        path: path.to_owned(),
        error,
    })?;
    let mut table = GoodTable::default();
    for row in index.iter() {
        // An index keeps no longer numbers than this table, and fewer rows.
        let _kept = table.insert(row.serial, Some(row.not_after));
    }
    Ok(table.finish())
}

type Read = Result<(Vec<u8>, Option<Timestamp>), LineFault>;

/// Which columns matter.
struct Columns {
    separator: char,
    serial: usize,
    notation: Notation,
    not_after: Option<usize>,
}

const NOT_AFTER: [&str; 2] = ["not_after", "notafter"];

/// The heading of a CSV, if it is one.
fn columns(line: &str) -> Option<Columns> {
    let separator = [';', '\t']
        .into_iter()
        .find(|separator| line.contains(*separator));
    let separator = separator.unwrap_or(',');
    let names: Vec<String> = fields(line, separator)?
        .iter()
        .map(|name| {
            name.trim()
                .trim_start_matches('\u{feff}')
                .to_ascii_lowercase()
                .replace(' ', "_")
        })
        .collect();
    let named = |wanted: &[&str]| {
        names
            .iter()
            .position(|name| wanted.contains(&name.as_str()))
    };
    let hexadecimal = named(&["serial", "serial_number", "serialnumber", "serial_hex"]);
    let decimal = named(&["serial_decimal", "serial_dec"]);
    let (serial, notation) = match (hexadecimal, decimal) {
        (Some(serial), _) => (serial, Notation::Hexadecimal),
        (None, Some(serial)) => (serial, Notation::Decimal),
        (None, None) => return None,
    };
    Some(Columns {
        separator,
        serial,
        notation,
        not_after: named(&NOT_AFTER),
    })
}

fn from_csv(line: &str, columns: &Columns) -> Read {
    let fields = fields(line, columns.separator).ok_or(LineFault::NoSerial)?;
    let field = fields.get(columns.serial).ok_or(LineFault::NoSerial)?;
    let not_after = columns.not_after.and_then(|column| fields.get(column));
    let not_after = not_after
        .map(|text| text.trim())
        .filter(|text| !text.is_empty());
    Ok((
        serial(field, columns.notation)?,
        not_after.map(time).transpose()?,
    ))
}

/// The fields of a line (RFC 4180, without line ends inside quotes).
fn fields(line: &str, separator: char) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => fields.last_mut()?.push('"'),
            '"' => quoted = !quoted,
            other if other == separator && !quoted => fields.push(String::new()),
            other => fields.last_mut()?.push(other),
        }
    }
    (!quoted).then_some(fields)
}

fn from_json(line: &str) -> Read {
    let members = json::object(line).ok_or(LineFault::Json)?;
    let (mut number, mut not_after) = (None, None);
    for (name, value) in members {
        let name = name.to_ascii_lowercase();
        match value {
            Value::Text(text) if is_serial(&name) => {
                number = Some(serial(&text, Notation::Hexadecimal)?)
            }
            Value::Number(text) if is_serial(&name) => {
                number = Some(serial(&text, Notation::Decimal)?)
            }
            Value::Text(text) if NOT_AFTER.contains(&name.as_str()) => {
                not_after = Some(time(&text)?)
            }
            _ => {}
        }
    }
    Ok((number.ok_or(LineFault::NoSerial)?, not_after))
}

fn is_serial(name: &str) -> bool {
    ["serial", "serial_number", "serialnumber"].contains(&name)
}

fn time(text: &str) -> Result<Timestamp, LineFault> {
    Timestamp::from_rfc3339(text).ok_or_else(|| LineFault::Time(escape::octets(text.as_bytes())))
}

/// The unsigned octets of a number.
fn serial(text: &str, notation: Notation) -> Result<Vec<u8>, LineFault> {
    let text = text.trim();
    let bad = || LineFault::Serial(escape::octets(text.as_bytes()));
    if text.is_empty() {
        return Err(LineFault::NoSerial);
    }
    let octets = match notation {
        Notation::Decimal => from_decimal(text),
        Notation::Hexadecimal => from_hexadecimal(text),
    };
    octets.ok_or_else(bad)
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let text = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let digits = text.bytes().filter(|octet| !b": ".contains(octet));
    let digits: Option<Vec<u8>> = digits.map(nibble).collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    let pairs = digits
        .rchunks(2)
        .map(|pair| pair.iter().fold(0, |octet, nibble| octet << 4 | nibble));
    let mut octets: Vec<u8> = pairs.collect();
    octets.reverse();
    Some(octets)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Long multiplication; a number of 20 octets has 49 digits, and more than a line of them is refused by its length.
fn from_decimal(text: &str) -> Option<Vec<u8>> {
    let mut octets = vec![0_u8];
    if text.len() > 640 {
        return None;
    }
    for digit in text.bytes() {
        let mut carry = u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        for octet in octets.iter_mut().rev() {
            let value = u32::from(*octet) * 10 + carry;
            let [_, _, high, low] = value.to_be_bytes();
            *octet = low;
            carry = u32::from(high);
        }
        if carry > 0 {
            octets.insert(0, u8::try_from(carry).ok()?);
        }
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GoodTable, GoodListError> {
        let format = Format::of(text.as_bytes());
        parse(Path::new("list"), format, text.as_bytes())
    }

    fn has(table: &GoodTable, serial: &[u8]) -> bool {
        table.get(serial).is_some()
    }

    #[test]
    fn lines_are_hexadecimal_unless_the_file_says_decimal() {
        let table = read("# issued\n10\n0x0A0B # EE\r\n4a:1b:2C 3D\n\nFFF\n").unwrap();
        assert_eq!(table.len(), 4);
        for serial in [
            &[0x10][..],
            &[0x0A, 0x0B],
            &[0x4A, 0x1B, 0x2C, 0x3D],
            &[0x0F, 0xFF],
        ] {
            assert!(has(&table, serial), "{serial:?}");
        }
        let table = read("# decimal\n10\n256\n1461501637330902918203684832716283019655932542975\n")
            .unwrap();
        assert!(has(&table, &[10]) && has(&table, &[1, 0]) && has(&table, &[0xFF; 20]));
        assert!(!has(&table, &[0x10]));
    }

    #[test]
    fn csv_and_json_lines_are_told_by_their_beginning() {
        let csv = "Name;Serial Number;notAfter\n\"A;B\";0A0B;2027-01-01T00:00:00Z\nC;ff;\n";
        assert_eq!(Format::of(csv.as_bytes()), Format::Csv);
        let table = read(csv).unwrap();
        assert_eq!(table.len(), 2);
        let end = Timestamp::from_rfc3339("2027-01-01T00:00:00Z");
        assert_eq!(table.get(&[0x0A, 0x0B]).unwrap().not_after, end);
        assert_eq!(table.get(&[0xFF]).unwrap().not_after, None);
        let table = read("serial_decimal\n255\n").unwrap();
        assert!(has(&table, &[0xFF]));
        let json = "{\"serial\":\"0A0B\",\"not_after\":\"2027-01-01T00:00:00Z\"}\n\n{\"serialNumber\":255,\"x\":[{}]}\n";
        assert_eq!(Format::of(json.as_bytes()), Format::JsonLines);
        let table = read(json).unwrap();
        assert_eq!(table.get(&[0x0A, 0x0B]).unwrap().not_after, end);
        assert!(has(&table, &[0xFF]));
        let index = "V\t270101000000Z\t\t0A0B\tunknown\t/CN=a\nR\t270101000000Z\t260101000000Z\tFF\tunknown\t/CN=b\n";
        assert_eq!(Format::of(index.as_bytes()), Format::IndexTxt);
        assert_eq!(read(index).unwrap().len(), 2);
        assert_eq!(
            Format::of(b"-----BEGIN CERTIFICATE-----\n"),
            Format::Certificates
        );
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn line_that_cannot_be_read_refuses_the_list_and_is_named() {
        for (text, line) in [
            ("10\nxyz\n", 2),
            ("-5\n", 1),
            ("# decimal\n0x10\n", 2),
            ("serial,x\n,1\n", 2),
            ("serial\n\"0A\n", 2),
            ("serial,not_after\n0A,tomorrow\n", 2),
            ("{\"serial\":\"0A\"}\n{\"name\":\"x\"}\n", 2),
            ("{\"serial\":\"0A\"}\n{\"serial\":1.5}\n", 2),
            ("{\"serial\":\"0A\"}\nnonsense\n", 2),
        ] {
            match read(text) {
                Err(GoodListError::Line { line: found, .. }) => assert_eq!(found, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        let long = format!("{}\n", "A".repeat(600));
        assert!(matches!(
            read(&long),
            Err(GoodListError::Line {
                why: LineFault::SerialTooLong,
                ..
            })
        ));
    }
}
