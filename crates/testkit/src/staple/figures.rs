//! What a process costs, as the kernel counts it.

use std::time::Duration;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Time on a processor, of the program and of the kernel for it.
    pub cpu: Duration,
    /// Resident memory, in KiB.
    pub resident: u64,
    /// The most of it so far.
    pub peak: u64,
    /// Threads.
    pub threads: u64,
}

/// What a process has used so far.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn cost(process: u32) -> Cost {
    let read = |name: &str| {
        let path = format!("/proc/{process}/{name}");
        std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
    };
    let stat = read("stat");
    // The name of the program may have blanks in it; user and system time are fields 14 and 15 of proc_pid_stat(5).
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let ticks = |field: usize| -> u64 {
        let text = fields.get(field - 3).copied().unwrap_or_default();
        text.parse().expect("ticks are a number")
    };
    // A tick is a hundredth of a second on every Linux that runs tests (USER_HZ).
    let cpu = Duration::from_millis((ticks(14) + ticks(15)) * 10);
    let status = read("status");
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    Cost {
        cpu,
        resident: value("VmRSS:"),
        peak: value("VmHWM:"),
        threads: value("Threads:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_cost_is_more_than_nothing() {
        let cost = cost(std::process::id());
        assert!(cost.resident > 0 && cost.peak >= cost.resident && cost.threads > 0);
    }
}
