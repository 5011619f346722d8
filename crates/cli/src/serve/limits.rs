//! What the process asks of the system for itself: file descriptors, and no core dumps.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Descriptors beside those of connections: standard streams, listening sockets, runtimes, watches, files being read.
const RESERVE: u64 = 256;

/// A core dump would hold the signing key (threats T-32). Where the system refuses, the process lives on: it may have
/// been denied the call by the sandbox that keeps it from dumping anyway.
pub(super) fn forbid_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(why) = setrlimit(Resource::Core, none) {
        tracing::debug!(%why, "the limit on core dumps could not be set");
    }
    // A handler that core_pattern pipes to does not ask for the limit, but for this.
    if let Err(why) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!(%why, "the process stays dumpable");
    }
}

/// Raises the soft limit on descriptors as far as this many connections need it, and says how many of them it
/// bears.
pub(super) fn connections(wanted: usize) -> usize {
    let needed = u64::try_from(wanted)
        .unwrap_or(u64::MAX)
        .saturating_add(RESERVE);
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit {
            current: Some(needed.min(hard)),
            maximum: limit.maximum,
        };
        if let Err(why) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%why, "the limit on file descriptors could not be raised");
        }
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let bearable = bearable(wanted, current);
    if bearable < wanted {
        tracing::warn!(
            connections = bearable,
            wanted,
            "the limit on file descriptors (ulimit -n, LimitNOFILE=) allows {current}; fewer connections are taken"
        );
    }
    bearable
}

fn bearable(wanted: usize, descriptors: u64) -> usize {
    // Where there are hardly any descriptors, half of them are for connections.
    let left = descriptors.saturating_sub(RESERVE).max(descriptors / 2);
    wanted
        .min(usize::try_from(left).unwrap_or(usize::MAX))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_descriptors() {
        assert_eq!(bearable(10_000, u64::MAX), 10_000);
        assert_eq!(bearable(10_000, 1024), 768);
        assert_eq!(bearable(10_000, 100), 50);
        assert_eq!(bearable(10, 1024), 10);
        assert_eq!(bearable(10, 0), 1);
    }

    #[test]
    fn few_connections_are_always_bearable() {
        assert_eq!(connections(8), 8);
    }
}
