//! The client for programs without an async runtime.

use std::io;

use certvouch_fetch::FetchError;
use tokio::runtime::{Builder, Runtime};

use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::question::Question;

/// A client with a runtime of its own. Not for use inside async code, where waiting would stop others.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    client: crate::Client,
}

/// Why there is no client.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The TLS roots cannot be loaded.
    Roots(FetchError),
    /// The operating system gives no runtime.
    Runtime(io::Error),
}

impl core::fmt::Display for StartError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Roots(why) => why.fmt(f),
            Self::Runtime(why) => write!(f, "no runtime: {why}"),
        }
    }
}

impl core::error::Error for StartError {}

impl Client {
    /// A client with the clock and the resolver of the system.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(policy: Policy) -> Result<Self, StartError> {
        Self::wrap(crate::Client::new(policy).map_err(StartError::Roots)?)
    }

    /// The blocking form of a client.
    ///
    /// # Errors
    /// [`StartError::Runtime`].
    pub fn wrap(client: crate::Client) -> Result<Self, StartError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        Ok(Self { runtime, client })
    }

    /// Asks, and waits for the outcome: at most [`Policy::total_time`].
    pub fn ask(&self, question: Question) -> Outcome {
        self.runtime.block_on(self.client.ask(question))
    }
}
