//! Who may depend on whom: the picture of ARCHITECTURE.md as two tables, checked against `cargo metadata`.
//!
//! Crates of ours: each member has the list of members below it; a member that the table does not know is a
//! finding, so that a new crate gets its place on the day it is born. Foreign crates: some belong to certain
//! members only. Both tables hold for normal and build dependencies. Tests may use more, but the two halves
//! stay apart even there: neither may check itself with the other's rules.

use crate::project::{Dependency, Metadata, Package};
use crate::tidy::Finding;

/// A member (without the prefix `certvouch-`; the binary is `cli`) and the members it may depend on.
const BELOW: [(&str, &[&str]); 13] = [
    ("types", &[]),
    ("crypto", &["types"]),
    ("fetch", &["types"]),
    ("verify", &["types", "crypto"]),
    ("lint", &["types"]),
    ("responder", &["types", "crypto"]),
    ("status", &["responder", "types", "crypto", "fetch"]),
    ("signer", &["responder", "types", "crypto"]),
    ("client", &["verify", "fetch", "types", "crypto"]),
    (
        "stapling",
        &["client", "verify", "fetch", "types", "crypto"],
    ),
    (
        "cli",
        &[
            "types",
            "crypto",
            "fetch",
            "verify",
            "lint",
            "responder",
            "status",
            "signer",
            "client",
            "stapling",
        ],
    ),
    ("testkit", &[]),
    ("xtask", &[]),
];

/// The two halves: what believes, and what answers.
const RELYING: [&str; 3] = ["verify", "client", "stapling"];
const ANSWERING: [&str; 3] = ["responder", "status", "signer"];

/// A foreign crate, the members that may use it outside tests, and why.
const FOREIGN: [(&str, &[&str], &str); 24] = [
    ("anyhow", &["cli", "xtask"], "libraries name their errors"),
    (
        "aws-lc-rs",
        &["crypto", "signer", "testkit"],
        "cryptography stands in one place",
    ),
    ("axum", &["cli"], "listeners belong to the roof"),
    ("clap", &["cli"], "flags belong to the roof"),
    ("cryptoki", &["signer"], "only signer holds keys"),
    (
        "hyper",
        &["cli", "fetch", "testkit"],
        "sockets belong to the roof and to fetch",
    ),
    (
        "hyper-util",
        &["cli", "fetch", "testkit"],
        "sockets belong to the roof and to fetch",
    ),
    ("listenfd", &["cli"], "listeners belong to the roof"),
    ("mysql_async", &["status"], "databases belong to status"),
    (
        "notify",
        &["status", "cli"],
        "files belong to status and the roof",
    ),
    ("p12-keystore", &["signer"], "only signer reads keys"),
    ("pkcs8", &["signer"], "only signer reads keys"),
    ("proxy-header", &["cli"], "listeners belong to the roof"),
    (
        "rcgen",
        &["cli", "testkit"],
        "the roof makes certificates for `demo` and `signer new`",
    ),
    ("rusqlite", &["status"], "databases belong to status"),
    ("rsntp", &["cli"], "clocks belong to the roof"),
    (
        "rustls",
        &["stapling", "fetch", "cli"],
        "one crate shows rustls types",
    ),
    ("sd-notify", &["cli"], "the service manager knows the roof"),
    (
        "serde",
        &["cli", "xtask", "testkit"],
        "core types know nothing of JSON",
    ),
    (
        "serde_json",
        &["cli", "xtask", "testkit"],
        "core types know nothing of JSON",
    ),
    (
        "socket2",
        &["cli", "fetch", "testkit"],
        "sockets belong to the roof and to fetch",
    ),
    ("thiserror", &[], "our errors are written by hand"),
    ("tokio-postgres", &["status"], "databases belong to status"),
    (
        "toml",
        &["cli", "xtask", "testkit"],
        "configuration belongs to the roof",
    ),
];

/// What floors 0 and 1 may switch on in tokio: nothing that reads a clock, a file or a socket.
const PURE_TOKIO: [&str; 1] = ["sync"];
/// The members that read no clock and do no I/O.
pub(crate) const PURE: [&str; 5] = ["types", "crypto", "verify", "lint", "responder"];

/// Checks every dependency of every member.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    metadata.packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let name = short(&package.name);
    let Some((_, below)) = BELOW.iter().find(|(member, _)| *member == name) else {
        let advice = format!(
            "{} has no place in the picture: add it to BELOW",
            package.name
        );
        return vec![finding(package, advice)];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| complaint(name, below, dependency))
        .map(|advice| finding(package, advice))
        .collect()
}

fn finding(package: &Package, advice: String) -> Finding {
    let folder = match short(&package.name) {
        "xtask" => "xtask".to_owned(),
        name => format!("crates/{name}"),
    };
    Finding::new(&format!("{folder}/Cargo.toml"), 0, "border", advice)
}

/// What is wrong with one dependency of `name`, if anything.
fn complaint(name: &str, below: &[&str], dependency: &Dependency) -> Option<String> {
    let wanted = &dependency.name;
    let test = dependency.kind.as_deref() == Some("dev");
    if wanted == "certvouch" {
        return Some("nothing depends on the roof".to_owned());
    }
    if let Some(ours) = wanted.strip_prefix("certvouch-") {
        return our_complaint(name, below, ours, test);
    }
    if test {
        return None;
    }
    if name == "types" {
        return Some(format!("types depends on nothing, found {wanted}"));
    }
    if wanted == "tokio" && PURE.contains(&name) {
        let extra = dependency
            .features
            .iter()
            .find(|f| !PURE_TOKIO.contains(&f.as_str()))?;
        return Some(format!(
            "{name} does no I/O and reads no clock: tokio without `{extra}`"
        ));
    }
    let (_, users, why) = FOREIGN.iter().find(|(foreign, _, _)| foreign == wanted)?;
    let allowed = users.contains(&name);
    (!allowed).then(|| match users {
        [] => format!("{wanted} is not used here: {why}"),
        users => format!("{wanted} is for {} only: {why}", users.join(", ")),
    })
}

fn our_complaint(name: &str, below: &[&str], ours: &str, test: bool) -> Option<String> {
    let apart = |one: &[&str], other: &[&str]| one.contains(&name) && other.contains(&ours);
    if apart(&RELYING, &ANSWERING) || apart(&ANSWERING, &RELYING) {
        return Some(format!("{name} and {ours} belong to different halves"));
    }
    if apart(&["status"], &["signer"]) || apart(&["signer"], &["status"]) {
        return Some("status and signer do not know each other".to_owned());
    }
    if test || below.contains(&ours) {
        return None;
    }
    Some(match (name, ours) {
        (_, "testkit") => "testkit is for tests: put it under [dev-dependencies]".to_owned(),
        ("testkit", _) => format!("testkit knows none of our crates, found {ours}"),
        _ => format!("{ours} is not below {name}"),
    })
}

fn short(package: &str) -> &str {
    match package {
        "certvouch" => "cli",
        other => other.strip_prefix("certvouch-").unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The complaints about a package with one dependency.
    fn complaints(package: &str, dependency: &str, kind: Option<&str>, features: &[&str]) -> usize {
        let dependency = Dependency {
            name: dependency.to_owned(),
            kind: kind.map(str::to_owned),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
        };
        check(&Metadata {
            packages: vec![Package {
                name: package.to_owned(),
                version: "0.1.0".to_owned(),
                license: None,
                source: None,
                dependencies: vec![dependency],
                targets: Vec::new(),
            }],
        })
        .len()
    }

    #[test]
    fn dependency_that_points_down_is_fine() {
        for (package, dependency) in [
            ("certvouch-crypto", "certvouch-types"),
            ("certvouch-status", "certvouch-responder"),
            ("certvouch-status", "certvouch-fetch"),
            ("certvouch", "certvouch-signer"),
            ("certvouch", "rcgen"),
            ("certvouch-signer", "aws-lc-rs"),
            ("certvouch-responder", "bytes"),
        ] {
            assert_eq!(
                complaints(package, dependency, None, &[]),
                0,
                "{package} {dependency}"
            );
        }
    }

    #[test]
    fn dependency_that_points_up_or_sideways_is_found() {
        for (package, dependency) in [
            ("certvouch-types", "certvouch-crypto"),
            ("certvouch-responder", "certvouch-status"),
            ("certvouch-status", "certvouch-signer"),
            ("certvouch-signer", "certvouch-status"),
            ("certvouch-lint", "certvouch-crypto"),
            ("certvouch-verify", "certvouch-responder"),
            ("certvouch-testkit", "certvouch-types"),
            ("certvouch", "certvouch-testkit"),
            ("xtask", "certvouch"),
            ("certvouch-types", "certvouch"),
        ] {
            assert_eq!(
                complaints(package, dependency, None, &[]),
                1,
                "{package} {dependency}"
            );
        }
    }

    #[test]
    fn tests_may_use_more_but_not_the_other_half() {
        let dev = Some("dev");
        assert_eq!(
            complaints("certvouch-types", "certvouch-testkit", dev, &[]),
            0
        );
        assert_eq!(complaints("certvouch-types", "serde_json", dev, &[]), 0);
        assert_eq!(
            complaints("certvouch-responder", "certvouch-signer", dev, &[]),
            0
        );
        assert_eq!(
            complaints("certvouch-responder", "certvouch-verify", dev, &[]),
            1
        );
        assert_eq!(
            complaints("certvouch-verify", "certvouch-signer", dev, &[]),
            1
        );
        assert_eq!(
            complaints("certvouch-status", "certvouch-signer", dev, &[]),
            1
        );
    }

    #[test]
    fn foreign_crate_in_the_wrong_place_is_found() {
        for (package, dependency) in [
            ("certvouch-types", "bytes"),
            ("certvouch-responder", "aws-lc-rs"),
            ("certvouch-responder", "serde"),
            ("certvouch-signer", "anyhow"),
            ("certvouch", "thiserror"),
            ("certvouch", "aws-lc-rs"),
            ("certvouch-status", "pkcs8"),
            ("certvouch-testkit", "anyhow"),
        ] {
            assert_eq!(
                complaints(package, dependency, None, &[]),
                1,
                "{package} {dependency}"
            );
            assert_eq!(
                complaints(package, dependency, Some("build"), &[]),
                1,
                "{package} {dependency}"
            );
        }
    }

    #[test]
    fn tokio_below_the_roof_has_no_sockets_and_no_clock() {
        assert_eq!(
            complaints("certvouch-responder", "tokio", None, &["sync"]),
            0
        );
        assert_eq!(
            complaints("certvouch-responder", "tokio", None, &["sync", "net"]),
            1
        );
        assert_eq!(
            complaints("certvouch-responder", "tokio", None, &["time"]),
            1
        );
        assert_eq!(complaints("certvouch-status", "tokio", None, &["fs"]), 0);
    }

    #[test]
    fn member_without_a_place_in_the_picture_is_found() {
        assert_eq!(complaints("certvouch-extra", "bytes", None, &[]), 1);
    }
}
