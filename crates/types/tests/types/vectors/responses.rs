//! Responses of the collection: parsed, and searched for an entry.

use certvouch_testkit::vectors::{Case, Params, Verdict, unhex};
use certvouch_types::{
    BasicOcspResponse, CertStatus, Certificate, CrlReason, OcspRequest, OcspResponse, Oid,
    ResponderId, ResponseDataWriter, SerialNumber, SingleResponse, SingleResponseFields, Timestamp,
    basic_ocsp_response, der, oid,
};
use serde_json::Value;

use super::requests::cert_id;
use crate::invariants;

/// 1.3.6.1.4.1.11129.2.4.5, SCTs in an OCSP response (RFC 6962 3.3).
const SCT_LIST: [u8; 10] = [0x2B, 6, 1, 4, 1, 0xD6, 0x79, 2, 4, 5];

/// `resp-parse`: the parsers of both layers, and every decoded value that the case names.
pub(super) fn parse(case: &Case, params: &mut Params) -> Verdict {
    let input = case.input("response");
    invariants::everything(&input);
    let response = match OcspResponse::parse(&input) {
        Ok(response) => response,
        Err(error) => return Verdict::with("err", error),
    };
    params.same("response_status", response.status().code());
    let OcspResponse::Successful(bytes) = response else {
        return Verdict::new("ok");
    };
    if !bytes.is_basic() {
        return Verdict::with("ok-unsupported-type", bytes.response_type);
    }
    let basic = match BasicOcspResponse::from_response_bytes(&bytes) {
        Ok(basic) => basic,
        Err(error) => return Verdict::with("err", error),
    };
    for (index, der) in basic.certs().enumerate() {
        if let Err(error) = Certificate::parse(der) {
            return Verdict::with("err", format!("certs[{index}]: {error}"));
        }
    }
    whole(&basic, params);
    if let Some(first) = basic.data.responses.iter().next() {
        single(&first, params);
    }
    if params.take("reencode") == Some(Value::Bool(true)) && reencode(&basic) != input {
        params.differs("the writer gives other octets");
    }
    Verdict::new("ok")
}

fn whole(basic: &BasicOcspResponse<'_>, params: &mut Params) {
    let data = &basic.data;
    params.same("count", data.responses.len());
    params.same("certs", basic.certs().count());
    params.same("extensions", data.extensions.len());
    params.same("produced_at", data.produced_at.to_string());
    params.same("sig_oid", basic.signature_algorithm.oid.to_string());
    let key_hash = match data.responder_id {
        ResponderId::ByKey(key) => Some(key),
        ResponderId::ByName(_) => None,
    };
    params.same_octets("responder_key_hash", key_hash);
    let nonce = data
        .extensions
        .find(oid::OCSP_NONCE)
        .map(|extension| certvouch_types::Nonce::from_extn_value(extension.value).unwrap());
    params.same_octets("nonce", nonce.as_ref().map(|nonce| nonce.as_bytes()));
}

fn single(single: &SingleResponse<'_>, params: &mut Params) {
    cert_id(&single.cert_id, params);
    status(single, params);
    params.same("single_extensions", single.extensions.len());
    let first = single.extensions.iter().next();
    params.same("ext_oid", first.map(|extension| extension.oid.to_string()));
    params.same_octets("ext_value", first.map(|extension| extension.value));
    let scts = Oid::from_content(&SCT_LIST).unwrap();
    let scts = single.extensions.find(scts);
    params.same("scts", scts.map(|extension| count_scts(extension.value)));
}

/// Status, times and reason.
fn status(single: &SingleResponse<'_>, params: &mut Params) {
    let text = |time: Timestamp| time.to_string();
    params.same("status", word(single.cert_status));
    params.same("this_update", text(single.this_update));
    params.same("next_update", single.next_update.map(text));
    let revoked = match single.cert_status {
        CertStatus::Revoked(info) => Some(info),
        _ => None,
    };
    params.same(
        "revocation_time",
        revoked.map(|info| text(info.revocation_time)),
    );
    let reason = revoked.and_then(|info| info.revocation_reason);
    params.same("reason", reason.map(CrlReason::name));
}

fn word(status: CertStatus) -> &'static str {
    match status {
        CertStatus::Good => "good",
        CertStatus::Revoked(_) => "revoked",
        CertStatus::Unknown => "unknown",
        other => panic!("a status that this test does not know: {other:?}"),
    }
}

/// The serial number in hex or decimal digits.
pub(super) fn same_serial(serial: SerialNumber<'_>, params: &mut Params) {
    let ours = serial.unsigned().unwrap_or_default();
    for key in ["serial", "serial_dec"] {
        let Some(expected) = params.take(key) else {
            continue;
        };
        let digits = expected.as_str().unwrap();
        let octets = match key {
            "serial" => unhex(digits),
            _ => decimal(digits),
        }
        .unwrap();
        let skip = octets.iter().take_while(|octet| **octet == 0).count();
        if ours != &octets[skip..] {
            params.differs(&format!("{key} is {serial}, expected {expected}"));
        }
    }
}

/// Decimal digits as big-endian octets.
fn decimal(digits: &str) -> Option<Vec<u8>> {
    let mut octets = vec![0_u8; digits.len()];
    for digit in digits.chars() {
        let mut carry = digit.to_digit(10)?;
        for octet in octets.iter_mut().rev() {
            carry += u32::from(*octet) * 10;
            *octet = u8::try_from(carry & 0xFF).ok()?;
            carry >>= 8;
        }
    }
    Some(octets)
}

/// `SignedCertificateTimestampList` in an OCTET STRING: items of two length octets each (RFC 6962 3.3).
fn count_scts(value: &[u8]) -> usize {
    let list = der::Reader::new(value).octet_string("SCTs").unwrap();
    let item = |input: &[u8]| -> (usize, usize) {
        let length = usize::from(u16::from_be_bytes([input[0], input[1]]));
        (2, 2 + length)
    };
    assert_eq!(item(list), (2, list.len()));
    let mut rest = &list[2..];
    let mut count = 0;
    while !rest.is_empty() {
        rest = &rest[item(rest).1..];
        count += 1;
    }
    count
}

/// The response from our writers.
fn reencode(basic: &BasicOcspResponse<'_>) -> Vec<u8> {
    let extensions = |list: &certvouch_types::Extensions<'_>| -> Vec<u8> {
        list.iter()
            .flat_map(|extension| extension.raw.to_vec())
            .collect()
    };
    let own: Vec<Vec<u8>> = basic
        .data
        .responses
        .iter()
        .map(|s| extensions(&s.extensions))
        .collect();
    let singles: Vec<SingleResponseFields<'_>> = basic
        .data
        .responses
        .iter()
        .zip(&own)
        .map(|(single, extensions)| SingleResponseFields {
            cert_id: single.cert_id.raw,
            cert_status: single.cert_status,
            this_update: single.this_update,
            next_update: single.next_update.unwrap(),
            extensions,
        })
        .collect();
    let tbs = ResponseDataWriter::new(basic.data.responder_id).write(
        basic.data.produced_at,
        &singles,
        &extensions(&basic.data.extensions),
    );
    let certs: Vec<&[u8]> = basic.certs().collect();
    basic_ocsp_response(&tbs, basic.signature_algorithm.raw, basic.signature, &certs)
}

/// `resp-lookup`: the entry for the CertID of a request.
pub(super) fn lookup(case: &Case, params: &mut Params) -> Verdict {
    let request = case.input("request");
    let request = OcspRequest::parse(&request).unwrap();
    let asked = request.request_list.iter().next().unwrap().cert_id;
    find(case, params, |single| single.cert_id.matches(&asked))
}

/// `resp-lookup-serial`: the entry with the serial number of a certificate.
pub(super) fn lookup_serial(case: &Case, params: &mut Params) -> Verdict {
    let cert = case.input("cert");
    let serial = Certificate::parse(&cert).unwrap().serial_number;
    find(case, params, |single| {
        single.cert_id.serial_number == serial
    })
}

fn find(case: &Case, params: &mut Params, wanted: impl Fn(&SingleResponse<'_>) -> bool) -> Verdict {
    let response = case.input("response");
    let OcspResponse::Successful(bytes) = OcspResponse::parse(&response).unwrap() else {
        return Verdict::with("reject", "no answer");
    };
    let basic = BasicOcspResponse::from_response_bytes(&bytes).unwrap();
    let mut found = basic.data.responses.iter().filter(wanted);
    let Some(first) = found.next() else {
        return Verdict::with("reject", "no entry");
    };
    assert!(found.next().is_none(), "one entry per certificate");
    status(&first, params);
    Verdict::new(word(first.cert_status))
}
