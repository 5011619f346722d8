//! Verdicts side by side: what was expected, what each program said, and where the two differ.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};

/// The profiles in the order of `cases.tsv`.
const PROFILES: [&str; 6] = [
    "strict", "rfc9919", "openssl", "java", "firefox", "chromium",
];

/// A line of `cases.tsv`.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    expected: HashMap<&'static str, String>,
}

impl Case {
    fn class(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }

    fn expected(&self, profile: &str) -> &str {
        self.expected.get(profile).map_or("", String::as_str)
    }
}

/// What a program said of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    word: String,
    remark: String,
}

impl Said {
    /// Of a program that is not there.
    pub(crate) fn absent() -> Self {
        Self {
            word: "absent".to_owned(),
            remark: String::new(),
        }
    }
}

/// A program and what it said of every case, in their order.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: String,
    /// The profile whose verdicts it is held to.
    pub(crate) profile: &'static str,
    pub(crate) version: String,
    pub(crate) said: Vec<Said>,
}

/// How what was said stands to what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Agrees,
    /// It believes what must not be believed, or takes a worse status for a better one.
    Believes,
    /// It does not believe what must be, or takes a better status for a worse one.
    Refuses,
    /// It believes what is out of date, and prints a warning.
    Warns,
    Silent,
}

const STANDS: [Stand; 5] = [
    Stand::Agrees,
    Stand::Believes,
    Stand::Refuses,
    Stand::Warns,
    Stand::Silent,
];

/// The verdicts that are believed, the best news first.
const BELIEVED: [&str; 3] = ["GOOD", "UNKNOWN", "REVOKED"];

fn stand(word: &str, expected: &str) -> Stand {
    let rank = |word: &str| BELIEVED.iter().position(|known| *known == word);
    let (status, warned) = match word.strip_suffix("-WARNS") {
        Some(status) => (status, true),
        None => (word, false),
    };
    match (rank(status), rank(expected)) {
        _ if matches!(word, "N/A" | "absent" | "") => Stand::Silent,
        (Some(found), Some(wanted)) if found == wanted && (!warned || expected == "REVOKED") => {
            Stand::Agrees
        }
        (Some(found), Some(wanted)) if found < wanted => Stand::Believes,
        (Some(_) | None, Some(_)) => Stand::Refuses,
        (Some(_), None) if warned => Stand::Warns,
        (Some(_), None) => Stand::Believes,
        // Whoever does not believe a response agrees, whatever the word: programs name their reasons differently.
        (None, None) => Stand::Agrees,
    }
}

/// Reads `cases.tsv`.
pub(crate) fn cases(index: &str) -> Result<Vec<Case>> {
    index
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let words = fields
                .get(3..9)
                .with_context(|| format!("cases.tsv: {line}"))?;
            let expected = PROFILES
                .iter()
                .copied()
                .zip(words.iter().map(|word| (*word).to_owned()));
            Ok(Case {
                name: fields[0].to_owned(),
                expected: expected.collect(),
            })
        })
        .collect()
}

/// Reads `NAME WORD REMARK` lines; whatever else was printed is passed over.
pub(crate) fn said(cases: &[Case], text: &str) -> Vec<Said> {
    let known: HashMap<&str, Said> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let (name, word, remark) = (fields.next()?, fields.next()?, fields.next()?);
            let (word, remark) = (word.to_owned(), remark.to_owned());
            Some((name, Said { word, remark }))
        })
        .collect();
    let silent = Said {
        word: String::new(),
        remark: "nothing was said".to_owned(),
    };
    cases
        .iter()
        .map(|case| known.get(case.name.as_str()).unwrap_or(&silent).clone())
        .collect()
}

/// Reads `NAME PROFILE WORD REASON` lines of ours: the verdict under rfc9919, and which profile is not as expected.
pub(crate) fn ours(cases: &[Case], text: &str) -> Vec<Said> {
    let mut known: HashMap<(&str, &str), &str> = HashMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if let [name, profile, word, ..] = fields.as_slice() {
            known.insert((name, profile), word);
        }
    }
    let one = |case: &Case| {
        let word = |profile| {
            known
                .get(&(case.name.as_str(), profile))
                .copied()
                .unwrap_or_default()
        };
        let wrong: Vec<&str> = PROFILES
            .into_iter()
            .filter(|profile| word(profile) != case.expected(profile))
            .collect();
        Said {
            word: word("rfc9919").to_owned(),
            remark: wrong.join(", "),
        }
    };
    cases.iter().map(one).collect()
}

/// The cases in which our column is not as expected under every profile, word for word.
pub(crate) fn deviations<'c>(cases: &'c [Case], ours: &Column) -> Vec<&'c str> {
    let pairs = cases.iter().zip(&ours.said);
    pairs
        .filter(|(_, said)| !said.remark.is_empty())
        .map(|(case, _)| case.name.as_str())
        .collect()
}

const INTRODUCTION: &str = "\
# What verifiers make of the corpus

Written by `cargo xtask corpus OUT --judge`, which makes the corpus (its README says what the cases and words mean) and
asks each program about every case at the time of the case. The runners are in `judges/`. What follows is what these
versions said on one machine, and no more.

How to read it:

- Each program is held to the verdicts of one profile, named below. certvouch is held to all six, word for word.
- A program that does not believe a response agrees with every verdict that is not GOOD, REVOKED or UNKNOWN, since
  programs name their reasons differently.
- `-WARNS`: the status is printed with a warning about its times; the exit code is that of success.
- `openssl ocsp` and `ocsptool` read the system's clock, which is set for them. `openssl ocsp` is asked with each hash in
  turn until it finds a status.
- `ocsptool --verify-response` is never told which certificate is meant: the word is the first status that it prints.
  What it cannot know of the certificate is no fault of its authors, but of whoever relies on it alone.
- Go's package leaves times to its caller; the runner compares them by the rules of rfc9919. It has no nonces.
- n/a: the program has no way to be asked, or refuses the certificate itself.
";

/// The whole page.
pub(crate) fn page(cases: &[Case], columns: &[Column]) -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n| program | version | profile |\n| --- | --- | --- |\n");
    for column in columns {
        let profile = if column.title == "certvouch" {
            "all six"
        } else {
            column.profile
        };
        let _ = writeln!(
            page,
            "| {} | {} | {profile} |",
            column.title, column.version
        );
    }
    page.push_str("\n## By class\n\n");
    page.push_str("Of the cases of a class: as expected / believed though it must not be / refused though it must be \
                   believed / warned about only / n/a.\n\n");
    let mut classes: Vec<&str> = cases.iter().map(Case::class).collect();
    classes.dedup();
    let head: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
    let _ = writeln!(page, "| class | cases | {} |", head.join(" | "));
    let _ = writeln!(page, "| --- | --- |{}", " --- |".repeat(columns.len()));
    for class in classes.iter().copied().chain(["all"]) {
        let of = |case: &Case| class == "all" || case.class() == class;
        let count = cases.iter().filter(|case| of(case)).count();
        let cells: Vec<String> = columns
            .iter()
            .map(|column| tally(cases, column, &of))
            .collect();
        let _ = writeln!(page, "| {class} | {count} | {} |", cells.join(" | "));
    }
    page.push_str("\n## By case\n\n**Bold** is not what was expected. The second column is the verdict under rfc9919.\n\n");
    let _ = writeln!(page, "| case | expected | {} |", head.join(" | "));
    let _ = writeln!(page, "| --- | --- |{}", " --- |".repeat(columns.len()));
    for (index, case) in cases.iter().enumerate() {
        let cells: Vec<String> = columns
            .iter()
            .map(|column| cell(case, column, index))
            .collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            case.name,
            case.expected("rfc9919"),
            cells.join(" | ")
        );
    }
    page
}

fn stand_of(case: &Case, column: &Column, index: usize) -> Stand {
    let word = column.said.get(index).map_or("", |said| said.word.as_str());
    stand(word, case.expected(column.profile))
}

fn tally(cases: &[Case], column: &Column, of: &dyn Fn(&Case) -> bool) -> String {
    let mut counts = [0_usize; STANDS.len()];
    for (index, case) in cases.iter().enumerate().filter(|(_, case)| of(case)) {
        let stand = stand_of(case, column, index);
        if let Some(slot) = STANDS.iter().position(|known| *known == stand) {
            counts[slot] += 1;
        }
    }
    counts.map(|count| count.to_string()).join(" / ")
}

fn cell(case: &Case, column: &Column, index: usize) -> String {
    let word = column.said.get(index).map_or("", |said| said.word.as_str());
    let word = match word {
        "N/A" => "n/a",
        "" => "nothing",
        other => other,
    };
    match stand_of(case, column, index) {
        Stand::Agrees | Stand::Silent => word.to_owned(),
        Stand::Believes | Stand::Refuses | Stand::Warns => {
            let wanted = case.expected(column.profile);
            if wanted == case.expected("rfc9919") {
                format!("**{word}**")
            } else {
                format!("**{word}** for {wanted}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_tells_belief_from_refusal() {
        for (word, expected, wanted) in [
            ("GOOD", "GOOD", Stand::Agrees),
            ("GOOD", "REVOKED", Stand::Believes),
            ("GOOD", "UNKNOWN", Stand::Believes),
            ("GOOD", "MALFORMED", Stand::Believes),
            ("REVOKED", "NOT-TRUSTED", Stand::Believes),
            ("REVOKED", "GOOD", Stand::Refuses),
            ("REFUSED", "GOOD", Stand::Refuses),
            ("REFUSED", "REVOKED", Stand::Refuses),
            ("REFUSED", "NOT-CURRENT", Stand::Agrees),
            ("NOT-CURRENT", "NOT-TRUSTED", Stand::Agrees),
            ("GOOD-WARNS", "NOT-CURRENT", Stand::Warns),
            ("GOOD-WARNS", "GOOD", Stand::Refuses),
            ("REVOKED-WARNS", "REVOKED", Stand::Agrees),
            ("GOOD-WARNS", "REVOKED", Stand::Believes),
            ("N/A", "GOOD", Stand::Silent),
            ("absent", "GOOD", Stand::Silent),
        ] {
            assert_eq!(stand(word, expected), wanted, "{word} {expected}");
        }
    }

    #[test]
    fn page_counts_by_class_and_marks_what_differs() {
        let index = "name\ttime\trequest\ta\tb\tc\td\te\tf\n\
                     binding-a\t0\tno\tGOOD\tGOOD\tGOOD\tGOOD\tGOOD\tGOOD\n\
                     record-b\t0\tno\tREVOKED\tREVOKED\tREVOKED\tREVOKED\tREVOKED\tREVOKED\n";
        let cases = cases(index).unwrap();
        let column = |title: &str, said| Column {
            title: title.to_owned(),
            profile: "rfc9919",
            version: "1".to_owned(),
            said,
        };
        let all: String = PROFILES
            .map(|profile| format!("binding-a\t{profile}\tGOOD\t\n"))
            .concat();
        let own = column("certvouch", ours(&cases, &all));
        assert_eq!(deviations(&cases, &own), ["record-b"]);
        let text = "noise\nbinding-a\tGOOD\texit 0\nrecord-b\tGOOD\texit 0\n";
        let page = page(&cases, &[own, column("x", said(&cases, text))]);
        assert!(
            page.contains("| record | 1 | 0 / 0 / 0 / 0 / 1 | 0 / 1 / 0 / 0 / 0 |"),
            "{page}"
        );
        assert!(
            page.contains("| record-b | REVOKED | nothing | **GOOD** |"),
            "{page}"
        );
        assert!(super::cases("name\nshort\t1\n").is_err());
    }
}
