//! Runs the operator's programs: argv without a shell, with a deadline, in a process group of their own that is killed
//! as a whole (threats T-31).

use std::fmt;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::escape::escape_bytes;

/// Octets of what a program says on standard error that are kept.
const KEPT: u64 = 1024;

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Why a program did not do its work.
#[derive(Debug)]
pub(crate) enum ProgramError {
    /// It could not be started.
    Start(io::Error),
    /// It took longer than allowed, and was killed with all that it started.
    TooLong(Duration),
    /// It ended with this status; what it said is escaped.
    Failed(String, String),
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(why) => write!(f, "it cannot be started: {why}"),
            Self::TooLong(limit) => {
                write!(
                    f,
                    "it took longer than {} s and was killed",
                    limit.as_secs()
                )
            }
            Self::Failed(status, said) if said.is_empty() => write!(f, "{status}"),
            Self::Failed(status, said) => write!(f, "{status}: {said}"),
        }
    }
}

impl std::error::Error for ProgramError {}

/// Runs a program with this input and these variables beside the environment, and waits for its end.
///
/// # Errors
/// [`ProgramError`].
pub(crate) fn run(
    argv: &[String],
    input: &[u8],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<(), ProgramError> {
    let Some((program, arguments)) = argv.split_first() else {
        return Ok(());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ProgramError::Start)?;
    feed(&mut child, input);
    let said = listen(&mut child);
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(LOOK),
            Ok(None) => {
                end(&mut child);
                return Err(ProgramError::TooLong(limit));
            }
            Err(why) => return Err(ProgramError::Start(why)),
        }
    };
    if status.success() {
        return Ok(());
    }
    // What it started may hold its standard error open: nobody waits for that longer than for the program.
    let said = said
        .and_then(|said| {
            let left = deadline.saturating_duration_since(Instant::now());
            said.recv_timeout(left.min(Duration::from_secs(1))).ok()
        })
        .unwrap_or_default();
    let said = escape_bytes(said.trim_ascii()).to_string();
    Err(ProgramError::Failed(status.to_string(), said))
}

/// Writes the input beside the waiting: a program that does not read holds nobody.
fn feed(child: &mut Child, input: &[u8]) {
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // One that does not want its input closes it; that is no failure.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
}

fn listen(child: &mut Child) -> Option<std::sync::mpsc::Receiver<Vec<u8>>> {
    let mut stderr = child.stderr.take()?;
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        drop((&mut stderr).take(KEPT).read_to_end(&mut kept));
        drop(sender.send(kept));
        // The rest is read and forgotten, so that the program does not stop at a full pipe.
        drop(io::copy(&mut stderr, &mut io::sink()));
    });
    Some(receiver)
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    // covers: T-31
    #[test]
    fn program_gets_its_input_and_is_killed_with_its_children_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let script = format!("cat > {}; test \"$X\" = y", path.display());
        run(
            &sh(&script),
            b"staple",
            &[("X", "y")],
            Duration::from_secs(20),
        )
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"staple");

        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let began = Instant::now();
        let late = run(&sh(&script), b"", &[], Duration::from_millis(300));
        assert!(matches!(late, Err(ProgramError::TooLong(_))), "{late:?}");
        assert!(began.elapsed() < Duration::from_secs(20));
        let grandchild = std::fs::read_to_string(&pid).unwrap();
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", grandchild.trim()));
            stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
        };
        while !gone() {
            assert!(began.elapsed() < Duration::from_secs(20), "it lives on");
            thread::sleep(LOOK);
        }
    }

    // covers: T-30, T-31
    #[test]
    fn no_shell_reads_the_arguments_and_what_is_said_is_escaped() {
        let argv = ["printf", "%s", "$(false)"].map(str::to_owned);
        run(&argv, b"", &[], Duration::from_secs(20)).unwrap();
        let failed = run(
            &sh("printf '\\033[31mred' >&2; exit 3"),
            b"",
            &[],
            Duration::from_secs(20),
        );
        let text = failed.unwrap_err().to_string();
        assert!(text.contains("exit status: 3: \\x1B[31mred"), "{text}");
        let missing = run(&["/nonexistent".to_owned()], b"", &[], Duration::ZERO);
        assert!(matches!(missing, Err(ProgramError::Start(_))));
    }
}
