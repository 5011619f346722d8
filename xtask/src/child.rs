//! Runs another program, reads what it prints, and never leaves it behind.
//!
//! The child gets a process group of its own. When this process is told to stop (SIGINT or SIGTERM), or when
//! the deadline passes, the whole group is told to stop and, five seconds later, killed.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// A flag that SIGINT and SIGTERM set.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Registers the flag with both signals.
    pub(crate) fn register() -> Result<Self> {
        let flag = Self::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag.0)).context("signal handler")?;
        }
        Ok(flag)
    }

    /// Were we told to stop?
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a child ended, and what it said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    /// Standard output and standard error, in the order of arrival, line by line.
    pub(crate) text: String,
    pub(crate) timed_out: bool,
}

/// Runs `command` to its end, to `limit`, or until `stop` is set. `echo` shows its lines as they come.
pub(crate) fn run(
    mut command: Command,
    limit: Duration,
    stop: &StopFlag,
    echo: bool,
) -> Result<Finished> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("{}", command.get_program().display()))?;
    let text = Arc::new(Mutex::new(String::new()));
    let mut readers = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        readers.push(collect(pipe, Arc::clone(&text), echo));
    }
    if let Some(pipe) = child.stderr.take() {
        readers.push(collect(pipe, Arc::clone(&text), echo));
    }

    let started = Instant::now();
    let mut timed_out = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        timed_out = started.elapsed() > limit;
        if timed_out || stop.is_set() {
            break end(&mut child)?;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // A grandchild may still hold the pipes; whatever is left of the group has no business any more.
    signal(&child, Signal::KILL);
    for reader in readers {
        let _ = reader.join();
    }
    let text = std::mem::take(&mut *text.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Finished {
        status,
        text,
        timed_out,
    })
}

fn collect(
    pipe: impl Read + Send + 'static,
    text: Arc<Mutex<String>>,
    echo: bool,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
            let shown = String::from_utf8_lossy(&line);
            if echo {
                eprint!("{shown}");
            }
            text.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&shown);
            line.clear();
        }
    })
}

/// Asks the group to stop, waits five seconds, then kills it.
fn end(child: &mut Child) -> Result<ExitStatus> {
    signal(child, Signal::INT);
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(5) {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(child, Signal::KILL);
    Ok(child.wait()?)
}

/// Signals the child's group. A group that is gone already is what we want, so errors mean nothing.
fn signal(child: &Child, signal: Signal) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn run_collects_both_streams_and_the_status() {
        let finished = run(
            shell("echo out; echo err >&2; exit 3"),
            Duration::from_secs(60),
            &StopFlag::default(),
            false,
        )
        .unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert!(finished.text.contains("out\n") && finished.text.contains("err\n"));
        assert!(!finished.timed_out);
    }

    #[test]
    fn run_past_its_limit_ends_the_whole_group() {
        let finished = run(
            shell("sleep 600 & echo $!; wait"),
            Duration::from_millis(200),
            &StopFlag::default(),
            false,
        )
        .unwrap();
        assert!(finished.timed_out);
        let grandchild: i32 = finished.text.trim().parse().unwrap();
        // Reaping is init's business and may take a moment: wait until the process is gone or a zombie.
        let gone = || match std::fs::read_to_string(format!("/proc/{grandchild}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        while !gone() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn run_with_the_stop_flag_set_does_not_wait() {
        let stop = StopFlag::default();
        stop.0.store(true, Ordering::Relaxed);
        let finished = run(
            shell("exec sleep 600"),
            Duration::from_secs(600),
            &stop,
            false,
        )
        .unwrap();
        assert!(!finished.status.success());
        assert!(!finished.timed_out);
    }
}
