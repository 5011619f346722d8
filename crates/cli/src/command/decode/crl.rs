//! A CRL: the fields of RFC 5280 5.1, every entry, and the extensions that only CRLs have.

use certvouch_types::crl::{DistributionPointName, IssuingDistributionPoint, RevokedCertificate};
use certvouch_types::extension::values::time_value;
use certvouch_types::{Crl, CrlReason, DecodeError, Extension, SerialNumber, oid};

use super::tree::Value;
use super::{extension, name};

/// Decodes one, entries and all.
///
/// # Errors
/// It does not parse.
pub(super) fn decode(der: &[u8]) -> Result<Value, DecodeError> {
    let crl = Crl::parse(der)?;
    let entries: Vec<Value> = crl
        .entries()
        .map(|entry| entry.map(|entry| one(&entry)))
        .collect::<Result<_, _>>()?;
    Ok(Value::fields([
        ("version", usize::from(crl.version).into()),
        ("issuer", crl.issuer.to_string().into()),
        ("thisUpdate", crl.this_update.into()),
        ("nextUpdate", crl.next_update.into()),
        ("entries", entries.len().into()),
        ("revokedCertificates", Value::List(entries)),
        ("extensions", extension::list(&crl.extensions)),
        (
            "signatureAlgorithm",
            name::signature_algorithm(&crl.signature_algorithm),
        ),
        ("signature", Value::octets(crl.signature)),
        ("sha256", name::fingerprint(der)),
    ]))
}

/// An entry, with what it has.
fn one(entry: &RevokedCertificate<'_>) -> Value {
    let mut fields = vec![
        ("serialNumber", entry.serial_number.to_string().into()),
        ("revocationDate", entry.revocation_date.into()),
    ];
    if let Some(reason) = entry.reason {
        fields.push(("reasonCode", reason.name().into()));
    }
    if let Some(date) = entry.invalidity_date {
        fields.push(("invalidityDate", date.into()));
    }
    if let Some(instruction) = entry.hold_instruction {
        fields.push(("holdInstructionCode", name::oid_or_name(instruction)));
    }
    if entry.names_issuer {
        let issuer = entry.certificate_issuer.to_string();
        fields.push(("certificateIssuer", issuer.into()));
    }
    if let Some(unknown) = entry.unprocessable {
        fields.push(("unknownCriticalExtension", unknown.to_string().into()));
    }
    Value::Fields(fields)
}

/// Extensions that only CRLs have.
pub(super) fn of_crl(extension: &Extension<'_>) -> Result<Option<Value>, DecodeError> {
    let mut contents = extension.contents();
    Ok(Some(match extension.oid {
        oid if oid == oid::CRL_NUMBER || oid == oid::DELTA_CRL_INDICATOR => {
            let what = "cRLNumber";
            let number = contents.integer(what)?;
            contents.finish(what)?;
            SerialNumber::from_content(number).to_string().into()
        }
        oid if oid == oid::ISSUING_DISTRIBUTION_POINT => {
            point(&IssuingDistributionPoint::parse(contents)?)
        }
        oid if oid == oid::EXPIRED_CERTS_ON_CRL => {
            time_value(contents, "expiredCertsOnCRL")?.into()
        }
        _ => return Ok(None),
    }))
}

/// issuingDistributionPoint, with the members that are set.
fn point(idp: &IssuingDistributionPoint<'_>) -> Value {
    let mut fields = Vec::new();
    if let Some(name) = idp.distribution_point {
        let uris: Vec<Value> = name.uris().map(Value::from).collect();
        let shown = match name {
            DistributionPointName::FullName(_) if !uris.is_empty() => Value::List(uris),
            _ => Value::octets(idp.distribution_point_octets()),
        };
        fields.push(("distributionPoint", shown));
    }
    for (name, set) in [
        ("onlyContainsUserCerts", idp.only_user_certs),
        ("onlyContainsCACerts", idp.only_ca_certs),
        ("onlyContainsAttributeCerts", idp.only_attribute_certs),
        ("indirectCRL", idp.indirect_crl),
    ] {
        if set {
            fields.push((name, true.into()));
        }
    }
    if let Some(some) = idp.only_some_reasons {
        let reasons = (1..=10).filter_map(CrlReason::from_code);
        let reasons = reasons.filter(|reason| some.contains(*reason));
        let names = reasons.map(|reason| reason.name().into()).collect();
        fields.push(("onlySomeReasons", Value::List(names)));
    }
    Value::Fields(fields)
}
