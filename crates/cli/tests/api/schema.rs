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
            let is_there = !matches!(response.status, 405)
                && !(response.status == 404 && !path.contains("{serial}"));
            assert_eq!(
                is_there,
                item.get(method).is_some(),
                "{method} {path}: {}",
                response.status
            );
        }
    }
}
