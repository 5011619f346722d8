//! Requests of the collection: parsed, and built from certificates.

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::vectors::{Case, Params, Verdict};
use certvouch_types::extension::values::AcceptableResponses;
use certvouch_types::{
    CertId, CertIdTemplate, Certificate, HashAlgorithm, OcspRequest, RequestWriter, oid,
};
use serde_json::Value;

use super::responses::same_serial;
use crate::invariants;

/// `req-parse`: the parser, and every decoded value that the case names.
pub(super) fn parse(case: &Case, params: &mut Params) -> Verdict {
    let input = case.input("request");
    invariants::everything(&input);
    // Whether the other library noticed at once or later is of no interest: ours reads everything at once.
    params.take("lazy");
    let request = match OcspRequest::parse(&input) {
        Ok(request) => request,
        Err(error) => return Verdict::with("err", error),
    };
    // A version other than v1 does not parse.
    params.same("version", 1);
    params.same("count", request.request_list.len());
    params.same("signed", request.signature.is_some());
    params.same("extensions", request.extensions.len());
    nonce(&request, params);
    acceptable(&request, params);
    let first = request.request_list.iter().next().unwrap();
    params.same("single_extensions", first.extensions.len());
    cert_id(&first.cert_id, params);
    if params.take("reencode") == Some(Value::Bool(true)) && reencode(&request) != input {
        params.differs("the writer gives other octets");
    }
    Verdict::new("ok")
}

/// The members of a CertID that a case may name.
pub(super) fn cert_id(id: &CertId<'_>, params: &mut Params) {
    params.same_octets("issuer_name_hash", Some(id.issuer_name_hash));
    params.same_octets("issuer_key_hash", Some(id.issuer_key_hash));
    same_serial(id.serial_number, params);
    let hash = match id.hash() {
        Some(HashAlgorithm::Sha1) => "sha1",
        Some(HashAlgorithm::Sha256) => "sha256",
        Some(HashAlgorithm::Sha384) => "sha384",
        Some(HashAlgorithm::Sha512) => "sha512",
        _ => "unsupported",
    };
    params.same("hash", hash);
}

fn nonce(request: &OcspRequest<'_>, params: &mut Params) {
    let nonce = match request.nonce() {
        Ok(nonce) => nonce,
        Err((fault, _)) => return params.differs(&format!("nonce: {fault}")),
    };
    match params.take("nonce") {
        None => {}
        Some(Value::Bool(present)) if present == nonce.is_some() => {}
        Some(Value::String(text)) => {
            let octets = nonce.map(|nonce| nonce.as_bytes().to_vec());
            if octets.is_none() || octets != certvouch_testkit::vectors::unhex(&text) {
                params.differs(&format!("nonce is {octets:?}, expected {text}"));
            }
        }
        Some(other) => params.differs(&format!("nonce is {nonce:?}, expected {other}")),
    }
}

fn acceptable(request: &OcspRequest<'_>, params: &mut Params) {
    let types: Option<Vec<String>> = request
        .extensions
        .find(oid::OCSP_RESPONSE)
        .and_then(|extension| AcceptableResponses::parse(extension.contents()).ok())
        .map(|list| list.iter().map(|oid| oid.to_string()).collect());
    params.same("acceptable", types);
}

/// The request from our writers; every entry's CertID from its members.
fn reencode(request: &OcspRequest<'_>) -> Vec<u8> {
    let entries = request.request_list.iter().map(|entry| {
        let id = entry.cert_id;
        let template = CertIdTemplate {
            hash_algorithm: id.hash().unwrap(),
            issuer_name_hash: id.issuer_name_hash,
            issuer_key_hash: id.issuer_key_hash,
        };
        template.write(id.serial_number)
    });
    entries
        .fold(RequestWriter::new(), |writer, id| writer.cert_id(&id))
        .write()
}

/// `req-build`: the request for a certificate from its issuer, octet by octet.
pub(super) fn build(case: &Case, params: &mut Params) -> Verdict {
    let (cert, issuer) = (case.input("cert"), case.input("issuer"));
    let cert = Certificate::parse(&cert).unwrap();
    let issuer = Certificate::parse(&issuer).unwrap();
    params.same("hash", "sha1");
    let key = issuer.subject_public_key_info.subject_public_key;
    let template = CertIdTemplate {
        hash_algorithm: HashAlgorithm::Sha1,
        issuer_name_hash: &HashAlg::Sha1.digest(cert.issuer.as_bytes()),
        issuer_key_hash: &HashAlg::Sha1.digest(key),
    };
    let id = template.write(cert.serial_number);
    let ours = RequestWriter::new().cert_id(&id).write();
    if ours == case.input("request") {
        Verdict::new("bytes-equal")
    } else {
        Verdict::with("other-bytes", certvouch_testkit::vectors::hex(&ours))
    }
}
