//! x509-ocsp as an oracle: another reading of the same module, by other people.
//!
//! Where both accept, every decoded field must agree. Where one accepts and the other refuses, the reason
//! stands in one of the two tables below, each line of which must still be needed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use certvouch_testkit::der;
use certvouch_testkit::vectors::{Collection, hex};
use certvouch_types::{
    BasicOcspResponse, CertStatus, Extensions, OcspRequest, OcspResponse, Parameters, ResponderId,
};
use x509_cert::der::{Decode, Encode, Tagged};

use crate::samples::{requests, responses, successful};

/// Inputs that we accept and x509-ocsp refuses.
const ONLY_OURS: &[(&str, &str)] = &[(
    "awslc-fuzz/data/ocsp/6cd5e8317f4be05ee5e4a0d96953a590cc2d8aa5",
    "algorithm parameters are ANY: ours hands out a value of tag 07, for which x509-ocsp has no name",
)];

/// Inputs that x509-ocsp accepts and we refuse.
const ONLY_THEIRS: &[(&str, &str)] = &[
    (
        "pyca/data/ocsp/req-duplicate-ext.der",
        "the same extension twice in one list (E-20)",
    ),
    (
        "pyca/data/ocsp/resp-successful-no-response-bytes.der",
        "status successful without responseBytes (RFC 6960 4.2.1)",
    ),
];

/// What a decoder makes of the octets: its fields as text, or why it refuses them.
type Reading = Result<String, String>;

#[test]
fn generated_messages_are_read_as_x509_ocsp_reads_them() {
    for request in requests(300) {
        assert_eq!(
            our_request(&request).unwrap(),
            their_request(&request).unwrap()
        );
    }
    for response in responses(300) {
        assert_eq!(
            our_response(&response).unwrap(),
            their_response(&response).unwrap()
        );
    }
}

#[test]
fn vectors_are_read_as_x509_ocsp_reads_them() {
    let Some(collection) = Collection::open() else {
        return;
    };
    let mut differences = BTreeMap::new();
    let (mut agreed, mut refused, mut without) = (0, 0, 0);
    for key in ["request", "response", "item"] {
        for (name, octets) in collection.files(key) {
            let both = [
                (our_request(&octets), their_request(&octets), "request"),
                (our_response(&octets), their_response(&octets), "response"),
            ];
            for (ours, theirs, what) in both {
                match (ours, theirs) {
                    (Ok(ours), Ok(theirs)) => {
                        assert_eq!(ours, theirs, "{name} as a {what}");
                        agreed += 1;
                    }
                    (Err(_), Err(_)) => refused += 1,
                    (Ok(_), Err(_)) if agree_without_certs(&octets) => without += 1,
                    (Ok(_), Err(why)) => {
                        differences.insert((name.clone(), "ours"), why);
                    }
                    (Err(why), Ok(_)) => {
                        differences.insert((name.clone(), "theirs"), why);
                    }
                }
            }
        }
    }
    for (table, who) in [(ONLY_OURS, "ours"), (ONLY_THEIRS, "theirs")] {
        for (name, reason) in table {
            assert!(!reason.is_empty());
            let needed = differences.remove(&((*name).to_owned(), who));
            assert!(needed.is_some(), "{name} needs no line among the {who}");
        }
    }
    let unexplained: Vec<String> = differences
        .iter()
        .map(|((name, who), why)| format!("{name}: only {who}: {why}"))
        .collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    // All of the collection's own messages, and what its fuzz inputs add.
    let counts = format!("{agreed} agreed, {without} without certs, {refused} refused by both");
    assert!(agreed > 80 && without > 0 && refused > 100, "{counts}");
}

/// Whether both read the message alike once its `certs` are left out. x509-ocsp reads the certificates along
/// with the message; we hand them out unread, since a verifier passes over those that it cannot use.
fn agree_without_certs(octets: &[u8]) -> bool {
    if let Ok(request) = OcspRequest::parse(octets)
        && let Some(signature) = request.signature
    {
        let signature = der::seq(&[signature.algorithm.raw, &der::bits(signature.signature)]);
        let octets = der::seq(&[request.tbs, &der::explicit(0, &signature)]);
        return their_request(&octets).is_ok_and(|theirs| Ok(theirs) == our_request(&octets));
    }
    if let Ok(OcspResponse::Successful(bytes)) = OcspResponse::parse(octets)
        && let Ok(basic) = BasicOcspResponse::from_response_bytes(&bytes)
    {
        let algorithm = basic.signature_algorithm.raw;
        let basic = der::seq(&[basic.tbs, algorithm, &der::bits(basic.signature)]);
        let octets = successful(&basic);
        return their_response(&octets).is_ok_and(|theirs| Ok(theirs) == our_response(&octets));
    }
    false
}

fn our_request(octets: &[u8]) -> Reading {
    let request = OcspRequest::parse(octets).map_err(|error| error.to_string())?;
    let mut out = String::new();
    let name = request.requestor_name.map(hex);
    let _ = writeln!(out, "requestorName {name:?}");
    for entry in request.request_list.iter() {
        our_cert_id(&mut out, &entry.cert_id);
        our_extensions(&mut out, &entry.extensions);
    }
    our_extensions(&mut out, &request.extensions);
    if let Some(signature) = request.signature {
        let mut certs = certvouch_types::der::Reader::new(signature.certs);
        let mut count = 0;
        while certs.next("Certificate").is_ok() {
            count += 1;
        }
        let _ = writeln!(out, "signature {} {count}", hex(signature.signature));
        our_algorithm(&mut out, &signature.algorithm);
    }
    Ok(out)
}

fn their_request(octets: &[u8]) -> Reading {
    let request = x509_ocsp::OcspRequest::from_der(octets).map_err(|error| error.to_string())?;
    let mut out = String::new();
    let name = request.tbs_request.requestor_name;
    let name = name.map(|name| hex(&name.to_der().unwrap()));
    let _ = writeln!(out, "requestorName {name:?}");
    for entry in &request.tbs_request.request_list {
        their_cert_id(&mut out, &entry.req_cert);
        their_extensions(&mut out, entry.single_request_extensions.as_ref());
    }
    their_extensions(&mut out, request.tbs_request.request_extensions.as_ref());
    if let Some(signature) = request.optional_signature {
        let count = signature.certs.map_or(0, |certs| certs.len());
        let bits = signature.signature.raw_bytes();
        let _ = writeln!(out, "signature {} {count}", hex(bits));
        their_algorithm(&mut out, &signature.signature_algorithm);
    }
    Ok(out)
}

fn our_response(octets: &[u8]) -> Reading {
    let response = OcspResponse::parse(octets).map_err(|error| error.to_string())?;
    let mut out = format!("status {}\n", response.status().code());
    let OcspResponse::Successful(bytes) = response else {
        return Ok(out);
    };
    let _ = writeln!(out, "type {}", bytes.response_type);
    if !bytes.is_basic() {
        return Ok(out);
    }
    let basic =
        BasicOcspResponse::from_response_bytes(&bytes).map_err(|error| error.to_string())?;
    match basic.data.responder_id {
        ResponderId::ByName(name) => writeln!(out, "byName {}", hex(name)),
        ResponderId::ByKey(key) => writeln!(out, "byKey {}", hex(key)),
    }
    .unwrap();
    let _ = writeln!(out, "producedAt {}", basic.data.produced_at.unix());
    for single in basic.data.responses.iter() {
        our_cert_id(&mut out, &single.cert_id);
        let status = match single.cert_status {
            CertStatus::Good => "good".to_owned(),
            CertStatus::Unknown => "unknown".to_owned(),
            CertStatus::Revoked(info) => {
                let reason = info.revocation_reason.map(|reason| reason.code());
                format!("revoked {} {reason:?}", info.revocation_time.unix())
            }
            other => panic!("{other:?}"),
        };
        let next_update = single.next_update.map(certvouch_types::Timestamp::unix);
        let this_update = single.this_update.unix();
        let _ = writeln!(out, "{status} {this_update} {next_update:?}");
        our_extensions(&mut out, &single.extensions);
    }
    our_extensions(&mut out, &basic.data.extensions);
    our_algorithm(&mut out, &basic.signature_algorithm);
    let certs: Vec<String> = basic.certs().map(hex).collect();
    let _ = writeln!(out, "signature {} {certs:?}", hex(basic.signature));
    Ok(out)
}

fn their_response(octets: &[u8]) -> Reading {
    let response = x509_ocsp::OcspResponse::from_der(octets).map_err(|error| error.to_string())?;
    let status = response.response_status.to_der().unwrap();
    let mut out = format!("status {}\n", status[2]);
    let Some(bytes) = response.response_bytes else {
        return Ok(out);
    };
    let _ = writeln!(out, "type {}", bytes.response_type);
    if bytes.response_type.to_string() != "1.3.6.1.5.5.7.48.1.1" {
        return Ok(out);
    }
    let basic = x509_ocsp::BasicOcspResponse::from_der(bytes.response.as_bytes())
        .map_err(|error| error.to_string())?;
    let data = &basic.tbs_response_data;
    match &data.responder_id {
        x509_ocsp::ResponderId::ByName(name) => {
            writeln!(out, "byName {}", hex(&name.to_der().unwrap()))
        }
        x509_ocsp::ResponderId::ByKey(key) => writeln!(out, "byKey {}", hex(key.as_bytes())),
    }
    .unwrap();
    let seconds = |time: &x509_ocsp::OcspGeneralizedTime| time.0.to_unix_duration().as_secs();
    let _ = writeln!(out, "producedAt {}", seconds(&data.produced_at));
    for single in &data.responses {
        their_cert_id(&mut out, &single.cert_id);
        let status = match &single.cert_status {
            x509_ocsp::CertStatus::Good(_) => "good".to_owned(),
            x509_ocsp::CertStatus::Unknown(_) => "unknown".to_owned(),
            x509_ocsp::CertStatus::Revoked(info) => {
                let reason = info.revocation_reason.map(|reason| {
                    let encoded = reason.to_der().unwrap();
                    encoded[2]
                });
                format!("revoked {} {reason:?}", seconds(&info.revocation_time))
            }
        };
        let next_update = single.next_update.as_ref().map(seconds);
        let this_update = seconds(&single.this_update);
        let _ = writeln!(out, "{status} {this_update} {next_update:?}");
        their_extensions(&mut out, single.single_extensions.as_ref());
    }
    their_extensions(&mut out, data.response_extensions.as_ref());
    their_algorithm(&mut out, &basic.signature_algorithm);
    let certs = basic.certs.unwrap_or_default();
    let certs: Vec<String> = certs
        .iter()
        .map(|cert| hex(&cert.to_der().unwrap()))
        .collect();
    let signature = hex(basic.signature.raw_bytes());
    let _ = writeln!(out, "signature {signature} {certs:?}");
    Ok(out)
}

fn our_cert_id(out: &mut String, id: &certvouch_types::CertId<'_>) {
    our_algorithm(out, &id.hash_algorithm);
    let _ = writeln!(
        out,
        "certID {} {} {}",
        hex(id.issuer_name_hash),
        hex(id.issuer_key_hash),
        hex(id.serial_number.content())
    );
}

fn their_cert_id(out: &mut String, id: &x509_ocsp::CertId) {
    their_algorithm(out, &id.hash_algorithm);
    let _ = writeln!(
        out,
        "certID {} {} {}",
        hex(id.issuer_name_hash.as_bytes()),
        hex(id.issuer_key_hash.as_bytes()),
        hex(id.serial_number.as_bytes())
    );
}

fn our_algorithm(out: &mut String, algorithm: &certvouch_types::AlgorithmIdentifier<'_>) {
    let parameters = match algorithm.parameters {
        Parameters::Absent => "absent",
        Parameters::Null => "null",
        _ => "other",
    };
    let _ = writeln!(out, "algorithm {} {parameters}", algorithm.oid);
}

fn their_algorithm(out: &mut String, algorithm: &x509_cert::spki::AlgorithmIdentifierOwned) {
    let parameters = match &algorithm.parameters {
        None => "absent",
        Some(any) if any.tag() == x509_cert::der::Tag::Null => "null",
        Some(_) => "other",
    };
    let _ = writeln!(out, "algorithm {} {parameters}", algorithm.oid);
}

fn our_extensions(out: &mut String, list: &Extensions<'_>) {
    for extension in list.iter() {
        let (oid, critical) = (extension.oid, extension.critical);
        let _ = writeln!(out, "extension {oid} {critical} {}", hex(extension.value));
    }
}

fn their_extensions(out: &mut String, list: Option<&x509_cert::ext::Extensions>) {
    for extension in list.into_iter().flatten() {
        let (oid, critical) = (extension.extn_id, extension.critical);
        let value = hex(extension.extn_value.as_bytes());
        let _ = writeln!(out, "extension {oid} {critical} {value}");
    }
}
