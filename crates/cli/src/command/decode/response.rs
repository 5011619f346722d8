//! An OCSPResponse, and the BasicOCSPResponse inside it: every field of RFC 6960 4.2.1.

use certvouch_types::{
    BasicOcspResponse, CertStatus, DecodeError, OcspResponse, ResponderId, SingleResponse,
};

use super::tree::Value;
use super::{extension, name};

/// Decodes one.
///
/// # Errors
/// Envelope or basic response do not parse.
pub(super) fn decode(der: &[u8]) -> Result<Value, DecodeError> {
    let response = OcspResponse::parse(der)?;
    let status = response.status();
    let mut fields = vec![(
        "responseStatus",
        format!("{} ({})", status.name(), status.code()).into(),
    )];
    if let OcspResponse::Successful(bytes) = response {
        fields.push(("responseType", name::oid_or_name(bytes.response_type)));
        if bytes.is_basic() {
            let basic = BasicOcspResponse::from_response_bytes(&bytes)?;
            fields.extend(basic_fields(&basic));
        } else {
            fields.push(("response", Value::octets(bytes.response)));
        }
    }
    Ok(Value::Fields(fields))
}

/// Decodes a BasicOCSPResponse that stands alone.
///
/// # Errors
/// It does not parse.
pub(super) fn decode_basic(der: &[u8]) -> Result<Value, DecodeError> {
    let basic = BasicOcspResponse::parse(der)?;
    Ok(Value::Fields(basic_fields(&basic)))
}

fn basic_fields(basic: &BasicOcspResponse<'_>) -> Vec<(&'static str, Value)> {
    let responder_id = match basic.data.responder_id {
        ResponderId::ByName(name) => ("byName", name::name(name)),
        ResponderId::ByKey(hash) => ("byKey", Value::octets(hash)),
    };
    vec![
        ("explicitVersion", basic.data.explicit_version.into()),
        ("responderID", Value::Fields(vec![responder_id])),
        ("producedAt", basic.data.produced_at.into()),
        (
            "responses",
            Value::List(basic.data.responses.iter().map(single).collect()),
        ),
        (
            "responseExtensions",
            extension::list(&basic.data.extensions),
        ),
        (
            "signatureAlgorithm",
            name::signature_algorithm(&basic.signature_algorithm),
        ),
        ("signature", Value::octets(basic.signature)),
        (
            "certs",
            Value::List(basic.certs().map(name::summary).collect()),
        ),
    ]
}

fn single(single: SingleResponse<'_>) -> Value {
    Value::fields([
        ("certID", name::cert_id(&single.cert_id)),
        ("certStatus", status(single.cert_status)),
        ("thisUpdate", single.this_update.into()),
        ("nextUpdate", single.next_update.into()),
        ("singleExtensions", extension::list(&single.extensions)),
    ])
}

fn status(status: CertStatus) -> Value {
    match status {
        CertStatus::Good => "good".into(),
        CertStatus::Revoked(info) => Value::Fields(vec![(
            "revoked",
            Value::fields([
                ("revocationTime", info.revocation_time.into()),
                (
                    "revocationReason",
                    info.revocation_reason.map(|reason| reason.name()).into(),
                ),
            ]),
        )]),
        _ => "unknown".into(),
    }
}
