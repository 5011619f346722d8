//! Tables and damages made by a small generator: what is written is read back, and no octets make
//! the parser panic.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use certvouch_responder::HoldInstruction;
use certvouch_status::SerialKey;
use certvouch_status::index_txt::{Diff, State, Table, parse};
use certvouch_types::{CrlReason, Timestamp};

/// xorshift64*: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() >> 33).unwrap() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn octets(&mut self, limit: usize) -> Vec<u8> {
        (0..self.below(limit + 1))
            .map(|_| self.roll().to_be_bytes()[0])
            .collect()
    }

    fn time(&mut self) -> Timestamp {
        let [lowest, highest] = [Timestamp::MIN.unix(), Timestamp::MAX.unix()];
        let span = usize::try_from(highest - lowest).unwrap();
        let far = usize::try_from(self.roll()).unwrap() % span;
        let near = self.below(3_000_000_000);
        match self.below(4) {
            0 => Timestamp::MIN + i64::try_from(far).unwrap(),
            1 => self.pick(&[Timestamp::MIN, Timestamp::MAX, Timestamp::EPOCH]),
            _ => Timestamp::from_unix(i64::try_from(near).unwrap()),
        }
    }
}

/// What a row was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Truth {
    state: State,
    not_after: Timestamp,
    at: Option<Timestamp>,
    reason: Option<CrlReason>,
    invalidity_date: Option<Timestamp>,
    hold_instruction: Option<HoldInstruction>,
}

fn truth(dice: &mut Dice) -> Truth {
    let mut truth = Truth {
        state: dice.pick(&[State::Valid, State::Valid, State::Expired, State::Revoked]),
        not_after: dice.time(),
        at: None,
        reason: None,
        invalidity_date: None,
        hold_instruction: None,
    };
    if truth.state != State::Revoked {
        return truth;
    }
    truth.at = Some(dice.time());
    match dice.below(4) {
        0 => {}
        1 => {
            truth.reason = Some(dice.pick(&[CrlReason::KeyCompromise, CrlReason::CaCompromise]));
            truth.invalidity_date = Some(dice.time());
        }
        2 => {
            use HoldInstruction::{CallIssuer, None, Reject};
            truth.reason = Some(CrlReason::CertificateHold);
            truth.hold_instruction = Some(dice.pick(&[None, CallIssuer, Reject]));
        }
        _ => {
            let reason = dice.pick(&CrlReason::ALL);
            truth.reason = (reason != CrlReason::RemoveFromCrl).then_some(reason);
        }
    }
    truth
}

fn shown(time: Timestamp, dice: &mut Dice) -> String {
    let text = String::from_utf8(time.to_generalized_time().to_vec()).unwrap();
    let utc = (1950..2050).contains(&text[..4].parse::<u32>().unwrap());
    if utc && dice.below(2) == 0 {
        text[2..].to_owned()
    } else {
        text
    }
}

fn line(serial: &SerialKey, truth: &Truth, dice: &mut Dice) -> String {
    let kind = match truth.state {
        State::Valid => "V",
        State::Expired => "E",
        State::Revoked => "R",
        State::Suspended => "S",
    };
    let mut column = truth.at.map_or_else(String::new, |at| shown(at, dice));
    match (truth.reason, truth.invalidity_date, truth.hold_instruction) {
        (Some(reason), Some(date), _) => {
            let word = if reason == CrlReason::KeyCompromise {
                "keyTime"
            } else {
                "CAkeyTime"
            };
            write!(column, ",{word},{}", shown(date, dice)).unwrap();
        }
        (_, _, Some(hold)) => write!(column, ",holdInstruction,holdInstruction{hold:?}").unwrap(),
        (Some(reason), ..) => write!(column, ",{}", reason.name()).unwrap(),
        (None, ..) => {}
    }
    let mut serial = format!("{}{serial}", "0".repeat(dice.below(4)));
    if dice.below(3) == 0 {
        serial.make_ascii_lowercase();
    }
    let name = dice.pick(&["/CN=x", "", "/CN=a\\\tb", "/CN=\\xC3\\xAB\r", "/O=\u{e9}"]);
    let comment = if dice.below(9) == 0 { "# x\ty\n" } else { "" };
    format!(
        "{comment}{kind}\t{}\t{column}\t{serial}\tunknown\t{name}\n",
        shown(truth.not_after, dice)
    )
}

fn random(dice: &mut Dice, rows: usize) -> (BTreeMap<SerialKey, Truth>, String) {
    let numbers = (0..rows).map(|_| (SerialKey::new(&dice.octets(19)), truth(dice)));
    let truths: BTreeMap<SerialKey, Truth> = numbers.collect();
    let lines = truths
        .iter()
        .map(|(serial, truth)| line(serial, truth, dice));
    let text = lines.collect();
    (truths, text)
}

fn assert_reads(table: &Table, truths: &BTreeMap<SerialKey, Truth>) {
    assert_eq!(table.len(), truths.len());
    assert_eq!(table.reports().total(), 0);
    for (serial, truth) in truths {
        let row = table.get(serial.octets()).unwrap();
        let revocation = row.revocation;
        let read = Truth {
            state: row.state,
            not_after: row.not_after,
            at: revocation.map(|it| it.at),
            reason: revocation.and_then(|it| it.reason),
            invalidity_date: revocation.and_then(|it| it.invalidity_date),
            hold_instruction: revocation.and_then(|it| it.hold_instruction),
        };
        assert_eq!(&read, truth, "{serial}");
    }
}

#[test]
fn random_tables_written_and_read_are_the_same() {
    let mut dice = Dice(2026);
    for round in 0..60 {
        let (truths, text) = random(&mut dice, round * 17);
        let table = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_reads(&table, &truths);
        // Another spelling and another order of the same rows is the same table, and the diff finds
        // nothing.
        let lines = truths
            .iter()
            .rev()
            .map(|(serial, truth)| line(serial, truth, &mut dice));
        let again = parse(lines.collect::<String>().as_bytes()).unwrap();
        assert_eq!(again, table);
        assert!(Diff::between(&table, &again).is_empty());
    }
}

// covers: T-1
#[test]
fn random_changes_are_classified_as_a_map_would() {
    let mut dice = Dice(7);
    for _ in 0..200 {
        let (old, old_text) = random(&mut dice, 40);
        let mut new = old.clone();
        for serial in old.keys() {
            match dice.below(4) {
                0 => drop(new.remove(serial)),
                1 => drop(new.insert(serial.clone(), truth(&mut dice))),
                _ => {}
            }
        }
        let extra = SerialKey::new(&[&[1; 19][..], &dice.octets(1)].concat());
        new.insert(extra, truth(&mut dice));
        let new_text: String = new
            .iter()
            .map(|(serial, truth)| line(serial, truth, &mut dice))
            .collect();
        let (old_table, new_table) = (
            parse(old_text.as_bytes()).unwrap(),
            parse(new_text.as_bytes()).unwrap(),
        );
        let diff = Diff::between(&old_table, &new_table);

        let permanent =
            |truth: &Truth| truth.at.is_some() && truth.reason != Some(CrlReason::CertificateHold);
        let lost = old.keys().any(|serial| !new.contains_key(serial));
        let softer = old.iter().any(|(serial, was)| {
            permanent(was) && new.get(serial).is_some_and(|is| !permanent(is))
        });
        assert_eq!(diff.needs_word(), lost || softer);
        let mut changed: Vec<SerialKey> = diff.changed().cloned().collect();
        changed.sort();
        let differs = |serial: &&SerialKey| {
            let status = |table: &Table| table.get(serial.octets()).map(|row| row.status());
            status(&old_table) != status(&new_table)
        };
        let mut expected: Vec<SerialKey> = old
            .keys()
            .chain(new.keys())
            .filter(differs)
            .cloned()
            .collect();
        expected.sort();
        expected.dedup();
        assert_eq!(changed, expected);
    }
}

// covers: T-1
#[test]
fn index_cut_anywhere_but_behind_a_row_is_an_error_in_its_last_line() {
    let (_, text) = random(&mut Dice(99), 30);
    let octets = text.as_bytes();
    for cut in 1..octets.len() {
        let lines = u64::try_from(octets[..cut].split(|octet| *octet == b'\n').count()).unwrap();
        match parse(&octets[..cut]) {
            Ok(_) => assert_eq!(octets[cut - 1], b'\n'),
            Err(error) => {
                assert_ne!(octets[cut - 1], b'\n', "{error}");
                assert_eq!(error.line, lines);
            }
        }
    }
}

#[test]
fn damaged_octets_never_panic_and_never_invent_rows() {
    let mut dice = Dice(31);
    let (_, text) = random(&mut dice, 25);
    let alphabet = b"VRES\t\n\r\\#,-0Zz\0\xFF";
    for _ in 0..4_000 {
        let mut octets = text.clone().into_bytes();
        for _ in 0..=dice.below(4) {
            let place = dice.below(octets.len());
            match dice.below(3) {
                0 => octets[place] = dice.pick(alphabet),
                1 => octets.insert(place, dice.pick(alphabet)),
                _ => drop(octets.remove(place)),
            }
        }
        if let Ok(table) = parse(&octets) {
            let lines = octets.iter().filter(|octet| **octet == b'\n').count();
            assert!(table.len() <= lines);
            assert_eq!(table.iter().count(), table.len());
            assert_eq!(table.counts().rows, table.len());
        }
    }
    for _ in 0..4_000 {
        // Anything goes: the assertion is that this returns.
        let noise = dice.octets(200);
        assert!(parse(&noise).is_err() || noise.is_empty() || noise.last() == Some(&b'\n'));
    }
}
