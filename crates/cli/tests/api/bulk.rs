//! Many certificates in one request.

use certvouch_testkit::answer::CertStatus;

use crate::support::{Site, is_revoked, lines};

#[test]
fn bad_lines_stand_alone_and_the_rest_is_committed() {
    let site = Site::new();
    let body = "{\"serial\":\"1001\",\"status\":\"issued\"}\n\
        nothing\n\n\
        {\"serial\":\"1002\",\"status\":\"revoked\",\"reason\":\"superseded\"}\n\
        {\"serial\":\"x\",\"status\":\"issued\"}\n\
        {\"serial\":\"1002\",\"status\":\"issued\"}\n\
        {\"serial\":\"1003\",\"status\":\"hold\"}";
    let answer = lines(&site.ask("POST", "/v1/issuers/a/certificates", body));
    let word = |at: usize| {
        answer[at]["result"]
            .as_str()
            .unwrap_or("refused")
            .to_owned()
    };
    let words: Vec<String> = (0..6).map(word).collect();
    assert_eq!(
        words,
        [
            "created", "refused", "created", "refused", "refused", "created"
        ],
        "{answer:?}"
    );
    let numbers: Vec<u64> = (0..6)
        .map(|at| answer[at]["line"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 4, 5, 6, 7]);
    assert_eq!(answer[4]["error"]["status"], 409);
    assert_eq!(answer[3]["error"]["field"], "serial");
    let sum = answer.last().unwrap();
    assert_eq!(
        (&sum["lines"], &sum["created"], &sum["refused"]),
        (&6.into(), &3.into(), &3.into())
    );
    assert_eq!(site.status(&[0x10, 0x01]), CertStatus::Good);
    assert!(is_revoked(site.status(&[0x10, 0x02])));
    assert!(is_revoked(site.status(&[0x10, 0x03])));
}

#[test]
fn dry_run_changes_nothing_and_says_what_would_be() {
    let site = Site::new();
    site.change("PUT", "1001", "{\"status\":\"revoked\"}");
    let body = "{\"serial\":\"1001\",\"status\":\"issued\"}\n{\"serial\":\"1002\",\"status\":\"issued\"}\n";
    let target = "/v1/issuers/a/certificates?dry_run=true&results=refused";
    let answer = lines(&site.ask("POST", target, body));
    assert_eq!(answer.len(), 2, "{answer:?}");
    assert_eq!(
        (&answer[0]["line"], &answer[1]["created"]),
        (&1.into(), &1.into())
    );
    assert_eq!(site.status(&[0x10, 0x02]), CertStatus::Unknown);
}

#[test]
fn import_writes_one_entry_of_the_log_for_what_is_new() {
    let site = Site::new();
    let body: String = (0x2000..0x2800)
        .map(|serial| format!("{{\"serial\":\"{serial:X}\",\"status\":\"issued\"}}\n"))
        .collect();
    let before = site.head();
    let target = "/v1/issuers/a/certificates?import=true&results=refused";
    let answer = lines(&site.ask("POST", target, &body));
    assert_eq!(
        (answer.len(), &answer[0]["created"]),
        (1, &0x800.into()),
        "{answer:?}"
    );
    // One for each batch, however the octets came; never one for each line.
    let entries = site.head() - before;
    assert!((3..100).contains(&entries), "{entries}");
    assert_eq!(site.status(&[0x27, 0xFF]), CertStatus::Good);
    let again = lines(&site.ask("POST", target, &body));
    assert_eq!(&again[0]["unchanged"], &0x800);
}

// covers: T-1
#[test]
fn revoked_line_is_not_outdone_by_a_later_one_of_the_same_batch() {
    let site = Site::new();
    let body = "{\"serial\":\"3001\",\"status\":\"revoked\"}\n{\"serial\":\"3001\",\"status\":\"issued\"}\n";
    let target = "/v1/issuers/a/certificates?import=true";
    let answer = lines(&site.ask("POST", target, body));
    assert!(is_revoked(site.status(&[0x30, 0x01])), "{answer:?}");
    assert_eq!(answer[0]["result"], "created", "{answer:?}");
    assert_eq!(answer[1]["error"]["status"], 409, "{answer:?}");
    assert_eq!(answer[2]["refused"], 1, "{answer:?}");
}

#[test]
fn numbers_of_lines_count_empty_ones_in_later_batches_too() {
    let site = Site::new();
    let mut body = "\n\n".to_owned();
    for number in 0..2_500 {
        body.push_str(&format!(
            "{{\"serial\":\"4{number:05}\",\"status\":\"issued\"}}\n"
        ));
    }
    body.push_str("nothing\n");
    let answer = lines(&site.ask("POST", "/v1/issuers/a/certificates?results=refused", &body));
    assert_eq!(
        (&answer[0]["line"], &answer[1]["lines"]),
        (&2_503.into(), &2_501.into()),
        "{answer:?}"
    );
}

#[test]
fn many_lines_with_some_bad_ones() {
    let site = Site::new();
    let body: String = (0..20_000)
        .map(|number| match number % 1_000 {
            500 => "{\"serial\":7}\n".to_owned(),
            _ => format!(
                "{{\"serial\":\"{:06X}\",\"status\":\"issued\"}}\n",
                0x10_0000 + number
            ),
        })
        .collect();
    let answer = lines(&site.ask("POST", "/v1/issuers/a/certificates?results=refused", &body));
    assert_eq!(answer.len(), 21);
    assert_eq!(&answer[20]["created"], &19_980);
    assert_eq!(&answer[0]["line"], &501);
}

impl Site {
    fn head(&self) -> u64 {
        let issuers = crate::support::json(&self.ask("GET", "/v1/issuers", ""));
        issuers["head"]["change_id"].as_u64().unwrap()
    }
}
