//! From the octets of an `index.txt` to a [`Table`]: one way through the lines, linear in their
//! length.
//!
//! The number of lines is counted first, which costs a hundredth of the rest and lets every table
//! be made once, in its final size.

use certvouch_types::Timestamp;
use certvouch_types::limits::MAX_SERIAL_OCTETS;
use memchr::{memchr, memchr_iter};

use super::error::{ParseError, Why};
use super::report::ReportKind;
use super::revocation::{revocation, time};
use super::table::{Revocation, Row, State, Table};
use crate::escape;
use crate::limits::MAX_SERIAL_KEPT;
use crate::serial_key::minimal;

/// Reads a whole file. It never panics, whatever the octets are.
///
/// # Errors
/// The first line that is not what OpenSSL writes and reads: an empty one, one with another number
/// of columns than six, a type, time or serial number that is none, a revocation time where there
/// must be none; a line without its LF, and a NUL octet anywhere.
pub fn parse(octets: &[u8]) -> Result<Table, ParseError> {
    if let Some(nul) = memchr(0, octets) {
        return Err(ParseError::new(line_of(octets, nul), None, Why::Nul));
    }
    let mut reader = Reader {
        table: Table::with_room(memchr_iter(b'\n', octets).count()),
        scratch: [0; MAX_SERIAL_KEPT],
        line: 0,
        offset: 0,
    };
    let mut start = 0;
    for end in memchr_iter(b'\n', octets) {
        reader.line += 1;
        reader.offset = u64::try_from(start).unwrap_or(u64::MAX);
        reader.line(&octets[start..end])?;
        start = end + 1;
    }
    if start < octets.len() {
        return Err(ParseError::new(reader.line + 1, None, Why::Unterminated));
    }
    Ok(reader.table.finish())
}

/// The line, from 1, in which this octet stands.
pub(super) fn line_of(octets: &[u8], offset: usize) -> u64 {
    let before = &octets[..offset.min(octets.len())];
    u64::try_from(memchr_iter(b'\n', before).count()).map_or(u64::MAX, |lines| lines + 1)
}

/// The columns, by their numbers from 1.
const TYPE: u8 = 1;
const EXPIRES: u8 = 2;
const REVOKED: u8 = 3;
const SERIAL: u8 = 4;

struct Reader {
    table: Table,
    scratch: [u8; MAX_SERIAL_KEPT],
    line: u64,
    offset: u64,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), ParseError> {
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        let [kind, expires, revoked, serial] =
            columns(line).map_err(|why| ParseError::new(self.line, None, why))?;
        let state = match kind {
            b"V" => State::Valid,
            b"E" => State::Expired,
            b"R" => State::Revoked,
            b"S" => State::Suspended,
            _ => return Err(self.fault(TYPE, Why::Type, kind)),
        };
        let not_after = time(expires).ok_or_else(|| self.fault(EXPIRES, Why::Time, expires))?;
        let (revocation, oddity) = self.revocation(state, revoked)?;
        let mut scratch = self.scratch;
        let (number, negative) =
            number(serial, &mut scratch).map_err(|why| self.fault(SERIAL, why, serial))?;
        let mut report = |kind| self.table.reports.push(self.line, number, kind);
        oddity.into_iter().for_each(&mut report);
        // A first bit that is set costs an octet more in the INTEGER of the question.
        let sign = usize::from(number.first().is_some_and(|octet| octet & 0x80 != 0));
        if number.len() + sign > MAX_SERIAL_OCTETS {
            report(ReportKind::LongSerial);
        }
        if negative {
            report(ReportKind::NegativeSerial);
            return Ok(());
        }
        let row = Row {
            serial: number,
            state,
            not_after,
            revocation,
            offset: self.offset,
        };
        let pushed = self.table.push(&row, self.line);
        pushed.map_err(|_| ParseError::new(self.line, None, Why::TooLarge))
    }

    /// `openssl ca` refuses a revocation time in a row that is not revoked, and none in one that
    /// is.
    fn revocation(
        &self,
        state: State,
        column: &[u8],
    ) -> Result<(Option<Revocation>, Option<ReportKind>), ParseError> {
        let read =
            || revocation(column).ok_or_else(|| self.fault(REVOKED, Why::RevocationTime, column));
        match state {
            State::Valid | State::Expired if column.is_empty() => Ok((None, None)),
            State::Valid | State::Expired => Err(self.fault(REVOKED, Why::NotRevoked, column)),
            State::Revoked => read().map(|(revocation, oddity)| (Some(revocation), oddity)),
            State::Suspended if column.is_empty() => {
                let hold = Revocation::at(Timestamp::EPOCH).on_hold();
                Ok((Some(hold), Some(ReportKind::SuspendedWithoutTime)))
            }
            State::Suspended => {
                let hold = read()?.0.on_hold();
                Ok((Some(hold), Some(ReportKind::Suspended)))
            }
        }
    }

    fn fault(&self, column: u8, why: Why, shown: &[u8]) -> ParseError {
        ParseError::new(self.line, Some((column, escape::octets(shown))), why)
    }
}

impl Revocation {
    /// The same, as a hold: an invalidity date belongs to a key that was compromised.
    fn on_hold(mut self) -> Self {
        self.reason = Some(certvouch_types::CrlReason::CertificateHold);
        self.invalidity_date = None;
        self
    }
}

/// The first four of exactly six columns; the file and the name are nobody's business.
///
/// A TAB after a backslash belongs to its column.
fn columns(line: &[u8]) -> Result<[&[u8]; 4], Why> {
    let mut ends = [0; 5];
    let mut count = 0;
    for tab in memchr_iter(b'\t', line) {
        if tab > 0 && line[tab - 1] == b'\\' {
            continue;
        }
        match ends.get_mut(count) {
            Some(end) => *end = tab,
            None => return Err(Why::TooManyColumns),
        }
        count += 1;
    }
    if count < ends.len() {
        return Err(match line {
            [] | [b'\r'] => Why::EmptyLine,
            _ => Why::TooFewColumns(count + 1),
        });
    }
    Ok([
        &line[..ends[0]],
        &line[ends[0] + 1..ends[1]],
        &line[ends[1] + 1..ends[2]],
        &line[ends[2] + 1..ends[3]],
    ])
}

/// The value of every octet as a hexadecimal digit; above 15 for those that are none.
const DIGITS: [u8; 256] = {
    let mut digits = [0xFF; 256];
    let (mut octet, mut at) = (0_u8, 0);
    while at < digits.len() {
        digits[at] = match octet {
            b'0'..=b'9' => octet - b'0',
            b'A'..=b'F' => octet - b'A' + 10,
            b'a'..=b'f' => octet - b'a' + 10,
            _ => 0xFF,
        };
        octet = octet.wrapping_add(1);
        at += 1;
    }
    digits
};

/// The minimal octets of the number, and whether a `-` that means something stands before it.
fn number<'a>(
    text: &[u8],
    scratch: &'a mut [u8; MAX_SERIAL_KEPT],
) -> Result<(&'a [u8], bool), Why> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(Why::Serial);
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros..];
    let length = digits.len().div_ceil(2);
    let Some(octets) = scratch.get_mut(..length) else {
        return Err(Why::SerialTooLong);
    };
    let value = |digit: u8| DIGITS[usize::from(digit)];
    let (odd, pairs) = digits.split_at(digits.len() % 2);
    let mut seen = 0;
    let mut place = octets.iter_mut();
    // One octet for the lone digit in front, then one for each pair: as many as `length` says.
    for (digit, octet) in odd.iter().zip(place.by_ref().take(odd.len())) {
        *octet = value(*digit);
        seen |= *octet;
    }
    for (pair, octet) in pairs.chunks_exact(2).zip(place) {
        let (high, low) = (value(pair[0]), value(pair[1]));
        seen |= high | low;
        *octet = high << 4 | low & 15;
    }
    if seen > 15 {
        return Err(Why::Serial);
    }
    let octets = minimal(octets);
    Ok((octets, sign && !octets.is_empty()))
}
