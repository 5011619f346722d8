//! A slot whose turn it is. It goes back among those that wait when this is dropped, however that comes.

use std::sync::Arc;

use certvouch_fetch::Caches;
use certvouch_types::Timestamp;
use tokio::time::Instant;

use crate::expect::Next;
use crate::slot::{Problem, Slot};
use crate::stapler::Inner;

/// A slot that was taken out of the waiting ones.
pub(crate) struct Due {
    pub(crate) inner: Arc<Inner>,
    pub(crate) slot: Arc<Slot>,
    index: usize,
    next: Option<Timestamp>,
    /// What was said about it last when the attempt began.
    turn: Option<u64>,
    ended: Ended,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an answer that was verified, new or not.
    Answered,
    /// Without one.
    Unanswered,
}

impl Due {
    pub(crate) const fn new(
        inner: Arc<Inner>,
        slot: Arc<Slot>,
        index: usize,
        turn: Option<u64>,
    ) -> Self {
        Self {
            inner,
            slot,
            index,
            next: None,
            turn,
            ended: Ended::Unanswered,
        }
    }

    pub(crate) const fn again_at(&mut self, next: Timestamp) {
        self.next = Some(next);
    }

    pub(crate) const fn ended(&mut self, ended: Ended) {
        self.ended = ended;
    }

    /// Whether caches may answer: not about what is said to have changed.
    pub(crate) const fn caches(&self) -> Caches {
        match self.turn {
            Some(_) => Caches::Passed,
            None => Caches::Welcome,
        }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        let (now, random) = (self.inner.now(), (self.inner.options.dice)());
        let next = self
            .next
            .unwrap_or_else(|| now + self.inner.options.schedule.max_backoff);
        let (index, slot) = (self.index, &self.slot);
        let mut table = self.inner.table();
        if !matches!(table.slots.get(index), Some(Some(_))) {
            return;
        }
        let Some(awaited) = table.awaited.get_mut(&index) else {
            slot.update(|state| state.next_attempt = Some(next));
            table.waiting.put(index, next);
            return;
        };
        let expected = awaited.expected;
        let answered = self.ended == Ended::Answered;
        let met = expected.is_met(slot, now);
        match awaited.after(self.turn, met, answered, random) {
            Next::After(pause) => {
                slot.update(|state| state.next_attempt = Some(now));
                table.urgent.put(index, Instant::now() + pause);
                return;
            }
            Next::Done => {}
            Next::GivenUp if answered => {
                let text = format_args!(
                    "the change log says {}, and the responder still says what was before",
                    expected.name()
                );
                let problem = Problem::new(now, "behind", &text);
                self.inner.count(problem.code);
                slot.update(|state| state.last_error = Some(problem));
            }
            Next::GivenUp => {}
        }
        table.awaited.remove(&index);
        table.waiting.put(index, next);
        slot.update(|state| {
            state.awaited = None;
            state.next_attempt = Some(next);
        });
    }
}
