//! Every form of a row that OpenSSL writes, every one it merely bears, and every one that refuses
//! the file.

use crate::common::{at, content, gone, key, revoked, valid};
use certvouch_responder::{HoldInstruction, Knowledge, StatusRecord};
use certvouch_status::index_txt::{ReportKind, State, Table, Why, parse};
use certvouch_types::{CrlReason, SerialNumber, Timestamp};

fn table(text: &str) -> Table {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

fn status(table: &Table, serial: &str) -> StatusRecord {
    table.status(&SerialNumber::from_content(&content(serial)))
}

fn kinds(table: &Table) -> Vec<ReportKind> {
    table
        .reports()
        .listed()
        .iter()
        .map(|report| report.kind)
        .collect()
}

// covers: R6960-2.2-4, W-TIME-3
#[test]
fn revocation_column_gives_reason_hold_and_invalidity_date() {
    use CrlReason::*;
    let plain = [
        ("", None),
        (",unspecified", Some(Unspecified)),
        (",keyCompromise", Some(KeyCompromise)),
        (",CACompromise", Some(CaCompromise)),
        (",cACompromise", Some(CaCompromise)),
        (",affiliationChanged", Some(AffiliationChanged)),
        (",superseded", Some(Superseded)),
        (",cessationOfOperation", Some(CessationOfOperation)),
        (",certificateHold", Some(CertificateHold)),
        (",privilegeWithdrawn", Some(PrivilegeWithdrawn)),
        (",AACompromise", Some(AaCompromise)),
        (",KEYCOMPROMISE", Some(KeyCompromise)),
        (",superseded,some extra, text", Some(Superseded)),
    ];
    for time in ["260109080706Z", "20260109080706Z"] {
        for (column, reason) in plain {
            let table = table(&gone("01", &format!("{time}{column}")));
            let record = status(&table, "01");
            assert_eq!(
                record.knowledge,
                revoked("2026-01-09T08:07:06Z", reason),
                "{column}"
            );
            assert_eq!(record.not_after, Some(at("2027-12-31T23:59:59Z")));
            assert_eq!(
                (record.invalidity_date, record.hold_instruction),
                (None, None)
            );
            assert_eq!(table.reports().total(), 0, "{column}");
        }
    }
}

// covers: R6960-2.2-4
#[test]
fn revocation_column_with_extra_gives_instruction_or_date() {
    let hold = |extra: &str| {
        let table = table(&gone(
            "01",
            &format!("260109080706Z,holdInstruction{extra}"),
        ));
        let record = status(&table, "01");
        let hold = revoked("2026-01-09T08:07:06Z", Some(CrlReason::CertificateHold));
        assert_eq!(record.knowledge, hold, "{extra}");
        assert_eq!(record.invalidity_date, None);
        (record.hold_instruction, kinds(&table))
    };
    let none = Vec::new;
    assert_eq!(
        hold(",holdInstructionNone"),
        (Some(HoldInstruction::None), none())
    );
    assert_eq!(
        hold(",holdInstructionCallIssuer"),
        (Some(HoldInstruction::CallIssuer), none())
    );
    assert_eq!(
        hold(",holdInstructionReject"),
        (Some(HoldInstruction::Reject), none())
    );
    assert_eq!(
        hold(",Hold Instruction Reject"),
        (Some(HoldInstruction::Reject), none())
    );
    assert_eq!(
        hold(",1.2.840.10040.2.2"),
        (Some(HoldInstruction::CallIssuer), none())
    );
    assert_eq!(hold(""), (None, vec![ReportKind::HoldInstruction]));
    assert_eq!(
        hold(",commonName"),
        (None, vec![ReportKind::HoldInstruction])
    );

    for (word, reason) in [
        ("keyTime", CrlReason::KeyCompromise),
        ("CAkeyTime", CrlReason::CaCompromise),
    ] {
        for (extra, date, report) in [
            (",20260101000000Z", Some(at("2026-01-01T00:00:00Z")), none()),
            (",260101000000Z", Some(at("2026-01-01T00:00:00Z")), none()),
            (",99991231235959Z", Some(Timestamp::MAX), none()),
            (",20260101", None, vec![ReportKind::InvalidityDate]),
            ("", None, vec![ReportKind::InvalidityDate]),
        ] {
            let table = table(&gone("01", &format!("260109080706Z,{word}{extra}")));
            let record = status(&table, "01");
            assert_eq!(
                record.knowledge,
                revoked("2026-01-09T08:07:06Z", Some(reason))
            );
            assert_eq!(
                (record.invalidity_date, kinds(&table)),
                (date, report),
                "{word}{extra}"
            );
        }
    }
}

#[test]
fn reason_without_meaning_costs_the_reason_and_not_the_revocation() {
    for (column, kind) in [
        ("removeFromCRL", ReportKind::RemoveFromCrl),
        ("stolenByPirates", ReportKind::UnknownReason),
        ("", ReportKind::UnknownReason),
        ("\u{e9}", ReportKind::UnknownReason),
    ] {
        let table = table(&gone("0A", &format!("260109080706Z,{column}")));
        assert_eq!(
            status(&table, "0A").knowledge,
            revoked("2026-01-09T08:07:06Z", None)
        );
        assert_eq!(kinds(&table), [kind]);
        let report = &table.reports().listed()[0];
        assert_eq!((report.line, &report.serial), (1, &key("0A")));
        assert!(report.to_string().starts_with("line 1: serial number 0A "));
    }
}

// covers: E-41, R6960-2.2-3, W-TIME-3, W-TIME-4
#[test]
fn rows_of_every_type_say_what_they_know() {
    let text = "V\t271231235959Z\t\t01\tunknown\t/CN=a\n\
                V\t20760101000000Z\t\t02\tunknown\t/CN=b\n\
                V\t99991231235959Z\t\t03\tunknown\t/CN=c\n\
                V\t500101000000Z\t\t04\tunknown\t/CN=d\n\
                E\t240101000000Z\t\t05\tunknown\t/CN=e\n\
                S\t271231235959Z\t260102000000Z,superseded\t06\tunknown\t/CN=f\n\
                S\t271231235959Z\t\t07\tunknown\t/CN=g\n";
    let table = table(text);
    for (serial, not_after) in [
        ("01", "2027-12-31T23:59:59Z"),
        ("02", "2076-01-01T00:00:00Z"),
        ("03", "9999-12-31T23:59:59Z"),
        ("04", "1950-01-01T00:00:00Z"),
        ("05", "2024-01-01T00:00:00Z"),
    ] {
        let record = status(&table, serial);
        assert_eq!(record.knowledge, Knowledge::Issued, "{serial}");
        assert_eq!(record.not_after, Some(at(not_after)), "{serial}");
    }
    let hold = Some(CrlReason::CertificateHold);
    assert_eq!(
        status(&table, "06").knowledge,
        revoked("2026-01-02T00:00:00Z", hold)
    );
    assert_eq!(
        status(&table, "07").knowledge,
        revoked("1970-01-01T00:00:00Z", hold)
    );
    assert_eq!(
        status(&table, "08"),
        StatusRecord::new(Knowledge::NeverIssued)
    );
    assert_eq!(
        kinds(&table),
        [ReportKind::Suspended, ReportKind::SuspendedWithoutTime]
    );
    let counts = table.counts();
    assert_eq!((counts.rows, counts.valid, counts.expired), (7, 4, 1));
    assert_eq!((counts.revoked, counts.on_hold), (0, 2));
    let states: Vec<State> = table.iter().map(|row| row.state).collect();
    assert_eq!(
        (states[0], states[4], states[6]),
        (State::Valid, State::Expired, State::Suspended)
    );
}

#[test]
fn serials_are_numbers_and_not_text() {
    let big = "F1000000000000000000000000000001";
    for (written, asked) in [
        ("0A", "A"),
        ("0a", "0A"),
        ("a", "0A"),
        ("000000A", "0A"),
        ("ABC", "0abc"),
        ("00", "00"),
        ("0", "00"),
        ("-0", "00"),
        ("0000", "00"),
        (big, big),
        (&*big.to_lowercase(), big),
        ("00F1000000000000000000000000000001", big),
        (
            "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
            "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        ),
    ] {
        let table = table(&valid(written));
        assert_eq!(
            status(&table, asked).knowledge,
            Knowledge::Issued,
            "{written}"
        );
        assert_eq!(status(&table, "0B").knowledge, Knowledge::NeverIssued);
        assert_eq!(table.reports().total(), 0);
    }
    let negative = table(&valid("-0A"));
    assert_eq!(negative.len(), 0);
    assert_eq!(kinds(&negative), [ReportKind::NegativeSerial]);
    let minus_ten = SerialNumber::from_content(&[0xF6]);
    assert_eq!(
        negative.status(&minus_ten).knowledge,
        Knowledge::NeverIssued
    );
    // Twenty octets, but the first bit is set: the INTEGER of a question has twenty-one.
    assert_eq!(
        kinds(&table(&valid(&"AB".repeat(20)))),
        vec![ReportKind::LongSerial]
    );
    assert_eq!(kinds(&table(&valid(&"7B".repeat(20)))), vec![]);
    let long = table(&valid(&"AB".repeat(21)));
    assert_eq!(
        (long.len(), kinds(&long)),
        (1, vec![ReportKind::LongSerial])
    );
    assert_eq!(table(&valid(&"AB".repeat(255))).len(), 1);
    assert_eq!(
        table(&valid(&format!("{}1", "0".repeat(9999))))
            .get(&[1])
            .unwrap()
            .serial,
        [1]
    );
}

#[test]
fn foreign_columns_escapes_comments_and_cr_change_nothing() {
    let text = "# a comment\n\
                V\t271231235959Z\t\t01\tunknown\t/CN=Zo\\xC3\\xAB\\x09/O=a\\/b\\\n\
                #\n\
                V\t271231235959Z\t\t02\tfile with \\\t in it\t/CN=\\\t\r\n\
                V\t271231235959Z\t\t03\t\t\n\
                V\t271231235959Z\t\t04\tunknown\t\n";
    let table = table(text);
    assert_eq!(table.len(), 4);
    for row in table.iter() {
        let line = &text[usize::try_from(row.offset).unwrap()..];
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(key(columns[3]).octets(), row.serial);
    }
    let foreign = [&b"V\t271231235959Z\t\t01\tunknown\t/CN=\xFF\x1b[2J\n"[..]].concat();
    assert_eq!(parse(&foreign).unwrap().len(), 1);
    assert_eq!(parse(b"").unwrap().len(), 0);
    assert_eq!(parse(b"# nothing yet\n").unwrap().len(), 0);
}

// covers: T-1
#[test]
fn duplicate_rows_of_one_serial_leave_the_strictest() {
    let early = gone("0A", "260101000000Z,superseded");
    let late = gone("a", "260105000000Z,keyCompromise");
    let hold = gone("0a", "250101000000Z,certificateHold");
    let issued = valid("00A");
    let other = valid("0B");
    let expect = revoked("2026-01-01T00:00:00Z", Some(CrlReason::Superseded));
    for order in [
        [&early, &late, &hold, &issued],
        [&issued, &hold, &late, &early],
        [&hold, &early, &issued, &late],
        [&late, &issued, &early, &hold],
    ] {
        let text = order.map(String::as_str).concat() + &other;
        let table = table(&text);
        assert_eq!(status(&table, "0A").knowledge, expect, "{text}");
        assert_eq!(kinds(&table), [ReportKind::Duplicate; 3]);
        let lines: Vec<u64> = table
            .reports()
            .listed()
            .iter()
            .map(|report| report.line)
            .collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!((table.len(), table.iter().count()), (2, 2));
        let counts = table.counts();
        assert_eq!(
            (counts.rows, counts.valid, counts.revoked, counts.on_hold),
            (2, 1, 1, 0)
        );
    }
    let held = table(&(valid("0A") + &hold));
    assert!(matches!(
        status(&held, "0A").knowledge,
        Knowledge::Revoked { .. }
    ));
}

#[test]
fn oddities_beyond_the_limit_are_counted_and_not_listed() {
    let text: String = (0..5000)
        .map(|row| valid(&format!("-{:X}", row + 1)))
        .collect();
    let table = table(&text);
    assert_eq!(table.reports().total(), 5000);
    assert_eq!(
        table.reports().listed().len(),
        certvouch_status::limits::MAX_REPORTS
    );
}

// covers: W-TIME-2
#[test]
fn broken_rows_refuse_the_file_with_line_and_column() {
    let row = |columns: [&str; 4]| format!("{}\tunknown\t/CN=x\n", columns.join("\t"));
    let v = |exp: &str, rev: &str, serial: &str| row(["V", exp, rev, serial]);
    let fine = "271231235959Z";
    let cases = [
        ("\n".into(), None, Why::EmptyLine),
        ("\r\n".into(), None, Why::EmptyLine),
        ("   \n".into(), None, Why::TooFewColumns(1)),
        (
            "V\t271231235959Z\t\t01\tunknown\n".into(),
            None,
            Why::TooFewColumns(5),
        ),
        (
            "V\t271231235959Z\t\t01\\\tunknown\t/CN=x\n".into(),
            None,
            Why::TooFewColumns(5),
        ),
        (
            "V\t271231235959Z\t\t01\tunknown\t/CN=x\tmore\n".into(),
            None,
            Why::TooManyColumns,
        ),
        (
            "V\t271231235959Z\t\t01\tunknown\t/CN=x\t\n".into(),
            None,
            Why::TooManyColumns,
        ),
        (
            "V\t271231235959Z\t\t01\tunknown\t/CN=x".into(),
            None,
            Why::Unterminated,
        ),
        ("# no line end".into(), None, Why::Unterminated),
        ("V".into(), None, Why::Unterminated),
        (row(["X", fine, "", "01"]), Some(1), Why::Type),
        (row(["", fine, "", "01"]), Some(1), Why::Type),
        (row(["v", fine, "", "01"]), Some(1), Why::Type),
        (row(["VV", fine, "", "01"]), Some(1), Why::Type),
        (v("", "", "01"), Some(2), Why::Time),
        (v("2712312359Z", "", "01"), Some(2), Why::Time),
        (v("271231235959", "", "01"), Some(2), Why::Time),
        (v("271331235959Z", "", "01"), Some(2), Why::Time),
        (v("20271231235959.0Z", "", "01"), Some(2), Why::Time),
        (v("271231235959+0000", "", "01"), Some(2), Why::Time),
        (v(fine, "260101000000Z", "01"), Some(3), Why::NotRevoked),
        (
            row(["E", fine, "260101000000Z,superseded", "01"]),
            Some(3),
            Why::NotRevoked,
        ),
        (row(["R", fine, "", "01"]), Some(3), Why::RevocationTime),
        (
            row(["R", fine, "superseded", "01"]),
            Some(3),
            Why::RevocationTime,
        ),
        (
            row(["R", fine, "2601010000Z,superseded", "01"]),
            Some(3),
            Why::RevocationTime,
        ),
        (
            row(["S", fine, "yesterday", "01"]),
            Some(3),
            Why::RevocationTime,
        ),
        (v(fine, "", ""), Some(4), Why::Serial),
        (v(fine, "", "-"), Some(4), Why::Serial),
        (v(fine, "", "--1"), Some(4), Why::Serial),
        (v(fine, "", "0x1"), Some(4), Why::Serial),
        (v(fine, "", "01 "), Some(4), Why::Serial),
        (v(fine, "", "0G"), Some(4), Why::Serial),
        (v(fine, "", "G"), Some(4), Why::Serial),
        (v(fine, "", "\u{e9}"), Some(4), Why::Serial),
        (v(fine, "", &"AB".repeat(256)), Some(4), Why::SerialTooLong),
        (
            "V\t271231235959Z\t\t01\tunknown\t/CN=\0\n".into(),
            None,
            Why::Nul,
        ),
        ("\0\0\0\0\n".into(), None, Why::Nul),
        ("# \0\n".into(), None, Why::Nul),
    ];
    for (bad, column, why) in cases {
        let before = valid("AA") + "# comment\n" + &valid("BB");
        let error = parse((before + &bad).as_bytes()).expect_err(&bad);
        assert_eq!(
            (error.line, error.column, error.why),
            (4, column, why),
            "{bad:?}"
        );
        let shown = error.to_string();
        assert!(shown.starts_with("line 4"), "{shown}");
    }
}

// covers: T-30
#[test]
fn broken_column_is_shown_escaped() {
    let hostile = "V\t\x1b[2J\u{e9}\t\t01\tunknown\t/CN=x\n";
    let shown = parse(hostile.as_bytes()).unwrap_err().to_string();
    assert!(
        shown.bytes().all(|octet| (0x20..0x7F).contains(&octet)),
        "{shown}"
    );
    assert!(shown.contains("line 1, column 2"), "{shown}");
}
