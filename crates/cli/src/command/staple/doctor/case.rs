//! What is known when the handshakes are over: the certificate, its issuer, and what the staple is worth.

use bytes::Bytes;
use certvouch_client::{Locations, Sha1Signatures};
use certvouch_stapling::{NotStaplable, Staple};
use certvouch_types::{BasicOcspResponse, Certificate, OcspResponse, Timestamp};
use certvouch_verify::{
    DelegateRevocation, DelegateRevocationPolicy, MissingNextUpdate, Moment, Profile, Query,
    QueryBuilder, QueryError, Reason, VerifiedResponse, VerifyError,
};

use super::advice::Advisor;
use super::args::DoctorArgs;
use super::look::Looks;
use crate::command::check::host::is_must_staple;
use crate::command::check::path::issuer_of;

/// Seconds that a thisUpdate may be ahead of this clock (RFC 9919 5 allows a small tolerance).
pub(super) const EARLY: i64 = 300;

/// A certificate, everything that was seen of it, and when.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) args: &'a DoctorArgs,
    pub(super) advisor: Advisor<'a>,
    pub(super) looks: &'a Looks,
    pub(super) leaf: Certificate<'a>,
    pub(super) must_staple: bool,
    pub(super) locations: Locations,
    pub(super) issuer: &'a Result<Issuer, QueryError>,
    pub(super) now: Timestamp,
    /// The staple that is looked at: of several the worst.
    pub(super) staple: Option<Judged<'a>>,
}

/// The issuer's certificate, and what it is worth.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) der: Bytes,
    pub(super) origin: Origin,
}

/// Where the issuer's certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file of `--ca`.
    Named,
    /// The server sent it.
    Sent,
}

impl Issuer {
    /// Finds it by its signature, never by its place (threats T-26): what was named counts before what was sent.
    ///
    /// # Errors
    /// Why none of them is it.
    pub(super) fn find(looks: &Looks, named: &[Bytes]) -> Result<Self, QueryError> {
        let leaf = Bytes::copy_from_slice(looks.leaf());
        let by_name = issuer_of(&leaf, named, Sha1Signatures::Refused);
        if let Ok(der) = by_name {
            let origin = Origin::Named;
            return Ok(Self { der, origin });
        }
        let sent = looks.first.certificates.iter().skip(1);
        let sent: Vec<Bytes> = sent.map(|der| Bytes::copy_from_slice(der)).collect();
        let der = issuer_of(&leaf, &sent, Sha1Signatures::Refused)?;
        let origin = Origin::Sent;
        Ok(Self { der, origin })
    }
}

impl<'a> Case<'a> {
    /// Judges the staples that came, and keeps the worst.
    ///
    /// # Errors
    /// The certificate does not parse.
    pub(super) fn new(
        args: &'a DoctorArgs,
        advisor: Advisor<'a>,
        looks: &'a Looks,
        issuer: &'a Result<Issuer, QueryError>,
        now: Timestamp,
    ) -> Result<Self, certvouch_types::DecodeError> {
        let leaf = Certificate::parse(looks.leaf())?;
        let query = |issuer: &'a Issuer| {
            let query = QueryBuilder::default().certificate(looks.leaf(), &issuer.der);
            query.ok()
        };
        let query = issuer.as_ref().ok().and_then(query);
        let judged = looks.staples().into_iter();
        let judged = judged.map(|octets| Judged::new(octets, query.as_ref(), now));
        // Of equals the first counts.
        let staple = judged.reduce(|worst, next| match next.rank() > worst.rank() {
            true => next,
            false => worst,
        });
        Ok(Self {
            args,
            advisor,
            looks,
            must_staple: is_must_staple(looks.leaf()),
            locations: Locations::of(&leaf),
            leaf,
            issuer,
            now,
            staple,
        })
    }

    /// What the staple says, with everything but its time right.
    pub(super) fn verified(&self) -> Option<&VerifiedResponse<'a>> {
        self.staple.as_ref()?.verified()
    }

    /// Whether there is a staple that says something about the certificate now.
    pub(super) fn has_valid_staple(&self) -> bool {
        self.staple.as_ref().is_some_and(Judged::is_current)
    }
}

/// A staple, and what it is worth.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) octets: &'a [u8],
    /// Nothing where the issuer is not known.
    pub(super) query: Option<Query<'a>>,
    /// By this clock, without patience for what is over: no server should staple that.
    pub(super) now: Option<Result<VerifiedResponse<'a>, VerifyError>>,
    /// By its own clock, where only time is wrong.
    own: Option<VerifiedResponse<'a>>,
}

impl<'a> Judged<'a> {
    fn new(octets: &'a [u8], query: Option<&Query<'a>>, now: Timestamp) -> Self {
        let verify = |query: &Query<'a>, at| {
            let unknown = DelegateRevocation::Unknown;
            query.verify_at(octets, Moment::now(at), &profile(), unknown)
        };
        let judged = query.map(|query| verify(query, now));
        let is_late =
            matches!(&judged, Some(Err(why)) if matches!(why.reason(), Reason::NotCurrent(_)));
        let own = query.filter(|_| is_late).and_then(|query| {
            let mut moments = moments(octets).into_iter();
            moments.find_map(|at| verify(query, at).ok())
        });
        Self {
            octets,
            query: query.cloned(),
            now: judged,
            own,
        }
    }

    /// What it says, with everything but its time right.
    pub(super) fn verified(&self) -> Option<&VerifiedResponse<'a>> {
        match &self.now {
            Some(Ok(verified)) => Some(verified),
            _ => self.own.as_ref(),
        }
    }

    pub(super) fn is_current(&self) -> bool {
        matches!(&self.now, Some(Ok(verified)) if verified.stale().is_none())
    }

    /// As what a server may staple.
    pub(super) fn as_staple(&self) -> Option<Result<Staple, NotStaplable>> {
        match &self.now {
            Some(Ok(verified)) => Some(Staple::new(verified)),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match &self.now {
            None => 0,
            Some(Ok(verified)) => verified.verdict().rank(),
            Some(Err(why)) => why.verdict().rank(),
        }
    }
}

/// The rules of the doctor: those of RFC 9919, with no patience at the end; what clients see differently is a finding of
/// its own and ends nothing.
fn profile() -> Profile {
    Profile::RFC9919
        .with_skew(EARLY, 0)
        .with_missing_next_update(MissingNextUpdate::Accept)
        .with_delegate_revocation(DelegateRevocationPolicy::Tolerate)
}

/// Moments at which a response was in date, by what it says itself.
fn moments(octets: &[u8]) -> Vec<Timestamp> {
    let Ok(OcspResponse::Successful(bytes)) = OcspResponse::parse(octets) else {
        return Vec::new();
    };
    let Ok(basic) = BasicOcspResponse::from_response_bytes(&bytes) else {
        return Vec::new();
    };
    let begins = basic.data.responses.iter().map(|single| single.this_update);
    let produced = basic.data.produced_at;
    begins
        .flat_map(|begin| [begin.max(produced), begin])
        .collect()
}
