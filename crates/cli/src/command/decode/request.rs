//! An OCSPRequest: every field of RFC 6960 4.1.1.

use certvouch_types::der::Reader;
use certvouch_types::{DecodeError, OcspRequest, Request, RequestSignature};

use super::tree::Value;
use super::{extension, name};

/// Decodes one.
///
/// # Errors
/// It does not parse.
pub(super) fn decode(der: &[u8]) -> Result<Value, DecodeError> {
    let request = OcspRequest::parse(der)?;
    Ok(Value::fields([
        ("explicitVersion", request.explicit_version.into()),
        (
            "requestorName",
            request.requestor_name.map(requestor).into(),
        ),
        (
            "requestList",
            Value::List(request.request_list.iter().map(entry).collect()),
        ),
        ("requestExtensions", extension::list(&request.extensions)),
        ("signature", request.signature.map(signature).into()),
    ]))
}

fn requestor(raw: &[u8]) -> Value {
    Reader::new(raw)
        .next("requestorName")
        .map_or_else(|_| Value::octets(raw), name::general_name)
}

fn entry(request: Request<'_>) -> Value {
    Value::fields([
        ("reqCert", name::cert_id(&request.cert_id)),
        (
            "singleRequestExtensions",
            extension::list(&request.extensions),
        ),
    ])
}

fn signature(signature: RequestSignature<'_>) -> Value {
    Value::fields([
        (
            "signatureAlgorithm",
            name::signature_algorithm(&signature.algorithm),
        ),
        ("signature", Value::octets(signature.signature)),
        ("certs", name::summaries(signature.certs)),
    ])
}
