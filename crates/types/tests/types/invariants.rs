//! What holds for any octets that are fed to the parsers.
//!
//! A parser returns, and an error lies inside the input. What it accepts it has understood completely: the
//! message is written again from its parsed members and the raw spans, by the few lines here and not by
//! the crate's writers, and must be the input octet by octet. No second encoding of a message is accepted.

use certvouch_types::crl::delta::applies;
use certvouch_types::crl::scope::check_head;
use certvouch_types::der::{Reader, push, tag};
use certvouch_types::extension::values::{
    AcceptableResponses, CrlId, PreferredSignatureAlgorithms, ServiceLocator, time_value,
};
use certvouch_types::oid::{AD_CA_ISSUERS, AD_OCSP, KP_OCSP_SIGNING, OCSP_NONCE};
use certvouch_types::{
    AlgorithmIdentifier, BasicOcspResponse, CertId, CertStatus, Certificate, Crl, DecodeError,
    Extensions, Nonce, NonceFault, OcspRequest, OcspResponse, RequestSignature, ResponderId,
    SerialNumber, SingleResponse,
};

/// Feeds the octets to every parser.
pub(crate) fn everything(input: &[u8]) {
    request(input);
    response(input);
    certificate(input);
    crl(input);
    if let Some(basic) = accepted(input, BasicOcspResponse::parse(input)) {
        self::basic(input, &basic, 0, input);
    }
    accepted(input, AlgorithmIdentifier::parse(input, "x"));
    accepted(input, CertId::read(&mut Reader::new(input)));
    if let Some(list) = accepted(input, Extensions::read(&mut Reader::new(input), "x")) {
        extensions(input, &list);
    }
    values(Reader::new(input), input);
}

/// Feeds them to the parser of CRLs: what it accepts has its spans inside the input, and an entry that was walked over is
/// found again at its place.
pub(crate) fn crl(input: &[u8]) {
    let Some(crl) = accepted(input, Crl::parse(input)) else {
        return;
    };
    assert_eq!(crl.raw.len(), input.len());
    extensions(input, &crl.extensions);
    let mut length = 0;
    for entry in crl.entries() {
        let Some(entry) = accepted(input, entry) else {
            return;
        };
        length += 1;
        let again = crl
            .entry_at(entry.at)
            .expect("the entry was read a moment ago");
        assert_eq!(again.serial_number, entry.serial_number);
        assert_eq!(
            (again.revocation_date, again.reason, again.unprocessable),
            (entry.revocation_date, entry.reason, entry.unprocessable)
        );
    }
    // An entry has at least a SEQUENCE, an INTEGER and a UTCTime: 20 octets.
    assert!(length * 20 <= crl.entries_length());
    assert!(crl.issuer.matches(&crl.issuer));
    assert_ne!(applies(&crl, &crl), Ok(()), "nothing is newer than itself");
    let _ = check_head(&crl);
}

/// Feeds them to the parser of requests.
pub(crate) fn request(input: &[u8]) {
    let Some(request) = accepted(input, OcspRequest::parse(input)) else {
        return;
    };
    assert_eq!(
        request.request_list.iter().count(),
        request.request_list.len()
    );
    assert!(request.request_list.len() > 0);
    let mut list = Vec::new();
    for entry in request.request_list.iter() {
        cert_id(input, &entry.cert_id);
        extensions(input, &entry.extensions);
        let mut fields = entry.cert_id.raw.to_vec();
        push_extensions(&mut fields, 0, &entry.extensions);
        push(&mut list, tag::SEQUENCE, &fields);
    }
    extensions(input, &request.extensions);
    nonce(&request);

    let mut tbs = Vec::new();
    push_version(&mut tbs, request.explicit_version);
    if let Some(name) = request.requestor_name {
        push(&mut tbs, tag::constructed(1), name);
    }
    push(&mut tbs, tag::SEQUENCE, &list);
    push_extensions(&mut tbs, 2, &request.extensions);
    assert_eq!(sequence(&tbs), request.tbs, "tbsRequest written again");
    let again = [false, true].map(|empty_certs| {
        let mut message = request.tbs.to_vec();
        if let Some(signature) = &request.signature {
            let signature = request_signature(signature, empty_certs);
            push(&mut message, tag::constructed(0), &signature);
        }
        sequence(&message)
    });
    assert!(again.iter().any(|again| again == input), "written again");
}

fn request_signature(signature: &RequestSignature<'_>, empty_certs: bool) -> Vec<u8> {
    let mut fields = signature.algorithm.raw.to_vec();
    push_octets_as_bits(&mut fields, signature.signature);
    push_certs(&mut fields, signature.certs, empty_certs);
    sequence(&fields)
}

fn nonce(request: &OcspRequest<'_>) {
    let extension = request.extensions.find(OCSP_NONCE);
    match request.nonce() {
        Ok(nonce) => {
            assert_eq!(nonce.is_some(), extension.is_some());
            let length = nonce.map_or(1, |nonce: Nonce<'_>| nonce.as_bytes().len());
            assert!((1..=128).contains(&length));
        }
        Err((fault, found)) => {
            assert_eq!(Some(found), extension);
            if let NonceFault::Length(length) = fault {
                assert!(length == 0 || length > 128);
            }
        }
    }
}

/// Feeds them to the parser of responses, and what is inside to the next one.
pub(crate) fn response(input: &[u8]) {
    let Some(response) = accepted(input, OcspResponse::parse(input)) else {
        return;
    };
    let bytes = match response {
        OcspResponse::Error(status) => {
            assert_eq!(input, [0x30, 3, 0x0A, 1, status.code()]);
            return;
        }
        OcspResponse::Successful(bytes) => bytes,
    };
    within(input, bytes.response_at, bytes.response);
    let mut inner = Vec::new();
    push(&mut inner, tag::OID, bytes.response_type.as_bytes());
    push(&mut inner, tag::OCTET_STRING, bytes.response);
    let mut message = vec![tag::ENUMERATED, 1, 0];
    push(&mut message, tag::constructed(0), &sequence(&inner));
    assert_eq!(sequence(&message), input, "OCSPResponse written again");
    if bytes.is_basic() {
        let outer = accepted(input, BasicOcspResponse::from_response_bytes(&bytes));
        let alone = accepted(bytes.response, BasicOcspResponse::parse(bytes.response));
        assert_eq!(outer.is_some(), alone.is_some());
        if let Some(basic) = outer {
            self::basic(input, &basic, bytes.response_at, bytes.response);
        }
    }
}

/// `response` is the BasicOCSPResponse, which begins at `at` of the input.
fn basic(input: &[u8], basic: &BasicOcspResponse<'_>, at: usize, response: &[u8]) {
    within(input, at, response);
    let data = &basic.data;
    assert_eq!(data.responses.iter().count(), data.responses.len());
    let first = data.responses.iter().next();
    assert_eq!(data.responses.is_empty(), first.is_none());
    let mut list = Vec::new();
    for single in data.responses.iter() {
        cert_id(input, &single.cert_id);
        extensions(input, &single.extensions);
        push(&mut list, tag::SEQUENCE, &single_fields(&single));
    }
    extensions(input, &data.extensions);

    let mut tbs = Vec::new();
    push_version(&mut tbs, data.explicit_version);
    match data.responder_id {
        ResponderId::ByName(name) => push(&mut tbs, tag::constructed(1), name),
        ResponderId::ByKey(key) => {
            let mut inner = Vec::new();
            push(&mut inner, tag::OCTET_STRING, key);
            push(&mut tbs, tag::constructed(2), &inner);
        }
    }
    push_time(&mut tbs, data.produced_at);
    push(&mut tbs, tag::SEQUENCE, &list);
    push_extensions(&mut tbs, 1, &data.extensions);
    assert_eq!(sequence(&tbs), basic.tbs, "ResponseData written again");

    let certs: Vec<u8> = basic.certs().flatten().copied().collect();
    let again = [false, true].map(|empty_certs| {
        let mut message = basic.tbs.to_vec();
        message.extend_from_slice(basic.signature_algorithm.raw);
        push_octets_as_bits(&mut message, basic.signature);
        push_certs(&mut message, &certs, empty_certs);
        sequence(&message)
    });
    assert!(again.iter().any(|again| again == response), "written again");
    basic.certs().for_each(certificate);
}

fn single_fields(single: &SingleResponse<'_>) -> Vec<u8> {
    let mut fields = single.cert_id.raw.to_vec();
    match single.cert_status {
        CertStatus::Good => fields.extend([0x80, 0]),
        CertStatus::Unknown => fields.extend([0x82, 0]),
        CertStatus::Revoked(info) => {
            let mut revoked = Vec::new();
            push_time(&mut revoked, info.revocation_time);
            if let Some(reason) = info.revocation_reason {
                revoked.extend([0xA0, 3, tag::ENUMERATED, 1, reason.code()]);
            }
            push(&mut fields, 0xA1, &revoked);
        }
        other => panic!("a status that this file does not know: {other:?}"),
    }
    push_time(&mut fields, single.this_update);
    if let Some(next_update) = single.next_update {
        let mut time = Vec::new();
        push_time(&mut time, next_update);
        push(&mut fields, tag::constructed(0), &time);
    }
    push_extensions(&mut fields, 1, &single.extensions);
    fields
}

/// Feeds them to the parser of certificates, and calls every accessor.
pub(crate) fn certificate(input: &[u8]) {
    let Some(certificate) = accepted(input, Certificate::parse(input)) else {
        return;
    };
    assert_eq!(certificate.raw, input);
    let mut message = certificate.tbs.to_vec();
    message.extend_from_slice(certificate.signature_algorithm.raw);
    push_octets_as_bits(&mut message, certificate.signature);
    assert_eq!(sequence(&message), input, "Certificate written again");
    extensions(input, &certificate.extensions);
    let ca = accepted(input, certificate.is_ca());
    let constraints = accepted(input, certificate.basic_constraints());
    assert_eq!(
        ca,
        constraints.map(|found| found.is_some_and(|found| found.ca))
    );
    accepted(input, certificate.key_usage());
    accepted(input, certificate.has_extended_key_usage(KP_OCSP_SIGNING));
    accepted(input, certificate.subject_key_identifier());
    for method in [AD_OCSP, AD_CA_ISSUERS] {
        if let Some(locations) = accepted(input, certificate.access_locations(method)) {
            locations.for_each(drop);
        }
    }
    for name in [certificate.issuer, certificate.subject] {
        let _ = name.to_string();
        name.attributes().for_each(drop);
    }
    serial(certificate.serial_number);
}

fn cert_id(input: &[u8], id: &CertId<'_>) {
    within(input, id.at, id.raw);
    let mut fields = id.hash_algorithm.raw.to_vec();
    push(&mut fields, tag::OCTET_STRING, id.issuer_name_hash);
    push(&mut fields, tag::OCTET_STRING, id.issuer_key_hash);
    push(&mut fields, tag::INTEGER, id.serial_number.content());
    assert_eq!(sequence(&fields), id.raw, "CertID written again");
    assert!(id.matches(id));
    if id.check().is_ok() {
        assert!(id.hash_algorithm.parameters_absent_or_null() && id.serial_number.fits());
        assert_eq!(id.issuer_name_hash.len(), id.issuer_key_hash.len());
    }
    serial(id.serial_number);
}

fn serial(serial: SerialNumber<'_>) {
    let text = serial.to_string();
    let digits = text.trim_start_matches('-');
    assert!(!digits.is_empty() && digits.len().is_multiple_of(2));
    assert_eq!(text.starts_with('-'), serial.unsigned().is_none());
}

fn extensions(input: &[u8], list: &Extensions<'_>) {
    assert_eq!(list.iter().count(), list.len());
    assert_eq!(list.is_empty(), list.raw().is_empty());
    let mut members = Vec::new();
    for extension in list.iter() {
        within(input, extension.at, extension.raw);
        within(input, extension.value_at, extension.value);
        let found = list.find(extension.oid);
        assert_eq!(found, Some(extension), "no OID stands twice");
        values(extension.contents(), input);
        let mut fields = Vec::new();
        push(&mut fields, tag::OID, extension.oid.as_bytes());
        if extension.critical {
            fields.extend([tag::BOOLEAN, 1, 0xFF]);
        }
        push(&mut fields, tag::OCTET_STRING, extension.value);
        assert_eq!(sequence(&fields), extension.raw, "Extension written again");
        members.extend_from_slice(extension.raw);
    }
    if !list.is_empty() {
        assert_eq!(sequence(&members), list.raw(), "Extensions written again");
    }
}

/// Reads the octets as the value of every extension of OCSP.
fn values(value: Reader<'_>, input: &[u8]) {
    if let Some(list) = accepted(input, AcceptableResponses::parse(value.clone())) {
        list.iter().for_each(|oid| drop(oid.to_string()));
    }
    if let Some(list) = accepted(input, PreferredSignatureAlgorithms::parse(value.clone())) {
        list.iter().for_each(drop);
    }
    accepted(input, ServiceLocator::parse(value.clone()));
    accepted(input, CrlId::parse(value.clone()));
    if let Some(time) = accepted(input, time_value(value.clone(), "x")) {
        let mut again = Vec::new();
        push_time(&mut again, time);
        assert_eq!(again, value.rest(), "GeneralizedTime written again");
    }
    if let Ok(nonce) = Nonce::from_extn_value(value.rest()) {
        let mut again = Vec::new();
        push(&mut again, tag::OCTET_STRING, nonce.as_bytes());
        assert_eq!(again, value.rest(), "Nonce written again");
    }
}

/// The value, if there is one; an error must lie inside the input and say something.
fn accepted<T>(input: &[u8], result: Result<T, DecodeError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.at <= input.len(), "{error} lies behind the end");
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The span stands at this offset of the input.
fn within(input: &[u8], at: usize, span: &[u8]) {
    assert_eq!(input.get(at..at + span.len()), Some(span));
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, tag::SEQUENCE, content);
    out
}

fn push_version(out: &mut Vec<u8>, explicit: bool) {
    if explicit {
        out.extend([0xA0, 3, tag::INTEGER, 1, 0]);
    }
}

fn push_time(out: &mut Vec<u8>, time: certvouch_types::Timestamp) {
    push(out, tag::GENERALIZED_TIME, &time.to_generalized_time());
}

fn push_extensions(out: &mut Vec<u8>, number: u8, list: &Extensions<'_>) {
    if !list.is_empty() {
        push(out, tag::constructed(number), list.raw());
    }
}

fn push_octets_as_bits(out: &mut Vec<u8>, octets: &[u8]) {
    push(out, tag::BIT_STRING, &[&[0], octets].concat());
}

/// `certs` with nothing in it is left out or, where it was sent so, written as an empty list.
fn push_certs(out: &mut Vec<u8>, certs: &[u8], empty: bool) {
    if !certs.is_empty() || empty {
        push(out, tag::constructed(0), &sequence(certs));
    }
}
