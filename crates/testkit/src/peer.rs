//! Foreign programs that judge us: finding them, skipping without them, running them with a deadline.
//!
//! A test asks [`require_or_skip`] and returns when it gets nothing. The skip is announced on standard
//! error; with `CERTVOUCH_REQUIRE_PEERS=1` in the environment an absent peer is a failure instead, so that
//! a machine which should have them all cannot pass by having none.
//!
//! Names are program names (`openssl`, `curl`, `go`, `python3`, …), and `python-cryptography` for a Python
//! that can import it. `go` counts only with `golang.org/x/crypto/ocsp` in Debian's GOPATH.

use std::env;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long [`Peer::run`] lets a program work before it is killed.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Where Debian's `golang-golang-x-crypto-dev` puts Go sources.
pub const GOPATH: &str = "/usr/share/gocode";

/// A foreign program that is here and works.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The name it was asked for by.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// First line of what it says about its version.
    pub version: String,
    environment: Vec<(&'static str, &'static str)>,
}

/// How a program ended and what it said.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Exit code; nothing when a signal (also ours, at the deadline) ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// True when it was killed because its time was over.
    pub timed_out: bool,
}

impl Outcome {
    /// Exit code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output as text.
    #[must_use]
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output and then standard error as text.
    #[must_use]
    pub fn all(&self) -> String {
        self.out() + &self.err()
    }

    /// Itself, if the exit code was 0.
    ///
    /// # Panics
    /// With everything the program said, when it was not.
    #[must_use]
    pub fn expect_success(self, what: &str) -> Self {
        let (code, said) = (self.code, self.all());
        assert!(
            self.success(),
            "{what}: exit {code:?}, late: {}\n{said}",
            self.timed_out
        );
        self
    }
}

impl Peer {
    /// The program as a command, with the environment it needs.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.envs(self.environment.iter().copied());
        command
    }

    /// Runs it in a folder with these arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_in(&self, dir: &Path, arguments: &[&str]) -> Outcome {
        run(
            self.command().current_dir(dir).args(arguments),
            &[],
            PATIENCE,
        )
    }

    /// Runs it with these arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_input(arguments, &[])
    }

    /// Runs it with these arguments and octets on standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_with_input(&self, arguments: &[&str], stdin: &[u8]) -> Outcome {
        run(self.command().args(arguments), stdin, PATIENCE)
    }

    /// Compiles one Go file into a program in `dir` and returns its path (for the peer `go`).
    ///
    /// # Panics
    /// When the source does not compile; the compiler's words are in the message.
    #[must_use]
    pub fn build_go(&self, dir: &Path, source: &str) -> PathBuf {
        let (file, program) = (dir.join("main.go"), dir.join("go-peer"));
        std::fs::write(&file, source).expect("write a Go source");
        let mut command = self.command();
        command
            .current_dir(dir)
            .args(["build", "-o"])
            .arg(&program)
            .arg(&file);
        let _ = run(&mut command, &[], 4 * PATIENCE).expect_success("go build");
        program
    }
}

/// The class path of BouncyCastle: Debian's libbcpkix-java and what it depends on.
pub const BOUNCY_CASTLE: &str =
    "/usr/share/java/bcpkix.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcutil.jar";

/// Looks for a peer; see the module for the names.
#[must_use]
pub fn find(name: &str) -> Option<Peer> {
    let go_environment = [
        ("GO111MODULE", "off"),
        ("GOPATH", GOPATH),
        ("GOTOOLCHAIN", "local"),
    ];
    match name {
        "openssl" | "go" => {
            let environment = if name == "go" {
                go_environment.to_vec()
            } else {
                Vec::new()
            };
            if name == "go"
                && !Path::new(GOPATH)
                    .join("src/golang.org/x/crypto/ocsp")
                    .is_dir()
            {
                return None;
            }
            probe(name, name, &["version"], environment)
        }
        "python-cryptography" => {
            let code = "import cryptography; print('cryptography', cryptography.__version__)";
            probe(name, "python3", &["-c", code], Vec::new())
        }
        "pkilint" => {
            let code = "import importlib.metadata as m; print('pkilint', m.version('pkilint'))";
            probe(name, "python3", &["-c", code], Vec::new())
        }
        // Java from source, with BouncyCastle's libraries where Debian puts them.
        "bouncycastle" => BOUNCY_CASTLE
            .split(':')
            .all(|jar| Path::new(jar).is_file())
            .then(|| probe(name, "java", &["--source", "17", "--version"], Vec::new()))
            .flatten(),
        "ocspclnt" | "certutil" => present(name),
        // The fetcher and ECDSA are plug-ins from packages of their own.
        "strongswan" => probe(name, "pki", &["--help"], Vec::new()).filter(|peer| {
            let said = peer.run(&["--help"]).out();
            [" curl", " openssl "]
                .iter()
                .all(|part| said.contains(part))
        }),
        "exim4" => probe(name, name, &["-bV"], Vec::new()),
        "cfssl" => probe(name, name, &["version"], Vec::new()),
        "nginx" | "varnishd" | "haproxy" => {
            let flag = if name == "varnishd" { "-V" } else { "-v" };
            probe(name, name, &[flag], Vec::new())
        }
        _ => probe(name, name, &["--version"], Vec::new()),
    }
}

/// A program that has no flag which ends with 0: it counts when it lies where programs lie.
fn present(name: &str) -> Option<Peer> {
    Some(Peer {
        name: name.to_owned(),
        program: on_path(name)?,
        version: String::new(),
        environment: Vec::new(),
    })
}

/// The peer, or a word on standard error and nothing.
///
/// # Panics
/// When the peer is absent and `CERTVOUCH_REQUIRE_PEERS` is `1`.
#[must_use]
pub fn require_or_skip(name: &str) -> Option<Peer> {
    let found = find(name);
    if found.is_none() {
        let required = env::var("CERTVOUCH_REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "peer {name} is absent, and CERTVOUCH_REQUIRE_PEERS=1 asks for it"
        );
        announce_skip(name);
    }
    found
}

/// Runs a command with octets on standard input; kills it when `limit` is over.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run(command: &mut Command, stdin: &[u8], limit: Duration) -> Outcome {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped
        .spawn()
        .unwrap_or_else(|why| panic!("start {command:?}: {why}"));
    let stdout = drain(child.stdout.take().expect("stdout is piped"));
    let stderr = drain(child.stderr.take().expect("stderr is piped"));
    let mut input = child.stdin.take().expect("stdin is piped");
    let octets = stdin.to_vec();
    // A program may leave its input unread; the broken pipe is its business.
    let feeder = thread::spawn(move || drop(input.write_all(&octets)));

    let deadline = Instant::now() + limit;
    let mut timed_out = false;
    let status: ExitStatus = loop {
        if let Some(status) = child.try_wait().expect("wait for a child") {
            break status;
        }
        if Instant::now() >= deadline && !timed_out {
            timed_out = true;
            child.kill().expect("kill a child");
        }
        thread::sleep(Duration::from_millis(2));
    };
    feeder.join().expect("the feeder does not panic");
    Outcome {
        code: status.code(),
        stdout: stdout.join().expect("the reader does not panic"),
        stderr: stderr.join().expect("the reader does not panic"),
        timed_out,
    }
}

/// Where a program lies: on the PATH, or where servers are that ordinary users do not have on theirs.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

fn probe(
    name: &str,
    program: &str,
    arguments: &[&str],
    environment: Vec<(&'static str, &'static str)>,
) -> Option<Peer> {
    let program = on_path(program)?;
    let mut peer = Peer {
        name: name.to_owned(),
        program,
        version: String::new(),
        environment,
    };
    let outcome = peer.run(arguments);
    peer.version = outcome.all().lines().next().unwrap_or_default().to_owned();
    outcome.success().then_some(peer)
}

fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        // What was read before an error is what the program said.
        drop(from.read_to_end(&mut all));
        all
    })
}

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must be seen to be skipped"
)]
fn announce_skip(name: &str) {
    eprintln!("SKIPPED: peer {name} is absent (install it, or see CERTVOUCH_REQUIRE_PEERS)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_returns_output_input_and_exit_code() {
        let mut command = Command::new("sh");
        let outcome = run(
            command.args(["-c", "cat; echo oops >&2; exit 3"]),
            b"abc",
            PATIENCE,
        );
        assert_eq!(
            (outcome.code, outcome.out(), outcome.err()),
            (Some(3), "abc".into(), "oops\n".into())
        );
        assert!(!outcome.success() && !outcome.timed_out);
    }

    #[test]
    fn run_kills_at_the_deadline() {
        let mut command = Command::new("sleep");
        let outcome = run(command.arg("600"), &[], Duration::from_millis(50));
        assert!(outcome.timed_out);
        assert_eq!(outcome.code, None);
    }

    #[test]
    fn find_without_such_a_program_is_none() {
        assert!(find("certvouch-no-such-program").is_none());
        assert!(on_path("sh").is_some());
    }
}
