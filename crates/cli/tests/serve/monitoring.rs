//! What `packaging/monitoring` shows and alarms about is what `/metrics` has: every name and every label.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use certvouch_testkit::http;
use certvouch_testkit::peer;

use crate::admin::Started;

fn monitoring(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packaging/monitoring")
        .join(file)
}

/// The PromQL of the board: every `expr` and the queries of its variables.
fn of_the_board() -> Vec<String> {
    fn walk(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    match value.as_str() {
                        Some(text) if key == "expr" || key == "query" => found.push(text.into()),
                        _ => walk(value, found),
                    }
                }
            }
            serde_json::Value::Array(all) => all.iter().for_each(|it| walk(it, found)),
            _ => {}
        }
    }
    let text = fs::read_to_string(monitoring("grafana-certvouch.json")).unwrap();
    let mut found = Vec::new();
    walk(&serde_json::from_str(&text).unwrap(), &mut found);
    found
}

/// The PromQL of the alerts, each of which stands on one line.
fn of_the_alerts() -> Vec<String> {
    let text = fs::read_to_string(monitoring("certvouch.rules.yml")).unwrap();
    let lines = text.lines().map(str::trim);
    let found: Vec<String> = lines
        .filter_map(|line| line.strip_prefix("expr: "))
        .map(str::to_owned)
        .collect();
    assert_eq!(found.len(), text.matches("- alert: ").count());
    found
}

/// Words of PromQL that look like names of ours.
fn names(expression: &str) -> BTreeSet<&str> {
    expression
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("certvouch_"))
        .collect()
}

/// The labels that an expression selects or groups by.
fn labels(expression: &str) -> BTreeSet<String> {
    let selected = expression
        .split('{')
        .skip(1)
        .flat_map(|rest| rest.split('}').next().unwrap().split(','))
        .filter_map(|pair| pair.split(['=', '!']).next());
    let grouped = expression
        .split("by (")
        .skip(1)
        .flat_map(|rest| rest.split(')').next().unwrap().split(','));
    selected
        .chain(grouped)
        .map(|it| it.trim().to_owned())
        .collect()
}

/// The families of a page, each with the labels that its samples have.
fn families(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut family = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            rest.split(' ').next().unwrap().clone_into(&mut family);
            found.entry(family.clone()).or_default();
        } else if let Some((_, rest)) = line.split_once('{') {
            let pairs = rest.split('}').next().unwrap().split(',');
            let names = pairs.filter_map(|it| it.split('=').next());
            found
                .get_mut(&family)
                .unwrap()
                .extend(names.map(str::to_owned));
        }
    }
    found
}

/// The rows of the table in docs/admin.md: names with labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `certvouch_"));
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let mut found = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        for name in quoted(cells[1]) {
            found.insert(name, quoted(cells[2]).into_iter().collect());
        }
    }
    found
}

/// A page after answers, errors and a reload.
fn page() -> String {
    let started = Started::new();
    let world = &started.site.world;
    for cert in [&world.ee_good, &world.ee_rev] {
        let _ = started.site.status(started.public, cert);
    }
    let _ = http::post(started.public, "/", b"nonsense");
    let token = started.token("deploy", "admin", &[]);
    assert_eq!(started.post("/v1/reload", &token).status, 200);
    let page = started.get("/metrics").body;
    String::from_utf8(page).unwrap()
}

#[test]
fn board_and_alerts_name_what_metrics_has_and_the_page_documents_all_of_it() {
    let real = families(&page());
    let documented = documented();
    assert_eq!(
        real.keys().collect::<Vec<_>>(),
        documented.keys().collect::<Vec<_>>(),
        "docs/admin.md and /metrics differ"
    );
    for (name, labels) in &real {
        let said = &documented[name];
        assert!(
            labels.is_subset(said),
            "{name}: {labels:?}, documented {said:?}"
        );
    }
    let histogram = |name: &str| {
        ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .is_some_and(|family| documented.get(family).is_some_and(|it| it.contains("le")))
    };
    let (board, alerts) = (of_the_board(), of_the_alerts());
    let mut shown = BTreeSet::new();
    for expression in board.iter().chain(&alerts) {
        let mut known: BTreeSet<&str> = ["instance", "job", "le"].into();
        for name in names(expression) {
            assert!(
                real.contains_key(name) || histogram(name),
                "{name} is no metric of ours: {expression}"
            );
            known.extend(
                documented
                    .get(name)
                    .into_iter()
                    .flatten()
                    .map(String::as_str),
            );
            shown.insert(name.trim_end_matches("_bucket").to_owned());
        }
        for label in labels(expression) {
            assert!(known.contains(label.as_str()), "{label}: {expression}");
        }
    }
    // A figure that no board shows and no alert uses is one that nobody will look at.
    for name in real.keys() {
        assert!(
            shown.contains(name),
            "{name} is neither shown nor alarmed about"
        );
    }
    assert!(board.len() > 25 && alerts.len() > 10);
}

#[test]
fn alerts_fire_when_they_should_and_are_silent_otherwise() {
    let Some(promtool) = peer::require_or_skip("promtool") else {
        return;
    };
    let folder = monitoring("");
    for words in [
        ["check", "rules", "certvouch.rules.yml"],
        ["test", "rules", "certvouch.rules.test.yml"],
    ] {
        let _ = promtool.run_in(&folder, &words).expect_success("promtool");
    }
    // Every alert is in the test that all of them fire.
    let tests = fs::read_to_string(monitoring("certvouch.rules.test.yml")).unwrap();
    let rules = fs::read_to_string(monitoring("certvouch.rules.yml")).unwrap();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        assert!(tests.contains(&format!("alertname: {name} }}")), "{name}");
    }
    let all = format!("exp_samples: [{{ value: {} }}]", of_the_alerts().len());
    assert!(tests.contains(&all), "{all}");
}
