//! Extensions of requests, responses and certificates: by name, with what stands inside.
//!
//! A value that breaks the syntax of its extension is shown in hex, with the reason beside it; that is no fault of the
//! message as a whole.

use certvouch_types::der::{Reader, tag};
use certvouch_types::extension::values::{
    AcceptableResponses, CrlId, PreferredSignatureAlgorithms, ServiceLocator, time_value,
};
use certvouch_types::pkix::TlsFeatures;
use certvouch_types::{
    AlgorithmIdentifier, CrlReason, DecodeError, Extension, Extensions, HashAlgorithm, Nonce, Why,
    oid,
};

use super::name;
use super::tree::Value;

/// All extensions of a list.
pub(super) fn list(extensions: &Extensions<'_>) -> Value {
    Value::List(extensions.iter().map(|extension| one(&extension)).collect())
}

fn one(extension: &Extension<'_>) -> Value {
    let known = name::of_oid(extension.oid);
    let mut fields = vec![
        ("extension", known.unwrap_or("unknown").into()),
        ("oid", extension.oid.to_string().into()),
        ("critical", extension.critical.into()),
    ];
    match value(extension) {
        Ok(Some(value)) => fields.push(("value", value)),
        Ok(None) => fields.push(("value", Value::octets(extension.value))),
        Err(why) => {
            fields.push(("value", Value::octets(extension.value)));
            fields.push(("fault", why.into()));
        }
    }
    Value::Fields(fields)
}

/// What stands inside; nothing where the value is shown as it is.
fn value(extension: &Extension<'_>) -> Result<Option<Value>, String> {
    if extension.oid == oid::OCSP_NONCE {
        let nonce = Nonce::from_extn_value(extension.value).map_err(|why| why.to_string())?;
        return Ok(Some(Value::octets(nonce.as_bytes())));
    }
    let inside = of_ocsp(extension).transpose();
    let inside = inside.or_else(|| of_certificate(extension).transpose());
    let inside = inside.or_else(|| super::crl::of_crl(extension).transpose());
    inside.transpose().map_err(|why| why.to_string())
}

/// Extensions of OCSP messages.
fn of_ocsp(extension: &Extension<'_>) -> Result<Option<Value>, DecodeError> {
    let contents = extension.contents();
    Ok(Some(match extension.oid {
        oid if oid == oid::OCSP_CRL => {
            let id = CrlId::parse(contents)?;
            Value::fields([
                ("crlUrl", id.url.into()),
                ("crlNum", id.number.map(Value::octets).into()),
                ("crlTime", id.time.into()),
            ])
        }
        oid if oid == oid::OCSP_RESPONSE => {
            let types = AcceptableResponses::parse(contents)?;
            Value::List(types.iter().map(name::oid_or_name).collect())
        }
        oid if oid == oid::OCSP_ARCHIVE_CUTOFF => time_value(contents, "ArchiveCutoff")?.into(),
        oid if oid == oid::INVALIDITY_DATE => time_value(contents, "invalidityDate")?.into(),
        oid if oid == oid::OCSP_SERVICE_LOCATOR => {
            let locator = ServiceLocator::parse(contents)?;
            let access = locator.locator.map(|raw| access(Reader::new(raw)));
            Value::fields([
                ("issuer", name::name(locator.issuer)),
                ("locator", access.transpose()?.into()),
            ])
        }
        oid if oid == oid::OCSP_PREF_SIG_ALGS => {
            let algorithms = PreferredSignatureAlgorithms::parse(contents)?;
            let names = algorithms.iter().map(|one| name::signature_algorithm(&one));
            Value::List(names.collect())
        }
        oid if [
            oid::OCSP_EXTENDED_REVOKE,
            oid::OCSP_NOCHECK,
            oid::NO_REV_AVAIL,
        ]
        .contains(&oid) =>
        {
            null(contents)?
        }
        oid if oid == oid::CRL_REASON => reason(contents)?,
        oid if oid == oid::HOLD_INSTRUCTION_CODE => {
            let mut contents = contents;
            let instruction = contents.oid("holdInstructionCode")?;
            contents.finish("holdInstructionCode")?;
            name::oid_or_name(instruction)
        }
        oid if oid.as_bytes() == [0x2B, 0x24, 8, 3, 0x0D] => cert_hash(contents)?,
        _ => return Ok(None),
    }))
}

/// Extensions of certificates.
fn of_certificate(extension: &Extension<'_>) -> Result<Option<Value>, DecodeError> {
    let contents = extension.contents();
    Ok(Some(match extension.oid {
        oid if oid == oid::BASIC_CONSTRAINTS => basic_constraints(contents)?,
        oid if oid == oid::KEY_USAGE => key_usage(contents)?,
        oid if oid == oid::EXTENDED_KEY_USAGE => members(contents, "extKeyUsage", |list| {
            Ok(name::oid_or_name(list.oid("extKeyUsage")?))
        })?,
        oid if oid == oid::SUBJECT_KEY_IDENTIFIER => {
            let mut contents = contents;
            let identifier = contents.octet_string("subjectKeyIdentifier")?;
            contents.finish("subjectKeyIdentifier")?;
            Value::octets(identifier)
        }
        oid if oid == oid::AUTHORITY_KEY_IDENTIFIER => authority_key_identifier(contents)?,
        oid if oid == oid::AUTHORITY_INFO_ACCESS => access(contents)?,
        oid if oid == oid::SUBJECT_ALT_NAME => members(contents, "subjectAltName", |list| {
            Ok(name::general_name(list.next("subjectAltName")?))
        })?,
        oid if oid == oid::CRL_DISTRIBUTION_POINTS || oid == oid::FRESHEST_CRL => {
            members(contents, "cRLDistributionPoints", distribution_point)?
        }
        oid if oid == oid::CERTIFICATE_POLICIES => {
            members(contents, "certificatePolicies", |list| {
                let mut policy = list.sequence("certificatePolicies")?;
                let policy = policy.oid("certificatePolicies")?;
                Ok(policy.to_string().into())
            })?
        }
        oid if oid == oid::TLS_FEATURE => tls_feature(contents)?,
        _ => return Ok(None),
    }))
}

/// A SEQUENCE OF something.
fn members<'a>(
    mut value: Reader<'a>,
    what: &'static str,
    read: impl Fn(&mut Reader<'a>) -> Result<Value, DecodeError>,
) -> Result<Value, DecodeError> {
    let mut list = value.sequence(what)?;
    value.finish(what)?;
    let mut found = Vec::new();
    while !list.is_empty() {
        found.push(read(&mut list)?);
    }
    Ok(Value::List(found))
}

fn null(mut value: Reader<'_>) -> Result<Value, DecodeError> {
    let element = value.required(tag::NULL, "NULL")?;
    element.contents().finish("NULL")?;
    value.finish("NULL")?;
    Ok("NULL".into())
}

fn reason(mut value: Reader<'_>) -> Result<Value, DecodeError> {
    let what = "reasonCode";
    let at = value.clone();
    let code = value.enumerated(what)?;
    value.finish(what)?;
    let reason = CrlReason::from_code(code).ok_or_else(|| at.fail(what, Why::OutOfRange))?;
    Ok(reason.name().into())
}

/// `CertHash ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, certificateHash OCTET STRING }` (Common PKI part 4).
fn cert_hash(mut value: Reader<'_>) -> Result<Value, DecodeError> {
    let what = "certHash";
    let mut inner = value.sequence(what)?;
    value.finish(what)?;
    let algorithm = AlgorithmIdentifier::read(&mut inner, what)?;
    let hash = inner.octet_string(what)?;
    inner.finish(what)?;
    let algorithm = match HashAlgorithm::from_oid(algorithm.oid) {
        Some(known) => known.to_string(),
        None => algorithm.oid.to_string(),
    };
    Ok(Value::fields([
        ("hashAlgorithm", algorithm.into()),
        ("certificateHash", Value::octets(hash)),
    ]))
}

fn basic_constraints(mut value: Reader<'_>) -> Result<Value, DecodeError> {
    let what = "basicConstraints";
    let mut inner = value.sequence(what)?;
    value.finish(what)?;
    let ca = inner.peek() == Some(tag::BOOLEAN) && inner.boolean(what)?;
    let path_length = if inner.is_empty() {
        None
    } else {
        Some(inner.integer(what)?)
    };
    inner.finish(what)?;
    let path_length = path_length.map(|content| match content {
        [small @ ..=0x7F] => Value::from(usize::from(*small)),
        other => Value::octets(other),
    });
    Ok(Value::fields([
        ("cA", ca.into()),
        ("pathLenConstraint", path_length.into()),
    ]))
}

fn key_usage(mut value: Reader<'_>) -> Result<Value, DecodeError> {
    let (bits, _) = value.bit_string("keyUsage")?;
    value.finish("keyUsage")?;
    let usages = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    let is_set = |bit: usize| {
        bits.get(bit / 8)
            .is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0)
    };
    let set = usages.iter().enumerate().filter(|(bit, _)| is_set(*bit));
    Ok(Value::List(
        set.map(|(_, usage)| Value::from(*usage)).collect(),
    ))
}

/// `AuthorityKeyIdentifier` (RFC 5280 4.2.1.1); the issuer's names stay in hex.
fn authority_key_identifier(mut value: Reader<'_>) -> Result<Value, DecodeError> {
    let what = "authorityKeyIdentifier";
    let mut inner = value.sequence(what)?;
    value.finish(what)?;
    let key = inner.optional(tag::context(0), what)?;
    let issuer = inner.optional(tag::constructed(1), what)?;
    let serial = inner.optional(tag::context(2), what)?;
    inner.finish(what)?;
    Ok(Value::fields([
        ("keyIdentifier", key.map(|e| Value::octets(e.value)).into()),
        (
            "authorityCertIssuer",
            issuer.map(|e| Value::octets(e.value)).into(),
        ),
        (
            "authorityCertSerialNumber",
            serial.map(|e| Value::octets(e.value)).into(),
        ),
    ]))
}

/// `AuthorityInfoAccessSyntax` (RFC 5280 4.2.2.1).
fn access(value: Reader<'_>) -> Result<Value, DecodeError> {
    let what = "authorityInfoAccess";
    members(value, what, |list| {
        let mut description = list.sequence(what)?;
        let method = description.oid(what)?;
        let location = description.next(what)?;
        description.finish(what)?;
        Ok(Value::fields([
            ("accessMethod", name::oid_or_name(method)),
            ("accessLocation", name::general_name(location)),
        ]))
    })
}

/// The names of a DistributionPoint (RFC 5280 4.2.1.13); other forms stay in hex.
fn distribution_point(list: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let what = "DistributionPoint";
    let point = list.required(tag::SEQUENCE, what)?;
    let mut fields = point.contents();
    let Some(name) = fields.optional(tag::constructed(0), what)? else {
        return Ok(Value::octets(point.raw));
    };
    let Some(full) = name.contents().optional(tag::constructed(0), what)? else {
        return Ok(Value::octets(point.raw));
    };
    let mut names = full.contents();
    let mut found = Vec::new();
    while !names.is_empty() {
        found.push(name::general_name(names.next(what)?));
    }
    Ok(Value::List(found))
}

/// TLS features (RFC 7633): 5 is status_request, "must staple".
fn tls_feature(value: Reader<'_>) -> Result<Value, DecodeError> {
    let features = TlsFeatures::parse(value)?;
    let shown = features.iter().map(|feature| match feature {
        Some(5) => "status_request (5)".into(),
        Some(17) => "status_request_v2 (17)".into(),
        Some(other) => Value::from(usize::from(other)),
        None => "out of range".into(),
    });
    Ok(Value::List(shown.collect()))
}
