//! What cannot be examined ends with 2, and says why.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use certvouch_testkit::process::{free_port, temp_dir};

use crate::support::run;

/// A port that answers whatever comes with this, and hangs up; silent if there is nothing to say.
fn says(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                // A mail server speaks first.
                if !answer.starts_with(b"554") {
                    let _ = stream.read(&mut [0; 2048]);
                }
                if answer.is_empty() {
                    // Until the client gives up.
                    let _ = stream.read_to_end(&mut Vec::new());
                }
                let _ = stream.write_all(answer);
            });
        }
    });
    address.to_string()
}

#[test]
fn what_cannot_be_examined_ends_with_2_and_says_why() {
    let dir = temp_dir();
    std::fs::write(dir.path().join("empty.pem"), "").unwrap();
    let nobody = format!("127.0.0.1:{}", free_port());
    let web = says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let silent = says(b"");
    let mail = says(b"554 no\r\n");
    for (words, parts) in [
        (
            vec![nobody.as_str()],
            ["cannot connect", "nobody listens there"],
        ),
        (vec![&web], ["no handshake", "speaks no TLS at this port"]),
        (
            vec![&silent, "--timeout", "300ms"],
            ["no handshake", "the server is silent"],
        ),
        (
            vec![&mail, "--starttls", "imap"],
            ["no handshake", "speaks another protocol"],
        ),
        (
            vec!["nobody.invalid:443"],
            [
                "cannot resolve nobody.invalid",
                "DNS does not know the name",
            ],
        ),
        (
            vec!["www.example.org"],
            ["not a server of the form HOST:PORT", "www.example.org:443"],
        ),
        (
            vec!["www.example.org:99999"],
            ["not a server of the form HOST:PORT", ""],
        ),
        (
            vec!["a b\u{1b}[2J:443"],
            [r"a b\x1B[2J:443: not a server", ""],
        ),
        (
            vec![&nobody, "--ca", "absent.pem"],
            ["absent.pem", "No such file"],
        ),
        (vec![&nobody, "--ca", "empty.pem"], ["empty.pem", ""]),
        (
            vec![&nobody, "--server", "iis"],
            ["invalid value 'iis'", "nginx"],
        ),
        (vec![&nobody, "--url", "http://127.0.0.1/"], ["--ask", ""]),
        (vec![&nobody, "--handshakes", "0"], ["--handshakes", ""]),
        (
            vec![&nobody, "--at", "tomorrow"],
            ["not a time of the form", ""],
        ),
        (vec![], ["HOST:PORT", ""]),
    ] {
        let outcome = run(dir.path(), &[&["staple", "doctor"], &words[..]].concat());
        assert_eq!(outcome.code, Some(2), "{words:?}: {}", outcome.all());
        assert!(outcome.stdout.is_empty(), "{words:?}: {}", outcome.out());
        for part in parts {
            assert!(
                outcome.err().contains(part),
                "{words:?}: no {part:?} in {}",
                outcome.err()
            );
        }
        assert!(!outcome.err().contains('\u{1b}'));
    }
}

#[test]
fn list_names_every_check_with_its_reason() {
    let dir = temp_dir();
    let outcome = run(dir.path(), &["staple", "doctor", "--list"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let text = outcome.out();
    assert_eq!(text.lines().count(), 20, "{text}");
    for name in [
        "staple-sent ",
        "must-staple ",
        "cert-id-hash ",
        "responder-agrees ",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() > 40), "{text}");
}
