//! The known answers and tables of the requirements: vectors V1, V2 and V6, object identifiers, reasons.

use certvouch_testkit::der::{self, hex};
use certvouch_types::der::tag;
use certvouch_types::extension::values::{push_extension, push_nonce};
use certvouch_types::{
    CertIdTemplate, CrlReason, HashAlgorithm, OcspRequest, Oid, RequestWriter, oid,
};

/// Vector V2, the request of RFC 9919 B.4.
const V2: &str = "3061305f305d305b3059300d0609608648016503040201050004203a994677568073a707bfde5018\
    6345e4cd6134db085ebaa1d10425f03b6f08ea0420474a6ca301f23dc9f7f7078704e1c7f5fc96e71675f6ed88\
    2e7ab65c3f584543020401aaf00d";

// covers: V1, V6, R9654-2.1-4
#[test]
fn extension_values_are_those_of_the_vectors() {
    let v1 = "302f06092b060105050730010204220420dd49d4072c449da1c317bd1c1bdffedbe150312ec4cd0add18e5bd6f84bf14c8";
    let nonce = hex(&v1[34..]);
    let mut out = Vec::new();
    push_nonce(&mut out, &nonce);
    assert_eq!(out, hex(v1));
    // 128 octets need the long form inside and outside.
    out.clear();
    push_nonce(&mut out, &[1; 128]);
    assert_eq!(out[14..21], hex("04818304818001"));
    out.clear();
    push_extension(&mut out, oid::OCSP_NOCHECK, &hex("0500"));
    assert_eq!(out, hex("300f06092b060105050730010504020500"));
    out.clear();
    push_extension(&mut out, oid::TLS_FEATURE, &hex("3003020105"));
    assert_eq!(out, hex("301106082b0601050507011804053003020105"));
}

// covers: V2, D-2
#[test]
fn request_of_the_rfc_is_read_and_written_octet_by_octet() {
    let input = hex(V2);
    assert_eq!(input.len(), 99);
    let request = OcspRequest::parse(&input).unwrap();
    assert_eq!(request.request_list.len(), 1);
    assert!(!request.explicit_version && request.extensions.is_empty());
    let id = request.request_list.iter().next().unwrap().cert_id;
    assert_eq!(id.serial_number.content(), 27_979_789_u32.to_be_bytes());
    assert_eq!(id.hash(), Some(HashAlgorithm::Sha256));
    assert_eq!(id.check(), Ok(()));
    let template = CertIdTemplate {
        hash_algorithm: HashAlgorithm::Sha256,
        issuer_name_hash: id.issuer_name_hash,
        issuer_key_hash: id.issuer_key_hash,
    };
    let again = template.write(id.serial_number);
    assert_eq!(again, id.raw);
    assert_eq!(RequestWriter::new().cert_id(&again).write(), input);
    assert_eq!(RequestWriter::new().cert_id(id.raw).write(), input);
}

/// The table of requirements §1.4.
#[test]
fn crl_reasons_have_the_codes_and_names_of_the_table() {
    let table = [
        (0, "unspecified"),
        (1, "keyCompromise"),
        (2, "cACompromise"),
        (3, "affiliationChanged"),
        (4, "superseded"),
        (5, "cessationOfOperation"),
        (6, "certificateHold"),
        (8, "removeFromCRL"),
        (9, "privilegeWithdrawn"),
        (10, "aACompromise"),
    ];
    let ours = CrlReason::ALL.map(|reason| (reason.code(), reason.name()));
    assert_eq!(ours, table);
    for (code, name) in table {
        let reason = CrlReason::from_code(code).unwrap();
        assert_eq!(CrlReason::from_name(&name.to_uppercase()), Some(reason));
    }
    assert!(
        [7, 11, 255]
            .into_iter()
            .all(|code| CrlReason::from_code(code).is_none())
    );
}

/// The table of requirements §1.3.
#[test]
fn object_identifiers_are_those_of_the_table() {
    let table: &[(Oid<'_>, &str)] = &[
        (oid::AD_OCSP, "1.3.6.1.5.5.7.48.1"),
        (oid::AD_CA_ISSUERS, "1.3.6.1.5.5.7.48.2"),
        (oid::OCSP_BASIC, "1.3.6.1.5.5.7.48.1.1"),
        (oid::OCSP_NONCE, "1.3.6.1.5.5.7.48.1.2"),
        (oid::OCSP_CRL, "1.3.6.1.5.5.7.48.1.3"),
        (oid::OCSP_RESPONSE, "1.3.6.1.5.5.7.48.1.4"),
        (oid::OCSP_NOCHECK, "1.3.6.1.5.5.7.48.1.5"),
        (oid::OCSP_ARCHIVE_CUTOFF, "1.3.6.1.5.5.7.48.1.6"),
        (oid::OCSP_SERVICE_LOCATOR, "1.3.6.1.5.5.7.48.1.7"),
        (oid::OCSP_PREF_SIG_ALGS, "1.3.6.1.5.5.7.48.1.8"),
        (oid::OCSP_EXTENDED_REVOKE, "1.3.6.1.5.5.7.48.1.9"),
        (oid::KP_OCSP_SIGNING, "1.3.6.1.5.5.7.3.9"),
        (oid::ANY_EXTENDED_KEY_USAGE, "2.5.29.37.0"),
        (oid::AUTHORITY_INFO_ACCESS, "1.3.6.1.5.5.7.1.1"),
        (oid::TLS_FEATURE, "1.3.6.1.5.5.7.1.24"),
        (oid::NO_REV_AVAIL, "2.5.29.56"),
        (oid::SUBJECT_KEY_IDENTIFIER, "2.5.29.14"),
        (oid::KEY_USAGE, "2.5.29.15"),
        (oid::BASIC_CONSTRAINTS, "2.5.29.19"),
        (oid::CRL_NUMBER, "2.5.29.20"),
        (oid::CRL_REASON, "2.5.29.21"),
        (oid::INVALIDITY_DATE, "2.5.29.24"),
        (oid::DELTA_CRL_INDICATOR, "2.5.29.27"),
        (oid::ISSUING_DISTRIBUTION_POINT, "2.5.29.28"),
        (oid::CERTIFICATE_ISSUER, "2.5.29.29"),
        (oid::CRL_DISTRIBUTION_POINTS, "2.5.29.31"),
        (oid::AUTHORITY_KEY_IDENTIFIER, "2.5.29.35"),
        (oid::EXTENDED_KEY_USAGE, "2.5.29.37"),
        (oid::FRESHEST_CRL, "2.5.29.46"),
        (oid::SHA1, "1.3.14.3.2.26"),
        (oid::SHA224, "2.16.840.1.101.3.4.2.4"),
        (oid::SHA256, "2.16.840.1.101.3.4.2.1"),
        (oid::SHA384, "2.16.840.1.101.3.4.2.2"),
        (oid::SHA512, "2.16.840.1.101.3.4.2.3"),
        (oid::ED25519, "1.3.101.112"),
        (oid::ML_DSA_44, "2.16.840.1.101.3.4.3.17"),
        (oid::ML_DSA_65, "2.16.840.1.101.3.4.3.18"),
        (oid::ML_DSA_87, "2.16.840.1.101.3.4.3.19"),
        (oid::ECDSA_WITH_SHA512, "1.2.840.10045.4.3.4"),
        (oid::RSASSA_PSS, "1.2.840.113549.1.1.10"),
    ];
    for (ours, dotted) in table {
        assert_eq!(ours.to_string(), *dotted);
        assert_eq!(der::tlv(tag::OID, ours.as_bytes()), der::oid(dotted));
    }
}
