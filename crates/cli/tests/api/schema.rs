//! The description of the API: what it says is there is there, and a stranger's tester finds no fault.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use certvouch_testkit::peer;

use crate::support::{Site, json};

#[test]
fn description_names_every_place_and_none_that_is_not_there() {
    let site = Site::new();
    let document = json(&site.ask("GET", "/v1/openapi.json", ""));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (path, item) in document["paths"].as_object().unwrap() {
        let target = format!(
            "/v1{}",
            path.replace("{issuer}", "a").replace("{serial}", "10")
        );
        for method in ["get", "put", "patch", "post", "delete"] {
            if path == "/reload" && method == "post" {
                continue;
            }
            let response = site.ask(&method.to_uppercase(), &target, "");
            // A place that is not there is 404, one without the method 405; a certificate may be unknown.
            let is_there = match response.status {
                405 => false,
                404 => path.contains("{serial}"),
                _ => true,
            };
            assert_eq!(
                is_there,
                item.get(method).is_some(),
                "{method} {path}: {}",
                response.status
            );
        }
    }
}

/// What the description says, tried: a few hundred requests, good and bad, in and out of order. Left out is the check
/// that whatever fits the description is taken: it cannot say that a certificate has to be this CA's, a moment not
/// ahead, and a status one that the present one can become.
#[test]
fn schemathesis_finds_no_fault() {
    let Some(schemathesis) = peer::require_or_skip("schemathesis") else {
        return;
    };
    let site = Site::new();
    site.change("PUT", "3D800A", "{\"status\":\"issued\"}");
    let document = site.ask("GET", "/v1/openapi.json", "");
    std::fs::write(site.path().join("openapi.json"), &document.body).unwrap();
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/hooks.py");
    let mut command: Command = schemathesis.command();
    command
        .current_dir(site.path())
        .env("SCHEMATHESIS_HOOKS", hooks)
        .args(["run", "openapi.json", "--no-color", "--continue-on-failure"])
        .args(["--url", &format!("http://{}/v1", site.admin)])
        .args(["--header", &format!("Authorization: Bearer {}", site.token)])
        .args(["--max-examples", "15", "--seed", "1"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--exclude-checks", "positive_data_acceptance"]);
    let outcome = peer::run(&mut command, b"", Duration::from_secs(300));
    let said = outcome.out();
    assert!(outcome.success(), "{said}");
    let generated = said
        .lines()
        .find_map(|line| line.trim().split_once(" generated")?.0.parse::<u32>().ok());
    assert!(generated.is_some_and(|cases| cases > 300), "{said}");
}
