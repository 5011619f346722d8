//! Exit codes, all of them, so that scripts and service managers can rely on them.
//!
//! `serve` and `config check` end with 0, 1 or 2. The codes above 2 are verdicts of the commands that ask a responder;
//! they stand here so that a number never gets a second meaning.

use std::process;

use certvouch_client::Word;
use certvouch_verify::Verdict;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitCode {
    /// 0: done, stopped in good order, or GOOD.
    Success,
    /// 1: a server failed while it ran, or a command could not do its work; or REVOKED.
    Failure,
    /// 2: refused to start: usage, configuration, a file that cannot be read, a signer that clients would reject.
    Refused,
    /// 3: UNKNOWN.
    Unknown,
    /// 4: NOT-CURRENT.
    NotCurrent,
    /// 5: NOT-TRUSTED.
    NotTrusted,
    /// 6: MALFORMED.
    Malformed,
    /// 7: RESPONDER-ERROR.
    ResponderError,
    /// 8: UNREACHABLE.
    Unreachable,
    /// 9: NO-OCSP.
    NoOcsp,
}

impl ExitCode {
    /// The number that the parent process sees.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Refused => 2,
            Self::Unknown => 3,
            Self::NotCurrent => 4,
            Self::NotTrusted => 5,
            Self::Malformed => 6,
            Self::ResponderError => 7,
            Self::Unreachable => 8,
            Self::NoOcsp => 9,
        }
    }
}

/// The code of a verdict. Nothing but GOOD is 0; a word that is new here counts as not trusted.
impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Success,
            Verdict::Revoked => Self::Failure,
            Verdict::Unknown => Self::Unknown,
            Verdict::NotCurrent => Self::NotCurrent,
            Verdict::Malformed => Self::Malformed,
            Verdict::ResponderError => Self::ResponderError,
            _ => Self::NotTrusted,
        }
    }
}

/// The code of the word in which a question ended; a word that is new here counts as not trusted.
impl From<Word> for ExitCode {
    fn from(word: Word) -> Self {
        match word {
            Word::Verdict(verdict) => verdict.into(),
            Word::Unreachable => Self::Unreachable,
            Word::NoOcsp => Self::NoOcsp,
            _ => Self::NotTrusted,
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        let all = [
            ExitCode::Success,
            ExitCode::Failure,
            ExitCode::Refused,
            ExitCode::Unknown,
            ExitCode::NotCurrent,
            ExitCode::NotTrusted,
            ExitCode::Malformed,
            ExitCode::ResponderError,
            ExitCode::Unreachable,
            ExitCode::NoOcsp,
        ];
        let numbers: Vec<u8> = all.into_iter().map(ExitCode::number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn verdict_has_the_code_of_the_manual() {
        for (verdict, number) in [
            (Verdict::Good, 0),
            (Verdict::Revoked, 1),
            (Verdict::Unknown, 3),
            (Verdict::NotCurrent, 4),
            (Verdict::NotTrusted, 5),
            (Verdict::Malformed, 6),
            (Verdict::ResponderError, 7),
        ] {
            assert_eq!(ExitCode::from(verdict).number(), number, "{verdict}");
        }
    }
}
