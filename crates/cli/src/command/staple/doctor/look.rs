//! The handshakes: one as any client makes it, some more to see whether the next client gets the same, and one in TLS 1.2.

use std::sync::Arc;
use std::time::Duration;

use certvouch_client::Locations;
use certvouch_fetch::{FetchError, Fetcher, Meter, Presented, TlsServer, TlsVersion};
use certvouch_types::Certificate;

/// What is waited where no staple came: time for a server that fetches only when somebody asks.
const PAUSE: Duration = Duration::from_secs(1);

/// What the server showed.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) first: Presented,
    /// The handshakes behind it, made in the same way.
    pub(super) later: Vec<Result<Presented, FetchError>>,
    /// One that offers TLS 1.2 alone, where the first was in 1.3.
    pub(super) old: Option<Result<Presented, FetchError>>,
}

impl Looks {
    /// Makes the handshakes.
    ///
    /// # Errors
    /// The first one did not come about. That a later one did not is seen, and told.
    pub(super) async fn make(
        fetcher: &Fetcher,
        server: &TlsServer,
        handshakes: u16,
    ) -> Result<Self, FetchError> {
        let meter = Arc::new(Meter::default());
        let first = fetcher.presented(server, &meter).await?;
        let mut later = Vec::new();
        let mut is_bare = first.staple.is_none() && names_responder(&first);
        for _ in 1..handshakes {
            if is_bare {
                tokio::time::sleep(PAUSE).await;
            }
            let look = fetcher.presented(server, &meter).await;
            is_bare &= !matches!(&look, Ok(seen) if seen.staple.is_some());
            later.push(look);
        }
        let old = match first.version {
            TlsVersion::V1_3 => {
                let mut server = server.clone();
                server.version = Some(TlsVersion::V1_2);
                Some(fetcher.presented(&server, &meter).await)
            }
            _ => None,
        };
        Ok(Self { first, later, old })
    }

    /// The server's certificate, in DER.
    pub(super) fn leaf(&self) -> &[u8] {
        self.first.certificates.first().map_or(&[], Vec::as_slice)
    }

    /// Those of the same kind that came about, with their numbers from 1.
    pub(super) fn made(&self) -> impl Iterator<Item = (usize, &Presented)> {
        let later = self.later.iter().enumerate();
        let later = later.filter_map(|(index, look)| Some((index + 2, look.as_ref().ok()?)));
        std::iter::once((1, &self.first)).chain(later)
    }

    /// The different staples that came with the certificate of the first handshake.
    pub(super) fn staples(&self) -> Vec<&[u8]> {
        let old = self.old.iter().flatten();
        let all = self.made().map(|(_, look)| look).chain(old);
        let mut found: Vec<&[u8]> = Vec::new();
        for look in all.filter(|look| self.is_about(look)) {
            if let Some(staple) = look.staple.as_deref()
                && !found.contains(&staple)
            {
                found.push(staple);
            }
        }
        found
    }

    /// Whether a handshake showed the same certificate as the first.
    pub(super) fn is_about(&self, look: &Presented) -> bool {
        look.certificates.first() == self.first.certificates.first()
    }
}

/// Whether somebody could be asked, so that it is worth waiting.
fn names_responder(seen: &Presented) -> bool {
    let leaf = seen.certificates.first();
    let leaf = leaf.and_then(|der| Certificate::parse(der).ok());
    leaf.is_some_and(|leaf| !Locations::of(&leaf).responders.is_empty())
}
