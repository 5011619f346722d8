//! Every kind of response that the responder makes, under each profile: what the test of kinds and the example that
//! writes them share.
//!
//! A kind is a request, what the source knows, and the decisions of the operator. The table is the list: what a profile
//! forbids is left out by the profile's own word, and nothing else is.

use std::sync::Arc;

use certvouch_responder::{
    CheckAtOnce, Choice, CrlReference, CrlReferencePolicy, EmbedCertificate, Expired, Issuer,
    Knowledge, NoncePolicy, Policy, Profile, Requestors, Responder, ResponderIdForm, SourceError,
    StatusSource, Unlisted,
};
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id, q1, q256};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, SigAlg, T0};
use certvouch_types::{Certificate, CrlReason, Timestamp};

use crate::support::{self, Fixture, KeySigner, SourceMode, t0};

/// One response.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) profile: &'static str,
    pub(crate) kind: String,
    pub(crate) der: Vec<u8>,
    /// The certificate that signed; nothing for errors.
    pub(crate) signer: Option<Cert>,
}

const DAY: i64 = 86_400;

/// A signer: its name, its key, its algorithm.
const SIGNERS: [(&str, KeyAlg, SigAlg); 12] = [
    ("p256", KeyAlg::P256, SigAlg::EcdsaSha256),
    ("p384", KeyAlg::P384, SigAlg::EcdsaSha384),
    ("p521", KeyAlg::P521, SigAlg::EcdsaSha512),
    ("rsa-sha256", KeyAlg::Rsa2048, SigAlg::RsaSha256),
    ("rsa-sha384", KeyAlg::Rsa2048, SigAlg::RsaSha384),
    ("rsa-sha512", KeyAlg::Rsa2048, SigAlg::RsaSha512),
    ("rsa-pss-sha256", KeyAlg::Rsa2048, SigAlg::RsaPssSha256),
    ("rsa-pss-sha384", KeyAlg::Rsa2048, SigAlg::RsaPssSha384),
    ("rsa-pss-sha512", KeyAlg::Rsa2048, SigAlg::RsaPssSha512),
    ("ed25519", KeyAlg::Ed25519, SigAlg::Ed25519),
    ("ml-dsa-44", KeyAlg::MlDsa44, SigAlg::MlDsa44),
    ("ml-dsa-65", KeyAlg::MlDsa65, SigAlg::MlDsa65),
];

/// All of them.
pub(crate) fn all() -> Vec<Made> {
    let fixture = prepared();
    Profile::ALL
        .into_iter()
        .flat_map(|profile| of_profile(&fixture, profile))
        .collect()
}

/// The world's records, and one of each that comes with more.
fn prepared() -> Fixture {
    let fixture = Fixture::new();
    let source = &fixture.source;
    let revoked = |reason| Knowledge::Revoked {
        at: Timestamp::from_unix(T0 - DAY),
        reason,
    };
    let record = |knowledge, change: &dyn Fn(&mut certvouch_responder::StatusRecord)| {
        let mut record = certvouch_responder::StatusRecord::new(knowledge);
        change(&mut record);
        record
    };
    let crl = |record: &mut certvouch_responder::StatusRecord| {
        record.this_update = Some(t0() - 3600);
        record.next_update = Some(t0() + 7 * DAY);
        record.crl = Some(CrlReference::new(Some(&[0x80, 1]), t0() - 3600));
    };
    source.set(&[0x21], record(revoked(None), &|_| {}));
    source.set(
        &[0x22],
        record(revoked(Some(CrlReason::Superseded)), &|r| {
            r.invalidity_date = Some(Timestamp::from_unix(T0 - 2 * DAY));
        }),
    );
    source.set(&[0x23], record(Knowledge::Issued, &crl));
    source.set(
        &[0x24],
        record(revoked(Some(CrlReason::KeyCompromise)), &crl),
    );
    source.set(
        &[0x25],
        record(Knowledge::Issued, &|r| r.cert_hash = Some([0xAB; 32])),
    );
    source.set(
        &[0x26],
        record(revoked(Some(CrlReason::CertificateHold)), &|r| {
            r.hold_instruction = Some(certvouch_responder::HoldInstruction::Reject);
        }),
    );
    source.set(&[0x27], record(Knowledge::NotRevoked, &|_| {}));
    fixture
}

/// A delegate that every profile takes.
fn delegate(fixture: &Fixture, key: &Key) -> Cert {
    let ca = &fixture.world.ca_a;
    CertBuilder::new(&[("CN", "OCSP")], key)
        .serial(&[0x71, 2, 3, 4, 5, 6, 7, 8, 9])
        .validity(T0 - DAY, T0 + 30 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .aki(&ca.key_hash_sha1())
        .ski_sha1()
        .issued_by(ca)
}

/// How an answer names its signer and brings its certificate.
type Shape = (ResponderIdForm, EmbedCertificate);
const PLAIN: Shape = (ResponderIdForm::ByKey, EmbedCertificate::Delegate);

/// A responder under a profile; nothing if the profile forbids what was chosen.
fn responder(
    fixture: &Fixture,
    policy: Policy,
    (cert, sig_alg): (&Cert, SigAlg),
    (form, embed): Shape,
) -> Option<Responder> {
    if policy.check().is_err() {
        return None;
    }
    let ca = &fixture.world.ca_a;
    let key = KeySigner::with(&cert.key, sig_alg);
    let signer = support::response_signer_as(&key, cert, ca, form, embed);
    let certificate = Certificate::parse(&ca.der).expect("CA-A");
    let source: Arc<dyn StatusSource> = Arc::<support::MapSource>::clone(&fixture.source);
    let issuer = Issuer::new("ca-a", &certificate, source, vec![signer], policy).ok()?;
    Some(support::responder(vec![issuer]))
}

fn of_profile(fixture: &Fixture, profile: &'static Profile) -> Vec<Made> {
    let mut made = Vec::new();
    for (name, alg, sig_alg) in SIGNERS {
        let cert = delegate(fixture, &Key::cached(alg, "kinds"));
        let signer = (&cert, sig_alg);
        let Some(responder) = responder(fixture, Policy::of(profile), signer, PLAIN) else {
            continue;
        };
        for (kind, request) in plain_requests(fixture).into_iter().take(3) {
            push(
                &mut made,
                profile,
                format!("{name}-{kind}"),
                &responder,
                &request,
                &cert,
            );
        }
    }
    let cert = delegate(fixture, &Key::cached(KeyAlg::P256, "kinds"));
    decisions(fixture, profile, &cert, &mut made);
    shapes(fixture, profile, &cert, &mut made);
    errors(fixture, profile, &cert, &mut made);
    made
}

fn push(
    made: &mut Vec<Made>,
    profile: &Profile,
    kind: String,
    responder: &Responder,
    request: &[u8],
    signer: &Cert,
) {
    let answer = support::ask(responder, request, t0());
    // What the profile forbids to say is no kind of response under it.
    if let Err(certvouch_responder::AnswerError::Forbidden(..)) = answer.result {
        return;
    }
    made.push(Made {
        profile: profile.name,
        kind,
        der: answer.body().to_vec(),
        signer: answer.result.is_ok().then(|| signer.clone()),
    });
}

/// Requests that every policy answers in some way.
fn plain_requests(fixture: &Fixture) -> Vec<(&'static str, Vec<u8>)> {
    let world = &fixture.world;
    let ca = &world.ca_a;
    let id = |serial: &[u8]| cert_id(HashAlg::Sha256, &Params::Null, ca, serial);
    let nonce = Ask::for_serial(HashAlg::Sha256, ca, &world.ee_good.serial).nonce(&[7; 32]);
    vec![
        ("good", q256(ca, &world.ee_good.serial)),
        ("revoked", q256(ca, &world.ee_rev.serial)),
        ("unknown", q256(ca, &world.s_x)),
        ("good-sha1", q1(ca, &world.ee_good.serial)),
        (
            "good-sha384",
            Ask::for_serial(HashAlg::Sha384, ca, &world.ee_good.serial).build(),
        ),
        (
            "good-sha512",
            Ask::for_serial(HashAlg::Sha512, ca, &world.ee_good.serial).build(),
        ),
        (
            "good-absent-parameters",
            Ask::new()
                .entry(&cert_id(
                    HashAlg::Sha256,
                    &Params::Absent,
                    ca,
                    &world.ee_good.serial,
                ))
                .build(),
        ),
        ("nonce", nonce.build()),
        (
            "several",
            Ask::new()
                .entry(&id(&world.ee_good.serial))
                .entry(&id(&world.ee_rev.serial))
                .entry(&id(&world.s_x))
                .build(),
        ),
        ("hold", q256(ca, &world.ee_hold.serial)),
        ("hold-instruction", q256(ca, &[0x26])),
        ("expired", q256(ca, &world.ee_exp.serial)),
        ("revoked-without-reason", q256(ca, &[0x21])),
        ("invalidity-date", q256(ca, &[0x22])),
        ("crl-good", q256(ca, &[0x23])),
        ("crl-revoked", q256(ca, &[0x24])),
        ("cert-hash", q256(ca, &[0x25])),
        ("not-revoked", q256(ca, &[0x27])),
    ]
}

/// Each decision that changes what an answer looks like.
fn decisions(fixture: &Fixture, profile: &'static Profile, cert: &Cert, made: &mut Vec<Made>) {
    type Change = fn(&mut Policy);
    let changes: [(&str, Change); 9] = [
        ("default", |_| {}),
        ("echo", |p| p.nonce = NoncePolicy::Echo),
        ("extended-revoke", |p| p.unlisted = Unlisted::Revoked),
        ("unauthorized", |p| p.unlisted = Unlisted::Unauthorized),
        ("drop", |p| p.expired = Expired::Drop),
        ("retain", |p| {
            p.expired = Expired::Retain {
                seconds: 7 * 365 * DAY,
            }
        }),
        ("backdate", |p| p.backdate = 300),
        ("crl-reference", |p| {
            p.crl_reference = CrlReferencePolicy::Send
        }),
        ("ca-compromised", |p| {
            p.ca_compromised = Some(Timestamp::from_unix(T0 - DAY))
        }),
    ];
    for (name, change) in changes {
        let mut policy = Policy::of(profile);
        change(&mut policy);
        let Some(responder) = responder(fixture, policy, (cert, SigAlg::EcdsaSha256), PLAIN) else {
            continue;
        };
        for (kind, request) in plain_requests(fixture) {
            push(
                made,
                profile,
                format!("{name}-{kind}"),
                &responder,
                &request,
                cert,
            );
        }
    }
}

/// Each way to name the signer, the CA itself, and the longest and shortest validity.
fn shapes(fixture: &Fixture, profile: &'static Profile, cert: &Cert, made: &mut Vec<Made>) {
    let (by_key, by_name) = (ResponderIdForm::ByKey, ResponderIdForm::ByName);
    let (with, never) = (EmbedCertificate::Delegate, EmbedCertificate::Never);
    let ca = &fixture.world.ca_a;
    for (name, shape, signer) in [
        ("by-name", (by_name, with), cert),
        ("without-certificate", (by_key, never), cert),
        ("ca-itself", PLAIN, ca),
        ("ca-by-name", (by_name, with), ca),
    ] {
        let policy = Policy::of(profile);
        let Some(responder) = responder(fixture, policy, (signer, SigAlg::EcdsaSha256), shape)
        else {
            continue;
        };
        for (kind, request) in plain_requests(fixture).into_iter().take(3) {
            push(
                made,
                profile,
                format!("{name}-{kind}"),
                &responder,
                &request,
                signer,
            );
        }
    }
    for (name, validity) in [
        ("shortest", profile.least_validity.seconds),
        ("longest", profile.most_validity.seconds),
    ] {
        let mut policy = Policy::of(profile);
        policy.validity = validity;
        let signer = (cert, SigAlg::EcdsaSha256);
        let responder = responder(fixture, policy, signer, PLAIN).expect("a bound of the profile");
        let (kind, request) = plain_requests(fixture).swap_remove(0);
        push(
            made,
            profile,
            format!("{name}-{kind}"),
            &responder,
            &request,
            cert,
        );
    }
}

/// Each of the five errors.
fn errors(fixture: &Fixture, profile: &'static Profile, cert: &Cert, made: &mut Vec<Made>) {
    let signer = (cert, SigAlg::EcdsaSha256);
    let plain = || responder(fixture, Policy::of(profile), signer, PLAIN).expect("the defaults");
    let good = q256(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    push(
        made,
        profile,
        "malformed-request".to_owned(),
        &plain(),
        b"\x30\x00",
        cert,
    );
    let foreign = q256(&fixture.world.ca_b, &[1]);
    push(
        made,
        profile,
        "unauthorized".to_owned(),
        &plain(),
        &foreign,
        cert,
    );
    fixture
        .source
        .mode(SourceMode::Fails(SourceError::Unavailable(
            "down".to_owned(),
        )));
    push(made, profile, "try-later".to_owned(), &plain(), &good, cert);
    fixture.source.mode(SourceMode::OneTooFew);
    push(
        made,
        profile,
        "internal-error".to_owned(),
        &plain(),
        &good,
        cert,
    );
    fixture.source.mode(SourceMode::Works);
    if profile.forbids(Choice::SignatureRequired).is_none() {
        let list = Requestors::new(vec![cert.der.clone()], Arc::new(CheckAtOnce)).expect("a list");
        let mut policy = Policy::of(profile);
        policy.requestors = Some(Arc::new(list));
        let responder = responder(fixture, policy, signer, PLAIN).expect("it is not forbidden");
        push(
            made,
            profile,
            "sig-required".to_owned(),
            &responder,
            &good,
            cert,
        );
    }
}

/// Writes them below a folder, one for each profile, and the list of kinds.
pub(crate) fn write(all: &[Made], folder: &std::path::Path) -> std::io::Result<String> {
    let mut list = String::from("profile\tkind\toctets\tsigned\n");
    for one in all {
        let below = folder.join(one.profile);
        std::fs::create_dir_all(&below)?;
        std::fs::write(below.join(format!("{}.der", one.kind)), &one.der)?;
        let signed = if one.signer.is_some() { "yes" } else { "no" };
        let (profile, kind, octets) = (one.profile, &one.kind, one.der.len());
        list.push_str(&format!("{profile}\t{kind}\t{octets}\t{signed}\n"));
    }
    std::fs::write(folder.join("kinds.tsv"), &list)?;
    Ok(list)
}
