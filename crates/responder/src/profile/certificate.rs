//! The certificate and the key that sign, against a profile: each check names its rule.

use certvouch_crypto::{KeyKind, SignatureAlgorithm, rsa_modulus_bits};
use certvouch_types::{Certificate, oid};

use super::{CertificateShape, Profile, Rule, Violation};

/// id-RSASSA-PSS and rsaEncryption keys of the BRs (TLS BR 6.1.5).
const LEAST_RSA_BITS: usize = 2048;

/// The forms of the extensions that TLS BR 7.1.2.8 fixes to the octet: not a CA; digitalSignature and nothing else; NULL.
const EMPTY_SEQUENCE: &[u8] = &[0x30, 0x00];
const DIGITAL_SIGNATURE: &[u8] = &[0x03, 0x02, 0x07, 0x80];
const NULL: &[u8] = &[0x05, 0x00];
/// `SEQUENCE { id-kp-OCSPSigning }`.
const OCSP_SIGNING_ALONE: &[u8] = &[0x30, 0x0A, 6, 8, 0x2B, 6, 1, 5, 5, 7, 3, 9];

/// What of a signer breaks the profile. `delegated` says that `certificate` is not the CA's own.
pub(crate) fn check_signer(
    profile: &'static Profile,
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
    delegated: bool,
    algorithm: SignatureAlgorithm,
) -> Vec<Violation> {
    let mut found = Found {
        profile: profile.name,
        violations: Vec::new(),
    };
    let key = KeyKind::from_algorithm(&certificate.subject_public_key_info.algorithm);
    if let Some(rule) = profile.forbids_algorithm(key, algorithm) {
        let key = key.map_or_else(|| "this key".to_owned(), |key| format!("a key on {key}"));
        let what = format!("signatures with {algorithm} of {key}");
        found.violations.push(Violation {
            profile: profile.name,
            rule,
            what,
        });
    }
    if profile.certificate == CertificateShape::Br {
        key_of(certificate, &mut found);
        if delegated {
            delegate(certificate, issuer, &mut found);
        } else {
            authority(certificate, &mut found);
        }
    }
    found.violations
}

struct Found {
    profile: &'static str,
    violations: Vec<Violation>,
}

impl Found {
    fn unless(&mut self, holds: bool, id: &'static str, clause: &'static str, what: &str) {
        if !holds {
            self.violations.push(Violation {
                profile: self.profile,
                rule: Rule { id, clause },
                what: what.to_owned(),
            });
        }
    }
}

fn key_of(certificate: &Certificate<'_>, found: &mut Found) {
    let key = &certificate.subject_public_key_info;
    found.unless(
        key.algorithm.oid != oid::RSASSA_PSS,
        "MOZ-5.1-1",
        "Mozilla RSP 5.1",
        "a key marked id-RSASSA-PSS; rsaEncryption is meant",
    );
    found.unless(
        rsa_modulus_bits(key).is_none_or(|bits| bits >= LEAST_RSA_BITS && bits % 8 == 0),
        "BR-7.1.3.2-1",
        "TLS BR 6.1.5",
        "an RSA key of less than 2048 bits or of no whole octets",
    );
}

/// TLS BR 7.1.2.10.7, Microsoft TRP 3.1.6: the CA that signs itself says so in its keyUsage.
fn authority(certificate: &Certificate<'_>, found: &mut Found) {
    let digital = matches!(certificate.key_usage(), Ok(Some(usage)) if usage.digital_signature());
    found.unless(
        digital,
        "BR-7.1.2.10.7-1, MS-3.1.6-1",
        "TLS BR 7.1.2.10.7, Microsoft TRP 3.1.6",
        "a CA that signs answers itself without digitalSignature in its keyUsage",
    );
}

/// The OCSP responder certificate profile of TLS BR 7.1.2.8.
fn delegate(certificate: &Certificate<'_>, issuer: &Certificate<'_>, found: &mut Found) {
    basics(certificate, issuer, found);
    fixed_extensions(certificate, found);
    let absent = |oid| certificate.extensions.find(oid).is_none();
    for (oid, name) in [
        (oid::NAME_CONSTRAINTS, "nameConstraints"),
        (oid::SUBJECT_ALT_NAME, "subjectAltName"),
        (oid::CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    ] {
        let what = format!("a signer certificate with {name}");
        found.unless(absent(oid), "BR-7.1.2.8.2-1", "TLS BR 7.1.2.8.2", &what);
    }
    found.unless(
        !absent(oid::AUTHORITY_KEY_IDENTIFIER),
        "BR-7.1.2.8.2-1",
        "TLS BR 7.1.2.8.2",
        "a signer certificate without authorityKeyIdentifier",
    );
    found.unless(
        absent(oid::AUTHORITY_INFO_ACCESS) || is_ocsp_over_http(certificate),
        "BR-7.1.2.8.3-1",
        "TLS BR 7.1.2.8.3",
        "a signer certificate whose authorityInfoAccess is more than OCSP addresses over http",
    );
}

fn basics(certificate: &Certificate<'_>, issuer: &Certificate<'_>, found: &mut Found) {
    let (id, clause) = ("BR-7.1.2.8-1", "TLS BR 7.1.2.8");
    found.unless(
        certificate.version == 2,
        id,
        clause,
        "a signer certificate that is not v3",
    );
    let serial = certificate.serial_number.unsigned().unwrap_or_default();
    // 64 bits of a random generator give fewer than eight octets only when the first of them are zero; one octet is
    // given away for that.
    found.unless(
        serial.len() >= 7 && certificate.serial_number.fits(),
        id,
        clause,
        "a signer certificate with a serial number of less than 64 random bits or more than 20 octets",
    );
    found.unless(
        certificate.issuer.as_bytes() == issuer.subject.as_bytes(),
        id,
        clause,
        "a signer certificate whose issuer is not the CA's subject to the octet",
    );
    found.unless(
        !certificate.has_unique_identifiers,
        id,
        clause,
        "a signer certificate with unique identifiers",
    );
    let sha1 = SignatureAlgorithm::from_identifier(&certificate.signature_algorithm)
        .is_some_and(SignatureAlgorithm::uses_sha1);
    found.unless(
        !sha1,
        "MOZ-5.1.3-1",
        "Mozilla RSP 5.1.3",
        "a signer certificate signed with SHA-1",
    );
}

fn fixed_extensions(certificate: &Certificate<'_>, found: &mut Found) {
    let is = |oid, value: &[u8], critical: bool| {
        certificate
            .extensions
            .find(oid)
            .is_some_and(|extension| extension.value == value && extension.critical == critical)
    };
    found.unless(
        certificate
            .extensions
            .find(oid::BASIC_CONSTRAINTS)
            .is_none()
            || is(oid::BASIC_CONSTRAINTS, EMPTY_SEQUENCE, true),
        "BR-7.1.2.8.4-1",
        "TLS BR 7.1.2.8.4",
        "a signer certificate with basicConstraints other than an empty critical SEQUENCE",
    );
    let purposes = certificate.extensions.find(oid::EXTENDED_KEY_USAGE);
    found.unless(
        purposes.is_some_and(|extension| extension.value == OCSP_SIGNING_ALONE),
        "BR-7.1.2.8.5-1, MOZ-7.5-1, MS-3.1.18-1",
        "TLS BR 7.1.2.8.5, Mozilla RSP 7.5, Microsoft TRP 3.1.18",
        "a signer certificate with extended key usages beside OCSPSigning",
    );
    found.unless(
        is(oid::OCSP_NOCHECK, NULL, false),
        "BR-7.1.2.8.6-1",
        "TLS BR 7.1.2.8.6",
        "a signer certificate without id-pkix-ocsp-nocheck as a non-critical NULL",
    );
    found.unless(
        is(oid::KEY_USAGE, DIGITAL_SIGNATURE, true),
        "BR-7.1.2.8.7-1",
        "TLS BR 7.1.2.8.7",
        "a signer certificate with a keyUsage other than digitalSignature alone, critical",
    );
}

/// Every access description is an id-ad-ocsp with an http URI.
fn is_ocsp_over_http(certificate: &Certificate<'_>) -> bool {
    let Some(extension) = certificate.extensions.find(oid::AUTHORITY_INFO_ACCESS) else {
        return true;
    };
    let Ok(mut list) = extension.contents().sequence("authorityInfoAccess") else {
        return false;
    };
    let mut descriptions = 0;
    while !list.is_empty() {
        if list.next("authorityInfoAccess").is_err() {
            return false;
        }
        descriptions += 1;
    }
    certificate
        .access_locations(oid::AD_OCSP)
        .is_ok_and(|uris| uris.filter(|uri| uri.starts_with("http://")).count() == descriptions)
}
