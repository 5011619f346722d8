//! `certvouch demo` as a newcomer meets it: the program is started, the commands that it prints are run as they stand
//! in a shell, and OpenSSL is the judge of the answers.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::process::{Server, TempDir, temp_dir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");

/// A running demo and what it printed.
struct Demo {
    server: Server,
    address: SocketAddr,
    text: String,
}

impl Demo {
    /// Starts it in this folder on a free port.
    fn start(home: &Path, arguments: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0"];
        let mut command = command(home);
        command.args(["demo"]).args(listen).args(arguments);
        Self::of(&mut command)
    }

    fn of(command: &mut Command) -> Self {
        let server = Server::start(command);
        let address = server.listening_address();
        let mut text = String::new();
        // The last command of the text is the one that revokes.
        while !text.contains("demo revoke good") {
            text.push_str(&server.line());
            text.push('\n');
        }
        Self {
            server,
            address,
            text,
        }
    }

    /// The printed commands of this kind: they stand behind two spaces.
    fn commands(&self, program: &str) -> Vec<String> {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("  "));
        let wanted = lines.filter(|line| line.starts_with(program));
        wanted.map(str::to_owned).collect()
    }

    fn interrupt(&mut self) -> Option<i32> {
        let id = self.server.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
        self.server.wait().code()
    }
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(home);
    for proxy in ["http_proxy", "HTTP_PROXY"] {
        command.env_remove(proxy);
    }
    command
}

fn run(home: &Path, arguments: &[&str]) -> Outcome {
    peer::run(command(home).args(arguments), &[], peer::PATIENCE)
}

fn shell(home: &Path, line: &str) -> Outcome {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(home);
    for proxy in ["http_proxy", "HTTP_PROXY"] {
        command.env_remove(proxy);
    }
    peer::run(&mut command, &[], peer::PATIENCE)
}

/// Runs a command that asks for a status and returns it, after OpenSSL found the signature in order.
fn ask(home: &Path, line: &str) -> String {
    let outcome = shell(home, line).expect_success(line);
    assert!(
        outcome.err().contains("Response verify OK"),
        "{line}\n{}",
        outcome.all()
    );
    let out = outcome.out();
    let status = out.lines().find_map(|line| line.split_once(".pem: "));
    status
        .unwrap_or_else(|| panic!("no status\n{out}"))
        .1
        .to_owned()
}

fn peers() -> bool {
    ["openssl", "curl"]
        .iter()
        .all(|name| peer::require_or_skip(name).is_some())
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn openssl_text(file: &Path) -> String {
    let file = file.display().to_string();
    let arguments = [
        "x509", "-in", &file, "-noout", "-subject", "-issuer", "-dates", "-text",
    ];
    peer::find("openssl").unwrap().run(&arguments).out()
}

// covers: T-34, R6960-A.1-1
#[test]
fn printed_commands_answer_good_revoked_unknown() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    let demo = Demo::start(home.path(), &[]);
    for program in ["openssl ocsp", "curl"] {
        let commands = demo.commands(program);
        let answers: Vec<_> = commands.iter().map(|line| ask(home.path(), line)).collect();
        assert_eq!(answers, ["good", "revoked", "unknown"], "{}", demo.text);
    }
    assert!(demo.address.ip().is_loopback());
}

#[test]
fn demo_of_any_algorithm_is_believed() {
    if !peers() {
        return;
    }
    for algorithm in ["p384", "p521", "ed25519", "rsa2048"] {
        let home = temp_dir();
        let demo = Demo::start(home.path(), &["--algorithm", algorithm]);
        assert_eq!(
            ask(home.path(), &demo.commands("openssl ocsp")[0]),
            "good",
            "{algorithm}"
        );
    }
}

#[test]
fn revoke_shows_in_the_next_answer() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    let demo = Demo::start(home.path(), &[]);
    let question = &demo.commands("openssl ocsp")[0];
    let cached = &demo.commands("curl")[0];
    assert_eq!(ask(home.path(), question), "good");
    assert_eq!(ask(home.path(), cached), "good");

    let ours = demo.commands(PROGRAM);
    let [_, revoke] = &ours[..] else {
        panic!("two commands of ours\n{}", demo.text);
    };
    let told = shell(home.path(), revoke).expect_success(revoke).out();
    let _ = demo.server.wait_for_stderr("the index was reloaded");
    let shown = told
        .lines()
        .find_map(|line| line.strip_prefix("  "))
        .unwrap();
    assert_eq!(ask(home.path(), shown), "revoked", "{told}");
    assert_eq!(ask(home.path(), question), "revoked");
    assert_eq!(ask(home.path(), cached), "revoked");
    let text = shell(home.path(), question).out();
    assert!(text.contains("Reason: keyCompromise"), "{text}");
}

#[test]
fn tls_server_staples_from_the_first_handshake_on_and_shows_a_revocation() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    let demo = Demo::start(home.path(), &["--tls-listen", "127.0.0.1:0"]);
    let look = &demo.commands("openssl s_client")[0];
    let seen = shell(home.path(), look).out();
    assert!(seen.contains("Cert Status: good"), "{seen}");
    assert!(seen.contains("Verify return code: 0 (ok)"), "{seen}");
    let check = &demo.commands(PROGRAM)[0];
    let checked = shell(home.path(), check).expect_success(check).out();
    assert!(checked.contains("STAPLED: not revoked"), "{checked}");

    let revoke = &demo.commands(PROGRAM)[1];
    let _ = shell(home.path(), revoke).expect_success(revoke);
    let began = Instant::now();
    while !shell(home.path(), look)
        .out()
        .contains("Cert Status: revoked")
    {
        assert!(began.elapsed() < peer::PATIENCE);
    }
    let checked = shell(home.path(), check);
    assert_eq!(checked.code, Some(1), "{}", checked.all());
    assert!(
        checked.out().contains("STAPLED: REVOKED"),
        "{}",
        checked.all()
    );
}

#[test]
fn folder_of_an_earlier_version_is_used_without_a_tls_server() {
    let home = temp_dir();
    drop(Demo::start(home.path(), &[]));
    let key = home.path().join("certvouch-demo/good.key");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&key).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    fs::remove_file(key).unwrap();
    let demo = Demo::start(home.path(), &[]);
    assert!(
        demo.text.contains("there is no TLS server"),
        "{}",
        demo.text
    );
    let refused = run(home.path(), &["demo", "--tls-listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(refused.err().contains("--expose"), "{}", refused.err());
}

#[test]
fn hold_is_released_and_revocation_is_not() {
    let home = temp_dir();
    drop(Demo::start(home.path(), &[]));
    let index = home.path().join("certvouch-demo/index.txt");
    let row = || {
        let text = fs::read_to_string(&index).unwrap();
        let row = text.lines().find(|line| line.contains("CN=good.")).unwrap();
        row.split('\t')
            .take(3)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = row();
    let outcome = run(home.path(), &["demo", "hold"]).expect_success("hold");
    assert!(
        outcome.out().contains("good is on hold"),
        "{}",
        outcome.all()
    );
    assert!(row()[2].ends_with(",certificateHold"));
    let _ = run(home.path(), &["demo", "release", "good"]).expect_success("release");
    assert_eq!(row(), before);
    let _ =
        run(home.path(), &["demo", "revoke", "--reason", "superseded"]).expect_success("revoke");
    assert!(row()[2].ends_with(",superseded"));

    let refused = run(home.path(), &["demo", "release", "good"]);
    assert_eq!(refused.code, Some(1), "{}", refused.all());
    assert!(
        refused.err().contains("revoked already, and that is final"),
        "{}",
        refused.err()
    );
    assert!(refused.stdout.is_empty());
}

#[test]
fn serial_names_a_certificate_too_and_unlisted_ones_stay_unknown() {
    let home = temp_dir();
    drop(Demo::start(home.path(), &[]));
    let index = fs::read_to_string(home.path().join("certvouch-demo/index.txt")).unwrap();
    let good = index
        .lines()
        .find(|line| line.contains("CN=good."))
        .unwrap();
    let serial = good.split('\t').nth(3).unwrap().to_lowercase();
    let outcome = run(home.path(), &["demo", "revoke", &serial]).expect_success("revoke");
    assert!(outcome.out().contains("good.pem"), "{}", outcome.out());

    for name in ["never-issued", "ABCDEF"] {
        let refused = run(home.path(), &["demo", "revoke", name]);
        assert_eq!(refused.code, Some(1), "{name}: {}", refused.all());
        assert!(
            refused.err().contains("the index has no such certificate"),
            "{}",
            refused.err()
        );
    }
    let refused = run(home.path(), &["demo", "revoke", "bad name"]);
    assert!(
        refused
            .err()
            .contains("neither a serial number nor one of good"),
        "{}",
        refused.err()
    );
    let elsewhere = run(temp_dir().path(), &["demo", "revoke"]);
    assert!(
        elsewhere
            .err()
            .contains("there is no demo in certvouch-demo"),
        "{}",
        elsewhere.err()
    );
}

// covers: T-34, R6960-3.1-K1
#[test]
fn pki_is_closed_short_lived_and_named_for_what_it_is() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    drop(Demo::start(home.path(), &[]));
    let dir = home.path().join("certvouch-demo");
    for (name, text) in files(&dir) {
        let mode = fs::metadata(dir.join(&name)).unwrap().permissions().mode() & 0o777;
        let private = String::from_utf8_lossy(&text).contains("PRIVATE KEY");
        assert_eq!(private, name.ends_with(".key"), "{name}");
        assert!(!private || mode == 0o600, "{name} {mode:o}");
    }
    for ca in ["root.pem", "issuing-ca.pem", "ocsp-signer.pem"] {
        let text = openssl_text(&dir.join(ca));
        let subject = text
            .lines()
            .find(|line| line.starts_with("subject"))
            .unwrap();
        assert!(subject.contains("NOT FOR PRODUCTION"), "{subject}");
        // Valid now and not in seven days.
        let file = dir.join(ca).display().to_string();
        let openssl = peer::find("openssl").unwrap();
        let week = openssl.run(&["x509", "-in", &file, "-noout", "-checkend", "604800"]);
        assert_eq!(week.code, Some(1), "{ca}");
        let now = openssl.run(&["x509", "-in", &file, "-noout", "-checkend", "60"]);
        assert_eq!(now.code, Some(0), "{ca}");
    }
    let signer = openssl_text(&dir.join("ocsp-signer.pem"));
    for part in ["OCSP Signing", "OCSP No Check", "Digital Signature"] {
        assert!(signer.contains(part), "{part}\n{signer}");
    }
    let good = openssl_text(&dir.join("good.pem"));
    assert!(good.contains("OCSP - URI:http://127.0.0.1:"), "{good}");
}

#[test]
fn second_start_uses_the_same_pki() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    let dir = home.path().join("certvouch-demo");
    let mut demo = Demo::start(home.path(), &[]);
    assert_eq!(demo.interrupt(), Some(0), "{}", demo.server.stderr());
    let _ = run(home.path(), &["demo", "revoke", "good"]).expect_success("revoke");
    let kept = |files: Vec<(String, Vec<u8>)>| -> Vec<(String, Vec<u8>)> {
        files
            .into_iter()
            .filter(|(name, _)| name != "responder-url.txt")
            .collect()
    };
    let before = kept(files(&dir));

    let demo = Demo::start(home.path(), &[]);
    assert!(demo.text.contains("is used again"), "{}", demo.text);
    assert_eq!(kept(files(&dir)), before);
    assert_eq!(
        ask(home.path(), &demo.commands("openssl ocsp")[0]),
        "revoked"
    );
}

#[test]
fn interrupt_leaves_a_whole_folder() {
    let home = temp_dir();
    let mut demo = Demo::start(home.path(), &[]);
    assert_eq!(demo.interrupt(), Some(0), "{}", demo.server.stderr());
    let names: Vec<_> = files(&home.path().join("certvouch-demo"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    assert!(names.iter().any(|name| name == "index.txt"), "{names:?}");
}

#[test]
fn foreign_folder_is_refused_and_left_alone() {
    let home = temp_dir();
    let dir = home.path().join("papers");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("thesis.tex"), "years of work").unwrap();
    let refused = run(
        home.path(),
        &["demo", "--dir", "papers", "--listen", "127.0.0.1:0"],
    );
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(
        refused.err().contains("papers is not a demo folder"),
        "{}",
        refused.err()
    );
    assert!(refused.stdout.is_empty(), "{}", refused.out());
    assert_eq!(
        files(&dir),
        [("thesis.tex".to_owned(), b"years of work".to_vec())]
    );
}

#[test]
fn folder_with_a_blank_works_in_the_printed_commands() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    let demo = Demo::start(home.path(), &["--dir", "it's a demo"]);
    let question = &demo.commands("openssl ocsp")[0];
    assert_eq!(ask(home.path(), question), "good");
    let check = &demo.commands(PROGRAM)[0];
    let _ = shell(home.path(), check).expect_success(check);
    let revoke = &demo.commands(PROGRAM)[1];
    let _ = shell(home.path(), revoke).expect_success(revoke);
    let _ = demo.server.wait_for_stderr("the index was reloaded");
    assert_eq!(ask(home.path(), question), "revoked");
}

#[test]
fn taken_default_port_gives_way_to_a_free_one() {
    // Whether this test or somebody else holds the port, it is taken.
    let _held = TcpListener::bind("127.0.0.1:8080");
    let home = temp_dir();
    let demo = Demo::of(command(home.path()).arg("demo"));
    assert_ne!(demo.address.port(), 8080);
    assert!(
        demo.text.contains("127.0.0.1:8080 is taken"),
        "{}",
        demo.text
    );
}

#[test]
fn taken_port_that_was_asked_for_is_refused() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let refused = run(temp_dir().path(), &["demo", "--listen", &address]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(refused.err().contains(&address), "{}", refused.err());
}

// covers: T-34
#[test]
fn address_beyond_loopback_needs_expose() {
    let home = temp_dir();
    let refused = run(home.path(), &["demo", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(refused.err().contains("--expose"), "{}", refused.err());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn flags_of_the_start_do_not_go_with_a_change() {
    let home: TempDir = temp_dir();
    let refused = run(home.path(), &["demo", "--expose", "revoke", "good"]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
}

#[test]
fn configuration_in_the_folder_serves_the_same() {
    if !peers() {
        return;
    }
    let home = temp_dir();
    let mut demo = Demo::start(home.path(), &[]);
    let question = demo.commands("openssl ocsp")[0].clone();
    assert_eq!(demo.interrupt(), Some(0));
    let file = home.path().join("certvouch-demo/certvouch.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("127.0.0.1:8080"), "{text}");
    fs::write(&file, text.replace("127.0.0.1:8080", "127.0.0.1:0")).unwrap();
    let mut serve = command(home.path());
    let server = Server::start(serve.args(["serve", "--config", "certvouch-demo/certvouch.toml"]));
    let address = server.listening_address();
    let question = question.replace(&demo.address.to_string(), &address.to_string());
    assert_eq!(ask(home.path(), &question), "good");
}
