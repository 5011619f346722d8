//! Servers held as child processes: started, heard, signalled, and never left behind.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
pub use tempfile::TempDir;

/// How long a server may take to say what it should or to end.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running child; killed when dropped.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts the command with empty standard input; both outputs are collected.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let piped = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped
            .spawn()
            .unwrap_or_else(|why| panic!("start {command:?}: {why}"));
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr_pipe = child.stderr.take().expect("stderr is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more when the server is being dropped.
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let store = Arc::clone(&stderr);
        thread::spawn(move || collect(stderr_pipe, &store));
        Self {
            child,
            lines,
            stderr,
        }
    }

    /// The next line of standard output.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`]; standard error is in the message.
    #[must_use]
    pub fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("no line in time; stderr: {}", self.stderr()),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("stdout ended; stderr: {}", self.stderr())
            }
        }
    }

    /// The next line of standard output, if it is there already.
    #[must_use]
    pub fn try_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// The address in the next line of standard output, `listening on http://ADDRESS:PORT`.
    ///
    /// # Panics
    /// When the line is another or does not come.
    #[must_use]
    pub fn listening_address(&self) -> SocketAddr {
        let line = self.line();
        let address = line
            .strip_prefix("listening on http://")
            .map(|rest| rest.trim_end_matches('/'));
        let address = address.and_then(|text| text.parse().ok());
        address.unwrap_or_else(|| panic!("no address in {line:?}; stderr: {}", self.stderr()))
    }

    /// What was written to standard error so far.
    ///
    /// # Panics
    /// Never: the collecting thread does not panic while it holds the text.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr
            .lock()
            .expect("the collector does not panic")
            .clone()
    }

    /// Waits until standard error contains this text and returns all of it.
    ///
    /// # Panics
    /// When it does not appear within [`PATIENCE`].
    #[must_use]
    pub fn wait_for_stderr(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.stderr();
            if all.contains(text) {
                return all;
            }
            assert!(
                Instant::now() < deadline,
                "{text:?} did not appear in stderr: {all}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When it has ended already, and when it does not end within [`PATIENCE`].
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Panics
    /// When it has ended already, and when it does not end within [`PATIENCE`].
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait()
    }

    /// Sends SIGHUP.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn hang_up(&mut self) {
        self.signal(Signal::HUP);
    }

    /// Sends SIGTERM and does not wait.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn ask_to_stop(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not come within [`PATIENCE`]; standard error is in the message.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait for a child") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end; stderr: {}",
                self.stderr()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// True while the process runs.
    ///
    /// # Panics
    /// When the system cannot tell.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("look at a child").is_none()
    }

    fn signal(&mut self, signal: Signal) {
        // Once it has been waited for, its id may belong to another process.
        assert!(
            self.is_running(),
            "it ended before {signal:?}; stderr: {}",
            self.stderr()
        );
        let id = i32::try_from(self.child.id()).expect("a process id is a positive i32");
        let pid = Pid::from_raw(id).expect("a child's id is not 0");
        kill_process(pid, signal).expect("send a signal to a child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A loopback port that was free a moment ago. Prefer port 0 where the program can say what it got.
///
/// # Panics
/// When the system has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// A folder that goes away with the value.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("certvouch-test-")
        .tempdir()
        .expect("a temporary folder")
}

fn collect(mut from: impl Read, store: &Mutex<String>) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let text = String::from_utf8_lossy(&piece[..count]).into_owned();
        store.lock().expect("no panic while held").push_str(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Server {
        Server::start(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn lines_and_signals_reach_their_ends() {
        let mut server = shell(
            "trap 'echo bye >&2; exit 7' TERM; echo 'listening on http://127.0.0.1:81'; echo b; \
             while :; do sleep 0.01; done",
        );
        assert_eq!(server.listening_address(), "127.0.0.1:81".parse().unwrap());
        assert_eq!(server.line(), "b");
        assert!(server.is_running());
        assert_eq!(server.terminate().code(), Some(7));
        assert!(server.wait_for_stderr("bye").contains("bye"));
    }

    #[test]
    fn kill_leaves_no_exit_code() {
        let mut server = shell("echo up; exec sleep 600");
        assert_eq!(server.line(), "up");
        assert_eq!(server.kill().code(), None);
        assert!(!server.is_running());
    }

    #[test]
    #[should_panic(expected = "stderr: no such flag")]
    fn missing_line_shows_stderr() {
        let server = shell("echo 'no such flag' >&2");
        let _ = server.wait_for_stderr("flag");
        let _ = server.line();
    }

    #[test]
    fn free_port_can_be_bound() {
        TcpListener::bind(("127.0.0.1", free_port())).unwrap();
        assert!(temp_dir().path().is_dir());
    }
}
