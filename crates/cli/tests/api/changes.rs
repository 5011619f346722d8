//! The change log: pages, and a stream that goes on where it was.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Site, json};

/// The ids of the first so many events of a stream.
fn events(
    admin: std::net::SocketAddr,
    token: &str,
    fields: &str,
    count: usize,
) -> Vec<(u64, String)> {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let request = format!(
        "GET /v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n{fields}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut found = Vec::new();
    let mut id = 0;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.parse().unwrap();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            found.push((id, data.to_owned()));
            if found.len() == count {
                return found;
            }
        }
    }
    panic!("the stream ended after {found:?}");
}

#[test]
fn stream_brings_what_was_and_what_comes_and_goes_on_where_it_was() {
    let site = Site::new();
    site.change("PUT", "1001", "{\"status\":\"issued\"}");
    let page = json(&site.ask("GET", "/v1/changes?limit=1000", ""));
    let known = page["head"]["change_id"].as_u64().unwrap();
    let all = page["changes"].as_array().unwrap();
    let ids: Vec<u64> = all
        .iter()
        .map(|it| it["change_id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=known).collect::<Vec<u64>>(), "no gaps");
    let last = all.iter().rfind(|it| it["kind"] == "certificate").unwrap();
    assert_eq!(
        (&last["serial"], &last["who"], &last["new"]["status"]),
        (&"1001".into(), &"all".into(), &"issued".into())
    );
    std::thread::scope(|scope| {
        let field = format!("Last-Event-ID: {known}\r\n");
        let (admin, token) = (site.admin, site.token.clone());
        let reader = scope.spawn(move || events(admin, &token, &field, 2));
        site.change("PUT", "1001", "{\"status\":\"hold\"}");
        site.change("PATCH", "1001", "{\"status\":\"issued\"}");
        let found: Vec<(u64, String)> = reader.join().unwrap();
        let of_certificates: Vec<&(u64, String)> = found
            .iter()
            .filter(|(_, data)| data.contains("\"certificate\""))
            .collect();
        assert!(
            of_certificates
                .iter()
                .any(|(_, data)| data.contains("\"hold\"")),
            "{found:?}"
        );
        assert!(
            found[0].0 == known + 1 && found[1].0 == known + 2,
            "{found:?}"
        );
    });
}

#[test]
fn token_for_one_issuer_sees_no_other_changes() {
    let site = Site::new();
    site.change("PUT", "1001", "{\"status\":\"issued\"}");
    let token = site.new_token("reader", "read", &["--issuer", "a"]);
    let page = json(&site.ask_as(&token, "GET", "/v1/changes?limit=1000", ""));
    let all = page["changes"].as_array().unwrap();
    assert!(!all.is_empty());
    assert!(all.iter().all(|it| it["issuer"] == "a"), "{page}");
    let nothing = site.new_token("issuing", "issue", &[]);
    assert_eq!(site.ask_as(&nothing, "GET", "/v1/changes", "").status, 403);
}
