//! Which clients would accept the certificate with this staple. Each row is what is known of that client: by the profile of
//! `certvouch-verify` that follows its source, and by trials (GnuTLS 3.7.9, curl 7.88, OpenSSL 3.0, Java 17), which the tests
//! repeat where they have the client.

use certvouch_types::{CertStatus, HashAlgorithm, OcspResponse};
use certvouch_verify::{
    DelegateRevocation, MissingNextUpdate, Moment, Profile, Reason, VerifyError,
};
use serde::Serialize;

use super::case::{Case, Judged};
use crate::command::verify::words::currency;

/// What a client makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reaction {
    /// It goes on.
    Accepts,
    /// It refuses the server.
    Refuses,
    /// It is left without a status, and does what it does then: asks the responder, or goes on.
    WithoutStatus,
    /// Versions differ.
    Depends,
}

impl Reaction {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Refuses => "refuses",
            Self::WithoutStatus => "without status",
            Self::Depends => "depends",
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) client: &'static str,
    pub(super) reaction: Reaction,
    pub(super) why: String,
}

/// The table; none where the issuer is not known, since nothing can be derived then.
pub(super) fn rows(case: &Case<'_>) -> Vec<Row> {
    if case
        .staple
        .as_ref()
        .is_some_and(|staple| staple.query.is_none())
    {
        return Vec::new();
    }
    let row = |client, (reaction, why): (Reaction, String)| Row {
        client,
        reaction,
        why,
    };
    let mut rows = vec![
        row(
            "clients that do not look",
            said(
                Reaction::Accepts,
                "openssl s_client, curl without --cert-status, Go, rustls by itself",
            ),
        ),
        row("GnuTLS", gnutls(case)),
        row("curl --cert-status", curl(case)),
        row("Java (PKIX)", java(case)),
        row("rustls (certvouch)", ours(case)),
    ];
    if let Some(staple) = &case.staple {
        rows.push(row(
            "Firefox (mozilla::pkix)",
            Habits::strict(Profile::FIREFOX).judge(staple, case),
        ));
        rows.push(row(
            "Chromium (BoringSSL)",
            Habits::strict(Profile::CHROMIUM).judge(staple, case),
        ));
    }
    rows
}

fn said(reaction: Reaction, why: &str) -> (Reaction, String) {
    (reaction, why.to_owned())
}

/// How a client judges a staple.
struct Habits {
    profile: Profile,
    /// The only hash by which it finds an entry.
    hash: Option<HashAlgorithm>,
    /// What it makes of an unknown.
    unknown: Reaction,
    /// What it makes of entries that contradict each other, beside the strictest.
    contradiction: Option<Reaction>,
}

impl Habits {
    /// The strictest entry counts, unknown is not good, and any hash is found.
    const fn strict(profile: Profile) -> Self {
        Self {
            profile,
            hash: None,
            unknown: Reaction::Refuses,
            contradiction: None,
        }
    }

    fn judge(&self, staple: &Judged<'_>, case: &Case<'_>) -> (Reaction, String) {
        let Some(query) = &staple.query else {
            return said(Reaction::WithoutStatus, "the issuer is not known");
        };
        let unknown = DelegateRevocation::Unknown;
        let moment = Moment::now(case.now);
        let verified = match query.verify_at(staple.octets, moment, &self.profile, unknown) {
            Err(why) => return (Reaction::Refuses, reason(&why)),
            Ok(verified) => verified,
        };
        if self.hash.is_some() && verified.cert_id().hash() != self.hash {
            return said(Reaction::Refuses, "it looks for a CertID by SHA-1");
        }
        if let Some(reaction) = self.contradiction.filter(|_| verified.has_contradiction()) {
            let why = "the entries contradict each other, and it may take one by its place";
            return said(reaction, why);
        }
        match verified.status() {
            CertStatus::Good => said(Reaction::Accepts, "good"),
            CertStatus::Revoked(_) => said(Reaction::Refuses, "revoked"),
            _ if self.unknown == Reaction::Accepts => {
                said(Reaction::Accepts, "unknown is no reason for it to refuse")
            }
            _ => said(Reaction::Refuses, "unknown is not good"),
        }
    }
}

fn reason(why: &VerifyError) -> String {
    match why.reason() {
        Reason::NotCurrent(fault) => currency(*fault),
        other => other.to_string(),
    }
}

/// GnuTLS 3.7.9, tried: no patience at the end, and a thisUpdate ahead of the clock is not looked at (a day is the most that
/// a profile has); 15 days where nextUpdate is missing; an unknown is no reason to refuse, an error
/// of the responder is no staple; must-staple is enforced.
fn gnutls(case: &Case<'_>) -> (Reaction, String) {
    const WITHOUT_NEXT_UPDATE: i64 = 15 * 86_400;
    let staple = case.staple.as_ref();
    let error = |staple: &&Judged<'_>| {
        matches!(
            OcspResponse::parse(staple.octets),
            Ok(OcspResponse::Error(_))
        )
    };
    let Some(staple) = staple.filter(|staple| !error(staple)) else {
        return match case.must_staple {
            true => said(Reaction::Refuses, "must-staple, and there is no status"),
            false => said(Reaction::Accepts, "it goes on where there is no status"),
        };
    };
    let habits = Habits {
        profile: Profile::OPENSSL
            .with_skew(86_400, 0)
            .with_missing_next_update(MissingNextUpdate::ValidFor(WITHOUT_NEXT_UPDATE)),
        hash: None,
        unknown: Reaction::Accepts,
        contradiction: Some(Reaction::Depends),
    };
    habits.judge(staple, case)
}

/// By its profile, as far as entries by SHA-1 go; which of several it takes is a matter of place.
const fn by_sha1(profile: Profile) -> Habits {
    Habits {
        profile,
        hash: Some(HashAlgorithm::Sha1),
        unknown: Reaction::Refuses,
        contradiction: Some(Reaction::Depends),
    }
}

/// curl 7.88 with OpenSSL, tried: everything but good refuses, and so does no staple; five minutes of patience.
fn curl(case: &Case<'_>) -> (Reaction, String) {
    match &case.staple {
        None => said(
            Reaction::Refuses,
            "no staple, and it asks nobody (exit code 91)",
        ),
        Some(staple) => by_sha1(Profile::OPENSSL).judge(staple, case),
    }
}

/// Java 17 where revocation is checked: 15 minutes of patience; without a staple it asks by itself.
fn java(case: &Case<'_>) -> (Reaction, String) {
    match &case.staple {
        None => said(
            Reaction::WithoutStatus,
            "it asks the responder itself where revocation is checked",
        ),
        Some(staple) => by_sha1(Profile::JAVA).judge(staple, case),
    }
}

/// Our own verifier, by its profile.
fn ours(case: &Case<'_>) -> (Reaction, String) {
    match &case.staple {
        None if case.must_staple => said(Reaction::Refuses, "must-staple, and there is no staple"),
        None => said(
            Reaction::WithoutStatus,
            "its policy decides: soft or hard fail",
        ),
        Some(staple) => Habits::strict(Profile::RFC9919).judge(staple, case),
    }
}
