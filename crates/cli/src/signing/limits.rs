//! What signing may take, each limit with its reason.

use std::time::Duration;

/// Signatures that may wait. With RSA-3072 on one core that is a third of a second, with RSA-4096 three quarters: a
/// client that asked is still there.
pub const DEFAULT_QUEUE: usize = 512;

/// More than anybody waits for with any key.
pub const MOST_QUEUE: usize = 1 << 20;

/// More threads than cores never helped, but an HSM may take many calls at a time.
pub const MOST_THREADS: usize = 1024;

/// The share of signing time that answers about serial numbers nobody issued may take: 1 / this (threats T-41).
pub const UNASSIGNED_SHARE: u32 = 10;

/// The share of the queue that such answers have for themselves: 1 / this. They are served ten times more slowly, so
/// that a longer queue would only make them older.
pub const UNASSIGNED_QUEUE: usize = 8;

/// What such answers may have saved up: this much time of their share.
pub const UNASSIGNED_BURST: Duration = Duration::from_secs(1);

/// A signature that takes longer is never made on a thread that answers: kept answers would wait for it.
pub const INLINE_MOST: Duration = Duration::from_micros(100);

/// Signing time of an answering thread between two looks at its sockets. It is what an answer that is kept may have to
/// wait at most: four to ten ECDSA P-256 signatures, about twenty of such answers.
pub const TICK: Duration = Duration::from_micros(200);

/// A signature that has not been made after this time is given up: common clients wait from 5 to 15 seconds in all.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);
