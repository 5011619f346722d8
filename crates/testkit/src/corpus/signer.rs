//! Class 4: who may sign, and who may not.

use super::{Case, Class, DAY, Table, about, bare_delegate, delegate, good, single};
use crate::ask::HashAlg;
use crate::der;
use crate::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World};
use crate::reply::Reply;

const RULE: &str = "RFC 6960 4.2.2.2";
const REVOCATION: &str = "RFC 6960 4.2.2.2.1";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Signer, world);
    permitted(&mut table);
    forbidden(&mut table);
    misnamed(&mut table);
    without_nocheck(&mut table);
    issuer_without_usage(&mut table);
    table.cases
}

/// The answer of any signer for EE-good, its certificate embedded.
fn by(world: &World, signer: &Cert) -> Reply {
    Reply::delegated(signer, T0 - 3600).single(&single(world))
}

fn permitted(table: &mut Table<'_>) {
    let world = table.world;
    let direct = Reply::new(&world.ca_a, T0 - 3600).single(&single(world));
    let bare = |certs: &[&[u8]]| {
        certs
            .iter()
            .fold(good(world).no_certs(), |reply, cert| reply.cert(cert))
    };
    let (d, ca, b) = (&world.d_a.der[..], &world.ca_a.der[..], &world.d_b.der[..]);
    let twin_key = Key::cached(KeyAlg::P256, "twin");
    let twin = CertBuilder::new(&[("CN", "D-A"), ("O", "certvouch tests")], &twin_key)
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a2);
    let repudiation = bare_delegate("non-repudiation")
        .key_usage(&[KeyUsage::NonRepudiation])
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a);
    let two_purposes = bare_delegate("two-purposes")
        .eku(&["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.9"])
        .ocsp_nocheck()
        .issued_by(&world.ca_a);
    let rows = [
        (
            "delegate-by-key",
            good(world),
            "a delegate, found by its key",
        ),
        (
            "delegate-by-name",
            good(world).by_name(),
            "a delegate, found by its name",
        ),
        (
            "issuer-by-key",
            direct.clone(),
            "the issuer itself, found by its key",
        ),
        (
            "issuer-by-name",
            direct.clone().by_name(),
            "the issuer itself, found by its name",
        ),
        (
            "issuer-embedded",
            direct.cert(ca),
            "the issuer embeds its own certificate (golang/go#81395)",
        ),
        (
            "issuer-behind-delegate",
            bare(&[d, ca]),
            "the chain is embedded",
        ),
        (
            "issuer-before-delegate",
            bare(&[ca, d]),
            "the chain is embedded, the issuer first",
        ),
        (
            "delegate-third",
            bare(&[b, ca, d]),
            "the delegate's certificate is the third",
        ),
        (
            "delegate-twice",
            bare(&[d, d]),
            "the same certificate twice",
        ),
        (
            "twin-first",
            good(world).by_name().no_certs().cert(&twin.der).cert(d),
            "two of the same name; the first is of CA-A's namesake, the second fits",
        ),
        (
            "non-repudiation",
            by(world, &repudiation),
            "keyUsage nonRepudiation signs too",
        ),
        (
            "two-purposes",
            by(world, &two_purposes),
            "id-kp-OCSPSigning beside another purpose",
        ),
    ];
    for (name, reply, why) in rows {
        table.add(name, "G", &reply.build(), why, "RFC 6960 4.2.2.2, 4.2.2.3");
    }
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn forbidden(table: &mut Table<'_>) {
    let world = table.world;
    let ca = &world.ca_a;
    let eku = |label: &str, purposes: &[&str]| {
        bare_delegate(label)
            .eku(purposes)
            .ocsp_nocheck()
            .issued_by(ca)
    };
    let sub_ca = delegate("sub-ca")
        .basic_constraints(true, None)
        .issued_by(ca);
    let of_delegate = delegate("of-delegate").issued_by(&world.d_a);
    let sub = bare_delegate("plain-sub")
        .basic_constraints(true, None)
        .issued_by(ca);
    let below_sub = delegate("below-sub").issued_by(&sub);
    let dated = |label: &str, from: i64, to: i64| {
        delegate(label).validity(T0 + from, T0 + to).issued_by(ca)
    };
    let usage = |label: &str, usages: &[KeyUsage]| {
        bare_delegate(label)
            .key_usage(usages)
            .ocsp_signing()
            .ocsp_nocheck()
            .issued_by(ca)
    };
    let critical = delegate("critical")
        .extension("1.2.3.4", true, &der::null())
        .issued_by(ca);
    let rows = [
        (
            "of-other-ca",
            world.d_b.clone(),
            "the delegate of another CA",
        ),
        (
            "of-namesake",
            world.d_a2.clone(),
            "the delegate of a CA with the same name and another key",
        ),
        (
            "leaf-itself",
            world.ee_good.clone(),
            "the certificate vouches for itself (openssl#30323)",
        ),
        (
            "leaf-other",
            world.ee_rev.clone(),
            "another certificate of the CA, no delegate",
        ),
        (
            "no-purpose",
            bare_delegate("no-purpose").ocsp_nocheck().issued_by(ca),
            "no extKeyUsage (golang/go#43522)",
        ),
        (
            "any-purpose",
            eku("any-purpose", &["2.5.29.37.0"]),
            "anyExtendedKeyUsage is no id-kp-OCSPSigning",
        ),
        (
            "server-purpose",
            eku("server", &["1.3.6.1.5.5.7.3.1"]),
            "extKeyUsage serverAuth",
        ),
        (
            "rogue",
            delegate("rogue").self_signed(),
            "self-signed, with all the marks of a delegate",
        ),
        (
            "forged-issuer",
            delegate("forged").issued(&ca.subject, &world.ca_b.key),
            "names CA-A as issuer, signed by CA-B's key",
        ),
        (
            "spoilt-signature",
            delegate("spoilt").bad_signature().issued_by(ca),
            "the CA's signature in the delegate's certificate is wrong",
        ),
        (
            "sub-ca",
            sub_ca,
            "an intermediate CA with id-kp-OCSPSigning is no delegate (mozilla::pkix)",
        ),
        ("of-delegate", of_delegate, "a delegate cannot delegate"),
        (
            "of-sub-ca",
            below_sub,
            "the delegate of a subordinate CA speaks for that one only",
        ),
        (
            "expired",
            dated("expired", -30 * DAY, -DAY),
            "the delegate's certificate expired yesterday (golang/go#59641)",
        ),
        (
            "not-yet-valid",
            dated("not-yet", DAY, 30 * DAY),
            "the delegate's certificate is valid from tomorrow",
        ),
        (
            "usage-encipherment",
            usage("encipherment", &[KeyUsage::KeyEncipherment]),
            "keyUsage does not allow signatures",
        ),
        (
            "usage-certificates",
            usage("certificates", &[KeyUsage::KeyCertSign]),
            "keyUsage allows certificates only",
        ),
        (
            "critical-extension",
            critical,
            "an unknown critical extension in the delegate's certificate",
        ),
    ];
    for (name, signer, why) in rows {
        table.add(name, "T", &by(world, &signer).build(), why, RULE);
    }
}

/// The ResponderID names nobody, or somebody else.
fn misnamed(table: &mut Table<'_>) {
    let world = table.world;
    let direct = Reply::new(&world.ca_a, T0 - 3600).single(&single(world));
    let namesake = Reply::delegated(&world.ca_a2, T0 - 3600).single(&single(world));
    let rows = [
        (
            "named-by-unknown-key",
            good(world).keyed(&[7; 20]),
            "ResponderID byKey of nobody",
        ),
        (
            "named-other",
            good(world).named(&world.ca_b.subject),
            "ResponderID names CA-B, D-A signed",
        ),
        (
            "named-issuer",
            good(world).named(&world.ca_a.subject),
            "ResponderID names CA-A, D-A signed",
        ),
        (
            "named-empty",
            good(world).named(&der::seq(&[])),
            "an empty Name names nobody",
        ),
        (
            "not-embedded",
            good(world).no_certs(),
            "the delegate's certificate is missing, and nobody has it",
        ),
        (
            "issuer-names-other",
            direct.named(&world.ca_b.subject),
            "CA-A signed and calls itself CA-B",
        ),
        (
            "namesake-by-name",
            namesake.clone().by_name(),
            "CA-A's namesake answers for CA-A, by name",
        ),
        (
            "namesake-by-key",
            namesake,
            "CA-A's namesake answers for CA-A, by key",
        ),
    ];
    for (name, reply, why) in rows {
        table.add(name, "T", &reply.build(), why, "RFC 6960 4.2.2.2, 4.2.2.3");
    }
    // KeyHash is SHA-1: anything but 20 octets is none.
    let sha256 = HashAlg::Sha256.digest(&world.d_a.key.public_bits());
    for (name, hash, why) in [
        ("named-by-empty-key", &[][..], "an empty key hash"),
        ("named-by-sha256-key", &sha256, "byKey is SHA-1 for ever"),
    ] {
        let response = good(world).keyed(hash).build();
        table.add(name, "M", &response, why, "RFC 6960 4.2.1, RFC 9654 A.1");
    }
}

/// Delegates whose own revocation matters.
fn without_nocheck(table: &mut Table<'_>) {
    let world = table.world;
    let plain = |label: &str| {
        bare_delegate(label)
            .key_usage(&[KeyUsage::DigitalSignature])
            .ocsp_signing()
    };
    let crl = plain("with-crl").crl_dp(&["http://127.0.0.1/ca.crl"]);
    let aia = plain("with-ocsp").aia(&["http://127.0.0.1/"], &[]);
    let nocheck = "1.3.6.1.5.5.7.48.1.5";
    let rows = [
        (
            "no-nocheck",
            "TGGGGG",
            plain("no-nocheck"),
            "neither nocheck nor a source of revocation: local policy; the strict profile asks for nocheck",
        ),
        (
            "no-nocheck-crl",
            "TTGGGG",
            crl,
            "no nocheck, and a CRL is named that nobody looked at",
        ),
        (
            "no-nocheck-ocsp",
            "TTGGGG",
            aia,
            "no nocheck, and a responder is named that nobody asked",
        ),
        (
            "nocheck-not-null",
            "TGGGGG",
            plain("nocheck-odd").extension(nocheck, false, &der::boolean(true)),
            "nocheck must be NULL; with another value it is none",
        ),
    ];
    for (name, expected, signer, why) in rows {
        let signer = signer.issued_by(&world.ca_a);
        table.add(name, expected, &by(world, &signer).build(), why, REVOCATION);
    }
}

/// A CA that signs responses itself though its keyUsage knows certificates and CRLs only.
fn issuer_without_usage(table: &mut Table<'_>) {
    let key = Key::cached(KeyAlg::P256, "ca-no-signature");
    let ca = CertBuilder::new(&[("CN", "CA-no-signature")], &key)
        .validity(T0 - 365 * DAY, T0 + 365 * DAY)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])
        .ski_sha1()
        .self_signed();
    let leaf = CertBuilder::new(&[("CN", "leaf")], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x21])
        .issued_by(&ca);
    let reply = Reply::new(&ca, T0 - 3600).single(&about(&ca, &leaf.serial));
    let why = "the CA's keyUsage lacks digitalSignature: RFC 6960 is silent, the Baseline Requirements forbid it";
    let citation = "CA/B BR 7.1.2.10.7; RFC 6960 is silent";
    let case = table.add(
        "issuer-without-usage",
        "TGGGGG",
        &reply.build(),
        why,
        citation,
    );
    *case = case.clone().about(&leaf, &ca);
}
