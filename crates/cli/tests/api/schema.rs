//! The description of the API: what it says is there is there, and a stranger's tester finds no fault.

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
