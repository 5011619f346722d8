//! What the operator decides: which certificates are stapled, and what is done when the answer is not good.

use std::sync::Arc;

use certvouch_types::Timestamp;

use crate::slot::Slot;
use crate::staple::Staple;

/// Which certificates are stapled. The words are those of the NATS server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Those that demand it (RFC 7633).
    Auto,
    /// Those that demand it; one that has no good staple is a failure that the program ends with, or is unhealthy for.
    Must,
    /// All; one that has no good staple is such a failure.
    #[default]
    Always,
    /// None.
    Never,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Must, Self::Always, Self::Never];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Must => "must",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// Whether a certificate is stapled.
    #[must_use]
    pub const fn wants(self, slot: &Slot) -> bool {
        match self {
            Self::Auto | Self::Must => slot.is_must_staple(),
            Self::Always => true,
            Self::Never => false,
        }
    }

    /// Whether a certificate that is stapled and has no good staple is a failure.
    #[must_use]
    pub const fn insists(self) -> bool {
        matches!(self, Self::Must | Self::Always)
    }
}

/// What is done about an answer that is not good, or is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// It is stapled.
    Staple,
    /// Nothing is stapled.
    Omit,
    /// As is usual for the status (a revocation is stapled, the rest is not), and the operator's program is called.
    Hook,
}

impl Reaction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Staple, Self::Omit, Self::Hook];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staple => "staple",
            Self::Omit => "omit",
            Self::Hook => "hook",
        }
    }
}

/// The reactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reactions {
    /// To revoked. By default it is stapled: whoever hides it lets clients connect that look no further (requirements
    /// STAPLE-4).
    pub revoked: Reaction,
    /// To a signed unknown. By default it is not stapled: clients would refuse what they accept without a staple.
    pub unknown: Reaction,
    /// To no answer at all. There is nothing to staple.
    pub missing: Reaction,
}

impl Default for Reactions {
    fn default() -> Self {
        Self {
            revoked: Reaction::Staple,
            unknown: Reaction::Omit,
            missing: Reaction::Omit,
        }
    }
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Standing {
    /// A current staple says good.
    Good,
    /// There is no current staple.
    Missing,
    /// A current staple says unknown.
    Unknown,
    /// It is revoked, or on hold.
    Revoked,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
        }
    }
}

/// What is to be given out, and whether somebody is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// How the certificate stands.
    pub standing: Standing,
    /// What is stapled.
    pub staple: Option<Arc<Staple>>,
    /// Whether the operator's program is called for it.
    pub hook: bool,
}

impl Reactions {
    /// What is given out for a slot at this moment.
    #[must_use]
    pub fn choose(&self, slot: &Slot, now: Timestamp) -> Choice {
        let there = slot.staple(now);
        let (standing, reaction, usual) = match &there {
            Some(staple) if staple.is_good() => (Standing::Good, Reaction::Staple, true),
            Some(staple) if staple.is_revoked() => (Standing::Revoked, self.revoked, true),
            Some(_) => (Standing::Unknown, self.unknown, false),
            None => (Standing::Missing, self.missing, false),
        };
        let given = match reaction {
            Reaction::Staple => true,
            Reaction::Omit => false,
            Reaction::Hook => usual,
        };
        Choice {
            standing,
            staple: there.filter(|_| given),
            hook: reaction == Reaction::Hook,
        }
    }
}
