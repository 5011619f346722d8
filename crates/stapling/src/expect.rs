//! What somebody who knows has said about a certificate, and how a staple that says otherwise is replaced at once.
//!
//! The word of a change log is no answer: it has a certificate asked for at once, past caches, and asked for again and
//! again within bounds while the answer is still the old one. The staple is what a responder signed, as ever.

use std::time::Duration;

use certvouch_types::Timestamp;

use crate::limits::{FIRST_PAUSE, LONGEST_PAUSE, MAX_TRIES};
use crate::schedule::Random;
use crate::slot::Slot;
use crate::staple::Staple;

/// What the status of a certificate is said to be now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Neither revoked nor on hold.
    Good,
    /// On hold.
    Held,
    /// Revoked for good.
    Revoked,
    /// It may be another one: one answer from behind the caches will show.
    Any,
}

impl Expected {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Held => "hold",
            Self::Revoked => "revoked",
            Self::Any => "any",
        }
    }

    /// Whether the staple that is there says so. For [`Expected::Any`] no staple that was there before does.
    pub(crate) fn is_met(self, slot: &Slot, now: Timestamp) -> bool {
        slot.staple(now)
            .is_some_and(|staple| self.is_said_by(&staple))
    }

    /// Whether a staple says so.
    pub(crate) fn is_said_by(self, staple: &Staple) -> bool {
        match self {
            Self::Good => staple.is_good(),
            Self::Held => staple.is_revoked(),
            Self::Revoked => staple.is_final(),
            Self::Any => false,
        }
    }
}

/// Whom a change is about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct About<'a> {
    /// The serial number: minimal unsigned big-endian octets. Nothing means every certificate of the issuer.
    pub serial: Option<&'a [u8]>,
    /// SHA-256 of the issuer's SubjectPublicKeyInfo. Nothing means any issuer: a certificate that only shares its serial
    /// number is asked for once more than it had to be.
    pub issuer_key: Option<&'a [u8]>,
}

impl<'a> About<'a> {
    /// One certificate of an issuer.
    #[must_use]
    pub const fn certificate(serial: &'a [u8], issuer_key: Option<&'a [u8]>) -> Self {
        Self {
            serial: Some(serial),
            issuer_key,
        }
    }

    /// Every certificate of an issuer.
    #[must_use]
    pub const fn all_of(issuer_key: Option<&'a [u8]>) -> Self {
        Self {
            serial: None,
            issuer_key,
        }
    }

    pub(crate) fn is(&self, slot: &Slot) -> bool {
        self.serial.is_none_or(|serial| serial == slot.serial())
            && self
                .issuer_key
                .is_none_or(|key| key == slot.issuer_key().as_ref())
    }
}

/// A certificate whose staple is awaited to say something else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaited {
    pub(crate) expected: Expected,
    /// Counts what was said, so that an attempt that began before is known as such.
    pub(crate) turn: u64,
    pub(crate) tries: u32,
}

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It says what was expected.
    Done,
    /// Another attempt after this.
    After(Duration),
    /// So many attempts are enough.
    GivenUp,
}

impl Awaited {
    /// After an attempt that began at this turn and ended well or not.
    pub(crate) fn after(
        &mut self,
        turn: Option<u64>,
        is_met: bool,
        answered: bool,
        random: Random,
    ) -> Next {
        if turn != Some(self.turn) {
            // Something was said while the attempt ran: what it brought may be from before.
            return Next::After(Duration::ZERO);
        }
        self.tries += 1;
        if is_met || self.expected == Expected::Any && answered {
            return Next::Done;
        }
        if self.tries >= MAX_TRIES {
            return Next::GivenUp;
        }
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.tries.saturating_sub(1));
        let pause = pause.min(LONGEST_PAUSE);
        // Three quarters of it, and up to a half more: many agents hear of a change in the same moment.
        Next::After(pause * 3 / 4 + pause / 2 * (random >> 16) / 0x1_0000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Random = Random::MAX / 2;

    fn awaited(expected: Expected) -> Awaited {
        Awaited {
            expected,
            turn: 7,
            tries: 0,
        }
    }

    #[test]
    fn old_answer_is_asked_for_again_less_and_less_often_and_not_for_ever() {
        let mut it = awaited(Expected::Revoked);
        let mut pauses = Vec::new();
        let end = loop {
            match it.after(Some(7), false, true, HALF) {
                Next::After(pause) => pauses.push(pause),
                other => break other,
            }
        };
        assert_eq!(end, Next::GivenUp);
        assert_eq!(u32::try_from(pauses.len()), Ok(MAX_TRIES - 1));
        assert!(pauses.is_sorted(), "{pauses:?}");
        let all: Duration = pauses.iter().sum();
        assert!((60..300).contains(&all.as_secs()), "{all:?}");
        assert!(pauses[0] <= Duration::from_millis(100));
    }

    #[test]
    fn attempt_that_began_before_the_word_decides_nothing() {
        let mut it = awaited(Expected::Good);
        for turn in [None, Some(6)] {
            let next = it.after(turn, true, true, HALF);
            assert_eq!(next, Next::After(Duration::ZERO));
        }
        assert_eq!(it.tries, 0);
        assert_eq!(it.after(Some(7), true, true, HALF), Next::Done);
    }

    #[test]
    fn word_without_a_status_is_content_with_any_answer() {
        let mut it = awaited(Expected::Any);
        let next = it.after(Some(7), false, false, HALF);
        assert!(matches!(next, Next::After(_)));
        assert_eq!(it.after(Some(7), false, true, HALF), Next::Done);
    }
}
