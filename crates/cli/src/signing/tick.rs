//! The budget of an answering thread for signatures that it makes itself.
//!
//! A tick is what a runtime does between two looks at its sockets. Every thread has a runtime of its own, so the budget
//! is the thread's. It is full again after the next look, which is when a task that has yielded runs again.

use std::cell::Cell;
use std::time::Duration;

use tokio::runtime::Handle;

use super::limits::TICK;

thread_local! {
    /// What was spent in this tick; nothing, if nothing was.
    static SPENT: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Whether the budget of this thread still has this much. Outside a runtime it has nothing.
pub(super) fn affords(cost: Duration) -> bool {
    SPENT.get().unwrap_or_default() + cost <= TICK && Handle::try_current().is_ok()
}

/// Takes this much from the budget of this thread.
pub(super) fn spend(cost: Duration) {
    match SPENT.get() {
        Some(spent) => SPENT.set(Some(spent + cost)),
        None => {
            if let Ok(runtime) = Handle::try_current() {
                SPENT.set(Some(cost));
                runtime.spawn(async {
                    tokio::task::yield_now().await;
                    SPENT.set(None);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_is_spent_within_a_tick_and_full_in_the_next() {
        assert!(!affords(Duration::ZERO), "outside a runtime");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            assert!(affords(TICK));
            spend(TICK / 2);
            assert!(affords(TICK / 2));
            spend(TICK / 2);
            assert!(!affords(Duration::from_nanos(1)));
            // The task that fills it has to come to its yield first.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            assert!(affords(TICK));
        });
    }
}
