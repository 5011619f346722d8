//! The corpus as files: a folder for each case, an index for scripts, and a README.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Case, Class, PROFILES, Word};
use crate::clock::Civil;

const README: &str = include_str!("README.md");

/// Writes the cases into a folder, which need not exist: `cases/NAME/…`, `cases.tsv`, `README.md`.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, cases: &[Case]) -> io::Result<()> {
    fs::create_dir_all(folder.join("cases"))?;
    fs::write(folder.join("README.md"), README)?;
    let mut index = format!("name\ttime\trequest\t{}\n", PROFILES.join("\t"));
    for case in cases {
        let place = folder.join("cases").join(&case.name);
        fs::create_dir_all(&place)?;
        fs::write(place.join("cert.der"), &case.certificate)?;
        fs::write(place.join("issuer.der"), &case.issuer)?;
        fs::write(place.join("response.der"), &case.response)?;
        if let Some(request) = &case.request {
            fs::write(place.join("request.der"), request)?;
        }
        let text = serde_json::to_string_pretty(&description(case))?;
        fs::write(place.join("case.json"), text + "\n")?;
        let request = if case.request.is_some() { "yes" } else { "no" };
        let words: Vec<_> = case.expected.iter().map(|word| word.text()).collect();
        let words = words.join("\t");
        index.push_str(&format!(
            "{}\t{}\t{request}\t{words}\n",
            case.name, case.time
        ));
    }
    fs::write(folder.join("cases.tsv"), index)
}

fn description(case: &Case) -> Value {
    let expected: Map<String, Value> = PROFILES
        .iter()
        .zip(case.expected)
        .map(|(profile, word)| ((*profile).to_owned(), json!(word.text())))
        .collect();
    json!({
        "name": case.name,
        "class": case.class.name(),
        "certificate": "cert.der",
        "issuer": "issuer.der",
        "response": "response.der",
        "request": case.request.as_ref().map(|_| "request.der"),
        "time": case.time,
        "time_utc": utc(case.time),
        "expected": expected,
        "why": case.why,
        "citation": case.citation,
    })
}

/// `2026-01-10T00:00:00Z`.
fn utc(unix: i64) -> String {
    let Civil {
        year,
        month,
        day,
        second_of_day,
    } = Civil::from_unix(unix);
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads a corpus, in the order of its index.
///
/// # Errors
/// What the file system says, or what is wrong with a description.
pub fn read(folder: &Path) -> io::Result<Vec<Case>> {
    let index = fs::read_to_string(folder.join("cases.tsv"))?;
    index
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .map(|name| one(&folder.join("cases").join(name)))
        .collect()
}

fn one(place: &Path) -> io::Result<Case> {
    let wrong = |what: &str| {
        let text = format!("{}: case.json: {what}", place.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    let json: Value = serde_json::from_slice(&fs::read(place.join("case.json"))?)?;
    let text = |field: &str| {
        let value = json[field].as_str().ok_or_else(|| wrong(field))?;
        Ok::<_, io::Error>(value.to_owned())
    };
    let file = |field: &str| fs::read(place.join(text(field)?));
    let mut expected = [Word::Malformed; 6];
    for (slot, profile) in expected.iter_mut().zip(PROFILES) {
        let word = json["expected"][profile].as_str().and_then(Word::of);
        *slot = word.ok_or_else(|| wrong(profile))?;
    }
    Ok(Case {
        class: Class::of(&text("class")?).ok_or_else(|| wrong("class"))?,
        name: text("name")?,
        why: text("why")?,
        citation: text("citation")?,
        time: json["time"].as_i64().ok_or_else(|| wrong("time"))?,
        certificate: file("certificate")?,
        issuer: file("issuer")?,
        response: file("response")?,
        request: if json["request"].is_null() {
            None
        } else {
            Some(file("request")?)
        },
        expected,
    })
}
