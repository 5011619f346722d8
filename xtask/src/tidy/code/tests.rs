//! Bad samples for each rule about code, and the good ones next to them.

use super::*;

/// The rules that a file of these contents breaks.
fn rules(path: &str, text: &str) -> Vec<&'static str> {
    check(&Source::new(path, text, false))
        .iter()
        .map(|finding| finding.rule)
        .collect()
}

/// No rule at all.
const NONE: [&str; 0] = [];

#[test]
fn clock_or_io_below_the_roof_is_found() {
    for word in [
        "let now = SystemTime::now();",
        "use std::time::SystemTime;",
        "let t = std::time::Instant::now();",
        "use std::fs;",
        "let a: std::net::IpAddr;",
        "use tokio::net::TcpListener;",
        "std::process::exit(1);",
        "std::env::var(\"X\")",
        "tokio::time::sleep(d).await;",
    ] {
        for path in [
            "crates/types/src/a.rs",
            "crates/responder/src/a.rs",
            "crates/verify/src/a.rs",
        ] {
            assert_eq!(rules(path, word), ["pure"], "{path}: {word}");
        }
        assert_eq!(rules("crates/cli/src/a.rs", word), NONE, "{word}");
        assert_eq!(rules("crates/types/tests/vectors.rs", word), NONE, "{word}");
    }
}

#[test]
fn clock_in_a_comment_string_or_test_is_not_found() {
    let text = "// std::fs\nlet a = \"std::fs\";\n#[cfg(test)]\nmod tests { use std::fs; }\n";
    assert_eq!(rules("crates/types/src/a.rs", text), NONE);
    assert_eq!(rules("crates/types/src/a.rs", "let x = my_std::fsx;"), NONE);
}

#[test]
fn system_time_for_httpdate_is_fine_but_never_now() {
    let good = "let t = SystemTime::UNIX_EPOCH + d;\nhttpdate::fmt_http_date(t)\n";
    assert_eq!(rules("crates/responder/src/http.rs", good), NONE);
    let bad = format!("{good}let n = SystemTime::now();\n");
    assert_eq!(rules("crates/responder/src/http.rs", &bad), ["pure"]);
}

// Invariant: only `verify` makes a VerifiedResponse.
#[test]
fn verified_response_made_elsewhere_is_found() {
    let home = "crates/verify/src/verified.rs";
    for (path, code) in [
        (
            "crates/client/src/a.rs",
            "pub struct VerifiedResponse<'r> {",
        ),
        (
            "crates/verify/src/query.rs",
            "let a = VerifiedResponse { raw };",
        ),
        (
            "crates/stapling/src/a.rs",
            "type VerifiedResponse = Vec<u8>;",
        ),
        (home, "    pub raw: &'r [u8],"),
    ] {
        assert_eq!(rules(path, code), ["verified"], "{path}: {code}");
    }
    for (path, code) in [
        (home, "pub struct VerifiedResponse<'r> {"),
        (home, "    pub(crate) raw: &'r [u8],"),
        (home, "    pub const fn raw(&self) -> &'r [u8] {"),
        ("crates/verify/src/verifier.rs", "VerifiedResponse { raw }"),
        (
            "crates/verify/src/query.rs",
            "fn a() -> VerifiedResponse<'r> {",
        ),
        (
            "crates/stapling/src/a.rs",
            "fn staple(verified: &VerifiedResponse<'_>) {",
        ),
    ] {
        assert_eq!(rules(path, code), NONE, "{path}: {code}");
    }
}

#[test]
fn crypto_and_verify_without_no_std_are_found() {
    for name in ["crypto", "verify"] {
        let path = format!("crates/{name}/src/lib.rs");
        assert_eq!(rules(&path, "//! X.\nmod a;\n"), ["no-std"]);
        assert_eq!(rules(&path, "//! X.\n#![no_std]\nmod a;\n"), NONE);
    }
}

#[test]
fn types_without_no_std_is_found() {
    assert_eq!(
        rules("crates/types/src/lib.rs", "//! X.\nmod a;\n"),
        ["no-std"]
    );
    assert_eq!(
        rules("crates/types/src/lib.rs", "//! X.\n#![no_std]\nmod a;\n"),
        NONE
    );
    assert_eq!(rules("crates/types/src/other.rs", "//! X.\nmod a;\n"), NONE);
}

#[test]
fn serde_below_the_roof_is_found() {
    assert_eq!(
        rules("crates/types/src/a.rs", "#[derive(Serialize)]"),
        ["serde"]
    );
    assert_eq!(
        rules("crates/status/src/a.rs", "use serde_json::Value;"),
        ["serde"]
    );
    assert_eq!(
        rules("crates/cli/src/a.rs", "use serde::Deserialize;"),
        NONE
    );
    assert_eq!(
        rules("crates/testkit/src/a.rs", "use serde::Deserialize;"),
        NONE
    );
}

#[test]
fn wire_status_chosen_outside_its_file_is_found() {
    let choice = "return OcspResponseStatus::TryLater;";
    assert_eq!(
        rules("crates/responder/src/http.rs", choice),
        ["wire-status"]
    );
    assert_eq!(
        rules("crates/cli/src/listen/mod.rs", choice),
        ["wire-status"]
    );
    let arm = "_ => OcspResponseStatus::InternalError,";
    assert_eq!(rules("crates/responder/src/http.rs", arm), ["wire-status"]);
    assert_eq!(rules("crates/responder/src/error.rs", choice), NONE);
    assert_eq!(rules("crates/types/src/response.rs", choice), NONE);
    assert_eq!(rules("crates/responder/tests/errors.rs", choice), NONE);
}

#[test]
fn wire_status_that_is_only_looked_at_is_fine() {
    for text in [
        "OcspResponseStatus::TryLater => later(),",
        "OcspResponseStatus::TryLater | OcspResponseStatus::InternalError => later(),",
        "| OcspResponseStatus::TryLater",
        "if status == OcspResponseStatus::TryLater {",
        "matches!(status, OcspResponseStatus::TryLater)",
        "OcspResponseStatus::Successful",
    ] {
        assert_eq!(rules("crates/cli/src/metrics.rs", text), NONE, "{text}");
    }
}

#[test]
fn limit_outside_its_file_is_found() {
    for text in [
        "const MAX_NONCE: usize = 1;",
        "pub const LIMIT_X: u8 = 1;",
        "const DEFAULT_MAX: u8 = 1;",
    ] {
        assert_eq!(
            rules("crates/types/src/nonce.rs", text),
            ["limits"],
            "{text}"
        );
        assert_eq!(
            rules("crates/responder/src/http.rs", text),
            ["limits"],
            "{text}"
        );
        assert_eq!(rules("crates/types/src/limits.rs", text), NONE, "{text}");
        assert_eq!(rules("crates/cli/src/a.rs", text), NONE, "{text}");
    }
    assert_eq!(
        rules("crates/types/src/nonce.rs", "const TAG_MAX_X: u8 = 1;"),
        NONE
    );
}

#[test]
fn printing_below_the_roof_is_found() {
    for text in [
        "println!(\"x\");",
        "eprintln!(\"x\");",
        "print!(\"x\");",
        "dbg!(x);",
    ] {
        assert_eq!(
            rules("crates/responder/src/a.rs", text),
            ["printing"],
            "{text}"
        );
        assert_eq!(rules("crates/cli/src/a.rs", text), NONE, "{text}");
    }
    assert_eq!(rules("crates/responder/src/a.rs", "my_print!(x);"), NONE);
}

#[test]
fn foreign_text_past_the_escaper_is_found() {
    let text = "let s = String::from_utf8_lossy(bytes);";
    assert_eq!(rules("crates/cli/src/log.rs", text), ["foreign-text"]);
    assert_eq!(rules("crates/cli/src/escape.rs", text), NONE);
    assert_eq!(rules("crates/cli/tests/a.rs", text), NONE);
}

#[test]
fn asking_command_that_names_a_key_or_a_source_is_found() {
    for path in [
        "crates/cli/src/command/verify/mod.rs",
        "crates/cli/src/command/decode/kind.rs",
        "crates/cli/src/command/input.rs",
        "crates/cli/src/exit.rs",
        "crates/cli/src/command/signerless.rs",
    ] {
        for code in [
            "use certvouch_signer::read_certificates;",
            "certvouch_status::IndexTxt::open(path)",
            "use certvouch_responder::Responder;",
            "let db = rusqlite::Connection::open(path);",
        ] {
            assert_eq!(rules(path, code), ["asking"], "{path}: {code}");
        }
        assert_eq!(rules(path, "use certvouch_verify::Query;"), NONE);
    }
    for path in [
        "crates/cli/src/command/signer.rs",
        "crates/cli/src/command/demo/pki.rs",
        "crates/cli/src/serve/issuer.rs",
        "crates/cli/tests/demo.rs",
        "crates/signer/src/lib.rs",
    ] {
        assert_eq!(
            rules(path, "use certvouch_signer::FileSigner;"),
            NONE,
            "{path}"
        );
    }
}

#[test]
fn unfinished_code_is_found_even_in_tests() {
    for text in [
        "todo!()",
        "unimplemented!(\"x\")",
        "#[ignore]",
        "#[ignore = \"slow\"]",
    ] {
        assert_eq!(
            rules("crates/cli/tests/a.rs", text),
            ["unfinished"],
            "{text}"
        );
    }
}

#[test]
fn relaxed_lint_needs_expect_and_a_reason() {
    let path = "crates/cli/tests/a.rs";
    assert_eq!(rules(path, "#[allow(dead_code)]"), ["relaxed-lint"]);
    assert_eq!(
        rules(path, "#![allow(dead_code, reason = \"x\")]"),
        ["relaxed-lint"]
    );
    assert_eq!(
        rules(path, "#[cfg_attr(test, allow(dead_code))]"),
        ["relaxed-lint"]
    );
    assert_eq!(rules(path, "#[expect(dead_code)]"), ["relaxed-lint"]);
    assert_eq!(rules(path, "#[expect(dead_code, reason = \"x\")]"), NONE);
    assert_eq!(
        rules(path, "#[expect(\n    dead_code,\n    reason = \"x\"\n)]\n"),
        NONE
    );
    assert_eq!(rules(path, "// #[allow(x)]"), NONE);
}

#[test]
fn unwrap_without_a_proof_is_found() {
    let path = "crates/types/src/a.rs";
    assert_eq!(rules(path, "let a = b.unwrap();"), ["unproved"]);
    assert_eq!(rules(path, "let a = b.expect(\"x\");"), ["unproved"]);
    assert_eq!(rules(path, "// because\nlet a = b.unwrap();"), ["unproved"]);
    assert_eq!(
        rules("crates/testkit/src/a.rs", "let a = b.unwrap();"),
        NONE
    );
    assert_eq!(
        rules(path, "// proof: checked\nlet c = d;\nlet a = b.unwrap();"),
        ["unproved"]
    );
}

#[test]
fn unwrap_with_a_proof_directly_above_is_fine() {
    let path = "crates/types/src/a.rs";
    assert_eq!(
        rules(
            path,
            "// proof: the length was checked\nlet a = b.unwrap();"
        ),
        NONE
    );
    assert_eq!(
        rules(
            path,
            "// proof: the length\n// was checked\nlet a = b.unwrap();"
        ),
        NONE
    );
    assert_eq!(
        rules(
            path,
            "// proof: never empty\nlet a = b\n    .c()\n    .unwrap();"
        ),
        NONE
    );
    assert_eq!(
        rules(path, "let a = b\n    // proof: never empty\n    .unwrap();"),
        NONE
    );
    assert_eq!(
        rules(path, "let a = b.unwrap(); // proof: never empty"),
        NONE
    );
    assert_eq!(
        rules("crates/types/tests/a.rs", "let a = b.unwrap();"),
        NONE
    );
    assert_eq!(rules(path, "let a = b.unwrap_or_default();"), NONE);
}
