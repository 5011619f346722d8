//! What a Rust file may say, and where.
//!
//! The rules look at code only, never at comments or strings, and most of them leave tests alone.

use crate::source::{Line, Source};
use crate::tidy::{Finding, borders};

/// All checks of this module.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings: Vec<Finding> = no_std(source).into_iter().collect();
    findings.extend(attributes(source));
    findings.extend(unproved(source));
    for (number, line) in source.numbered() {
        findings.extend(unfinished(&source.path, number, line));
    }
    for (number, line) in source.product_lines() {
        let rules = [
            pure,
            serde,
            wire_status,
            limits,
            printing,
            foreign_text,
            verified,
            asking,
        ]
        .map(|rule| rule(source, line));
        findings.extend(
            rules
                .into_iter()
                .flatten()
                .map(|(rule, advice)| Finding::new(&source.path, number, rule, advice)),
        );
    }
    findings
}

/// A broken rule, and what to do.
type Complaint = (&'static str, String);

/// The member that a file belongs to: `types` for `crates/types/src/lib.rs`.
fn member(path: &str) -> &str {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["crates", name, ..] => name,
        [first, ..] => first,
        [] => "",
    }
}

/// Does the file belong to the sources (not tests, examples) of one of these members?
fn within(source: &Source, members: &[&str]) -> bool {
    members.contains(&member(&source.path)) && source.path.contains("/src/")
}

/// What of floors 0 and 1 builds without an operating system declares itself `no_std`: what it cannot name it cannot
/// use. (A crate without code is a shell yet.)
fn no_std(source: &Source) -> Option<Finding> {
    let mut code = source
        .lines
        .iter()
        .map(|line| line.code.trim())
        .filter(|code| !code.is_empty());
    let shell = code.clone().next().is_none();
    let declared = code.any(|code| code.starts_with("#![no_std]"));
    let root = ["types", "crypto", "verify"]
        .iter()
        .any(|name| source.path == format!("crates/{name}/src/lib.rs"));
    (root && !shell && !declared).then(|| {
        Finding::new(
            &source.path,
            1,
            "no-std",
            "open the crate with `#![no_std]`",
        )
    })
}

/// Invariant 1: no I/O and no clock on floors 0 and 1.
fn pure(source: &Source, line: &Line) -> Option<Complaint> {
    if !within(source, &borders::PURE) {
        return None;
    }
    let banned = [
        "SystemTime::now",
        "Instant::now",
        "time::Instant",
        ".elapsed()",
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "std::io::stdin",
        "std::thread::sleep",
        "tokio::net",
        "tokio::fs",
        "tokio::time",
        "tokio::process",
    ];
    if let Some(word) = banned.iter().find(|word| names(&line.code, word)) {
        let advice =
            format!("`{word}` on a floor without I/O and clock: take the value as an argument");
        return Some(("pure", advice));
    }
    // httpdate formats a SystemTime; a file that talks to it may build one, but never ask for one.
    let converts = source
        .lines
        .iter()
        .any(|line| line.code.contains("httpdate::"));
    (names(&line.code, "SystemTime") && !converts).then(|| {
        (
            "pure",
            "`SystemTime` on a floor without a clock: use `Timestamp`".to_owned(),
        )
    })
}

/// Does `code` hold `word` with a boundary on both sides?
fn names(code: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code.get(..start).unwrap_or_default();
        let after = code.get(start + word.len()..).unwrap_or_default();
        let joined = word.starts_with(inside) && before.ends_with(inside);
        !joined && !after.starts_with(inside)
    })
}

/// serde stays in the roof and beside the house.
fn serde(source: &Source, line: &Line) -> Option<Complaint> {
    let named = ["serde", "serde_json", "Serialize", "Deserialize"];
    let outside = !matches!(member(&source.path), "cli" | "xtask" | "testkit" | "fuzz");
    let word = named.iter().find(|word| names(&line.code, word))?;
    outside.then(|| {
        (
            "serde",
            format!("`{word}` below the roof: JSON and TOML have their own structs in cli"),
        )
    })
}

/// Invariant 8: one function decides what an error means on the wire.
fn wire_status(source: &Source, line: &Line) -> Option<Complaint> {
    let errors = [
        "MalformedRequest",
        "InternalError",
        "TryLater",
        "SigRequired",
        "Unauthorized",
    ];
    let home = source.path == "crates/responder/src/error.rs" || member(&source.path) == "types";
    if home || !source.path.contains("/src/") {
        return None;
    }
    let chosen = errors.iter().find(|error| {
        let path = format!("OcspResponseStatus::{error}");
        line.code.match_indices(&path).any(|(start, _)| {
            let before = line.code.get(..start).unwrap_or_default();
            let after = line.code.get(start + path.len()..).unwrap_or_default();
            !is_comparison(before, after)
        })
    })?;
    let advice = format!(
        "`{chosen}` is chosen here: return an `AnswerError`, crates/responder/src/error.rs maps it"
    );
    Some(("wire-status", advice))
}

/// Is the value between the two pieces of code looked at, not made?
fn is_comparison(before: &str, after: &str) -> bool {
    let (before, after) = (before.trim_end(), after.trim_start());
    before.contains("matches!(")
        || before.ends_with("==")
        || before.ends_with("!=")
        || before.ends_with('|')
        || after.contains("=>") && !before.contains("=>")
        || after.starts_with('|')
        || after.starts_with("==")
        || after.starts_with("!=")
}

/// Invariant 9: limits on outside input stand together, with their reasons.
fn limits(source: &Source, line: &Line) -> Option<Complaint> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    if !within(source, &["types", "responder", "verify"])
        || matches!(file, "limits.rs" | "budget.rs")
    {
        return None;
    }
    let (_, name) = line.code.split_once("const ")?;
    let limit = ["MAX_", "LIMIT_", "DEFAULT_MAX"]
        .iter()
        .any(|start| name.starts_with(start));
    limit.then(|| {
        (
            "limits",
            "move this limit to limits.rs, with its reason".to_owned(),
        )
    })
}

/// Only the roof, the chores and the test kit (which reports absent peers) speak to a person.
fn printing(source: &Source, line: &Line) -> Option<Complaint> {
    if matches!(member(&source.path), "cli" | "xtask" | "fuzz" | "testkit") {
        return None;
    }
    let word = ["println!", "eprintln!", "print!", "eprint!", "dbg!"]
        .into_iter()
        .find(|word| names(&line.code, word.trim_end_matches('!')) && line.code.contains(word))?;
    Some((
        "printing",
        format!("`{word}` below the roof: return a value, or raise an event"),
    ))
}

/// Invariant 13: foreign text passes one escaper (T-30).
fn foreign_text(source: &Source, line: &Line) -> Option<Complaint> {
    let applies = within(source, &["cli"]) && !source.path.ends_with("/escape.rs");
    (applies && line.code.contains("from_utf8_lossy(")).then(|| {
        (
            "foreign-text",
            "text of others goes through the `escape` module (T-30)".to_owned(),
        )
    })
}

/// Modules of the roof behind the commands that answer or administer, and what they share.
const ANSWERING: [&str; 16] = [
    "crates/cli/src/admin",
    "crates/cli/src/command/admin",
    "crates/cli/src/signing",
    "crates/cli/src/command/audit",
    "crates/cli/src/command/config",
    "crates/cli/src/command/demo",
    "crates/cli/src/command/publish",
    "crates/cli/src/command/serve",
    "crates/cli/src/command/signer",
    "crates/cli/src/command/status",
    "crates/cli/src/command/store",
    "crates/cli/src/config",
    "crates/cli/src/listen",
    "crates/cli/src/log",
    "crates/cli/src/metrics",
    "crates/cli/src/serve",
];

/// Invariant 14: inside the roof only the commands that answer or administer name keys, status sources, the responder
/// or a database driver; those that ask judge by `verify` alone.
fn asking(source: &Source, line: &Line) -> Option<Complaint> {
    let answering = ANSWERING.iter().any(|module| {
        let below = source.path.strip_prefix(module);
        below.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    });
    if !within(source, &["cli"]) || answering {
        return None;
    }
    let banned = [
        "certvouch_signer",
        "certvouch_status",
        "certvouch_responder",
        "rusqlite",
        "tokio_postgres",
        "mysql_async",
        "cryptoki",
        "rcgen",
    ];
    let word = banned.iter().find(|word| names(&line.code, word))?;
    Some((
        "asking",
        format!(
            "`{word}` outside the commands that answer or administer: the asking ones judge alone"
        ),
    ))
}

/// Only `verify` makes a `VerifiedResponse`: nobody else has a type of that name, its fields stay inside the crate,
/// and one function there puts it together.
fn verified(source: &Source, line: &Line) -> Option<Complaint> {
    let name = "VerifiedResponse";
    let home = source.path == "crates/verify/src/verified.rs";
    let field = line.code.trim_start().starts_with("pub ") && line.code.contains(": ");
    if home && field && !line.code.contains("fn ") {
        let advice = format!("a public field lets anybody make a `{name}`: give it a method");
        return Some(("verified", advice));
    }
    if home || !names(&line.code, name) {
        return None;
    }
    let defined = ["struct ", "enum ", "type "]
        .iter()
        .any(|word| line.code.contains(&format!("{word}{name}")));
    let looked_at = ["struct ", "impl", "->", "use ", "match ", "fn "]
        .iter()
        .any(|word| line.code.contains(word));
    let made = line.code.contains(&format!("{name} {{")) && !looked_at;
    let maker = source.path == "crates/verify/src/verifier.rs";
    (defined || made && !maker).then(|| {
        let advice = format!("only crates/verify/src/verifier.rs makes a `{name}`");
        ("verified", advice)
    })
}

/// No half-built code, and no test that does not run. Holds for tests too.
fn unfinished(path: &str, number: usize, line: &Line) -> Option<Finding> {
    let word = ["todo!(", "unimplemented!(", "#[ignore"]
        .into_iter()
        .find(|word| line.code.contains(word))?;
    Some(Finding::new(
        path,
        number,
        "unfinished",
        format!("`{word}…`: build it, or leave it out"),
    ))
}

/// A relaxed lint says why, and is noticed when it is not needed any more. Holds for tests too.
fn attributes(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.numbered() {
        let code = line.code.trim_start();
        if !code.starts_with("#[") && !code.starts_with("#![") {
            continue;
        }
        let attribute = attribute(source, number);
        if names(&attribute, "allow") && attribute.contains("allow(") {
            let advice = "`allow`: use `#[expect(lint, reason = \"…\")]`";
            findings.push(Finding::new(&source.path, number, "relaxed-lint", advice));
        } else if attribute.contains("expect(") && !attribute.contains("reason =") {
            let advice = "`expect` without a reason";
            findings.push(Finding::new(&source.path, number, "relaxed-lint", advice));
        }
    }
    findings
}

/// The attribute that starts on line `number`, up to its closing bracket.
fn attribute(source: &Source, number: usize) -> String {
    let mut text = String::new();
    let mut depth = 0_usize;
    for line in source.lines.iter().skip(number - 1) {
        for character in line.code.trim_start().chars() {
            text.push(character);
            match character {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if depth == 0 {
                return text;
            }
        }
    }
    text
}

/// Invariant 10: `unwrap` and `expect` need a proof in the comment above them.
///
/// The test kit is test code through and through: a panic is its way to fail.
fn unproved(source: &Source) -> Vec<Finding> {
    if member(&source.path) == "testkit" {
        return Vec::new();
    }
    source
        .product_lines()
        .filter(|(_, line)| line.code.contains(".unwrap()") || line.code.contains(".expect("))
        .filter(|(number, _)| !has_proof(&source.lines, number - 1))
        .map(|(number, _)| {
            let advice = "handle the error, or write `// proof: …` directly above";
            Finding::new(&source.path, number, "unproved", advice)
        })
        .collect()
}

/// Is there a comment with `proof:` on line `index`, or in the comment lines right above it or above the
/// statement whose method chain it continues?
fn has_proof(lines: &[Line], index: usize) -> bool {
    let at = |index: usize| lines.get(index).cloned().unwrap_or_default();
    let is_comment = |line: &Line| line.code.trim().is_empty() && !line.comment.is_empty();
    let mut here = index;
    loop {
        let line = at(here);
        if line.comment.contains("proof:") {
            return true;
        }
        let chained = line.code.trim_start().starts_with('.');
        if here == 0 || !(chained || is_comment(&at(here - 1))) {
            return false;
        }
        here -= 1;
    }
}

#[cfg(test)]
mod tests;
