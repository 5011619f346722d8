//! The pages are true: every command in a `sh` block of README.md and docs/ is run, and every command between
//! backquotes is run or at least asked for its help.
//!
//! A block runs line by line in a folder of its own, a copy of one tree: `ca.pem`, `ca.key`, `index.txt`, a delegated
//! responder `ocsp.pem` and `ocsp.key`, a certificate `server.pem` that is also in the folder `issued`, a CRL
//! `ca.crl`, the same as an easy-rsa folder `pki`, a second CA with `2` in its names, and the page's own TOML block as
//! `certvouch.toml`. URLs of hosts below `.example` lead to a web server of the test that has the CRL. A server in a line keeps running for the
//! lines behind it, until another server starts or the block ends; `127.0.0.1:8080` stands for wherever it listens.
//! A line that fails fails the test. A `bash` block needs more than that, an admin port with a store, and is run by the
//! tests of `api`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use certvouch_testkit::openssl_ca::{OpensslCa, Revocation};
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::KeyAlg;
use certvouch_testkit::process::{Server, TempDir, temp_dir};

const PUBLIC_PORT: &str = "127.0.0.1:8080";

/// The page's name, its text.
fn pages() -> Vec<(String, String)> {
    let root = root();
    let mut files = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        (name, fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(read).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The fenced blocks of one language, each with the number of its first line.
fn blocks(page: &str, language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(bool, usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(name)) => open = Some((name.trim() == language, index + 2, String::new())),
            (None, None) => {}
            (Some((wanted, number, text)), Some(_)) => {
                if *wanted {
                    found.push((*number, std::mem::take(text)));
                }
                open = None;
            }
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block that does not end");
    found
}

/// The commands between backquotes outside of blocks.
fn inline_commands(page: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut inside_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            inside_block = !inside_block;
        } else if !inside_block {
            outside.push_str(line);
            outside.push('\n');
        }
    }
    let spans = outside.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.starts_with("certvouch "))
        .map(str::to_owned)
        .collect()
}

/// The tree that every block gets a copy of.
fn tree(openssl: &Peer) -> &'static Path {
    static TREE: OnceLock<TempDir> = OnceLock::new();
    TREE.get_or_init(|| {
        let dir = temp_dir();
        for suffix in ["", "2"] {
            let ca = OpensslCa::new(openssl, KeyAlg::P256);
            let server = ca.issue("server", "1001");
            let gone = ca.issue("gone", "1002");
            let signer = ca.issue_ocsp_signer("OCSP", "1003");
            ca.revoke(&gone, Revocation::Reason("keyCompromise"));
            let issued = dir.path().join(format!("issued{suffix}"));
            fs::create_dir(&issued).unwrap();
            fs::copy(&server.cert, issued.join("server.pem")).unwrap();
            for (from, to) in [
                (ca.crl(), "ca.crl"),
                (ca.cert(), "ca.pem"),
                (ca.key(), "ca.key"),
                (ca.index(), "index.txt"),
                (signer.cert, "ocsp.pem"),
                (signer.key, "ocsp.key"),
                (server.cert, "server.pem"),
            ] {
                let (stem, kind) = to.split_once('.').unwrap();
                let to = dir.path().join(format!("{stem}{suffix}.{kind}"));
                // fs::copy takes the mode with it.
                fs::copy(from, to).unwrap();
            }
        }
        let pki = dir.path().join("pki");
        fs::create_dir(&pki).unwrap();
        for (from, to) in [("ca.pem", "ca.crt"), ("index.txt", "index.txt")] {
            fs::copy(dir.path().join(from), pki.join(to)).unwrap();
        }
        dir
    })
    .path()
}

/// The web server for every URL of a page whose host ends in `.example`: it has the tree's CRL, whatever is asked for.
fn crl_server(openssl: &Peer) -> std::net::SocketAddr {
    static ADDRESS: OnceLock<std::net::SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let crl = fs::read(tree(openssl).join("ca.crl")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 2048];
                // One request without a body fits into one read; who hangs up does not matter here.
                let _ = stream.read(&mut head);
                let length = crl.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all(&[head.as_bytes(), &crl].concat());
            }
        });
        address
    })
}

/// The same line with `http://NAME.example:PORT/` and `https://…` leading to that server.
fn at_home(line: &str, openssl: &Peer) -> String {
    let words = line.split_inclusive([' ', '\'']);
    let at_home = |word: &str| -> String {
        let rest = word
            .strip_prefix("http://")
            .or_else(|| word.strip_prefix("https://"));
        match rest.and_then(|rest| rest.split_once('/')) {
            Some((host, path))
                if host
                    .split(':')
                    .next()
                    .is_some_and(|it| it.ends_with(".example")) =>
            {
                format!("http://{}/{path}", crl_server(openssl))
            }
            _ => word.to_owned(),
        }
    };
    words.map(at_home).collect()
}

/// A block's folder and the server that runs in it.
struct Shell {
    openssl: Peer,
    dir: TempDir,
    server: Option<(Server, String)>,
}

impl Shell {
    fn new(openssl: &Peer, configuration: Option<&str>) -> Self {
        let dir = temp_dir();
        let copied = Command::new("cp")
            .args(["-R", "-p", "."])
            .arg(dir.path())
            .current_dir(tree(openssl))
            .status();
        assert!(copied.unwrap().success());
        if let Some(text) = configuration {
            fs::write(dir.path().join("certvouch.toml"), text).unwrap();
        }
        let openssl = openssl.clone();
        Self {
            openssl,
            dir,
            server: None,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        match kind(&at_home(line, &self.openssl)) {
            Kind::Nothing => Ok(()),
            Kind::Server(line) => self.serve(&line),
            Kind::Command(line) => self.run(&line),
        }
    }

    fn serve(&mut self, line: &str) -> Result<(), String> {
        self.stop()?;
        let mut line = line.replace(PUBLIC_PORT, "127.0.0.1:0");
        if let Some(file) = word_after(&line, "--config") {
            let path = self.dir.path().join(file);
            let text = fs::read_to_string(&path).map_err(|why| format!("{file}: {why}"))?;
            fs::write(&path, text.replace(PUBLIC_PORT, "127.0.0.1:0")).unwrap();
        } else if !line.contains("--listen") {
            line.push_str(" --listen 127.0.0.1:0");
        }
        let server = Server::start(&mut self.shell(&format!("exec {line}")));
        let address = server.listening_address();
        self.server = Some((server, address.to_string()));
        Ok(())
    }

    fn run(&self, line: &str) -> Result<(), String> {
        let line = match &self.server {
            Some((_, address)) => line.replace(PUBLIC_PORT, address),
            None => line.to_owned(),
        };
        let outcome = peer::run(&mut self.shell(&line), &[], peer::PATIENCE);
        if outcome.success() {
            return Ok(());
        }
        Err(format!("exit {:?}\n{}", outcome.code, outcome.all()))
    }

    fn stop(&mut self) -> Result<(), String> {
        let Some((mut server, _)) = self.server.take() else {
            return Ok(());
        };
        let status = server.terminate();
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("the server ended with {status}\n{}", server.stderr()))
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(self.dir.path());
        let ours = Path::new(env!("CARGO_BIN_EXE_certvouch")).parent().unwrap();
        let others = env::var_os("PATH").unwrap_or_default();
        let path = [ours.to_owned()]
            .into_iter()
            .chain(env::split_paths(&others));
        command.env("PATH", env::join_paths(path).unwrap());
        command.env("XDG_STATE_HOME", self.dir.path().join("state"));
        for proxy in ["http_proxy", "HTTP_PROXY"] {
            command.env_remove(proxy);
        }
        command
    }
}

enum Kind {
    Command(String),
    Nothing,
    Server(String),
}

fn kind(line: &str) -> Kind {
    let line = line.replacen("cargo run --release --", "certvouch", 1);
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        // Building and testing is what runs this test.
        [] | ["cargo" | "git", ..] => Kind::Nothing,
        [first, ..] if first.starts_with('#') => Kind::Nothing,
        ["certvouch", "serve", ..] | ["certvouch", "demo"] => Kind::Server(line),
        ["certvouch", "demo", flag, ..] if flag.starts_with("--") => Kind::Server(line),
        _ => Kind::Command(line),
    }
}

fn word_after<'a>(line: &'a str, flag: &str) -> Option<&'a str> {
    line.split_whitespace()
        .skip_while(|word| *word != flag)
        .nth(1)
}

/// The page's configuration: its first TOML block.
fn configuration(page: &str) -> Option<String> {
    blocks(page, "toml")
        .into_iter()
        .next()
        .map(|(_, text)| text)
}

// covers: R6960-2.2-3
#[test]
fn pages_say_what_good_does_not_mean() {
    let pages: BTreeMap<String, String> = pages().into_iter().collect();
    for page in ["README.md", "docs/status.md"] {
        let text = pages[page].split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("ever issued"), "{page}");
        assert!(text.contains("valid when the answer was made"), "{page}");
        assert!(text.contains("RFC 6960 2.2"), "{page}");
    }
}

#[test]
fn every_command_block_runs() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let mut failures = Vec::new();
    let mut ran = 0;
    for (name, page) in pages() {
        let configuration = configuration(&page);
        for (number, block) in blocks(&page, "sh") {
            let mut shell = Shell::new(&openssl, configuration.as_deref());
            let joined = block.replace("\\\n", " ");
            let outcome = joined.lines().try_for_each(|line| {
                ran += 1;
                shell.line(line).map_err(|why| format!("{line}\n{why}"))
            });
            if let Err(why) = outcome.and_then(|()| shell.stop()) {
                failures.push(format!("{name}:{number}: {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(ran > 20, "only {ran} commands were found");
}

#[test]
fn every_inline_command_runs_or_exists() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let mut failures = Vec::new();
    for (name, page) in pages() {
        for command in inline_commands(&page) {
            let mut shell = Shell::new(&openssl, configuration(&page).as_deref());
            let outcome = if command.contains("--") {
                shell.line(&command).and_then(|()| shell.stop())
            } else {
                shell.run(&format!("{command} --help"))
            };
            if let Err(why) = outcome {
                failures.push(format!("{name}: {command}\n{why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The samples besides the reference; that one names what nobody has, and is read by the tests of the configuration.
#[test]
fn samples_start() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    for entry in fs::read_dir(root().join("docs/samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "certvouch.toml" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let here = text.replace("/etc/pki/", "");
        assert_ne!(text, here, "{name} names no file");
        let shell = Shell::new(&openssl, Some(&here));
        let outcome = shell.run("certvouch config check certvouch.toml");
        assert_eq!(outcome, Ok(()), "{name}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (name, page) in pages() {
        let folder = root().join(&name);
        for target in page.split("](").skip(1) {
            let target = target.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = folder.parent().unwrap().join(target);
            assert!(path.exists(), "{name}: {target}");
        }
    }
}

#[test]
fn first_screen_has_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let screen = readme.lines().take(24).collect::<Vec<_>>();
    for command in ["cargo run --release -- demo", "cargo test --workspace"] {
        assert!(screen.contains(&command), "{command}");
    }
}

// covers: ETSI2-CSS-6.3.10-12
#[test]
fn page_of_profiles_says_how_long_status_is_kept_and_what_follows_a_compromise_or_the_end() {
    let page = fs::read_to_string(root().join("docs/profiles.md")).unwrap();
    let (_, section) = page
        .split_once("## How long status is kept under `etsi`")
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    for part in [
        "archive-cutoff",
        "`ca_compromised`",
        "If the service ends",
        "practice statement",
    ] {
        assert!(section.contains(part), "{part}");
    }
}
